extension TableReader {
    /// An address and a port, "127.0.0.1:8889". `alternative` is a word that the key may have as well.
    public func endpoint(_ key: String, alternative: String? = nil) -> Located<IPEndpoint>? {
        let word = alternative.map { ", or \"\($0)\"" } ?? ""
        let form = "an address and a port like \"127.0.0.1:8889\" or \"[::1]:8889\"\(word)"
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.content else {
            var clause = ""
            if case .integer(let port) = value.content, (0...65535).contains(port) {
                clause = ", did you mean \"127.0.0.1:\(port)\"?"
            }
            report(key, "must be \(form), not \(value.content.kind)\(clause)", at: value.place)
            return nil
        }
        if let endpoint = IPEndpoint.parse(text) { return Located(endpoint, at: value.place) }
        let clause = NetworkText.meantEndpoint(text).map { ", did you mean \"\($0)\"?" } ?? ""
        report(key, "must be \(form), not \(text.quoted)\(clause)", at: value.place)
        return nil
    }

    /// A list of hosts: "host", "host:port" or either with a star. Hosts that are none are reported and left out.
    public func hosts(_ key: String, defaultPort: UInt16?) -> [Located<HostPattern>]? {
        let form = "hosts like \"api.example.com\", \"api.example.com:8443\" or \"*.example.com\""
        return strings(key, form: form)?.compactMap { text in
            host(key, text, defaultPort: defaultPort, form: "host").map { Located($0, at: text.place) }
        }
    }

    /// A list of networks and hosts. What is neither is reported and left out.
    public func destinations(_ key: String) -> [Located<DestinationRow>]? {
        let form = "networks and hosts like \"10.0.0.0/8\", \"example.com\" or \"example.com:443\""
        return strings(key, form: form)?.compactMap { text in
            destination(key, text).map { Located($0, at: text.place) }
        }
    }

    /// A list of targets that go another way than the rest: like ``destinations(_:)``, and ".suffix" for every name
    /// below it, of one label too, as NO_PROXY has it.
    public func exceptions(_ key: String) -> [Located<DestinationRow>]? {
        let form = "hosts and networks like \"db.example\", \"db.example:5432\", \".corp.example\" or \"10.0.0.0/8\""
        return strings(key, form: form)?.compactMap { text in
            guard text.value.hasPrefix(".") else {
                return destination(key, text).map { Located($0, at: text.place) }
            }
            guard let (suffix, port) = HostPort.split(text.value), port != 0,
                HostName.isValid(HostName.normalised(String(suffix.dropFirst())))
            else {
                report(key, "has \(text.value.quoted), which is no suffix like \".corp.example\"", at: text.place)
                return nil
            }
            let form = HostPattern.Form.subdomains(of: HostName.normalised(suffix))
            return Located(.hosts(HostPattern(form: form, port: port)), at: text.place)
        }
    }

    func destination(_ key: String, _ text: Located<String>) -> DestinationRow? {
        if let address = IPAddress.parse(text.value) { return .network(CIDR(only: address)) }
        if let slash = text.value.lastIndex(of: "/"), let address = IPAddress.parse(String(text.value[..<slash])) {
            let digits = text.value[text.value.index(after: slash)...]
            let plain = (1...3).contains(digits.utf8.count) && digits.utf8.allSatisfy(ASCII.isDigit)
            guard plain, let length = Int(digits), let network = CIDR(address, prefixLength: length) else {
                let most = if case .v4 = address { 32 } else { 128 }
                report(key, "has \(text.value.quoted), whose prefix must be from 0 to \(most)", at: text.place)
                return nil
            }
            if network.address != address {
                let meant = "did you mean the network or \"\(CIDR(only: address))\"?"
                let message = "has \(text.value.quoted), an address inside of the network \"\(network)\": \(meant)"
                report(key, message, at: text.place)
                return nil
            }
            return .network(network)
        }
        return host(key, text, defaultPort: nil, form: "network or host").map { .hosts($0) }
    }

    private func host(
        _ key: String, _ text: Located<String>, defaultPort: UInt16?, form: String
    ) -> HostPattern? {
        do throws(HostPattern.Flaw) {
            return try HostPattern.parse(text.value, defaultPort: defaultPort)
        } catch {
            let reason = NetworkText.explain(error, text.value)
            report(key, "has \(text.value.quoted), which is no \(form): \(reason)", at: text.place)
            return nil
        }
    }
}

/// What addresses and hosts are mistaken for.
public enum NetworkText {
    /// Why a text is no host, and what would be.
    public static func explain(_ flaw: HostPattern.Flaw, _ text: String) -> String {
        switch flaw {
        case .isURL:
            let host = hostOfURL(text)
            guard (try? HostPattern.parse(host, defaultPort: nil)) != nil else { return "it is a host alone, no URL" }
            return "write the host alone, \"\(host)\""
        case .stars: return "one star is allowed"
        case .tooWide: return "at least two labels must follow the star, as in \"*.example.com\""
        case .port: return "the port is a number from 1 to 65535"
        case .bareIPv6: return "write an IPv6 address in brackets, \"[\(text)]\""
        case .oddAddress: return "addresses are written as four decimal numbers or as IPv6"
        case .name: return "names are letters, digits and hyphens in labels with dots between them"
        }
    }

    /// The endpoint that a text probably meant: a URL's, one without an address, one with a name for loopback, or an
    /// IPv6 address without brackets.
    static func meantEndpoint(_ text: String) -> String? {
        var text = hostOfURL(text)
        if HostPort.parsePort(text[...]) != nil { text = ":" + text }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let host = ASCII.lowercased(String(text[..<colon]))
        guard let port = HostPort.parsePort(text[text.index(after: colon)...]) else { return nil }
        if host.isEmpty || host == "localhost" { return IPEndpoint(address: .loopback4, port: port).description }
        return IPAddress.parse(host).map { IPEndpoint(address: $0, port: port).description }
    }

    private static func hostOfURL(_ text: String) -> String {
        var rest = text[...]
        if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
            rest = rest[colon...].dropFirst(3)
        }
        rest = rest.prefix { !"/?#".contains($0) }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        return String(rest)
    }
}
