import Testing

@testable import Policy

@Suite("Limits in the file")
struct LimitSettingsTests {
    /// `own` and `defaults` are the tables' lines.
    private func read(_ own: String?, defaults: String? = nil) -> (LimitSettings, [String]) {
        var text = own.map { "[limits]\n\($0)\n" } ?? ""
        if let defaults { text += "[defaults]\n[defaults.limits]\n\(defaults)\n" }
        let reader = FileReader(text: text, file: "f")
        let inherited = defaults == nil ? nil : reader.table("defaults").table("limits")
        let settings = LimitSettings(reading: own == nil ? nil : reader.table("limits"), inheriting: inherited)
        return (settings, reader.finish().map(\.description))
    }

    private func limits(_ own: String?, defaults: String? = nil) -> LimitSettings {
        let (settings, mistakes) = read(own, defaults: defaults)
        #expect(mistakes == [])
        return settings
    }

    private func texts(_ settings: LimitSettings) -> [String] {
        settings.rules.map { "\($0.name) \($0.text)\($0.mode == .enforce ? "" : " \($0.mode.rawValue)")" }
    }

    // MARK: Forms

    @Test(
        "a rate is a number in a window, perhaps with a burst",
        arguments: [
            ("600/min", 600, .minute, nil), ("20/s", 20, .second, nil), ("200k/min", 200_000, .minute, nil),
            ("1.5M/day", 1_500_000, .day, nil), ("0.5k/h", 500, .hour, nil), ("1.000001M/day", 1_000_001, .day, nil),
            ("600/min burst 50", 600, .minute, 50), ("20M/day burst 500k", 20_000_000, .day, 500_000),
            ("1/day", 1, .day, nil), ("1000000000000000/s", 1_000_000_000_000_000, .second, nil),
            ("007/s", 7, .second, nil),
        ] as [(String, Int, LimitWindow, Int?)])
    func rates(text: String, count: Int, window: LimitWindow, burst: Int?) throws {
        #expect(try LimitText.rate(text) == LimitText.Rate(count: count, window: window, burst: burst))
    }

    @Test(
        "money is a number of dollars in a window of the calendar",
        arguments: [
            ("50 USD/day", 50_000_000, .day), ("900.50 USD/month", 900_500_000, .month), ("0.000001 USD/h", 1, .hour),
            ("1000000000 USD/min", 1_000_000_000_000_000, .minute), ("1 USD/s", 1_000_000, .second),
        ] as [(String, Int128, LimitWindow)])
    func budgets(text: String, microdollars: Int128, window: LimitWindow) throws {
        let budget = try LimitText.budget(text)
        #expect(budget.money.picodollars == microdollars * 1_000_000 && budget.window == window)
    }

    private static let rate = "must be \(LimitText.rateForm), not"
    private static let money = "must be \(LimitText.budgetForm), not"

    @Test(
        "what is neither is a mistake that names the likely form",
        arguments: [
            (
                "requests = \"10/fortnight\"",
                "requests = \"10/fortnight\" has the window \"fortnight\", which must be \"s\", \"min\", \"h\" or \"day\": the nearest is \"day\""
            ),
            ("requests = \"10/week\"", "\"day\": the nearest is \"day\""),
            (
                "requests = \"10/minute\"",
                "has the window \"minute\", which must be \"s\", \"min\", \"h\" or \"day\", did you mean \"min\"?"
            ),
            ("requests = \"10/month\"", "; months are for budgets, the longest window of a rate is \"day\""),
            ("requests = \"10/xyz\"", "has the window \"xyz\", which must be \"s\", \"min\", \"h\" or \"day\""),
            ("requests = \"600 per minute\"", "\(rate) \"600 per minute\", did you mean \"600/min\"?"),
            ("requests = \"600 / min\"", "did you mean \"600/min\"?"),
            ("requests = \"200K/min\"", "did you mean \"200k/min\"?"),
            ("tokens = \"200k tokens/min\"", "did you mean \"200k/min\"?"),
            ("requests = \"600rpm\"", "did you mean \"600/min\"?"),
            ("requests = \"600/min, burst 50\"", "did you mean \"600/min burst 50\"?"),
            ("requests = \"600/min burst=50\"", "did you mean \"600/min burst 50\"?"),
            ("requests = \"600/min burst 0\"", "has the burst \"0\": a whole number from 1 is needed"),
            ("requests = \"0/min\"", "\(rate) \"0/min\""),
            ("requests = \"-5/min\"", "\(rate) \"-5/min\""),
            ("requests = \"0.5/min\"", "\(rate) \"0.5/min\""),
            ("requests = \"nan/min\"", "\(rate) \"nan/min\""),
            ("requests = \"10000000000000000/min\"", rate),
            ("requests = \"99999999999999999999999999999999999999999999/min\"", rate),
            ("requests = \"\"", "\(rate) \"\""),
            ("requests = \"/\"", "\(rate) \"/\""),
            ("requests = \"10/min/h\"", rate),
            ("requests = 600", "requests must be \(LimitText.rateForm): 600 in which time? \"600/min\" is one way"),
            ("requests = true", "must be \(LimitText.rateForm), not true or false"),
            ("requests = [600]", "600 in which time?"),
            ("requests = { burst = 5 }", "limits.requests.rate is missing"),
            ("requests = { rate = \"600/min burst 5\", burst = 5 }", "burst is in the rate already"),
            (
                "requests = { rate = \"600/min\", burst = \"many\" }",
                "burst must be a whole number from 1, or one like \"200k\""
            ),
            ("requests = { rate = \"600/min\", burst = 0 }", "burst must be a whole number from 1"),
            ("requests = { rate = \"600/min\", mode = \"observed\" }", "did you mean \"observe\"?"),
            (
                "requests = { rate = \"600/min\", brust = 5 }",
                "unknown key \"brust\" in [limits.requests], did you mean \"burst\"?"
            ),
            ("budget = \"50/day\"", "\(money) \"50/day\", did you mean \"50 USD/day\"?"),
            ("budget = \"$50/day\"", "did you mean \"50 USD/day\"?"),
            ("budget = \"50 dollars per day\"", "did you mean \"50 USD/day\"?"),
            ("budget = \"50 EUR/day\"", "\(money) \"50 EUR/day\""),
            ("budget = \"50 USD/week\"", "\"day\" or \"month\": the nearest are \"day\" and \"month\""),
            ("budget = \"0 USD/day\"", "needs from 0.000001 to 1000000000 dollars"),
            ("budget = \"0.0000001 USD/day\"", "with six decimals at most"),
            ("budget = \"50 USD/day burst 5\"", money),
            ("budget = 50", "50 in which time? \"50 USD/day\" is one way"),
            ("budget = { rate = \"50 USD/day\", burst = 5 }", "unknown key \"burst\" in [limits.budget]"),
            ("concurrent = 0", "concurrent must be from 1 to 1000000, not 0"),
            ("concurrent = \"64\"", "must be a number without quotes: 64"),
            ("concurrent = [64]", "is one number: how many exchanges may run at the same time"),
            ("concurrent = { mode = \"observe\" }", "limits.concurrent.count is missing"),
            ("concurrent_add = 4", "unknown key \"concurrent_add\" in [limits]"),
            ("models = []", "models is an empty list: no model would do"),
            ("models = [\"gpt 5\"]", "= \"gpt 5\" is no model's name"),
            ("models_add = \"gpt-5\"", "adds to nothing: all models may be asked"),
            ("max_output_tokens = 0", "must be from 1 to 1000000000"),
            ("max_output_action = \"cut\"", "must be \"cap\" or \"refuse\""),
            ("max_body = \"4MiB\"", "did you mean \"4MB\"?"),
            ("on_exhausted = \"let-finish\"", "did you mean \"let_finish\"?"),
            ("unmetered = \"pass\"", "must be \"refuse\" or \"allow\""),
            ("unpriced = false", "must be \"refuse\" or \"allow\", not true or false"),
            ("mode = \"on\"", "must be \"off\" or \"observe\" or \"enforce\""),
            ("on_redis_failure = \"open\"", "unknown key \"on_redis_failure\" in [limits]"),
            ("reqests = \"1/s\"", "unknown key \"reqests\" in [limits], did you mean \"requests\"?"),
            ("model = 3", "is a table of limits for some models, written as [limits.model.\"gpt-*\"]"),
            (
                "[limits.model.gpt-4.1]\nrequests = \"1/s\"",
                "was cut at its dots: write the model in quotes, [limits.model.\"gpt-4.1\"]"
            ),
            ("[limits.model.\"a b\"]\nrequests = \"1/s\"", "is no model's name"),
            ("[limits.model.\"gpt-*\"]\nmax_body = \"4MB\"", "\"max_body\" in [limits.model.gpt-*]"),
        ])
    func mistakes(text: String, message: String) {
        let (_, mistakes) = read(text)
        #expect(mistakes.count == 1 && mistakes.allSatisfy { $0.contains(message) }, "\(mistakes)")
        #expect(mistakes.allSatisfy { $0.hasPrefix("f:2:") || $0.hasPrefix("f:3:") })
    }

    // MARK: Meaning

    @Test("without a table nothing is limited")
    func empty() {
        #expect(
            limits(nil) == LimitSettings() && limits("") == LimitSettings()
                && limits(nil, defaults: "") == LimitSettings())
        #expect(limits(nil).permits(model: nil) && !limits(nil).countsUsage && !limits(nil).countsMoney)
    }

    @Test("a limit is one text or a list, of texts or tables, each with a mode and a burst of its own")
    func lists() {
        let settings = limits(
            """
            mode = "observe"
            requests = ["600/min", { rate = "20/s", burst = 40, mode = "enforce" }, { rate = "9/s", mode = "off" }]
            tokens = { rate = "1.5M/day", burst = "200k" }
            budget = { rate = "50 USD/day" }
            concurrent = { count = 8, mode = "enforce" }
            """)
        #expect(
            texts(settings) == [
                "requests/min 600/min burst 100 observe", "requests/s 20/s burst 40",
                "tokens/day 1500000/day burst 200000 observe", "budget/day 50.00 USD/day observe", "concurrent 8",
            ])
        #expect(settings.mode == .observe && !settings.metersUsage && settings.countsUsage && settings.countsMoney)
        #expect(settings.rules.map(\.place.line) == [3, 3, 4, 5, 6])
    }

    @Test("a table that is off has no limits but those with a mode of their own")
    func off() {
        let settings = limits("mode = \"off\"\nrequests = \"1/s\"\ntokens = { rate = \"1/s\", mode = \"enforce\" }")
        #expect(texts(settings) == ["tokens/s 1/s burst 10"] && settings.metersUsage)
    }

    @Test("what a tenant has takes the place of what it inherits, key by key")
    func inheritance() {
        let settings = limits(
            "requests = \"5/s\"\nmodels = \"gpt-*\"\nmax_output_tokens = 10\nunpriced = \"allow\"",
            defaults: """
                mode = "observe"
                requests = ["1/s", "2/min"]
                requests_add = "3/h"
                tokens = "100/s"
                models = ["a", "b"]
                max_output_tokens = 5
                max_output_action = "refuse"
                max_body = "1KB"
                on_exhausted = "finish"
                unmetered = "allow"
                """)
        #expect(texts(settings) == ["requests/s 5/s burst 50 observe", "tokens/s 100/s burst 1000 observe"])
        #expect(settings.models?.map(\.text) == ["gpt-*"] && settings.maxOutputTokens == 10)
        #expect(settings.maxOutputAction == .refuse && settings.maxBodyByteCount == 1024)
        #expect(settings.onExhausted == .finish && settings.unmetered == .allow && settings.unpriced == .allow)
    }

    @Test("what ends in _add extends what is inherited")
    func additions() {
        let defaults = "requests = \"1/s\"\nrequests_add = \"2/min\"\nmodels = [\"a\"]\nmodels_add = \"b\""
        let settings = limits(
            "requests_add = [\"3/h\"]\ntokens_add = \"4/day\"\nmodels_add = [\"c\"]", defaults: defaults)
        #expect(settings.rules.map(\.name) == ["requests/s", "requests/min", "requests/h", "tokens/day"])
        #expect(settings.models?.map(\.text) == ["a", "b", "c"])
        #expect(limits("models = \"x\"", defaults: defaults).models?.map(\.text) == ["x"])
        #expect(limits(nil, defaults: defaults).models?.map(\.text) == ["a", "b"])
        #expect(limits("", defaults: defaults).rules.map(\.name) == ["requests/s", "requests/min"])
        #expect(limits("requests = []", defaults: defaults).rules.isEmpty)
    }

    @Test("tables for models add limits, and merge with those of the same name")
    func models() {
        let settings = limits(
            "requests = \"1/s\"\n[limits.model.\"gpt-*\"]\nrequests = \"2/s\"\nmode = \"observe\"\n[limits.model.o3]\nbudget = \"1 USD/day\"",
            defaults: "mode = \"enforce\"\n[defaults.limits.model.\"GPT-*\"]\nrequests = \"9/s\"\ntokens = \"3/s\"")
        #expect(
            texts(settings) == [
                "requests/s 1/s burst 10", "requests/s GPT-* 2/s burst 20 observe",
                "tokens/s GPT-* 3/s burst 30 observe",
                "budget/day o3 1.00 USD/day",
            ])
    }

    @Test("a tenant has at most 64 limits")
    func count() {
        let many = (1...65).map { "\"\($0)/s\"" }.joined(separator: ", ")
        let (settings, mistakes) = read("requests = [\(many)]")
        #expect(settings.rules.count == 64 && mistakes.count == 1)
        #expect(mistakes[0].hasPrefix("f:1:") && mistakes[0].hasSuffix("[limits] has 65 limits, 64 at most"))
    }

    @Test("every tenant has its own over the defaults, and mistakes in those are told once")
    func tenants() {
        let hash = "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + String(repeating: "A", count: 43)
        func row(_ user: String) -> String { "match = [{ proxy_user = \"\(user)\", password_hash = \"\(hash)\" }]" }
        let text = """
            [tenants.a]
            \(row("a"))
            [tenants.a.limits]
            requests = "5/s"
            [tenants.b]
            \(row("b"))
            [defaults.limits]
            requests = "1/s"
            tokens = "1/fortnight"
            nonsense = 1
            """
        let reader = FileReader(text: text, file: "f")
        let table = TenantTable(reading: reader.table("tenants"), inheriting: reader.table("defaults"))
        let mistakes = reader.finish().map(\.description)
        #expect(mistakes.count == 2 && mistakes[0].hasPrefix("f:9:10: defaults.limits.tokens = "), "\(mistakes)")
        #expect(table.policies.map { $0.limits.rules.map(\.amount) } == [[5], [1]])
        let alone = FileReader(text: "[defaults.limits]\nrequests = \"7/s\"", file: "f")
        let implicit = TenantTable(reading: alone.table("tenants"), inheriting: alone.table("defaults"))
        #expect(alone.finish() == [] && implicit.policies.map { $0.limits.rules.map(\.amount) } == [[7]])
    }
}

@Suite("A pattern for models")
struct ModelGlobTests {
    @Test(
        "means names by stars and question marks, whatever the letters' case",
        arguments: [
            ("gpt-*", "gpt-5", true), ("gpt-*", "GPT-5", true), ("GPT-*", "gpt-", true), ("gpt-*", "xgpt-5", false),
            ("*", "", true), ("*", "anything/at:all", true), ("gpt-5", "gpt-5", true), ("gpt-5", "gpt-55", false),
            ("gpt-?", "gpt-5", true), ("gpt-?", "gpt-", false), ("*-pro", "gpt-5-pro", true),
            ("*-pro", "gpt-5-pro-x", false),
            ("a*b*c", "aXbYc", true), ("a*b*c", "aXbYcZ", false), ("a*b*c", "abcbc", true), ("**a**", "ba", true),
            ("*ab", "aab", true), ("o3-20??-??-??", "o3-2025-04-16", true), ("o3-20??-??-??", "o3-2025-04-161", false),
        ])
    func matches(glob: String, model: String, isMeant: Bool) throws {
        #expect(try #require(ModelGlob(glob)).matches(model) == isMeant)
    }

    @Test("does not take for ever", .timeLimit(.minutes(1)))
    func cost() throws {
        let glob = try #require(ModelGlob(String(repeating: "a*", count: 64)))
        #expect(glob.matches(String(repeating: "a", count: 100_000) + "b"))
        #expect(!(try #require(ModelGlob("*a*a*a*a*a*b"))).matches(String(repeating: "a", count: 10_000)))
    }

    @Test(
        "is no text that is empty, too long or has blanks",
        arguments: ["", " ", "gpt 5", "a\n", "a\u{7F}", String(repeating: "a", count: 129)])
    func flaws(text: String) {
        #expect(ModelGlob(text) == nil)
    }

    @Test("decides with the list of models whom a tenant may ask")
    func permits() {
        var settings = LimitSettings()
        settings.models = [ModelGlob("gpt-*"), ModelGlob("o3")].compactMap { $0 }
        #expect(settings.permits(model: "GPT-5") && settings.permits(model: "o3"))
        #expect(!settings.permits(model: "o3-mini") && !settings.permits(model: nil) && !settings.permits(model: ""))
    }
}
