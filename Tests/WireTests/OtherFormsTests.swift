import Testing

@testable import Wire

@Suite("The two forms of an answer of Gemini, Cohere and Bedrock")
struct OtherFormsTests {
    @Test("there are examples of every dialect")
    func examples() {
        for dialect in OtherForm.allCases {
            let fixtures = FormFixture.all.filter { $0.dialect == dialect }
            #expect(fixtures.count >= 3)
            for framing in dialect.framings {
                #expect(fixtures.contains { $0.streams.contains { $0.framing == framing } })
            }
        }
    }

    @Test("a stream becomes the document that the provider would have sent", arguments: FormFixture.all)
    func assembled(fixture: FormFixture) throws {
        #expect(throws: Never.self) { try fixture.dialect.form.judge(fixture.document.span) }
        for stream in fixture.streams {
            let (events, isWhole) = formEvents(stream.bytes, stream.framing)
            #expect(isWhole)
            #expect(meaning(try assemble(fixture.dialect, events).get()) == meaning(fixture.document))
        }
    }

    @Test("a document becomes a stream that says the same", arguments: FormFixture.all)
    func rendered(fixture: FormFixture) throws {
        for framing in fixture.dialect.framings {
            let writer = try #require(render(fixture.dialect, fixture.document, framing))
            let (events, isWhole) = formEvents(writer.bytes, framing)
            #expect(isWhole)
            #expect(events.count == writer.ends.count)
            #expect(writer.ends.last == writer.bytes.count)
            for event in events {
                #expect(meaning(event.data) != nil)
                #expect(!event.data.contains(10))
            }
            #expect(meaning(try assemble(fixture.dialect, events).get()) == meaning(fixture.document))
        }
    }

    @Test("a stream that is cut off anywhere is not kept", arguments: FormFixture.all)
    func cutOff(fixture: FormFixture) throws {
        var streams = fixture.streams
        for framing in fixture.dialect.framings {
            streams.append((framing, try #require(render(fixture.dialect, fixture.document, framing)).bytes))
        }
        for stream in streams {
            let events = formEvents(stream.bytes, stream.framing).events
            for count in events.indices {
                let outcome = assemble(fixture.dialect, Array(events.prefix(count)))
                #expect(outcome == .failure(.incomplete), "\(count) of \(events.count)")
            }
        }
    }

    @Test("texts are told in small pieces, and the pieces are whole characters", arguments: OtherForm.allCases)
    func pieces(dialect: OtherForm) throws {
        let text = String(repeating: "añ漢👩‍👩‍👧\\n\\u00e9\\ud83d\\ude00", count: 40)
        let document =
            switch dialect {
            case .gemini:
                """
                {"candidates":[{"content":{"parts":[{"text":"\(text)","thought":true},{"text":"\(text)"}],\
                "role":"model"},"finishReason":"STOP"}]}
                """
            case .cohere:
                """
                {"id":"1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"thinking",\
                "thinking":"\(text)"},{"type":"text","text":"\(text)"}],"tool_plan":"\(text)"}}
                """
            case .converse:
                """
                {"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":\
                {"text":"\(text)"}}},{"text":"\(text)"},{"toolUse":{"toolUseId":"1","name":"f",\
                "input":{"x":"\(text)"}}}]}},"stopReason":"tool_use"}
                """
            }
        for framing in dialect.framings {
            let writer = try #require(render(dialect, Array(document.utf8), framing))
            let events = formEvents(writer.bytes, framing).events
            #expect(events.count > 2 * text.utf8.count / 64)
            for event in events { #expect(event.data.count < 400) }
            #expect(meaning(try assemble(dialect, events).get()) == meaning(Array(document.utf8)))
        }
    }

    @Test("what leo does not know is kept or makes the answer one that is not", arguments: FormFixture.all)
    func unknownMembers(fixture: FormFixture) {
        for stream in fixture.streams {
            let events = formEvents(stream.bytes, stream.framing).events
            for (place, event) in events.enumerated() {
                for (index, byte) in event.data.enumerated() where byte == UInt8(ascii: "{") {
                    if place < events.count - 1, isReplaced(event.data.prefix(index)) { continue }
                    var changed = events
                    let isEmpty = event.data.dropFirst(index + 1).first { $0 > 32 } == UInt8(ascii: "}")
                    changed[place].data.insert(contentsOf: "\"leo\":[1]\(isEmpty ? "" : ",")".utf8, at: index + 1)
                    guard meaning(changed[place].data) != nil else { continue }
                    // A brace within a text, or within the pieces of a call's arguments, is no object of an event's.
                    guard let document = try? assemble(fixture.dialect, changed).get() else { continue }
                    #expect(String(decoding: document, as: UTF8.self).contains("leo"), "\(place) \(index)")
                }
            }
        }
    }

    /// Whether an object that begins behind `bytes` is one that a later event replaces.
    private func isReplaced(_ bytes: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self)
        return ["\"usageMetadata\":", "\"safetyRatings\":["].contains { text.hasSuffix($0) }
    }

    @Test("events in another order are not what was said", arguments: FormFixture.all)
    func order(fixture: FormFixture) {
        guard fixture.dialect != .gemini, let stream = fixture.streams.first else { return }
        let events = formEvents(stream.bytes, stream.framing).events
        for place in events.indices {
            var twice = events
            twice.insert(events[place], at: place)
            let isPiece = ["content-delta", "tool-plan-delta", "tool-call-delta", "contentBlockDelta"]
                .contains(events[place].type)
            if !isPiece { #expect(throws: AnswerFlaw.self) { try assemble(fixture.dialect, twice).get() } }
            var moved = events
            moved.append(moved.remove(at: place))
            if place < events.count - 1 {
                #expect(throws: AnswerFlaw.self) { try assemble(fixture.dialect, moved).get() }
            }
            var missing = events
            missing.remove(at: place)
            if !isPiece { #expect(throws: AnswerFlaw.self) { try assemble(fixture.dialect, missing).get() } }
        }
    }

    @Test("damaged events are a flaw or a document, nothing else", arguments: FormFixture.all)
    func damaged(fixture: FormFixture) {
        for (seed, stream) in fixture.streams.enumerated() {
            var random = SplitMix(seed: UInt64(seed + 1))
            let events = formEvents(stream.bytes, stream.framing).events
            for _ in 0..<150 {
                var changed = events
                for _ in 0...Int(random.next() % 2) {
                    let place = Int(random.next() % UInt64(changed.count))
                    guard !changed[place].data.isEmpty else { continue }
                    let index = Int(random.next() % UInt64(changed[place].data.count))
                    switch random.next() % 4 {
                    case 0: changed[place].data[index] = UInt8(truncatingIfNeeded: random.next())
                    case 1: changed[place].data.remove(at: index)
                    case 2: changed.swapAt(place, Int(random.next() % UInt64(changed.count)))
                    default: changed[place].data = Array("{}[]\"0,n".utf8.shuffled(using: &random))
                    }
                }
                guard let document = try? assemble(fixture.dialect, changed).get() else { continue }
                for framing in fixture.dialect.framings {
                    guard let writer = render(fixture.dialect, document, framing) else { continue }
                    let again = assemble(fixture.dialect, formEvents(writer.bytes, framing).events)
                    #expect((try? again.get()).map { meaning($0) } == meaning(document))
                }
            }
        }
    }
}
