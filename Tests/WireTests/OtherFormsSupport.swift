import Glibc
import Testing

@testable import Wire

/// The dialects of Gemini, Cohere and Bedrock that have two forms.
enum OtherForm: String, CaseIterable {
    case gemini = "gemini-generate"
    case cohere = "cohere-chat"
    case converse = "bedrock-converse"

    var form: any DocumentForm.Type {
        switch self {
        case .gemini: GeminiDocument.self
        case .cohere: CohereDocument.self
        case .converse: ConverseDocument.self
        }
    }

    var builder: any DocumentBuilder {
        switch self {
        case .gemini: GeminiDocumentBuilder()
        case .cohere: CohereDocumentBuilder()
        case .converse: ConverseDocumentBuilder()
        }
    }

    var framings: [EventWriter.Framing] {
        switch self {
        case .gemini: [.serverSentEvents, .array]
        case .cohere: [.serverSentEvents]
        case .converse: [.amazonMessages]
        }
    }
}

/// An event as it is given to a builder.
struct FormEvent: Equatable {
    var type: String
    var data: [UInt8]

    init(_ type: String = "", _ data: [UInt8]) {
        self.type = type
        self.data = data
    }

    init(_ type: String = "", _ data: String) { self.init(type, Array(data.utf8)) }
}

/// A document of `Tests/Corpus/forms` and the streams that say the same.
struct FormFixture: CustomTestStringConvertible {
    var dialect: OtherForm
    var name: String
    var document: [UInt8]
    var streams: [(framing: EventWriter.Framing, bytes: [UInt8])]

    var testDescription: String { "\(dialect.rawValue)/\(name)" }

    static let all: [FormFixture] = OtherForm.allCases.flatMap { dialect in
        names(dialect.rawValue).compactMap { FormFixture(dialect, $0) }
    }

    private init?(_ dialect: OtherForm, _ name: String) {
        let path = "forms/\(dialect.rawValue)/\(name)"
        guard let document = corpusFile("\(path).json") else { return nil }
        self.dialect = dialect
        self.name = name
        self.document = document
        streams = []
        if let bytes = corpusFile("\(path).sse") { streams.append((.serverSentEvents, bytes)) }
        if let bytes = corpusFile("\(path).array") { streams.append((.array, bytes)) }
        if let text = corpusFile("\(path).amazon") {
            streams.append((.amazonMessages, bytes(hexadecimal: String(decoding: text, as: UTF8.self))))
        }
    }

    private static func names(_ folder: String) -> [String] {
        let root = #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined()
        guard let directory = unsafe opendir("\(root)/Corpus/forms/\(folder)") else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { place in
                unsafe place.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.hasSuffix(".json") { names.append(String(name.dropLast(5))) }
        }
        return names.sorted()
    }
}

/// The events of a stream, and whether it ends where one may end.
func formEvents(_ stream: [UInt8], _ framing: EventWriter.Framing) -> (events: [FormEvent], isWhole: Bool) {
    var events: [FormEvent] = []
    var consumed = 0
    switch framing {
    case .serverSentEvents:
        var parser = EventStreamParser()
        while true {
            switch parser.step(stream.span, consumed: &consumed) {
            case .needsMore: return (events, parser.isBetweenEvents)
            case .boundary, .oversized: continue
            case .event: events.append(FormEvent(String(lossy: parser.type), copy(parser.data)))
            }
        }
    case .amazonMessages:
        var parser = AmazonEventStreamParser()
        while (try? parser.step(stream.span, consumed: &consumed)) == .message {
            events.append(FormEvent(String(lossy: parser.header(":event-type")), copy(parser.payload)))
        }
        return (events, parser.isBetweenMessages)
    case .array:
        var splitter = JSONArraySplitter()
        while (try? splitter.step(stream.span, consumed: &consumed)) == .element {
            events.append(FormEvent("", copy(splitter.element)))
        }
        return (events, splitter.place == .end)
    }
}

private func copy(_ bytes: Span<UInt8>) -> [UInt8] {
    var copy: [UInt8] = []
    copy.append(bytes)
    return copy
}

/// What a stream's events make together, judged.
func assemble(_ dialect: OtherForm, _ events: [FormEvent]) -> Result<[UInt8], AnswerFlaw> {
    var builder = dialect.builder
    do throws(AnswerFlaw) {
        for event in events {
            let type = Array(event.type.utf8)
            try builder.take(type: type.span, data: event.data.span)
        }
        let document = try builder.finish()
        // Every byte of the answer was held.
        #expect(builder.byteCount > 0)
        if (try? JSONCursor.hasDuplicateKeys(document.span)) != false { throw .malformed }
        _ = try dialect.form.judge(document.span)
        return .success(document)
    } catch {
        return .failure(error)
    }
}

/// A document as events; nil if it has no such form.
func render(_ dialect: OtherForm, _ document: [UInt8], _ framing: EventWriter.Framing) -> EventWriter? {
    var writer = EventWriter(framing)
    guard dialect.form.stream(document.span, tellsUsage: true, into: &writer) else { return nil }
    writer.end()
    return writer
}

/// What a document means: without blanks, its keys in order, each string escaped in one way; nil if it is no JSON.
func meaning(_ document: [UInt8]) -> String? {
    var cursor = JSONCursor(document.span)
    guard let text = try? meaning(&cursor), (try? cursor.end()) != nil else { return nil }
    return text
}

private func meaning(_ cursor: inout JSONCursor) throws(JSONFailure) -> String {
    let bytes = cursor.bytes
    switch try cursor.peek() {
    case .object:
        var members: [(String, String)] = []
        try cursor.enterObject()
        while let key = try cursor.nextKey() { members.append((key.text(in: bytes), try meaning(&cursor))) }
        members.sort { $0.0 < $1.0 }
        return "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    case .array:
        var elements: [String] = []
        try cursor.enterArray()
        while try cursor.nextElement() { elements.append(try meaning(&cursor)) }
        return "[" + elements.joined(separator: ",") + "]"
    case .string: return quoted(try cursor.string().text(in: bytes))
    case .number, .bool, .null:
        let range = try cursor.skip()
        return String(lossy: bytes.extracting(range))
    }
}

private func quoted(_ text: String) -> String {
    var json = JSONText()
    json.string(text)
    return String(decoding: json.bytes, as: UTF8.self)
}
