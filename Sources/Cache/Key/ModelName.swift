/// What the name of a model gives away.
enum ModelName {
    /// Why the cache has nothing to do with answers of such a model; nil for nearly all.
    ///
    /// Some models look things up without being offered a tool: OpenAI's and OpenRouter's by an ending, Perplexity's and
    /// Groq's always. Others are not a model but something stored that says which.
    static func bypass(_ name: String) -> CacheBypass? {
        var lower: [UInt8] = []
        lower.reserveCapacity(name.utf8.count)
        for byte in name.utf8 { lower.append(CacheText.lowercased(byte)) }
        let text = lower.span
        for word in lookingUp where contains(text, word) { return .serverTools }
        let last = (lower.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        let ownName = text.extracting(last..<text.count)
        if ownName.equals("sonar") || ownName.hasPrefix(ignoringCase: "sonar-") { return .serverTools }
        if ownName.hasPrefix(ignoringCase: "compound") { return .serverTools }
        for word in stored where contains(text, word) { return .state }
        return nil
    }

    private static let lookingUp: [StaticString] = ["-search", ":online", "-online", "deep-research"]
    /// OpenRouter's presets and Bedrock's prompts.
    private static let stored: [StaticString] = ["@preset/", ":prompt/"]

    private static func contains(_ text: Span<UInt8>, _ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard text.count >= count else { return false }
        for end in count...text.count where text.extracting(0..<end).hasSuffix(word) { return true }
        return false
    }
}
