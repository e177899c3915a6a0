/// Everything that can go wrong with a connection or an exchange, by the word operators read.
///
/// The raw value is the `error` field of the access log, the `x-leo-error` answer header and the `error` label of
/// `leo_faults_total`; `docs/access-log.md` explains each word. Adding a case makes the compiler ask for its facts.
public enum Fault: String, Error, Sendable, CaseIterable {
    // What the client did.
    /// The client closed or reset its connection before the answer was complete.
    case clientGone = "client_gone"
    /// The client sent nothing, or stopped in the middle of a head, for longer than allowed.
    case clientTimeout = "client_timeout"
    /// The client stopped reading its answer for longer than allowed.
    case clientStalled = "client_stalled"
    /// The bytes are not an HTTP/1 message, or one whose framing could be read in two ways.
    case badRequest = "bad_request"
    /// The head is larger than the limit.
    case headTooLarge = "head_too_large"
    /// The HTTP version is not 1.0 or 1.1.
    case versionUnsupported = "version_unsupported"
    /// A transfer coding other than a single `chunked`.
    case transferCodingUnsupported = "transfer_coding_unsupported"
    /// `Expect` asks for something else than `100-continue`.
    case expectationFailed = "expectation_failed"
    /// A request to the proxy listener that is neither a CONNECT nor has a whole URL in it.
    case notConnect = "not_connect"
    /// The CONNECT target is not `host:port`, or a URL's host and port are none.
    case badTarget = "bad_target"
    /// A plain HTTP request for a server that is reached by TLS.
    case tlsRequired = "tls_required"
    /// A request to the reverse listener that names no provider.
    case routeUnknown = "route_unknown"
    /// `Host` or the target's authority differs from the name the TLS connection was made for.
    case misdirected = "misdirected"
    /// The name in the ClientHello contradicts the CONNECT target.
    case sniMismatch = "sni_mismatch"
    /// No server name where the file asks for one.
    case sniMissing = "sni_missing"
    /// Bytes that are no TLS where TLS was expected.
    case notTLS = "not_tls"
    /// The client's TLS handshake failed: no common version or cipher, a bad record, an alert.
    case clientHandshake = "client_handshake"
    /// The client refused leo's certificate: it does not trust leo's CA.
    case clientDistrust = "client_distrust"
    /// The client broke the HTTP/2 protocol.
    case http2Error = "http2_error"
    /// The client flooded an HTTP/2 connection with frames that cost more than they say.
    case http2Abuse = "http2_abuse"
    /// A request for a WebSocket that is none.
    case webSocketHandshake = "websocket_handshake"
    /// Bytes that are no WebSocket frames, or frames that a client must not send.
    case webSocketFrame = "websocket_frame"

    // What the policy file says.
    /// The client sent no proxy credentials where the file asks for them, or wrong ones.
    case proxyCredentials = "proxy_credentials"
    /// Too many wrong proxy credentials came from the client's address.
    case credentialsLimited = "credentials_limited"
    /// The client belongs to no tenant, and a user and password would not change that.
    case unidentified = "unidentified"
    /// The host is not one that leo forwards to.
    case hostRefused = "host_refused"
    /// The address is link-local, a metadata service, leo itself, or refused by the file.
    case addressRefused = "address_refused"
    /// The host lies outside the name constraints of leo's CA.
    case caConstraint = "ca_constraint"

    // What the tenant's limits and guards say.
    /// A rate of the tenant is used up; it comes back with time.
    case rateLimited = "rate_limited"
    /// The tenant has as many exchanges under way as it may.
    case concurrencyLimited = "concurrency_limited"
    /// The tenant's money, or what it may use in a calendar window, is spent.
    case budgetExhausted = "budget_exhausted"
    /// One request asks for more than a limit ever lets through at once.
    case limitUnreachable = "limit_unreachable"
    /// The tenant may not use the model.
    case modelRefused = "model_refused"
    /// The request asks for a longer answer than the tenant may have.
    case outputLimitRefused = "output_limit_refused"
    /// The request's body is larger than the tenant, or what reads it, allows.
    case bodyTooLarge = "body_too_large"
    /// The request wants an answer from the cache or none, and the cache has none.
    case notCached = "not_cached"
    /// A policy has to read the request, and leo cannot.
    case uninspectable = "uninspectable"
    /// What the request starts would be used up outside of leo's sight.
    case unmetered = "unmetered"
    /// The tenant has a budget, and the model has no price.
    case unpriced = "unpriced"
    /// A limit was used up in the middle of an answer, and the file says that the answer ends with it.
    case budgetCut = "budget_cut"
    /// The provider has asked to be left alone for a while.
    case providerBackoff = "provider_backoff"
    /// The upstream has failed so often that leo spares it, and the client the wait.
    case circuitOpen = "circuit_open"

    // What the upstream did.
    /// The name does not resolve.
    case dnsFailed = "dns_failed"
    /// Every address refused the connection or could not be reached.
    case connectFailed = "connect_failed"
    /// No address answered in time.
    case connectTimeout = "connect_timeout"
    /// The upstream's TLS handshake failed for another reason than its certificate.
    case upstreamHandshake = "upstream_handshake"
    /// The upstream's certificate has expired or is not valid yet.
    case certificateExpired = "certificate_expired"
    /// The upstream's certificate is for another name.
    case certificateName = "certificate_name"
    /// The upstream's certificate is self-signed.
    case certificateSelfSigned = "certificate_self_signed"
    /// The upstream's certificate does not lead to a trusted root, or is too weak, revoked or broken.
    case certificateUntrusted = "certificate_untrusted"
    /// The upstream's certificate is good, but no key in its chain is one that the file pins.
    case certificatePin = "certificate_pin"
    /// The parent proxy asks for a user and password, or does not accept those it got.
    case viaCredentials = "via_credentials"
    /// The parent proxy does not let leo through to the target.
    case viaRefused = "via_refused"
    /// The parent proxy could not reach the target, or did not answer as a proxy does.
    case viaFailed = "via_failed"
    /// The upstream closed or reset the connection before an answer began.
    case upstreamClosed = "upstream_closed"
    /// The upstream sent nothing for longer than `upstream.idle_timeout`.
    case upstreamTimeout = "upstream_timeout"
    /// The upstream's answer is not HTTP/1, or its framing is not to be trusted.
    case badAnswer = "bad_answer"
    /// The upstream closed or reset the connection in the middle of its answer.
    case upstreamCut = "upstream_cut"

    // What happened to leo itself.
    /// No slot in the access log's queue within `block_timeout`.
    case audit = "audit"
    /// A limit on connections, handshakes, memory or descriptors is reached.
    case overload = "overload"
    /// leo is shutting down.
    case draining = "draining"
    /// A broken promise of leo's own; please report it.
    case internalError = "internal"
}
