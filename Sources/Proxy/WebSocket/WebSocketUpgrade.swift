import Wire

/// A request to become a WebSocket (RFC 6455 section 4, RFC 8441), and both directions of frames afterwards.
///
/// The frames pass as they are, masks and all; they are read on the way, so that nothing passes that two readers could
/// take for two different things, and that a policy can look into them.
struct WebSocketUpgrade {
    /// The upstream has agreed: frames follow.
    private(set) var hasSwitched = false
    /// What Sec-WebSocket-Accept must say; nil for a client that sent no key, as in HTTP/2.
    private let expectedAccept: [UInt8]?
    private let form: WebSocketHandshake.Form
    /// What one of the two has sent that is no frame, or none that it may send; nothing of it has passed.
    private(set) var violation: ProxyError?
    private var fromClient = WebSocketFrames(from: .client)
    private var fromUpstream = WebSocketFrames(from: .upstream)

    /// Nil when the request asks for no WebSocket; throws when it asks for one badly.
    init?(_ head: HTTP1Head, _ bytes: Span<UInt8>, cameByHTTP2: Bool) throws(ProxyError) {
        guard WebSocketHandshake.isAsked(by: head, in: bytes) else { return nil }
        form = cameByHTTP2 ? .extendedConnect : .upgrade
        do {
            let key = try WebSocketHandshake.check(request: head, in: bytes, form: form)
            expectedAccept = key.flatMap { WebSocketKey.accept(for: bytes.extracting($0)) }
        } catch {
            throw ProxyError(.webSocketHandshake, error.explanation)
        }
    }

    /// The upstream has agreed, by an answer that reads as a 101; throws when the answer does not fit the request.
    mutating func begin(
        _ answer: HTTP1Head, _ bytes: Span<UInt8>, to request: HTTP1Head, _ offers: Span<UInt8>
    ) throws(ProxyError) {
        do throws(WebSocketHandshakeFlaw) {
            let accept = try WebSocketHandshake.check(
                answer: answer, in: bytes, form: form, to: request, offers: offers)
            if let accept, let expectedAccept {
                let said = bytes.extracting(accept)
                let isRight =
                    said.count == expectedAccept.count && said.indices.allSatisfy { said[$0] == expectedAccept[$0] }
                if !isRight { throw .accept }
            }
        } catch {
            throw ProxyError(.badAnswer, error.explanation)
        }
        hasSwitched = true
    }

    /// A Close frame has passed in either direction: the end of the connection is no accident.
    var isClosing: Bool { fromClient.isClosed || fromUpstream.isClosed }

    /// Reads what the client sends; returns how much of it may pass. What follows a Close is dropped, and so is what follows
    /// a ``violation``.
    mutating func takeFromClient(_ data: Span<UInt8>) -> Int {
        let (count, error) = Self.read(data, &fromClient)
        if let error {
            refusal = WebSocketFrames.closeFrame(code: error.closeCode)
            violation = ProxyError(.webSocketFrame, "the client's WebSocket: \(error.explanation)")
        }
        return count
    }

    /// Reads what the upstream sends; returns how much of it may pass.
    mutating func takeFromUpstream(_ data: Span<UInt8>) -> Int {
        let (count, error) = Self.read(data, &fromUpstream)
        if let error { violation = ProxyError(.badAnswer, "the upstream's WebSocket: \(error.explanation)") }
        return count
    }

    /// What tells the client why the connection ends, where it may be said: after frames that were no frames, and between
    /// two frames of the upstream.
    func farewell() -> [UInt8]? { fromUpstream.isBetweenFrames && !fromUpstream.isClosed ? refusal : nil }

    private var refusal: [UInt8]?

    private static func read(_ data: Span<UInt8>, _ frames: inout WebSocketFrames) -> (Int, WebSocketError?) {
        var consumed = 0
        do throws(WebSocketError) {
            while try frames.step(data, consumed: &consumed) != nil {}
            return (consumed, nil)
        } catch { return (consumed, error) }
    }
}
