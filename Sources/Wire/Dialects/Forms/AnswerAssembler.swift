/// Gathers the decoded body of an answer, document or stream, and makes of it the one document that is kept.
///
/// A document is kept byte for byte. A stream is cut into its events as they come, and only what the document will hold
/// of them is kept. The result is the same in whatever pieces the bytes come. As soon as something shows that the answer
/// will not be kept, everything is let go.
public struct AnswerAssembler: ~Copyable {
    private let shape: AnswerShape?
    private let documentBytesMax: Int
    private var builder: (any DocumentBuilder)?

    // One of these is there, according to the framing; none after a flaw.
    private var document: [UInt8]?
    private var events: EventStreamParser?
    private var messages: AmazonEventStreamParser?
    private var elements: JSONArraySplitter?

    /// How many bytes of an event that has not ended were gone over.
    private var openByteCount = 0
    /// Why the answer will not be kept, if that is known already.
    public private(set) var flaw: AnswerFlaw?

    /// What an event says beside the text of the document: names, indexes, the words of its framing.
    private static let eventBytesExtra = 64 * 1024

    /// Makes an assembler for an answer whose head has been read.
    ///
    /// `contentType` is the value of that field, `documentBytesMax` the size of the largest document that is kept.
    public init(_ operation: Operation, contentType: Span<UInt8>?, status: Int, documentBytesMax: Int) {
        shape = AnswerShape.of(operation)
        self.documentBytesMax = max(0, documentBytesMax)
        let eventBytesMax = self.documentBytesMax.addingReportingOverflow(Self.eventBytesExtra)
        let partBytesMax = eventBytesMax.overflow ? Int.max : eventBytesMax.partialValue
        guard let shape else {
            flaw = .unsupported
            return
        }
        guard status == 200 else {
            flaw = 200..<300 ~= status ? .unsupported : .error
            return
        }
        let streams = operation.streamsByPath == true
        switch (AnswerMedia(contentType), shape.framing) {
        case (.json, .array?) where streams: elements = JSONArraySplitter(elementBytesMax: partBytesMax)
        case (.json, _):
            document = []
            return
        case (.serverSentEvents, .serverSentEvents?), (.serverSentEvents, .array?):
            events = EventStreamParser(eventBytesMax: partBytesMax)
        case (.amazonMessages, .amazonMessages?):
            messages = AmazonEventStreamParser(messageBytesMax: partBytesMax)
        case (.serverSentEvents, _), (.amazonMessages, _), (.jsonLines, _), (.unknown, _), (.other, _):
            flaw = .unsupported
            return
        }
        builder = shape.makeBuilder?()
    }

    /// How many bytes it holds now.
    public var byteCount: Int { (document?.count ?? 0) + (builder?.byteCount ?? 0) + openByteCount }

    /// Takes the next bytes of the body.
    public mutating func take(_ data: Span<UInt8>) {
        guard flaw == nil else { return }
        do throws(AnswerFlaw) {
            if document != nil {
                try takeDocument(data)
            } else if events != nil {
                try takeEvents(data)
            } else if messages != nil {
                try takeMessages(data)
            } else {
                try takeElements(data)
            }
            if byteCount - openByteCount > documentBytesMax { throw .tooLarge }
        } catch {
            letGo(error)
        }
    }

    /// The body is over, as its sender meant it: the document, if it is a complete and successful answer.
    ///
    /// A second call throws: what was there is handed out.
    public mutating func end() throws(AnswerFlaw) -> AnswerDocument {
        do throws(AnswerFlaw) {
            let document = try assemble()
            letGo(.incomplete)
            return document
        } catch {
            letGo(error)
            throw error
        }
    }

    private mutating func letGo(_ reason: AnswerFlaw) {
        if flaw == nil { flaw = reason }
        builder = nil
        document = nil
        events = nil
        messages = nil
        elements = nil
        openByteCount = 0
    }

    private mutating func assemble() throws(AnswerFlaw) -> AnswerDocument {
        if let flaw { throw flaw }
        guard let shape else { throw .unsupported }
        // What is open here was cut off, or never was an event.
        guard events?.isBetweenEvents ?? true, messages?.isBetweenMessages ?? true,
            (elements?.place ?? .end) == .end
        else { throw .incomplete }
        let json = try gathered()
        guard json.count <= documentBytesMax else { throw .tooLarge }
        try AnswerCursor.validate(json.span)
        let facts = try shape.judge(json.span)
        guard facts.toolCallIDs.count <= AnswerDocument.toolCallCountMax else { throw .tooLarge }
        var trial = EventWriter(shape.framing ?? .serverSentEvents, isTrial: true)
        let canStream = shape.framing != nil && shape.stream(json.span, false, &trial)
        return AnswerDocument(
            json: json, toolCallIDs: facts.toolCallIDs, callsTools: facts.callsTools, canStream: canStream)
    }

    private mutating func gathered() throws(AnswerFlaw) -> [UInt8] {
        if let document { return document }
        guard let built = try builder?.finish() else { throw .unsupported }
        return built
    }

    // MARK: Framing

    private mutating func takeDocument(_ data: Span<UInt8>) throws(AnswerFlaw) {
        guard data.count <= documentBytesMax - (document?.count ?? 0) else { throw .tooLarge }
        document?.append(data)
    }

    private mutating func takeEvents(_ data: Span<UInt8>) throws(AnswerFlaw) {
        guard var parser = events.take() else { return }
        var consumed = 0
        while true {
            let start = consumed
            let step = parser.step(data, consumed: &consumed)
            openByteCount += consumed - start
            switch step {
            case .needsMore:
                if parser.isInOversizedEvent { throw .tooLarge }
                if parser.isBetweenEvents || parser.isInComment { openByteCount = 0 }
                events = consume parser
                return
            case .boundary: break
            case .oversized: throw .tooLarge
            case .event: try takeEvent(type: parser.type, parser.data)
            }
            openByteCount = 0
        }
    }

    private mutating func takeMessages(_ data: Span<UInt8>) throws(AnswerFlaw) {
        guard var parser = messages.take() else { return }
        var consumed = 0
        while true {
            let start = consumed
            let step: AmazonEventStreamParser.Step
            do throws(AmazonEventStreamError) {
                step = try parser.step(data, consumed: &consumed)
            } catch {
                throw .malformed
            }
            openByteCount += consumed - start
            switch step {
            case .needsMore:
                if parser.isInOversizedMessage { throw .tooLarge }
                messages = consume parser
                return
            case .oversized: throw .tooLarge
            case .message:
                let kind = parser.header(":message-type")
                if Self.equal(kind, "exception") || Self.equal(kind, "error") { throw .error }
                guard Self.equal(kind, "event") else { throw .unknownEvent }
                try takeEvent(type: parser.header(":event-type"), parser.payload)
            }
            openByteCount = 0
        }
    }

    private mutating func takeElements(_ data: Span<UInt8>) throws(AnswerFlaw) {
        guard var splitter = elements.take() else { return }
        var consumed = 0
        while true {
            let start = consumed
            let step: JSONArraySplitter.Step
            do throws(JSONArrayError) {
                step = try splitter.step(data, consumed: &consumed)
            } catch {
                throw .malformed
            }
            openByteCount += consumed - start
            switch step {
            case .needsMore:
                if splitter.isInOversizedElement { throw .tooLarge }
                elements = consume splitter
                return
            case .oversized: throw .tooLarge
            case .element: try takeEvent(type: Span(), splitter.element)
            case .end: break
            }
            openByteCount = 0
        }
    }

    private mutating func takeEvent(type: Span<UInt8>, _ data: Span<UInt8>) throws(AnswerFlaw) {
        // One word ends the streams of OpenAI's kind.
        if !Self.equal(data, "[DONE]") { try AnswerCursor.validate(data) }
        try builder?.take(type: type, data: data)
        if byteCount - openByteCount > documentBytesMax { throw .tooLarge }
    }

    private static func equal(_ bytes: Span<UInt8>, _ word: StaticString) -> Bool {
        bytes.count == word.utf8CodeUnitCount && ASCII.equal(bytes, 0, word)
    }
}
