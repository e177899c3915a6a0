import Policy

extension Config.Upstream {
    /// Reads the parent proxy and the source addresses.
    mutating func readWaysOut(_ table: TableReader, _ baseDirectory: String, _ listen: Config.Listen) {
        readParent(table, baseDirectory, listen)
        readSource(table)
    }

    // MARK: The parent proxy

    private mutating func readParent(_ table: TableReader, _ baseDirectory: String, _ listen: Config.Listen) {
        let form = "a proxy like \"http://proxy.corp.example:3128\" or \"https://proxy.corp.example:3129\""
        let credentials = table.path("via_credentials_file", in: baseDirectory, form: "a path to a file")
        let except = table.exceptions("via_except") ?? []
        guard let text = table.string("via", form: form) else {
            for key in ["via_credentials_file", "via_except"] where table.has(key) && !table.has("via") {
                table.report(key, "has no meaning without upstream.via", at: table.place(of: key))
            }
            return
        }
        guard var parent = parent(text, form, table) else { return }
        if let refusal = Self.refusal(of: parent.address, listen) {
            table.report("via", "= \(text.value.quoted): \(refusal)", at: text.place)
        }
        parent.credentialsPath = credentials
        if credentials != nil { parent.credentialsPlace = table.place(of: "via_credentials_file") }
        parent.except = except.map(\.value)
        via = parent
    }

    private func parent(_ text: Located<String>, _ form: String, _ table: TableReader) -> ParentProxy? {
        func refuse(_ reason: String) -> ParentProxy? {
            table.report("via", "= \(text.value.quoted): \(reason)", at: text.place)
            return nil
        }
        // What stands before the sign may be a password: it is not repeated.
        if text.value.contains("@") {
            let message =
                "must not hold a user or password: write user:password into a file of mode 0600 and name it in "
                + "upstream.via_credentials_file"
            table.report("via", message, at: text.place)
            return nil
        }
        let cut = text.value.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard cut.count == 2 else {
            let meant =
                HostPort.parse(text.value) != nil ? "did you mean \"http://\(text.value)\"?" : "\(form) is needed"
            return refuse(meant)
        }
        let scheme = cut[0].lowercased()
        guard scheme == "http" || scheme == "https" else {
            if scheme.hasPrefix("socks") { return refuse("leo speaks HTTP CONNECT to a parent proxy, not SOCKS") }
            return refuse("\(form) is needed")
        }
        let rest = cut[1].hasSuffix("/") ? cut[1].dropLast() : cut[1]
        guard let address = HostPort.parse(String(rest)), address.port != 0 else {
            if rest.contains(where: { "/?#".contains($0) }) { return refuse("a proxy has no path") }
            guard !rest.contains(":"), HostPort.parse(String(rest), defaultPort: 1) != nil else {
                return refuse("\(form) is needed")
            }
            return refuse("the port is missing, did you mean \"\(scheme)://\(rest):3128\"?")
        }
        return ParentProxy(address: address, isSecure: scheme == "https")
    }

    /// Why leo cannot go through this proxy; nil when it may.
    private static func refusal(of parent: HostPort, _ listen: Config.Listen) -> String? {
        if let address = parent.address, let refusal = DestinationPolicy.neverDials(address) {
            return refusal.explanation
        }
        if DestinationPolicy.neverReaches(parent.host) { return "leo never goes there" }
        let isHere = parent.address?.isLoopback ?? (parent.host == "localhost")
        return isHere && listen.ports.contains(parent.port) ? "this is leo itself" : nil
    }

    // MARK: The source address

    private mutating func readSource(_ table: TableReader) {
        let form = "addresses of this machine like \"10.0.0.5\" or \"fd00::5\""
        var places: [Bool: Place] = [:]
        for text in table.strings("source", form: form) ?? [] {
            func refuse(_ reason: String) {
                table.report("source", "has \(text.value.quoted): \(reason)", at: text.place)
            }
            guard let address = IPAddress.parse(text.value) else {
                let isEndpoint = IPEndpoint.parse(text.value) != nil
                refuse(isEndpoint ? "write the address without a port, which the system chooses" : "\(form) are needed")
                continue
            }
            if let flaw = Self.flaw(ofSource: address) {
                refuse(flaw)
                continue
            }
            let isIPv4 = if case .v4 = address { true } else { false }
            if let first = places[isIPv4] {
                refuse("there is an \(isIPv4 ? "IPv4" : "IPv6") address already, at \(first); one a family is used")
            }
            places[isIPv4] = text.place
            if isIPv4 { source.v4 = address } else { source.v6 = address }
        }
    }

    private static func flaw(ofSource address: IPAddress) -> String? {
        if address.unwrapped != address { return "write it as IPv4, \"\(address.unwrapped)\"" }
        if address.isUnspecified { return "leave the key out to let the system choose" }
        if address.isMulticast { return "no machine has this address" }
        if address.isLinkLocal { return "link-local addresses reach no provider" }
        return nil
    }
}
