/// The field names that some part of leo asks for; every other name is ``other``.
public enum HTTP1FieldName: UInt8, Sendable, CaseIterable {
    /// A name that no part of leo asks for.
    case other
    /// Accept-Encoding.
    case acceptEncoding
    /// api-key, Azure's credential.
    case apiKey
    /// apim-request-id, Azure's id of an exchange.
    case apimRequestID
    /// Authorization.
    case authorization
    /// Connection.
    case connection
    /// Content-Encoding.
    case contentEncoding
    /// Content-Length.
    case contentLength
    /// Content-Type.
    case contentType
    /// Cookie.
    case cookie
    /// Date.
    case date
    /// Expect.
    case expect
    /// Host.
    case host
    /// Keep-Alive.
    case keepAlive
    /// Proxy-Authenticate.
    case proxyAuthenticate
    /// Proxy-Authorization.
    case proxyAuthorization
    /// Proxy-Connection.
    case proxyConnection
    /// request-id, Anthropic's id of an exchange.
    case requestID
    /// Retry-After.
    case retryAfter
    /// Sec-WebSocket-Accept.
    case secWebSocketAccept
    /// Sec-WebSocket-Extensions.
    case secWebSocketExtensions
    /// Sec-WebSocket-Key.
    case secWebSocketKey
    /// Sec-WebSocket-Version.
    case secWebSocketVersion
    /// Set-Cookie.
    case setCookie
    /// TE.
    case te
    /// traceparent (W3C Trace Context).
    case traceparent
    /// Trailer.
    case trailer
    /// Transfer-Encoding.
    case transferEncoding
    /// Upgrade.
    case upgrade
    /// User-Agent.
    case userAgent
    /// x-amzn-requestid, Amazon's id of an exchange.
    case xAmznRequestID
    /// x-api-key, Anthropic's credential.
    case xAPIKey
    /// x-goog-api-key, Google's credential.
    case xGoogAPIKey
    /// x-request-id, OpenAI's and many others' id of an exchange.
    case xRequestID

    /// Whether the field belongs to one connection and is never relayed (RFC 9110 7.6.1).
    ///
    /// Expect is here because leo answers it itself, Proxy-Authorization because its reader is leo.
    var isHopByHop: Bool {
        switch self {
        case .connection, .expect, .keepAlive, .proxyAuthorization, .proxyConnection, .te, .upgrade: true
        case .acceptEncoding, .apiKey, .apimRequestID, .authorization, .contentEncoding, .contentLength, .contentType,
            .cookie, .date, .host, .other, .proxyAuthenticate, .requestID, .retryAfter, .secWebSocketAccept,
            .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .setCookie, .traceparent,
            .trailer, .transferEncoding, .userAgent, .xAmznRequestID, .xAPIKey, .xGoogAPIKey, .xRequestID:
            false
        }
    }

    /// Whether the field frames, routes or describes the content, so that neither Connection may name it
    /// (RFC 9110 7.6.1) nor a trailer carry it (RFC 9110 6.5.1).
    var isMessageControl: Bool {
        switch self {
        case .contentEncoding, .contentLength, .contentType, .host, .transferEncoding: true
        case .acceptEncoding, .apiKey, .apimRequestID, .authorization, .connection, .cookie, .date, .expect,
            .keepAlive, .other, .proxyAuthenticate, .proxyAuthorization, .proxyConnection, .requestID, .retryAfter,
            .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .setCookie, .te,
            .traceparent, .trailer, .upgrade, .userAgent, .xAmznRequestID, .xAPIKey, .xGoogAPIKey,
            .xRequestID:
            false
        }
    }

    /// Whether a trailer may carry the field.
    var isAllowedInTrailer: Bool {
        switch self {
        case .authorization, .apiKey, .cookie, .proxyAuthenticate, .setCookie, .trailer, .xAPIKey, .xGoogAPIKey: false
        case .acceptEncoding, .apimRequestID, .connection, .contentEncoding, .contentLength, .contentType, .date,
            .expect, .host, .keepAlive, .other, .proxyAuthorization, .proxyConnection, .requestID, .retryAfter,
            .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .te, .traceparent,
            .transferEncoding, .upgrade, .userAgent, .xAmznRequestID, .xRequestID:
            !isHopByHop && !isMessageControl
        }
    }

    /// Recognises the token at `name`, in any case. Length and first letter leave one or two candidates to compare.
    init(recognizing bytes: Span<UInt8>, _ name: Range<Int>) {
        let start = name.lowerBound
        let first = bytes[start] | 0x20
        self = .other
        switch name.count {
        case 2: choose(.te, "te")
        case 4: first == UInt8(ascii: "h") ? choose(.host, "host") : choose(.date, "date")
        case 6: first == UInt8(ascii: "e") ? choose(.expect, "expect") : choose(.cookie, "cookie")
        case 7:
            switch first {
            case UInt8(ascii: "t"): choose(.trailer, "trailer")
            case UInt8(ascii: "u"): choose(.upgrade, "upgrade")
            default: choose(.apiKey, "api-key")
            }
        case 9: choose(.xAPIKey, "x-api-key")
        case 10:
            switch first {
            case UInt8(ascii: "c"): choose(.connection, "connection")
            case UInt8(ascii: "k"): choose(.keepAlive, "keep-alive")
            case UInt8(ascii: "r"): choose(.requestID, "request-id")
            case UInt8(ascii: "s"): choose(.setCookie, "set-cookie")
            default: choose(.userAgent, "user-agent")
            }
        case 11: first == UInt8(ascii: "t") ? choose(.traceparent, "traceparent") : choose(.retryAfter, "retry-after")
        case 12: first == UInt8(ascii: "c") ? choose(.contentType, "content-type") : choose(.xRequestID, "x-request-id")
        case 13: choose(.authorization, "authorization")
        case 14:
            first == UInt8(ascii: "c")
                ? choose(.contentLength, "content-length") : choose(.xGoogAPIKey, "x-goog-api-key")
        case 15:
            choose(.acceptEncoding, "accept-encoding")
            if self == .other { choose(.apimRequestID, "apim-request-id") }
        case 16:
            switch first {
            case UInt8(ascii: "c"): choose(.contentEncoding, "content-encoding")
            case UInt8(ascii: "p"): choose(.proxyConnection, "proxy-connection")
            default: choose(.xAmznRequestID, "x-amzn-requestid")
            }
        case 17:
            first == UInt8(ascii: "t")
                ? choose(.transferEncoding, "transfer-encoding") : choose(.secWebSocketKey, "sec-websocket-key")
        case 18: choose(.proxyAuthenticate, "proxy-authenticate")
        case 19: choose(.proxyAuthorization, "proxy-authorization")
        case 20: choose(.secWebSocketAccept, "sec-websocket-accept")
        case 21: choose(.secWebSocketVersion, "sec-websocket-version")
        case 24: choose(.secWebSocketExtensions, "sec-websocket-extensions")
        default: break
        }

        @inline(__always)
        func choose(_ candidate: HTTP1FieldName, _ literal: StaticString) {
            if ASCII.equalFolded(bytes, start, literal) { self = candidate }
        }
    }

    /// Whether an unknown name spells a framing field's name: the same letters with other marks or escapes among them.
    ///
    /// Gateways that turn names into variables read `Transfer_Encoding` as Transfer-Encoding, and there are servers that
    /// undo escapes; such a field would be a second framing that leo does not see.
    static func imitatesFraming(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        spells(bytes, name, "contentlength") || spells(bytes, name, "transferencoding")
    }

    /// Whether the letters and digits of a token are `literal`; the first one decides for nearly every name.
    private static func spells(_ bytes: Span<UInt8>, _ name: Range<Int>, _ literal: StaticString) -> Bool {
        var index = name.lowerBound
        var position = 0
        while index < name.upperBound {
            var byte = bytes[index]
            if byte == UInt8(ascii: "%"), index + 2 < name.upperBound, let high = ASCII.hexadecimal(bytes[index + 1]),
                let low = ASCII.hexadecimal(bytes[index + 2])
            {
                byte = high << 4 | low
                index += 2
            }
            index += 1
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) else { continue }
            guard position < literal.utf8CodeUnitCount else { return false }
            let wanted = unsafe literal.utf8Start[position]
            guard ASCII.lowercased(byte) == wanted else { return false }
            position += 1
        }
        return position == literal.utf8CodeUnitCount
    }
}
