/// Why a model stopped writing, in one set of words for all dialects; several choices can have several reasons.
public struct FinishReasons: OptionSet, Sendable {
    /// One bit per reason.
    public let rawValue: UInt8

    /// Makes the reasons of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It had said everything.
    public static let stop = Self(rawValue: 1)
    /// A limit on tokens.
    public static let length = Self(rawValue: 2)
    /// It calls a tool.
    public static let toolUse = Self(rawValue: 4)
    /// The provider's filter, or a refusal.
    public static let filtered = Self(rawValue: 8)
    /// Any other reason: an error, a pause, a word that leo does not know.
    public static let other = Self(rawValue: 16)

    init(_ signals: AnswerSignals) {
        self = []
        if signals.contains(.stop) { insert(.stop) }
        if signals.contains(.length) { insert(.length) }
        if signals.contains(.toolUse) { insert(.toolUse) }
        if signals.contains(.filtered) { insert(.filtered) }
        if signals.contains(.otherFinish) { insert(.other) }
    }
}
