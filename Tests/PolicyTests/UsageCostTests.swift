import Glibc
import Policy
import Testing
import Wire

/// From the bytes of an answer to money, at prices of round numbers. The sums were worked out by hand.
@Suite("What an answer costs")
struct UsageCostTests {
    private static let prices = """
        [[price]]
        provider = "openai"
        models = ["gpt-*"]
        input = 2.50
        cached_input = 1.25
        cache_write = 3.125
        output = 10
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "openai"
        models = ["text-embedding-3-small"]
        input = 0.02
        output = 0
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "anthropic"
        models = ["claude-*"]
        input = 3
        cached_input = 0.30
        cache_write = 3.75
        cache_write_1h = 6
        output = 15
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "bedrock"
        models = ["*"]
        input = 3
        cached_input = 0.30
        cache_write = 3.75
        cache_write_1h = 6
        output = 15
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "gemini"
        models = ["gemini-2.5-flash"]
        input = 0.30
        cached_input = 0.075
        output = 2.50
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "cohere"
        models = ["command-a"]
        input = 2.50
        output = 10
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "deepseek"
        models = ["deepseek-*"]
        input = 0.28
        cached_input = 0.028
        output = 0.42
        source = "test"
        date = "2026-01-01"
        [[price]]
        provider = "xai"
        models = ["grok-4"]
        input = 3
        cached_input = 0.75
        output = 15
        source = "test"
        date = "2026-01-01"
        """

    /// The answer's file, the provider, the model where the answer does not name it, and the cost. Behind it: tokens at
    /// full price, cached, written to the cache, written for an hour, out; each times its price per million.
    @Test(
        "is the invoice's sum to the micro-dollar",
        arguments: [
            ("openai-chat-document", "openai", "", "0.005615"),  // 86·2.50 + 1920·1.25 + 300·10 = 5615
            ("openai-chat-stream", "openai", "", "0.0001475"),  // 19·2.50 + 10·10 = 147.5
            ("openai-chat-stream-cache-write", "openai", "", "0.0096"),  // 1024·(2.50 + 3.125) + 2048·1.25 + 128·10
            ("openai-chat-stream-tools", "openai", "", "0.000375"),  // 82·2.50 + 17·10 = 375
            ("openai-responses-document", "openai", "", "0.01306"),  // 64·2.50 + 3200·1.25 + 64·3.125 + 870·10
            ("openai-responses-stream", "openai", "", "0.0001825"),  // 21·2.50 + 16·1.25 + 11·10 = 182.5
            ("openai-completions-stream", "openai", "", "0.0000825"),  // 5·2.50 + 7·10 = 82.5
            ("openai-embeddings", "openai", "", "0.00000016"),  // 8·0.02 = 0.16
            ("anthropic-document", "anthropic", "", "0.020766"),  // 47·3 + 8000·0.30 + 1248·3.75 + 1000·6 + 503·15
            ("anthropic-stream", "anthropic", "", "0.0003"),  // 25·3 + 15·15 = 300
            ("anthropic-stream-cache", "anthropic", "", "0.00801"),  // 25·3 + 2000·0.30 + 100·3.75 + 1000·6 + 64·15
            ("anthropic-stream-thinking-tool", "anthropic", "", "0.004251"),  // 472·3 + 189·15 = 4251
            ("gemini-document", "gemini", "", "0.0028784"),  // 904·0.30 + 4096·0.075 + 920·2.50 = 2878.4
            ("gemini-document-tools", "gemini", "", "0.000098"),  // 160·0.30 + 20·2.50 = 98
            ("gemini-stream", "gemini", "", "0.0000999"),  // 8·0.30 + 39·2.50 = 99.9
            ("gemini-stream-array", "gemini", "", "0.0000999"),
            ("cohere-v2-document", "cohere", "command-a", "0.00543"),  // 500·2.50 (no price for cached) + 418·10 = 5430
            ("cohere-v1-stream", "cohere", "command-a", "0.0002"),  // 4·2.50 + 19·10 = 200
            // 125·3 + 1500·0.30 + 150·3.75 + 400·6 + 60·15 = 4687.5
            ("bedrock-converse-document", "bedrock", "anthropic.claude-sonnet-4-5", "0.0046875"),
            ("bedrock-converse-stream", "bedrock", "anthropic.claude-sonnet-4-5", "0.0046875"),
            ("bedrock-invoke-stream-claude", "bedrock", "", "0.0009"),  // 25·3 + 2000·0.30 + 15·15 = 900
            ("bedrock-invoke-stream-nova", "bedrock", "amazon.nova-lite", "0.000258"),  // 17·3 + 90·0.30 + 12·15 = 258
            ("bedrock-invoke-llama", "bedrock", "meta.llama3", "0.000159"),  // 18·3 + 7·15 = 159
            ("deepseek-chat-stream", "deepseek", "", "0.00007924"),  // 20·0.28 + 1280·0.028 + 90·0.42 = 79.24
            ("xai-chat-stream", "xai", "", "0.0038175"),  // 26·3 + 6·0.75 + 249·15 = 3817.5
        ])
    func cost(_ name: String, _ provider: String, _ model: String, _ dollars: String) throws {
        let (table, mistakes) = PriceTable.read(
            text: Self.prices, file: "prices.toml",
            providers: ["openai", "anthropic", "bedrock", "gemini", "cohere", "deepseek", "xai"])
        #expect(mistakes.isEmpty)
        let prices = try #require(table)
        let answer = try Self.answer(name)
        for pieceSize in [answer.body.count, 13] {
            var meter = AnswerMeter(answer.dialect, contentType: answer.contentType.span)
            for start in stride(from: 0, to: answer.body.count, by: pieceSize) {
                meter.take(answer.body.span.extracting(start..<min(answer.body.count, start + pieceSize)))
            }
            meter.end()
            let told = meter.usage
            let usage = try #require(told)
            let answered = model.isEmpty ? meter.model : model
            let money = try #require(prices.cost(provider: provider, model: answered, usage))
            #expect(money.description == dollars)
        }
    }

    private static func answer(_ name: String) throws -> (dialect: Dialect, contentType: [UInt8], body: [UInt8]) {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let file = unsafe try #require(unsafe fopen("\(root)/Tests/Corpus/usage/\(name)", "r"))
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        let lineEnd = try #require(bytes[..<count].firstIndex(of: 10))
        let words = bytes[..<lineEnd].split(separator: 32)
        let dialect = try #require(Dialect(rawValue: String(decoding: words[0], as: UTF8.self)))
        return (dialect, Array(words[1]), Array(bytes[(lineEnd + 1)..<count]))
    }
}
