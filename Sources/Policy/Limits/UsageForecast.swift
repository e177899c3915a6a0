import Synchronization
import Wire

/// What is held for an exchange before anybody knows what it will use: leo's estimate of the input, corrected by how far
/// such estimates were off for the same model, and the output that the model usually writes.
///
/// Learnt from the usage that providers report; forgotten when leo ends. It only decides how much is held: charged is what
/// was used.
public final class UsageForecast: Sendable {
    private struct Key: Hashable {
        let provider: String
        let model: String
    }

    private struct Entry {
        /// What the input turned out to be, by what was estimated.
        var ratio: Double
        /// The usual output, and how far from it outputs are on average.
        var output = UsageForecast.outputTokensAtFirst
        var deviation = UsageForecast.outputTokensAtFirst / 2
        var turn: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var turn: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Knows nothing yet.
    public init() {}

    /// Models beyond this many are none that a tenant really uses; the one not seen for longest is forgotten.
    static let entryCountMax = 1024
    /// How much a new answer counts: after ten of them two thirds of the old are forgotten.
    private static let weight = 0.1
    /// An ordinary answer, as long as nothing is known.
    private static let outputTokensAtFirst = 500.0
    /// Claude counts more tokens in the same text than the models that the estimate was fitted to.
    private static let ratioOfClaude = 1.15
    /// What an estimate may be off by before it is the answer that is absurd.
    private static let ratios = 0.25...4.0
    /// With this much more, few reservations turn out too small.
    private static let margin = 1.1

    /// What to hold. `outputLimit` is the limit in the request, if it has one; `choices` how many answers it asks for.
    public func reservation(
        provider: String, model: String?, estimatedInputTokens: Int, outputLimit: Int?, choices: Int = 1
    ) -> (inputTokens: Int, outputTokens: Int) {
        let known = state.withLock { $0.entries[Key(provider: provider, model: Self.bounded(model))] }
        let entry = known ?? Entry(ratio: Self.ratioAtFirst(model), turn: 0)
        let input = Double(max(estimatedInputTokens, 0)) * entry.ratio * Self.margin
        let one = min(Self.whole(entry.output + entry.deviation), max(outputLimit ?? .max, 0))
        let all = one.multipliedReportingOverflow(by: max(choices, 1))
        return (Self.whole(input), all.overflow ? Usage.tokenCountMax : min(all.partialValue, Usage.tokenCountMax))
    }

    /// Learns from an exchange whose usage the provider has told. `estimatedInputTokens` is the estimate before any
    /// correction.
    public func learn(
        provider: String, model: String?, estimatedInputTokens: Int, usage: Usage, choices: Int = 1
    ) {
        let key = Key(provider: provider, model: Self.bounded(model))
        let first = Self.ratioAtFirst(model)
        state.withLock { state in
            state.turn += 1
            var entry = state.entries[key] ?? Entry(ratio: first, turn: state.turn)
            entry.turn = state.turn
            if estimatedInputTokens > 0, usage.inputTokens > 0 {
                let ratio = Double(usage.inputTokens) / Double(estimatedInputTokens)
                let likely = min(max(ratio, Self.ratios.lowerBound), Self.ratios.upperBound)
                entry.ratio += Self.weight * (likely - entry.ratio)
            }
            let output = Double(min(max(usage.outputTokens, 0), Usage.tokenCountMax)) / Double(max(choices, 1))
            entry.deviation += Self.weight * (abs(output - entry.output) - entry.deviation)
            entry.output += Self.weight * (output - entry.output)
            if state.entries[key] == nil, state.entries.count >= Self.entryCountMax,
                let oldest = state.entries.min(by: { $0.value.turn < $1.value.turn })?.key
            {
                state.entries[oldest] = nil
            }
            state.entries[key] = entry
        }
    }

    /// How many models it knows.
    var entryCount: Int { state.withLock { $0.entries.count } }

    private static func ratioAtFirst(_ model: String?) -> Double {
        ASCII.lowercased(model ?? "").contains("claude") ? ratioOfClaude : 1
    }

    private static func bounded(_ model: String?) -> String {
        guard let model, model.utf8.count <= ModelGlob.byteCountMax else { return "" }
        return model
    }

    private static func whole(_ tokens: Double) -> Int {
        // A product that is a whole number but for what binary fractions cannot hold is that number.
        Int(min(max(tokens - 1e-6, 0), Double(Usage.tokenCountMax)).rounded(.up))
    }
}
