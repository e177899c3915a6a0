import Wire

/// Writes metrics in the Prometheus text format, version 0.0.4.
enum Exposition {
    /// The media type of what is written.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// A value that is asked for when the metrics are read.
    enum Measure: Equatable, Sendable {
        case count(UInt64)
        /// Shown in seconds.
        case microseconds(UInt64)
        /// One for each set of labels, no set twice.
        case samples([Sample])
    }

    /// A value with its labels.
    struct Sample: Equatable, Sendable {
        struct Label: Equatable, Sendable {
            let name: String
            let value: String
        }

        let labels: [Label]
        /// A decimal number.
        let value: String
    }

    /// Adds every metric to `out`: what threads count, summed over all of them, and what `measures` has of the others.
    ///
    ///     let measures = accessLog.measures.merging(process.measures) { mine, _ in mine }
    ///     Exposition.append(metrics, version: "0.1.0", measures: measures, to: &answer)
    static func append(_ metrics: Metrics, version: String, measures: [Metric: Measure], to out: inout ByteQueue) {
        let sums = metrics.sums()
        for metric in Metric.allCases {
            let declaration = metric.declaration
            switch declaration.source {
            case .threads:
                appendHead(of: declaration, to: &out)
                let cells = sums[metrics.layout.firstCell(of: metric)...]
                append(declaration, cells, providers: metrics.layout.providers, to: &out)
            case .asked:
                guard let measure = metric == .buildInformation ? .count(1) : measures[metric] else { continue }
                appendHead(of: declaration, to: &out)
                append(declaration, measure, version: version, to: &out)
            }
        }
    }

    private static func appendHead(of declaration: Metric.Declaration, to out: inout ByteQueue) {
        out.append("# HELP ")
        out.append(declaration.name)
        out.append(" ")
        out.append(declaration.help)
        out.append("\n# TYPE ")
        out.append(declaration.name)
        out.append(" ")
        out.append(declaration.kind.rawValue)
        out.append("\n")
    }

    private static func append(
        _ declaration: Metric.Declaration, _ measure: Measure, version: String, to out: inout ByteQueue
    ) {
        switch measure {
        case .count(let value):
            appendName(declaration.name, declaration.labels == .version ? [("version", version)] : [], to: &out)
            out.append(decimal: value)
            out.append("\n")
        case .microseconds(let value):
            appendName(declaration.name, [], to: &out)
            append(secondsOfMicroseconds: value, to: &out)
            out.append("\n")
        case .samples(let samples):
            for sample in samples {
                appendName(declaration.name, sample.labels.map { ($0.name, $0.value) }, to: &out)
                out.append(sample.value)
                out.append("\n")
            }
        }
    }

    private static func append(
        _ declaration: Metric.Declaration, _ cells: ArraySlice<UInt64>, providers: [String], to out: inout ByteQueue
    ) {
        if declaration.kind == .histogram { return appendHistogram(declaration.name, cells, to: &out) }
        for (labels, value) in zip(labelSets(declaration.labels, providers: providers), cells) {
            appendName(declaration.name, labels, to: &out)
            // A gauge of one thread may be below zero, and the sum briefly too while it is being read.
            out.append(decimal: declaration.kind == .gauge && Int64(bitPattern: value) < 0 ? 0 : value)
            out.append("\n")
        }
    }

    /// Buckets are cumulative. The count is their sum, so it fits them also while threads go on counting.
    private static func appendHistogram(_ name: String, _ cells: ArraySlice<UInt64>, to out: inout ByteQueue) {
        var count: UInt64 = 0
        let bounds = Timing.boundsText + ["+Inf"]
        for (bound, value) in zip(bounds, cells) {
            count &+= value
            appendName(name + "_bucket", [("le", bound)], to: &out)
            out.append(decimal: count)
            out.append("\n")
        }
        appendName(name + "_sum", [], to: &out)
        append(secondsOfMicroseconds: cells[cells.startIndex + bounds.count], to: &out)
        out.append("\n")
        appendName(name + "_count", [], to: &out)
        out.append(decimal: count)
        out.append("\n")
    }

    /// The values of a metric's labels, in the order of its cells.
    private static func labelSets(_ labels: Metric.Labels, providers: [String]) -> [[(name: String, value: String)]] {
        switch labels {
        case .none, .version: [[]]
        // What is asked brings its own.
        case .tenant, .tenantAndKind, .tenantAndLimit: []
        case .disposition: Disposition.allCases.map { [("disposition", $0.word)] }
        case .direction: Direction.allCases.map { [("direction", $0.word)] }
        case .result: LookupResult.allCases.map { [("result", $0.word)] }
        case .reason: AuthenticationRefusal.allCases.map { [("reason", $0.word)] }
        case .limit: OverloadLimit.allCases.map { [("limit", $0.word)] }
        case .reload: ReloadReport.Result.allCases.map { [("result", $0.word)] }
        case .cache: CacheResult.allCases.map { [("result", $0.word)] }
        case .error: Fault.allCases.map { [("error", $0.rawValue)] }
        case .provider: providers.map { [("provider", $0)] }
        case .providerAndStatus:
            providers.flatMap { provider in
                StatusClass.allCases.map { [("provider", provider), ("status", $0.word)] }
            }
        }
    }

    /// The name, its labels, and the space before the value.
    private static func appendName(
        _ name: String, _ labels: [(name: String, value: String)], to out: inout ByteQueue
    ) {
        out.append(name)
        for (index, label) in labels.enumerated() {
            out.append(index == 0 ? "{" : ",")
            out.append(label.name)
            out.append("=\"")
            append(escaped: label.value, to: &out)
            out.append("\"")
        }
        out.append(labels.isEmpty ? " " : "} ")
    }

    private static func append(escaped value: String, to out: inout ByteQueue) {
        for byte in value.utf8 {
            switch byte {
            case 0x5C: out.append("\\\\")
            case 0x22: out.append("\\\"")
            case 0x0A: out.append("\\n")
            default: out.append(byte)
            }
        }
    }

    /// Adds `12.000345` for 12,000,345.
    private static func append(secondsOfMicroseconds value: UInt64, to out: inout ByteQueue) {
        out.append(decimal: value / 1_000_000)
        out.append(".")
        var scale: UInt64 = 100_000
        while scale > 0 {
            out.append(48 + UInt8(value / scale % 10))
            scale /= 10
        }
    }
}
