import Wire

/// What models cost, in dollars per token. A model that it does not list has no price, which is not a price of nothing.
public struct PriceTable: Equatable, Sendable {
    /// The rows, in the order of the file.
    public let prices: [Price]
    private let exact: [String: [String: Int]]
    /// By provider, the narrowest pattern first.
    private let patterns: [String: [Pattern]]

    private struct Pattern: Equatable {
        let glob: ModelGlob
        let index: Int
    }

    /// A table of these rows. Of two that name the same model the first counts; `read` refuses such a file.
    public init(_ prices: [Price] = []) {
        self.prices = prices
        var exact: [String: [String: Int]] = [:]
        var patterns: [String: [Pattern]] = [:]
        for (index, price) in prices.enumerated() {
            for glob in price.models {
                if glob.isExact {
                    let name = ASCII.lowercased(glob.text)
                    exact[price.provider, default: [:]][name] = exact[price.provider]?[name] ?? index
                } else {
                    patterns[price.provider, default: []].append(Pattern(glob: glob, index: index))
                }
            }
        }
        self.exact = exact
        self.patterns = patterns.mapValues { found in
            found.enumerated().sorted {
                (-$0.element.glob.fixedByteCount, $0.offset) < (-$1.element.glob.fixedByteCount, $1.offset)
            }.map(\.element)
        }
    }

    /// The row for a model of a provider: the one with its name, or with the narrowest pattern for it; nil when there is
    /// none, or no model.
    public func price(provider: String, model: String?) -> Price? {
        guard let model, model.utf8.count <= ModelGlob.byteCountMax else { return nil }
        if let index = exact[provider]?[ASCII.lowercased(model)] { return prices[index] }
        return patterns[provider]?.first { $0.glob.matches(model) }.map { prices[$0.index] }
    }

    /// What an exchange costs; nil when the model has no price.
    public func cost(provider: String, model: String?, _ usage: Usage) -> Money? {
        price(provider: provider, model: model)?.cost(usage)
    }

    /// What an exchange counts in limits of tokens and money: cached tokens weigh what the provider bills for them, and
    /// as much as others where the model has no price.
    public func charge(provider: String, model: String?, _ usage: Usage) -> LimitCharge {
        guard let price = price(provider: provider, model: model) else {
            return LimitCharge(inputTokens: usage.inputTokens, outputTokens: usage.outputTokens)
        }
        return LimitCharge(
            inputTokens: price.weightedInputTokens(usage), outputTokens: usage.outputTokens, money: price.cost(usage))
    }
}

/// What some models of a provider cost.
public struct Price: Equatable, Sendable {
    /// Picodollars per token, which are millionths of a dollar per million tokens.
    public struct Rates: Equatable, Sendable {
        /// Input that is neither read from the provider's cache nor written to it.
        public var input: Int128
        /// Input that the provider had cached.
        public var cachedInput: Int128
        /// Input that it writes to its cache for minutes.
        public var cacheWrite: Int128
        /// Input that it writes to its cache for an hour.
        public var longCacheWrite: Int128
        /// Output, reasoning included.
        public var output: Int128
    }

    /// The provider's name, as in the provider table.
    public let provider: String
    /// The models.
    public let models: [ModelGlob]
    /// What they cost.
    public let rates: Rates
    /// From which input on what else they cost, for the whole exchange; nil when the length does not matter.
    public let long: Long?
    /// Where the price is published.
    public let source: String
    /// The day on which it was there, "2026-11-05".
    public let date: String

    /// Rates for exchanges with much input.
    public struct Long: Equatable, Sendable {
        /// The most input tokens, cached ones included, that do not yet cost more.
        public let above: Int
        /// What an exchange with more costs.
        public let rates: Rates
    }

    /// A price.
    public init(
        provider: String, models: [ModelGlob], rates: Rates, long: Long? = nil, source: String, date: String
    ) {
        self.provider = provider
        self.models = models
        self.rates = rates
        self.long = long
        self.source = source
        self.date = date
    }

    /// What an exchange costs.
    public func cost(_ usage: Usage) -> Money {
        Money(picodollars: inputCost(usage) + Int128(max(0, usage.outputTokens)) * rates(for: usage).output)
    }

    /// The input in tokens of the full price, rounded up to whole ones; all of it where input is free.
    public func weightedInputTokens(_ usage: Usage) -> Int {
        let full = rates(for: usage).input
        return full == 0 ? usage.inputTokens : Int(clamping: (inputCost(usage) + full - 1) / full)
    }

    private func inputCost(_ usage: Usage) -> Int128 {
        let rates = rates(for: usage)
        let cached = Int128(max(0, usage.cachedTokens))
        let write = Int128(max(0, usage.cacheWriteTokens))
        let longWrite = Int128(max(0, usage.longCacheWriteTokens))
        let uncached = max(0, Int128(usage.inputTokens) - cached - write - longWrite)
        return uncached * rates.input + cached * rates.cachedInput + write * rates.cacheWrite
            + longWrite * rates.longCacheWrite
    }

    private func rates(for usage: Usage) -> Rates {
        if let long, usage.inputTokens > long.above { long.rates } else { rates }
    }
}
