/// `host[:port]` as it stands in Host, in a CONNECT target and in an absolute target (RFC 3986 3.2, RFC 9110 7.2).
///
/// Stricter than the grammar where the grammar leaves room for two readings: no user name, no percent-encoding, no
/// empty port, no port 0, and no number that only some resolvers take for an IPv4 address (`127.1`, `0x7f000001`).
public struct Authority: Hashable, Sendable, CustomStringConvertible {
    /// A lower-case name without trailing dot, a dotted IPv4 address, or an IPv6 address in the form of RFC 5952
    /// without brackets.
    public var host: String
    /// The port, if it was given; 1 to 65535.
    public var port: UInt16?

    /// Makes an authority of parts that are in the form described above.
    public init(host: String, port: UInt16?) {
        self.host = host
        self.port = port
    }

    /// The authority that `bytes` are, or nil if they are none.
    public static func parse(_ bytes: Span<UInt8>) -> Authority? {
        guard let layout = layout(of: bytes) else { return nil }
        if let address = layout.address { return Authority(host: address.description, port: layout.port) }
        var host: [UInt8] = []
        host.reserveCapacity(layout.host.count)
        for index in layout.host { host.append(ASCII.lowercased(bytes[index])) }
        return Authority(host: String(decoding: host, as: UTF8.self), port: layout.port)
    }

    /// Whether `bytes` name the same host as this authority and the same port, where no port means `defaultPort`.
    ///
    /// Allocates nothing, so it can be asked of each request.
    public func matches(_ bytes: Span<UInt8>, defaultPort: UInt16) -> Bool {
        guard let layout = Self.layout(of: bytes) else { return false }
        guard layout.port ?? defaultPort == port ?? defaultPort else { return false }
        if let address = layout.address { return address.description == host }
        var expected = host.utf8.makeIterator()
        for index in layout.host where expected.next() != ASCII.lowercased(bytes[index]) { return false }
        return expected.next() == nil
    }

    /// `host:port` with brackets around an IPv6 address; without the port if there is none.
    public var description: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port.map { "\(name):\($0)" } ?? name
    }

    // MARK: - For the parsers of this module

    /// Where the parts of an authority lie.
    struct Layout {
        /// The host without trailing dot and brackets.
        var host: Range<Int>
        /// The address in brackets.
        var address: IPv6Text?
        var port: UInt16?
    }

    /// Finds the parts without allocating; nil if `bytes` are no authority.
    static func layout(of bytes: Span<UInt8>) -> Layout? {
        guard bytes.count > 0 else { return nil }
        if bytes[0] == UInt8(ascii: "[") { return bracketedLayout(of: bytes) }
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: ":") { end += 1 }
        guard let host = HostName.range(in: bytes.extracting(0..<end)) else { return nil }
        var layout = Layout(host: host)
        if end < bytes.count {
            guard let port = port(in: bytes.extracting((end + 1)..<bytes.count)) else { return nil }
            layout.port = port
        }
        return layout
    }

    /// Whether two authorities name the same server.
    static func equal(_ one: Span<UInt8>, _ other: Span<UInt8>, defaultPort: UInt16) -> Bool {
        guard let left = layout(of: one), let right = layout(of: other) else { return false }
        guard left.port ?? defaultPort == right.port ?? defaultPort, left.address == right.address else { return false }
        if left.address != nil { return true }
        guard left.host.count == right.host.count else { return false }
        for offset in 0..<left.host.count
        where ASCII.lowercased(one[left.host.lowerBound + offset])
            != ASCII.lowercased(other[right.host.lowerBound + offset])
        {
            return false
        }
        return true
    }

    private static func bracketedLayout(of bytes: Span<UInt8>) -> Layout? {
        var end = 1
        while end < bytes.count, bytes[end] != UInt8(ascii: "]") { end += 1 }
        guard end < bytes.count, let address = IPv6Text(bytes.extracting(1..<end)) else { return nil }
        var layout = Layout(host: 1..<end, address: address)
        if end + 1 < bytes.count {
            guard bytes[end + 1] == UInt8(ascii: ":"),
                let port = port(in: bytes.extracting((end + 2)..<bytes.count))
            else { return nil }
            layout.port = port
        }
        return layout
    }

    private static func port(in bytes: Span<UInt8>) -> UInt16? {
        guard bytes.count > 0, bytes.count <= 5 else { return nil }
        var port = 0
        for index in bytes.indices {
            guard ASCII.isDigit(bytes[index]) else { return nil }
            port = port * 10 + Int(bytes[index] & 0x0f)
        }
        return port > 0 ? UInt16(exactly: port) : nil
    }
}

/// Host names as TLS and HTTP carry them: letters, digits, hyphens and dots (RFC 1123 2.1), and underscores, which
/// container networks put into names.
enum HostName {
    static let bytesMax = 253
    static let labelBytesMax = 63

    /// The name's range without a trailing dot; nil if the bytes are no name and no dotted IPv4 address.
    static func range(in bytes: Span<UInt8>) -> Range<Int>? {
        var end = bytes.count
        if end > 0, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
        guard end > 0, end <= bytesMax else { return nil }
        var labelStart = 0
        for index in 0..<end {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard index > labelStart, index - labelStart <= labelBytesMax else { return nil }
                labelStart = index + 1
            } else {
                let isAllowed = ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-")
                guard isAllowed || byte == UInt8(ascii: "_") else { return nil }
            }
        }
        guard end > labelStart, end - labelStart <= labelBytesMax else { return nil }
        let name = bytes.extracting(0..<end)
        if looksNumeric(bytes.extracting(labelStart..<end)), !isDottedAddress(name) { return nil }
        return 0..<end
    }

    /// Whether the bytes are four decimal numbers up to 255, without leading zeros.
    static func isDottedAddress(_ bytes: Span<UInt8>) -> Bool { IPv6Text.dottedAddress(bytes) != nil }

    /// Whether a resolver could take a name that ends in this label for an address: digits only, or `0x…`.
    private static func looksNumeric(_ label: Span<UInt8>) -> Bool {
        let isHexadecimal =
            label.count >= 2 && label[0] == UInt8(ascii: "0") && ASCII.lowercased(label[1]) == UInt8(ascii: "x")
        for index in label.indices.dropFirst(isHexadecimal ? 2 : 0) {
            if isHexadecimal {
                guard ASCII.hexadecimal(label[index]) != nil else { return false }
            } else {
                guard ASCII.isDigit(label[index]) else { return false }
            }
        }
        return true
    }
}

/// An IPv6 address read from text (RFC 4291 2.2) and written in the one form of RFC 5952.
struct IPv6Text: Equatable, CustomStringConvertible {
    private var groups = SIMD8<UInt16>()

    /// Reads an address without zone.
    init?(_ bytes: Span<UInt8>) {
        var count = 0
        var gap: Int?
        var index = 0
        if bytes.count >= 2, bytes[0] == UInt8(ascii: ":"), bytes[1] == UInt8(ascii: ":") {
            gap = 0
            index = 2
        }
        while index < bytes.count {
            guard count < 8 else { return nil }
            var end = index
            while end < bytes.count, bytes[end] != UInt8(ascii: ":") { end += 1 }
            let part = bytes.extracting(index..<end)
            if end == bytes.count, count <= 6, let address = Self.dottedAddress(part) {
                groups[count] = UInt16(truncatingIfNeeded: address >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: address)
                count += 2
                index = end
                break
            }
            guard let group = Self.group(part) else { return nil }
            groups[count] = group
            count += 1
            index = end
            guard index < bytes.count else { break }
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            } else if index == bytes.count {
                return nil
            }
        }
        guard let gap else {
            guard count == 8 else { return nil }
            return
        }
        guard count < 8 else { return nil }
        let moved = count - gap
        for offset in 0..<moved {
            groups[7 - offset] = groups[count - 1 - offset]
        }
        for position in gap..<(8 - moved) { groups[position] = 0 }
    }

    /// Lower case, no leading zeros, the longest run of two or more zero groups as `::`.
    var description: String {
        let isMapped =
            groups[0] == 0 && groups[1] == 0 && groups[2] == 0 && groups[3] == 0 && groups[4] == 0
            && groups[5] == 0xffff
        if isMapped {
            return "::ffff:\(groups[6] >> 8).\(groups[6] & 0xff).\(groups[7] >> 8).\(groups[7] & 0xff)"
        }
        let gap = longestZeroRun
        var text = ""
        var position = 0
        while position < 8 {
            if position == gap.lowerBound, !gap.isEmpty {
                text += "::"
                position = gap.upperBound
            } else {
                if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
                text += String(groups[position], radix: 16)
                position += 1
            }
        }
        return text
    }

    private var longestZeroRun: Range<Int> {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func group(_ part: Span<UInt8>) -> UInt16? {
        guard part.count > 0, part.count <= 4 else { return nil }
        var group: UInt16 = 0
        for index in part.indices {
            guard let digit = ASCII.hexadecimal(part[index]) else { return nil }
            group = group << 4 | UInt16(digit)
        }
        return group
    }

    /// Four decimal numbers up to 255 without leading zeros, as 32 bits.
    static func dottedAddress(_ bytes: Span<UInt8>) -> UInt32? {
        var address: UInt32 = 0
        var partCount = 0
        var index = 0
        while partCount < 4 {
            let start = index
            var value = 0
            while index < bytes.count, ASCII.isDigit(bytes[index]), index - start < 3 {
                value = value * 10 + Int(bytes[index] & 0x0f)
                index += 1
            }
            guard index > start, value < 256, index - start == 1 || bytes[start] != UInt8(ascii: "0") else {
                return nil
            }
            address = address << 8 | UInt32(value)
            partCount += 1
            if partCount < 4 {
                guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
                index += 1
            }
        }
        return index == bytes.count ? address : nil
    }
}
