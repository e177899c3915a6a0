// What leo sends on of a head that it received (RFC 9110 7.6): end-to-end fields byte for byte, one framing, one
// spelling. Whatever is written here parses again to the same message; the fuzz entry holds that.
extension HTTP1Head {
    /// Appends the head as leo relays it.
    ///
    /// The first line is in HTTP/1.1 and origin form; end-to-end fields keep the casing of their names, their order
    /// and their values; no hop-by-hop field passes. Lines that already are `Name: value CRLF` are copied together.
    /// `bytes` are those that were parsed. With `closing`, the receiver is told that the connection ends after this
    /// message. A request without Host (absolute form in HTTP/1.0) gets one from its target. With `asWebSocket` the
    /// upgrade passes on (RFC 6455 section 4), and the offer or choice of extensions does not: leo reads the frames, and
    /// reads them as they are.
    public func appendRelayed(
        from bytes: Span<UInt8>, to out: inout ByteQueue, framing: HTTP1FramingOut, closing: Bool = false,
        asWebSocket: Bool = false
    ) {
        guard phase == .complete else { return }
        var run = Run(start: fieldsStart, end: fieldsStart)
        switch kind {
        case .request:
            if copiesRequestLine {
                run.start = methodName.lowerBound
            } else {
                appendRequestLine(from: bytes, to: &out)
            }
        case .response:
            if minorVersion == 1, bytes[reason.lowerBound - 1] == ASCII.space {
                run.start = 0
            } else {
                appendStatusLine(from: bytes, to: &out)
            }
        }
        if kind == .request, facts.host == nil {
            run.flush(bytes, &out)
            appendHost(from: bytes, to: &out)
        }
        appendFields(from: bytes, to: &out, framing: framing, asWebSocket: asWebSocket, run: &run)
        if framing == .chunked, !facts.isChunked { out.append("Transfer-Encoding: chunked\r\n") }
        if asWebSocket {
            out.append("Upgrade: websocket\r\nConnection: Upgrade\r\n")
        } else {
            appendConnection(to: &out, closing: closing)
        }
        out.append("\r\n")
    }

    /// Lines of the received head that are next to each other and go out unchanged.
    private struct Run {
        var start: Int
        var end: Int

        mutating func flush(_ bytes: Span<UInt8>, _ out: inout ByteQueue) {
            if end > start { out.append(bytes.extracting(start..<end)) }
            start = end
        }

        /// Copies what is gathered and goes on behind a line that does not go out as it is.
        mutating func skip(to next: Int, _ bytes: Span<UInt8>, _ out: inout ByteQueue) {
            flush(bytes, &out)
            start = next
            end = next
        }
    }

    private func appendFields(
        from bytes: Span<UInt8>, to out: inout ByteQueue, framing: HTTP1FramingOut, asWebSocket: Bool, run: inout Run
    ) {
        for index in fields.indices {
            let field = fields[index]
            let next = index + 1 < fields.count ? fields[index + 1].name.lowerBound : byteCount - 2
            let isDropped = asWebSocket && field.known == .secWebSocketExtensions
            switch isDropped ? .dropped : fate(of: field, bytes, framing) {
            case .copied: run.end = next
            case .dropped: run.skip(to: next, bytes, &out)
            case .rewritten:
                run.skip(to: next, bytes, &out)
                out.append(bytes.extracting(field.name))
                out.append(": ")
                appendValue(of: field, from: bytes, to: &out)
                out.append("\r\n")
            }
        }
        run.flush(bytes, &out)
    }

    private enum Fate { case copied, rewritten, dropped }

    @inline(__always)
    private func fate(of field: HTTP1Field, _ bytes: Span<UInt8>, _ framing: HTTP1FramingOut) -> Fate {
        guard field.isEndToEnd else { return .dropped }
        guard field.known == .contentLength || field.known == .transferEncoding else {
            return field.isCanonical ? .copied : .rewritten
        }
        if field.known == .contentLength {
            guard framing == .asReceived else { return .dropped }
            let leadsWithZero = field.value.count > 1 && bytes[field.value.lowerBound] == UInt8(ascii: "0")
            return field.isCanonical && !leadsWithZero ? .copied : .rewritten
        }
        guard framing != .untilClose else { return .dropped }
        let isLowerCase = ASCII.equal(bytes, field.value.lowerBound, "chunked")
        return field.isCanonical && isLowerCase ? .copied : .rewritten
    }

    private func appendValue(of field: HTTP1Field, from bytes: Span<UInt8>, to out: inout ByteQueue) {
        if field.known == .contentLength, let length = facts.contentLength {
            out.append(decimal: length)
        } else if field.known == .transferEncoding {
            out.append("chunked")
        } else {
            out.append(bytes.extracting(field.value))
        }
    }

    private func appendConnection(to out: inout ByteQueue, closing: Bool) {
        if kind == .request, facts.acceptsTrailers {
            out.append(closing ? "TE: trailers\r\nConnection: TE, close\r\n" : "TE: trailers\r\nConnection: TE\r\n")
        } else if closing {
            out.append("Connection: close\r\n")
        }
    }

    // MARK: - First lines

    private var copiesRequestLine: Bool {
        guard minorVersion == 1 else { return false }
        return switch target {
        case .origin, .authority, .asterisk: true
        case .absolute: false
        }
    }

    private func appendRequestLine(from bytes: Span<UInt8>, to out: inout ByteQueue) {
        out.append(bytes.extracting(methodName))
        out.append(" ")
        switch target {
        case .origin, .authority, .asterisk: out.append(bytes.extracting(targetText))
        case .absolute(_, _, let rest):
            if rest.isEmpty, method == .options {
                // The last proxy turns a target without path into the server as a whole (RFC 9112 3.2.4).
                out.append("*")
            } else {
                if rest.isEmpty || bytes[rest.lowerBound] != UInt8(ascii: "/") { out.append("/") }
                out.append(bytes.extracting(rest))
            }
        }
        out.append(" HTTP/1.1\r\n")
    }

    private func appendHost(from bytes: Span<UInt8>, to out: inout ByteQueue) {
        switch target {
        case .absolute(_, let authority, _), .authority(let authority):
            out.append("Host: ")
            out.append(bytes.extracting(authority))
            out.append("\r\n")
        case .origin, .asterisk: break
        }
    }

    private func appendStatusLine(from bytes: Span<UInt8>, to out: inout ByteQueue) {
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt(status))
        out.append(" ")
        out.append(bytes.extracting(reason))
        out.append("\r\n")
    }
}
