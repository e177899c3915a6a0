/// What a look at the first bytes of a connection found.
public enum ClientHelloPeek: Equatable, Sendable {
    /// A TLS ClientHello may be on its way.
    case needsMore
    /// The bytes are no TLS handshake.
    case notTLS
    /// A TLS handshake that does not start with a well-formed ClientHello.
    case malformed
    /// A complete ClientHello.
    case hello(ClientHello)
}

/// The parts of a TLS ClientHello (RFC 8446 4.1.2) that decide where a connection goes.
///
/// Peeking takes nothing from the connection: the TLS library reads the same bytes afterwards.
public struct ClientHello: Equatable, Sendable {
    /// The server name (RFC 6066 3): lower-case, without trailing dot; nil if there is none or it is an IP address.
    public var serverName: String?
    /// The protocols offered in ALPN (RFC 7301 3.1), in the client's order.
    public var protocols: [String] = []
    /// The highest TLS version offered: 0x0304 for TLS 1.3, 0x0303 for 1.2.
    public var versionMax: UInt16
    /// The lowest TLS version that the client names; the same as ``versionMax`` if it names only one.
    public var versionMin: UInt16

    /// The largest ClientHello, as bytes on the wire; the largest real ones take 4 KB.
    public static let bytesMax = 64 * 1024
    /// The largest number of records that a ClientHello may be cut into, since each look walks over all of them.
    public static let recordCountMax = 4096

    /// Makes a value of its parts.
    public init(serverName: String?, protocols: [String] = [], versionMax: UInt16, versionMin: UInt16) {
        self.serverName = serverName
        self.protocols = protocols
        self.versionMax = versionMax
        self.versionMin = versionMin
    }

    /// Looks at the first bytes of a connection; call it again with more bytes as long as it needs more.
    public static func peek(_ bytes: Span<UInt8>) -> ClientHelloPeek {
        var message: [UInt8] = []
        var index = 0
        var recordCount = 0
        while index < bytes.count {
            // Record header: type 22 (handshake), version 3.x, length (RFC 8446 5.1).
            guard bytes[index] == 22 else { return recordCount == 0 ? .notTLS : .malformed }
            guard index + 1 < bytes.count else { break }
            guard bytes[index + 1] == 3 else { return recordCount == 0 ? .notTLS : .malformed }
            guard index + 4 < bytes.count else { break }
            let length = Int(bytes[index + 3]) << 8 | Int(bytes[index + 4])
            recordCount += 1
            guard length > 0, length <= 1 << 14, recordCount <= recordCountMax else { return .malformed }
            let start = index + 5
            let end = min(start + length, bytes.count)
            index = start + length
            // One record is the rule, and needs no copy.
            if recordCount == 1, let whole = wholeMessage(in: bytes.extracting(start..<end)) { return whole }
            if recordCount == 1, index >= bytes.count { break }
            for position in start..<end { message.append(bytes[position]) }
            if let whole = wholeMessage(in: message.span) { return whole }
        }
        return bytes.count > bytesMax ? .malformed : .needsMore
    }

    /// Parses a handshake message if it is complete; nil if bytes are missing (RFC 8446 4).
    private static func wholeMessage(in bytes: Span<UInt8>) -> ClientHelloPeek? {
        guard bytes.count > 0 else { return nil }
        guard bytes[0] == 1 else { return .malformed }
        guard bytes.count >= 4 else { return nil }
        let length = Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3])
        guard length <= bytesMax else { return .malformed }
        guard bytes.count >= 4 + length else { return nil }
        guard let hello = ClientHello(body: bytes.extracting(4..<(4 + length))) else { return .malformed }
        return .hello(hello)
    }

    private init?(body: Span<UInt8>) {
        var reader = Reader(count: body.count)
        guard let legacyVersion = reader.number(body, size: 2), reader.skip(32),
            let session = reader.vector(body, size: 1),
            session.count <= 32, let suites = reader.vector(body, size: 2), !suites.isEmpty, suites.count % 2 == 0,
            let compressions = reader.vector(body, size: 1), !compressions.isEmpty
        else { return nil }
        // The field stops at 1.2; later versions are in an extension (RFC 8446 4.2.1).
        versionMax = UInt16(truncatingIfNeeded: min(legacyVersion, 0x0303))
        versionMin = versionMax
        guard !reader.isAtEnd else { return }
        guard let extensions = reader.vector(body, size: 2), reader.isAtEnd else { return nil }
        guard readExtensions(body, extensions) else { return nil }
    }

    private mutating func readExtensions(_ body: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var reader = Reader(range)
        var hasName = false
        var hasProtocols = false
        var hasVersions = false
        while !reader.isAtEnd {
            guard let type = reader.number(body, size: 2), let data = reader.vector(body, size: 2) else { return false }
            switch type {
            case 0:
                guard !hasName, readServerName(body, data) else { return false }
                hasName = true
            case 16:
                guard !hasProtocols, readProtocols(body, data) else { return false }
                hasProtocols = true
            case 43:
                guard !hasVersions, readVersions(body, data) else { return false }
                hasVersions = true
            default: continue
            }
        }
        return true
    }

    /// `ServerNameList`: one entry of type host_name, in practice and by RFC 6066 3 ("more than one name of the same
    /// type" is forbidden, and there is no other type).
    private mutating func readServerName(_ body: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var outer = Reader(range)
        guard let list = outer.vector(body, size: 2), outer.isAtEnd, !list.isEmpty else { return false }
        var reader = Reader(list)
        guard reader.number(body, size: 1) == 0, let name = reader.vector(body, size: 2), reader.isAtEnd, !name.isEmpty
        else { return false }
        let text = body.extracting(name)
        if HostName.isDottedAddress(text) || IPv6Text(text) != nil { return true }
        guard let host = HostName.range(in: text) else { return false }
        var lower: [UInt8] = []
        for index in host { lower.append(ASCII.lowercased(text[index])) }
        serverName = String(decoding: lower, as: UTF8.self)
        return true
    }

    private mutating func readProtocols(_ body: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var outer = Reader(range)
        guard let list = outer.vector(body, size: 2), outer.isAtEnd, !list.isEmpty else { return false }
        var reader = Reader(list)
        while !reader.isAtEnd {
            guard let name = reader.vector(body, size: 1), !name.isEmpty else { return false }
            protocols.append(String(decoding: name.map { body[$0] }, as: UTF8.self))
        }
        return true
    }

    private mutating func readVersions(_ body: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var outer = Reader(range)
        guard let list = outer.vector(body, size: 1), outer.isAtEnd, list.count >= 2, list.count % 2 == 0 else {
            return false
        }
        var reader = Reader(list)
        var known: ClosedRange<UInt16>?
        while let number = reader.number(body, size: 2) {
            // Values that are no version keep servers tolerant (RFC 8701) and are skipped.
            guard number >= 0x0300, number <= 0x0304 else { continue }
            let version = UInt16(truncatingIfNeeded: number)
            known = min(known?.lowerBound ?? version, version)...max(known?.upperBound ?? version, version)
        }
        guard let known else { return true }
        versionMin = known.lowerBound
        versionMax = known.upperBound
        return true
    }

    /// Reads numbers and length-prefixed vectors (RFC 8446 3.4) without leaving its range.
    private struct Reader {
        private var rest: Range<Int>

        init(count: Int) { rest = 0..<count }
        init(_ range: Range<Int>) { rest = range }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func skip(_ count: Int) -> Bool {
            guard rest.count >= count else { return false }
            rest = (rest.lowerBound + count)..<rest.upperBound
            return true
        }

        mutating func number(_ bytes: Span<UInt8>, size: Int) -> Int? {
            let start = rest.lowerBound
            guard skip(size) else { return nil }
            var number = 0
            for index in start..<(start + size) { number = number << 8 | Int(bytes[index]) }
            return number
        }

        mutating func vector(_ bytes: Span<UInt8>, size: Int) -> Range<Int>? {
            guard let count = number(bytes, size: size) else { return nil }
            let start = rest.lowerBound
            guard skip(count) else { return nil }
            return start..<(start + count)
        }
    }
}
