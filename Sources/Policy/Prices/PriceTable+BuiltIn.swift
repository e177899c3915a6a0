extension PriceTable {
    /// The list that leo was built with. It has no mistake: a test reads it.
    public static let builtIn =
        read(text: builtInText, file: "config/prices.toml", providers: ProviderTable.builtIn.names).0 ?? PriceTable()

    /// `config/prices.toml`, written here by `scripts/embed-prices`.
    static let builtInText = #"""
        # What models cost, in US dollars per million tokens: the price list that is built into leo. docs/prices.md says how
        # it is used, and how to put another in its place.
        #
        # `date` is the latest day on which the price is known to have stood at `source`, read in a stored copy of that page
        # or in a public list that quotes it. Prices change: a row is as good as its date. They are those of the standard
        # service for text: no batches, no flex or priority tiers, no regional surcharges, no audio, images or calls of tools.
        # A model that is not here has no known price.
        #
        # `long` holds the prices of a whole exchange whose input, cached tokens included, is more than `above` tokens. What a
        # row does not say about cached input and writes to a cache costs as much as other input.

        # OpenAI. A prompt of more than 272,000 tokens doubles input and cache prices, and output costs half as much again.

        # The price of writes follows from the rule for its siblings: input and a quarter.
        [[price]]
        provider = "openai"
        models = ["gpt-6.2-astra"]
        input = 8.00
        cached_input = 0.40
        cache_write = 10.00
        output = 40.00
        long = { above = 272000, input = 16.00, cached_input = 0.80, cache_write = 20.00, output = 60.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-6.2-astra"
        date = "2026-11-18"

        [[price]]
        provider = "openai"
        models = ["gpt-6.2-sol"]
        input = 2.00
        cached_input = 0.10
        cache_write = 2.50
        output = 10.00
        long = { above = 272000, input = 4.00, cached_input = 0.20, cache_write = 5.00, output = 15.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-6.2-sol"
        date = "2026-11-18"

        [[price]]
        provider = "openai"
        models = ["gpt-6.1-sol"]
        input = 2.00
        cached_input = 0.10
        cache_write = 2.50
        output = 10.00
        long = { above = 272000, input = 4.00, cached_input = 0.20, cache_write = 5.00, output = 15.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-6.1-sol"
        date = "2026-10-16"

        [[price]]
        provider = "openai"
        models = ["gpt-6-astra"]
        input = 10.00
        cached_input = 1.00
        cache_write = 12.50
        output = 50.00
        long = { above = 272000, input = 20.00, cached_input = 2.00, cache_write = 25.00, output = 75.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-6-astra"
        date = "2026-10-16"

        [[price]]
        provider = "openai"
        models = ["gpt-6-sol"]
        input = 2.00
        cached_input = 0.20
        cache_write = 2.50
        output = 10.00
        long = { above = 272000, input = 4.00, cached_input = 0.40, cache_write = 5.00, output = 15.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-6-sol"
        date = "2026-10-16"

        [[price]]
        provider = "openai"
        models = ["gpt-6-luna"]
        input = 0.10
        cached_input = 0.01
        cache_write = 0.125
        output = 0.50
        long = { above = 272000, input = 0.20, cached_input = 0.02, cache_write = 0.25, output = 0.75 }
        source = "https://developers.openai.com/api/docs/models/gpt-6-luna"
        date = "2026-10-16"

        # A promotion, announced to last at least to 2026-11-21; before it 5.00 and 30.00.
        [[price]]
        provider = "openai"
        models = ["gpt-5.6", "gpt-5.6-sol", "gpt-5.6-sol-20??-??-??"]
        input = 4.00
        cached_input = 0.40
        cache_write = 5.00
        output = 20.00
        long = { above = 272000, input = 8.00, cached_input = 0.80, cache_write = 10.00, output = 30.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-5.6-sol"
        date = "2026-09-22"

        [[price]]
        provider = "openai"
        models = ["gpt-5.6-terra", "gpt-5.6-terra-20??-??-??"]
        input = 2.00
        cached_input = 0.20
        cache_write = 2.50
        output = 12.00
        long = { above = 272000, input = 4.00, cached_input = 0.40, cache_write = 5.00, output = 18.00 }
        source = "https://developers.openai.com/api/docs/models/gpt-5.6-terra"
        date = "2026-09-22"

        [[price]]
        provider = "openai"
        models = ["gpt-5.6-luna", "gpt-5.6-luna-20??-??-??"]
        input = 0.20
        cached_input = 0.02
        cache_write = 0.25
        output = 1.20
        long = { above = 272000, input = 0.40, cached_input = 0.04, cache_write = 0.50, output = 1.80 }
        source = "https://developers.openai.com/api/docs/models/gpt-5.6-luna"
        date = "2026-09-22"

        [[price]]
        provider = "openai"
        models = ["gpt-5.5", "gpt-5.5-20??-??-??"]
        input = 5.00
        cached_input = 0.50
        output = 30.00
        long = { above = 272000, input = 10.00, cached_input = 1.00, output = 45.00 }
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-04-24"

        [[price]]
        provider = "openai"
        models = ["gpt-5.4", "gpt-5.4-20??-??-??"]
        input = 2.50
        cached_input = 0.25
        output = 15.00
        long = { above = 272000, input = 5.00, cached_input = 0.50, output = 22.50 }
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-03-06"

        [[price]]
        provider = "openai"
        models = ["gpt-5.4-mini", "gpt-5.4-mini-20??-??-??"]
        input = 0.75
        cached_input = 0.075
        output = 4.50
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-03-18"

        [[price]]
        provider = "openai"
        models = ["gpt-5.4-nano", "gpt-5.4-nano-20??-??-??"]
        input = 0.20
        cached_input = 0.02
        output = 1.25
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-03-18"

        [[price]]
        provider = "openai"
        models = ["gpt-5.3-chat-latest"]
        input = 1.75
        cached_input = 0.175
        output = 14.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-05-07"

        [[price]]
        provider = "openai"
        models = ["gpt-5.3-codex"]
        input = 1.75
        cached_input = 0.175
        output = 14.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2026-02-05"

        [[price]]
        provider = "openai"
        models = ["gpt-5.2", "gpt-5.2-20??-??-??", "gpt-5.2-chat-latest", "gpt-5.2-codex"]
        input = 1.75
        cached_input = 0.175
        output = 14.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-12-11"

        [[price]]
        provider = "openai"
        models = [
            "gpt-5.1", "gpt-5.1-20??-??-??", "gpt-5.1-chat-latest", "gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5",
            "gpt-5-20??-??-??", "gpt-5-chat-latest", "gpt-5-codex",
        ]
        input = 1.25
        cached_input = 0.125
        output = 10.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-11-13"

        [[price]]
        provider = "openai"
        models = ["gpt-5.1-codex-mini", "gpt-5-mini", "gpt-5-mini-20??-??-??"]
        input = 0.25
        cached_input = 0.025
        output = 2.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-11-13"

        [[price]]
        provider = "openai"
        models = ["gpt-5-nano", "gpt-5-nano-20??-??-??"]
        input = 0.05
        cached_input = 0.005
        output = 0.40
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-11-13"

        [[price]]
        provider = "openai"
        models = ["gpt-4.1", "gpt-4.1-20??-??-??"]
        input = 2.00
        cached_input = 0.50
        output = 8.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4.1-mini", "gpt-4.1-mini-20??-??-??"]
        input = 0.40
        cached_input = 0.10
        output = 1.60
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4.1-nano", "gpt-4.1-nano-20??-??-??"]
        input = 0.10
        cached_input = 0.025
        output = 0.40
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20"]
        input = 2.50
        cached_input = 1.25
        output = 10.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4o-2024-05-13"]
        input = 5.00
        output = 15.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"]
        input = 0.15
        cached_input = 0.075
        output = 0.60
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-4-turbo", "gpt-4-turbo-2024-04-09"]
        input = 10.00
        output = 30.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["gpt-3.5-turbo", "gpt-3.5-turbo-0125"]
        input = 0.50
        output = 1.50
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["o3", "o3-2025-04-16"]
        input = 2.00
        cached_input = 0.50
        output = 8.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-12"

        [[price]]
        provider = "openai"
        models = ["o4-mini", "o4-mini-2025-04-16"]
        input = 1.10
        cached_input = 0.275
        output = 4.40
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["o3-mini", "o3-mini-2025-01-31"]
        input = 1.10
        cached_input = 0.55
        output = 4.40
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["o1", "o1-2024-12-17"]
        input = 15.00
        cached_input = 7.50
        output = 60.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["text-embedding-3-large"]
        input = 0.13
        output = 0.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["text-embedding-3-small"]
        input = 0.02
        output = 0.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "openai"
        models = ["text-embedding-ada-002"]
        input = 0.10
        output = 0.00
        source = "https://developers.openai.com/api/docs/pricing"
        date = "2025-07-04"

        # Anthropic. Writes to the cache cost a quarter more than input for five minutes and twice as much for an hour.

        [[price]]
        provider = "anthropic"
        models = ["claude-fable-5-1", "claude-fable-5-1-20??????", "claude-mythos-5-1", "claude-mythos-5-1-20??????"]
        input = 10.00
        cached_input = 0.25
        cache_write = 12.50
        cache_write_1h = 20.00
        output = 50.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-fable-5", "claude-fable-5-20??????", "claude-mythos-5", "claude-mythos-5-20??????"]
        input = 10.00
        cached_input = 1.00
        cache_write = 12.50
        cache_write_1h = 20.00
        output = 50.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-opus-5-5", "claude-opus-5-5-20??????"]
        input = 4.00
        cached_input = 0.20
        cache_write = 5.00
        cache_write_1h = 8.00
        output = 20.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = [
            "claude-opus-5", "claude-opus-5-20??????", "claude-opus-4-8", "claude-opus-4-8-20??????", "claude-opus-4-7",
            "claude-opus-4-7-20??????", "claude-opus-4-6", "claude-opus-4-6-20??????", "claude-opus-4-5",
            "claude-opus-4-5-20??????",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        cache_write_1h = 10.00
        output = 25.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-opus-4-1", "claude-opus-4-1-20??????", "claude-opus-4", "claude-opus-4-20??????"]
        input = 15.00
        cached_input = 1.50
        cache_write = 18.75
        cache_write_1h = 30.00
        output = 75.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-07-29"

        [[price]]
        provider = "anthropic"
        models = ["claude-sonnet-5-5", "claude-sonnet-5-5-20??????"]
        input = 2.00
        cached_input = 0.10
        cache_write = 2.50
        cache_write_1h = 4.00
        output = 10.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-sonnet-5", "claude-sonnet-5-20??????"]
        input = 2.00
        cached_input = 0.20
        cache_write = 2.50
        cache_write_1h = 4.00
        output = 10.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-sonnet-4-6", "claude-sonnet-4-6-20??????"]
        input = 3.00
        cached_input = 0.30
        cache_write = 3.75
        cache_write_1h = 6.00
        output = 15.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-sonnet-4-5", "claude-sonnet-4-5-20??????"]
        input = 3.00
        cached_input = 0.30
        cache_write = 3.75
        cache_write_1h = 6.00
        output = 15.00
        long = { above = 200000, input = 6.00, cached_input = 0.60, cache_write = 7.50, cache_write_1h = 12.00, output = 22.50 }
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-07-29"

        [[price]]
        provider = "anthropic"
        models = ["claude-haiku-5-5", "claude-haiku-5-5-20??????"]
        input = 0.10
        cached_input = 0.01
        cache_write = 0.125
        cache_write_1h = 0.20
        output = 0.50
        long = { above = 100000, input = 0.50, cached_input = 0.05, cache_write = 0.625, cache_write_1h = 1.00, output = 2.50 }
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-haiku-4-5", "claude-haiku-4-5-20??????"]
        input = 1.00
        cached_input = 0.10
        cache_write = 1.25
        cache_write_1h = 2.00
        output = 5.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-10-24"

        [[price]]
        provider = "anthropic"
        models = ["claude-3-5-haiku", "claude-3-5-haiku-20??????"]
        input = 0.80
        cached_input = 0.08
        cache_write = 1.00
        cache_write_1h = 1.60
        output = 4.00
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-07-29"

        [[price]]
        provider = "anthropic"
        models = ["claude-3-haiku", "claude-3-haiku-20??????"]
        input = 0.25
        cached_input = 0.03
        cache_write = 0.30
        cache_write_1h = 0.50
        output = 1.25
        source = "https://platform.claude.com/docs/en/about-claude/pricing"
        date = "2026-07-29"

        # Google, the Gemini API. Audio costs more with some of these models and is not told apart; storage of explicit caches
        # is not counted. Thinking counts as output.

        # To 2026-12-31; from 2027 on 1.50 and 7.50.
        [[price]]
        provider = "gemini"
        models = ["gemini-3.8-flash"]
        input = 0.75
        cached_input = 0.075
        output = 3.75
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        # To 2026-12-31; from 2027 on 1.50 and 7.50.
        [[price]]
        provider = "gemini"
        models = ["gemini-3.7-flash", "gemini-3.6-flash"]
        input = 0.75
        cached_input = 0.075
        output = 3.75
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-08-13"

        [[price]]
        provider = "gemini"
        models = ["gemini-3.5-flash"]
        input = 1.50
        cached_input = 0.15
        output = 9.00
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        [[price]]
        provider = "gemini"
        models = ["gemini-3.5-flash-lite"]
        input = 0.30
        cached_input = 0.03
        output = 2.50
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        [[price]]
        provider = "gemini"
        models = ["gemini-3.1-pro-preview"]
        input = 2.00
        cached_input = 0.20
        output = 12.00
        long = { above = 200000, input = 4.00, cached_input = 0.40, output = 18.00 }
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        [[price]]
        provider = "gemini"
        models = ["gemini-3.1-flash-lite"]
        input = 0.25
        cached_input = 0.025
        output = 1.50
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-05-12"

        [[price]]
        provider = "gemini"
        models = ["gemini-3-pro-preview"]
        input = 2.00
        cached_input = 0.20
        output = 12.00
        long = { above = 200000, input = 4.00, cached_input = 0.40, output = 18.00 }
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2025-11-18"

        [[price]]
        provider = "gemini"
        models = ["gemini-3-flash-preview"]
        input = 0.50
        cached_input = 0.05
        output = 3.00
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2025-12-19"

        [[price]]
        provider = "gemini"
        models = ["gemini-2.5-pro"]
        input = 1.25
        cached_input = 0.125
        output = 10.00
        long = { above = 200000, input = 2.50, cached_input = 0.25, output = 15.00 }
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        [[price]]
        provider = "gemini"
        models = ["gemini-2.5-flash"]
        input = 0.30
        cached_input = 0.03
        output = 2.50
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        [[price]]
        provider = "gemini"
        models = ["gemini-2.5-flash-lite"]
        input = 0.10
        cached_input = 0.01
        output = 0.40
        source = "https://ai.google.dev/gemini-api/docs/pricing"
        date = "2026-10-07"

        # Mistral.

        [[price]]
        provider = "mistral"
        models = ["mistral-large-2512"]
        input = 0.50
        cached_input = 0.05
        output = 1.50
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        [[price]]
        provider = "mistral"
        models = ["mistral-medium-2604"]
        input = 1.50
        output = 7.50
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-07-02"

        [[price]]
        provider = "mistral"
        models = ["mistral-medium-2505", "mistral-medium-2508"]
        input = 0.40
        output = 2.00
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-07-02"

        [[price]]
        provider = "mistral"
        models = ["mistral-small-2603"]
        input = 0.15
        cached_input = 0.015
        output = 0.60
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        [[price]]
        provider = "mistral"
        models = ["codestral-2508"]
        input = 0.30
        cached_input = 0.03
        output = 0.90
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        [[price]]
        provider = "mistral"
        models = ["devstral-2512"]
        input = 0.40
        cached_input = 0.04
        output = 2.00
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        [[price]]
        provider = "mistral"
        models = ["magistral-medium-2506", "magistral-medium-2507", "magistral-medium-2509"]
        input = 2.00
        output = 5.00
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2025-08-12"

        [[price]]
        provider = "mistral"
        models = ["ministral-3b-2512"]
        input = 0.10
        cached_input = 0.01
        output = 0.10
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        [[price]]
        provider = "mistral"
        models = ["ministral-14b-2512"]
        input = 0.20
        cached_input = 0.02
        output = 0.20
        source = "https://mistral.ai/pricing#api-pricing"
        date = "2026-06-09"

        # Cohere. Its answers tell the tokens that are billed.

        [[price]]
        provider = "cohere"
        models = ["command-a-03-2025"]
        input = 2.50
        output = 10.00
        source = "https://cohere.com/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "cohere"
        models = ["command-r-plus", "command-r-plus-08-2024"]
        input = 2.50
        output = 10.00
        source = "https://cohere.com/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "cohere"
        models = ["command-r", "command-r-08-2024"]
        input = 0.15
        output = 0.60
        source = "https://cohere.com/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "cohere"
        models = ["command-r7b-12-2024"]
        input = 0.0375
        output = 0.15
        source = "https://cohere.com/pricing"
        date = "2025-07-04"

        [[price]]
        provider = "cohere"
        models = ["embed-v4.0"]
        input = 0.12
        output = 0.00
        source = "https://cohere.com/pricing"
        date = "2025-12-10"

        # Groq.

        [[price]]
        provider = "groq"
        models = ["openai/gpt-oss-120b"]
        input = 0.15
        cached_input = 0.075
        output = 0.60
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["openai/gpt-oss-20b"]
        input = 0.075
        cached_input = 0.0375
        output = 0.30
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["llama-3.3-70b-versatile"]
        input = 0.59
        output = 0.79
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["llama-3.1-8b-instant"]
        input = 0.05
        output = 0.08
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["meta-llama/llama-4-maverick-17b-128e-instruct"]
        input = 0.20
        output = 0.60
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["meta-llama/llama-4-scout-17b-16e-instruct"]
        input = 0.11
        output = 0.34
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["qwen/qwen3-32b"]
        input = 0.29
        output = 0.59
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        [[price]]
        provider = "groq"
        models = ["moonshotai/kimi-k2-instruct-0905"]
        input = 1.00
        cached_input = 0.50
        output = 3.00
        source = "https://groq.com/pricing/"
        date = "2025-08-12"

        # DeepSeek. These are the prices of peak hours, 01:00 to 04:00 and 06:00 to 10:00 UTC from Monday to Friday. At all
        # other times they are half of it: costs are counted too high rather than too low.

        [[price]]
        provider = "deepseek"
        models = ["deepseek-flash", "deepseek-v4-flash"]
        input = 0.30
        cached_input = 0.006
        output = 1.20
        source = "https://api-docs.deepseek.com/quick_start/pricing"
        date = "2026-10-17"

        [[price]]
        provider = "deepseek"
        models = ["deepseek-v4-pro"]
        input = 1.32
        cached_input = 0.044
        output = 3.96
        source = "https://api-docs.deepseek.com/quick_start/pricing"
        date = "2026-10-17"

        # Amazon Bedrock. Global inference profiles cost what the model's maker asks; regional ones, and models asked by their
        # own name, a tenth more. A name may stand in an ARN.

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-opus-5", "*global.anthropic.claude-opus-5-v?:?",
            "*global.anthropic.claude-opus-5-20??????-v?:?",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        output = 25.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-07-25"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-opus-5", "*anthropic.claude-opus-5-v?:?", "*anthropic.claude-opus-5-20??????-v?:?"]
        input = 5.50
        cached_input = 0.55
        cache_write = 6.875
        output = 27.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-07-25"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-opus-4-8", "*global.anthropic.claude-opus-4-8-v?:?",
            "*global.anthropic.claude-opus-4-8-20??????-v?:?",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        output = 25.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-05-28"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-opus-4-8", "*anthropic.claude-opus-4-8-v?:?", "*anthropic.claude-opus-4-8-20??????-v?:?"]
        input = 5.50
        cached_input = 0.55
        cache_write = 6.875
        output = 27.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-05-28"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-opus-4-7", "*global.anthropic.claude-opus-4-7-v?:?",
            "*global.anthropic.claude-opus-4-7-20??????-v?:?",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        output = 25.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-04-16"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-opus-4-7", "*anthropic.claude-opus-4-7-v?:?", "*anthropic.claude-opus-4-7-20??????-v?:?"]
        input = 5.50
        cached_input = 0.55
        cache_write = 6.875
        output = 27.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-04-16"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-opus-4-6", "*global.anthropic.claude-opus-4-6-v?:?",
            "*global.anthropic.claude-opus-4-6-20??????-v?:?",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        output = 25.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-26"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-opus-4-6", "*anthropic.claude-opus-4-6-v?:?", "*anthropic.claude-opus-4-6-20??????-v?:?"]
        input = 5.50
        cached_input = 0.55
        cache_write = 6.875
        output = 27.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-26"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-opus-4-5", "*global.anthropic.claude-opus-4-5-v?:?",
            "*global.anthropic.claude-opus-4-5-20??????-v?:?",
        ]
        input = 5.00
        cached_input = 0.50
        cache_write = 6.25
        output = 25.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-02-23"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-opus-4-5", "*anthropic.claude-opus-4-5-v?:?", "*anthropic.claude-opus-4-5-20??????-v?:?"]
        input = 5.50
        cached_input = 0.55
        cache_write = 6.875
        output = 27.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-02-23"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-sonnet-4-6", "*global.anthropic.claude-sonnet-4-6-v?:?",
            "*global.anthropic.claude-sonnet-4-6-20??????-v?:?",
        ]
        input = 3.00
        cached_input = 0.30
        cache_write = 3.75
        output = 15.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-26"

        [[price]]
        provider = "bedrock"
        models = [
            "*anthropic.claude-sonnet-4-6", "*anthropic.claude-sonnet-4-6-v?:?",
            "*anthropic.claude-sonnet-4-6-20??????-v?:?",
        ]
        input = 3.30
        cached_input = 0.33
        cache_write = 4.125
        output = 16.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-26"

        [[price]]
        provider = "bedrock"
        models = [
            "*global.anthropic.claude-fable-5", "*global.anthropic.claude-fable-5-v?:?",
            "*global.anthropic.claude-fable-5-20??????-v?:?",
        ]
        input = 10.00
        cached_input = 1.00
        cache_write = 12.50
        output = 50.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-09"

        [[price]]
        provider = "bedrock"
        models = ["*anthropic.claude-fable-5", "*anthropic.claude-fable-5-v?:?", "*anthropic.claude-fable-5-20??????-v?:?"]
        input = 11.00
        cached_input = 1.10
        cache_write = 13.75
        output = 55.00
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-09"

        [[price]]
        provider = "bedrock"
        models = ["*global.amazon.nova-2-lite-v1:0"]
        input = 0.30
        cached_input = 0.075
        output = 2.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-11"

        [[price]]
        provider = "bedrock"
        models = ["*amazon.nova-2-lite-v1:0"]
        input = 0.33
        cached_input = 0.0825
        output = 2.75
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-11"

        [[price]]
        provider = "bedrock"
        models = ["*mistral.mistral-large-3-675b-instruct"]
        input = 0.50
        output = 1.50
        source = "https://aws.amazon.com/bedrock/pricing/"
        date = "2026-06-03"
        """#
}
