/// Says what a syntax error probably comes from: toml++ tells about the character where it stopped.
enum SyntaxMessage {
    static func make(_ flaw: TOMLFlaw, _ text: String) -> String {
        // toml++ says "Error while parsing boolean: expected 'true', saw 'T'", and may name one of its macros at the end.
        var said = flaw.message[...]
        var subject = Substring()
        let prefix = "Error while parsing "
        if said.hasPrefix(prefix), let colon = said.firstIndex(of: ":") {
            subject = said.dropFirst(prefix.count)[..<colon]
            said = said[colon...].dropFirst(2)
        }
        if said.hasSuffix("(TOML_MAX_NESTED_VALUES)") { said = said.dropLast(25) }
        let hint = hint(String(subject), String(said), lineBytes(flaw.place.line, text))
        // It also quotes keys of the text, as they are.
        return "not valid TOML: \(String(said).printable(scalarCountMax: 256))\(hint.isEmpty ? "" : "; ")\(hint)"
    }

    private static func hint(_ subject: String, _ said: String, _ line: Substring.UTF8View) -> String {
        let equals = line.firstIndex(of: UInt8(ascii: "="))
        switch subject {
        case "string", "literal string":
            if said.hasPrefix("unescaped control") { return "is the closing quote missing?" }
            return said.contains("escape") ? backslash : ""
        case "unicode scalar sequence": return backslash
        case "array": return "is a comma or the closing bracket missing?"
        case "key-value pair":
            if said.hasPrefix("expected value") { return "a value is missing" }
            if !said.hasPrefix("expected '='"), !said.hasPrefix("expected a comment") { return "" }
            let key = trimmed(line[..<(equals ?? line.endIndex)])
            guard key.contains(UInt8(ascii: ":")) else { return "" }
            return equals == nil ? "a key and its value are written key = value" : "a key with a colon needs quotes"
        case "value" where said.hasPrefix("exceeded"): return ""
        case "value", "boolean", "date", "time", "date-time", "date-time offset", "decimal integer", "floating-point":
            guard let equals else { return "text is written in quotes" }
            return hintForValue(trimmed(line[equals...].dropFirst()))
        default: return ""
        }
    }

    private static let backslash = "a backslash is written twice, or the text in single quotes"

    private static func hintForValue(_ value: Substring.UTF8View) -> String {
        let word = value.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "#") }
        if word.allSatisfy(ASCII.isDigit) { return "" }
        switch ASCII.lowercased(String(decoding: word, as: UTF8.self)) {
        case "true", "yes", "on": return "did you mean true?"
        case "false", "no": return "did you mean false?"
        case "off": return "did you mean false, or \"off\" in quotes?"
        default: return "text, addresses and durations are written in quotes"
        }
    }

    /// The line without its end and the white space around it.
    private static func lineBytes(_ line: Int, _ text: String) -> Substring.UTF8View {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), maxSplits: line, omittingEmptySubsequences: false)
        return line <= lines.count ? trimmed(lines[line - 1]) : Substring().utf8
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == 0x0D }
        var rest = text.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}
