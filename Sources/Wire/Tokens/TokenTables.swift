/// The automaton that ``TokenCounter`` runs: what a character is, what it adds behind which other, and where it leads.
///
/// A state says of the text so far what the next character's features depend on, but for the last character itself. Every
/// feature is counted when it begins and none when the text ends, so text may come in any pieces.
///
/// A weight holds both vocabularies': o200k in the lower 32 bits, cl100k in the upper. None is negative, so they can be
/// added as one number while the lower ones do not overflow.
final class TokenTables: Sendable {
    /// The class of each byte in plain text, and in text with JSON's escapes.
    let plain: [UInt8]
    let escaped: [UInt8]
    /// The state behind a character of a class, at `state + class`.
    let next: [UInt16]
    /// What a class adds, at `state + class`.
    let classWeights: [UInt64]
    /// What an ASCII character adds behind another, at `last << 7 | character`.
    let pairWeights: [UInt64]
    /// What a character beyond ASCII adds, at `script * stateCount + state / stateStride`.
    let scriptWeights: [UInt64]
    /// The state behind a character of each script.
    let scriptStates: [UInt16]

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
    static let stateStride: UInt16 = 8
    /// Where a text begins.
    static let start: UInt16 = 0
    /// What counts as the last character where there is none, or none of ASCII: neither letter nor mark.
    static let noCharacter = UInt8(ascii: "\n")
    /// How many characters may be added up in one number: a character adds at most four weights of 15 bits.
    static let additionCountMax = 4096

    enum State: Hashable {
        case start, newline, mark, blanks
        case blank(isIndent: Bool)
        /// The number of digits so far, modulo 3.
        case digit(Int)
        /// The number of letters so far, up to 12, and whether the last one was small.
        case letter(Int, isLower: Bool)
        case script(TokenScript)

        static let all: [State] =
            [.start, .newline, .mark, .blanks, .blank(isIndent: true), .blank(isIndent: false)]
            + (0..<3).map { .digit($0) }
            + (1...12).flatMap { [.letter($0, isLower: false), .letter($0, isLower: true)] }
            + TokenScript.allCases.map { .script($0) }

        /// The place among the weights of features that depend on what stands before.
        var before: Int {
            switch self {
            case .start: 0
            case .newline: 1
            case .blank: 2
            case .blanks: 3
            case .digit: 4
            case .mark: 5
            case .letter: 6
            case .script(let script): 7 + script.rawValue
            }
        }
    }

    private init() {
        let weights = Weights()
        let states = State.all
        plain = (0...255).map { Self.kind(UInt8($0)) }
        escaped = (0...255).map { $0 == JSONScan.backslash ? Self.escape : Self.kind(UInt8($0)) }
        var places: [State: UInt16] = [:]
        for (index, state) in states.enumerated() { places[state] = UInt16(index) * Self.stateStride }
        var next = [UInt16](repeating: Self.start, count: states.count * Int(Self.stateStride))
        var classWeights = [UInt64](repeating: 0, count: next.count)
        for (index, state) in states.enumerated() {
            for kind in Self.lower...Self.mark {
                let (following, weight) = Self.step(state, kind, weights)
                next[index * Int(Self.stateStride) + Int(kind)] = places[following] ?? Self.start
                classWeights[index * Int(Self.stateStride) + Int(kind)] = weight
            }
        }
        self.next = next
        self.classWeights = classWeights
        pairWeights = (0..<128 * 128).map { Self.pair(UInt8($0 >> 7), UInt8($0 & 127), weights) }
        scriptStates = TokenScript.allCases.map { places[.script($0)] ?? Self.start }
        scriptWeights = TokenScript.allCases.flatMap { script in
            states.map { state in
                let weight = weights[.script, script.rawValue]
                if state == .script(script) { return weight }
                return weight + weights[.scriptStart, script.rawValue * 8 + min(state.before, 7)]
            }
        }
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

    /// The state behind a character of `kind`, and what it adds.
    private static func step(_ state: State, _ kind: UInt8, _ weights: Weights) -> (State, UInt64) {
        switch kind {
        case lower, upper:
            var count = 0
            if case .letter(let before, let wasLower) = state, kind == lower || !wasLower { count = before }
            var weight = count == 0 ? weights[.word, state.before] : 0
            for (index, limit) in [4, 8, 12].enumerated() where count >= limit { weight += weights[.longWord, index] }
            return (.letter(min(count + 1, 12), isLower: kind == lower), weight)
        case digit:
            guard case .digit(let count) = state else {
                return (.digit(1), weights[.number, state.before] + weights[.digit, 0])
            }
            return (.digit((count + 1) % 3), weights[.digit, count == 0 ? 0 : 1])
        case lineFeed: return (.newline, weights[.newline, state.before])
        case blank:
            switch state {
            case .blanks: return (.blanks, weights[.blankRun, 2])
            case .blank(let isIndent): return (.blanks, weights[.blankRun, isIndent ? 0 : 1])
            case .start, .newline: return (.blank(isIndent: true), 0)
            case .mark, .digit, .letter, .script: return (.blank(isIndent: false), 0)
            }
        default: return (.mark, state == .mark ? 0 : weights[.mark, state.before])
        }
    }

    /// What `byte` adds because it is what it is and stands behind `last`.
    private static func pair(_ last: UInt8, _ byte: UInt8, _ weights: Weights) -> UInt64 {
        let (kind, lastKind) = (kind(byte), kind(last))
        switch kind {
        case lower, upper:
            let letter = Int(byte & 0x1f) - 1
            if lastKind > upper || (kind == upper && lastKind == lower) {
                return weights[.firstLetter, letter] + (kind == upper ? weights[.capital, 0] : 0)
            }
            let further = weights[.letterPair, (Int(last & 0x1f) - 1) * 26 + letter]
            return further + (kind == upper ? weights[.capitalRun, 0] : 0)
        case blank: return byte == UInt8(ascii: " ") ? 0 : weights[.blankRun, 3]
        case mark:
            if lastKind != mark { return weights[.firstMark, Int(byte)] }
            return byte == last ? weights[.sameMark, 0] : weights[.furtherMark, Int(byte)]
        default: return 0
        }
    }

    /// The weights of both vocabularies, by feature.
    private struct Weights {
        private var starts: [Int] = []

        init() {
            var start = 0
            for feature in TokenFeature.allCases {
                starts.append(start)
                start += feature.count
            }
        }

        subscript(_ feature: TokenFeature, _ index: Int) -> UInt64 {
            let place = starts[feature.rawValue] + index
            return UInt64(TokenWeights.o200k[place].magnitude) | UInt64(TokenWeights.cl100k[place].magnitude) << 32
        }
    }
}
