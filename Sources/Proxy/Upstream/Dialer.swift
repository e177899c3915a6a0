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
    /// Where one may go.
    let destination: DestinationPolicy
    var loop: EventLoop { worker.loop }
    var shared: Shared { worker.shared }

    /// Dials on `worker`'s loop, where `policy` allows it.
    init(worker: WorkerState, policy: PolicySnapshot) {
        self.worker = worker
        destination = policy.destination
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
                        try Socket.connect(
                            to: endpoint, from: source.address(for: endpoint.address), mark: shared.config.listen.mark),
                        loop: loop)
                    watcher.attachment = shared.ownDials?.remember(watcher.descriptor)
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
