import Glibc
import Testing

@testable import Proxy

@Suite("The documents for operators")
struct AccessLogDocumentTests {
    @Test("explain every field and phase of the access log, and no other, in a row each")
    func fields() throws {
        let sections = try Document("docs/access-log.md").sections
        let rows = try #require(sections["Fields"])
        #expect(rows == AccessField.allCases.map(\.rawValue) + AccessPhase.allCases.map(\.rawValue))
    }

    @Test("explain every error word, and no other, in a row each")
    func faults() throws {
        let sections = try Document("docs/access-log.md").sections
        let groups = ["The client's side", "What the file says", "The upstream's side", "leo's own side"]
        let rows = try groups.flatMap { try #require(sections[$0]) }
        #expect(rows == Fault.allCases.map(\.rawValue))
    }

    @Test("state the limits that the log has")
    func limits() throws {
        let text = try Document("docs/access-log.md").text
        for field in AccessText.allCases {
            let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("| `\(Self.name(of: field))` |") })
            #expect(row.contains("text, \(field.byteCountMax) bytes"))
        }
        #expect(text.contains("\(AccessRecord.labelBytesMax) bytes each"))
        #expect(AccessLog.slotsMaxDefault == 32_768 && text.contains("32,768 places"))
        #expect(AccessLogShared.queuedBytesMax == 32 << 20 && text.contains("32 MB of lines"))
    }

    @Test("explain every metric, and no other, with its kind and labels")
    func metrics() throws {
        let text = try Document("docs/metrics.md").text
        let rows = text.split(separator: "\n").compactMap { line in
            line.wholeMatch(of: /\| `([a-z0-9_]+)` \| ([a-z]+) \|([^|]*)\|(.*)\|/)
        }
        let expected = Metric.allCases.map(\.declaration)
        #expect(Set(rows.map { String($0.1) }) == Set(expected.map(\.name)))
        #expect(rows.count == expected.count)
        for metric in expected {
            let row = try #require(rows.first { $0.1 == metric.name })
            #expect(row.2 == metric.kind.rawValue, "\(metric.name)")
            #expect(row.3.contains("`") == (metric.labels != .none), "\(metric.name)")
        }
        for word in LookupResult.allCases.map(\.word) + Disposition.allCases.map(\.word)
            + Direction.allCases.map(\.word) + CacheResult.allCases.map(\.word)
        {
            #expect(text.contains("`\(word)`"))
        }
    }

    @Test("use only metrics and labels that exist in the alerts")
    func alerts() throws {
        let text = try Document("docs/metrics.md").text
        let names = Set(Metric.allCases.map(\.declaration.name))
        for match in text.matches(of: /(leo|process)_[a-z_]+[a-z]/) {
            let name = String(match.0).replacing(/_(bucket|sum|count)$/, with: "")
            #expect(names.contains(name), "\(match.0)")
        }
        for match in text.matches(of: /error=~?"([a-z_.*|]+)"/) {
            for word in match.1.split(separator: "|") where word != "certificate_.*" {
                #expect(Fault(rawValue: String(word)) != nil, "\(word)")
            }
        }
    }

    @Test("explain every readiness check")
    func checks() throws {
        let sections = try Document("docs/admin.md").sections
        #expect(sections["/readyz"] == Health.Check.allCases.map(\.rawValue))
    }

    private static func name(of field: AccessText) -> String {
        switch field {
        case .method: "method"
        case .path: "path"
        case .model: "model"
        case .modelAnswered: "model_answered"
        case .requestID: "request_id"
        case .traceparent: "traceparent"
        case .userAgent: "user_agent"
        }
    }
}

/// A document of the repository.
struct Document {
    let text: String

    init(_ path: String) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let descriptor = unsafe open("/\(root)/\(path)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Missing(what: path) }
        defer { close(descriptor) }
        text = Pipe.readAll(descriptor)
    }

    /// Under each heading, the words in code type that begin a table's row.
    var sections: [String: [String]] {
        var sections: [String: [String]] = [:]
        var heading = ""
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: /#+ (.+)/) { heading = String(match.1) }
            if let match = line.prefixMatch(of: /\| `([a-z0-9_]+)` \|/) {
                sections[heading, default: []].append(String(match.1))
            }
        }
        return sections
    }
}
