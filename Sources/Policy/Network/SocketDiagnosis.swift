/// The question to Linux' sock_diag(7) who owns a TCP socket of this machine, and its answer: netlink messages as bytes.
///
/// A client on the same machine has the other end of leo's socket, so the kernel knows to whom it belongs. The request
/// names it by its two endpoints, local one first, as the client sees them. Numbers are in the byte order of the machine,
/// but for ports and addresses, which are in that of the network. Whatever the bytes of an answer are, they are read or
/// refused with ``Flaw``; nothing in them is trusted beyond the length that came.
public enum SocketDiagnosis {
    /// To whom a socket belongs.
    public struct Owner: Equatable, Sendable {
        /// The number of the user who made it.
        public let uid: UInt32
        /// The control group, in the unified hierarchy, of the process that made it; nil before Linux 5.8.
        public let controlGroup: UInt64?

        /// An owner.
        public init(uid: UInt32, controlGroup: UInt64?) {
            self.uid = uid
            self.controlGroup = controlGroup
        }
    }

    /// What the kernel says.
    public enum Answer: Equatable, Sendable {
        /// The socket is there and belongs to somebody.
        case owner(Owner)
        /// There is no such socket, or no process has it any more.
        case nobody
        /// The kernel does not answer such questions, for this reason (an `errno`).
        case failure(Int32)
        /// These are answers to other questions.
        case unrelated
    }

    /// Why bytes are no answer.
    public enum Flaw: Error, Equatable {
        /// A message or an attribute is longer than what came.
        case truncated
        /// A length is shorter than what it must hold.
        case tooShort
    }

    /// The longest answer that is read: what Linux sends has some 130 bytes.
    public static let answerByteCountMax = 8192

    // linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h, which have no other home in Swift.
    private static let headerByteCount = 16
    private static let requestFlag: UInt16 = 1
    private static let errorType: UInt16 = 2
    private static let doneType: UInt16 = 3
    private static let byFamilyType: UInt16 = 20
    private static let socketByteCount = 72
    private static let controlGroupAttribute: UInt16 = 21
    /// Upper bits of an attribute's type are flags.
    private static let attributeTypeMask: UInt16 = 0x3FFF
    private static let tcp: UInt8 = 6
    private static let listenState: UInt8 = 10
    private static let noSuchEntry: Int32 = 2
    private static let family4: UInt8 = 2
    private static let family6: UInt8 = 10

    /// The request about the socket with these endpoints; both are of one family, IPv4-mapped addresses count as IPv4.
    /// nil for endpoints of two families. `sequence` tells answers apart.
    public static func request(local: IPEndpoint, remote: IPEndpoint, sequence: UInt32) -> [UInt8]? {
        let family: UInt8
        switch (local.address.unwrapped, remote.address.unwrapped) {
        case (.v4, .v4): family = family4
        case (.v6, .v6): family = family6
        case (.v4, .v6), (.v6, .v4): return nil
        }
        var bytes: [UInt8] = []
        append(UInt32(headerByteCount + 8 + 48), to: &bytes)
        append(byFamilyType, to: &bytes)
        append(requestFlag, to: &bytes)
        append(sequence, to: &bytes)
        append(UInt32(0), to: &bytes)
        // inet_diag_req_v2: no extensions asked for, any state.
        bytes += [family, tcp, 0, 0]
        append(UInt32.max, to: &bytes)
        bytes += [UInt8(local.port >> 8), UInt8(local.port & 0xFF), UInt8(remote.port >> 8), UInt8(remote.port & 0xFF)]
        bytes += octets(local.address.unwrapped) + octets(remote.address.unwrapped)
        // Any interface, any cookie.
        append(UInt32(0), to: &bytes)
        append(UInt64.max, to: &bytes)
        return bytes
    }

    /// Reads what came for the request with this sequence number and these endpoints.
    public static func parse(
        _ bytes: Span<UInt8>, local: IPEndpoint, remote: IPEndpoint, sequence: UInt32
    ) throws(Flaw) -> Answer {
        var start = 0
        while start < bytes.count {
            guard bytes.count - start >= headerByteCount else { throw .truncated }
            let length = Int(word(bytes, start))
            guard length >= headerByteCount else { throw .tooShort }
            guard length <= bytes.count - start else { throw .truncated }
            let message = bytes.extracting(start..<start + length)
            if word(message, 8) == sequence {
                switch half(message, 4) {
                case byFamilyType: return try socket(message, local, remote)
                case errorType: return try error(message)
                case doneType: return .nobody
                default: break  // a number of the kernel's
                }
            }
            start += min((length + 3) & ~3, bytes.count - start)
        }
        return .unrelated
    }

    private static func error(_ message: Span<UInt8>) throws(Flaw) -> Answer {
        guard message.count >= headerByteCount + 4 else { throw .tooShort }
        let number = Int32(bitPattern: word(message, headerByteCount))
        // Negative by custom; whatever it is, it is made to be one that strerror knows.
        let magnitude = number.magnitude & 0xFFFF
        if magnitude == noSuchEntry.magnitude || magnitude == 0 { return .nobody }
        return .failure(Int32(magnitude))
    }

    /// inet_diag_msg and its attributes.
    private static func socket(
        _ message: Span<UInt8>, _ local: IPEndpoint, _ remote: IPEndpoint
    ) throws(Flaw) -> Answer {
        let start = headerByteCount
        guard message.count >= start + socketByteCount else { throw .tooShort }
        // The kernel falls back to a listener on the local endpoint, which is not the client.
        guard message[start + 1] != listenState,
            isEndpoint(local, message, portAt: start + 4, addressAt: start + 8),
            isEndpoint(remote, message, portAt: start + 6, addressAt: start + 24)
        else { return .nobody }
        let uid = word(message, start + 64)
        // A socket that its process has closed has no inode, and says that it is root's.
        guard word(message, start + 68) != 0 else { return .nobody }
        let attributes = message.extracting(start + socketByteCount..<message.count)
        return .owner(Owner(uid: uid, controlGroup: try controlGroup(attributes)))
    }

    private static func controlGroup(_ attributes: Span<UInt8>) throws(Flaw) -> UInt64? {
        var start = 0
        // Fewer bytes than an attribute's head are padding.
        while attributes.count - start >= 4 {
            let length = Int(half(attributes, start))
            guard length >= 4 else { throw .tooShort }
            guard length <= attributes.count - start else { throw .truncated }
            if half(attributes, start + 2) & attributeTypeMask == controlGroupAttribute {
                guard length >= 12 else { throw .tooShort }
                return double(attributes, start + 4)
            }
            start += min((length + 3) & ~3, attributes.count - start)
        }
        return nil
    }

    /// Whether the endpoint of an answer is the one asked for: of a socket of IPv6 that speaks IPv4 it is a mapped one.
    private static func isEndpoint(
        _ endpoint: IPEndpoint, _ message: Span<UInt8>, portAt: Int, addressAt: Int
    ) -> Bool {
        let port = UInt16(message[portAt]) << 8 | UInt16(message[portAt + 1])
        guard port == endpoint.port else { return false }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in 0..<8 {
            high = high << 8 | UInt64(message[addressAt + index])
            low = low << 8 | UInt64(message[addressAt + 8 + index])
        }
        if message[headerByteCount] == family4 { return .v4(UInt32(high >> 32)) == endpoint.address.unwrapped }
        return IPAddress.v6(high, low).unwrapped == endpoint.address.unwrapped
    }

    private static func octets(_ address: IPAddress) -> [UInt8] {
        switch address {
        case .v4(let bits):
            return (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(24 - 8 * $0)) }
                + [UInt8](repeating: 0, count: 12)
        case .v6(let high, let low):
            return [high, low].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
            }
        }
    }

    // MARK: Numbers in the machine's order

    private static func append<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number, to bytes: inout [UInt8]) {
        let ordered = Number(littleEndian: number)
        for index in 0..<Number.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: ordered >> Number(8 * index))) }
    }

    private static func double(_ bytes: Span<UInt8>, _ start: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in (0..<8).reversed() { value = value << 8 | UInt64(bytes[start + index]) }
        return UInt64(littleEndian: value)
    }

    private static func word(_ bytes: Span<UInt8>, _ start: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in (0..<4).reversed() { value = value << 8 | UInt32(bytes[start + index]) }
        return UInt32(littleEndian: value)
    }

    private static func half(_ bytes: Span<UInt8>, _ start: Int) -> UInt16 {
        UInt16(littleEndian: UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8)
    }
}
