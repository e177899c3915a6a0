import Policy

/// What the file says about clients and their exchanges: all that may change while leo runs.
///
/// Never changed itself: a reload makes a new one and gives it to every loop, which reads its own copy
/// (`WorkerState.policy`) without a lock. An exchange takes the copy once, at its beginning, and keeps it to its end;
/// what is decided for a whole connection is decided by the copy of that moment.
///
/// To add a part: a `let` here, made in the initialiser from the file's values and, if it counts something that must
/// outlive a reload, from the snapshot before.
final class PolicySnapshot: Sendable {
    /// Counts from one; one more for each reload that changed something.
    let revision: UInt64
    /// The file that it came from; nil for the embedded defaults.
    let source: ConfigSource?
    /// `[intercept]`. Its providers are those that leo was started with.
    let destination: DestinationPolicy
    /// `[tenants]`
    let tenants: TenantTable
    /// Verifies users' passwords; nil when the file has no users.
    let passwords: PasswordCheck?
    /// The same, or that of the last file that had users: its threads and what it knows of addresses serve the next one.
    private let lastPasswords: PasswordCheck?
    /// Makes fingerprints of provider keys, by the master keys of `[keys]`; nil when OpenSSL cannot.
    let fingerprints: CredentialFingerprints?
    /// Name kept answers, by the master key of `[keys]`; nil when OpenSSL cannot.
    let cacheKeys: CacheKeys?
    /// `access_log.labels`
    let labels: [String]
    /// What exchanges usually use; learnt, and kept across reloads.
    let forecast: UsageForecast
    /// The counts of each tenant's limits, by the tenant's place in ``tenants``; nil for one without limits and guards.
    /// A tenant of the same name keeps its counts across reloads.
    let limitBooks: [LimitBook?]
    /// What each tenant's exchanges came to, in the same order; kept across reloads as long as the file has the tenant.
    let totals: [TenantTotals]
    /// `[prices]`
    let prices: PriceTable
    /// `[cache]`
    let cache: Config.Cache

    /// The first policy of a process.
    convenience init(_ config: Config, keys: MasterKeys? = nil) { self.init(config, keys: keys, after: nil) }

    /// The policy of a file that takes the place of `previous`; `keys` are what its `[keys]` names.
    init(_ config: Config, keys: MasterKeys? = nil, after previous: PolicySnapshot?) {
        revision = (previous?.revision ?? 0) + 1
        source = config.source
        var destination = config.destination
        // Metrics, pools and connections know providers by their place in the table, so it stays for a process's life.
        if let previous { destination.providers = previous.destination.providers }
        self.destination = destination
        tenants = config.tenants
        if let previous, previous.tenants == config.tenants {
            passwords = previous.passwords
        } else if !config.tenants.hasUsers {
            passwords = nil
        } else if let checks = previous?.lastPasswords {
            passwords = PasswordCheck(config.tenants, after: checks)
        } else {
            passwords = PasswordCheck(config.tenants)
        }
        lastPasswords = passwords ?? previous?.lastPasswords
        // A key that only this process has is made once.
        let own = keys == nil ? previous?.fingerprints : nil
        fingerprints = own?.isShared == false ? own : CredentialFingerprints(keys)
        cacheKeys = CacheKeys(keys, tenants: config.tenants.policies, after: previous?.cacheKeys)
        labels = config.accessLog.labels
        prices = config.prices.table
        cache = config.cache
        forecast = previous?.forecast ?? UsageForecast()
        limitBooks = config.tenants.policies.map { tenant in
            if tenant.limits.isEmpty { return nil }
            return previous?.limitBook(ofTenant: tenant.name) ?? LimitBook(tenant.limits)
        }
        totals = config.tenants.policies.map { tenant in
            previous.flatMap { before in before.place(ofTenant: tenant.name).map { before.totals[$0] } }
                ?? TenantTotals()
        }
    }

    /// Lets the counts that came from the snapshot before go by this one's limits: now that it is in force.
    func takeEffect() {
        for (tenant, book) in zip(tenants.policies, limitBooks) { book?.reload(tenant.limits) }
    }

    /// The place of a tenant in ``tenants``, ``limitBooks`` and ``totals``.
    func place(ofTenant name: String) -> Int? { tenants.policies.firstIndex { $0.name == name } }

    private func limitBook(ofTenant name: String) -> LimitBook? { place(ofTenant: name).flatMap { limitBooks[$0] } }
}

extension LimitTime {
    /// The time on the clock that also runs while the machine sleeps, and in UTC.
    static func now() -> LimitTime {
        LimitTime(
            monotonic: Int64(clamping: MonotonicTime.sinceBoot().nanoseconds),
            unixSeconds: WallTime.now().secondsSinceEpoch)
    }
}
