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
        return try load(try ConfigFile(file, in: workingDirectory))
    }

    /// Reads what was in a file.
    static func load(_ file: ConfigFile) throws(ConfigFailure) -> Config {
        let name = file.name
        if file.bytes.count > fileByteCountMax { throw .mistakes([tooLarge(name)]) }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            let message = "the file is not UTF-8 text"
            throw .mistakes([Diagnostic(file: name, place: firstInvalid(file.bytes), message: message)])
        }
        let (found, mistakes) = read(text: text, file: name, baseDirectory: ConfigPath.directory(of: file.path))
        guard var config = found else { throw .mistakes(mistakes) }
        config.source = ConfigSource(path: file.path, digest: file.digest, settings: FileSettings(text))
        try config.readPrices()
        return config
    }

    /// Reads the list of prices that the file names.
    private mutating func readPrices() throws(ConfigFailure) {
        guard let path = prices.path else { return }
        let bytes = try ConfigFile(path, in: "").bytes
        if bytes.count > PriceTable.fileByteCountMax { throw .mistakes([PriceTable.tooLarge(path)]) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let message = "the file is not UTF-8 text"
            throw .mistakes([Diagnostic(file: path, place: Self.firstInvalid(bytes), message: message)])
        }
        let names = ProviderTable.builtIn.names + providers.names
        let (table, mistakes) = PriceTable.read(text: text, file: path, providers: names)
        guard let table else { throw .mistakes(mistakes) }
        prices.table = table
    }

    /// The same with the environment and the working directory of this process.
    public static func load(file: String?) throws(ConfigFailure) -> Config {
        try load(
            file: file, stateDirectory: environment("STATE_DIRECTORY"),
            workingDirectory: try ConfigFile.workingDirectory())
    }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

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
