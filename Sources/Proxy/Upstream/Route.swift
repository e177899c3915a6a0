import Policy

/// How a target is reached: at its own addresses, or through a parent proxy that is asked for it.
struct Route {
    /// The parent proxy, and what it is asked for.
    struct Parent {
        let proxy: ParentProxy
        /// By name, unless the client itself asked for an address: the parent resolves it.
        let target: HostPort
    }

    /// Where leo's own connection may lead to, in the order of trying.
    let endpoints: [IPEndpoint]
    let parent: Parent?

    /// The parent proxy as the access log writes it; nil for the direct way.
    var viaText: String? { parent?.proxy.address.description }

    init(endpoints: [IPEndpoint], parent: Parent) {
        self.endpoints = endpoints
        self.parent = parent
    }

    init(direct endpoints: [IPEndpoint]) {
        self.endpoints = endpoints
        parent = nil
    }
}
