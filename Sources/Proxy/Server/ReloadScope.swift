import Policy

/// Which parts of the file count as soon as it is read again. All others need a restart: they are sockets, threads and
/// files that leo has opened, or tables that what is open knows by number.
enum ReloadScope {
    /// Tables that count as a whole.
    private static let tables = ["tenants", "defaults", "keys", "prices", "intercept", "cache"]
    /// Keys that count although the rest of their table does not.
    private static let keys = ["access_log.labels"]
    /// Keys that do not count although the rest of their table does.
    private static let exceptions = ["intercept.providers"]

    /// Whether a change of this key, "listen.workers" or "provider", waits for a restart.
    static func needsRestart(_ key: String) -> Bool {
        if exceptions.contains(key) { return true }
        let table = key.split(separator: ".", maxSplits: 1).first.map(String.init) ?? key
        return !tables.contains(table) && !keys.contains(key)
    }

    /// What differs between the file that leo was started with and a later one and does not count yet: a line each.
    static func pending(_ started: ConfigSource?, _ later: ConfigSource, file: String) -> [String] {
        guard let started else { return [] }
        return started.settings.changes(to: later.settings).filter { needsRestart($0.key) }.map { change in
            let place = change.place.map { ":\($0.line):\($0.column)" } ?? ""
            let how = change.place == nil ? "is gone" : "has changed"
            return "\(file)\(place): \(change.key) \(how), which counts after a restart of leo"
        }
    }
}
