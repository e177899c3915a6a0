/// An IPv4 or IPv6 address as a value: no scope, no port.
///
/// Only one spelling of each IPv4 address is read, the dotted quad without leading zeros: what `inet_aton` also takes
/// ("127.1", "0x7f.0.0.1", "2130706433") is no address here, see `HostName`.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address, first octet in the highest bits.
    case v4(UInt32)
    /// An IPv6 address, first eight octets and last eight octets, first octet in the highest bits.
    case v6(UInt64, UInt64)

    /// 127.0.0.1.
    public static let loopback4 = IPAddress.v4(0x7F00_0001)
    /// ::1.
    public static let loopback6 = IPAddress.v6(0, 1)

    /// The IPv4 address for an IPv4-mapped one (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), any other address as it is.
    public var unwrapped: IPAddress {
        switch self {
        case .v4: self
        case .v6(let high, let low):
            high == 0 && low >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: low)) : self
        }
    }

    /// 127.0.0.0/8 or ::1, IPv4-mapped ones included.
    public var isLoopback: Bool {
        switch unwrapped {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 section 2.5.6), IPv4-mapped ones included.
    public var isLinkLocal: Bool {
        switch unwrapped {
        case .v4(let bits): bits >> 16 == 0xA9FE
        case .v6(let high, _): high >> 54 == 0xFE80 >> 6
        }
    }

    /// The address of a cloud's metadata service, which hands out the machine's credentials to whoever asks.
    public var isMetadata: Bool { MetadataService.addresses.contains(unwrapped) }

    /// 0.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::, which Linux takes for "this machine".
    public var isUnspecified: Bool {
        switch unwrapped {
        case .v4(let bits): bits >> 24 == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// 224.0.0.0/4, 255.255.255.255 or ff00::/8.
    public var isMulticast: Bool {
        switch unwrapped {
        case .v4(let bits): bits >> 28 == 0xE || bits == .max
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }

    /// Loopback, RFC 1918, shared (RFC 6598) or unique local (RFC 4193): an address that means something else
    /// on another network.
    public var isPrivate: Bool {
        if isLoopback { return true }
        switch unwrapped {
        case .v4(let bits):
            return bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 || bits >> 22 == 0x6440 >> 6
        case .v6(let high, _): return high >> 57 == 0xFC >> 1
        }
    }

    /// An address that means the same machine everywhere on the Internet: global unicast, and not set aside for private
    /// networks, documentation, benchmarks or the future (IANA's special-purpose registries, RFC 6890).
    ///
    /// An IPv6 address that carries IPv4 ones is public if they all are.
    public var isPublic: Bool {
        if isPrivate || isLinkLocal || isUnspecified || isMulticast || isMetadata { return false }
        switch unwrapped {
        case .v4(let bits):
            let isReserved =
                bits >> 28 == 0xF || bits >> 8 == 0xC0_0000 || bits >> 8 == 0xC0_0002 || bits >> 17 == 0xC612 >> 1
                || bits >> 8 == 0xC6_3364 || bits >> 8 == 0xCB_0071
            return !isReserved
        case .v6(let high, _):
            let embedded = embeddedIPv4
            if !embedded.isEmpty { return embedded.allSatisfy(\.isPublic) }
            let isReserved =
                high >> 41 == 0x2001_0000 >> 9 || high >> 32 == 0x2001_0DB8 || high >> 44 == 0x3FFF0
            return high >> 61 == 1 && !isReserved
        }
    }

    /// The IPv4 addresses that this IPv6 address carries inside and that a translator or a tunnel on the way may
    /// take out of it; empty for most addresses.
    ///
    /// IPv4-compatible ::/96 (RFC 4291 2.5.5.1), IPv4-mapped ::ffff:0:0/96, SIIT ::ffff:0:0:0/96 (RFC 2765),
    /// NAT64 64:ff9b::/96 (RFC 6052) and 64:ff9b:1::/48 (RFC 8215, whose address lies in one of several places),
    /// 6to4 2002::/16 (RFC 3056) and Teredo 2001::/32 (RFC 4380, the client's address inverted).
    public var embeddedIPv4: [IPAddress] {
        guard case .v6(let high, let low) = self else { return [] }
        let last = IPAddress.v4(UInt32(truncatingIfNeeded: low))
        if high == 0 && (low >> 32 == 0 && low > 1 || low >> 32 == 0xFFFF || low >> 32 == 0xFFFF_0000) { return [last] }
        if high == 0x0064_FF9B_0000_0000 && low >> 32 == 0 { return [last] }
        if high >> 16 == 0x0064_FF9B_0001 {
            // RFC 6052 section 2.2: bits 64 to 71 are zero, so the address is cut in two for the /48 and /56 forms.
            let high16 = UInt32(truncatingIfNeeded: high & 0xFFFF)
            let form48 = high16 << 16 | UInt32(truncatingIfNeeded: low >> 40 & 0xFFFF)
            let form56 = (high16 & 0xFF) << 24 | UInt32(truncatingIfNeeded: low >> 32 & 0xFF_FFFF)
            let form64 = UInt32(truncatingIfNeeded: low >> 24)
            // The zeros of an address in one place must not read as 0.0.0.0 in another.
            return [last] + [form48, form56, form64].filter { $0 >> 24 != 0 }.map(IPAddress.v4)
        }
        if high >> 48 == 0x2002 { return [.v4(UInt32(truncatingIfNeeded: high >> 16))] }
        if high >> 32 == 0x2001_0000 {
            return [.v4(UInt32(truncatingIfNeeded: high)), .v4(~UInt32(truncatingIfNeeded: low))]
        }
        return []
    }
}

/// Where clouds keep their metadata services, which no listener of leo reaches for anybody.
enum MetadataService {
    /// Besides 169.254.169.254 and its like, which are link-local and refused as such.
    static let addresses: Set<IPAddress> = [
        .v4(0xA9FE_A9FE),  // 169.254.169.254: AWS, Azure, Google, Oracle and most others
        .v4(0x6464_64C8),  // 100.100.100.200: Alibaba
        .v4(0xC000_00C0),  // 192.0.0.192: Oracle's older one
        .v4(0xA83F_8110),  // 168.63.129.16: Azure's wire server
        .v6(0xFD00_0EC2_0000_0000, 0x254),  // fd00:ec2::254: AWS
        .v6(0xFD00_0EC2_0000_0000, 0x23),  // fd00:ec2::23: AWS EKS pod identity
        .v6(0xFD20_00CE_0000_0000, 0x254),  // fd20:ce::254: Google
        .v6(0xFD00_0042_0000_0000, 0x42),  // fd00:42::42: Scaleway
    ]

    /// The names they answer to inside of their clouds; a name that only resolves to one is caught by its address.
    static let names: Set<String> = [
        "metadata", "metadata.goog", "metadata.google.internal", "instance-data", "instance-data.ec2.internal",
        "metadata.tencentyun.com",
    ]
}
