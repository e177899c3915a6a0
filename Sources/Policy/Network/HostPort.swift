/// An address and a port, as a socket is bound or connected to.
public struct IPEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// The address.
    public var address: IPAddress
    /// The port; 0 asks the system to choose one.
    public var port: UInt16

    /// An address and a port.
    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads "127.0.0.1:8889" or "[::1]:8889"; nil for anything else.
    public static func parse(_ text: String) -> IPEndpoint? {
        guard let (host, port) = HostPort.split(text), let port, let address = IPAddress.parse(host) else { return nil }
        // Brackets belong to IPv6 alone (RFC 3986 section 3.2.2).
        if text.hasPrefix("["), case .v4 = address { return nil }
        return IPEndpoint(address: address, port: port)
    }

    /// "127.0.0.1:8889" or "[::1]:8889".
    public var description: String {
        switch address {
        case .v4: "\(address):\(port)"
        case .v6: "[\(address)]:\(port)"
        }
    }
}

/// A host, by name or address, and a port: what a CONNECT asks for.
///
/// The host is in one form only, so that equal targets are equal values: lower case, without the trailing dot, an
/// address as `IPAddress.description` writes it and IPv6 without brackets.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// The host in that form. It may still be no valid host name; `DestinationPolicy.decide` refuses such a one.
    public let host: String
    /// The port.
    public let port: UInt16

    /// A host, brought into its one form, and a port.
    public init(host: String, port: UInt16) {
        self.host = HostName.normalised(host)
        self.port = port
    }

    /// Reads "host:port", "host" when there is a default port, or the same with "[v6]" for the host. The host must be
    /// a valid name or address; nil for anything else.
    public static func parse(_ text: String, defaultPort: UInt16? = nil) -> HostPort? {
        guard let (host, port) = split(text), let port = port ?? defaultPort else { return nil }
        let target = HostPort(host: host, port: port)
        guard HostName.isValid(target.host) || target.address != nil else { return nil }
        if text.hasPrefix("["), case .v6? = target.address { return target }
        return text.hasPrefix("[") ? nil : target
    }

    /// The host's address when it is written as one.
    public var address: IPAddress? { IPAddress.parse(host) }

    /// "host:port", an IPv6 address in brackets.
    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Cuts "host:port", "host", "[v6]:port" or "[v6]" in two; nil when the brackets or the port are wrong. A bare
    /// IPv6 address is not cut but refused: where its port begins would be a guess.
    static func split(_ text: String) -> (host: String, port: UInt16?)? {
        var rest = text[...]
        let host: Substring
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            guard host.utf8.contains(UInt8(ascii: ":")) else { return nil }
            rest = rest[rest.index(after: end)...]
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            host = rest[..<end]
            rest = rest[end...]
        }
        if host.isEmpty { return nil }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.removeFirst() == ":", let port = parsePort(rest) else { return nil }
        return (String(host), port)
    }

    /// One to five decimal digits without a sign or a leading zero, at most 65535.
    static func parsePort(_ text: Substring) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(ASCII.isDigit),
            text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0")
        else { return nil }
        return UInt16(text)
    }
}

/// What a host name is: RFC 1123 section 2.1 with the underscore that container tools put into theirs.
public enum HostName {
    /// RFC 1035 section 2.3.4, without the root's dot.
    static let byteCountMax = 253
    /// RFC 1035 section 2.3.4.
    static let labelByteCountMax = 63

    /// Whether this is a host name and not an address in any spelling that a resolver may know.
    public static func isValid(_ name: String) -> Bool {
        if name.isEmpty || name.utf8.count > byteCountMax { return false }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel), let last = labels.last else { return false }
        return !isNumber(last)
    }

    /// Whether the name's last label is a number, decimal or hexadecimal. No top-level domain is one (RFC 3696 section
    /// 2), but `getaddrinfo` takes "127.1", "0x7f.1" and "2130706433" for addresses.
    public static func looksNumeric(_ name: String) -> Bool {
        guard let last = name.utf8.split(separator: UInt8(ascii: ".")).last else { return false }
        return isNumber(last)
    }

    static func isLabel(_ label: Substring.UTF8View) -> Bool {
        guard (1...labelByteCountMax).contains(label.count) else { return false }
        let hyphen = UInt8(ascii: "-")
        return label.first != hyphen && label.last != hyphen
            && label.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == hyphen || $0 == UInt8(ascii: "_")
            }
    }

    /// Lower case, without one trailing dot; an address in the form `IPAddress.description` writes.
    static func normalised(_ host: String) -> String {
        var name = ASCII.lowercased(host)
        if name.utf8.last == UInt8(ascii: "."), name.utf8.count > 1 { name.removeLast() }
        if let address = IPAddress.parse(name) { return address.description }
        return name
    }

    private static func isNumber(_ label: Substring.UTF8View) -> Bool {
        if label.allSatisfy(ASCII.isDigit) { return true }
        return label.starts(with: "0x".utf8) && label.dropFirst(2).allSatisfy(ASCII.isHexDigit)
            || label.starts(with: "0X".utf8) && label.dropFirst(2).allSatisfy(ASCII.isHexDigit)
    }
}
