import Testing

@testable import Wire

@Suite("An answer that is kept")
struct AnswerFormTests {
    @Test(
        "as a stream is the document that its provider would have sent, in any pieces", arguments: AnswerFixture.streams
    )
    func streamToDocument(_ fixture: AnswerFixture) throws {
        let whole = try assembled(fixture.body, fixture.operation, fixture.framing.contentType).get()
        #expect(AnswerMeaning.of(whole.json) == AnswerMeaning.of(fixture.document))
        for cut in cuttings(fixture.body.count, seeds: 1...8) {
            #expect(
                try assembled(fixture.body, fixture.operation, fixture.framing.contentType, cuts: cut).get() == whole)
        }
    }

    @Test("as a document stays as it is, byte for byte", arguments: AnswerFixture.kept)
    func documentToDocument(_ fixture: AnswerFixture) throws {
        let operation = AnswerFixture.operation(fixture.dialect, .document)
        let cuts = cuttings(fixture.document.count, seeds: 1...3)
        for cut in cuts {
            let answer = try assembled(fixture.document, operation, "application/json", cuts: cut).get()
            #expect(answer.json == fixture.document)
            let rendered = AnswerDocument.render(answer.json.span, of: operation, as: .document)
            // What a stream left out would be missing.
            guard ChunkStream.isWhole(answer.json.span) else {
                #expect(rendered == nil)
                continue
            }
            #expect(
                rendered == RenderedAnswer(bytes: fixture.document, eventEnds: [], contentType: "application/json"))
        }
    }

    @Test("is the same once it was told as a stream", arguments: AnswerFixture.kept)
    func roundTrip(_ fixture: AnswerFixture) throws {
        let operation = AnswerFixture.operation(fixture.dialect, .document)
        let answer = try assembled(fixture.document, operation, "application/json").get()
        let streaming = AnswerFixture.operation(fixture.dialect, .events)
        var formCount = 0
        for form in [AnswerForm.stream(tellsUsage: true), .stream(tellsUsage: false), .array] {
            guard let rendered = AnswerDocument.render(answer.json.span, of: operation, as: form) else { continue }
            formCount += 1
            let again = try assembled(rendered.bytes, streaming, rendered.contentType).get()
            #expect(again.canStream)
            #expect(again.toolCallIDs == answer.toolCallIDs && again.callsTools == answer.callsTools)
            let isTold = form != .stream(tellsUsage: false) || fixture.tellsUsageUnasked
            #expect(meaning(again.json, isTold) == meaning(answer.json, isTold))
            #expect(rendered.eventEnds == rendered.eventEnds.sorted())
            #expect(rendered.eventEnds.last == rendered.bytes.count)
            // And told again it is the same to the byte, but for what was not told.
            guard isTold else { continue }
            let twice = AnswerDocument.render(again.json.span, of: operation, as: form)
            #expect(twice?.eventEnds.count == rendered.eventEnds.count)
        }
        #expect((formCount > 0) == answer.canStream)
        if fixture.framing != .document { #expect(answer.canStream) }
    }

    /// What a client sees of a document: nulls and empty lists of it say nothing.
    private func meaning(_ json: [UInt8], _ usageIsTold: Bool, leavesOut: Set<String> = []) -> String? {
        AnswerMeaning.of(json) { key, value in
            value == "null" || value == "[]" || value == "{}" || (key == "usage" && !usageIsTold)
                || leavesOut.contains(key)
        }
    }

    /// What a stream has also where a damaged document has it not.
    private let defaults: Set<String> = ["object", "type", "role"]

    @Test("is none if it is cut off anywhere", arguments: AnswerFixture.kept)
    func cutOff(_ fixture: AnswerFixture) {
        // Blanks behind a document or an array are no part of it.
        let isLine = fixture.framing == .document || fixture.framing == .array
        let count = isLine ? fixture.body.lastIndex { $0 > 32 } ?? 0 : fixture.body.count
        // What is cut off is read again each time, so in long bodies only every third place is tried, and all of the end.
        for end in 0..<count where count < 1500 || end > count - 300 || end % 3 == 0 {
            let cut = assembled(Array(fixture.body[..<end]), fixture.operation, fixture.framing.contentType)
            if case .success = cut {
                // An event ends with the CR of its last line end.
                #expect(fixture.body[end] == 10 && fixture.body[end - 1] == 13, "cut at \(end)")
            }
        }
    }

    @Test("is none if something is wrong with it", arguments: AnswerFixture.refused)
    func refused(_ fixture: AnswerFixture) throws {
        let flaw = try #require(fixture.flaw)
        let whole = assembled(fixture.body, fixture.operation, fixture.framing.contentType)
        #expect(whole == .failure(flaw))
        for cuts in cuttings(fixture.body.count, seeds: 1...3) {
            #expect(assembled(fixture.body, fixture.operation, fixture.framing.contentType, cuts: cuts) == whole)
        }
    }

    @Test("is told in pieces of some words, each event of them whole", arguments: AnswerFixture.kept)
    func events(_ fixture: AnswerFixture) throws {
        let operation = AnswerFixture.operation(fixture.dialect, .document)
        guard
            let rendered = AnswerDocument.render(
                fixture.document.span, of: operation, as: .stream(tellsUsage: false)),
            rendered.contentType == "text/event-stream; charset=utf-8"
        else { return }
        #expect(String(validating: rendered.bytes, as: UTF8.self) != nil)
        var start = 0
        for end in rendered.eventEnds {
            let event = String(decoding: rendered.bytes[start..<end], as: UTF8.self)
            #expect(event.hasSuffix("\n\n"))
            #expect(event.dropLast(2).split(separator: "\n", omittingEmptySubsequences: false).count <= 2)
            let seen = readEvents(Array(event.utf8)).seen
            #expect(seen.count == 1)
            start = end
        }
    }

    @Test("has been whatever an assembler made, however the body was mutilated", arguments: AnswerFixture.kept)
    func mutilated(_ fixture: AnswerFixture) throws {
        var random = SplitMix(seed: UInt64(fixture.body.count))
        let alphabet = Array("{}[]\",:\\u0n\n d1-".utf8)
        for _ in 0..<40 {
            var body = fixture.body
            for _ in 0...Int(random.next() % 3) {
                let place = Int(random.next() % UInt64(body.count))
                let length = min(Int(random.next() % 13), body.count - place)
                switch random.next() % 4 {
                case 0: body[place] = alphabet[Int(random.next() % UInt64(alphabet.count))]
                case 1: body.removeSubrange(place..<place + length)
                case 2: body.insert(contentsOf: Array(body[place..<place + length]), at: place)
                default: body[place] = UInt8(truncatingIfNeeded: random.next())
                }
                if body.isEmpty { break }
            }
            guard let answer = try? assembled(body, fixture.operation, fixture.framing.contentType).get() else {
                continue
            }
            #expect(JSONReference.read(answer.json) != nil)
            guard answer.canStream else { continue }
            let form = AnswerForm.stream(tellsUsage: false)
            let told = AnswerDocument.render(answer.json.span, of: fixture.operation, as: form)
            let rendered = try #require(told)
            let streaming = AnswerFixture.operation(fixture.dialect, .events)
            let again = try assembled(rendered.bytes, streaming, rendered.contentType).get()
            #expect(meaning(again.json, false, leavesOut: defaults) == meaning(answer.json, false, leavesOut: defaults))
        }
    }
}

extension AnswerFixture {
    /// Whether the usage is told with the last choice, or belongs to a dialect that always tells it.
    var tellsUsageUnasked: Bool {
        guard dialect == .openaiChat || dialect == .openaiCompletions else { return true }
        var keys: [String] = []
        var cursor = AnswerCursor(document.span)
        try? cursor.members { (cursor, key) throws(AnswerFlaw) in keys.append(key.text(in: cursor.bytes)) }
        guard let usage = keys.firstIndex(of: "usage"), let choices = keys.firstIndex(of: "choices") else {
            return true
        }
        return usage < choices
    }
}
