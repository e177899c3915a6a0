import Testing

@testable import Wire

/// Answers in the shape in which providers give them.
@Suite("The answer meter")
struct AnswerMeterTests {
    @Test("has an answer of every kind to read") func corpus() {
        #expect(AnswerCase.all.count >= 70)
        let silent: Set<Dialect> = [
            .openaiOther, .anthropicOther, .geminiOther, .cohereOther, .bedrockOther,
        ]
        #expect(Set(AnswerCase.all.map(\.dialect)).union(silent) == Set(Dialect.allCases))
    }

    @Test("reads what a provider says that it used, and how the answer ended", arguments: AnswerCase.all)
    func reads(_ answer: AnswerCase) {
        let reading = AnswerReading(answer.body, answer.dialect, answer.contentType)
        #expect(reading.usage == answer.usage())
        if answer.expected["none"] != nil, reading.isTerminated == false {
            #expect(reading.usageSoFar == answer.usage("sofar."))
        }
        #expect(reading.model == answer.expected["model"])
        #expect(reading.isTerminated == (answer.expected["ended"] != nil))
        #expect(reading.hasError == (answer.expected["error"] != nil))
        #expect(reading.finish == answer.finish)
        #expect(!reading.hasOpenToolCall)
        #expect(!reading.isBroken)
    }

    @Test("reads the same in any two pieces", arguments: AnswerCase.all)
    func twoPieces(_ answer: AnswerCase) {
        let whole = AnswerReading(answer.body, answer.dialect, answer.contentType)
        for cut in 0...answer.body.count {
            let reading = AnswerReading(answer.body, answer.dialect, answer.contentType, cuts: [cut])
            if reading != whole {
                #expect(reading == whole, "cut at \(cut)")
                break
            }
        }
    }

    @Test("reads the same in pieces of any size", arguments: AnswerCase.all)
    func pieces(_ answer: AnswerCase) {
        let whole = AnswerReading(answer.body, answer.dialect, answer.contentType)
        for size in [1, 2, 3, 5, 7, 11, 16, 61, 256] {
            #expect(AnswerReading(answer.body, answer.dialect, answer.contentType, pieces: size) == whole)
        }
    }

    @Test("takes lines that end with CR LF or CR for the same", arguments: AnswerCase.all)
    func lineEnds(_ answer: AnswerCase) {
        guard answer.contentType.hasPrefix("text/event-stream"), !answer.body.contains(13) else { return }
        let whole = AnswerReading(answer.body, answer.dialect, answer.contentType)
        for end in [[13, 10], [13]] as [[UInt8]] {
            let body = answer.body.flatMap { $0 == 10 ? end : [$0] }
            #expect(AnswerReading(body, answer.dialect, answer.contentType) == whole)
            #expect(AnswerReading(body, answer.dialect, answer.contentType, pieces: 1) == whole)
        }
    }

    @Test("knows JSON from lines where the content type does not tell", arguments: AnswerCase.all)
    func sniffs(_ answer: AnswerCase) {
        guard !answer.contentType.contains("amazon"), !answer.contentType.contains("stream+json") else { return }
        let whole = AnswerReading(answer.body, answer.dialect, answer.contentType)
        for type in [nil, "", "text/plain", "application/json"] as [String?] {
            #expect(AnswerReading(answer.body, answer.dialect, type) == whole)
            #expect(AnswerReading(answer.body, answer.dialect, type, pieces: 1) == whole)
        }
    }

    @Test("never tells more of an answer that is cut than the whole has told", arguments: AnswerCase.all)
    func cuts(_ answer: AnswerCase) throws {
        let whole = AnswerReading(answer.body, answer.dialect, answer.contentType)
        for length in 0..<answer.body.count {
            let cut = AnswerReading(Array(answer.body[..<length]), answer.dialect, answer.contentType)
            // What is final early is what it is at the end.
            if let usage = cut.usage, usage != whole.usage {
                #expect(usage == whole.usage, "cut at \(length)")
                break
            }
            if cut.tokens > whole.tokens {
                #expect(cut.tokens <= whole.tokens)
                break
            }
        }
    }
}
