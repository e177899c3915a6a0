import Glibc
import Testing

@testable import Wire

/// An answer of `Tests/Corpus/forms`, whose README tells what its name says.
struct AnswerFixture: CustomTestStringConvertible, Sendable {
    /// How a body of the fixture is framed.
    enum Framing: String, CaseIterable, Sendable {
        case document = "json"
        case events = "sse"
        case array = "array"
        case messages = "amazon"

        var contentType: String {
            switch self {
            case .document, .array: "application/json; charset=utf-8"
            case .events: "text/event-stream;charset=utf-8"
            case .messages: "application/vnd.amazon.eventstream"
            }
        }
    }

    var dialect: Dialect
    var name: String
    var framing: Framing
    var body: [UInt8]
    /// The document that a stream is; the body where it is a document itself.
    var document: [UInt8]
    /// Why the answer is not kept; nil if it is.
    var flaw: AnswerFlaw?

    var testDescription: String { "\(dialect.rawValue)/\(name)" }

    /// Those that are kept, and those that are not.
    static let kept = all.filter { $0.flaw == nil }
    static let refused = all.filter { $0.flaw != nil }
    static let streams = kept.filter { $0.framing != .document }

    private static let all: [AnswerFixture] = Dialect.allCases.flatMap { dialect in
        guard AnswerShape.of(operation(dialect, .document)) != nil else { return [AnswerFixture]() }
        let names = names(dialect)
        return names.compactMap { name in
            let parts = name.split(separator: ".")
            guard let framing = parts.last.flatMap({ Framing(rawValue: String($0)) }) else { return nil }
            let flaw = parts.count > 2 ? AnswerFlaw(rawValue: String(parts[1])) : nil
            // The document of a stream is no case of its own.
            let isExpected = names.contains { $0 != name && $0.hasPrefix("\(parts[0]).") && $0.count < name.count + 3 }
            if flaw == nil, framing == .document, isExpected { return nil }
            var body = corpusFile("forms/\(dialect.rawValue)/\(name)") ?? []
            if framing == .messages { body = bytes(hexadecimal: String(decoding: body, as: UTF8.self)) }
            let document = flaw == nil ? corpusFile("forms/\(dialect.rawValue)/\(parts[0]).json") ?? [] : []
            return AnswerFixture(
                dialect: dialect, name: name, framing: framing, body: body, document: document, flaw: flaw)
        }
    }

    /// The operation whose answers come so.
    var operation: Operation { Self.operation(dialect, framing) }

    static func operation(_ dialect: Dialect, _ framing: Framing) -> Operation {
        // What streams by its path is another operation than what does not.
        let streams: Bool? =
            switch dialect {
            case .geminiGenerate, .bedrockConverse: framing != .document
            default: nil
            }
        return Operation(
            dialect: dialect, name: dialect == .openaiResponses ? "responses" : "", operationClass: .inspected,
            streamsByPath: streams)
    }

    /// The names of a dialect's files.
    private static func names(_ dialect: Dialect) -> [String] {
        let root = #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined()
        guard let directory = unsafe opendir("\(root)/Corpus/forms/\(dialect.rawValue)") else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { place in
                unsafe place.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// What an assembler makes of a body, in pieces that end at `cuts`.
func assembled(
    _ body: [UInt8], _ operation: Operation, _ contentType: String, cuts: [Int] = [], status: Int = 200,
    documentBytesMax: Int = 1 << 20
) -> Result<AnswerDocument, AnswerFlaw> {
    let type = Array(contentType.utf8)
    var assembler = AnswerAssembler(
        operation, contentType: type.span, status: status, documentBytesMax: documentBytesMax)
    forPieces(body, cuts) { _, piece in assembler.take(piece) }
    do throws(AnswerFlaw) {
        return .success(try assembler.end())
    } catch {
        return .failure(error)
    }
}

/// What a document says, in one spelling: keys in order, strings decoded.
struct AnswerMeaning {
    private let bytes: [UInt8]
    private var facts: ArraySlice<JSONFact>
    private let leavesOut: (String, String) -> Bool

    /// Nil if it is no JSON. Members for which `leavesOut` says so, by their key and their meaning, are left out.
    static func of(_ bytes: [UInt8], leavesOut: @escaping (String, String) -> Bool = { _, _ in false }) -> String? {
        guard let facts = JSONReference.read(bytes) else { return nil }
        var meaning = AnswerMeaning(bytes: bytes, facts: facts[...], leavesOut: leavesOut)
        return meaning.value()
    }

    private mutating func value() -> String {
        guard let fact = facts.popFirst() else { return "" }
        switch fact.what {
        case .object:
            var members: [(String, String)] = []
            while let key = facts.first, key.range.upperBound < fact.range.upperBound {
                facts = facts.dropFirst()
                let member = (key.text ?? "", value())
                if !leavesOut(member.0, member.1) { members.append(member) }
            }
            return "{"
                + members.sorted { $0.0 < $1.0 }.map { "\($0.0.debugDescription):\($0.1)" }.joined(separator: ",")
                + "}"
        case .array:
            var elements: [String] = []
            while let next = facts.first, next.range.upperBound < fact.range.upperBound { elements.append(value()) }
            return "[" + elements.joined(separator: ",") + "]"
        case .string: return fact.text.debugDescription
        case .key, .number, .bool, .null: return String(decoding: bytes[fact.range], as: UTF8.self)
        }
    }
}
