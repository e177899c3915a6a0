import Wire

extension PriceTable {
    /// Reads a file of prices: a table without a mistake, or every mistake there is, in the order of the file.
    ///
    /// - Parameters:
    ///   - text: at most `fileByteCountMax` bytes.
    ///   - file: the file's name for complaints.
    ///   - providers: the names of the providers that there are; a row for another one would never count.
    public static func read(text: String, file: String, providers: [String]) -> (PriceTable?, [Diagnostic]) {
        if text.utf8.count > fileByteCountMax { return (nil, [tooLarge(file)]) }
        let reader = FileReader(text: text, file: file)
        var known: [String: Place] = [:]
        let rows = reader.rows("price", keys: [])
        let prices = rows.compactMap { Price(reading: $0, providers: providers, &known) }
        if rows.isEmpty, reader.mistakeCount == 0 {
            reader.report("there is no [[price]] in this file", at: Place(line: 1, column: 1))
        }
        let mistakes = reader.finish()
        return (mistakes.isEmpty ? PriceTable(prices) : nil, mistakes)
    }

    /// Some four thousand rows have as many.
    public static let fileByteCountMax = 1 << 20
    static let modelCountMax = 100

    /// The mistake of a file with more bytes.
    public static func tooLarge(_ file: String) -> Diagnostic {
        let message = "the file is larger than \(fileByteCountMax) bytes"
        return Diagnostic(file: file, place: Place(line: 1, column: 1), message: message)
    }
}

extension Price {
    fileprivate init?(reading row: TableReader, providers: [String], _ known: inout [String: Place]) {
        let before = row.file.mistakeCount
        let provider = Self.provider(row, providers)
        let models = Self.models(row, provider?.value, &known)
        let rates = Rates(reading: row, missing: nil)
        let long = Long(reading: row)
        let source = Self.required(row, "source", form: "where the price is published, like \"https://…\"")
        let date = Self.required(row, "date", form: "the day on which the price was there, like \"2026-11-05\"")
        if let date, !Self.isDay(date.value) {
            row.report("date", "must be a day like \"2026-11-05\", not \(date.value.quoted)", at: date.place)
        }
        guard row.file.mistakeCount == before, let provider, let rates, let source, let date else { return nil }
        self.init(
            provider: provider.value, models: models, rates: rates, long: long, source: source.value, date: date.value)
    }

    private static func provider(_ row: TableReader, _ providers: [String]) -> Located<String>? {
        guard let provider = required(row, "provider", form: "a provider's name like \"openai\"") else { return nil }
        if providers.contains(provider.value) { return provider }
        let clause = row.file.suggestion(for: provider.value, among: providers)
        row.report("provider", "= \(provider.value.quoted) is no provider that leo knows\(clause)", at: provider.place)
        return nil
    }

    private static func models(
        _ row: TableReader, _ provider: String?, _ known: inout [String: Place]
    ) -> [ModelGlob] {
        guard let texts = row.oneOrMore("models", form: "a model's name or a pattern like \"gpt-4.1-20??-??-??\"")
        else {
            row.report("models", "is missing", at: row.place)
            return []
        }
        if row.isEmptyList("models") { row.report("models", "is an empty list", at: row.place(of: "models")) }
        if texts.count > PriceTable.modelCountMax {
            row.report("models", "has \(texts.count) names, \(PriceTable.modelCountMax) at most", at: texts[0].place)
        }
        return texts.compactMap { text in
            guard let glob = ModelGlob(text.value) else {
                row.report("models", "= \(text.value.quoted) is no model's name", at: text.place)
                return nil
            }
            let key = "\(provider ?? "") \(ASCII.lowercased(glob.text))"
            if provider != nil, let first = known[key] {
                row.report("models", "= \(text.value.quoted) has a price already, at \(first)", at: text.place)
            } else {
                known[key] = text.place
            }
            return glob
        }
    }

    private static func required(_ row: TableReader, _ key: String, form: String) -> Located<String>? {
        guard row.has(key) else {
            _ = row.string(key, form: form)
            row.report(key, "is missing: \(form)", at: row.place)
            return nil
        }
        guard let text = row.string(key, form: form) else { return nil }
        if !text.value.isEmpty { return text }
        row.report(key, "must be \(form), not nothing", at: text.place)
        return nil
    }

    /// A date of ISO 8601, in the form with hyphens.
    private static func isDay(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], parts.allSatisfy({ $0.allSatisfy(ASCII.isDigit) }),
            let month = Int(Substring(parts[1])), let day = Int(Substring(parts[2]))
        else { return false }
        return (1...12).contains(month) && (1...31).contains(day)
    }
}

extension Price.Rates {
    /// `missing` is what input and output cost when the row does not say; without it they must be there. What is cached
    /// or being cached costs what other input does when the row does not say otherwise.
    fileprivate init?(reading row: TableReader, missing: (input: Int128, output: Int128)?) {
        let input = row.price("input") ?? missing?.input
        let cached = row.price("cached_input")
        let write = row.price("cache_write")
        let longWrite = row.price("cache_write_1h")
        let output = row.price("output") ?? missing?.output
        for key in ["input", "output"] where missing == nil && !row.has(key) {
            row.report(key, "is missing: a price in USD per million tokens, 0 where there is none", at: row.place)
        }
        guard let input, let output else { return nil }
        let cacheWrite = write ?? input
        self.init(
            input: input, cachedInput: cached ?? input, cacheWrite: cacheWrite, longCacheWrite: longWrite ?? cacheWrite,
            output: output)
    }
}

extension Price.Long {
    fileprivate init?(reading row: TableReader) {
        guard let table = row.rowTable("long") else { return nil }
        let above = table.integer("above", in: 1...Usage.tokenCountMax)
        if !table.has("above") {
            table.report("above", "is missing: the most input tokens at the usual price", at: table.place)
        }
        guard let rates = Price.Rates(reading: table, missing: nil), let above else { return nil }
        self.init(above: above, rates: rates)
    }
}

extension TableReader {
    /// A table within a row, `{ … }`.
    fileprivate func rowTable(_ key: String) -> TableReader? {
        guard let value = value(key) else { return nil }
        if case .table(let entries) = value.content { return file.subtable("\(name).\(key)", value.place, entries) }
        report(key, "must be a table like { above = 200_000, input = 4.00, output = 18.00 }", at: value.place)
        return nil
    }

    /// Dollars per million tokens, with up to six decimals: exact picodollars per token.
    fileprivate func price(_ key: String) -> Int128? {
        guard let value = value(key) else { return nil }
        let form = "a price in USD per million tokens like 2.50"
        switch value.content {
        case .integer(let dollars):
            if 0...Price.dollarsMax ~= dollars { return Int128(dollars) * 1_000_000 }
            report(key, "must be from 0 to \(Price.dollarsMax) USD per million tokens, not \(dollars)", at: value.place)
        case .float(let dollars):
            // Written with at most six decimals it is this whole number but for what a binary fraction cannot hold.
            let micro = dollars * 1e6
            guard dollars >= 0, dollars <= Double(Price.dollarsMax), let rounded = Int64(exactly: micro.rounded())
            else {
                let most = Price.dollarsMax
                report(key, "must be from 0 to \(most) USD per million tokens, not \(dollars)", at: value.place)
                return nil
            }
            if abs(micro - micro.rounded()) < 1e-3 { return Int128(rounded) }
            report(key, "has more than six decimals", at: value.place)
        case .string(let text): report(key, "must be \(form), without quotes: \(text.quoted)", at: value.place)
        case .table, .array, .boolean, .date:
            report(key, "must be \(form), not \(value.content.kind)", at: value.place)
        }
        return nil
    }
}

extension Price {
    /// A dollar for each token is a mistake.
    fileprivate static let dollarsMax: Int64 = 1_000_000
}
