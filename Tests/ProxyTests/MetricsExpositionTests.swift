import Testing
import Wire

@testable import Proxy

@Suite("The metrics page")
struct MetricsExpositionTests {
    @Test("is valid Prometheus text: each family declared once, before its samples, with names that fit its kind")
    func valid() throws {
        let log = try AccessLog(path: "/dev/null", onFull: .drop)
        var measures = log.measures
        measures.merge(try #require(ProcessStatistics.current()).measures) { mine, _ in mine }
        let overload = Overload(Config(baseDirectory: "/"), descriptorCountMax: 1024)
        measures.merge(overload.measures) { mine, _ in mine }
        let policy = PolicySnapshot(Config(baseDirectory: "/"))
        measures.merge(Reloader.measures(of: policy, isGood: true)) { mine, _ in mine }
        measures.merge(TenantReport(policy, at: .now()).measures) { mine, _ in mine }
        measures.merge(CacheReport(.init(), [:], policy).measures) { mine, _ in mine }
        let health = UpstreamHealth(Config.Upstream())
        measures.merge(health.measures(now: .current())) { mine, _ in mine }
        let metrics = Metrics(providers: ["openai"])
        let worker = metrics.makeWorker()
        for step in 0..<1000 { worker.observe(.exchangeTime, microseconds: UInt64(step * step * step)) }
        let page = try ScrapedPage(metrics, measures: measures)
        #expect(page.families.map(\.name) == Metric.allCases.map(\.declaration.name))
        for family in page.families {
            #expect(family.name.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil)
            #expect(family.help.hasSuffix("."), "\(family.name)")
            #expect(family.name.hasSuffix("_total") == (family.kind == "counter"), "\(family.name)")
            #expect(family.name.hasSuffix("_seconds") || family.kind != "histogram", "\(family.name)")
        }
        for family in page.families where family.kind == "histogram" {
            let buckets = page.buckets(of: family.name)
            #expect(buckets.count == Timing.boundsMicroseconds.count + 1)
            #expect(buckets.map(\.count) == buckets.map(\.count).sorted())
            #expect(buckets.last?.bound == "+Inf")
            #expect(buckets.last?.count == page.samples[family.name + "_count"])
            #expect(page.samples[family.name + "_sum"] != nil)
        }
    }

    @Test("escapes what an operator may put into a provider's name")
    func escaping() throws {
        let metrics = Metrics(providers: ["a\\b\"c\nd"])
        metrics.makeWorker().add(.requestBytes(provider: 0), 3)
        let page = try ScrapedPage(metrics)
        #expect(page.samples[#"leo_request_bytes_total{provider="a\\b\"c\nd"}"#] == 3)
    }

    @Test("leaves out what nobody could say")
    func unknown() throws {
        let statistics = ProcessStatistics(residentBytes: 1, processorMicroseconds: 12_345_678, startMicroseconds: 5)
        let page = try ScrapedPage(Metrics(providers: []), measures: statistics.measures)
        #expect(page.samples["process_cpu_seconds_total"] == 12.345678)
        #expect(page.samples["process_start_time_seconds"] == 0.000005)
        #expect(page.samples["process_open_fds"] == nil)
        #expect(page.samples["leo_access_log_lines_total"] == nil)
        #expect(!page.families.contains { $0.name == "process_open_fds" })
    }

    @Test("reads the kernel's line about a process whatever its name is")
    func statistics() throws {
        let line = """
            4242 (a) b (c) S 1 4242 4242 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 1000 999999 300 184467440737 1 1 0 \
            0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0

            """
        let bytes = Array(line.utf8)
        let statistics = ProcessStatistics.parse(bytes.span, ticksPerSecond: 100, pageBytes: 4096)
        #expect(
            statistics
                == ProcessStatistics(
                    residentBytes: 300 * 4096, processorMicroseconds: 3_000_000, startMicroseconds: 10_000_000))
        // All that is needed ends with the 24th field.
        let needed = try #require(line.firstRange(of: " 300 ")).upperBound.utf16Offset(in: line)
        for count in 0..<needed {
            let cut = Array(bytes.prefix(count))
            #expect(ProcessStatistics.parse(cut.span, ticksPerSecond: 100, pageBytes: 4096) == nil)
        }
    }

    @Test("knows this process")
    func thisProcess() throws {
        let statistics = try #require(ProcessStatistics.current())
        #expect(statistics.residentBytes > 1_000_000)
        #expect(statistics.startMicroseconds / 1_000_000 <= UInt64(WallTime.now().secondsSinceEpoch))
        #expect(statistics.startMicroseconds / 1_000_000 > 1_600_000_000)
        #expect(try #require(statistics.descriptorCount) >= 3)
        #expect(try #require(statistics.descriptorCountMax) >= #require(statistics.descriptorCount))
    }
}

/// A page of metrics as Prometheus reads it; reading fails where it would.
struct ScrapedPage {
    struct Family: Equatable {
        var name: String
        var help: String
        var kind: String
    }

    struct Flaw: Error {
        let line: String
    }

    var families: [Family] = []
    var samples: [String: Double] = [:]
    private var seriesInOrder: [String] = []

    init(_ metrics: Metrics, measures: [Metric: Exposition.Measure] = [:]) throws {
        var page = ByteQueue()
        Exposition.append(metrics, version: "0.1.0", measures: measures, to: &page)
        let text = text(of: page)
        guard text.hasSuffix("\n") else { throw Flaw(line: "no line feed at the end") }
        var help: (name: Substring, text: Substring)?
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: /# HELP ([a-z_]+) (.+)/) {
                help = (match.1, match.2)
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge|histogram)/) {
                guard let help, help.name == match.1, !families.contains(where: { $0.name == match.1 }) else {
                    throw Flaw(line: String(line))
                }
                families.append(Family(name: String(match.1), help: String(help.text), kind: String(match.2)))
            } else {
                try readSample(line)
            }
        }
    }

    func buckets(of family: String) -> [(bound: String, count: Double)] {
        seriesInOrder.compactMap { series in
            guard let match = series.wholeMatch(of: /([a-z_]+)_bucket\{le="([^"]+)"\}/), match.1 == family else {
                return nil
            }
            return (String(match.2), samples[series] ?? .nan)
        }
    }

    private mutating func readSample(_ line: Substring) throws {
        let pattern = /(([a-z_]+)(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})?) (-?[0-9.]+)/
        guard let match = line.wholeMatch(of: pattern), let value = Double(match.7), let family = families.last else {
            throw Flaw(line: String(line))
        }
        let series = String(match.1)
        let names =
            family.kind == "histogram"
            ? ["_bucket", "_sum", "_count"].map { family.name + $0 } : [family.name]
        guard names.contains(String(match.2)), samples.updateValue(value, forKey: series) == nil else {
            throw Flaw(line: String(line))
        }
        seriesInOrder.append(series)
    }
}
