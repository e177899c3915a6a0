import Glibc
import Policy

/// Opens connections to upstreams: name to route, route to a socket, a socket to verified TLS.
///
/// Several addresses are tried as RFC 8305 says: families take turns, and the next one starts when the one before has
/// failed or has not answered for a quarter of a second; the first to connect wins.
struct Dialer {
    /// Who is dialled, and by which rules.
    struct Target {
        let host: String
        let port: UInt16
        /// Whether leo terminates the client's TLS for it; then the upstream's certificate vouches for the address.
        let isIntercepted: Bool
        /// Who asks for it.
        var clients = DestinationPolicy.Clients.local
    }

    /// RFC 8305 section 5, Connection Attempt Delay.
    private static let attemptDelay = Nanoseconds(.milliseconds(250))

    let worker: WorkerState
    private var loop: EventLoop { worker.loop }
    private var shared: Shared { worker.shared }

    /// Dials on `worker`'s loop.
    init(worker: WorkerState) { self.worker = worker }

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
            let refusal = shared.config.destination.permitsUnresolved(
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
            refusal = shared.config.destination.permits(
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
            refusal = shared.config.destination.permitsOwn(endpoint, ownListeners: shared.ownListeners)
            return refusal == nil
        }
        if permitted.isEmpty, let refusal {
            throw ProxyError(.viaFailed, "the parent proxy \(parent.address) cannot be used: \(refusal.explanation)")
        }
        return permitted
    }

    /// A connection to the target by this route: to one of its addresses, or through the parent proxy, which has said
    /// yes to it by then. The endpoint is the one that leo's own connection leads to.
    func connect(
        by route: Route, waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) -> (Stream, IPEndpoint) {
        guard let parent = route.parent else {
            return try await connect(to: route.endpoints, waiter: waiter, isAbandoned: isAbandoned)
        }
        let stream: Stream
        let endpoint: IPEndpoint
        do {
            (stream, endpoint) = try await connect(to: route.endpoints, waiter: waiter, isAbandoned: isAbandoned)
            if parent.proxy.isSecure {
                let address = parent.proxy.address
                let context = try await shared.upstreamTrust.context(
                    for: address.host, port: address.port, waiter)
                try await secure(
                    stream, for: Target(host: address.host, port: address.port, isIntercepted: false),
                    context: context, ticket: nil, protocols: ["http/1.1"], waiter: waiter, isAbandoned: isAbandoned)
            }
        } catch {
            if error.fault == .clientGone || error.fault == .draining { throw error }
            throw ProxyError(error.fault, "the parent proxy \(parent.proxy.address): \(error.detail)")
        }
        let request = ParentRequest(
            worker: worker, parent: parent, credentials: shared.parentCredentials, stream: stream, waiter: waiter)
        try await request.run(isAbandoned: isAbandoned)
        return (stream, endpoint)
    }

    /// A connection to one of `endpoints`.
    private func connect(
        to endpoints: [IPEndpoint], waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) -> (Stream, IPEndpoint) {
        let deadline = waiter.deadline
        defer { waiter.deadline = deadline }
        var pending: [(watcher: Watcher, endpoint: IPEndpoint)] = []
        defer { for attempt in pending { attempt.watcher.close() } }
        var rest = endpoints[...]
        var lastError: (SystemCallError, IPEndpoint)?
        var nextStart = loop.now
        let source = shared.config.upstream.source
        while true {
            if let endpoint = rest.first, pending.isEmpty || nextStart <= loop.now {
                rest.removeFirst()
                do {
                    let watcher = try Watcher(
                        try Socket.connect(to: endpoint, from: source.address(for: endpoint.address)), loop: loop)
                    watcher.isWriteReady = false
                    watcher.waiter = waiter
                    watcher.interest = .write
                    pending.append((watcher, endpoint))
                    nextStart = loop.now.advanced(by: Self.attemptDelay)
                } catch { lastError = (error, endpoint) }
                continue
            }
            if pending.isEmpty, rest.isEmpty {
                guard let (error, endpoint) = lastError else { throw ProxyError(.connectFailed, "no address to try") }
                throw ProxyError(.connectFailed, Self.sentence(error, endpoint, source))
            }
            waiter.deadline = rest.isEmpty ? deadline : min(deadline, nextStart)
            switch await waiter.sleep() {
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            case .deadline where loop.now >= deadline:
                let tried = pending.map(\.endpoint.description).joined(separator: ", ")
                throw ProxyError(.connectTimeout, "no answer from \(tried)")
            case .deadline, .event: break
            }
            if isAbandoned() { throw ProxyError(.clientGone, "the client left while leo connected") }
            for index in pending.indices.reversed() where pending[index].watcher.isWriteReady {
                let (watcher, endpoint) = pending.remove(at: index)
                let error = Socket.pendingError(watcher.descriptor)
                if error == 0 {
                    watcher.waiter = nil
                    return (Stream(watcher), endpoint)
                }
                watcher.waiter = nil
                watcher.close()
                lastError = (SystemCallError("connect", error), endpoint)
            }
        }
    }

    /// TLS on `stream`, verified for the target's name; `protocols` are offered in this order.
    func secure(
        _ stream: Stream, for target: Target, context: TLSClientContext, ticket: TLSTicket?,
        protocols: [String], waiter: Waiter, isAbandoned: () -> Bool
    ) async throws(ProxyError) {
        do {
            try stream.startTLS(
                asClientWith: context, peerName: target.host, resuming: ticket, protocols: protocols)
        } catch {
            throw ProxyError(.internalError, "TLS could not be set up: \(error.detail)")
        }
        stream.watcher.waiter = waiter
        while true {
            switch stream.tryHandshake() {
            case .done: return
            case .blocked:
                stream.watcher.interest = stream.readInterest
                switch await waiter.sleep() {
                case .event: break
                case .deadline: throw ProxyError(.connectTimeout, "the TLS handshake with \(target.host) took too long")
                case .cancelled: throw ProxyError(.draining, "leo is shutting down")
                }
                if isAbandoned() { throw ProxyError(.clientGone, "the client left during the upstream handshake") }
            case .closed, .cut:
                throw ProxyError(.upstreamHandshake, "\(target.host) closed the connection during the TLS handshake")
            case .failed(let failure):
                throw ProxyError(failure.upstreamFault, failure.sentence(about: target.host))
            }
        }
    }

    /// Which call failed, and about which address: bind(2) fails for ours, all others for the target's.
    private static func sentence(
        _ error: SystemCallError, _ endpoint: IPEndpoint, _ source: SourceAddresses
    ) -> String {
        if error.call == "bind", let address = source.address(for: endpoint.address) {
            return "upstream.source \(address) cannot be used to reach \(endpoint): \(error.text)"
        }
        return "connect to \(endpoint): \(error.text)"
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

extension TLSFailure {
    /// What failed in a handshake with `host`, for whoever reads the answer or the log.
    fileprivate func sentence(about host: String) -> String {
        switch kind {
        case .certificateExpired, .certificateNotYetValid, .certificateName, .certificateSelfSigned,
            .certificateUntrusted, .certificateWeak, .certificateRevoked, .certificatePin:
            "the certificate of \(host) is not to be trusted: \(detail)"
        case .noSharedVersion, .noSharedCipher, .noSharedProtocol, .notTLS, .peerAlert, .peerNameInvalid,
            .protocolError, .internalError:
            "the TLS handshake with \(host) failed: \(detail)"
        }
    }

    /// The word for a failed handshake with an upstream.
    var upstreamFault: Fault {
        switch kind {
        case .certificateExpired, .certificateNotYetValid: .certificateExpired
        case .certificateName: .certificateName
        case .certificateSelfSigned: .certificateSelfSigned
        case .certificateUntrusted, .certificateWeak, .certificateRevoked: .certificateUntrusted
        case .certificatePin: .certificatePin
        case .noSharedVersion, .noSharedCipher, .noSharedProtocol, .notTLS, .peerAlert, .protocolError:
            .upstreamHandshake
        case .peerNameInvalid, .internalError: .internalError
        }
    }
}

extension ProxyError {
    /// A target or address that leo does not go to.
    init(_ refusal: DestinationRefusal) {
        let fault: Fault =
            switch refusal {
            case .malformedTarget: .badTarget
            case .metadataService, .linkLocal, .unspecified, .multicast, .ownListener, .refusedAddress, .privateAddress:
                .addressRefused
            case .refusedHost, .otherHost, .otherPort: .hostRefused
            }
        self.init(fault, refusal.explanation)
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
