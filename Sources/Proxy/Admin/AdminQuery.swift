import Wire

/// The parameters that a request to the admin listener has behind its path.
enum AdminQuery {
    /// Why a query is not taken.
    struct Flaw: Error, Equatable {
        let explanation: String
    }

    /// A longer value means nothing here.
    static let valueByteCountMax = 512

    /// The values of `names` in a request's target, decoded. What is not among the names is a flaw, and so is one that
    /// is there twice or empty: with a slip of the pen more would be done than was meant.
    static func read(_ target: Span<UInt8>, names: [String]) throws(Flaw) -> [String: String] {
        guard let question = firstIndex(of: UInt8(ascii: "?"), in: target, from: 0) else { return [:] }
        var found: [String: String] = [:]
        var start = question + 1
        while start <= target.count {
            let end = firstIndex(of: UInt8(ascii: "&"), in: target, from: start) ?? target.count
            let equals = firstIndex(of: UInt8(ascii: "="), in: target, from: start).map { min($0, end) } ?? end
            let name = String(lossy: target.extracting(start..<equals))
            guard names.contains(name) else {
                let known = names.joined(separator: ", ")
                throw Flaw(explanation: "unknown parameter \(OneLine.of(name)); there are \(known)")
            }
            guard equals < end, let value = decoded(target.extracting(equals + 1..<end)), !value.isEmpty else {
                throw Flaw(explanation: "\(name) has no value that can be read")
            }
            if found.updateValue(value, forKey: name) != nil {
                throw Flaw(explanation: "\(name) is there twice")
            }
            start = end + 1
        }
        return found
    }

    /// A value with everything encoded that could mean something in a target (RFC 3986 section 2.3).
    static func encoded(_ value: String) -> String {
        var text: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: text.append(byte)
            default: text += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil for a broken escape, for what is no UTF-8 and for what is too long.
    private static func decoded(_ text: Span<UInt8>) -> String? {
        guard text.count <= 3 * valueByteCountMax else { return nil }
        var bytes: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%") {
                guard index + 2 < text.count, let high = value(text[index + 1]), let low = value(text[index + 2]) else {
                    return nil
                }
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(text[index])
                index += 1
            }
        }
        return bytes.count <= valueByteCountMax ? String(validating: bytes, as: UTF8.self) : nil
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    private static func firstIndex(of byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == byte { return index }
            index += 1
        }
        return nil
    }
}
