import Testing
@testable import Wire

@testable import Cache

@Suite("An entry as bytes")
struct EntryCodecTests {
    private static func random(_ random: inout SplitMix) -> CacheEntry {
        func text(_ random: inout SplitMix) -> String {
            let length = [0, 1, 20, 127, 128, 300].randomElement(using: &random) ?? 0
            return String((0..<length).map { _ in "aé漢🙂\u{0}".randomElement(using: &random) ?? "b" })
        }
        func number(_ random: inout SplitMix) -> Int {
            let bits = Int.random(in: 0...30, using: &random)
            return min(Int.random(in: 0...(1 << bits), using: &random), Usage.tokenCountMax)
        }
        var usage = Usage()
        usage.inputTokens = number(&random)
        usage.cachedTokens = number(&random)
        usage.cacheWriteTokens = number(&random)
        usage.longCacheWriteTokens = number(&random)
        usage.outputTokens = number(&random)
        usage.reasoningTokens = number(&random)
        let size = [1, 2, 127, 128, 16_383, 16_384, 20_000].randomElement(using: &random) ?? 1
        let ids = (0..<Int.random(in: 0...3, using: &random)).map { _ in text(&random) }
        let fields = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            (name: text(&random), value: text(&random))
        }
        let entry = CacheEntry(
            document: (0..<size).map { UInt8(truncatingIfNeeded: $0) }, canStream: Bool.random(using: &random),
            callsTools: Bool.random(using: &random), toolCallIDs: ids, fields: fields,
            model: Bool.random(using: &random) ? text(&random) : nil,
            usage: Bool.random(using: &random) ? usage : nil)
        return Int.random(in: 0..<5, using: &random) == 0 ? entry.marker : entry
    }

    @Test("comes back as it was, and to the same bytes again", arguments: 0..<300)
    func roundTrip(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let entry = Self.random(&random)
        let bytes = try EntryCodec.encode(entry)
        let decoded = try EntryCodec.decode(bytes)
        #expect(decoded == entry)
        #expect(decoded.document.count == entry.documentByteCount)
        #expect(try EntryCodec.encode(decoded) == bytes)
    }

    @Test("is laid out as documented")
    func layout() throws {
        var usage = Usage()
        usage.inputTokens = 300
        usage.outputTokens = 5
        let entry = CacheEntry(
            document: Array("{}".utf8), canStream: true, callsTools: false, toolCallIDs: ["t"], fields: [("n", "v")],
            model: "m", usage: usage)
        let bytes = try EntryCodec.encode(entry)
        let content: [UInt8] =
            [1, 0b11011, 1, 0x6d, 0xac, 2, 0, 0, 0, 5, 0, 1, 1, 0x74, 1, 1, 0x6e, 1, 0x76, 2] + Array("{}".utf8)
        #expect(Array(bytes.dropLast(4)) == content)
        #expect(bytes == sealed(content))
    }

    @Test("is known to be damaged, whatever bit has changed")
    func damage() throws {
        let bytes = try EntryCodec.encode(
            CacheEntry(
                document: Array(#"{"a":1}"#.utf8), canStream: true, callsTools: true, toolCallIDs: ["call"],
                fields: [("x-request-id", "r")], model: "model"))
        for bit in 0..<bytes.count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: bit < 8 ? EntryFlaw.version : .damaged) { try EntryCodec.decode(changed) }
        }
    }

    @Test("is known to be cut or to be too long")
    func cut() throws {
        let bytes = try EntryCodec.encode(memoryEntry(1))
        for count in 0..<bytes.count {
            let flaw: EntryFlaw = count == 0 ? .version : .damaged
            #expect(throws: flaw) { try EntryCodec.decode(Array(bytes.prefix(count))) }
        }
        #expect(throws: EntryFlaw.damaged) { try EntryCodec.decode(bytes + [0]) }
    }

    @Test(
        "has one spelling: what fits its check and is not an entry is refused",
        arguments: [
            [1, 0x20, 0, 0, 1, 0x31],  // an unknown flag
            [1, 0, 0, 0, 0],  // an answer without a document
            [1, 4, 0, 0, 1, 0x31],  // a marker with one
            [1, 0, 0, 0, 2, 0x31],  // a document that is not there
            [1, 0, 0, 0, 1, 0x31, 0x31],  // more than the document
            [1, 0, 0x80, 0, 0, 1, 0x31],  // a number with a group too many
            [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],  // a number beyond all bounds
            [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],  // a number within, and no document
            [1, 0, 1, 1, 0x74, 0, 1, 0x31],  // a call's id, and no call
            [1, 2, 1, 2, 0xc3, 0x28, 0, 1, 0x31],  // an id that is not UTF-8
            [1, 2, 0x81, 1, 0, 1, 0x31],  // too many ids
            [1, 0, 0, 33, 1, 0x31],  // too many fields
            [1, 8, 0x81, 0x40, 0, 0, 1, 0x31],  // a model's name that is too long
            [1, 16, 0x81, 0x94, 0xeb, 0xdc, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0x31],  // more tokens than anybody uses
            [1, 8, 0, 0],  // nothing where the numbers should be
        ] as [[UInt8]])
    func malformed(_ content: [UInt8]) {
        // One more byte of check than the shortest entry needs, so that none of these is too short to be one.
        #expect(throws: content.count < 5 ? EntryFlaw.damaged : .malformed) {
            try EntryCodec.decode(sealed(content))
        }
    }

    @Test("leaves out fields beyond the limits, and is not made of too many calls or of no document")
    func bounds() throws {
        let long = String(repeating: "x", count: CacheEntry.textByteCountMax + 1)
        let fields = [("a", long), (long, "a")] + (0..<40).map { ("n\($0)", "v") }
        let entry = CacheEntry(document: [0x31], canStream: false, callsTools: false, fields: fields, model: long)
        #expect(entry.fields.map(\.name) == (0..<32).map { "n\($0)" })
        #expect(entry.model == nil)
        #expect(try EntryCodec.decode(EntryCodec.encode(entry)) == entry)
        let ids = (0...AnswerDocument.toolCallCountMax).map { "\($0)" }
        #expect(throws: EntryFlaw.tooLarge) {
            try EntryCodec.encode(CacheEntry(document: [0x31], canStream: false, callsTools: true, toolCallIDs: ids))
        }
        #expect(throws: EntryFlaw.tooLarge) {
            try EntryCodec.encode(
                CacheEntry(document: [0x31], canStream: false, callsTools: true, toolCallIDs: [long]))
        }
        #expect(throws: EntryFlaw.malformed) {
            try EntryCodec.encode(CacheEntry(document: [], canStream: false, callsTools: false))
        }
    }

    @Test("brings numbers that no provider has within their bounds")
    func usage() throws {
        var usage = Usage()
        usage.inputTokens = .max
        usage.outputTokens = .min
        let entry = CacheEntry(document: [0x31], canStream: false, callsTools: false, usage: usage)
        let decoded = try EntryCodec.decode(EntryCodec.encode(entry)).usage
        #expect(decoded?.inputTokens == Usage.tokenCountMax && decoded?.outputTokens == 0)
    }

    @Test("is made of an answer as it was put together")
    func answer() {
        let answer = AnswerDocument(json: [0x31], toolCallIDs: ["a"], callsTools: true, canStream: true)
        let entry = CacheEntry(answer, fields: [], model: "m", usage: nil)
        #expect(entry.toolCallIDs == ["a"] && entry.callsTools && entry.canStream && entry.documentByteCount == 1)
    }

    private func sealed(_ content: [UInt8]) -> [UInt8] {
        var check = CRC32()
        check.take(content.span)
        return content + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: check.value >> $0) }
    }
}
