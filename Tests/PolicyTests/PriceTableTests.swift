import Testing
import Wire

@testable import Policy

@Suite("Money")
struct MoneyTests {
    @Test(
        "is written with as many decimals as it has, two at least",
        arguments: [
            (0, "0.00"), (1, "0.000000000001"), (50_000_000_000_000, "50.00"), (1_500_000_000_000, "1.50"),
            (125_000_000, "0.000125"), (-2_250_000_000_000, "-2.25"),
        ] as [(Int128, String)])
    func text(picodollars: Int128, text: String) {
        #expect(Money(picodollars: picodollars).description == text)
    }

    @Test("neither overflows nor rounds in sums, and rounds to the nearest micro-dollar")
    func sums() {
        let most = Money(picodollars: .max)
        let least = Money(picodollars: .min)
        #expect(most + most == most && least + least == least && least - most == least && most - least == most)
        #expect(Money(picodollars: 3) + Money(picodollars: 4) - Money(picodollars: 8) == Money(picodollars: -1))
        #expect(Money(picodollars: 1_499_999).microdollars == 1 && Money(picodollars: 1_500_000).microdollars == 2)
        #expect(Money(picodollars: -1_500_000).microdollars == -2 && most.microdollars == .max)
        #expect(least.description.hasPrefix("-170141183460469231731687303.7"))
    }
}

@Suite("A list of prices")
struct PriceTableTests {
    private func read(_ text: String) -> (PriceTable?, [String]) {
        let (table, mistakes) = PriceTable.read(text: text, file: "p", providers: ["openai", "anthropic"])
        return (table, mistakes.map(\.description))
    }

    private func table(_ text: String) throws -> PriceTable {
        let (table, mistakes) = read(text)
        #expect(mistakes == [])
        return try #require(table)
    }

    /// A row for gpt-5 with these keys besides.
    private static func row(_ keys: String = "input = 1\noutput = 2") -> String {
        "[[price]]\nprovider = \"openai\"\nmodels = \"gpt-5\"\nsource = \"s\"\ndate = \"2026-11-01\"\n\(keys)\n"
    }

    private static func usage(
        _ input: Int, cached: Int = 0, write: Int = 0, longWrite: Int = 0, output: Int = 0
    ) -> Usage {
        var usage = Usage()
        usage.inputTokens = input
        usage.cachedTokens = cached
        usage.cacheWriteTokens = write
        usage.longCacheWriteTokens = longWrite
        usage.outputTokens = output
        return usage
    }

    @Test("costs are exact, with cached tokens and writes to the cache at their own prices")
    func cost() throws {
        let table = try table(
            Self.row("input = 3\ncached_input = 0.30\ncache_write = 3.75\ncache_write_1h = 6.00\noutput = 15.00"))
        let usage = Self.usage(10_000, cached: 7000, write: 500, longWrite: 300, output: 777)
        // 2200 · 3 + 7000 · 0.30 + 500 · 3.75 + 300 · 6 + 777 · 15 = 24030 micro-dollars, by hand
        #expect(table.cost(provider: "openai", model: "gpt-5", usage)?.description == "0.02403")
        #expect(table.cost(provider: "openai", model: "gpt-5", Self.usage(1))?.picodollars == 3_000_000)
        #expect(table.cost(provider: "openai", model: "gpt-5", Usage()) == .zero)
    }

    @Test("what a row does not say about the cache costs what other input does")
    func missing() throws {
        let plain = try table(Self.row())
        let usage = Self.usage(1000, cached: 400, write: 300, longWrite: 200, output: 10)
        #expect(plain.cost(provider: "openai", model: "gpt-5", usage)?.microdollars == 1020)
        let write = try table(Self.row("input = 1\noutput = 2\ncache_write = 5"))
        #expect(write.cost(provider: "openai", model: "gpt-5", usage)?.microdollars == 3020)
    }

    @Test("a long prompt changes the price of the whole exchange, from the first token on")
    func long() throws {
        let table = try table(
            Self.row(
                "input = 1\ncached_input = 0.1\noutput = 2\nlong = { above = 1000, input = 2, cached_input = 0.2, output = 3 }"
            ))
        func cost(_ input: Int, _ cached: Int) -> Int64? {
            table.cost(provider: "openai", model: "gpt-5", Self.usage(input, cached: cached, output: 100))?.microdollars
        }
        #expect(cost(1000, 0) == 1200 && cost(1001, 0) == 2302 && cost(1010, 1000) == 520)
    }

    @Test("a model that is not listed has no price, which is not zero")
    func unknown() throws {
        let table = try table(Self.row())
        for (provider, model) in [("openai", "gpt-6"), ("anthropic", "gpt-5"), ("", ""), ("openai", nil)] {
            #expect(table.cost(provider: provider, model: model, Self.usage(5)) == nil)
            let charge = table.charge(provider: provider, model: model, Self.usage(5, cached: 3, output: 2))
            #expect(charge == LimitCharge(inputTokens: 5, outputTokens: 2, money: nil))
        }
        #expect(table.price(provider: "openai", model: String(repeating: "g", count: 1000)) == nil)
        #expect(table.price(provider: "openai", model: "GPT-5") != nil)
    }

    @Test("a name counts before patterns, and a narrow pattern before a wide one")
    func patterns() throws {
        func row(_ models: String, _ input: Int) -> String {
            "[[price]]\nprovider = \"openai\"\nmodels = \(models)\ninput = \(input)\noutput = 0\nsource = \"s\"\ndate = \"2026-11-01\"\n"
        }
        let table = try table(
            row("\"*\"", 1) + row("\"gpt-*\"", 2) + row("[\"gpt-5\", \"x\"]", 3) + row("\"gpt-5-*\"", 4)
                + row("\"gpt-?\"", 5))
        func input(_ model: String) -> Int128? {
            table.price(provider: "openai", model: model).map { $0.rates.input / 1_000_000 }
        }
        #expect(input("claude") == 1 && input("gpt-10") == 2 && input("gpt-5") == 3 && input("X") == 3)
        #expect(input("gpt-5-mini") == 4 && input("gpt-7") == 2)
    }

    @Test("cached tokens weigh what is billed for them, in whole tokens, rounded up")
    func weights() throws {
        let table = try table(Self.row("input = 2\ncached_input = 0.2\ncache_write = 2.5\noutput = 8"))
        func tokens(_ usage: Usage) -> Int {
            table.charge(provider: "openai", model: "gpt-5", usage).inputTokens
        }
        #expect(tokens(Self.usage(1000)) == 1000 && tokens(Self.usage(1000, cached: 1000)) == 100)
        #expect(tokens(Self.usage(1001, cached: 1001)) == 101 && tokens(Self.usage(8, write: 8)) == 10)
        let free = try self.table(Self.row("input = 0\noutput = 1"))
        #expect(free.charge(provider: "openai", model: "gpt-5", Self.usage(7, cached: 3)).inputTokens == 7)
    }

    @Test("absurd numbers neither overflow nor become negative")
    func absurd() throws {
        let table = try table(Self.row("input = 1000000\noutput = 1000000"))
        let numbers = [Int.min, -1, 0, 1, Int.max]
        for input in numbers {
            for cached in numbers where input > 0 || cached <= 0 {
                let usage = Self.usage(input, cached: max(min(cached, input), -1), output: input)
                let cost = try #require(table.cost(provider: "openai", model: "gpt-5", usage))
                #expect(cost >= .zero || input < 0)
            }
        }
    }

    @Test(
        "a mistake names its line and what would be right",
        arguments: [
            ("input = -1\noutput = 2", "p:6:9: price.input must be from 0 to 1000000 USD per million tokens, not -1"),
            (
                "input = 1\noutput = -0.5",
                "p:7:10: price.output must be from 0 to 1000000 USD per million tokens, not -0.5"
            ),
            ("input = nan\noutput = 2", "not nan"), ("input = inf\noutput = 2", "not inf"),
            ("input = 1e9\noutput = 2", "from 0 to 1000000 USD"),
            ("input = 0.0000001\noutput = 2", "p:6:9: price.input has more than six decimals"),
            ("input = \"1\"\noutput = 2", "must be a price in USD per million tokens like 2.50, without quotes: \"1\""),
            ("input = true\noutput = 2", "must be a price in USD per million tokens like 2.50, not true or false"),
            ("output = 2", "price.input is missing: a price in USD per million tokens, 0 where there is none"),
            ("input = 1", "price.output is missing"),
            ("input = 1\noutput = 2\nlong = 3", "must be a table like { above = 200_000"),
            ("input = 1\noutput = 2\nlong = { input = 2, output = 3 }", "price.long.above is missing"),
            ("input = 1\noutput = 2\nlong = { above = 5, output = 3 }", "price.long.input is missing"),
            (
                "input = 1\noutput = 2\nlong = { above = 5, input = 2, output = 3, cache = 1 }",
                "unknown key \"cache\" in [price.long]"
            ),
            (
                "input = 1\noutput = 2\ncached_imput = 3",
                "unknown key \"cached_imput\" in [price], did you mean \"cached_input\"?"
            ),
            ("input = 1\noutput = 2\n[[price]]", "price.provider is missing"),
            ("input = 1\noutput = 2\n[prices]", "unknown table \"[prices]\", did you mean [price]?"),
        ])
    func mistakes(keys: String, message: String) {
        let (table, mistakes) = read(Self.row(keys))
        #expect(table == nil && mistakes.contains { $0.contains(message) }, "\(mistakes)")
    }

    @Test("rows are for providers and models that there are, once, with a source and a day")
    func rows() {
        let good = Self.row()
        let cases = [
            (good + good, "p:10:10: price.models = \"gpt-5\" has a price already, at line 3, column 10"),
            (good + good.replacing("gpt-5", with: "GPT-5"), "= \"GPT-5\" has a price already"),
            (
                good.replacing("\"openai\"", with: "\"opnai\""),
                "= \"opnai\" is no provider that leo knows, did you mean \"openai\"?"
            ),
            (good.replacing("\"gpt-5\"", with: "[]"), "price.models is an empty list"),
            (good.replacing("\"gpt-5\"", with: "\"gpt 5\""), "= \"gpt 5\" is no model's name"),
            (good.replacing("models = \"gpt-5\"\n", with: ""), "price.models is missing"),
            (good.replacing("source = \"s\"\n", with: ""), "price.source is missing: where the price is published"),
            (good.replacing("\"s\"", with: "\"\""), "must be where the price is published"),
            (
                good.replacing("2026-11-01", with: "2026-13-01"),
                "price.date must be a day like \"2026-11-05\", not \"2026-13-01\""
            ),
            (good.replacing("\"2026-11-01\"", with: "2026-11-01"), "not a date"),
            ("", "p:1:1: there is no [[price]] in this file"), ("[[price", "p:1:"),
            (String(repeating: "#", count: PriceTable.fileByteCountMax + 1), "the file is larger than"),
        ]
        for (text, message) in cases {
            let (table, mistakes) = read(text)
            #expect(table == nil && mistakes.contains { $0.contains(message) }, "\(mistakes)")
        }
    }

    @Test("the built-in list has no mistake, and holds what scripts/embed-prices wrote")
    func builtIn() throws {
        let text = PriceTable.builtInText + "\n"
        let (table, mistakes) = PriceTable.read(
            text: text, file: "config/prices.toml", providers: ProviderTable.builtIn.names)
        #expect(mistakes == [])
        #expect(table == PriceTable.builtIn && PriceTable.builtIn.prices.count > 80)
        for price in PriceTable.builtIn.prices {
            #expect(price.source.hasPrefix("https://") && !price.models.isEmpty)
            #expect(price.rates.cachedInput <= price.rates.input && price.rates.cacheWrite >= price.rates.input)
            if let long = price.long { #expect(long.rates.input > price.rates.input && long.above >= 100_000) }
        }
    }

    @Test(
        "the built-in list tells models of similar names apart",
        arguments: [
            ("openai", "gpt-4o", "2.50"), ("openai", "gpt-4o-2024-05-13", "5.00"), ("openai", "gpt-4o-mini", "0.15"),
            ("openai", "gpt-5.4-2026-03-05", "2.50"), ("openai", "gpt-4.1-nano-2025-04-14", "0.10"),
            ("anthropic", "claude-opus-5-5", "4.00"), ("anthropic", "claude-opus-5", "5.00"),
            ("anthropic", "claude-opus-4-20250514", "15.00"), ("anthropic", "claude-opus-4-5-20251101", "5.00"),
            ("anthropic", "claude-haiku-4-5-20251001", "1.00"), ("gemini", "gemini-2.5-flash-lite", "0.10"),
            ("bedrock", "global.anthropic.claude-opus-5", "5.00"), ("bedrock", "us.anthropic.claude-opus-5", "5.50"),
            ("bedrock", "anthropic.claude-opus-4-5-20251101-v1:0", "5.50"),
            (
                "bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-4-8",
                "5.00"
            ),
            ("groq", "openai/gpt-oss-20b", "0.075"), ("deepseek", "deepseek-v4-flash", "0.30"),
        ])
    func similar(provider: String, model: String, input: String) throws {
        let price = try #require(PriceTable.builtIn.price(provider: provider, model: model))
        #expect(Money(picodollars: price.rates.input * 1_000_000).description == input)
    }

    @Test(
        "the built-in list knows nothing of models that it does not list",
        arguments: [
            ("openai", "gpt-4o-audio-preview"), ("openai", "gpt-5-pro"), ("openai", "gpt-6.2-astra-mini"),
            ("anthropic", "claude-opus-6"), ("bedrock", "us.anthropic.claude-opus-5-5"),
            ("gemini", "gemini-2.5-flash-image"),
            ("azure-openai", "gpt-4o"), ("ollama", "llama3"),
        ])
    func unlisted(provider: String, model: String) {
        #expect(PriceTable.builtIn.price(provider: provider, model: model) == nil)
    }

    @Test("a day's bill by hand: one exchange of each kind")
    func bill() {
        func cost(_ provider: String, _ model: String, _ usage: Usage) -> String? {
            PriceTable.builtIn.cost(provider: provider, model: model, usage)?.description
        }
        // 500 · 2 + 1500 · 0.5 + 300 · 8 = 4150
        #expect(cost("openai", "gpt-4.1", Self.usage(2000, cached: 1500, output: 300)) == "0.00415")
        // 100 · 3 + 20000 · 0.3 + 2000 · 3.75 + 1000 · 6 + 50 · 15 = 20550
        let claude = Self.usage(23_100, cached: 20_000, write: 2000, longWrite: 1000, output: 50)
        #expect(cost("anthropic", "claude-sonnet-4-6", claude) == "0.02055")
        // 300001 tokens: 250001 · 2.5 + 50000 · 0.25 + 1000 · 15 = 652502.5
        #expect(cost("gemini", "gemini-2.5-pro", Self.usage(300_001, cached: 50_000, output: 1000)) == "0.6525025")
        // 11 tokens of the cheapest kind are not rounded away: 11 · 0.006 = 0.066
        #expect(cost("deepseek", "deepseek-flash", Self.usage(11, cached: 11)) == "0.000000066")
        #expect(cost("openai", "text-embedding-3-small", Self.usage(12_345)) == "0.0002469")
    }
}

@Suite("A forecast of usage")
struct UsageForecastTests {
    private func usage(_ input: Int, _ output: Int) -> Usage {
        var usage = Usage()
        (usage.inputTokens, usage.outputTokens) = (input, output)
        return usage
    }

    @Test("begins with the estimate and a tenth, more for Claude, and an ordinary answer")
    func first() {
        let forecast = UsageForecast()
        let openai = forecast.reservation(
            provider: "openai", model: "gpt-5", estimatedInputTokens: 1000, outputLimit: nil)
        #expect(openai == (1100, 750))
        let claude = forecast.reservation(
            provider: "bedrock", model: "anthropic.Claude-opus-5", estimatedInputTokens: 1000, outputLimit: 100)
        #expect(claude.inputTokens == 1265 && claude.outputTokens == 100)
        #expect(
            forecast.reservation(provider: "p", model: nil, estimatedInputTokens: -5, outputLimit: -5, choices: -1) == (
                0, 0
            ))
    }

    @Test("learns how far estimates are off and how much a model writes, for each model by itself")
    func learns() {
        let forecast = UsageForecast()
        for _ in 0..<200 {
            forecast.learn(provider: "p", model: "m", estimatedInputTokens: 100, usage: usage(150, 80))
        }
        let known = forecast.reservation(provider: "p", model: "m", estimatedInputTokens: 1000, outputLimit: nil)
        #expect((1640...1660).contains(known.inputTokens) && (80...82).contains(known.outputTokens))
        let limited = forecast.reservation(
            provider: "p", model: "m", estimatedInputTokens: 0, outputLimit: 10, choices: 3)
        #expect(limited == (0, 30))
        let other = forecast.reservation(provider: "q", model: "m", estimatedInputTokens: 1000, outputLimit: nil)
        #expect(other == (1100, 750))
    }

    @Test("believes no absurd answer")
    func absurd() {
        let forecast = UsageForecast()
        for numbers in [(Int.max, Int.max), (Int.min, Int.min), (0, 0), (1, 1)] {
            for _ in 0..<50 {
                forecast.learn(
                    provider: "p", model: "m", estimatedInputTokens: numbers.1, usage: usage(numbers.0, numbers.1),
                    choices: 0)
            }
        }
        let held = forecast.reservation(
            provider: "p", model: "m", estimatedInputTokens: .max, outputLimit: .max, choices: .max)
        #expect(
            (0...Usage.tokenCountMax).contains(held.inputTokens)
                && (0...Usage.tokenCountMax).contains(held.outputTokens))
        for _ in 0..<500 {
            forecast.learn(provider: "p", model: "x", estimatedInputTokens: 1, usage: usage(1_000_000, 1))
        }
        let capped = forecast.reservation(provider: "p", model: "x", estimatedInputTokens: 1000, outputLimit: 0)
        #expect(capped.inputTokens <= 4401)
    }

    @Test("forgets the model not seen for longest when it knows too many")
    func bounded() {
        let forecast = UsageForecast()
        for number in 0..<UsageForecast.entryCountMax + 10 {
            forecast.learn(provider: "p", model: "m\(number)", estimatedInputTokens: 100, usage: usage(200, 1))
        }
        #expect(forecast.entryCount == UsageForecast.entryCountMax)
        func input(_ model: String) -> Int {
            forecast.reservation(provider: "p", model: model, estimatedInputTokens: 1000, outputLimit: 0).inputTokens
        }
        #expect(input("m5") == 1100 && input("m500") == 1210)
    }
}
