/// Tells addresses in canonical JSON strings.
enum MediaAddress {
    /// Longer words before a colon are no scheme.
    private static let schemeBytesMax = 24

    /// Whether the string whose opening mark stands at `start`, and which is the last thing in `json`, is a `data:` address:
    /// the only one that needs nobody to fetch it.
    static func isData(_ json: Span<UInt8>, inside start: Int) -> Bool {
        let word: StaticString = "data:"
        guard json.count - start > word.utf8CodeUnitCount else { return false }
        for offset in 0..<word.utf8CodeUnitCount {
            let wanted = unsafe word.utf8Start[offset]
            guard json[start + 1 + offset] | 0x20 == wanted | 0x20 else { return false }
        }
        return true
    }

    /// Whether that string begins, after blanks, like an address of any scheme: `https://`, `gs://`, `s3://`.
    static func isAddress(_ json: Span<UInt8>, inside start: Int) -> Bool {
        var index = start + 1
        // Blanks are themselves, or escapes of one letter or of four digits.
        while index < json.count {
            if json[index] == 0x20 || json[index] == 0x7f {
                index += 1
            } else if json[index] == UInt8(ascii: "\\"), index + 1 < json.count {
                switch json[index + 1] {
                case UInt8(ascii: "u"): index += 6
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): return false
                default: index += 2
                }
            } else {
                break
            }
        }
        let first = index
        while index < json.count, index - first <= schemeBytesMax {
            let byte = json[index]
            let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26
            if !isLetter, index == first { return false }
            if byte == UInt8(ascii: ":") {
                return index + 2 < json.count && json[index + 1] == UInt8(ascii: "/")
                    && json[index + 2] == UInt8(ascii: "/")
            }
            let isMark = byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            guard isLetter || isMark || byte &- UInt8(ascii: "0") < 10 else { return false }
            index += 1
        }
        return false
    }
}
