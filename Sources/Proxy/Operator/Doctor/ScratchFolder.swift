import Glibc

/// A folder for the doctor's little programs, gone when the doctor is.
final class ScratchFolder {
    let path: String
    private var names: [String] = []

    /// Makes it where temporary files belong, for this user alone. `mkdtemp`
    init() throws(SystemCallError) {
        let parent = Environment.value("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(parent)/leo-doctor-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp", errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unsafe unlink(path + "/" + name) }
        unsafe rmdir(path)
    }

    /// The path of a file in it, which goes with the folder.
    func file(_ name: String) -> String {
        names.append(name)
        return path + "/" + name
    }

    /// Writes a file. `open`, `write`
    func write(_ text: String, to name: String) throws(SystemCallError) -> String {
        let path = file(name)
        let descriptor = Descriptor(
            try System.check("open") { unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let transfer = System.transfer {
                unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor.raw, $0.baseAddress, $0.count) }
            }
            guard case .bytes(let count) = transfer, count > 0 else { throw SystemCallError("write", errno) }
            rest = rest.dropFirst(count)
        }
        return path
    }
}
