/// Writes the events of a stream in their framing, and knows where each of them ends.
struct EventWriter {
    /// How events are told apart.
    enum Framing {
        /// Server-sent events.
        case serverSentEvents
        /// Amazon's messages; an event's type becomes `:event-type`.
        case amazonMessages
        /// The elements of one JSON array.
        case array
    }

    /// Text is told in pieces of at most so many bytes, as models do.
    static let pieceBytesMax = 64

    let framing: Framing
    /// Whether nothing is written: to learn whether a document can be told as events.
    let isTrial: Bool
    private(set) var bytes: [UInt8] = []
    /// Where each event ends.
    private(set) var ends: [Int] = []

    /// `capacity` is about how many bytes are going to be written.
    init(_ framing: Framing, isTrial: Bool = false, capacity: Int = 0) {
        self.framing = framing
        self.isTrial = isTrial
        bytes.reserveCapacity(capacity)
    }

    /// Adds an event. `type` is its name, nil where the dialect has none.
    mutating func write(type: StaticString? = nil, _ data: Span<UInt8>) { write(type: type, data, Span(), Span()) }

    /// Adds an event whose data comes in three parts.
    mutating func write(
        type: StaticString? = nil, _ first: Span<UInt8>, _ second: Span<UInt8>, _ third: Span<UInt8>
    ) {
        if isTrial { return }
        switch framing {
        case .serverSentEvents:
            if let type {
                append("event: ")
                append(type)
                append("\n")
            }
            append("data: ")
            appendLine(first)
            appendLine(second)
            appendLine(third)
            append("\n\n")
        case .amazonMessages:
            var payload: [UInt8] = []
            payload.append(first)
            payload.append(second)
            payload.append(third)
            var message = ByteQueue()
            message.appendAmazonMessage(
                headers: [
                    (":event-type", type.map { "\($0)" } ?? "chunk"), (":content-type", "application/json"),
                    (":message-type", "event"),
                ], payload: payload.span)
            message.withBytes { bytes.append($0) }
        case .array:
            append(ends.isEmpty ? "[" : ",\r\n")
            bytes.append(first)
            bytes.append(second)
            bytes.append(third)
        }
        ends.append(bytes.count)
    }

    /// Adds an event.
    mutating func write(type: StaticString? = nil, _ json: JSONText) { write(type: type, json.bytes.span) }

    /// The stream is over.
    mutating func end() {
        guard framing == .array, !isTrial else { return }
        append(ends.isEmpty ? "[]" : "]")
        if ends.isEmpty { ends.append(bytes.count) } else { ends[ends.count - 1] = bytes.count }
    }

    private mutating func append(_ text: StaticString) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Adds data to a line. A line end in it can only stand between the parts of JSON that somebody indented, where it
    /// means nothing; here it would end the event's data.
    private mutating func appendLine(_ data: Span<UInt8>) {
        var start = 0
        while start < data.count {
            let end = ASCII.lineEnd(data, from: start)
            bytes.append(data.extracting(start..<end))
            start = end + 1
        }
    }

    /// Cuts what stands between a JSON string's quotation marks into pieces of at most ``pieceBytesMax`` bytes, never
    /// within a character, an escape or a surrogate pair of two escapes. An empty text is one empty piece.
    static func pieces(of raw: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        repeat {
            let end = pieceEnd(raw, start)
            body(raw.extracting(start..<end))
            start = end
        } while start < raw.count
    }

    /// Where the piece that begins at `start` ends; `start` itself where the text does.
    static func pieceEnd(_ raw: Span<UInt8>, _ start: Int) -> Int {
        let room = raw.extracting(start..<min(start + pieceBytesMax, raw.count))
        // Up to here each byte is a character.
        var end = start + JSONScan.plain(room, 0)
        while end < raw.count {
            let next = end + unitLength(raw, end)
            if next - start > pieceBytesMax, end > start { break }
            end = min(next, raw.count)
        }
        return end
    }

    /// The bytes of the character or escape at `index`.
    private static func unitLength(_ raw: Span<UInt8>, _ index: Int) -> Int {
        switch raw[index] {
        case JSONScan.backslash:
            guard index + 1 < raw.count, raw[index + 1] == UInt8(ascii: "u") else { return 2 }
            let isHigh =
                index + 3 < raw.count && raw[index + 2] | 0x20 == UInt8(ascii: "d")
                && [UInt8(ascii: "8"), UInt8(ascii: "9"), UInt8(ascii: "a"), UInt8(ascii: "b")].contains(
                    raw[index + 3] | 0x20)
            return isHigh ? 12 : 6
        case 0xC0...0xDF: return 2
        case 0xE0...0xEF: return 3
        case 0xF0...0xF7: return 4
        default: return 1
        }
    }
}
