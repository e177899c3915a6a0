import Wire

/// What a provider counts a request against: the credential and the model.
enum UpstreamIdentity {
    /// The fields that carry credentials, besides Authorization.
    private static let fields = ["x-api-key", "api-key", "x-goog-api-key"]
    /// Amazon's signatures differ with every request; the key's id, up to the first slash, does not.
    private static let signature: StaticString = "aws4-hmac-sha256 credential="

    /// A number that stands for credential and model in this process alone: Swift seeds its hash by the process, so that it
    /// neither tells the credential nor can be aimed at. nil: the request has no credential that leo knows, and nothing
    /// tells whose it is.
    static func hash(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, model: String?) -> UInt64? {
        var hasher = Hasher()
        hasher.combine(model)
        var isKnown = false
        for field in head.fields {
            let name = bytes.extracting(field.name)
            let value = bytes.extracting(field.value)
            if name.equals(ignoringCase: "authorization") {
                add(identity(of: value), 0, to: &hasher)
                isKnown = true
            } else if let index = fields.firstIndex(where: { name.equals(ignoringCase: $0) }) {
                add(value, UInt8(index) + 1, to: &hasher)
                isKnown = true
            }
        }
        if addKey(of: bytes.extracting(head.targetText), to: &hasher) { isKnown = true }
        return isKnown ? UInt64(bitPattern: Int64(hasher.finalize())) : nil
    }

    @_lifetime(copy value)
    private static func identity(of value: Span<UInt8>) -> Span<UInt8> {
        guard value.hasPrefix(ignoringCase: signature) else { return value }
        for index in signature.utf8CodeUnitCount..<value.count where value[index] == UInt8(ascii: "/") {
            return value.extracting(0..<index)
        }
        return value
    }

    /// Gemini's `?key=`; false if there is none.
    private static func addKey(of target: Span<UInt8>, to hasher: inout Hasher) -> Bool {
        var index = 0
        while index + 4 < target.count {
            let isStart = target[index] == UInt8(ascii: "?") || target[index] == UInt8(ascii: "&")
            if isStart, target.extracting((index + 1)..<(index + 5)).equals(ignoringCase: "key=") {
                var end = index + 5
                while end < target.count, target[end] != UInt8(ascii: "&") { end += 1 }
                add(target.extracting((index + 5)..<end), 0xFF, to: &hasher)
                return true
            }
            index += 1
        }
        return false
    }

    private static func add(_ value: Span<UInt8>, _ kind: UInt8, to hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(value.count)
        unsafe value.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}

/// Whether a client's own library is trying again already: then leo does not.
enum ClientAttempt {
    /// Reads the count that SDKs made by Stainless send, and the attempt of Amazon's.
    static func isRetry(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) -> Bool {
        for field in head.fields {
            let name = bytes.extracting(field.name)
            let value = bytes.extracting(field.value)
            if name.equals(ignoringCase: "x-stainless-retry-count") {
                if !value.isEmpty, !value.equals(ignoringCase: "0") { return true }
            } else if name.equals(ignoringCase: "amz-sdk-request") {
                if let attempt = attempt(value), attempt > 1 { return true }
            }
        }
        return false
    }

    /// The number in `attempt=2; max=3`.
    private static func attempt(_ value: Span<UInt8>) -> Int? {
        var start = 0
        while start < value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ";") { end += 1 }
            var first = start
            while first < end, value[first] == UInt8(ascii: " ") { first += 1 }
            if end - first > 8, value.extracting(first..<(first + 8)).equals(ignoringCase: "attempt=") {
                return Int(String(lossy: value.extracting((first + 8)..<end)))
            }
            start = end + 1
        }
        return nil
    }
}
