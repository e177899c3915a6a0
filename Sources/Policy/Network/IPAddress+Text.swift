extension IPAddress: CustomStringConvertible {
    /// Reads a dotted quad (four decimal octets, no leading zeros) or an IPv6 address (RFC 4291 section 2.2, without
    /// brackets and without a zone); nil for anything else.
    public static func parse(_ text: String) -> IPAddress? {
        var bytes = text.utf8[...]
        if bytes.count > 45 { return nil }  // the longest form of RFC 4291: eight groups with a dotted quad at the end
        if !bytes.contains(UInt8(ascii: ":")) {
            guard let bits = takeQuad(&bytes), bytes.isEmpty else { return nil }
            return .v4(bits)
        }
        return parseIPv6(bytes)
    }

    /// The address as text: a dotted quad, or RFC 5952's form for IPv6.
    public var description: String {
        switch self {
        case .v4(let bits): Self.quad(bits)
        case .v6(let high, let low):
            if case .v4(let bits) = unwrapped { "::ffff:" + Self.quad(bits) } else { Self.groups(high, low) }
        }
    }

    private static func quad(_ bits: UInt32) -> String {
        "\(bits >> 24).\(bits >> 16 & 0xFF).\(bits >> 8 & 0xFF).\(bits & 0xFF)"
    }

    private static func groups(_ high: UInt64, _ low: UInt64) -> String {
        let shifts: [UInt64] = [48, 32, 16, 0]
        let groups: [UInt64] = shifts.map { high >> $0 & 0xFFFF } + shifts.map { low >> $0 & 0xFFFF }
        // RFC 5952 section 4.2: the longest run of at least two zero groups, the first of equals, becomes "::".
        var best = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > max(best.count, 1) { best = start..<end }
            start = end + 1
        }
        func text(_ part: ArraySlice<UInt64>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }

    private static func parseIPv6(_ text: Substring.UTF8View) -> IPAddress? {
        var rest = text
        var before: [UInt64] = []
        var after: [UInt64] = []
        var compressed = false
        if rest.starts(with: "::".utf8) {
            rest = rest.dropFirst(2)
            compressed = true
        }
        while !rest.isEmpty {
            let count = before.count + after.count
            var groups: [UInt64]
            var attempt = rest
            if let bits = takeQuad(&attempt), attempt.isEmpty {
                groups = [UInt64(bits >> 16), UInt64(bits & 0xFFFF)]
                rest = attempt
            } else if let group = takeGroup(&rest) {
                groups = [group]
            } else {
                return nil
            }
            if count + groups.count > 8 { return nil }
            if compressed { after += groups } else { before += groups }
            if rest.isEmpty { break }
            guard rest.removeFirst() == UInt8(ascii: ":"), !rest.isEmpty else { return nil }
            if rest.first == UInt8(ascii: ":") {
                if compressed { return nil }
                compressed = true
                rest.removeFirst()
            }
        }
        let missing = 8 - before.count - after.count
        // RFC 5952 section 4.2.2 forbids writing "::" for one group, RFC 4291 allows it to be read.
        if compressed ? missing < 1 : missing != 0 { return nil }
        let all = before + Array(repeating: 0, count: missing) + after
        return .v6(all[..<4].reduce(0) { $0 << 16 | $1 }, all[4...].reduce(0) { $0 << 16 | $1 })
    }

    private static func takeGroup(_ text: inout Substring.UTF8View) -> UInt64? {
        let digits = text.prefix { ASCII.isHexDigit($0) }
        guard (1...4).contains(digits.count), let value = UInt64(Substring(digits), radix: 16) else { return nil }
        text = text.dropFirst(digits.count)
        return value
    }

    private static func takeQuad(_ text: inout Substring.UTF8View) -> UInt32? {
        var rest = text
        var bits: UInt32 = 0
        for place in 0..<4 {
            if place > 0 {
                guard rest.first == UInt8(ascii: ".") else { return nil }
                rest.removeFirst()
            }
            let digits = rest.prefix { ASCII.isDigit($0) }
            guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0"),
                let octet = UInt8(Substring(digits))
            else { return nil }
            bits = bits << 8 | UInt32(octet)
            rest = rest.dropFirst(digits.count)
        }
        text = rest
        return bits
    }
}

/// The few questions about single bytes that the readers of this module ask.
enum ASCII {
    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    /// A byte of a header's name (RFC 9110 section 5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    /// The text with A to Z in lower case; other characters, which no host name holds, as they are.
    static func lowercased(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }) else { return text }
        return String(
            decoding: text.utf8.map { isLetter($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
