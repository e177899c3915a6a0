/// Finds the data of server-sent events (WHATWG HTML 9.2) in bytes of any pieces and keeps none of it.
///
/// ``EventStreamParser`` gathers each event to show it whole; this one hands on what passes, so that an event may be as
/// large as it likes: a provider's last one can repeat an answer with all its images. What both see is the same.
struct EventDataReader {
    /// What the bytes that were gone over are.
    enum Step: Equatable {
        /// All bytes are consumed.
        case needsMore
        /// Bytes of the event's data.
        case data(Range<Int>)
        /// The end of a line of data that another line of data follows or has preceded.
        case lineEnd
        /// An event that had data ended.
        case event
    }

    private enum State: UInt8 {
        case start, mark1, mark2
        /// At the start of a line, or after that many letters of `data`.
        case line, d, da, dat, data
        /// Behind the colon, where one space does not count.
        case colon
        case value
        case otherLine
    }

    private var state = State.start
    private var isAfterCarriageReturn = false
    /// Whether the event has a line of data.
    private var hasData = false
    /// Whether the line has anything.
    private var isLineEmpty = true

    /// Goes over `bytes` from `consumed` to the next thing to tell.
    mutating func step(_ bytes: Span<UInt8>, consumed: inout Int) -> Step {
        while consumed < bytes.count {
            let byte = bytes[consumed]
            if isAfterCarriageReturn {
                isAfterCarriageReturn = false
                if byte == ASCII.lineFeed {
                    consumed += 1
                    continue
                }
            }
            if byte == ASCII.lineFeed || byte == ASCII.carriageReturn {
                consumed += 1
                isAfterCarriageReturn = byte == ASCII.carriageReturn
                if let step = endLine() { return step }
                continue
            }
            switch state {
            case .value:
                let start = consumed
                consumed = ASCII.lineEnd(bytes, from: start)
                return .data(start..<consumed)
            case .colon:
                state = .value
                if byte == ASCII.space { consumed += 1 }
            case .otherLine: consumed = ASCII.lineEnd(bytes, from: consumed)
            case .start, .mark1, .mark2, .line, .d, .da, .dat, .data:
                consumed += 1
                takeName(byte)
            }
        }
        return .needsMore
    }

    private mutating func takeName(_ byte: UInt8) {
        isLineEmpty = false
        switch (state, byte) {
        case (.start, 0xef): state = .mark1
        case (.mark1, 0xbb): state = .mark2
        case (.mark2, 0xbf):
            state = .line
            isLineEmpty = true
        case (.start, UInt8(ascii: "d")), (.line, UInt8(ascii: "d")): state = .d
        case (.d, UInt8(ascii: "a")): state = .da
        case (.da, UInt8(ascii: "t")): state = .dat
        case (.dat, UInt8(ascii: "a")): state = .data
        case (.data, ASCII.colon): state = .colon
        default: state = .otherLine
        }
    }

    private mutating func endLine() -> Step? {
        let ended = state
        let wasEmpty = isLineEmpty
        state = .line
        isLineEmpty = true
        if wasEmpty {
            guard hasData else { return nil }
            hasData = false
            return .event
        }
        switch ended {
        case .data, .colon, .value:
            // A further line of data: an LF joins it to the one before.
            hasData = true
            return .lineEnd
        case .start, .mark1, .mark2, .line, .d, .da, .dat, .otherLine: return nil
        }
    }
}
