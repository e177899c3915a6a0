import Policy
import Wire

/// The key that a request brings for its provider, wherever that provider wants it.
///
/// Only a key that stays the same is one by which somebody can be known: no signature (SigV4) and no token that expires.
/// A request with two different ones is nobody's, because which of them the provider looks at is not leo's to guess: a
/// key that is known, but does not pay, must not lend its name to another that does.
enum ProviderCredential {
    /// Longer ones are no keys.
    static let byteCountMax = 4096

    /// Lends a request's key for the call; nil when it has none that stays the same, or several.
    static func withKey<Result>(
        of head: HTTP1Head, _ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Result
    ) -> Result? {
        var found: Range<Int>?
        for field in head.fields {
            let value: Range<Int>
            switch field.known {
            case .authorization:
                guard let token = bearer(bytes, field.value) else { return nil }
                value = token
            case .xAPIKey, .apiKey, .xGoogAPIKey: value = field.value
            default: continue  // of the names that are known, these four
            }
            if let found, !isSame(bytes.extracting(found), bytes.extracting(value)) { return nil }
            found = value
        }
        let parameter: Secret?
        switch queryKey(bytes.extracting(head.targetText)) {
        case .none: parameter = nil
        case .several: return nil
        case .key(let key): parameter = key
        }
        guard let parameter else {
            guard let found, isStatic(bytes.extracting(found)) else { return nil }
            return body(bytes.extracting(found))
        }
        return parameter.withBytes { key in
            guard isStatic(key), found.map({ isSame(bytes.extracting($0), key) }) ?? true else { return nil }
            return body(key)
        }
    }

    /// What a request says about its key, for tenants that look at it; for others only where there is a master key, so that
    /// the log can show it.
    static func fact(
        of head: HTTP1Head, _ bytes: Span<UInt8>, for tenants: TenantTable, _ fingerprints: CredentialFingerprints?
    ) -> CredentialFact {
        guard let fingerprints, fingerprints.isShared || tenants.needsProviderKey else { return .none }
        return withKey(of: head, bytes) { fingerprints.fact(of: $0) } ?? .none
    }

    /// What answers to a request may be shared by, as far as its key goes.
    enum Scope {
        /// It brings none.
        case none
        /// It brings one that stays the same.
        case key(CredentialFingerprint)
        /// It brings a signature, a token that expires, a password, or more keys than one.
        case changing
    }

    /// What the answer to a request may be shared by.
    static func scope(of head: HTTP1Head, _ bytes: Span<UInt8>, _ fingerprints: CredentialFingerprints?) -> Scope {
        let fingerprint = withKey(of: head, bytes) { fingerprints?.fingerprint(of: $0) } ?? nil
        if let fingerprint { return .key(fingerprint) }
        let hasField = head.fields.contains { field in
            switch field.known {
            case .authorization, .xAPIKey, .apiKey, .xGoogAPIKey: true
            default: false  // of the names that are known, these four
            }
        }
        if hasField { return .changing }
        if case .none = queryKey(bytes.extracting(head.targetText)) { return .none }
        return .changing
    }

    /// Whether a key stays the same for months: no JSON Web Token (RFC 7519), no OAuth token of Google's, no session key of
    /// Bedrock's.
    static func isStatic(_ key: Span<UInt8>) -> Bool {
        guard (1...byteCountMax).contains(key.count) else { return false }
        if key.hasPrefix(ignoringCase: "ya29.") || key.hasPrefix(ignoringCase: "bedrock-api-key-") { return false }
        var dots = 0
        for index in key.indices where key[index] == UInt8(ascii: ".") { dots += 1 }
        return !(dots >= 2 && key.hasPrefix(ignoringCase: "eyj"))
    }

    /// The token of `Bearer TOKEN` (RFC 6750 section 2.1); nil for any other scheme.
    private static func bearer(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Range<Int>? {
        guard bytes.extracting(value).hasPrefix(ignoringCase: "bearer ") else { return nil }
        var start = value.lowerBound + 7
        while start < value.upperBound, bytes[start] == 0x20 { start += 1 }
        return start..<value.upperBound
    }

    private enum Parameter {
        case none, several
        case key(Secret)
    }

    /// `key` of a query, as Google's providers read it: its name and value may be percent-encoded.
    private static func queryKey(_ target: Span<UInt8>) -> Parameter {
        guard var start = firstIndex(of: UInt8(ascii: "?"), in: target, from: 0).map({ $0 + 1 }) else { return .none }
        var found: Secret?
        while start <= target.count {
            let end = firstIndex(of: UInt8(ascii: "&"), in: target, from: start) ?? target.count
            let equals = firstIndex(of: UInt8(ascii: "="), in: target, from: start) ?? end
            if equals < end, isKeyName(target.extracting(start..<equals)) {
                if found != nil { return .several }
                found = decoded(target.extracting(equals + 1..<end))
            }
            start = end + 1
        }
        return found.map { .key($0) } ?? .none
    }

    private static func isKeyName(_ name: Span<UInt8>) -> Bool {
        // Three letters, each at most encoded.
        guard name.count <= 9 else { return false }
        return decoded(name).withBytes { isSame($0, [0x6B, 0x65, 0x79]) }
    }

    private static func decoded(_ text: Span<UInt8>) -> Secret {
        Secret(byteCountMax: text.count) { put in
            var index = 0
            while index < text.count {
                if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
                    let high = hexadecimal(text[index + 1]), let low = hexadecimal(text[index + 2])
                {
                    put(high << 4 | low)
                    index += 3
                } else {
                    put(text[index] == UInt8(ascii: "+") ? 0x20 : text[index])
                    index += 1
                }
            }
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
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

    private static func isSame(_ left: Span<UInt8>, _ right: [UInt8]) -> Bool { isSame(left, right.span) }

    /// In a time that tells only how long they are.
    private static func isSame(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

extension CredentialFact {
    /// The fingerprint under the master key in force; nil without a key.
    var fingerprint: CredentialFingerprint? {
        switch self {
        case .none: nil
        case .key(let fingerprint, _): fingerprint
        }
    }
}
