import Cache
import Policy
import Wire

// What the log says of the cache's part in an exchange, and of what it spared.
extension Governance {
    /// What an answer from the cache spared: what it used when it was made.
    func noteSaved(_ usage: Usage?, _ journal: Journal) {
        guard let usage else { return }
        journal.record.account.savedUsage = usage
        journal.record.account.savedCost = policy.prices.cost(provider: provider.name, model: model, usage)
    }

    /// The body that asks for the usage of its stream as well; nil where the provider may not understand, or the client
    /// has said otherwise.
    func askForUsage(_ body: Span<UInt8>, _ journal: Journal) -> [UInt8]? {
        guard provider.streamUsage, !isSigned, !addedIncludeUsage else { return nil }
        var edits = JSONEdits()
        guard let facts = try? RequestFacts.read(operation, body), facts.askForUsage(operation, &edits) else {
            return nil
        }
        addedIncludeUsage = true
        journal.record.account.edits[.includeUsage, default: 0] += 1
        return edits.apply(to: body)
    }

    /// Says what would have come from the cache.
    func wouldServe(_ found: CacheUse.CachedAnswer, _ journal: Journal) {
        var text = found.isStale ? "cache: stale" : "cache: hit"
        if let usage = found.entry.usage {
            text += ", \(usage.totalTokens) tokens"
            if let cost = policy.prices.cost(provider: provider.name, model: model, usage) { text += ", \(cost) USD" }
        }
        journal.record.account.wouldHave(text)
    }

    /// Says what became of the exchange, as far as the cache is concerned.
    func noteCache(_ journal: Journal) {
        guard let cache, cache.isEnforced else { return }
        journal.record.account.cache = cache.result
        journal.record.account.cacheReason = cache.reason.isEmpty ? nil : cache.reason
        worker.metrics.add(.cacheRequests(cache.result))
    }
}
