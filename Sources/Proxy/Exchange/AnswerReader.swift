import Cache
import Wire

/// Reads an answer beside the relay, to know what it used, and edits it where the tenant's policy has to.
///
/// Where nothing is edited the client gets its bytes without asking this type; it sees them decoded, counts, and whatever
/// is wrong with them ends the counting and nothing else. Where the answer is edited its text goes through here event by
/// event, and a mistake in its coding ends it.
struct AnswerReader: ~Copyable {
    private var decoder: SideCopyDecoder
    private(set) var meter: AnswerMeter
    /// nil: the answer passes untouched.
    private var editor: StreamEditor?
    private var edited = ByteQueue()
    /// Who else takes the answer, decoded; nil: nobody.
    private let capture: AnswerCapture?

    /// A reader for the answer whose head was parsed from `bytes`. With `edits` the client gets what ``edit(_:_:)`` gives
    /// it, and with `hidesUsage` the usage of a stream is taken out, which leo alone has asked for. `countsText`: the tokens
    /// that go by are counted, for an answer that does not tell its usage.
    init(
        _ operation: Operation, _ head: HTTP1Head, in bytes: Span<UInt8>, countsText: Bool, edits: Bool,
        hidesUsage: Bool, capture: AnswerCapture? = nil
    ) {
        self.capture = capture
        decoder = SideCopyDecoder(head, in: bytes)
        if decoder.uninspectable == nil { capture?.begin() } else { capture?.fail(CacheBypass.unreadable.rawValue) }
        let value = head.first(.contentType)?.value ?? 0..<0
        let contentType = bytes.extracting(value)
        meter = AnswerMeter(
            operation, contentType: value.isEmpty ? nil : contentType, status: head.status, countsText: countsText)
        meter.takeFields(of: head, from: bytes)
        editor =
            edits
            ? StreamEditor(operation, contentType: value.isEmpty ? nil : contentType, hidesUsage: hidesUsage) : nil
    }

    /// The answer goes through ``edit(_:_:)``.
    var isEditing: Bool { editor != nil }

    /// Counts what is in a piece of the answer that is passed on as it is.
    mutating func read(_ data: Span<UInt8>) {
        let failure = decoder.feed(data) { text in
            meter.take(text)
            capture?.keep(text)
            capture?.tell(text)
        }
        if failure != nil || decoder.uninspectable != nil { capture?.fail(CacheBypass.unreadable.rawValue) }
    }

    /// Counts and edits a piece of the answer; `output` gets what the client is to have.
    mutating func edit(_ data: Span<UInt8>, _ output: (Span<UInt8>) -> Void) throws(ProxyError) {
        let failure = decoder.feed(data) { text in
            meter.take(text)
            capture?.keep(text)
            editor?.take(text, into: &edited)
        }
        hand(output)
        if let failure = failure ?? decoder.uninspectable {
            throw ProxyError(.badAnswer, "the answer's \(failure.explanation), and it had to be edited")
        }
    }

    /// What an answer used that told no final usage, with that estimate for an input that it did not tell.
    ///
    /// It changes nothing; it is mutating because the compiler cannot borrow through an optional here.
    mutating func meteredUsage(estimatedInputTokens: Int) -> Usage {
        meter.meteredUsage(estimatedInputTokens: estimatedInputTokens)
    }

    /// The answer is complete.
    mutating func end() {
        if decoder.finish() != nil { capture?.fail(CacheBypass.unreadable.rawValue) }
        meter.end()
    }

    /// What is left of an edited answer at its end.
    mutating func endEdit(_ output: (Span<UInt8>) -> Void) {
        editor?.end(into: &edited)
        hand(output)
    }

    /// Ends the answer where it stands, with its dialect's own end if `ending` says so and the answer lets it, else with
    /// its error. False: what follows has to be a cut.
    mutating func stop(
        _ ending: StreamEnding, _ refusal: Refusal, usage: Usage, tellsUsage: Bool, _ output: (Span<UInt8>) -> Void
    ) -> Bool {
        let stop = editor?.stop(ending, refusal, usage: usage, tellsUsage: tellsUsage, into: &edited) ?? .cut
        hand(output)
        return switch stop {
        case .finished: true
        case .error, .cut: false
        }
    }

    private mutating func hand(_ output: (Span<UInt8>) -> Void) {
        if edited.isEmpty { return }
        edited.withBytes { text in
            capture?.tell(text)
            output(text)
        }
        edited.removeAll()
    }
}
