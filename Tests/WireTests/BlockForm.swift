import Glibc
import Testing

@testable import Wire

/// One of the two dialects whose answers are made of blocks, with what its documents can be asked.
enum BlockForm: String, CaseIterable, Sendable {
    case responses = "openai-responses"
    case messages = "anthropic-messages"

    /// The document of a stream, fed event by event, and judged as an answer that is to be kept.
    func document(of stream: [UInt8]) throws(AnswerFlaw) -> [UInt8] {
        var builder = self.builder
        var parser = EventStreamParser()
        var consumed = 0
        while true {
            let step = parser.step(stream.span, consumed: &consumed)
            if step == .needsMore { break }
            if step == .event { try builder.take(type: parser.type, data: parser.data) }
        }
        let document = try builder.finish()
        guard try !isBroken(document) else { throw .malformed }
        _ = try judge(document)
        return document
    }

    /// The flaw of a stream; nil if it has none.
    func flaw(of stream: [UInt8]) -> AnswerFlaw? {
        do throws(AnswerFlaw) {
            _ = try document(of: stream)
            return nil
        } catch {
            return error
        }
    }

    func judge(_ document: [UInt8]) throws(AnswerFlaw) -> DocumentFacts {
        switch self {
        case .responses: try ResponsesDocument.judge(document.span)
        case .messages: try MessageDocument.judge(document.span)
        }
    }

    /// The flaw of a document; nil if it has none.
    func flaw(ofDocument document: String) -> AnswerFlaw? {
        do throws(AnswerFlaw) {
            _ = try judge(Array(document.utf8))
            return nil
        } catch {
            return error
        }
    }

    /// The document as a stream; nil if it has none.
    func stream(_ document: [UInt8]) -> EventWriter? {
        var events = EventWriter(.serverSentEvents)
        let isWhole =
            switch self {
            case .responses: ResponsesDocument.stream(document.span, tellsUsage: false, into: &events)
            case .messages: MessageDocument.stream(document.span, tellsUsage: false, into: &events)
            }
        events.end()
        return isWhole ? events : nil
    }

    var builder: any DocumentBuilder {
        switch self {
        case .responses: ResponsesDocumentBuilder()
        case .messages: MessageDocumentBuilder()
        }
    }

    /// What whoever gathers an answer asks of any document.
    private func isBroken(_ document: [UInt8]) throws(AnswerFlaw) -> Bool {
        do throws(JSONFailure) {
            return try JSONCursor.hasDuplicateKeys(document.span)
        } catch {
            throw .malformed
        }
    }
}

/// An answer of `Tests/Corpus/forms`: a stream, and the document that it is.
struct BlockFixture: CustomTestStringConvertible, Sendable {
    var form: BlockForm
    var name: String
    var stream: [UInt8]
    var document: [UInt8]

    var testDescription: String { "\(form.rawValue)/\(name)" }

    static let all: [BlockFixture] = BlockForm.allCases.flatMap { form in
        names(form).map { name in
            BlockFixture(
                form: form, name: name, stream: read("\(form.rawValue)/\(name).sse"),
                document: read("\(form.rawValue)/\(name).json"))
        }
    }

    private static let folder =
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Tests/Corpus/forms"

    private static func names(_ form: BlockForm) -> [String] {
        guard let directory = unsafe opendir("\(folder)/\(form.rawValue)") else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { place in
                unsafe place.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            // A name with a second part is of an answer that is not kept.
            let parts = name.split(separator: ".")
            if parts.count == 2, parts[1] == "sse" { names.append(String(parts[0])) }
        }
        return names.sorted()
    }

    private static func read(_ name: String) -> [UInt8] { corpusFile("forms/\(name)") ?? [] }
}
