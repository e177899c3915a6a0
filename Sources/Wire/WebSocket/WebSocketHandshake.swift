/// What the heads of an opening handshake must say (RFC 6455 4, RFC 8441 5), in either version of HTTP.
///
/// The digest in Sec-WebSocket-Accept is made and compared where there is a hash function; this only finds it.
public enum WebSocketHandshake {
    /// How the handshake is made.
    public enum Form: Sendable {
        /// A GET with Upgrade, a key, and an answer of 101 (HTTP/1.1).
        case upgrade
        /// An extended CONNECT, which arrives here as that GET, without a key and with an answer of 200 (HTTP/2).
        case extendedConnect
    }

    /// The version that RFC 6455 defines; there is no later one.
    public static let version: StaticString = "13"
    /// The size of Sec-WebSocket-Key: 16 bytes in base64.
    public static let keyBytes = 24

    /// Whether a complete request head asks for a WebSocket, well or badly: if so, ``check(request:in:form:)`` judges it.
    public static func isAsked(by head: HTTP1Head, in bytes: Span<UInt8>) -> Bool {
        head.upgrades && lists(head, .upgrade, "websocket", bytes)
    }

    /// Judges the head of a request for a WebSocket, which was parsed from `bytes`.
    ///
    /// Returns where the key is: always there with an upgrade, never with an extended CONNECT.
    public static func check(
        request head: HTTP1Head, in bytes: Span<UInt8>, form: Form
    ) throws(WebSocketHandshakeFlaw) -> Range<Int>? {
        guard head.method == .get, head.minorVersion == 1 else { throw .method }
        guard isAsked(by: head, in: bytes) else { throw .upgradeMissing }
        switch (form, head.requestFraming) {
        case (_, .none), (_, .length(0)): break
        // The stream that becomes the WebSocket is open, so its head says chunked where it stands for HTTP/1.
        case (.extendedConnect, .chunked): break
        case (.upgrade, _), (.extendedConnect, _): throw .contentForbidden
        }
        guard let version = try single(.version, head, bytes) else { throw .versionUnsupported }
        guard ASCII.equals(bytes, version, Self.version) else { throw .versionUnsupported }
        let key = try single(.key, head, bytes)
        switch form {
        case .extendedConnect: return nil
        case .upgrade:
            guard let key, isKey(bytes, key) else { throw .key }
            return key
        }
    }

    /// Judges the head of an answer that opens a WebSocket: a 101 to an upgrade, a 2xx to an extended CONNECT.
    ///
    /// `request` is the head that was sent, `offers` its bytes. Returns where Sec-WebSocket-Accept is: always there
    /// after an upgrade, and then to be compared with the digest of the key that was sent.
    public static func check(
        answer head: HTTP1Head, in bytes: Span<UInt8>, form: Form, to request: HTTP1Head, offers: Span<UInt8>
    ) throws(WebSocketHandshakeFlaw) -> Range<Int>? {
        // Nothing was offered, so nothing can have been agreed on.
        if try single(.extensions, head, bytes, mayRepeat: true) != nil { throw .extensionUnasked }
        if let subprotocol = try single(.subprotocol, head, bytes) {
            guard isOffered(bytes, subprotocol, request, offers) else { throw .subprotocolUnasked }
        }
        let accept = try single(.accept, head, bytes)
        switch form {
        case .extendedConnect: return nil
        case .upgrade:
            guard head.status == 101, isAsked(by: head, in: bytes) else { throw .upgradeMissing }
            guard let accept else { throw .accept }
            return accept
        }
    }

    // MARK: - Fields

    /// The value of a field that may be there once.
    private static func single(
        _ name: WebSocketField, _ head: HTTP1Head, _ bytes: Span<UInt8>, mayRepeat: Bool = false
    ) throws(WebSocketHandshakeFlaw) -> Range<Int>? {
        var found: Range<Int>?
        for field in head.fields where name.isName(of: field, in: bytes) {
            guard found == nil || mayRepeat else { throw name.repetition }
            found = field.value
        }
        return found
    }

    private static func lists(
        _ head: HTTP1Head, _ name: HTTP1FieldName, _ literal: StaticString, _ bytes: Span<UInt8>
    ) -> Bool {
        for field in head.fields where field.known == name {
            var elements = HTTP1List(field.value)
            while let element = elements.next(bytes) {
                if ASCII.equalsToken(bytes, element, literal) { return true }
            }
        }
        return false
    }

    /// Whether the request lists the subprotocol that the answer chose; names of subprotocols are case-sensitive.
    private static func isOffered(
        _ bytes: Span<UInt8>, _ chosen: Range<Int>, _ request: HTTP1Head, _ offers: Span<UInt8>
    ) -> Bool {
        for field in request.fields where WebSocketField.subprotocol.isName(of: field, in: offers) {
            var elements = HTTP1List(field.value)
            while let element = elements.next(offers) {
                guard element.count == chosen.count else { continue }
                if (0..<element.count).allSatisfy({
                    offers[element.lowerBound + $0] == bytes[chosen.lowerBound + $0]
                }) {
                    return true
                }
            }
        }
        return false
    }

    /// Whether the bytes are 16 in base64. The last character's unused bits are nobody's business: no server decodes a
    /// key, and there are clients that make theirs of random characters.
    private static func isKey(_ bytes: Span<UInt8>, _ key: Range<Int>) -> Bool {
        guard key.count == keyBytes else { return false }
        let end = key.upperBound
        for index in key.lowerBound..<(end - 2) where Base64.value(bytes[index]) == nil { return false }
        return bytes[end - 2] == Base64.padding && bytes[end - 1] == Base64.padding
    }
}

/// The fields of an opening handshake beside those of HTTP (RFC 6455 11.3).
public enum WebSocketField: Sendable, CaseIterable {
    /// Sec-WebSocket-Key: of this connection, like the next.
    case key
    /// Sec-WebSocket-Accept.
    case accept
    /// Sec-WebSocket-Version.
    case version
    /// Sec-WebSocket-Extensions.
    case extensions
    /// Sec-WebSocket-Protocol. Browsers' way to send a credential, since they can set no other field.
    case subprotocol

    /// The name in lower case.
    public var name: StaticString {
        switch self {
        case .key: "sec-websocket-key"
        case .accept: "sec-websocket-accept"
        case .version: "sec-websocket-version"
        case .extensions: "sec-websocket-extensions"
        case .subprotocol: "sec-websocket-protocol"
        }
    }

    /// Whether `field`, of a head that was parsed from `bytes`, has this name.
    public func isName(of field: HTTP1Field, in bytes: Span<UInt8>) -> Bool {
        field.known == known && (known != .other || ASCII.equalsToken(bytes, field.name, name))
    }

    private var known: HTTP1FieldName {
        switch self {
        case .key: .secWebSocketKey
        case .accept: .secWebSocketAccept
        case .version: .secWebSocketVersion
        case .extensions: .secWebSocketExtensions
        case .subprotocol: .other
        }
    }

    var repetition: WebSocketHandshakeFlaw {
        switch self {
        case .key: .key
        case .accept: .accept
        case .version: .versionUnsupported
        case .extensions: .extensionUnasked
        case .subprotocol: .subprotocolUnasked
        }
    }
}

extension HTTP1Head {
    /// Keeps a field of a handshake, wherever it is, from being relayed: an offer of extensions always, the key and its
    /// digest where leo has its own.
    public mutating func withhold(_ name: WebSocketField, in bytes: Span<UInt8>) {
        for index in fields.indices where name.isName(of: fields[index], in: bytes) {
            fields[index].isEndToEnd = false
        }
    }
}

/// What is wrong with a handshake.
public enum WebSocketHandshakeFlaw: Error, Equatable, Sendable, CaseIterable {
    /// Another method than GET, or HTTP/1.0.
    case method
    /// No `Connection: upgrade` with `Upgrade: websocket`.
    case upgradeMissing
    /// The request has content.
    case contentForbidden
    /// Sec-WebSocket-Version is missing, not 13, or there twice.
    case versionUnsupported
    /// Sec-WebSocket-Key is missing, not 16 bytes in base64, or there twice.
    case key
    /// Sec-WebSocket-Accept is missing, there twice, or not the digest of the key.
    case accept
    /// The answer agrees to an extension, and none was offered.
    case extensionUnasked
    /// The answer chooses a subprotocol that was not offered, or two.
    case subprotocolUnasked

    /// The status that answers a request with this flaw; an answer with one is a bad answer.
    ///
    /// A 426 says `Sec-WebSocket-Version: 13` (RFC 6455 4.2.2).
    public var status: Int {
        switch self {
        case .method, .upgradeMissing, .contentForbidden, .key: 400
        case .versionUnsupported: 426
        case .accept, .extensionUnasked, .subprotocolUnasked: 502
        }
    }

    /// The reason in leo's own words.
    public var explanation: String {
        switch self {
        case .method: "a WebSocket is asked for with another method than GET, or in HTTP/1.0"
        case .upgradeMissing: "Connection and Upgrade do not agree on websocket"
        case .contentForbidden: "the request for a WebSocket has content"
        case .versionUnsupported: "Sec-WebSocket-Version is not 13"
        case .key: "Sec-WebSocket-Key is not 16 bytes in base64"
        case .accept: "Sec-WebSocket-Accept is not the digest of the key"
        case .extensionUnasked: "the answer agrees to a WebSocket extension that was not offered"
        case .subprotocolUnasked: "the answer chooses a subprotocol that was not offered"
        }
    }
}

extension ASCII {
    /// Whether the bytes of a range are `literal`, to the letter.
    static func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ literal: StaticString) -> Bool {
        range.count == literal.utf8CodeUnitCount && equal(bytes, range.lowerBound, literal)
    }
}
