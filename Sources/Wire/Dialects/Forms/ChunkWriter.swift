/// Tells a document with choices as the chunks that a stream of it would have: those of chats and of the older
/// completions.
struct ChunkWriter: ~Escapable {
    /// The document.
    let document: Span<UInt8>
    /// Where the choices are.
    private(set) var choices: [Range<Int>] = []

    /// Every chunk's beginning: what the document says beside choices and usage.
    private var head: [UInt8] = []
    /// What is said once, in the first chunk, and in the last one with choices.
    private var firstMembers: [UInt8] = []
    private var lastMembers: [UInt8] = []
    private var usage: Range<Int>?
    private var usageIsBesideChoices = false
    private let tellsUsage: Bool

    /// What each chunk repeats may be so long; it is 150 bytes. More would make a large stream of a small document.
    private static let headBytesMax = 1024
    /// And what each chunk of one choice repeats, which is nothing.
    static let memberBytesMax = 512

    /// Reads the document; nil if it cannot be told as chunks of the kind `object`.
    @_lifetime(copy document)
    init?(_ document: Span<UInt8>, object: StaticString, tellsUsage: Bool) {
        self.document = document
        self.tellsUsage = tellsUsage
        do throws(AnswerFlaw) {
            try read(object)
        } catch {
            return nil
        }
        // Whoever asks for the usage would wait for it.
        if tellsUsage, usage == nil { return nil }
        guard head.count <= Self.headBytesMax else { return nil }
    }

    private mutating func read(_ object: StaticString) throws(AnswerFlaw) {
        let document = document
        var json = JSONText()
        json.write("{\"object\":\"")
        json.write(object)
        json.write("\"")
        var first = JSONText()
        var last = JSONText()
        var cursor = AnswerCursor(document)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("choices", in: document) {
                usageIsBesideChoices = usage != nil
                try cursor.elements { (cursor) throws(AnswerFlaw) in choices.append(try cursor.skip()) }
            } else if key.equals("usage", in: document) {
                if try !cursor.isNull() { usage = try cursor.skip() }
            } else if key.equals("object", in: document) {
                try cursor.skip()
            } else if key.equals("prompt_filter_results", in: document) {
                try first.member(key, &cursor)
            } else if ChunkStream.isTold(atTheEnd: key, document) {
                try last.member(key, &cursor)
            } else {
                try json.member(key, &cursor)
            }
        }
        head = json.bytes
        firstMembers = first.bytes
        lastMembers = last.bytes
    }

    /// What stands around a text in a chunk.
    struct Frame {
        var before: [UInt8]
        var after: [UInt8]
    }

    /// What stands around a text in a chunk with one choice, whose own JSON around it is `beginning` and `end`.
    func frame(
        _ beginning: JSONText, _ end: JSONText = JSONText(), isFirst: Bool = false, isLast: Bool = false
    ) -> Frame {
        var before = JSONText()
        before.raw(head.span)
        if isFirst { before.raw(firstMembers.span) }
        before.write(",\"choices\":[")
        before.raw(beginning.bytes.span)
        var after = JSONText()
        after.raw(end.bytes.span)
        after.write("]")
        if isLast { after.raw(lastMembers.span) }
        if let usage, usageIsBesideChoices {
            if isLast {
                after.write(",\"usage\":")
                after.raw(document.extracting(usage))
            }
        } else if tellsUsage {
            after.write(",\"usage\":null")
        }
        after.write("}")
        return Frame(before: before.bytes, after: after.bytes)
    }

    /// Writes a chunk with one choice.
    func write(_ choice: JSONText, isFirst: Bool = false, isLast: Bool = false, into events: inout EventWriter) {
        let frame = frame(choice, isFirst: isFirst, isLast: isLast)
        events.write(frame.before.span, Span(), frame.after.span)
    }

    /// Writes the chunk with the usage, where it has one of its own, and the last word.
    func writeEnd(into events: inout EventWriter) {
        if tellsUsage, !usageIsBesideChoices, let usage {
            var json = JSONText()
            json.raw(head.span)
            json.write(",\"choices\":[],\"usage\":")
            json.raw(document.extracting(usage))
            json.write("}")
            events.write(json)
        }
        var done = JSONText()
        done.write("[DONE]")
        events.write(done)
    }
}

extension JSONText {
    /// Adds a comma and a member as it stands in the document of `cursor`, which is in front of its value.
    mutating func member(_ key: JSONString, _ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        write(",")
        raw(cursor.bytes.extracting(key.quotedRange))
        write(":")
        raw(cursor.bytes.extracting(try cursor.skip()))
    }
}
