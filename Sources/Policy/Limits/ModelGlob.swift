/// A pattern for the names of models: `*` stands for any characters or none, `?` for one. The case of ASCII letters does
/// not matter, because some providers take both and a limit must not be got round by it.
public struct ModelGlob: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it is written.
    public let text: String
    /// In lower case.
    private let bytes: [UInt8]

    /// Longer names are nobody's; an answer's or a request's name is cut off long before.
    public static let byteCountMax = 128

    /// nil for an empty text, one that is too long, and one with blanks or control characters.
    public init?(_ text: String) {
        guard (1...Self.byteCountMax).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return nil }
        self.text = text
        bytes = text.utf8.map(Self.lowercased)
    }

    /// Whether the pattern means this model. Takes at most the product of both lengths.
    public func matches(_ model: String) -> Bool {
        var model = model
        return model.withUTF8 { name in matches(unsafe name.span) }
    }

    /// How many bytes are fixed, by which the narrower of two patterns wins.
    var fixedByteCount: Int { bytes.count { $0 != Self.star && $0 != Self.questionMark } }
    /// Whether it is a name and no pattern.
    var isExact: Bool { fixedByteCount == bytes.count }
    /// The pattern as it is written.
    public var description: String { text }

    /// The same pattern whatever its letters' case.
    public static func == (left: ModelGlob, right: ModelGlob) -> Bool { left.bytes == right.bytes }
    /// As equality has it.
    public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    private static let star = UInt8(ascii: "*")
    private static let questionMark = UInt8(ascii: "?")

    private static func lowercased(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }

    /// After a mismatch the last star takes one byte more, and no other is tried again.
    private func matches(_ name: Span<UInt8>) -> Bool {
        var (at, from) = (0, 0)
        var lastStar: (at: Int, from: Int)?
        while from < name.count {
            if at < bytes.count, bytes[at] == Self.star {
                lastStar = (at, from)
                at += 1
            } else if at < bytes.count, bytes[at] == Self.questionMark || bytes[at] == Self.lowercased(name[from]) {
                at += 1
                from += 1
            } else if let (star, start) = lastStar {
                lastStar = (star, start + 1)
                (at, from) = (star + 1, start + 1)
            } else {
                return false
            }
        }
        return bytes[at...].allSatisfy { $0 == Self.star }
    }
}
