import Testing

@testable import Wire

@Suite("Server-sent events")
struct EventStreamTests {
    @Test(
        "are read by the rules of WHATWG",
        arguments: [
            ("", []), ("\n\n\n", []), (":\n\n:x\r\r", []), ("data: a", []), ("data: a\n", []), ("data: a\r\n", []),
            ("event: x\n\ndata: a\n\n", [("", "a")]), ("event: x\ndata: a\n\ndata: b\n\n", [("x", "a"), ("", "b")]),
            ("event:x\nevent: y\ndata\n\n", [("y", "")]), ("event: x\nevent\ndata\n\n", [("", "")]),
            ("data:  a\ndata:\tb \n\n", [("", " a\n\tb ")]), ("id: 1\nretry: 5\n\n", []),
            ("dat: a\ndata2: b\n data: c\nDATA: d\nevents: e\n\n", []), ("data : a\n\n", []),
            ("data:a\n:comment\ndata:b\n\n", [("", "a\nb")]), ("data:a:b: c\n\n", [("", "a:b: c")]),
            ("\u{feff}", []), ("\u{feff}\n\n", []), ("\u{feff}data: a\n\n", [("", "a")]),
            ("\n\u{feff}data: a\n\ndata: b\n\n", [("", "b")]),
            ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", [("", "a"), ("", "b"), ("", "c")]),
            ("data: a\n\r\n\rdata: b\r\n\r", [("", "a"), ("", "b")]),
            ("data: \u{0}\u{85}\u{2028}\n\n", [("", "\u{0}\u{85}\u{2028}")]),
        ] as [(String, [(String, String)])])
    func rules(text: String, events: [(String, String)]) {
        let stream = Array(text.utf8)
        let seen = events.map { EventStreamSeen.event(type: $0.0, data: $0.1) }
        for cuts in cuttings(stream.count) + [[]] { #expect(readEvents(stream, cuts: cuts).seen == seen) }
    }

    @Test("end at the same byte in any pieces, but for an LF that belongs to a CR before it")
    func extents() {
        let stream = Array("data: a\r\n\r\n: c\r\n\r\ndata: b\n\ndata: c\r\rdata: d\r\n\n\r\n".utf8)
        let whole = readEvents(stream)
        #expect(whole.ends == [11, 27, 36, 46])
        for cuts in cuttings(stream.count, seeds: 1...100) {
            let ends = readEvents(stream, cuts: cuts).ends
            #expect(ends.count == whole.ends.count)
            for (end, wanted) in zip(ends, whole.ends) where end != wanted {
                #expect(end == wanted - 1 && stream[end] == 10 && stream[end - 1] == 13)
            }
        }
    }

    @Test("that are not UTF-8 keep their bytes, and others are not harmed")
    func notUTF8() {
        let stream = Array("data: ".utf8) + [0xff, 0xc3] + Array("\n\ndata: b\n\n".utf8)
        let seen = readEvents(stream).seen
        #expect(seen == [.event(type: "", data: "\u{fffd}\u{fffd}"), .event(type: "", data: "b")])
    }

    @Test("beyond the limit are passed over, in any pieces; comments count for nothing")
    func oversized() {
        let text =
            "data: 12345678\n\n" + ": a comment as long as it likes\n\n: another\n" + "data: 123456789\n\n"
            + "data: 12\r\ndata:3456\r\n\r\n" + "data: 12\ndata:34567\n\n" + "data: ok\n\n"
        let stream = Array(text.utf8)
        let first = EventStreamSeen.event(type: "", data: "12345678")
        let last = EventStreamSeen.event(type: "", data: "ok")
        for cuts in cuttings(stream.count, seeds: 1...100) + [[]] {
            let outcome = readEvents(stream, cuts: cuts, eventBytesMax: 16)
            #expect(outcome.seen == [first, .oversized, .oversized, .oversized, last])
        }
        for cuts in [[], Array(0..<stream.count)] {
            let ample = readEvents(stream, cuts: cuts, eventBytesMax: 21)
            #expect(ample.seen.filter { $0 == .oversized }.isEmpty)
        }
    }

    @Test("without an end are not kept")
    func endless() {
        var parser = EventStreamParser(eventBytesMax: 1000)
        let piece = Array("data: again and again and again\n".utf8)
        for round in 0..<10_000 {
            var consumed = 0
            let step = parser.step(piece.span, consumed: &consumed)
            let isOver = parser.isInOversizedEvent
            #expect(step == .needsMore && consumed == piece.count)
            #expect(isOver == ((round + 1) * piece.count > 1000))
            let kept = parser.data.count
            #expect(kept <= 1000)
        }
        var consumed = 0
        let blank = Array("\n".utf8)
        let step = parser.step(blank.span, consumed: &consumed)
        #expect(step == .oversized)
    }

    @Test("leave room for others between them only")
    func between() {
        for (text, isBetween) in [
            ("", true), ("data: a\n\n", true), ("data: a\r\n\r", true), ("data: a\n", false), ("d", false),
            (": x\n", true),
            (": x", false), ("\n", true), ("event: x\n", false), ("event: x\n\n", true),
        ] {
            #expect(readEvents(Array(text.utf8)).isBetweenEvents == isBetween, "\(text.debugDescription)")
        }
    }
}
