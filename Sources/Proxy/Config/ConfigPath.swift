import Policy

/// Paths of the file, which start at a folder unless they are absolute.
enum ConfigPath {
    /// Linux' PATH_MAX, its terminating zero left out.
    static let byteCountMax = 4095

    /// `path` as seen from `directory`. Nothing is looked up, so ".." stays as it is.
    static func resolve(_ path: String, in directory: String) -> String {
        if path.hasPrefix("/") || directory.isEmpty { return path }
        var relative = path[...]
        while relative.hasPrefix("./") { relative = relative.dropFirst(2) }
        return directory.hasSuffix("/") ? directory + relative : directory + "/" + relative
    }

    /// The folder that holds `path`: "." for a bare name.
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Why a text is no path to a file; nil when it may be one.
    static func flaw(_ path: String) -> String? {
        if path.isEmpty { return "a path is needed" }
        if path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "a path has no control characters" }
        if path.utf8.count > byteCountMax { return "a path has at most \(byteCountMax) bytes" }
        if path.hasPrefix("~") { return "\"~\" is not known here, write the whole path" }
        if path.hasPrefix("$") { return "variables are not known here, write the whole path" }
        if path.hasPrefix("file:") { return "write the path alone, no URL" }
        if path.hasSuffix("/") { return "this is a folder, a file is needed" }
        return nil
    }
}

extension TableReader {
    /// A file's path, which starts at `directory` unless it is absolute.
    func path(_ key: String, in directory: String, form: String = "a path like \"certs/leo-ca.pem\"") -> String? {
        guard let text = string(key, form: form) else { return nil }
        if let flaw = ConfigPath.flaw(text.value) {
            report(key, "= \(text.value.quoted): \(flaw)", at: text.place)
            return nil
        }
        return ConfigPath.resolve(text.value, in: directory)
    }
}
