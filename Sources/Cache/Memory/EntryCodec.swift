import Wire

/// Why bytes are not an entry, or an entry cannot be bytes.
public enum EntryFlaw: Error, Equatable, Sendable {
    /// They are of another version of leo, or empty.
    case version
    /// Their check does not fit: something has changed them.
    case damaged
    /// They are as somebody wrote them, and not an entry.
    case malformed
    /// It holds more tool calls, or a longer text, than an entry has room for.
    case tooLarge
}

/// An entry as bytes, as it lies in memory and wherever else answers are kept.
///
///     version  flags  lengths and numbers  model  tool call ids  fields  document  CRC-32 of all before it
///
/// Numbers are in groups of seven bits, lowest first, as short as they can be (LEB128); the check is little-endian. There
/// is one spelling for each entry, so what decodes encodes to the same bytes.
public enum EntryCodec {
    /// The first byte. Another layout gets another number, and entries of any other number are misses.
    public static let version: UInt8 = 1

    private enum Flag {
        static let canStream: UInt8 = 1
        static let callsTools: UInt8 = 2
        static let isMarker: UInt8 = 4
        static let hasModel: UInt8 = 8
        static let hasUsage: UInt8 = 16
        static let all: UInt8 = 31
    }

    private static let checkByteCount = 4

    /// The bytes of an entry.
    public static func encode(_ entry: CacheEntry) throws(EntryFlaw) -> [UInt8] {
        guard entry.toolCallIDs.count <= AnswerDocument.toolCallCountMax else { throw .tooLarge }
        guard entry.isMarker == (entry.documentByteCount == 0) else { throw .malformed }
        // The array is what the cache keeps, so it gets no more room than it fills.
        var writer = EntryWriter(byteCount: byteCount(of: entry))
        writer.bytes.append(version)
        writer.bytes.append(flags(entry))
        if let model = entry.model { try writer.text(model) }
        if let usage = entry.usage { writer.usage(usage) }
        writer.number(entry.toolCallIDs.count)
        for id in entry.toolCallIDs { try writer.text(id) }
        writer.number(entry.fields.count)
        for field in entry.fields {
            try writer.text(field.name)
            try writer.text(field.value)
        }
        writer.number(entry.documentByteCount)
        writer.bytes += entry.storage[entry.documentRange]
        var check = CRC32()
        check.take(writer.bytes.span)
        for shift: UInt32 in [0, 8, 16, 24] { writer.bytes.append(UInt8(truncatingIfNeeded: check.value >> shift)) }
        return writer.bytes
    }

    /// Reads an entry, which keeps `bytes` for its document.
    public static func decode(_ bytes: [UInt8]) throws(EntryFlaw) -> CacheEntry {
        guard bytes.first == version else { throw .version }
        // Version, flags, three numbers and the check.
        guard bytes.count >= 5 + checkByteCount else { throw .damaged }
        let end = bytes.count - checkByteCount
        let content = bytes.span.extracting(first: end)
        var check = CRC32()
        check.take(content)
        let stored = (0..<checkByteCount).reduce(UInt32(0)) { $0 | UInt32(bytes[end + $1]) << UInt32(8 * $1) }
        guard check.value == stored else { throw .damaged }

        var reader = EntryReader(content, position: 2)
        let flags = bytes[1]
        guard flags & ~Flag.all == 0 else { throw .malformed }
        let model = flags & Flag.hasModel != 0 ? try reader.text() : nil
        let usage = flags & Flag.hasUsage != 0 ? try reader.usage() : nil
        let toolCallIDs = try reader.texts(countMax: AnswerDocument.toolCallCountMax)
        let names = try reader.fields()
        let documentByteCount = try reader.number()
        guard documentByteCount == end - reader.position, toolCallIDs.isEmpty || flags & Flag.callsTools != 0,
            (flags & Flag.isMarker != 0) == (documentByteCount == 0)
        else { throw .malformed }
        return CacheEntry(
            storage: bytes, documentRange: reader.position..<end, canStream: flags & Flag.canStream != 0,
            callsTools: flags & Flag.callsTools != 0, toolCallIDs: toolCallIDs, fields: names, model: model,
            usage: usage, isMarker: flags & Flag.isMarker != 0)
    }

    private static func flags(_ entry: CacheEntry) -> UInt8 {
        (entry.canStream ? Flag.canStream : 0) | (entry.callsTools ? Flag.callsTools : 0)
            | (entry.isMarker ? Flag.isMarker : 0) | (entry.model != nil ? Flag.hasModel : 0)
            | (entry.usage != nil ? Flag.hasUsage : 0)
    }

    /// How long an entry's bytes are, but for a few.
    private static func byteCount(of entry: CacheEntry) -> Int {
        func length(_ text: String) -> Int { 2 + text.utf8.count }
        let fields = entry.fields.reduce(0) { $0 + length($1.name) + length($1.value) }
        let usage = entry.usage.map { EntryWriter.counts($0).reduce(0) { $0 + EntryWriter.byteCount($1) } } ?? 0
        return 2 + (entry.model.map(length) ?? 0) + usage + 4 + entry.toolCallIDs.reduce(0) { $0 + length($1) } + fields
            + EntryWriter.byteCount(entry.documentByteCount) + entry.documentByteCount + checkByteCount
    }
}
