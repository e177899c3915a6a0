/// The vocabularies whose token counts leo estimates.
public enum TokenModel: String, Sendable, CaseIterable {
    /// Of GPT-4o and everything of OpenAI's since; the closest guess for other providers' recent models.
    case o200k
    /// Of GPT-3.5, GPT-4 and OpenAI's embeddings.
    case cl100k
}

/// What ``TokenWeights`` holds, one after the other: the features of Benchmarks/support/token_model.py, which is the
/// definition.
enum TokenFeature: Int, CaseIterable {
    case word, firstLetter, letterPair, capital, capitalRun, longWord, number, digit, newline, blankRun, mark,
        firstMark,
        furtherMark, sameMark, script, scriptStart

    /// How many weights there are of it.
    var count: Int {
        switch self {
        case .word, .number, .newline, .mark: 7 + TokenScript.allCases.count
        case .firstLetter: 26
        case .letterPair: 26 * 26
        case .capital, .capitalRun, .sameMark: 1
        case .longWord: 3
        case .digit: 2
        case .blankRun: 4
        case .firstMark, .furtherMark: 128
        case .script: TokenScript.allCases.count
        case .scriptStart: TokenScript.allCases.count * 8
        }
    }
}

/// The scripts of characters beyond ASCII, as far as their tokens differ.
enum TokenScript: Int, CaseIterable {
    case latin, greek
    /// The letters of Russian, and all others of Cyrillic: what tells Ukrainian and Serbian from Russian.
    case russian, cyrillic
    case hebrew, arabic, indic, southEastAsian, kana, cjk, hangul, emoji
    /// Symbols, typographic punctuation, rarer scripts.
    case other

    /// The script of a character, by ranges of the Unicode blocks.
    @inline(__always)
    static func of(_ scalar: UInt32) -> TokenScript {
        switch scalar {
        case 0x410..<0x450, 0x401, 0x451: .russian
        case 0x3040..<0x3100: .kana
        case 0x2e80..<0xa000, 0xf900..<0xfb00, 0x20000..<0x30000: .cjk
        case 0x80..<0x250, 0x1e00..<0x1f00: .latin
        case 0x250..<0x400, 0x1f00..<0x2000: .greek
        case 0x400..<0x590: .cyrillic
        case 0x590..<0x600: .hebrew
        case 0x600..<0x900, 0xfb50..<0xfe00, 0xfe70..<0xff00: .arabic
        case 0x900..<0xe00: .indic
        case 0xe00..<0x1100: .southEastAsian
        case 0xac00..<0xd7b0, 0x1100..<0x1200: .hangul
        case 0x1f000...: .emoji
        default: .other
        }
    }
}
