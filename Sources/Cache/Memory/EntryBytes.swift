import Wire

/// Writes the parts of an entry.
struct EntryWriter {
    var bytes: [UInt8] = []

    init(byteCount: Int) { bytes.reserveCapacity(byteCount) }

    /// A number that is not negative.
    mutating func number(_ number: Int) {
        var rest = UInt(max(number, 0))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func text(_ text: String) throws(EntryFlaw) {
        let count = text.utf8.count
        guard count <= CacheEntry.textByteCountMax else { throw .tooLarge }
        number(count)
        bytes += text.utf8
    }

    mutating func usage(_ usage: Usage) {
        for count in Self.counts(usage) { number(count) }
    }

    /// The counts of a usage in their order, within their bounds.
    static func counts(_ usage: Usage) -> [Int] {
        [
            usage.inputTokens, usage.cachedTokens, usage.cacheWriteTokens, usage.longCacheWriteTokens,
            usage.outputTokens, usage.reasoningTokens,
        ].map { min(max($0, 0), Usage.tokenCountMax) }
    }

    /// How many bytes a number takes.
    static func byteCount(_ number: Int) -> Int {
        max(1, (Int.bitWidth - max(number, 0).leadingZeroBitCount + 6) / 7)
    }
}

/// Reads the parts of an entry; what is not there, or not in its one spelling, is ``EntryFlaw/malformed``.
struct EntryReader: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var position: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// A number below 2^63.
    mutating func number() throws(EntryFlaw) -> Int {
        var number: UInt = 0
        for shift in stride(from: UInt(0), to: 63, by: 7) {
            guard position < bytes.count else { throw .malformed }
            let byte = bytes[position]
            position += 1
            number |= UInt(byte & 0x7f) << shift
            if byte & 0x80 != 0 { continue }
            // A last group of zeros would be a second spelling.
            guard byte != 0 || shift == 0 else { throw .malformed }
            return Int(number)
        }
        throw .malformed
    }

    mutating func text() throws(EntryFlaw) -> String {
        let count = try number()
        guard count <= CacheEntry.textByteCountMax, count <= bytes.count - position else { throw .malformed }
        let text = bytes.extracting(position..<position + count)
        position += count
        do { return String(copying: try UTF8Span(validating: text)) } catch { throw .malformed }
    }

    mutating func texts(countMax: Int) throws(EntryFlaw) -> [String] {
        let count = try number()
        guard count <= countMax else { throw .malformed }
        var texts: [String] = []
        for _ in 0..<count { texts.append(try text()) }
        return texts
    }

    mutating func fields() throws(EntryFlaw) -> [(name: String, value: String)] {
        let count = try number()
        guard count <= CacheEntry.fieldCountMax else { throw .malformed }
        var fields: [(name: String, value: String)] = []
        for _ in 0..<count { fields.append((name: try text(), value: try text())) }
        return fields
    }

    mutating func usage() throws(EntryFlaw) -> Usage {
        var usage = Usage()
        usage.inputTokens = try count()
        usage.cachedTokens = try count()
        usage.cacheWriteTokens = try count()
        usage.longCacheWriteTokens = try count()
        usage.outputTokens = try count()
        usage.reasoningTokens = try count()
        return usage
    }

    private mutating func count() throws(EntryFlaw) -> Int {
        let count = try number()
        guard count <= Usage.tokenCountMax else { throw .malformed }
        return count
    }
}
