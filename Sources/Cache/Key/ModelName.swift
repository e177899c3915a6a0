/// What the name of a model gives away.
enum ModelName {
    /// Why the cache has nothing to do with answers of such a model; nil for nearly all.
    ///
    /// Some models look things up without being offered a tool: OpenAI's and OpenRouter's by an ending, Perplexity's and
    /// Groq's always. Others are not a model but something stored that says which.
    static func bypass(_ name: String) -> CacheBypass? {
        let utf8 = name.utf8
        let text = utf8.span
        if contains(text, lookingUp) { return .serverTools }
        var last = text.count
        while last > 0, text[last - 1] != UInt8(ascii: "/") { last -= 1 }
        let ownName = text.extracting(last..<text.count)
        if ownName.isWord("sonar") || ownName.hasPrefix(ignoringCase: "sonar-") { return .serverTools }
        if ownName.hasPrefix(ignoringCase: "compound") { return .serverTools }
        if contains(text, stored) { return .state }
        return nil
    }

    private static let lookingUp: [StaticString] = ["-search", ":online", "-online", "deep-research"]
    /// OpenRouter's presets and Bedrock's prompts.
    private static let stored: [StaticString] = ["@preset/", ":prompt/"]

    /// Whether one of the words is in the text, in any case.
    private static func contains(_ text: Span<UInt8>, _ words: [StaticString]) -> Bool {
        for start in text.indices {
            switch CacheText.lowercased(text[start]) {
            case UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "d"):
                let rest = text.extracting(start..<text.count)
                for word in words where rest.hasPrefix(ignoringCase: word) { return true }
            default: continue  // no word begins so
            }
        }
        return false
    }
}
