/// The automaton that ``TokenCounter`` runs over ASCII: what a character is, where it leads, and what it adds.
///
/// A state says what the next character's features depend on. Every feature is counted when it begins and none when the
/// text ends, so text may come in any pieces.
struct TokenTables: Sendable {
    /// The class of each byte in plain text, and in text with JSON's escapes.
    let plain: [UInt8]
    let escaped: [UInt8]
    /// The state behind a character, at `state + class`.
    let next: [UInt8]
    /// What a character adds, at `state + class`: counts of `fieldBits` each, in the order of `unit`.
    let increments: [SIMD2<UInt64>]

    static let shared = TokenTables()

    /// Classes of bytes. From `beyondASCII` on the automaton does not go on by itself.
    static let lower: UInt8 = 0
    static let upper: UInt8 = 1
    static let digit: UInt8 = 2
    static let lineFeed: UInt8 = 3
    static let blank: UInt8 = 4
    static let mark: UInt8 = 5
    static let beyondASCII: UInt8 = 6
    static let escape: UInt8 = 7

    /// States are multiples of this, so that a class can be added.
    static let stateStride: UInt8 = 8
    /// At the start, and behind a line feed or a character beyond ASCII.
    static let elsewhere: UInt8 = 0

    /// Bits of each count in an increment.
    static let fieldBits: UInt64 = 12
    /// How many characters may be added up before counts of `fieldBits` overflow; one adds at most 1 to a count. Also
    /// the mask of a count.
    static let additionCountMax = 4095
    private enum State: Hashable {
        case elsewhere
        case mark
        /// One blank, or more.
        case blank(isRun: Bool)
        /// The number of digits so far, modulo 3.
        case digit(UInt8)
        /// The number of letters so far, up to 8, and whether the last one was small.
        case letter(UInt8, isLower: Bool)

        static let all: [State] =
            [.elsewhere, .mark, .blank(isRun: false), .blank(isRun: true), .digit(0), .digit(1), .digit(2)]
            + (1...8).flatMap { [.letter($0, isLower: false), .letter($0, isLower: true)] }
    }

    private init() {
        plain = (0...255).map { Self.kind(UInt8($0)) }
        escaped = (0...255).map { $0 == JSONScan.backslash ? Self.escape : Self.kind(UInt8($0)) }
        let states = State.all
        var next = [UInt8](repeating: Self.elsewhere, count: states.count * Int(Self.stateStride))
        var increments = [SIMD2<UInt64>](repeating: .zero, count: next.count)
        for (index, state) in states.enumerated() {
            for kind in Self.lower...Self.mark {
                let (following, features) = Self.step(state, kind)
                let slot = index * Int(Self.stateStride) + Int(kind)
                next[slot] = UInt8(states.firstIndex(of: following) ?? 0) * Self.stateStride
                for feature in features { increments[slot] &+= Self.unit(feature) }
            }
        }
        self.next = next
        self.increments = increments
    }

    private static func kind(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): lower
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): upper
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit
        case UInt8(ascii: "\n"): lineFeed
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): blank
        case 0x80...: beyondASCII
        default: mark
        }
    }

    /// The state behind a character of `kind`, and the features of which there is one more.
    private static func step(_ state: State, _ kind: UInt8) -> (State, [TokenFeature]) {
        switch kind {
        case lower, upper: return letter(state, isLower: kind == lower)
        case digit:
            var features: [TokenFeature] = []
            var count: UInt8 = 0
            if case .letter = state { features.append(.alnumMix) }
            if case .digit(let before) = state { count = before }
            if count == 0 { features.append(.digits3) }
            return (.digit((count + 1) % 3), features)
        case lineFeed: return (.elsewhere, [.newline])
        case blank:
            if case .blank(let isRun) = state { return (.blank(isRun: true), isRun ? [] : [.spaceRun]) }
            return (.blank(isRun: false), [])
        default: return (.mark, [state == .mark ? .punctRun : .punct])
        }
    }

    private static func letter(_ state: State, isLower: Bool) -> (State, [TokenFeature]) {
        var features: [TokenFeature] = []
        var count: UInt8 = 0
        switch state {
        case .letter(let before, isLower: let wasLower):
            if isLower || !wasLower {
                count = before
                if !isLower { features.append(.upperRun) }
            }
        case .digit: features.append(.alnumMix)
        case .elsewhere, .mark, .blank: break
        }
        if count == 0 { features.append(.words) }
        if count >= 4 { features.append(.long4) }
        if count >= 8 { features.append(.long8) }
        return (.letter(min(count + 1, 8), isLower: isLower), features)
    }

    /// One of `feature`, where ``TokenCounter`` looks for it.
    private static func unit(_ feature: TokenFeature) -> SIMD2<UInt64> {
        switch feature {
        case .words: SIMD2(1, 0)
        case .long4: SIMD2(1 << fieldBits, 0)
        case .long8: SIMD2(1 << (2 * fieldBits), 0)
        case .upperRun: SIMD2(1 << (3 * fieldBits), 0)
        case .digits3: SIMD2(1 << (4 * fieldBits), 0)
        case .alnumMix: SIMD2(0, 1)
        case .punct: SIMD2(0, 1 << fieldBits)
        case .punctRun: SIMD2(0, 1 << (2 * fieldBits))
        case .spaceRun: SIMD2(0, 1 << (3 * fieldBits))
        case .newline: SIMD2(0, 1 << (4 * fieldBits))
        case .latinExtended, .cyrillic, .greek, .hebrew, .arabic, .indic, .southEastAsian, .cjk, .kana, .hangul, .other,
            .emoji:
            .zero
        }
    }
}
