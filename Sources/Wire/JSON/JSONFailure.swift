/// Why bytes are not the JSON that was asked for, and where.
public struct JSONFailure: Error, Equatable, Sendable {
    /// What was wrong. The raw value is leo's word for it.
    public enum Reason: String, Sendable, CaseIterable {
        /// The bytes ended inside of a value.
        case cutOff = "cut_off"
        /// A byte that cannot be here: a comma too many, a word that is no literal, a byte order mark.
        case unexpectedByte = "unexpected_byte"
        /// A string's bytes are not UTF-8 (RFC 3629).
        case notUTF8 = "not_utf8"
        /// A control character stands unescaped in a string.
        case controlCharacter = "control_character"
        /// A backslash with something behind it that is no escape.
        case escape = "escape"
        /// Half of a surrogate pair, which is no character and which no UTF-8 can express.
        case loneSurrogate = "lone_surrogate"
        /// Digits that are no number: a leading zero, a point without digits.
        case number = "number"
        /// More arrays and objects inside of each other than are read.
        case tooDeep = "too_deep"
        /// More keys in objects that are open at once than are compared.
        case tooManyKeys = "too_many_keys"
        /// Something follows the value.
        case trailingBytes = "trailing_bytes"
        /// A value of another kind than the one asked for, or no value where one was asked for.
        case otherKind = "other_kind"
    }

    /// What was wrong.
    public let reason: Reason
    /// The place, in bytes from the start of the document: of the first byte that cannot be, or of the value.
    public let offset: Int

    /// Makes a failure.
    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// A sentence for people, without any of the bytes.
    public var explanation: String {
        let what =
            switch reason {
            case .cutOff: "the JSON ends too early"
            case .unexpectedByte: "not JSON"
            case .notUTF8: "not UTF-8 in a JSON string"
            case .controlCharacter: "an unescaped control character in a JSON string"
            case .escape: "an escape that JSON does not have"
            case .loneSurrogate: "half of a surrogate pair in a JSON string"
            case .number: "not a JSON number"
            case .tooDeep: "JSON nested too deeply"
            case .tooManyKeys: "too many keys in one JSON object"
            case .trailingBytes: "something follows the JSON"
            case .otherKind: "a JSON value of another kind than expected"
            }
        return "\(what), at byte \(offset)"
    }
}

/// The kinds of values (RFC 8259 3).
public enum JSONKind: String, Sendable, CaseIterable {
    /// `{…}`
    case object
    /// `[…]`
    case array
    /// `"…"`
    case string
    /// `-1.5e3`
    case number
    /// `true` or `false`
    case bool
    /// `null`
    case null
}
