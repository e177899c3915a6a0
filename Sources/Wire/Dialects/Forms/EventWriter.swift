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
    private(set) var bytes: [UInt8] = []
    /// Where each event ends.
    private(set) var ends: [Int] = []

    init(_ framing: Framing) { self.framing = framing }

    /// Adds an event. `type` is its name, nil where the dialect has none.
    mutating func write(type: StaticString? = nil, _ data: Span<UInt8>) {
        switch framing {
        case .serverSentEvents:
            if let type { bytes += "event: \(type)\n".utf8 }
            bytes += "data: ".utf8
            bytes.append(data)
            bytes += "\n\n".utf8
        case .amazonMessages:
            var message = ByteQueue()
            message.appendAmazonMessage(
                headers: [
                    (":event-type", type.map { "\($0)" } ?? "chunk"), (":content-type", "application/json"),
                    (":message-type", "event"),
                ], payload: data)
            message.withBytes { bytes.append($0) }
        case .array:
            bytes += (ends.isEmpty ? "[" : ",\r\n").utf8
            bytes.append(data)
        }
        ends.append(bytes.count)
    }

    /// Adds an event.
    mutating func write(type: StaticString? = nil, _ json: JSONText) { write(type: type, json.bytes.span) }

    /// The stream is over.
    mutating func end() {
        guard framing == .array else { return }
        bytes += (ends.isEmpty ? "[]" : "]").utf8
        if ends.isEmpty { ends.append(bytes.count) } else { ends[ends.count - 1] = bytes.count }
    }

    /// Cuts what stands between a JSON string's quotation marks into pieces of at most ``pieceBytesMax`` bytes, never
    /// within a character, an escape or a surrogate pair of two escapes. An empty text is one empty piece.
    static func pieces(of raw: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        repeat {
            var end = start
            while end < raw.count {
                let next = end + unitLength(raw, end)
                if next - start > pieceBytesMax, end > start { break }
                end = min(next, raw.count)
            }
            body(raw.extracting(start..<end))
            start = end
        } while start < raw.count
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
