import Glibc
import Policy

extension Config {
    /// Loads a file, or the embedded defaults when there is none, and makes every path absolute.
    ///
    /// - Parameters:
    ///   - file: the file; its folder is where its relative paths start.
    ///   - stateDirectory: where relative paths start without a file, as systemd's STATE_DIRECTORY has it: one path or
    ///     several with colons between them, of which the first counts. nil or empty: the working directory.
    ///   - workingDirectory: where a relative `file` starts.
    public static func load(
        file: String?, stateDirectory: String?, workingDirectory: String
    ) throws(ConfigFailure) -> Config {
        guard let file else {
            let state = stateDirectory?.split(separator: ":").first.map(String.init)
            return Config(baseDirectory: state.map { ConfigPath.resolve($0, in: workingDirectory) } ?? workingDirectory)
        }
        let path = ConfigPath.resolve(file, in: workingDirectory)
        let bytes = try readFile(path, named: file)
        if bytes.count > fileByteCountMax { throw .mistakes([tooLarge(file)]) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let message = "the file is not UTF-8 text"
            throw .mistakes([Diagnostic(file: file, place: firstInvalid(bytes), message: message)])
        }
        var (config, mistakes) = read(text: text, file: file, baseDirectory: ConfigPath.directory(of: path))
        config?.source = ConfigSource(path: path, bytes: bytes, settings: FileSettings(text))
        guard let config else { throw .mistakes(mistakes) }
        return config
    }

    /// The same with the environment and the working directory of this process.
    public static func load(file: String?) throws(ConfigFailure) -> Config {
        try load(
            file: file, stateDirectory: environment("STATE_DIRECTORY"), workingDirectory: try currentDirectory())
    }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    private static func currentDirectory() throws(ConfigFailure) -> String {
        var bytes = [CChar](repeating: 0, count: ConfigPath.byteCountMax + 1)
        let found = unsafe bytes.withUnsafeMutableBufferPointer { unsafe getcwd($0.baseAddress, $0.count) != nil }
        if !found { throw .unreadable(path: ".", reason: errorText(errno)) }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Reads a whole file, a pipe too, and stops one byte beyond the limit, which is enough to refuse it.
    private static func readFile(_ path: String, named file: String) throws(ConfigFailure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw .unreadable(path: file, reason: errorText(errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= fileByteCountMax {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw .unreadable(path: file, reason: errorText(code))
            }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func errorText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    /// Where the text stops being UTF-8.
    private static func firstInvalid(_ bytes: [UInt8]) -> Place {
        var iterator = bytes.makeIterator()
        var decoder = UTF8()
        var line = 1
        var column = 1
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            column = scalar == "\n" ? 1 : column + 1
            line += scalar == "\n" ? 1 : 0
        }
        return Place(line: line, column: column)
    }
}

/// Why there is no configuration.
public enum ConfigFailure: Error, Equatable, Sendable {
    /// The file, or what it needs, cannot be read.
    case unreadable(path: String, reason: String)
    /// The file has these mistakes.
    case mistakes([Diagnostic])

    /// What the process ends with: 1 for mistakes, 2 for a file that cannot be read.
    public var exitCode: Int32 {
        switch self {
        case .unreadable: 2
        case .mistakes: 1
        }
    }

    /// What to tell the operator, a line each.
    public var lines: [String] {
        switch self {
        case .unreadable(let path, let reason): ["\(path): \(reason)"]
        case .mistakes(let mistakes): mistakes.map(\.description)
        }
    }
}
