extension HostPattern {
    /// Whether there is a host, on some port, that both patterns mean.
    public func overlaps(_ other: HostPattern) -> Bool {
        if let port, let otherPort = other.port, port != otherPort { return false }
        switch (form, other.form) {
        case (.exact(let host), _): return other.matches(host: host)
        case (_, .exact(let host)): return matches(host: host)
        case (.subdomains(let suffix), .subdomains(let otherSuffix)):
            return suffix.hasSuffix(otherSuffix) || otherSuffix.hasSuffix(suffix)
        case (.subdomains(let suffix), .withinLabel(let before, let after)),
            (.withinLabel(let before, let after), .subdomains(let suffix)):
            return Self.canEnd(with: Array(suffix.utf8), Array(before.utf8), Array(after.utf8))
        case (.withinLabel(let before, let after), .withinLabel(let otherBefore, let otherAfter)):
            // The star of each takes what the other has more; where that holds a dot, it is safer to say yes.
            return (before.hasPrefix(otherBefore) || otherBefore.hasPrefix(before))
                && (after.hasSuffix(otherAfter) || otherAfter.hasSuffix(after))
        }
    }

    /// Whether some name of `before`, a star and `after` is longer than `suffix`, which begins with a dot, and ends in
    /// it. The star takes no dot, so the suffix either lies within `after` or begins within `before`.
    private static func canEnd(with suffix: [UInt8], _ before: [UInt8], _ after: [UInt8]) -> Bool {
        if after.count >= suffix.count { return after.suffix(suffix.count).elementsEqual(suffix) }
        guard suffix.suffix(after.count).elementsEqual(after) else { return false }
        let rest = suffix.dropLast(after.count)
        return rest.indices.dropFirst().contains { start in
            let taken = rest[start...]
            let head = rest[..<start]
            return !taken.contains(UInt8(ascii: ".")) && before.count > head.count
                && before.suffix(head.count).elementsEqual(head)
        }
    }
}
