import Wire

/// An answer that leo gives itself, because there is none to relay.
///
/// To a client of a provider it has the provider's own error shape, so that the SDK raises the exception it knows; to a
/// CONNECT it is plain text. Either way it says who speaks, by `x-leo-error`, and it ends the connection.
struct LocalAnswer {
    let error: ProxyError
    /// Nil: plain text.
    let api: APIFamily?
    /// The request was a HEAD: the fields are sent and the body is not.
    let isHead: Bool

    /// Appends the whole answer.
    func append(to out: inout ByteQueue) {
        let status = error.fault.status
        let message = "leo: \(error.detail)"
        let body =
            api.map { $0.errorBody(status: status, code: error.fault.rawValue, message: message) }
            ?? Array("\(message) (\(error.fault.rawValue))\n".utf8)
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt(status))
        out.append(" ")
        out.append(error.fault.reasonPhrase)
        out.append("\r\nContent-Type: ")
        out.append(api == nil ? "text/plain; charset=utf-8" : "application/json")
        out.append("\r\nContent-Length: ")
        out.append(decimal: UInt(body.count))
        out.append("\r\nConnection: close\r\nx-leo-error: ")
        out.append(error.fault.rawValue)
        out.append("\r\n")
        if !error.fault.isWorthRetrying { out.append("x-should-retry: false\r\n") }
        if status == 503 { out.append("Retry-After: 1\r\nretry-after-ms: 1000\r\n") }
        for field in api?.errorFields(status: status, code: error.fault.rawValue) ?? [] {
            out.append(field.name)
            out.append(": ")
            out.append(field.value)
            out.append("\r\n")
        }
        out.append("\r\n")
        if !isHead { out.append(body.span) }
    }
}

extension Fault {
    /// The status of leo's own answer (RFC 9110 section 15).
    var status: Int {
        switch self {
        case .badRequest, .badTarget, .notTLS, .sniMissing, .sniMismatch: 400
        case .hostRefused, .addressRefused: 403
        case .notConnect: 405
        case .clientTimeout: 408
        case .expectationFailed: 417
        case .misdirected: 421
        case .headTooLarge: 431
        case .internalError: 500
        case .transferCodingUnsupported, .upgradeUnsupported: 501
        case .caConstraint, .dnsFailed, .connectFailed, .upstreamHandshake, .certificateExpired, .certificateName,
            .certificateSelfSigned, .certificateUntrusted, .upstreamClosed, .badAnswer, .upstreamCut:
            502
        case .audit, .overload, .draining: 503
        case .connectTimeout, .upstreamTimeout: 504
        case .versionUnsupported: 505
        // No answer is sent for these; 499 is what nginx logs for a client that has left.
        case .clientGone, .clientStalled, .clientHandshake, .clientDistrust: 499
        }
    }

    /// The standard phrase for ``status``.
    var reasonPhrase: String {
        switch status {
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Error"
        }
    }

    /// Whether the same request might succeed in a moment. SDKs retry 408, 409, 429 and 5xx on their own; where that
    /// cannot help, leo says so.
    var isWorthRetrying: Bool {
        switch self {
        case .dnsFailed, .connectFailed, .connectTimeout, .upstreamHandshake, .upstreamClosed, .upstreamTimeout,
            .upstreamCut, .audit, .overload, .draining, .clientTimeout:
            true
        case .clientGone, .clientStalled, .badRequest, .headTooLarge, .versionUnsupported,
            .transferCodingUnsupported, .expectationFailed, .notConnect, .badTarget, .misdirected, .sniMismatch,
            .sniMissing, .notTLS, .clientHandshake, .clientDistrust, .upgradeUnsupported, .hostRefused,
            .addressRefused, .caConstraint, .certificateExpired, .certificateName, .certificateSelfSigned,
            .certificateUntrusted, .badAnswer, .internalError:
            false
        }
    }
}
