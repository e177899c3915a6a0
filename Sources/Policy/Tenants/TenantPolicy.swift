/// What holds for one tenant: its own tables in `[tenants.NAME]` over those of `[defaults]`.
public struct TenantPolicy: Equatable, Sendable {
    /// The tenant's name.
    public let name: String
    /// `limits`: what it may use.
    public var limits = LimitSettings()
    /// `cache`: which of its answers are kept, and when they are served.
    public var cache = CacheSettings()

    /// A tenant for which nothing is set.
    public init(name: String) { self.name = name }

    /// Reads a tenant's tables. `own` is `[tenants.NAME]`, nil for the implicit default tenant; `defaults` is
    /// `[defaults]`. Each kind of policy asks both for its table and merges them key by key.
    init(name: String, reading own: TableReader?, inheriting defaults: TableReader) {
        self.name = name
        defaults.file.declare("defaults.limits", keys: LimitSettings.keys)
        defaults.file.declare("defaults.cache", keys: CacheSettings.keys)
        limits = LimitSettings(
            reading: own?.tableIfPresent("limits"), inheriting: defaults.tableIfPresent("limits"))
        cache = CacheSettings(
            reading: own?.tableIfPresent("cache"), inheriting: defaults.tableIfPresent("cache"))
    }
}
