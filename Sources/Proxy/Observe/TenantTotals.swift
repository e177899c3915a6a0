import Policy
import Synchronization
import Wire

/// What one tenant's exchanges have come to since leo started: for the metrics and the admin listener.
final class TenantTotals: Sendable {
    /// The sums.
    struct Sums: Equatable, Sendable {
        /// Exchanges that have ended, the refused ones included.
        var exchangeCount: UInt64 = 0
        /// Those that a limit or guard of the tenant has refused or cut.
        var refusalCount: UInt64 = 0
        var inputTokens: UInt64 = 0
        var cachedTokens: UInt64 = 0
        var outputTokens: UInt64 = 0
        /// What exchanges with a known price have cost.
        var cost = Money.zero
        /// Exchanges that used tokens of a model without a price.
        var unpricedCount: UInt64 = 0
        /// Exchanges that the cache has answered.
        var cacheHitCount: UInt64 = 0
        /// Input and output that these would have used.
        var savedTokens: UInt64 = 0
        /// What it would have cost, where the price is known.
        var savedCost = Money.zero

        /// Adds another tenant's.
        mutating func add(_ other: Sums) {
            exchangeCount &+= other.exchangeCount
            refusalCount &+= other.refusalCount
            inputTokens &+= other.inputTokens
            cachedTokens &+= other.cachedTokens
            outputTokens &+= other.outputTokens
            cost += other.cost
            unpricedCount &+= other.unpricedCount
            cacheHitCount &+= other.cacheHitCount
            savedTokens &+= other.savedTokens
            savedCost += other.savedCost
        }
    }

    private let state = Mutex(Sums())

    /// The sums now.
    var sums: Sums { state.withLock { $0 } }

    /// Adds an exchange that has ended, by what its line says. `isWhole`: its client had a whole answer.
    func add(_ account: ExchangeAccount, isRefused: Bool, isWhole: Bool = true) {
        state.withLock { sums in
            sums.exchangeCount &+= 1
            if isRefused { sums.refusalCount &+= 1 }
            if isWhole, account.cache?.isSaving == true {
                sums.cacheHitCount &+= 1
                sums.savedTokens &+= UInt64(max(0, account.savedUsage?.totalTokens ?? 0))
                sums.savedCost += account.savedCost ?? .zero
            }
            let (usage, cost) = (account.usage, account.cost)
            guard let usage else { return }
            sums.inputTokens &+= UInt64(max(0, usage.inputTokens))
            sums.cachedTokens &+= UInt64(max(0, usage.cachedTokens))
            sums.outputTokens &+= UInt64(max(0, usage.outputTokens))
            if let cost { sums.cost += cost } else if usage.totalTokens > 0 { sums.unpricedCount &+= 1 }
        }
    }
}
