import Glibc
import Testing

@testable import Policy
@testable import Proxy

@Suite("The file's prices")
struct PricesFileTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    /// A folder with a configuration and a list of prices; their folder is removed at the end.
    private final class Folder {
        let path = "/tmp/leo-prices-\(getpid())-\(UInt32.random(in: 0 ... .max))"

        init() { _ = unsafe mkdir(path, 0o700) }

        deinit {
            for name in ["leo.toml", "prices.toml"] { _ = unsafe unlink("\(path)/\(name)") }
            _ = unsafe rmdir(path)
        }

        func write(_ name: String, _ bytes: [UInt8]) throws {
            let file = unsafe try #require(unsafe fopen("\(path)/\(name)", "w"))
            unsafe bytes.withUnsafeBytes { _ = unsafe fwrite($0.baseAddress, 1, $0.count, file) }
            _ = unsafe fclose(file)
        }

        func load() throws(ConfigFailure) -> Config {
            try Config.load(file: "leo.toml", stateDirectory: nil, workingDirectory: path)
        }
    }

    private static let row = """
        [[price]]
        provider = "openai"
        models = "m"
        input = 2
        output = 4
        source = "s"
        date = "2026-11-01"

        """

    @Test("config/prices.toml is what is built in")
    func embedded() throws {
        let text = try #require(SmallFile.read("\(Self.root)/config/prices.toml"))
        #expect(text == PriceTable.builtInText + "\n", "run scripts/embed-prices")
    }

    @Test("a list of one's own takes the place of the built-in one, and may be that")
    func own() throws {
        let folder = Folder()
        try folder.write(
            "leo.toml", Array("[prices]\nfile = \"prices.toml\"\n[intercept]\nproviders = [\"openai\"]".utf8))
        try folder.write("prices.toml", Array(Self.row.utf8))
        #expect(try folder.load().prices.table.prices.map { $0.models.map(\.text) } == [["m"]])
        try folder.write("prices.toml", Array((PriceTable.builtInText + "\n").utf8))
        #expect(try folder.load().prices.table == PriceTable.builtIn)
        #expect(Config(baseDirectory: "/").prices.table == PriceTable.builtIn)
    }

    @Test("a mistake in it is one of the configuration, with its own file and line")
    func mistakes() throws {
        let folder = Folder()
        try folder.write("leo.toml", Array("[prices]\nfile = \"prices.toml\"".utf8))
        func failure(_ bytes: [UInt8]) throws -> [String] {
            try folder.write("prices.toml", bytes)
            do throws(ConfigFailure) {
                _ = try folder.load()
                return []
            } catch {
                #expect(error.exitCode == 1)
                return error.lines
            }
        }
        let path = "\(folder.path)/prices.toml"
        let negative = try failure(Array(Self.row.replacing("input = 2", with: "input = -2.5").utf8))
        #expect(negative == ["\(path):4:9: price.input must be from 0 to 1000000 USD per million tokens, not -2.5"])
        #expect(try failure([0x23, 0xFF]).map { $0.hasPrefix("\(path):1:2: the file is not UTF-8") } == [true])
        let large = [UInt8](repeating: 0x23, count: PriceTable.fileByteCountMax + 1)
        #expect(try failure(large) == ["\(path):1:1: the file is larger than 1048576 bytes"])
        _ = unsafe unlink(path)
        #expect(throws: ConfigFailure.unreadable(path: path, reason: "No such file or directory")) { try folder.load() }
    }
}
