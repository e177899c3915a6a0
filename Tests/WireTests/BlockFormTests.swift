import Testing

@testable import Wire

@Suite("An answer made of blocks")
struct BlockFormTests {
    @Test("that came as a stream is the document that its provider would have sent", arguments: BlockFixture.all)
    func document(_ fixture: BlockFixture) throws {
        let document = try fixture.form.document(of: fixture.stream)
        #expect(AnswerMeaning.of(document) == AnswerMeaning.of(fixture.document))
        let facts = try fixture.form.judge(document)
        let expected = try fixture.form.judge(fixture.document)
        #expect(facts.toolCallIDs == expected.toolCallIDs)
        #expect(facts.callsTools == expected.callsTools)
    }

    @Test("is the same document again once it was told as a stream", arguments: BlockFixture.all)
    func roundTrip(_ fixture: BlockFixture) throws {
        let events = try #require(fixture.form.stream(fixture.document))
        let again = try fixture.form.document(of: events.bytes)
        #expect(AnswerMeaning.of(again) == AnswerMeaning.of(fixture.document))
        #expect(events.ends.last == events.bytes.count)
        // And a stream told twice is the same bytes.
        #expect(fixture.form.stream(again)?.bytes.count == events.bytes.count)
    }

    @Test("stands indented in the document, which changes nothing", arguments: BlockFixture.all)
    func indented(_ fixture: BlockFixture) throws {
        // In texts no comma stands beside a quotation mark. No event has the line ends.
        let text = String(decoding: fixture.document, as: UTF8.self)
        let document = Array((" \t" + text.replacing(",\"", with: ",\r\n  \"")).utf8)
        #expect(AnswerMeaning.of(document) == AnswerMeaning.of(fixture.document))
        let events = try #require(fixture.form.stream(document))
        #expect(AnswerMeaning.of(try fixture.form.document(of: events.bytes)) == AnswerMeaning.of(fixture.document))
    }

    @Test("that is cut off anywhere is none", arguments: BlockFixture.all)
    func cutOff(_ fixture: BlockFixture) throws {
        let rendered = try #require(fixture.form.stream(fixture.document)?.bytes)
        for stream in [fixture.stream, rendered] {
            var builder = fixture.form.builder
            var parser = EventStreamParser()
            var endsEarly = 0
            var isComplete = false
            for index in stream.indices {
                var consumed = 0
                let byte = stream.span.extracting(index..<index + 1)
                if parser.step(byte, consumed: &consumed) == .event {
                    try builder.take(type: parser.type, data: parser.data)
                }
                var copy = builder
                do throws(AnswerFlaw) {
                    _ = try copy.finish()
                    isComplete = true
                } catch {
                    #expect(error == .incomplete)
                    #expect(!isComplete)
                    endsEarly = index
                }
            }
            // Complete with the last event's blank line.
            #expect(endsEarly == stream.count - 2)
        }
    }

    @Test("of which an event is missing is another or none, and never half of one", arguments: BlockFixture.all)
    func missingEvents(_ fixture: BlockFixture) throws {
        let events = try #require(fixture.form.stream(fixture.document))
        let meaning = AnswerMeaning.of(fixture.document)
        for (index, end) in events.ends.enumerated() {
            let start = index == 0 ? 0 : events.ends[index - 1]
            let without = Array(events.bytes[..<start] + events.bytes[end...])
            let name = String(decoding: events.bytes[start..<end].prefix { $0 != 10 }, as: UTF8.self)
            switch fixture.form {
            case .responses:
                // Its last event says everything, so what is missing before is noticed, or is of no account.
                guard let document = try? fixture.form.document(of: without) else { continue }
                #expect(AnswerMeaning.of(document) == meaning, "without \(name)")
                let saysLittle = [
                    ".created", ".in_progress", "_part.added", "_part.done", ".annotation.added", "_text.done",
                    "arguments.done", "input.done", "item.done",
                ].contains { name.hasSuffix($0) }
                // Where a text has one piece, an item that came whole is not missed.
                let isOnlyDelta = name.hasSuffix(".delta") && !hasNeighbour(index, name, events)
                #expect(saysLittle || isOnlyDelta, "without \(name)")
            case .messages:
                if name.hasSuffix("_delta") { continue }
                #expect(fixture.form.flaw(of: without) != nil, "without \(name)")
            }
        }
    }

    private func hasNeighbour(_ index: Int, _ name: String, _ events: EventWriter) -> Bool {
        [index - 1, index + 1].contains { neighbour in
            guard neighbour > 0, neighbour < events.ends.count else { return false }
            let bytes = events.bytes[events.ends[neighbour - 1]..<events.ends[neighbour]]
            return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self) == name
        }
    }

    @Test("tells its texts in pieces of some words, whole characters each", arguments: BlockFixture.all)
    func pieces(_ fixture: BlockFixture) throws {
        let events = try #require(fixture.form.stream(fixture.document))
        #expect(String(validating: events.bytes, as: UTF8.self) != nil)
        var start = 0
        for end in events.ends {
            // A blank line ends an event, and stands nowhere else.
            let event = String(decoding: events.bytes[start..<end], as: UTF8.self)
            #expect(event.hasPrefix("event: ") && event.hasSuffix("\n\n"))
            #expect(event.split(separator: "\n").count == 2)
            // One with log probabilities is whole, and longer.
            let isDelta = event.contains(".delta\"") && event.contains("\"logprobs\":[]")
            #expect(!isDelta || end - start < 400)
            start = end
        }
    }

    @Test("mutilated in any way is refused or understood", arguments: BlockFixture.all)
    func mutilated(_ fixture: BlockFixture) throws {
        var random = SplitMix(seed: UInt64(fixture.stream.count))
        let alphabet = Array("{}[]\",:\\u0n\n d1-".utf8)
        for round in 0..<60 {
            var stream = round % 2 == 0 ? fixture.stream : fixture.document
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: 0..<stream.count, using: &random)
                let length = min(Int.random(in: 0...12, using: &random), stream.count - place)
                let other = Int.random(in: 0..<stream.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: stream[place] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                case 1: stream.removeSubrange(place..<place + length)
                case 2: stream.insert(contentsOf: Array(stream[place..<place + length]), at: other)
                default: stream[place] = UInt8.random(in: 0...255, using: &random)
                }
            }
            let document = round % 2 == 0 ? try? fixture.form.document(of: stream) : stream
            guard let document, (try? fixture.form.judge(document)) != nil,
                (try? JSONCursor.hasDuplicateKeys(document.span)) == false,
                let told = fixture.form.stream(document)
            else { continue }
            let again = try fixture.form.document(of: told.bytes)
            #expect(AnswerMeaning.of(again) == AnswerMeaning.of(document))
        }
    }
}
