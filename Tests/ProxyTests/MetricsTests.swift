import Testing
import Wire

@testable import Proxy

@Suite("Metrics")
struct MetricsTests {
    let metrics = Metrics(providers: ["openai", "anthropic"])

    @Test("start at zero and show every series from the beginning")
    func beginning() throws {
        _ = metrics.makeWorker()
        let page = try ScrapedPage(metrics)
        let threadFamilies = Metric.allCases.map(\.declaration).filter { $0.source == .threads }
        #expect(page.families.map(\.name) == threadFamilies.map(\.name) + ["leo_build_info"])
        #expect(page.samples.values.allSatisfy { $0 == 0 } == false)
        #expect(page.samples.filter { $0.value != 0 } == [#"leo_build_info{version="0.1.0"}"#: 1])
        #expect(page.samples[#"leo_exchanges_total{provider="anthropic",status="5xx"}"#] == 0)
        for fault in Fault.allCases { #expect(page.samples["leo_faults_total{error=\"\(fault.rawValue)\"}"] == 0) }
    }

    @Test("count each thing in its own cell")
    func counters() throws {
        let worker = metrics.makeWorker()
        var amount: UInt64 = 0
        var expected: [String: Double] = [:]
        for (counter, series) in Self.everyCounter {
            amount += 1
            worker.add(counter, amount)
            expected[series] = Double(amount)
        }
        for (number, gauge) in Self.everyGauge.enumerated() {
            for _ in 0...number { worker.up(gauge.0) }
            expected[gauge.1] = Double(number + 1)
        }
        let page = try ScrapedPage(metrics)
        expected[#"leo_build_info{version="0.1.0"}"#] = 1
        #expect(page.samples.filter { $0.value != 0 } == expected)
    }

    @Test("sum over threads, and a gauge may go up in one and down in another")
    func threads() throws {
        let workers = (0..<3).map { _ in metrics.makeWorker() }
        for worker in workers {
            worker.add(.connections, 5)
            worker.up(.connectionsOpen)
            worker.observe(.exchangeTime, microseconds: 2_000_000)
        }
        workers[0].down(.connectionsOpen)
        workers[0].down(.connectionsOpen)
        let page = try ScrapedPage(metrics)
        #expect(page.samples["leo_connections_total"] == 15)
        #expect(page.samples["leo_connections_open"] == 1)
        #expect(page.samples["leo_exchange_seconds_sum"] == 6)
        #expect(page.samples["leo_exchange_seconds_count"] == 3)
        workers[1].down(.connectionsOpen)
        workers[1].down(.connectionsOpen)
        #expect(try ScrapedPage(metrics).samples["leo_connections_open"] == 0)
    }

    @Test("count an exchange of no known provider under none", arguments: [-1, 2, 3, Int.max, Int.min])
    func unknownProvider(index: Int) throws {
        let worker = metrics.makeWorker()
        worker.add(.requestBytes(provider: index), 7)
        worker.add(.exchanges(provider: index, status: StatusClass(status: nil)))
        let page = try ScrapedPage(metrics)
        #expect(page.samples[#"leo_request_bytes_total{provider="none"}"#] == 7)
        #expect(page.samples[#"leo_exchanges_total{provider="none",status="none"}"#] == 1)
    }

    @Test(
        "put a status into its class",
        arguments: [
            (nil, "none"), (0, "none"), (99, "none"), (101, "1xx"), (200, "2xx"), (304, "3xx"), (429, "4xx"),
            (599, "5xx"), (600, "none"), (-1, "none"),
        ] as [(Int?, String)])
    func statusClass(status: Int?, word: String) { #expect(StatusClass(status: status).word == word) }

    @Test(
        "put a duration into the first bucket that holds it",
        arguments: [
            (0, "0.001"), (1_000, "0.001"), (1_001, "0.0025"), (9_999, "0.01"), (1_000_000, "1"), (1_000_001, "2.5"),
            (600_000_000, "600"), (600_000_001, "+Inf"), (UInt64.max / 2, "+Inf"),
        ] as [(UInt64, String)])
    func buckets(microseconds: UInt64, bound: String) throws {
        metrics.makeWorker().observe(.timeToFirstByte, microseconds: microseconds)
        let page = try ScrapedPage(metrics)
        let buckets = page.buckets(of: "leo_time_to_first_byte_seconds")
        #expect(buckets.first { $0.count == 1 }?.bound == bound)
        #expect(buckets.allSatisfy { $0.count <= 1 })
    }

    @Test("name the bounds that they compare with")
    func bounds() {
        #expect(Timing.boundsText.map { Double($0) } == Timing.boundsMicroseconds.map { Double($0) / 1_000_000 })
        #expect(Timing.boundsMicroseconds == Timing.boundsMicroseconds.sorted())
    }

    @Test(
        "measure durations as the clock gives them",
        arguments: [
            (Duration.microseconds(1500), "0.0025", 0.0015), (.zero, "0.001", 0), (.seconds(-3), "0.001", 0),
            (.seconds(2) + .nanoseconds(1999), "2.5", 2.000001),
        ])
    func durations(duration: Duration, bound: String, sum: Double) throws {
        metrics.makeWorker().observe(.leafMintTime, duration)
        let page = try ScrapedPage(metrics)
        #expect(page.buckets(of: "leo_leaf_mint_seconds").first { $0.count == 1 }?.bound == bound)
        #expect(page.samples["leo_leaf_mint_seconds_sum"] == sum)
    }

    @Test("may be read while threads count, and never go back")
    func concurrently() async throws {
        let metrics = metrics
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    let worker = metrics.makeWorker()
                    for step in 0..<5000 {
                        worker.add(.exchanges(provider: 0, status: .success))
                        worker.observe(.exchangeTime, microseconds: UInt64(step) * 100)
                    }
                }
            }
            group.addTask {
                var last: (exchanges: Double, count: Double) = (0, 0)
                while last.exchanges < 20_000 {
                    let page = try ScrapedPage(metrics)
                    let exchanges = try #require(page.samples[#"leo_exchanges_total{provider="openai",status="2xx"}"#])
                    let count = try #require(page.samples["leo_exchange_seconds_count"])
                    #expect(exchanges >= last.exchanges)
                    #expect(count >= last.count)
                    last = (exchanges, count)
                    await Task.yield()
                }
            }
            try await group.waitForAll()
        }
        #expect(try ScrapedPage(metrics).samples["leo_exchange_seconds_count"] == 20_000)
    }

    /// Every counter with each value of its labels, and the series it is shown as.
    private static let everyCounter: [(Counter, String)] = {
        var all: [(Counter, String)] = [
            (.connections, "leo_connections_total"),
            (.upstreamConnections, "leo_upstream_connections_opened_total"),
            (.upstreamReuses, "leo_upstream_connections_reused_total"),
            (.leafMints, "leo_leaf_mints_total"),
            (.loopTurns, "leo_loop_turns_total"),
            (.foreignJobs, "leo_foreign_jobs_total"),
        ]
        all += Disposition.allCases.map { (.connects($0), "leo_connects_total{disposition=\"\($0.word)\"}") }
        all += Direction.allCases.map { (.tunnelBytes($0), "leo_tunnel_bytes_total{direction=\"\($0.word)\"}") }
        all += LookupResult.allCases.map { (.lookups($0), "leo_dns_lookups_total{result=\"\($0.word)\"}") }
        all += Fault.allCases.map { (.faults($0), "leo_faults_total{error=\"\($0.rawValue)\"}") }
        for (index, name) in ["openai", "anthropic", "none"].enumerated() {
            all.append((.requestBytes(provider: index), "leo_request_bytes_total{provider=\"\(name)\"}"))
            all.append((.responseBytes(provider: index), "leo_response_bytes_total{provider=\"\(name)\"}"))
            all += StatusClass.allCases.map { status in
                (
                    .exchanges(provider: index, status: status),
                    "leo_exchanges_total{provider=\"\(name)\",status=\"\(status.word)\"}"
                )
            }
        }
        return all
    }()

    private static let everyGauge: [(Gauge, String)] = [
        (.connectionsOpen, "leo_connections_open"), (.exchangesOpen, "leo_exchanges_open"),
        (.tunnelsOpen, "leo_tunnels_open"), (.upstreamConnectionsOpen, "leo_upstream_connections_open"),
        (.upstreamConnectionsIdle, "leo_upstream_connections_idle"),
    ]
}
