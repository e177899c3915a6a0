import Wire

/// The error codes of RFC 9113 7. A code that is not known counts as ``internalError``.
enum HTTP2ErrorCode: UInt32, Sendable, CaseIterable {
    case noError = 0
    case protocolError
    case internalError
    case flowControlError
    case settingsTimeout
    case streamClosed
    case frameSizeError
    case refusedStream
    case cancel
    case compressionError
    case connectError
    case enhanceYourCalm
    case inadequateSecurity
    case http11Required

    /// The code with that number.
    init(number: UInt32) { self = HTTP2ErrorCode(rawValue: number) ?? .internalError }
}

/// Why an HTTP/2 connection is of no further use, or a request could not be sent on it.
struct HTTP2Failure: Error, Equatable, Sendable {
    /// What went wrong, as far as leo acts on it or tells it to somebody.
    enum Kind: Equatable, Sendable {
        /// The peer broke RFC 9113 or RFC 7541; the code is in the GOAWAY.
        case peerBrokeProtocol(HTTP2ErrorCode)
        /// The peer spent a budget against abuse.
        case abuse(HTTP2FrameGuard.Abuse)
        /// leo ended the connection by GOAWAY with this code.
        case endedByUs(HTTP2ErrorCode)
        /// The connection takes no new stream: it drains, is lost, or has as many as it may have.
        case noNewStream
        /// The library could not go on, for want of memory for instance.
        case internalError
    }

    /// What went wrong.
    let kind: Kind
    /// In leo's or the library's words; never bytes of the peer.
    let detail: String

    init(_ kind: Kind, detail: String) {
        self.kind = kind
        self.detail = detail
    }
}
