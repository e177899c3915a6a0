/// How many of its own retries leo may make to an upstream: a tenth of the requests. In a provider's bad hour retries are
/// then a tenth more load, and not a multiple.
///
/// One upstream's. No clock, no lock.
struct RetryBudget: Sendable {
    /// A request earns a tenth of a retry …
    private static let price = 10
    /// … and a quiet time earns no more than this many: after it a burst of failures is met with few retries, not many.
    static let savedCountMax = 10

    /// In tenths of a retry. The first one is free, so that a leo with little to do may make one at all.
    private var saved = price

    /// A request was sent that is no retry.
    mutating func countRequest() { saved = min(saved + 1, Self.savedCountMax * Self.price) }

    /// Pays for a retry; false when there is nothing left.
    mutating func take() -> Bool {
        guard saved >= Self.price else { return false }
        saved -= Self.price
        return true
    }
}

/// When leo sends a request again that a provider has refused for now.
///
/// 429, 503 and 529 say that the request was not worked on, so it can be sent again without paying twice; nothing else is
/// sent again because of its status.
struct RetryRule: Equatable, Sendable {
    /// `upstream.retries`: how often one request is sent again; 0: never.
    let countMax: Int

    /// A wait above this is the client's to decide about: it has a deadline that leo does not know.
    static let spanMax = Nanoseconds(.seconds(10))
    /// Before the first retry, where the provider does not say; doubled for each further one …
    static let spanDefault = Nanoseconds(.milliseconds(500))
    /// … up to this. What SDKs do.
    static let spanDefaultMax = Nanoseconds(.seconds(8))

    /// How long to wait before sending a request again; nil: relay the answer as it is.
    ///
    /// - Parameters:
    ///   - retryCount: how often leo has sent it again already.
    ///   - status: the answer's.
    ///   - advice: what the answer says about trying again.
    ///   - clientRetries: the client's own library is trying again already.
    ///   - random: from 0 to 1; whoever was refused in one moment must not come back in one.
    func span(
        after retryCount: Int, status: Int, advice: WaitAdvice, clientRetries: Bool, random: Double
    ) -> Nanoseconds? {
        guard retryCount < countMax, ProviderBackoff.speaksForOthers(status) else { return nil }
        if clientRetries || advice.mayRetry == false { return nil }
        let random = min(max(random, 0), 1)
        if let wait = advice.wait {
            guard wait <= Self.spanMax else { return nil }
            // Later, never earlier: the provider counts to the end.
            let jitter = Double(min(max(wait.count / 4, 50_000_000), 1_000_000_000)) * random
            return Nanoseconds(count: wait.count + UInt64(jitter))
        }
        let doubled = min(Self.spanDefault.count << UInt64(min(max(retryCount, 0), 8)), Self.spanDefaultMax.count)
        return Nanoseconds(count: UInt64(Double(doubled) * (0.5 + 0.5 * random)))
    }
}
