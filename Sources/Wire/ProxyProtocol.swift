/// The header that a load balancer puts in front of a connection to say for whom it connects: the PROXY protocol, version 2,
/// of HAProxy's proxy-protocol.txt, section 2.2.
///
/// Strict: what the text does not define is refused, so that no byte of a client is ever taken for a part of the header.
/// Its extensions (TLVs) are checked for their lengths and skipped.
public struct ProxyProtocolHeader: Equatable, Sendable {
    /// An address with its port.
    public enum Endpoint: Equatable, Sendable {
        case v4(UInt32, port: UInt16)
        case v6(UInt64, UInt64, port: UInt16)
    }

    /// For whom the connection is made.
    public enum Origin: Equatable, Sendable {
        /// For the load balancer itself: a health check.
        case local
        /// For somebody of whom nothing is said.
        case unknown
        /// For a connection from `source` to `destination`.
        case endpoints(source: Endpoint, destination: Endpoint)
        /// For a process of the load balancer's machine, on a Unix socket.
        case unix
    }

    /// For whom.
    public let origin: Origin
    /// How many bytes the header takes; the connection's own bytes follow.
    public let byteCount: Int

    /// The longest header: 16 bytes, two Unix addresses of 108 bytes each, and room for what balancers add about TLS.
    public static let bytesMax = 4096

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let fixedByteCount = 16

    /// Whether the bytes are the beginning of a header of this version, as far as they go.
    public static func mayBegin(_ bytes: Span<UInt8>) -> Bool { begins(bytes, with: signature) }

    /// Whether the bytes are the beginning of a header of version 1, which is a line of text, as far as they go.
    public static func mayBeginVersionOne(_ bytes: Span<UInt8>) -> Bool { begins(bytes, with: Array("PROXY ".utf8)) }

    private static func begins(_ bytes: Span<UInt8>, with expected: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, expected.count) where bytes[index] != expected[index] { return false }
        return true
    }

    /// Reads the header at the beginning of `bytes`; nil as long as bytes are missing. Call it again with the same bytes
    /// and more.
    public static func parse(_ bytes: Span<UInt8>) throws(ProxyProtocolError) -> ProxyProtocolHeader? {
        guard mayBegin(bytes) else {
            guard mayBeginVersionOne(bytes) else { throw .missing }
            if bytes.count < 6 { return nil }
            throw .versionOne
        }
        // Each byte is judged as soon as it is there, so that a mistake does not wait for bytes that never come.
        if bytes.count > 12, bytes[12] >> 4 != 2 { throw .version }
        if bytes.count > 12, bytes[12] & 0x0F > 1 { throw .command }
        guard bytes.count >= fixedByteCount else { return nil }
        let isLocal = bytes[12] & 0x0F == 0
        let family = bytes[13]
        let byteCount = fixedByteCount + (Int(bytes[14]) << 8 | Int(bytes[15]))
        if byteCount > bytesMax { throw .tooLong }
        if isLocal {
            // Its addresses and all that follows them do not count.
            return bytes.count < byteCount ? nil : ProxyProtocolHeader(origin: .local, byteCount: byteCount)
        }
        let addressByteCount: Int
        switch family {
        case 0x00: addressByteCount = 0
        case 0x11: addressByteCount = 12
        case 0x21: addressByteCount = 36
        case 0x31: addressByteCount = 216
        default: throw .family
        }
        let extensionsStart = fixedByteCount + addressByteCount
        if byteCount < extensionsStart { throw .tooShort }
        guard bytes.count >= byteCount else { return nil }
        // Where no addresses are said, nothing is known about what stands in their place.
        if family != 0x00 { try checkExtensions(bytes, from: extensionsStart, to: byteCount) }
        return ProxyProtocolHeader(origin: origin(family, bytes), byteCount: byteCount)
    }

    private static func origin(_ family: UInt8, _ bytes: Span<UInt8>) -> Origin {
        switch family {
        case 0x11:
            return .endpoints(
                source: .v4(UInt32(number(bytes, 16, 4)), port: UInt16(number(bytes, 24, 2))),
                destination: .v4(UInt32(number(bytes, 20, 4)), port: UInt16(number(bytes, 26, 2))))
        case 0x21:
            return .endpoints(
                source: .v6(number(bytes, 16, 8), number(bytes, 24, 8), port: UInt16(number(bytes, 48, 2))),
                destination: .v6(number(bytes, 32, 8), number(bytes, 40, 8), port: UInt16(number(bytes, 50, 2))))
        case 0x31: return .unix
        default: return .unknown
        }
    }

    /// `size` bytes at `start` as a number, the first one first.
    private static func number(_ bytes: Span<UInt8>, _ start: Int, _ size: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in start..<start + size { number = number << 8 | UInt64(bytes[index]) }
        return number
    }

    /// Section 2.2.7: a type, a length of two bytes, and as many bytes, up to the end.
    private static func checkExtensions(_ bytes: Span<UInt8>, from start: Int, to end: Int) throws(ProxyProtocolError) {
        var index = start
        while index < end {
            guard end - index >= 3 else { throw .extensions }
            index += 3 + (Int(bytes[index + 1]) << 8 | Int(bytes[index + 2]))
            guard index <= end else { throw .extensions }
        }
    }
}

/// Why bytes are no PROXY protocol header of version 2.
public enum ProxyProtocolError: Error, Equatable, Sendable, CaseIterable {
    /// They are something else altogether.
    case missing
    /// A header of version 1.
    case versionOne
    /// A version that is not 2.
    case version
    /// A command that is neither LOCAL nor PROXY.
    case command
    /// A family or transport other than TCP over IPv4 or IPv6 and Unix stream sockets.
    case family
    /// The length has no room for the addresses.
    case tooShort
    /// More than ``ProxyProtocolHeader/bytesMax``.
    case tooLong
    /// Extensions that do not end where the header does.
    case extensions

    /// The reason in words.
    public var explanation: String {
        switch self {
        case .missing: "there is no PROXY protocol header"
        case .versionOne: "the PROXY protocol header is of version 1, and only version 2 is spoken here"
        case .version: "the PROXY protocol header has an unknown version"
        case .command: "the PROXY protocol header has an unknown command"
        case .family: "the PROXY protocol header is for another transport than TCP or a Unix stream socket"
        case .tooShort: "the PROXY protocol header is too short for its addresses"
        case .tooLong: "the PROXY protocol header is longer than \(ProxyProtocolHeader.bytesMax) bytes"
        case .extensions: "the PROXY protocol header's extensions do not end where it does"
        }
    }
}
