import Policy

/// Who may reach leo: the one place that knows at which addresses it listens, given whom it asks.
///
/// Loopback and Unix sockets are for this machine's own. Elsewhere everybody must prove who they are, and passwords travel
/// inside of TLS alone.
struct ReachRule {
    /// The file's tenants; nil: they have mistakes, and nothing is said about them.
    let tenants: TenantTable?

    /// Why leo does not listen at an address, as a sentence's end after the address; nil when it does. `kind` is nil for
    /// the admin listener.
    func refusal(of endpoint: IPEndpoint, for kind: ListenerKind?) -> String? {
        if endpoint.address.unwrapped.isLoopback { return nil }
        let loopback = "use a loopback address like \"127.0.0.1:\(endpoint.port)\""
        switch kind {
        case nil: return "would let other machines look into leo: \(loopback)"
        case .proxy:
            return
                "would let other machines use leo, and a password must not travel to it in the clear: \(loopback), or "
                + "listen.proxy_tls with [tenants.NAME]"
        case .transparent, .reverse:
            return "would let other machines use leo, which cannot ask them who they are there: \(loopback)"
        case .proxyUnix: return nil
        case .proxyTLS:
            guard let tenants, tenants.admitsUnproven(at: .proxyTLS, local: false) else { return nil }
            let reach = "would let other machines use leo without asking who they are"
            if tenants.isImplicit {
                return "\(reach): declare [tenants.NAME] with a password or a client certificate, or \(loopback)"
            }
            if tenants.hasDefault { return "\(reach), because of [tenants.default]: take that out, or \(loopback)" }
            return "\(reach), because of a row that asks for neither a password nor a client certificate: add one of "
                + "these or other listeners to the row, or \(loopback)"
        }
    }

    /// Reports what a file's listeners and tenants cannot do together.
    func check(_ listen: Config.Listen, _ table: TableReader, tenantsAt tenantsPlace: Place) {
        guard let tenants else { return }
        if tenants.hasCertificates, listen.tls.clientAuthorityPath == nil {
            let message = "without listen.tls.client_ca no client can show a certificate"
            table.file.report("tenants have rows with client_certificate, and \(message)", at: tenantsPlace)
        }
        let unasked: [(ClientListener, [IPEndpoint])] = [
            (.transparent, listen.transparent), (.reverse, listen.reverse),
        ]
        for (listener, endpoints) in unasked
        where !endpoints.isEmpty && !tenants.admitsUnproven(at: listener, local: true) {
            let key = listener.rawValue
            let message = "lets nobody in: its clients cannot say who they are, and there is no [tenants.default]"
            table.report(key, message, at: table.text(key)?.place ?? table.place)
        }
    }
}

extension Config.Listen {
    /// The clients that a way in is for, by its address.
    static func clients(at endpoint: IPEndpoint?) -> DestinationPolicy.Clients {
        endpoint.map { $0.address.unwrapped.isLoopback } ?? true ? .local : .remote
    }
}
