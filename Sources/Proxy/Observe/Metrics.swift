/// Every metric that leo has: its name, help, kind, labels and source, declared here and nowhere else.
///
/// `docs/metrics.md` explains each, and a test compares. To add one that threads count: a case here, its line below, a
/// case in `Counter`, `Gauge` or `Timing`, and its row in the document.
enum Metric: Int, CaseIterable, Sendable {
    case connections, connectionsOpen, connects, handshakes, handshakesOpen
    case authenticationsRefused, overload, bodyMemory
    case exchanges, exchangesOpen, requestBytes, responseBytes, timeToFirstByte, exchangeTime
    case faults
    case cacheRequests, cacheEntries, cacheBytes, cacheBytesMax
    case cacheInsertions, cacheEvictions, cacheExpirations, cacheDamaged
    case tunnelsOpen, tunnelBytes
    case tenantExchanges, tenantRefusals, tenantTokens, tenantCost, tenantUnpriced
    case tenantCacheHits, tenantSavedTokens, tenantSavedCost
    case tenantLimit, tenantLimitCapacity, tenantLimitRemaining, tenantLimitCorrected
    case upstreamRetries, upstreamCircuitsOpen
    case upstreamConnections, upstreamReuses, upstreamConnectionsOpen, upstreamConnectionsIdle, upstreamConnectTime
    case lookups
    case leafMints, leafMintTime
    case loopTurns, foreignJobs
    case reloads, configRevision, configGood
    case accessLogLines, accessLogDropped, accessLogWriteFailures, accessLogSlots
    case buildInformation
    case processMemory, processDescriptors, processDescriptorsMax, processStart, processTime

    enum Kind: String, Sendable { case counter, gauge, histogram }

    /// The label sets. All are bounded: by the file's provider table, by its tenants up to a number, or by an enum of
    /// leo's.
    enum Labels: Sendable {
        case none, disposition, provider, providerAndStatus, error, direction, result, version, reason, limit, reload,
            cache
        case tenant, tenantAndKind, tenantAndLimit
    }

    /// Who counts: the threads in their `WorkerMetrics`, or something that is asked when the metrics are read.
    enum Source: Sendable { case threads, asked }

    struct Declaration: Sendable {
        let name: String
        let help: String
        let kind: Kind
        let labels: Labels
        let source: Source

        fileprivate init(
            _ name: String, _ help: String, _ kind: Kind, _ labels: Labels = .none, _ source: Source = .threads
        ) {
            self.name = name
            self.help = help
            self.kind = kind
            self.labels = labels
            self.source = source
        }
    }

    var declaration: Declaration {
        switch self {
        case .connections: Declaration("leo_connections_total", "Client connections accepted.", .counter)
        case .connectionsOpen: Declaration("leo_connections_open", "Client connections open now.", .gauge)
        case .connects:
            Declaration("leo_connects_total", "CONNECT requests, by what became of them.", .counter, .disposition)
        case .handshakes:
            Declaration(
                "leo_client_handshake_seconds",
                "From accepting a client connection to the end of its TLS handshake.",
                .histogram)
        case .handshakesOpen:
            Declaration(
                "leo_client_handshakes_open", "TLS handshakes with clients under way now.", .gauge, .none, .asked)
        case .authenticationsRefused:
            Declaration(
                "leo_authentications_refused_total",
                "Clients and requests turned away because they belong to no tenant, by reason.",
                .counter, .reason)
        case .overload:
            Declaration(
                "leo_overload_total",
                "Connections and CONNECT requests that met a limit, by limit.",
                .counter, .limit)
        case .bodyMemory:
            Declaration(
                "leo_body_memory_bytes", "Bytes of bodies that wait in memory.", .gauge, .none, .asked)
        case .exchanges:
            Declaration(
                "leo_exchanges_total",
                "Exchanges ended, by provider and class of the status the client saw.",
                .counter, .providerAndStatus)
        case .exchangesOpen: Declaration("leo_exchanges_open", "Exchanges under way now.", .gauge)
        case .requestBytes:
            Declaration("leo_request_bytes_total", "Request body bytes relayed to the provider.", .counter, .provider)
        case .responseBytes:
            Declaration("leo_response_bytes_total", "Answer body bytes relayed to the client.", .counter, .provider)
        case .timeToFirstByte:
            Declaration(
                "leo_time_to_first_byte_seconds",
                "From the end of the request head to the first byte of the answer.",
                .histogram)
        case .exchangeTime:
            Declaration(
                "leo_exchange_seconds",
                "From the first byte of the request head to the end of the exchange.",
                .histogram)
        case .faults:
            Declaration(
                "leo_faults_total",
                "Connections and exchanges that went wrong, by the error word of the access log.",
                .counter, .error)
        case .cacheRequests:
            Declaration(
                "leo_cache_requests_total",
                "Requests of tenants with a cache, by what the cache made of them.",
                .counter, .cache)
        case .cacheEntries:
            Declaration("leo_cache_entries", "Answers kept now.", .gauge, .none, .asked)
        case .cacheBytes:
            Declaration(
                "leo_cache_bytes", "Bytes of kept answers, with what leo notes about them.", .gauge, .none, .asked)
        case .cacheBytesMax:
            Declaration("leo_cache_bytes_max", "The bytes that kept answers may take.", .gauge, .none, .asked)
        case .cacheInsertions:
            Declaration("leo_cache_insertions_total", "Answers kept.", .counter, .none, .asked)
        case .cacheEvictions:
            Declaration(
                "leo_cache_evictions_total", "Answers dropped before their time to make room.", .counter, .none, .asked)
        case .cacheExpirations:
            Declaration(
                "leo_cache_expirations_total", "Answers dropped because their time was over.", .counter, .none, .asked)
        case .cacheDamaged:
            Declaration(
                "leo_cache_damaged_total", "Kept answers that could not be read again.", .counter, .none, .asked)
        case .tunnelsOpen: Declaration("leo_tunnels_open", "Tunnels open now.", .gauge)
        case .tunnelBytes:
            Declaration(
                "leo_tunnel_bytes_total",
                "Bytes relayed in tunnels, towards the upstream (up) and towards the client (down).",
                .counter, .direction)
        case .tenantExchanges:
            Declaration(
                "leo_tenant_exchanges_total",
                "Exchanges ended, by tenant.",
                .counter, .tenant, .asked)
        case .tenantRefusals:
            Declaration(
                "leo_tenant_refusals_total",
                "Exchanges that a limit or guard of their tenant refused or cut.",
                .counter, .tenant, .asked)
        case .tenantTokens:
            Declaration(
                "leo_tenant_tokens_total",
                "Tokens used, by tenant and kind; cached ones are part of the input.",
                .counter, .tenantAndKind, .asked)
        case .tenantCost:
            Declaration(
                "leo_tenant_cost_usd_total",
                "What exchanges with a known price have cost, in US dollars, by tenant.",
                .counter, .tenant, .asked)
        case .tenantUnpriced:
            Declaration(
                "leo_tenant_unpriced_total",
                "Exchanges that used tokens of a model without a price, by tenant.",
                .counter, .tenant, .asked)
        case .tenantCacheHits:
            Declaration(
                "leo_tenant_cache_hits_total",
                "Exchanges that the cache has answered, by tenant.",
                .counter, .tenant, .asked)
        case .tenantSavedTokens:
            Declaration(
                "leo_tenant_saved_tokens_total",
                "Input and output that these exchanges would have used, by tenant.",
                .counter, .tenant, .asked)
        case .tenantSavedCost:
            Declaration(
                "leo_tenant_saved_cost_usd_total",
                "What these exchanges would have cost, in US dollars, where the price is known.",
                .counter, .tenant, .asked)
        case .tenantLimit:
            Declaration(
                "leo_tenant_limit",
                "A tenant's limit in its window, in what it counts, dollars for a budget.",
                .gauge, .tenantAndLimit, .asked)
        case .tenantLimitCapacity:
            Declaration(
                "leo_tenant_limit_capacity",
                "What a tenant's limit lets through at once when nothing is used.",
                .gauge, .tenantAndLimit, .asked)
        case .tenantLimitRemaining:
            Declaration(
                "leo_tenant_limit_remaining",
                "What a tenant's limit would let through at once now.",
                .gauge, .tenantAndLimit, .asked)
        case .tenantLimitCorrected:
            Declaration(
                "leo_tenant_limit_corrected",
                "What settled exchanges were charged less what was held for them; negative if too much was held.",
                .gauge, .tenantAndLimit, .asked)
        case .upstreamRetries:
            Declaration(
                "leo_upstream_retries_total",
                "Requests that leo sent again because a provider had refused them for now.",
                .counter)
        case .upstreamCircuitsOpen:
            Declaration(
                "leo_upstream_circuits_open",
                "Upstreams that do not work and are left alone, those that are being tried included.",
                .gauge, .none, .asked)
        case .upstreamConnections:
            Declaration(
                "leo_upstream_connections_opened_total",
                "Connections to providers opened, TLS handshake included.",
                .counter)
        case .upstreamReuses:
            Declaration(
                "leo_upstream_connections_reused_total",
                "Exchanges that used a kept connection to the provider.",
                .counter)
        case .upstreamConnectionsOpen:
            Declaration(
                "leo_upstream_connections_open",
                "Connections to providers open now, idle ones included.",
                .gauge)
        case .upstreamConnectionsIdle:
            Declaration("leo_upstream_connections_idle", "Connections to providers kept for the next exchange.", .gauge)
        case .upstreamConnectTime:
            Declaration(
                "leo_upstream_connect_seconds",
                "Name resolution, TCP and TLS towards a provider, for each connection opened.",
                .histogram)
        case .lookups: Declaration("leo_dns_lookups_total", "Name lookups, by result.", .counter, .result)
        case .leafMints: Declaration("leo_leaf_mints_total", "Certificates made for intercepted hosts.", .counter)
        case .leafMintTime:
            Declaration(
                "leo_leaf_mint_seconds",
                "Time to make a certificate for an intercepted host, the wait for its turn included.",
                .histogram)
        case .loopTurns: Declaration("leo_loop_turns_total", "Turns of the event loops.", .counter)
        case .foreignJobs:
            Declaration("leo_foreign_jobs_total", "Jobs that reached an event loop from another thread.", .counter)
        case .reloads:
            Declaration("leo_reloads_total", "Times that the file was read again, by result.", .counter, .reload)
        case .configRevision:
            Declaration(
                "leo_config_revision",
                "The revision of the policy in force: 1 at the start, one more for each reload that was applied.",
                .gauge, .none, .asked)
        case .configGood:
            Declaration(
                "leo_config_last_reload_successful",
                "1 unless the last reload found a file that it could not apply.",
                .gauge, .none, .asked)
        case .accessLogLines:
            Declaration("leo_access_log_lines_total", "Access-log lines written.", .counter, .none, .asked)
        case .accessLogDropped:
            Declaration("leo_access_log_dropped_total", "Access-log lines never written.", .counter, .none, .asked)
        case .accessLogWriteFailures:
            Declaration(
                "leo_access_log_write_failures_total",
                "Writes of the access log that failed.",
                .counter, .none, .asked)
        case .accessLogSlots:
            Declaration(
                "leo_access_log_slots_in_use",
                "Access-log lines promised or waiting: one for each open exchange and tunnel, and the queue.",
                .gauge, .none, .asked)
        case .buildInformation:
            Declaration("leo_build_info", "The version that runs; always 1.", .gauge, .version, .asked)
        case .processMemory:
            Declaration("process_resident_memory_bytes", "Resident memory in bytes.", .gauge, .none, .asked)
        case .processDescriptors: Declaration("process_open_fds", "Open file descriptors.", .gauge, .none, .asked)
        case .processDescriptorsMax:
            Declaration("process_max_fds", "The limit on open file descriptors.", .gauge, .none, .asked)
        case .processStart:
            Declaration(
                "process_start_time_seconds",
                "When the process started, in seconds since 1970.",
                .gauge, .none, .asked)
        case .processTime:
            Declaration(
                "process_cpu_seconds_total",
                "Processor time used, user and system, in seconds.",
                .counter, .none, .asked)
        }
    }
}

/// What a thread counts up. The values of its labels choose the cell.
enum Counter: Sendable {
    case connections
    case connects(Disposition)
    case exchanges(provider: Int, status: StatusClass)
    case requestBytes(provider: Int)
    case responseBytes(provider: Int)
    case faults(Fault)
    case authenticationsRefused(AuthenticationRefusal)
    case overload(OverloadLimit)
    case cacheRequests(CacheResult)
    case tunnelBytes(Direction)
    case upstreamRetries
    case upstreamConnections
    case upstreamReuses
    case lookups(LookupResult)
    case leafMints
    case reloads(ReloadReport.Result)
    case loopTurns
    case foreignJobs
}

/// What a thread counts up and down.
enum Gauge: Sendable {
    case connectionsOpen, exchangesOpen, tunnelsOpen, upstreamConnectionsOpen, upstreamConnectionsIdle
}

/// What a thread measures the duration of.
enum Timing: Sendable {
    case handshakes, timeToFirstByte, exchangeTime, upstreamConnectTime, leafMintTime

    /// The upper bounds of the buckets: from a leaf's minting (below 1 ms) to an answer that streams for ten minutes.
    static let boundsMicroseconds: [UInt64] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 120_000_000, 300_000_000, 600_000_000,
    ]

    /// The same in seconds, as Prometheus writes them.
    static let boundsText = [
        "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
        "1", "2.5", "5", "10", "30", "60", "120", "300", "600",
    ]
}

/// A closed set of values for a label. The raw value is the place among the label's cells.
protocol MetricLabel: CaseIterable, RawRepresentable<Int>, Sendable {
    /// The value as it is exposed.
    var word: String { get }
}

/// What became of a CONNECT.
enum Disposition: Int, MetricLabel {
    case intercept, tunnel, refuse

    var word: String {
        switch self {
        case .intercept: "intercept"
        case .tunnel: "tunnel"
        case .refuse: "refuse"
        }
    }
}

/// Which way bytes went.
enum Direction: Int, MetricLabel {
    /// Towards the upstream.
    case up
    /// Towards the client.
    case down

    var word: String {
        switch self {
        case .up: "up"
        case .down: "down"
        }
    }
}

/// How a name lookup ended.
enum LookupResult: Int, MetricLabel {
    /// From leo's own memory.
    case cached
    case resolved
    /// The resolver says that there is no such name, or nothing sensible.
    case failed
    /// The resolver said nothing in time.
    case timedOut

    var word: String {
        switch self {
        case .cached: "cached"
        case .resolved: "resolved"
        case .failed: "failed"
        case .timedOut: "timed_out"
        }
    }
}

/// The first digit of the status that the client saw.
enum StatusClass: Int, MetricLabel {
    case informational, success, redirection, clientError, serverError
    /// The exchange ended before a status was sent.
    case none

    init(status: Int?) {
        switch status ?? 0 {
        case 100...199: self = .informational
        case 200...299: self = .success
        case 300...399: self = .redirection
        case 400...499: self = .clientError
        case 500...599: self = .serverError
        default: self = .none
        }
    }

    var word: String {
        switch self {
        case .informational: "1xx"
        case .success: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        case .none: "none"
        }
    }
}
