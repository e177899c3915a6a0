import Glibc
import Testing

@testable import Proxy

/// Habits of the code that no compiler checks.
@Suite("The code keeps its habits:")
struct TidyTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    @Test("Wire, Policy and Cache know nothing of the outside", arguments: ["Wire", "Policy", "Cache"])
    func pureTargets(_ target: String) throws {
        for file in try sources("Sources/\(target)") {
            let imports = file.lines.filter { $0.hasPrefix("import ") }
            #expect(!imports.contains("import Glibc") && !imports.contains("import CLinux"), "\(file.path)")
        }
    }

    @Test("Foundation stays out of every source")
    func foundation() throws {
        for file in try sources("Sources") {
            #expect(!file.lines.contains { $0.hasPrefix("import Foundation") }, "\(file.path)")
        }
    }

    @Test("tasks are started in one place, where they get their loop")
    func tasks() throws {
        for file in try sources("Sources") where !file.path.hasSuffix("Runtime/Worker.swift") {
            for (number, line) in file.lines.enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                let starts = ["Task {", "Task(", "Task.detached", "async let", "TaskGroup("]
                #expect(!starts.contains { code.contains($0) }, "\(file.path):\(number + 1)")
            }
        }
    }

    @Test("only the loop waits in epoll, and only wrappers touch OpenSSL")
    func wrappers() throws {
        for file in try sources("Sources/Proxy") {
            let isTLS = file.path.contains("/Proxy/TLS/") || file.path.hasSuffix("Server/Version.swift")
            if !isTLS { #expect(!file.lines.contains("import COpenSSL"), "\(file.path)") }
            if !file.path.hasSuffix("Runtime/EventLoop.swift") {
                #expect(!file.lines.contains { $0.contains("epoll_wait(") }, "\(file.path)")
            }
        }
    }

    @Test("only the streams of codings touch zlib, Brotli and Zstandard")
    func codings() throws {
        for file in try sources("Sources/Proxy") where !file.path.contains("/Proxy/Encoding/") {
            for library in ["CZlib", "CBrotli", "CZstd"] {
                #expect(!file.lines.contains { $0 == "import \(library)" }, "\(file.path)")
            }
        }
    }

    @Test("what a reload changes is read from the policy, never from the file that leo was started with")
    func policies() throws {
        for file in try sources("Sources/Proxy") {
            for (number, line) in file.lines.enumerated() {
                let stale = ["destination", "tenants", "accessLog.labels", "cache"].map { "shared.config.\($0)" }
                #expect(!stale.contains { line.contains($0) }, "\(file.path):\(number + 1)")
            }
        }
    }

    @Test("nothing is left for later")
    func looseEnds() throws {
        for file in try sources("Sources") + sources("Tests") where !file.path.hasSuffix("TidyTests.swift") {
            for (number, line) in file.lines.enumerated() {
                #expect(!["TODO", "FIXME", "XXX:"].contains { line.contains($0) }, "\(file.path):\(number + 1)")
            }
        }
    }

    private struct Source {
        let path: String
        let lines: [Substring]
    }

    private func sources(_ folder: String) throws -> [Source] {
        var found: [Source] = []
        var folders = ["\(Self.root)/\(folder)"]
        while let folder = folders.popLast() {
            let directory = try unsafe #require(unsafe opendir(folder))
            defer { unsafe closedir(directory) }
            while let entry = unsafe readdir(directory) {
                let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name.hasPrefix(".") { continue }
                let path = "\(folder)/\(name)"
                if unsafe entry.pointee.d_type == UInt8(DT_DIR) { folders.append(path) }
                guard name.hasSuffix(".swift") else { continue }
                let text = try #require(SmallFile.read(path))
                found.append(Source(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
            }
        }
        return found
    }
}
