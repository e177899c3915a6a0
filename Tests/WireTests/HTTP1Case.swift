import Testing
import Wire

/// One row of the tables: a sentence about the protocol, a stream of bytes, and what must become of it.
struct HTTP1Case: CustomTestStringConvertible, Sendable {
    enum Verdict: Equatable, Sendable {
        /// One message with this framing, content and trailer fields.
        case message(HTTP1Framing, content: String, trailers: String)
        /// The stream stops in the middle of a message without a mistake so far.
        case incomplete
        case refused(HTTP1Error)
    }

    let sentence: String
    let stream: String
    let verdict: Verdict
    var kind = HTTP1Head.Kind.request
    var answering = HTTP1Method.post

    var testDescription: String { sentence }

    func outcome(in piece: Int = .max) -> Outcome { read(stream, as: kind, in: piece, answering: answering) }

    func check(sourceLocation: SourceLocation = #_sourceLocation) {
        let found: Verdict
        switch outcome() {
        case .refused(let error, _): found = .refused(error)
        case .messages(let messages, let rest):
            if let message = messages.first, messages.count == 1, rest == 0 {
                found = .message(message.framing, content: text(message.body), trailers: message.trailers)
            } else {
                #expect(messages.isEmpty, "one message at most", sourceLocation: sourceLocation)
                found = .incomplete
            }
        }
        #expect(found == verdict, "\(sentence)", sourceLocation: sourceLocation)
    }
}

// MARK: - How the tables are written

/// A request that is one message.
func accept(
    _ sentence: String, _ stream: String, _ framing: HTTP1Framing = .none, content: String = "", trailers: String = ""
) -> HTTP1Case {
    HTTP1Case(
        sentence: sentence, stream: stream, verdict: .message(framing, content: content, trailers: trailers))
}

/// A request that is malformed.
func refuse(_ sentence: String, _ stream: String, _ flaw: HTTP1Flaw) -> HTTP1Case {
    HTTP1Case(sentence: sentence, stream: stream, verdict: .refused(.malformed(flaw)))
}

/// A request that is refused for another reason.
func refuse(_ sentence: String, _ stream: String, error: HTTP1Error) -> HTTP1Case {
    HTTP1Case(sentence: sentence, stream: stream, verdict: .refused(error))
}

/// A GET with these field lines, each with its own CRLF.
func get(_ fieldLines: String) -> String { "GET / HTTP/1.1\r\nHost: h.example\r\n\(fieldLines)\r\n" }

/// A POST with these field lines and this content.
func post(_ fieldLines: String, _ content: String = "") -> String {
    "POST /p HTTP/1.1\r\nHost: h.example\r\n\(fieldLines)\r\n\(content)"
}

/// A POST with chunked content.
func chunked(_ content: String) -> String { post("Transfer-Encoding: chunked\r\n", content) }

/// All tables of requests and responses.
enum HTTP1Tables {
    static let requests =
        requestLine + target + fields + host + connection + requestFraming + chunks + trailers
    static let all = requests + statusLine + responseFraming
}
