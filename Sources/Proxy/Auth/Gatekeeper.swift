import Policy
import Wire

/// Finds out whose a connection is, or a request in absolute form, before anything is done for it.
///
///     let credentials = ProxyCredentials.read(head, from: bytes)      // while the bytes are at hand
///     try await Gatekeeper(worker: worker, connection: connection).identify(credentials, requestsFollow: true, by: worker.policy)
///
/// A client that is known has its tenant in `connection.tenant` and in the log's line. One that is not is told by the
/// error: 407 where a user and password would help, else 403. Where the key that a request brings for its provider could
/// tell, the refusal waits for the request: `finalTenant` has the last word on every one of them.
struct Gatekeeper {
    let worker: WorkerState
    let connection: ClientConnection

    /// How many requests of one connection may be answered with 407: one without credentials, as curl's
    /// `--proxy-anyauth` and Java begin, some that a person mistypes.
    static let refusalCountMax = 5

    /// Identifies the client by everything but the keys of its requests. `mayBeAsked` is false where a client has no way
    /// to send credentials: connections that did not come for a proxy. `requestsFollow`: leo will read requests on this
    /// connection, so that one that is nobody's yet may become somebody's.
    ///
    /// Throws when it belongs to no tenant, or its credentials are wrong. Waits until the waiter's deadline.
    func identify(
        _ credentials: ProxyCredentials, mayBeAsked: Bool = true, requestsFollow: Bool, by policy: PolicySnapshot
    ) async throws(ProxyError) {
        connection.tenant = nil
        connection.facts = ClientFacts()
        let tenants = policy.tenants
        if tenants.isImplicit {
            if case .tenant(let tenant) = tenants.match(connection.facts) { connection.tenant = tenant }
            return
        }
        var facts = try await gather(for: tenants, waiter: connection.waiter)
        if mayBeAsked, tenants.hasUsers {
            switch credentials {
            case .none: break
            case .unreadable: throw refuse(.wrong, .proxyCredentials, "these are no Basic proxy credentials (RFC 7617)")
            case .basic(let credentials):
                try await verify(credentials, policy)
                facts.user = credentials.user
            }
        }
        connection.facts = facts
        switch tenants.match(facts) {
        case .tenant(let tenant): connection.tenant = tenant
        case .refused where requestsFollow && tenants.mayBeKnownByKey(facts): break
        case .refused(let refusal): throw refuse(refusal, mayBeAsked: mayBeAsked && tenants.hasUsers)
        }
    }

    /// Whose one request is, which brings this key for its provider: by all that is known of its connection, and by the
    /// key. `tenants` are those that hold for the request. Throws when it is nobody's.
    ///
    /// What the tenants of a file ask for that is newer than the connection is found out now; `waiter` is the exchange's.
    func finalTenant(
        for credential: CredentialFact, in tenants: TenantTable, waiter: Waiter
    ) async throws(ProxyError) -> TenantMatch {
        var facts = connection.facts
        if !tenants.isImplicit { facts = try await gather(for: tenants, waiter: waiter) }
        facts.credential = credential
        switch tenants.match(facts) {
        case .tenant(let tenant): return tenant
        case .refused(let refusal): throw refuse(refusal, mayBeAsked: false)
        }
    }

    /// What is known of the client's connection, and what else these tenants ask for.
    private func gather(for tenants: TenantTable, waiter: Waiter) async throws(ProxyError) -> ClientFacts {
        var facts = connection.facts
        if facts.listener == nil {
            facts.certificate = connection.certificateNames
            facts.source = connection.peer.endpoint?.address.unwrapped
            facts.listener = connection.listener.clientListener
        }
        try await lookUpOwner(for: tenants, &facts, waiter: waiter)
        return facts
    }

    /// Throws unless the client is known already: for what leo does without seeing a request.
    func requireTenant() throws(ProxyError) {
        if connection.tenant == nil { throw refuse(.nobody, mayBeAsked: false) }
    }

    private func refuse(_ refusal: TenantRefusal, mayBeAsked: Bool) -> ProxyError {
        if refusal == .nobody, mayBeAsked {
            return refuse(.missing, .proxyCredentials, "the proxy asks for a user and password")
        }
        return refuse(.unidentified, .unidentified, refusal.explanation)
    }

    private func verify(_ credentials: BasicCredentials, _ policy: PolicySnapshot) async throws(ProxyError) {
        guard let passwords = policy.passwords else {
            throw ProxyError(.internalError, "no users, and one was verified")
        }
        let origin = FailureLimit.Origin(connection.peer)
        let reply = passwords.ask(credentials, from: origin, waiter: connection.waiter, now: worker.loop.now)
        while true {
            let answer: PasswordCheck.Answer
            switch reply {
            case .known(let known): answer = known
            case .pending(let attempt):
                guard let found = attempt.answer else {
                    try await wait(for: attempt, passwords)
                    continue
                }
                answer = found
            }
            switch answer {
            case .right: return
            case .wrong: throw refuse(.wrong, .proxyCredentials, "wrong user or password")
            case .limited:
                throw refuse(.limited, .credentialsLimited, "too many wrong proxy credentials came from this address")
            case .busy:
                throw refuse(.busy, .overload, "too many proxy credentials are being checked")
            }
        }
    }

    private func wait(for attempt: PasswordCheck.Attempt, _ passwords: PasswordCheck) async throws(ProxyError) {
        let wake = await connection.waiter.sleep()
        if wake == .event, !connection.isBroken { return }
        passwords.forget(attempt, waiter: connection.waiter)
        switch wake {
        case .event: throw ProxyError(.clientGone, "the client left while its password was checked")
        case .deadline: throw refuse(.busy, .overload, "the password was not checked within listen.handshake_timeout")
        case .cancelled: throw ProxyError(.draining, "leo is shutting down")
        }
    }

    func refuse(_ reason: AuthenticationRefusal, _ fault: Fault, _ detail: String) -> ProxyError {
        worker.metrics.add(.authenticationsRefused(reason))
        return ProxyError(fault, detail)
    }
}

/// Why a client was not let in, as the metrics tell it.
enum AuthenticationRefusal: Int, MetricLabel {
    /// It named nobody.
    case missing
    /// A wrong user or password.
    case wrong
    /// Too many of those from its address.
    case limited
    /// Too many checks were waiting.
    case busy
    /// It can be no tenant's, whatever it says: no certificate that matches, or one that matches two.
    case unidentified

    var word: String {
        switch self {
        case .missing: "missing"
        case .wrong: "wrong"
        case .limited: "limited"
        case .busy: "busy"
        case .unidentified: "unidentified"
        }
    }
}
