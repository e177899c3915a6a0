/// How leo ends a streamed answer in the middle.
public enum StreamEnding: Sendable, CaseIterable {
    /// With the dialect's event for an error: the application's SDK raises it, where the dialect has such an event.
    case error
    /// With the dialect's last events, as if the model had come to the limit on its output.
    case finish
}

/// What became of a streamed answer that leo ended.
public enum StreamStop: Sendable {
    /// The answer was over already, or it got its dialect's last events: the body can end properly.
    case finished
    /// It got an event that tells of the error. Nothing may follow.
    case error
    /// Nothing could be said: the body is no stream, or stands within an event too large to hold. Only a cut is left.
    case cut
}

/// Passes along the decoded body of a streamed answer, byte for byte but for what it must edit, and can end it between
/// two events.
///
/// An event is held until its end has come and then goes on at once; one beyond the limit of its parser, 1 MB, goes by
/// as it comes. Answers that are no stream go by untouched. What it removes is what leo itself has asked for with
/// `stream_options.include_usage`: the client gets the stream that it would have got without.
public struct StreamEditor: ~Copyable {
    private enum Framing {
        /// Nothing to do: no stream, or not one that leo can end.
        case none
        /// The first byte that is no blank will tell.
        case undecided
        case serverSentEvents
        case amazonMessages
        case array
        case lines
    }

    private var framing: Framing
    private let hidesUsage: Bool
    private var notes: any StreamNotes
    private var events = EventStreamParser()
    private var messages = AmazonEventStreamParser()
    private var elements = JSONArraySplitter()
    /// The beginning of an event whose end has not come.
    private var held = ByteQueue()
    /// Whether the client has got the beginning of something that cannot be taken back.
    private var isWithinEvent = false
    /// Whether the last event was removed.
    private var wasDropped = false
    /// Where the client stands in an array.
    private var place = JSONArraySplitter.Place.start
    private var isStopped = false

    /// Makes an editor for an answer whose head has been read and whose status is a success.
    ///
    /// `contentType` is the value of that field. `hidesUsage` says that leo has asked for the usage, not the client.
    public init(_ operation: Operation, contentType: Span<UInt8>?, hidesUsage: Bool = false) {
        self.init(operation.dialect, contentType: contentType, hidesUsage: hidesUsage)
    }

    /// Makes an editor for an answer in that dialect.
    public init(_ dialect: Dialect, contentType: Span<UInt8>?, hidesUsage: Bool = false) {
        let media = AnswerMedia(contentType)
        self.hidesUsage = hidesUsage
        switch dialect {
        case .openaiChat: notes = ChatStreamNotes(isChat: true)
        case .openaiCompletions: notes = ChatStreamNotes(isChat: false)
        case .openaiResponses: notes = ResponsesStreamNotes()
        case .anthropicMessages: notes = AnthropicStreamNotes()
        case .geminiGenerate: notes = GeminiStreamNotes()
        case .cohereChat: notes = CohereStreamNotes()
        case .bedrockConverse: notes = ConverseStreamNotes()
        case .bedrockInvoke: notes = InvokeStreamNotes()
        case .openaiEmbeddings, .openaiModerations, .openaiImages, .openaiAudio, .openaiOther, .anthropicOther,
            .geminiEmbed, .geminiOther, .cohereEmbed, .cohereRerank, .cohereOther, .bedrockOther:
            notes = SilentStreamNotes()
            framing = .none
            return
        }
        framing =
            switch media {
            case .serverSentEvents: .serverSentEvents
            case .amazonMessages: .amazonMessages
            case .jsonLines: .lines
            case .json: dialect == .geminiGenerate ? .undecided : .none
            case .unknown: .undecided
            case .other: .none
            }
    }

    /// Takes the next bytes of the body and adds to `out` what the client may have.
    public mutating func take(_ data: Span<UInt8>, into out: inout ByteQueue) {
        if isStopped { return }
        switch framing {
        case .none: out.append(data)
        case .undecided: decide(data, into: &out)
        case .serverSentEvents: takeEvents(data, into: &out)
        case .amazonMessages: takeMessages(data, into: &out)
        case .array: takeElements(data, into: &out)
        case .lines: takeLines(data, into: &out)
        }
    }

    /// Says that the body is over: adds to `out` what was held, which is an event that is cut off.
    public mutating func end(into out: inout ByteQueue) {
        if isStopped { return }
        pass(Span(), into: &out)
    }

    /// Ends the answer: what is held is dropped, what more is taken is ignored, and the dialect's events for such an
    /// end are added to `out`.
    ///
    /// An answer is not finished within the call of a tool, nor where leo does not know enough of it: then it ends with
    /// the event for an error all the same. `usage` is what leo makes of the exchange so far; `tellsUsage` says that
    /// the client asked for it, in the dialects where it has to.
    public mutating func stop(
        _ ending: StreamEnding, _ refusal: Refusal, usage: Usage = Usage(), tellsUsage: Bool = false,
        into out: inout ByteQueue
    ) -> StreamStop {
        isStopped = true
        held.removeAll()
        if framing == .undecided, notes is GeminiStreamNotes { return .cut }
        guard framing != .none, !isWithinEvent else { return .cut }
        if notes.isTerminated || place == .end {
            if framing == .array, place != .end { closeArray(into: &out) }
            return .finished
        }
        let last = ending == .finish ? notes.finish(usage, tellsUsage: tellsUsage) : nil
        for event in last ?? notes.failure(refusal) { write(event, into: &out) }
        if framing == .array { closeArray(into: &out) }
        return last == nil ? .error : .finished
    }

    // MARK: Passing on

    /// Adds what was held, and `part`.
    private mutating func pass(_ part: Span<UInt8>, into out: inout ByteQueue) {
        if !held.isEmpty {
            out.append(held.bytes)
            held.removeAll()
        }
        out.append(part)
    }

    private mutating func decide(_ data: Span<UInt8>, into out: inout ByteQueue) {
        for index in data.indices where !JSONScan.isBlank(data[index]) {
            switch data[index] {
            case JSONScan.openBrace: framing = notes is CohereStreamNotes ? .lines : .none
            case JSONScan.openBracket: framing = notes is GeminiStreamNotes ? .array : .none
            default: framing = .serverSentEvents
            }
            return take(data, into: &out)
        }
        out.append(data)
    }

    private mutating func takeEvents(_ data: Span<UInt8>, into out: inout ByteQueue) {
        var consumed = 0
        var start = 0
        if events.isAfterCarriageReturn, events.isBetweenEvents, !data.isEmpty, data[0] == ASCII.lineFeed {
            // The rest of the line end that the last event had: it goes the way of that event.
            start = 1
            if !wasDropped { pass(data.extracting(0..<1), into: &out) }
        }
        while true {
            switch events.step(data, consumed: &consumed) {
            case .needsMore:
                let rest = data.extracting(start..<data.count)
                isWithinEvent = events.isInOversizedEvent
                if events.isBetweenEvents || events.isInComment || isWithinEvent {
                    pass(rest, into: &out)
                } else {
                    held.append(rest)
                }
                return
            case .boundary, .oversized:
                pass(data.extracting(start..<consumed), into: &out)
                wasDropped = false
            case .event:
                let edit = Self.judge(events, &notes, hidesUsage)
                give(data.extracting(start..<consumed), edit, into: &out)
                wasDropped = edit == .drop
            }
            start = consumed
        }
    }

    private static func judge(
        _ events: borrowing EventStreamParser, _ notes: inout any StreamNotes, _ hidesUsage: Bool
    ) -> StreamEdit {
        notes.note(events.type, events.data)
        return hidesUsage ? UsageRemoval.edit(events.data) : .pass
    }

    private mutating func give(_ rest: Span<UInt8>, _ edit: StreamEdit, into out: inout ByteQueue) {
        switch edit {
        case .pass: pass(rest, into: &out)
        case .drop: held.removeAll()
        case .replace(let data):
            var event = ByteQueue()
            swap(&event, &held)
            event.append(rest)
            UsageRemoval.replaceData(of: event.bytes, with: data.span, into: &out)
            event.removeAll()
            swap(&event, &held)
        }
    }

    private mutating func takeMessages(_ data: Span<UInt8>, into out: inout ByteQueue) {
        var consumed = 0
        var start = 0
        while true {
            do throws(AmazonEventStreamError) {
                switch try messages.step(data, consumed: &consumed) {
                case .needsMore:
                    let rest = data.extracting(start..<data.count)
                    isWithinEvent = messages.isInOversizedMessage
                    if isWithinEvent { pass(rest, into: &out) } else { held.append(rest) }
                    return
                case .oversized: pass(data.extracting(start..<consumed), into: &out)
                case .message:
                    Self.note(messages, &notes)
                    pass(data.extracting(start..<consumed), into: &out)
                }
            } catch {
                // Nobody knows where the next message begins: the client's reader says so itself.
                framing = .none
                return pass(data.extracting(start..<data.count), into: &out)
            }
            start = consumed
        }
    }

    private static func note(_ messages: borrowing AmazonEventStreamParser, _ notes: inout any StreamNotes) {
        let type = messages.header(":event-type")
        notes.note(type.isEmpty ? messages.header(":exception-type") : type, messages.payload)
    }

    private mutating func takeElements(_ data: Span<UInt8>, into out: inout ByteQueue) {
        var consumed = 0
        var start = 0
        while true {
            do throws(JSONArrayError) {
                let step = try elements.step(data, consumed: &consumed)
                switch step {
                case .needsMore:
                    hold(element: data.extracting(start..<data.count), into: &out)
                    return
                case .element, .oversized, .end:
                    if step == .element { Self.note(elements, &notes) }
                    isWithinEvent = false
                    pass(data.extracting(start..<consumed), into: &out)
                    place = elements.place
                }
            } catch {
                framing = .none
                return pass(data.extracting(start..<data.count), into: &out)
            }
            start = consumed
        }
    }

    /// Holds what may become an element, and the comma in front of it, so that the client never has a comma too many.
    private mutating func hold(element rest: Span<UInt8>, into out: inout ByteQueue) {
        let isBegun = elements.place == .element || elements.place == .comma
        let isTooLarge = elements.isInOversizedElement || held.count + rest.count > Self.elementBytesMax
        if isBegun, !isTooLarge, !isWithinEvent {
            held.append(rest)
        } else {
            pass(rest, into: &out)
            place = elements.place
            isWithinEvent = place == .element
        }
    }

    /// An element with the blanks around it.
    private static let elementBytesMax = 2 * JSONArraySplitter.elementBytesMaxDefault

    private static func note(_ elements: borrowing JSONArraySplitter, _ notes: inout any StreamNotes) {
        notes.note(Span(), elements.element)
    }

    /// A line of JSON is held like any event.
    private static let lineBytesMax = EventStreamParser.eventBytesMaxDefault

    private mutating func takeLines(_ data: Span<UInt8>, into out: inout ByteQueue) {
        var start = 0
        for index in data.indices where data[index] == ASCII.lineFeed {
            let rest = data.extracting(start..<(index + 1))
            if isWithinEvent {
                isWithinEvent = false
            } else if held.isEmpty {
                notes.note(Span(), rest)
            } else {
                held.append(rest)
                Self.note(held, &notes)
                start = index + 1
                pass(Span(), into: &out)
                continue
            }
            pass(rest, into: &out)
            start = index + 1
        }
        let rest = data.extracting(start..<data.count)
        guard !rest.isEmpty else { return }
        isWithinEvent = isWithinEvent || held.count + rest.count > Self.lineBytesMax
        if isWithinEvent { pass(rest, into: &out) } else { held.append(rest) }
    }

    private static func note(_ line: borrowing ByteQueue, _ notes: inout any StreamNotes) {
        notes.note(Span(), line.bytes)
    }

    // MARK: Adding events

    private mutating func write(_ event: StreamEvent, into out: inout ByteQueue) {
        switch framing {
        case .none: break
        case .undecided, .serverSentEvents:
            let lineEnd: StaticString = notes is GeminiStreamNotes ? "\r\n" : "\n"
            if events.isInComment { out.append(lineEnd) }
            if !event.type.isEmpty {
                out.append("event: ")
                out.append(event.type)
                out.append(lineEnd)
            }
            out.append("data: ")
            out.append(event.data.span)
            out.append(lineEnd)
            out.append(lineEnd)
        case .amazonMessages:
            let kind = event.isException ? "exception" : "event"
            out.appendAmazonMessage(
                headers: [
                    (":\(kind)-type", event.type), (":content-type", "application/json"), (":message-type", kind),
                ], payload: event.data.span)
        case .array:
            switch place {
            case .start: out.append("[")
            case .separator: out.append(",\r\n")
            case .opened, .comma, .element, .end: break
            }
            out.append(event.data.span)
            place = .separator
        case .lines:
            out.append(event.data.span)
            out.append("\n")
        }
    }

    /// A comma that the client has got already, because too many blanks followed it, needs an element behind it.
    private mutating func closeArray(into out: inout ByteQueue) {
        out.append(place == .start ? "[]" : place == .comma ? "{}]" : "\r\n]")
        place = .end
    }
}

/// What becomes of an event.
enum StreamEdit: Equatable {
    case pass
    case drop
    /// Its data becomes this.
    case replace([UInt8])
}

/// An event that leo adds.
struct StreamEvent: Equatable {
    /// Empty where the dialect's events have no type.
    var type = ""
    var data: [UInt8]
    /// Whether it is one of Amazon's exceptions.
    var isException = false

    init(type: String = "", _ json: JSONText) { self.init(type: type, json.bytes) }

    init(type: String = "", _ data: [UInt8], isException: Bool = false) {
        self.type = type
        self.data = data
        self.isException = isException
    }
}

/// What has to be known of a stream to end it.
protocol StreamNotes: Sendable {
    /// Whether the client has got the dialect's last event, or one that tells of an error.
    var isTerminated: Bool { get }
    /// Takes an event that the client gets. What cannot be read tells nothing.
    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>)
    /// The dialect's last events; nil where they would say what is not so.
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]?
    /// The dialect's events for an error.
    func failure(_ refusal: Refusal) -> [StreamEvent]
}

/// Nothing is known, and nothing is added.
struct SilentStreamNotes: StreamNotes {
    var isTerminated: Bool { false }
    func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {}
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? { nil }
    func failure(_ refusal: Refusal) -> [StreamEvent] { [] }
}
