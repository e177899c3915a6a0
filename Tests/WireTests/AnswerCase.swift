import Glibc
import Testing

@testable import Wire

/// What a meter knows of an answer.
struct AnswerReading: Equatable {
    var usage: Usage?
    var usageSoFar: Usage?
    var model: String?
    var isTerminated = false
    var hasError = false
    var finish: FinishReasons = []
    var hasOpenToolCall = false
    var tokens = 0
    var isBroken = false

    /// Reads `body` in pieces that end at `cuts` and at its end.
    init(_ body: [UInt8], _ dialect: Dialect, _ contentType: String?, cuts: [Int] = [], ends: Bool = true) {
        let type = contentType.map { Array($0.utf8) }
        var meter =
            if let type { AnswerMeter(dialect, contentType: type.span) } else { AnswerMeter(dialect, contentType: nil) }
        var start = 0
        for cut in cuts + [body.count] {
            meter.take(body.span.extracting(start..<cut))
            start = cut
        }
        if ends { meter.end() }
        usage = meter.usage
        usageSoFar = meter.usageSoFar
        model = meter.model
        isTerminated = meter.isTerminated
        hasError = meter.hasInBandError
        finish = meter.finishReasons
        hasOpenToolCall = meter.hasOpenToolCall
        tokens = meter.meteredOutputTokens
        isBroken = meter.isBroken
    }

    init(_ body: [UInt8], _ dialect: Dialect, _ contentType: String?, pieces: Int) {
        self.init(body, dialect, contentType, cuts: Array(stride(from: pieces, to: body.count, by: pieces)))
    }
}

/// An answer of `Tests/Corpus/usage`; its first line says what it is and what is in it.
struct AnswerCase: CustomTestStringConvertible {
    var name: String
    var dialect: Dialect
    var contentType: String
    var body: [UInt8]
    var expected: [String: String]

    var testDescription: String { name }

    /// The usage that the first line tells, under names that begin so.
    func usage(_ prefix: String = "") -> Usage? {
        func number(_ name: String) -> Int { expected[prefix + name].flatMap { Int($0) } ?? 0 }
        guard expected[prefix + "in"] != nil else { return nil }
        var usage = Usage()
        usage.inputTokens = number("in")
        usage.cachedTokens = number("cached")
        usage.cacheWriteTokens = number("write")
        usage.longCacheWriteTokens = number("write1h")
        usage.outputTokens = number("out")
        usage.reasoningTokens = number("reasoning")
        return usage
    }

    var finish: FinishReasons {
        let names: [Substring: FinishReasons] = [
            "stop": .stop, "length": .length, "toolUse": .toolUse, "filtered": .filtered, "other": .other,
        ]
        return (expected["finish"] ?? "").split(separator: ",").reduce(into: []) { $0.formUnion(names[$1] ?? []) }
    }

    static let all: [AnswerCase] = {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var cases: [AnswerCase] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { place in
                unsafe place.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard !name.hasPrefix("."), !name.hasSuffix(".md"), let read = AnswerCase(named: name) else { continue }
            cases.append(read)
        }
        return cases.sorted { $0.name < $1.name }
    }()

    private static let folder =
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Tests/Corpus/usage"

    init?(named name: String) {
        guard let file = unsafe fopen("\(Self.folder)/\(name)", "r") else { return nil }
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        guard let lineEnd = bytes[..<count].firstIndex(of: 10) else { return nil }
        let words = String(decoding: bytes[..<lineEnd], as: UTF8.self).split(separator: " ")
        guard words.count >= 2, let dialect = Dialect(rawValue: String(words[0])) else { return nil }
        self.name = name
        self.dialect = dialect
        contentType = String(words[1])
        body = Array(bytes[(lineEnd + 1)..<count])
        expected = [:]
        for word in words.dropFirst(2) {
            let parts = word.split(separator: "=", maxSplits: 1)
            expected[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
    }
}
