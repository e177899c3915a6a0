import Cache
import Policy
import Wire

// What the log says of the cache's part in an exchange, and of what it spared.
extension Governance {
    /// What an answer from the cache spared: what it used when it was made.
    func noteSaved(_ usage: Usage?, model answered: String?, _ journal: Journal) {
        guard let usage else { return }
        journal.record.account.savedUsage = usage
        journal.record.account.savedCost = cost(usage, model: answered)
    }

    /// What so much usage costs at the price of the model that answered, or else of the one that was asked.
    private func cost(_ usage: Usage, model answered: String?) -> Money? {
        policy.prices.cost(provider: provider.name, model: answered, usage)
            ?? policy.prices.cost(provider: provider.name, model: model, usage)
    }

    /// Says what would have come from the cache.
    func wouldServe(_ found: CacheUse.CachedAnswer, _ journal: Journal) {
        var text = found.isStale ? "cache: stale" : "cache: hit"
        if let usage = found.entry.usage {
            text += ", \(usage.totalTokens) tokens"
            if let cost = cost(usage, model: found.entry.model) { text += ", \(cost) USD" }
        }
        journal.record.account.wouldHave(text)
    }

    /// Says what became of the exchange, as far as the cache is concerned.
    func noteCache(_ journal: Journal) {
        guard let cache, cache.isEnforced, let result = cache.result else { return }
        journal.record.account.cache = result
        journal.record.account.cacheReason = cache.reason.isEmpty ? nil : cache.reason
        worker.metrics.add(.cacheRequests(result))
    }
}
