import Policy

/// Names to addresses, and whether to go there at all.
extension Dialer {
    /// How to reach the target: the file's `[upstream.resolve]`, the parent proxy, the target itself, or the resolver's
    /// answer; forbidden addresses are left out. Throws when none remains, or when `isAbandoned` says so.
    ///
    /// `address` is the one the client asked for, where its target's name became known later; it has been judged then.
    func route(
        to target: Target, at address: IPEndpoint? = nil, waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) -> Route {
        let named = HostPort(host: target.host, port: target.port)
        let asked = address.map { HostPort(host: $0.address.description, port: $0.port) } ?? named
        if address == nil, let fixed = shared.config.upstream.resolve[named] { return Route(direct: [fixed]) }
        if let parent = shared.config.upstream.parent(for: asked) {
            let refusal = destination.permitsUnresolved(
                asked, intercepted: target.isIntercepted, for: target.clients, ownListeners: shared.ownListeners)
            if let refusal { throw ProxyError(refusal) }
            let endpoints = try await endpoints(of: parent, waiter: waiter, isAbandoned: isAbandoned)
            return Route(endpoints: endpoints, parent: Route.Parent(proxy: parent, target: asked))
        }
        if let address { return Route(direct: [address]) }
        let found: [IPAddress]
        if let literal = IPAddress.parse(target.host) {
            found = [literal]
        } else {
            found = try await resolve(target.host, waiter: waiter, isAbandoned: isAbandoned)
        }
        var refusal: DestinationRefusal?
        let permitted = found.filter { address in
            refusal = destination.permits(
                address, port: target.port, target: named, intercepted: target.isIntercepted, for: target.clients,
                ownListeners: shared.ownListeners)
            return refusal == nil
        }
        if permitted.isEmpty, let refusal {
            throw ProxyError(refusal)
        }
        return Route(direct: Self.interleaved(permitted).map { IPEndpoint(address: $0, port: target.port) })
    }

    /// Where the parent proxy is.
    private func endpoints(
        of parent: ParentProxy, waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) -> [IPEndpoint] {
        let found: [IPEndpoint]
        if let fixed = shared.config.upstream.resolve[parent.address] {
            found = [fixed]
        } else if let literal = parent.address.address {
            found = [IPEndpoint(address: literal, port: parent.address.port)]
        } else {
            let addresses: [IPAddress]
            do { addresses = try await resolve(parent.address.host, waiter: waiter, isAbandoned: isAbandoned) } catch {
                guard error.fault == .dnsFailed || error.fault == .connectTimeout else { throw error }
                throw ProxyError(error.fault, "the parent proxy: \(error.detail)")
            }
            found = Self.interleaved(addresses).map { IPEndpoint(address: $0, port: parent.address.port) }
        }
        var refusal: DestinationRefusal?
        let permitted = found.filter { endpoint in
            refusal = destination.permitsOwn(endpoint, ownListeners: shared.ownListeners)
            return refusal == nil
        }
        if permitted.isEmpty, let refusal {
            throw ProxyError(.viaFailed, "the parent proxy \(parent.address) cannot be used: \(refusal.explanation)")
        }
        return permitted
    }

    private func resolve(
        _ name: String, waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) -> [IPAddress] {
        var isFirst = true
        while true {
            switch shared.resolver.ask(name, waiter: waiter, now: loop.now) {
            case .addresses(let addresses):
                if isFirst { worker.metrics.add(.lookups(.cached)) }
                return addresses
            case .failed(let reason): throw ProxyError(.dnsFailed, "\(name): \(reason)")
            case nil: break
            }
            isFirst = false
            let wake = await waiter.sleep()
            if wake == .event, !isAbandoned() { continue }
            shared.resolver.forget(name, waiter: waiter)
            switch wake {
            case .event: throw ProxyError(.clientGone, "the client left while its target was looked up")
            case .deadline:
                worker.metrics.add(.lookups(.timedOut))
                throw ProxyError(.connectTimeout, "the look-up of \(name) took too long")
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            }
        }
    }

    /// Families in turn, beginning with the family that the resolver put first (RFC 8305 section 4).
    static func interleaved(_ addresses: [IPAddress]) -> [IPAddress] {
        guard let first = addresses.first else { return [] }
        let preferred = addresses.filter { $0.isIPv4 == first.isIPv4 }
        let other = addresses.filter { $0.isIPv4 != first.isIPv4 }
        var result: [IPAddress] = []
        for index in 0..<max(preferred.count, other.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < other.count { result.append(other[index]) }
        }
        return result
    }
}

extension IPAddress {
    /// Whether the address is of the older family.
    fileprivate var isIPv4: Bool {
        switch self {
        case .v4: true
        case .v6: false
        }
    }
}
