/// The vocabularies whose token counts leo estimates.
public enum TokenModel: String, Sendable, CaseIterable {
    /// Of GPT-4o and everything of OpenAI's since; the closest guess for other providers' recent models.
    case o200k
    /// Of GPT-3.5, GPT-4 and OpenAI's embeddings.
    case cl100k

    /// Tokens for each unit of a feature, fitted by non-negative least squares of the relative error against the real
    /// vocabularies. Benchmarks/tokens measures how well they do.
    func weight(_ feature: TokenFeature) -> Double {
        switch self {
        case .o200k: feature.weights.o200k
        case .cl100k: feature.weights.cl100k
        }
    }
}

/// What is counted in a text. A token count is nearly linear in these.
enum TokenFeature: Int, CaseIterable, Sendable {
    /// Runs of ASCII letters; a capital behind a small letter begins a new one.
    case words
    /// Letters beyond the fourth, and beyond the eighth, of such a run.
    case long4, long8
    /// Capitals that follow a capital.
    case upperRun
    /// Groups of up to three digits.
    case digits3
    /// Changes between letter and digit.
    case alnumMix
    /// First, and further, other ASCII characters in a row.
    case punct, punctRun
    /// Two or more spaces, tabs and carriage returns in a row.
    case spaceRun
    /// Line feeds.
    case newline
    /// Characters beyond ASCII, by script.
    case latinExtended, cyrillic, greek, hebrew, arabic, indic, southEastAsian, cjk, kana, hangul
    /// All other characters: symbols, typographic punctuation, rarer scripts.
    case other
    case emoji

    fileprivate var weights: (o200k: Double, cl100k: Double) {
        switch self {
        case .words: (1.0726, 1.0975)
        case .long4: (0.0, 0.0)
        case .long8: (0.1943, 0.2669)
        case .upperRun: (0.1555, 0.1394)
        case .digits3: (0.7188, 0.5344)
        case .alnumMix: (0.4188, 0.5689)
        case .punct: (0.6312, 0.5999)
        case .punctRun: (0.0293, 0.0239)
        case .spaceRun: (1.3735, 1.6287)
        case .newline: (0.2832, 0.0)
        case .latinExtended: (0.3349, 1.3229)
        case .cyrillic: (0.2705, 0.4916)
        case .greek: (0.4626, 1.0961)
        case .hebrew: (0.6095, 1.3155)
        case .arabic: (0.3696, 0.8692)
        case .indic: (0.4497, 1.2629)
        case .southEastAsian: (0.5168, 1.0383)
        case .cjk: (0.7274, 1.0664)
        case .kana: (0.7401, 1.0376)
        case .hangul: (0.8224, 1.2558)
        case .other: (1.1669, 0.9088)
        case .emoji: (2.2466, 2.7545)
        }
    }

    /// The feature of a character beyond ASCII, by ranges of the Unicode blocks.
    @inline(__always)
    static func of(_ scalar: UInt32) -> TokenFeature {
        switch scalar {
        case 0x3040..<0x3100: .kana
        case 0x2e80..<0xa000, 0xf900..<0xfb00, 0x20000..<0x30000: .cjk
        case 0..<0x250, 0x1e00..<0x1f00: .latinExtended
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
