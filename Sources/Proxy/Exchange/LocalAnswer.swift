import Wire

/// An answer that leo gives itself, because there is none to relay.
///
/// To a client of a provider it has the provider's own error shape, so that the SDK raises the exception it knows; to a
/// CONNECT it is plain text. Either way it says who speaks, by `x-leo-error`, and it ends the connection.
struct LocalAnswer {
    let status: Int
    let reasonPhrase: String
    /// The client is not heard any further on this connection, where that is possible.
    let closes: Bool
    /// The request was a HEAD: the fields are sent and the body is not.
    let isHead: Bool
    private let fields: [(name: String, value: String)]
    private let body: [UInt8]

    /// The answer that tells of `error`, in the shape of `api`; nil: as plain text.
    init(error: ProxyError, api: APIFamily?, isHead: Bool, closes: Bool = true) {
        let fault = error.fault
        let ownFields = [
            (name: "Content-Type", value: "application/json"), (name: "x-leo-error", value: fault.rawValue),
        ]
        if let api, let refusal = error.refusal {
            status = refusal.status(api)
            reasonPhrase = HTTPStatusPhrase.phrase(for: status)
            self.closes = closes
            self.isHead = isHead
            body = refusal.body(api)
            fields = ownFields + refusal.fields(api, unixSeconds: WallTime.now().secondsSinceEpoch)
            return
        }
        status = fault.status
        reasonPhrase = HTTPStatusPhrase.phrase(for: fault.status)
        self.closes = closes
        self.isHead = isHead
        let message = "leo: \(error.detail)"
        body =
            api.map { $0.errorBody(status: fault.status, code: fault.rawValue, message: message) }
            ?? Array("\(message) (\(fault.rawValue))\n".utf8)
        var fields = [
            (name: "Content-Type", value: api == nil ? "text/plain; charset=utf-8" : "application/json"),
            (name: "x-leo-error", value: fault.rawValue),
        ]
        if !fault.isWorthRetrying { fields.append(("x-should-retry", "false")) }
        if status == 503 {
            let milliseconds = max(1, ((error.retryAfter ?? Nanoseconds(.seconds(1))).count / 1_000_000))
            fields += [("Retry-After", "\((milliseconds + 999) / 1000)"), ("retry-after-ms", "\(milliseconds)")]
        }
        self.fields = fields + fault.ownFields + (api?.errorFields(status: status, code: fault.rawValue) ?? [])
    }

    /// A 200 with a JSON body that says something about leo itself.
    init(json: String, isHead: Bool, closes: Bool) {
        status = 200
        reasonPhrase = HTTPStatusPhrase.phrase(for: status)
        self.closes = closes
        self.isHead = isHead
        body = Array(json.utf8)
        fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    }

    /// The octets that are sent of the body.
    var content: Span<UInt8> {
        @_lifetime(borrow self)
        get { isHead ? Span() : body.span }
    }

    /// Appends the whole answer as HTTP/1. `closing`: the connection ends with it.
    func append(to out: inout ByteQueue, closing: Bool) {
        appendHead(to: &out, closing: closing)
        out.append(content)
    }

    /// Appends the head.
    func appendHead(to out: inout ByteQueue, closing: Bool) {
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt(status))
        out.append(" ")
        out.append(reasonPhrase)
        out.append("\r\nContent-Length: ")
        out.append(decimal: UInt(body.count))
        out.append(closing ? "\r\nConnection: close\r\n" : "\r\n")
        for field in fields {
            out.append(field.name)
            out.append(": ")
            out.append(field.value)
            out.append("\r\n")
        }
        out.append("\r\n")
    }
}

extension Fault {
    /// The status of leo's own answer (RFC 9110 section 15).
    var status: Int {
        switch self {
        case .routeUnknown: 404
        case .badRequest, .badTarget, .tlsRequired, .webSocketHandshake, .webSocketFrame, .notTLS, .sniMissing,
            .sniMismatch:
            400
        case .limitUnreachable, .outputLimitRefused, .uninspectable: 400
        case .hostRefused, .addressRefused, .unidentified, .modelRefused, .unmetered, .unpriced: 403
        case .notConnect: 405
        case .proxyCredentials: 407
        case .clientTimeout: 408
        case .bodyTooLarge: 413
        case .expectationFailed: 417
        case .misdirected: 421
        case .credentialsLimited, .rateLimited, .concurrencyLimited, .budgetExhausted, .budgetCut, .providerBackoff: 429
        case .headTooLarge: 431
        case .internalError: 500
        case .transferCodingUnsupported: 501
        case .caConstraint, .dnsFailed, .connectFailed, .upstreamHandshake, .certificateExpired, .certificateName,
            .certificateSelfSigned, .certificateUntrusted, .certificatePin, .viaCredentials, .viaRefused, .viaFailed,
            .upstreamClosed, .badAnswer, .upstreamCut:
            502
        case .audit, .overload, .draining, .circuitOpen: 503
        case .connectTimeout, .upstreamTimeout, .notCached: 504
        case .versionUnsupported: 505
        // No answer is sent for these; 499 is what nginx logs for a client that has left.
        case .clientGone, .clientStalled, .clientHandshake, .clientDistrust, .http2Error, .http2Abuse: 499
        }
    }

    /// Whether the same request might succeed in a moment. SDKs retry 408, 409, 429 and 5xx on their own; where that
    /// cannot help, leo says so.
    var isWorthRetrying: Bool {
        switch self {
        case .dnsFailed, .connectFailed, .connectTimeout, .upstreamHandshake, .viaFailed, .upstreamClosed,
            .upstreamTimeout, .upstreamCut, .audit, .overload, .draining, .clientTimeout, .credentialsLimited,
            .rateLimited, .concurrencyLimited, .providerBackoff, .circuitOpen:
            true
        case .clientGone, .clientStalled, .badRequest, .headTooLarge, .versionUnsupported,
            .transferCodingUnsupported, .expectationFailed, .notConnect, .badTarget, .tlsRequired, .routeUnknown,
            .misdirected, .sniMismatch, .sniMissing, .notTLS, .clientHandshake, .clientDistrust, .http2Error,
            .http2Abuse, .webSocketHandshake,
            .webSocketFrame,
            .hostRefused, .proxyCredentials, .unidentified,
            .addressRefused, .caConstraint, .certificateExpired, .certificateName, .certificateSelfSigned,
            .certificateUntrusted, .certificatePin, .viaCredentials, .viaRefused, .badAnswer, .internalError,
            .budgetExhausted, .limitUnreachable, .modelRefused, .outputLimitRefused, .bodyTooLarge, .uninspectable,
            .unmetered, .unpriced, .budgetCut, .notCached:
            false
        }
    }

    /// Whether it is the tenant's policy that says no, to a request that is in order otherwise: the client's connection
    /// goes on.
    var isRefusal: Bool {
        Self.refusals.contains(self)
    }

    private static let refusals: Set<Fault> = [
        .rateLimited, .concurrencyLimited, .budgetExhausted, .limitUnreachable, .modelRefused, .outputLimitRefused,
        .bodyTooLarge, .uninspectable, .unmetered, .unpriced, .providerBackoff, .circuitOpen, .notCached,
    ]
}
