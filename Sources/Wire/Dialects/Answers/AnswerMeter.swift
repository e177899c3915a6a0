/// Passes along the decoded body of an answer, streamed or not, and knows what it used.
///
/// It keeps numbers only: no text, no event, however large. It reads what its dialect's answers tell of usage, and counts
/// the tokens of the text that goes by, for the answers that tell nothing or are cut off before they do. The result is the
/// same in whatever pieces the bytes come; no bytes make it trap. [docs/metering.md] has the meaning of the numbers.
public struct AnswerMeter: ~Copyable {
    private enum Framing {
        /// Nothing is read: an error's body, media, a dialect that tells nothing.
        case none
        /// The first byte that is no blank will tell whether it is JSON or lines.
        case undecided
        case serverSentEvents
        case amazonMessages
        case json
    }

    private let dialect: AnswerDialect
    private var framing: Framing
    /// The model's own event within Amazon's message; nil where there is none.
    private var inner: ByteQueue?
    private let isOneDocument: Bool
    private var scanner: AnswerScanner
    private var lines = EventDataReader()
    private var isInEvent = false
    private var messages = AmazonEventStreamParser()
    private var fieldCounts = AnswerCounts()
    private var isFramingBroken = false

    /// Makes a meter for an answer whose head has been read.
    ///
    /// `contentType` is the value of that field. Nothing is read of an answer whose status is not in 200…299, since
    /// providers charge for none, nor of one to an operation that sets no model to work.
    ///
    /// Without `countsText` the text that goes by is not counted, so that ``meteredOutputTokens`` stays 0.
    public init(_ operation: Operation, contentType: Span<UInt8>?, status: Int, countsText: Bool = true) {
        self.init(operation.dialect, contentType: contentType, isMetered: operation.createsWork && 200..<300 ~= status)
        scanner.countsText = countsText
    }

    /// Makes a meter for an answer in that dialect, or for one of which nothing is to be read.
    public init(_ dialect: Dialect, contentType: Span<UInt8>?, isMetered: Bool = true) {
        let reader = isMetered ? AnswerDialect.of(dialect) : nil
        let media = AnswerMedia(contentType)
        self.dialect = reader ?? .silent
        isOneDocument = media != .jsonLines
        scanner = AnswerScanner(
            self.dialect, media == .jsonLines ? .many : .one, opensArrays: dialect == .geminiGenerate)
        inner = dialect == .bedrockInvoke ? ByteQueue() : nil
        framing =
            switch (reader, media) {
            case (nil, _), (_, .other): .none
            case (_, .serverSentEvents): .serverSentEvents
            case (_, .amazonMessages): .amazonMessages
            case (_, .json), (_, .jsonLines), (_, .unknown): .undecided
            }
    }

    /// Takes the fields of the answer's head: Amazon Bedrock tells the tokens of an `invoke` there, for models whose own
    /// form has no place for them.
    public mutating func takeFields(of head: borrowing HTTP1Head, from bytes: Span<UInt8>) {
        guard inner != nil, framing != .none else { return }
        for index in head.fields.indices {
            let field = head.fields[index]
            takeField(name: bytes.extracting(field.name), value: bytes.extracting(field.value))
        }
    }

    mutating func takeField(name: Span<UInt8>, value: Span<UInt8>) {
        for row in Self.countFields where row.name.utf8CodeUnitCount == name.count {
            guard ASCII.equalFolded(name, 0, row.name) else { continue }
            fieldCounts.tell(row.counter, RateLimitFields.count(value))
        }
    }

    private static let countFields: [(name: StaticString, counter: AnswerCounter)] = [
        ("x-amzn-bedrock-input-token-count", .otherInput), ("x-amzn-bedrock-output-token-count", .otherOutput),
        ("x-amzn-bedrock-cache-read-input-token-count", .otherCached),
        ("x-amzn-bedrock-cache-write-input-token-count", .otherCacheWrite),
    ]

    /// Takes the next bytes of the body.
    public mutating func take(_ data: Span<UInt8>) {
        switch framing {
        case .none: break
        case .undecided: decide(data)
        case .serverSentEvents: takeLines(data)
        case .amazonMessages: takeMessages(data)
        case .json: scanner.take(data)
        }
    }

    /// Says that the body is over, complete or not.
    public mutating func end() {
        switch framing {
        case .none, .undecided: break
        case .serverSentEvents:
            // An event that the end cuts off was none, but a number that it told in full was told.
            isInEvent = false
        case .amazonMessages: if !messages.isBetweenMessages { isFramingBroken = true }
        case .json: break
        }
    }

    /// What the provider says that it used, in leo's meaning of the numbers.
    ///
    /// Nil as long as the answer has not told its final numbers, and where what it told is absurd: negative, no number,
    /// more than ``Usage/tokenCountMax``, a part larger than its whole.
    public var usage: Usage? {
        let isDocument = framing == .json && isOneDocument && !scanner.isArray
        let isFinal = isDocument || scanner.isTerminated || !scanner.finishReasons.isEmpty || scanner.counts.isEmpty
        return isFinal ? usageSoFar : nil
    }

    /// The provider's numbers so far, final or not: a stream of Anthropic's tells its input first, Gemini's tells sums all
    /// along. What a cut stream has told is the least that it cost.
    public var usageSoFar: Usage? { dialect.usage(scanner.counts.isEmpty ? fieldCounts : scanner.counts) }

    /// The model that answered, in the provider's words; nil where it did not say, or in more than 128 bytes.
    public var model: String? { scanner.model.text }

    /// Whether the dialect's last event has come, or the whole document.
    public var isTerminated: Bool { scanner.isTerminated || (framing == .json && scanner.isComplete) }

    /// Whether there was an error in an answer that began as a success.
    public var hasInBandError: Bool { scanner.hasError }

    /// Why the model stopped; empty as long as it has not.
    public var finishReasons: FinishReasons { scanner.finishReasons }

    /// Whether a stream has begun the call of a tool and not completed it: it cannot be ended politely here.
    public var hasOpenToolCall: Bool { scanner.openCallCount > 0 }

    /// An estimate of the tokens of the text that has gone by: answers, reasoning as far as it is shown, calls of tools.
    public var meteredOutputTokens: Int {
        let tokens = scanner.text.tokens(.o200k)
        return Int(tokens) + (tokens > Double(Int(tokens)) ? 1 : 0)
    }

    /// What an exchange used whose answer told no final ``usage``: the input that it told, which Anthropic's streams do at
    /// once, or else the estimate; and the output that was told or has gone by, whichever is more.
    public func meteredUsage(estimatedInputTokens: Int) -> Usage {
        var usage = usageSoFar ?? Usage()
        if usage.inputTokens == 0 { usage.inputTokens = max(0, estimatedInputTokens) }
        usage.outputTokens = max(usage.outputTokens, meteredOutputTokens)
        return usage
    }

    /// Whether bytes were not what the dialect sends. What follows them is metered all the same where it can be found.
    public var isBroken: Bool { isFramingBroken || scanner.isBroken }

    // MARK: Framing

    private mutating func decide(_ data: Span<UInt8>) {
        for index in data.indices where !JSONScan.isBlank(data[index]) {
            let isJSON = data[index] | 0x20 == JSONScan.openBrace
            framing = isJSON ? .json : .serverSentEvents
            return take(data.extracting(index..<data.count))
        }
    }

    private mutating func takeLines(_ data: Span<UInt8>) {
        var consumed = 0
        while true {
            switch lines.step(data, consumed: &consumed) {
            case .needsMore: return
            case .data(let range):
                beginEvent()
                scanner.take(data.extracting(range))
            case .lineEnd:
                beginEvent()
                scanner.takeLineEnd()
            case .event:
                if isInEvent { scanner.endEvent() }
                isInEvent = false
            }
        }
    }

    private mutating func beginEvent() {
        if isInEvent { return }
        isInEvent = true
        scanner.beginEvent()
    }

    private mutating func takeMessages(_ data: Span<UInt8>) {
        var consumed = 0
        while consumed < data.count, !isFramingBroken {
            do throws(AmazonEventStreamError) {
                switch try messages.step(data, consumed: &consumed) {
                case .needsMore: return
                case .oversized: isFramingBroken = true
                case .message: Self.take(messages, &scanner, inner: &inner)
                }
            } catch {
                isFramingBroken = true
            }
        }
    }

    private static func take(
        _ messages: borrowing AmazonEventStreamParser, _ scanner: inout AnswerScanner, inner: inout ByteQueue?
    ) {
        scanner.beginEvent(
            AnswerSignals(messageType: messages.header(":message-type"), eventType: messages.header(":event-type")))
        if inner == nil {
            scanner.take(messages.payload)
        } else if Self.decodePart(messages.payload, into: &inner) {
            inner?.withBytes { scanner.take($0) }
        }
        scanner.endEvent()
    }

    /// The model's own event, which Amazon's `{"bytes":"…"}` holds in base64.
    private static func decodePart(_ payload: Span<UInt8>, into inner: inout ByteQueue?) -> Bool {
        inner?.removeAll()
        var cursor = JSONCursor(payload)
        do throws(JSONFailure) {
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                guard key.equals("bytes", in: payload) else { continue }
                let text = try cursor.string()
                return !text.hasEscapes
                    && Base64.decodeLoose(text.raw(in: payload)) { inner?.append($0) }
            }
        } catch {
            // Nothing of an event that cannot be read.
        }
        return false
    }
}

/// How a body is framed, by its content type.
enum AnswerMedia: Equatable {
    case serverSentEvents, amazonMessages, json, jsonLines
    /// No type, or text that might be anything.
    case unknown
    /// Media.
    case other

    init(_ contentType: Span<UInt8>?) {
        guard let contentType, !contentType.isEmpty else {
            self = .unknown
            return
        }
        var end = 0
        while end < contentType.count, contentType[end] != UInt8(ascii: ";"), !ASCII.isBlank(contentType[end]) {
            end += 1
        }
        let type = contentType.extracting(0..<end)
        self = .unknown
        for (name, media) in Self.names where name.utf8CodeUnitCount == end && Self.equal(type, name) { self = media }
        if self == .unknown, Self.begins(type, "audio/") || Self.begins(type, "image/") || Self.begins(type, "video/") {
            self = .other
        }
    }

    private static let names: [(StaticString, AnswerMedia)] = [
        ("text/event-stream", .serverSentEvents), ("application/vnd.amazon.eventstream", .amazonMessages),
        ("application/json", .json), ("application/stream+json", .jsonLines), ("application/x-ndjson", .jsonLines),
        ("application/ndjson", .jsonLines), ("application/jsonl", .jsonLines), ("application/x-jsonlines", .jsonLines),
        ("application/octet-stream", .other),
    ]

    private static func equal(_ bytes: Span<UInt8>, _ name: StaticString) -> Bool {
        bytes.count == name.utf8CodeUnitCount && begins(bytes, name)
    }

    private static func begins(_ bytes: Span<UInt8>, _ name: StaticString) -> Bool {
        guard bytes.count >= name.utf8CodeUnitCount else { return false }
        for index in 0..<name.utf8CodeUnitCount {
            let wanted = unsafe name.utf8Start[index]
            if ASCII.lowercased(bytes[index]) != wanted { return false }
        }
        return true
    }
}

extension AnswerSignals {
    /// What the headers of an Amazon message say.
    init(messageType: Span<UInt8>, eventType: Span<UInt8>) {
        self = []
        if !messageType.isEmpty, !(messageType.count == 5 && ASCII.equal(messageType, 0, "event")) { insert(.error) }
        if eventType.count == 16, ASCII.equal(eventType, 0, "contentBlockStop") { insert(.closesAll) }
        if eventType.count == 11, ASCII.equal(eventType, 0, "messageStop") { insert(.ended) }
    }
}
