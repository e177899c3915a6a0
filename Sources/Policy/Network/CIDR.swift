/// A network: an address and how many of its leading bits count, as in "10.0.0.0/8".
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
    /// The network's first address; the bits beyond the prefix are zero.
    public let address: IPAddress
    /// How many leading bits count: 0…32 for IPv4, 0…128 for IPv6.
    public let prefixLength: Int

    /// The network that `address` lies in; nil when the prefix length is out of range. Bits beyond it are cleared.
    public init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...Self.bitCount(address)).contains(prefixLength) else { return nil }
        self.address = Self.masked(address, prefixLength)
        self.prefixLength = prefixLength
    }

    /// The network of one address.
    public init(only address: IPAddress) {
        self.address = address
        self.prefixLength = Self.bitCount(address)
    }

    /// Whether the address lies in the network. An IPv4-mapped address counts as the IPv4 address it stands for, and
    /// an IPv4 network never contains any other IPv6 address.
    public func contains(_ address: IPAddress) -> Bool {
        if Self.bitCount(address) == Self.bitCount(self.address) {
            if Self.masked(address, prefixLength) == self.address { return true }
        }
        let unwrapped = address.unwrapped
        return unwrapped != address && contains(unwrapped)
    }

    /// The network as in the file, "10.0.0.0/8".
    public var description: String { "\(address)/\(prefixLength)" }

    /// Whether the network is one address.
    var isSingle: Bool { prefixLength == Self.bitCount(address) }

    /// Whether every address of the network is link-local.
    var isLinkLocal: Bool {
        switch address {
        case .v4: address.isLinkLocal && prefixLength >= 16
        case .v6: address.isLinkLocal && prefixLength >= 10
        }
    }

    private static func bitCount(_ address: IPAddress) -> Int {
        switch address {
        case .v4: 32
        case .v6: 128
        }
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        // Swift's shifts by the whole width give zero, so a prefix of 0 needs no case of its own.
        switch address {
        case .v4(let bits): .v4(bits & ~(UInt32.max >> UInt32(length)))
        case .v6(let high, let low):
            .v6(high & ~(UInt64.max >> UInt64(min(length, 64))), low & ~(UInt64.max >> UInt64(max(length, 64) - 64)))
        }
    }
}
