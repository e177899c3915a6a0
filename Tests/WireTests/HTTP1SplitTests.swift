import Testing

@testable import Wire

@Suite("A stream of HTTP/1 bytes")
struct HTTP1SplitTests {
    @Test("means the same however it arrives", arguments: HTTP1Tables.all)
    func pieces(_ row: HTTP1Case) {
        let whole = row.outcome()
        let count = row.stream.unicodeScalars.count
        // Long streams repeat themselves; the sizes around the interesting lengths are enough there.
        let sizes = count <= 400 ? Array(1...count) : [1, 2, 3, 5, 7, 16, 61, 127, 1021, count - 1]
        for size in sizes { #expect(row.outcome(in: size) == whole, "in pieces of \(size)") }
    }

    @Test("means the same wherever it is cut once")
    func cut() throws {
        let stream = bytes(
            "\r\n"
                + post(
                    "X-A: 1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n",
                    "3;a=\"b\"\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"))
        for position in 0...stream.count {
            var head = HTTP1Head(.request)
            let isEarly = try head.parse(stream.span.extracting(0..<position))
            #expect(try isEarly || head.parse(stream.span))
            var decoder = HTTP1BodyDecoder(head.requestFraming)
            var consumed = head.byteCount
            var content: [UInt8] = []
            for end in [max(position, consumed), stream.count] {
                let bytes = stream.span.extracting(0..<end)
                while case .data(let range) = try decoder.step(bytes, consumed: &consumed) {
                    content += stream[range]
                }
            }
            #expect(text(content) == "abc")
            #expect(text(decoder.trailers) == "X-T: 1\r\n")
            #expect(consumed == stream.count)
        }
    }

    /// Seeds are arguments, so that a failure can be repeated alone.
    @Test("with random damage is read or refused, alike in any pieces, and relayed as one meaning", arguments: 0..<300)
    func damage(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        let table = HTTP1Tables.all.filter { $0.stream.unicodeScalars.count <= 400 }
        let row = table[Int(random.next() % UInt64(table.count))]
        var stream = bytes(row.stream)
        for _ in 0...(random.next() % 3) { damage(&stream, &random) }

        var out = ByteQueue()
        let reading = Reading(kind: row.kind, answering: row.answering, framing: .asReceived)
        let whole = reading.read(stream, relaying: &out)
        for size in [1, 2, 3, 7, 33] {
            var ignored = ByteQueue()
            let found = Reading(kind: row.kind, answering: row.answering).read(stream, in: size, relaying: &ignored)
            #expect(found == whole, "in pieces of \(size): \(text(stream).debugDescription)")
        }
        guard whole.error == nil else { return }
        var ignored = ByteQueue()
        let again = Reading(kind: row.kind, answering: row.answering).read(Array(out), relaying: &ignored)
        #expect(again.messages.map(\.body) == whole.messages.map(\.body), "\(text(stream).debugDescription)")
        #expect(again.messages.map(\.framing) == whole.messages.map(\.framing), "\(text(stream).debugDescription)")
    }

    private func damage(_ stream: inout [UInt8], _ random: inout SplitMix) {
        guard !stream.isEmpty else { return }
        let position = Int(random.next() % UInt64(stream.count))
        let telling = bytes("\r\n\t :;,=\"\u{0}\u{7f}\u{80}0f-_")
        switch random.next() % 4 {
        case 0: stream[position] = UInt8(truncatingIfNeeded: random.next())
        case 1: stream[position] = telling[Int(random.next() % UInt64(telling.count))]
        case 2: stream.remove(at: position)
        default: stream.insert(telling[Int(random.next() % UInt64(telling.count))], at: position)
        }
    }
}

/// Random numbers that a seed repeats (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
