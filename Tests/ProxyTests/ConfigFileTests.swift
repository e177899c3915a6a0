import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("The configuration's files")
struct ConfigFileTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    private func text(_ path: String) throws -> String {
        let file = unsafe try #require(unsafe fopen("\(Self.root)/\(path)", "r"))
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return try #require(String(validating: bytes[..<count], as: UTF8.self))
    }

    private func knownKeys() -> [String] {
        let reader = FileReader(text: "", file: "f")
        var config = Config(baseDirectory: "")
        config.read(reader, baseDirectory: "")
        return reader.knownKeys
    }

    @Test("config/leo.toml is read unchanged and equals the defaults")
    func reference() throws {
        let (config, mistakes) = Config.read(text: try text("config/leo.toml"), file: "f", baseDirectory: "/b")
        #expect(mistakes == [])
        var defaults = Config(baseDirectory: "/b")
        defaults.path = "f"
        #expect(config == defaults)
    }

    @Test("config/leo.toml has every key, and its examples are right when they are taken into use")
    func referenceExamples() throws {
        let reference = try text("config/leo.toml")
        let lines = reference.split(separator: "\n").map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
        }
        let (config, mistakes) = Config.read(text: lines.joined(separator: "\n"), file: "f", baseDirectory: "/b")
        #expect(mistakes == [])
        #expect(config?.upstream.resolve.count == 1)
        #expect(config?.upstream.via?.except.count == 2 && config?.upstream.tls.count == 1)
        #expect(config?.providers.provider(host: "llm.internal.example", port: 443)?.name == "vllm")
        for key in knownKeys() {
            let name = try #require(key.split(separator: ".").last)
            let isThere = lines.contains {
                $0.hasPrefix("\(name) = ") || $0 == "[\(key)]" || $0 == "[[\(key)]]" || $0.hasPrefix("[\(key).\"")
            }
            #expect(isThere, "\(key) is missing")
        }
    }

    @Test("docs/configuration.md has every key, every built-in provider, and no other key")
    func documentation() throws {
        let lines = try text("docs/configuration.md").split(separator: "\n")
        var section = ""
        var documented: Set<String> = []
        for line in lines {
            if line.hasPrefix("## ") || line.hasPrefix("### ") {
                section = line.drop { $0 == "#" || $0 == " " || $0 == "[" }.filter { $0 != "]" }
                if line.hasPrefix("### [") { documented.insert(section) }
            } else if line.hasPrefix("| `"), let end = line.dropFirst(3).firstIndex(of: "`") {
                documented.insert("\(section).\(line.dropFirst(3)[..<end])")
            }
        }
        let keys = Set(knownKeys())
        let providers = documented.filter { $0.hasPrefix("Built-in providers.") }
        #expect(documented.subtracting(providers).filter { !$0.hasPrefix("Types.") } == keys)
        #expect(providers == Set(ProviderTable.builtIn.names.map { "Built-in providers.\($0)" }))
        for row in ProviderTable.builtIn.rows {
            let line = try #require(lines.first { $0.hasPrefix("| `\(row.name)` | \(row.api.rawValue) |") })
            for host in row.hosts {
                let written = row.plain ? host.description : host.hostText
                #expect(line.contains("`\(written)`"), "\(row.name): \(written)")
            }
        }
    }

    @Test(
        "the fuzzer's corpus is read or refused as it was when it was collected",
        arguments: [
            ("everything", 0), ("crlf", 0), ("mistakes", 54), ("syntax", 1), ("header-that-is-no-key", 1),
            ("control-character", 1),
        ])
    func corpus(name: String, count: Int) throws {
        let (config, mistakes) = Config.read(
            text: try text("Tests/Corpus/config/\(name).toml"), file: "f", baseDirectory: "/b")
        #expect((config == nil) != mistakes.isEmpty)
        #expect(mistakes.count == count, "\(mistakes)")
        #expect(mistakes.allSatisfy { !$0.description.utf8.contains { $0 < 0x20 } })
    }

    @Test("relative paths start at the file's folder, without a file at the state directory or working directory")
    func baseDirectory() throws {
        func key(_ state: String?) throws -> String {
            try Config.load(file: nil, stateDirectory: state, workingDirectory: "/w").authority.keyPath
        }
        #expect(try key(nil) == "/w/certs/leo-ca.key")
        #expect(try key("") == "/w/certs/leo-ca.key")
        #expect(try key("/var/lib/leo") == "/var/lib/leo/certs/leo-ca.key")
        #expect(try key("/var/lib/leo:/other") == "/var/lib/leo/certs/leo-ca.key")
        let folder = "\(Self.root)/config"
        let file = try Config.load(file: "leo.toml", stateDirectory: "/s", workingDirectory: folder)
        #expect(file.authority.keyPath == "\(folder)/certs/leo-ca.key" && file.path == "leo.toml")
        let other = try Config.load(file: "config/leo.toml", stateDirectory: nil, workingDirectory: Self.root)
        #expect(other.authority.keyPath == "\(folder)/certs/leo-ca.key")
        let absolute = try Config.load(file: "\(folder)/leo.toml", stateDirectory: nil, workingDirectory: "/w")
        #expect(absolute.authority.keyPath == "\(folder)/certs/leo-ca.key")
    }

    @Test("a file that cannot be read says so, with exit code 2")
    func unreadable() {
        for (path, reason) in [("/nonexistent/leo.toml", "No such file or directory"), ("/tmp", "Is a directory")] {
            let failure = ConfigFailure.unreadable(path: path, reason: reason)
            #expect(throws: failure) { try Config.load(file: path, stateDirectory: nil, workingDirectory: "/") }
            #expect(failure.exitCode == 2 && failure.lines == ["\(path): \(reason)"])
        }
    }

    @Test("a file with mistakes, too large or not UTF-8 says so, with exit code 1")
    func mistakes() throws {
        let path = "/tmp/leo-config-test-\(getpid()).toml"
        func failure(_ bytes: [UInt8]) throws -> ConfigFailure? {
            let file = unsafe try #require(unsafe fopen(path, "w"))
            unsafe bytes.withUnsafeBytes { _ = unsafe fwrite($0.baseAddress, 1, $0.count, file) }
            _ = unsafe fclose(file)
            defer { _ = unsafe unlink(path) }
            do throws(ConfigFailure) {
                _ = try Config.load(file: path, stateDirectory: nil, workingDirectory: "/")
                return nil
            } catch {
                return error
            }
        }
        #expect(try failure([]) == nil)
        let mistake = try #require(try failure(Array("[x]\n".utf8)))
        #expect(mistake.exitCode == 1 && mistake.lines == ["\(path):1:2: unknown table \"[x]\""])
        let broken = try failure(Array("# é\n# \u{1F600}".utf8) + [0xE2, 0x82])
        #expect(broken?.lines == ["\(path):2:4: the file is not UTF-8 text"])
        let large = try failure([UInt8](repeating: 0x23, count: (1 << 20) + 1))
        #expect(large?.lines == ["\(path):1:1: the file is larger than 1048576 bytes"])
        #expect(try failure([UInt8](repeating: 0x23, count: 1 << 20)) == nil)
    }
}
