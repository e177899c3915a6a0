/// Which hosts a row means, and on which port: an exact name or address, `*.suffix` for one or more labels, or a name
/// with one `*` that stands for part of one label or for a whole one (`*-aiplatform.googleapis.com`).
public struct HostPattern: Hashable, Sendable, CustomStringConvertible {
    enum Form: Hashable, Sendable {
        case exact(String)
        /// The part after the star, its dot included.
        case subdomains(of: String)
        /// What comes before and after the star, which stands for at least one character and for no dot.
        case withinLabel(before: String, after: String)
    }

    let form: Form
    /// The port; nil means every port.
    public let port: UInt16?

    /// Why a text is no pattern.
    public enum Flaw: Error, Equatable, Sendable {
        /// A scheme, a path, a user name or white space: an URL rather than a host.
        case isURL
        /// More than one star.
        case stars
        /// A star that leaves less than two whole labels after it, so that it would mean half of the net.
        case tooWide
        /// The part after the colon is no port number.
        case port
        /// An IPv6 address without brackets: where its port begins would be a guess.
        case bareIPv6
        /// A spelling of an address that only some resolvers understand.
        case oddAddress
        /// Anything else that is no host name.
        case name
    }

    /// Reads "host", "host:port" or the same with a star or a bracketed IPv6 address; in any case, a trailing dot is
    /// allowed.
    public static func parse(_ text: String, defaultPort: UInt16?) throws(Flaw) -> HostPattern {
        if text.utf8.contains(where: { "/@?# \t\\".utf8.contains($0) }) { throw .isURL }
        if case .v6? = IPAddress.parse(text) { throw .bareIPv6 }
        guard let (written, port) = HostPort.split(text) else { throw text.contains(":") ? .port : .name }
        if port == 0 { throw .port }
        return HostPattern(form: try form(HostName.normalised(written)), port: port ?? defaultPort)
    }

    /// The pattern for one exact host.
    public init(_ host: HostPort) {
        self.form = .exact(host.host)
        self.port = host.port
    }

    init(form: Form, port: UInt16?) {
        self.form = form
        self.port = port
    }

    /// Whether the pattern means this host, given in the form of `HostPort.host`, on this port.
    public func matches(host: String, port: UInt16) -> Bool {
        (self.port == nil || self.port == port) && matches(host: host)
    }

    /// Whether the pattern means this host on some port.
    public func matches(host: String) -> Bool {
        let name = host.utf8
        switch form {
        case .exact(let exact): return exact == host
        case .subdomains(let suffix):
            return name.count > suffix.utf8.count && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        case .withinLabel(let before, let after):
            guard name.count > before.utf8.count + after.utf8.count, name.starts(with: before.utf8),
                name.suffix(after.utf8.count).elementsEqual(after.utf8)
            else { return false }
            let middle = name.dropFirst(before.utf8.count).dropLast(after.utf8.count)
            return !middle.contains(UInt8(ascii: "."))
        }
    }

    /// The host part as it is written in the file.
    public var hostText: String {
        switch form {
        case .exact(let host): host
        case .subdomains(let suffix): "*" + suffix
        case .withinLabel(let before, let after): before + "*" + after
        }
    }

    /// The pattern as it is written in the file, the port included when there is one.
    public var description: String {
        let host = hostText.utf8.contains(UInt8(ascii: ":")) ? "[\(hostText)]" : hostText
        return port.map { "\(host):\($0)" } ?? host
    }

    /// Whether the pattern is one address rather than names.
    public var isAddress: Bool {
        if case .exact(let host) = form { IPAddress.parse(host) != nil } else { false }
    }

    /// Whether a star stands within a name rather than for everything before a suffix.
    public var isStarWithinLabel: Bool { if case .withinLabel = form { true } else { false } }

    /// The one host that the pattern means; nil for one with a star.
    public var exactHost: String? {
        switch form {
        case .exact(let host): host
        case .subdomains, .withinLabel: nil
        }
    }

    /// Some host that the pattern means: itself, or with a short label for the star.
    public var sampleHost: String {
        switch form {
        case .exact(let host): host
        case .subdomains(let suffix): "sample" + suffix
        case .withinLabel(let before, let after): before + "sample" + after
        }
    }

    /// The narrowest DNS subtree that holds every name the pattern means; nil for an address.
    var subtree: String? {
        switch form {
        case .exact(let host): return IPAddress.parse(host) == nil ? host : nil
        case .subdomains(let suffix): return String(suffix.dropFirst())
        case .withinLabel(_, let after):
            guard let dot = after.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
            return String(after[after.utf8.index(after: dot)...])
        }
    }

    /// How much of the name is fixed, by which the narrower of two patterns wins.
    var fixedByteCount: Int {
        switch form {
        case .exact(let host): host.utf8.count
        case .subdomains(let suffix): suffix.utf8.count
        case .withinLabel(let before, let after): before.utf8.count + after.utf8.count
        }
    }

    private static func form(_ name: String) throws(Flaw) -> Form {
        if IPAddress.parse(name) != nil { return .exact(name) }
        guard let star = name.firstIndex(of: "*") else {
            if HostName.isValid(name) { return .exact(name) }
            throw HostName.looksNumeric(name) ? .oddAddress : .name
        }
        let before = String(name[..<star])
        let after = String(name[name.index(after: star)...])
        if after.contains("*") { throw .stars }
        // With a letter in the star's place it must be a name like any other.
        guard HostName.isValid(before + "x" + after) else { throw after.utf8.isEmpty ? .tooWide : .name }
        let labelsAfter = after.utf8.drop { $0 != UInt8(ascii: ".") }.split(separator: UInt8(ascii: "."))
        if labelsAfter.count < 2 { throw .tooWide }
        if before.isEmpty && after.hasPrefix(".") { return .subdomains(of: after) }
        return .withinLabel(before: before, after: after)
    }
}
