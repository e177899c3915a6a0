import Glibc
import Policy
import Wire

/// A short conversation with leo's own listeners: how the doctor finds out what runs, and how leo reload asks for it.
///
/// One connection, one request, and an answer that ends with the connection. Blocks, up to a deadline.
final class LocalClient {
    /// Why there is no answer, in words.
    struct Failure: Error, Equatable {
        let text: String
        init(_ text: String) { self.text = text }

        static let nobodyListens = Failure(SystemError.text(ECONNREFUSED))
    }

    /// An answer's status and the beginning of its body.
    struct Answer: Equatable {
        var status: Int
        var body: String
    }

    /// Who answers for the canary.
    enum Canarian: Equatable {
        /// leo, with a certificate of the CA that was asked for; the body of its answer.
        case leo(String)
        /// Somebody with a certificate of another CA.
        case stranger
    }

    /// leo is on the same machine; what takes longer is not working.
    private static let patience = Nanoseconds(.seconds(5))
    /// More of an answer is not of interest.
    private static let answerBytesMax = 64 * 1024
    /// A report on a thousand tenants has less.
    private static let reportBytesMax = 4 << 20

    private let descriptor: Descriptor
    private let deadline: MonotonicTime
    private let patience: Nanoseconds
    private let answerBytesMax: Int

    private init(
        to endpoint: IPEndpoint, patience: Nanoseconds = LocalClient.patience,
        answerBytesMax: Int = LocalClient.answerBytesMax
    ) throws(Failure) {
        self.patience = patience
        self.answerBytesMax = answerBytesMax
        deadline = MonotonicTime.current().advanced(by: patience)
        do throws(SystemCallError) { descriptor = try Socket.connect(to: endpoint) } catch { throw Failure(error.text) }
        try wait(for: POLLOUT)
        let number = Socket.pendingError(descriptor.raw)
        if number != 0 { throw Failure(SystemError.text(number)) }
    }

    // MARK: Conversations

    /// GET in plain HTTP.
    static func get(_ path: String, from endpoint: IPEndpoint) throws(Failure) -> Answer {
        let client = try LocalClient(to: endpoint)
        try client.send("GET \(path) HTTP/1.1\r\nHost: \(endpoint)\r\nConnection: close\r\n\r\n")
        var answer = try answer(in: client.readToEnd())
        answer.body = OneLine.of(answer.body)
        return answer
    }

    /// GET in plain HTTP. The answer's body keeps its lines, and may be long.
    static func getWhole(_ path: String, from endpoint: IPEndpoint) throws(Failure) -> Answer {
        let client = try LocalClient(to: endpoint, answerBytesMax: reportBytesMax)
        try client.send("GET \(path) HTTP/1.1\r\nHost: \(endpoint)\r\nConnection: close\r\n\r\n")
        return try answer(in: client.readToEnd())
    }

    /// POST without a body in plain HTTP. The answer's body keeps its lines.
    static func post(
        _ path: String, to endpoint: IPEndpoint, field: (name: String, value: String), patience: Nanoseconds
    ) throws(Failure) -> Answer {
        let client = try LocalClient(to: endpoint, patience: patience)
        try client.send(
            "POST \(path) HTTP/1.1\r\nHost: \(endpoint)\r\n\(field.name): \(field.value)\r\nContent-Length: 0\r\n"
                + "Connection: close\r\n\r\n")
        return try answer(in: client.readToEnd())
    }

    /// Fetches the canary through the proxy, verified against what `context` trusts. `credentials` is the value of
    /// Proxy-Authorization, if the environment has a user for the proxy.
    static func getCanary(
        through proxy: IPEndpoint, credentials: String? = nil, trusting context: TLSClientContext
    ) throws(Failure) -> Canarian {
        let client = try LocalClient(to: proxy)
        let field = credentials.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
        // An answer other than 200 is read to the end of the connection.
        try client.send(
            "CONNECT \(Canary.target) HTTP/1.1\r\nHost: \(Canary.target)\r\nConnection: close\r\n\(field)\r\n")
        try client.awaitTunnel()
        var session: TLSSession
        do throws(TLSFailure) {
            session = try TLSSession(clientContext: context, descriptor: client.descriptor.raw, peerName: Canary.host)
        } catch { throw Failure(error.detail) }
        guard try client.handshake(&session) else { return .stranger }
        return .leo(OneLine.of(try client.fetch(&session).body))
    }

    // MARK: Plain bytes

    private func send(_ text: String) throws(Failure) {
        let bytes = Array(text.utf8)
        // A request of a hundred bytes fits into the buffer of a socket that was just opened.
        let transfer = unsafe bytes.withUnsafeBytes { unsafe System.write(descriptor.raw, $0) }
        guard transfer == .bytes(bytes.count) else { throw Failure("the connection broke") }
    }

    /// Waits for bytes and puts as many as fit into `piece`; zero when the other side has closed.
    private func readSome(_ piece: inout [UInt8]) throws(Failure) -> Int {
        while true {
            switch unsafe piece.withUnsafeMutableBytes({ unsafe System.read(descriptor.raw, $0) }) {
            case .bytes(let count): return count
            case .wouldBlock: try wait(for: POLLIN)
            case .failed(let number): throw Failure(SystemError.text(number))
            }
        }
    }

    /// Reads the answer to a CONNECT, which ends with its head, because TLS begins behind it.
    private func awaitTunnel() throws(Failure) {
        var bytes: [UInt8] = []
        // One byte at a time, to leave what follows the head in the socket.
        var byte = [UInt8](repeating: 0, count: 1)
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard bytes.count < Self.answerBytesMax else { throw Failure("what listens there speaks no HTTP") }
            let count = try readSome(&byte)
            if count == 0 { throw Failure("what listens there closed the connection") }
            bytes += byte
        }
        var head = HTTP1Head(.response)
        guard (try? head.parse(bytes.span)) == true else { throw Failure("what listens there speaks no HTTP") }
        if head.status == 200 { return }
        var answer = try Self.answer(in: readToEnd(after: bytes))
        answer.body = OneLine.of(answer.body)
        if answer.status == 407 {
            throw Failure("\(answer.body): put user and password into HTTPS_PROXY, http://USER:PASSWORD@ADDRESS:PORT")
        }
        throw Failure("CONNECT is answered with \(answer.status): \(answer.body)")
    }

    /// Everything that comes until the other side closes, and what came before.
    private func readToEnd(after begun: [UInt8] = []) throws(Failure) -> [UInt8] {
        var bytes = begun
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count < answerBytesMax {
            let count = try readSome(&piece)
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func answer(in bytes: [UInt8]) throws(Failure) -> Answer {
        var head = HTTP1Head(.response)
        guard (try? head.parse(bytes.span)) == true else { throw Failure("what listens there speaks no HTTP") }
        let body = String(decoding: bytes.dropFirst(head.byteCount), as: UTF8.self)
        return Answer(status: head.status, body: body)
    }

    // MARK: TLS

    /// False if the other side's certificate is not to be trusted.
    private func handshake(_ session: inout TLSSession) throws(Failure) -> Bool {
        while true {
            switch session.handshake() {
            case .done: return true
            case .wantRead: try wait(for: POLLIN)
            case .wantWrite: try wait(for: POLLOUT)
            case .closed, .cut: throw Failure("the TLS handshake broke off")
            case .failed(let failure):
                switch failure.kind {
                case .certificateSelfSigned, .certificateUntrusted: return false
                default: throw Failure("TLS: \(failure.detail)")
                }
            }
        }
    }

    private func fetch(_ session: inout TLSSession) throws(Failure) -> Answer {
        let request = Array("GET / HTTP/1.1\r\nHost: \(Canary.host)\r\nConnection: close\r\n\r\n".utf8)
        let attempt = unsafe request.withUnsafeBytes { unsafe session.write($0) }
        guard attempt == .done(request.count) else { throw Failure("the connection broke") }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        reading: while bytes.count < Self.answerBytesMax {
            switch unsafe piece.withUnsafeMutableBytes({ unsafe session.read(into: $0) }) {
            case .done(let count): bytes += piece[..<count]
            case .wantRead: try wait(for: POLLIN)
            case .wantWrite: try wait(for: POLLOUT)
            case .closed: break reading
            case .cut, .failed: throw Failure("the answer broke off")
            }
        }
        return try Self.answer(in: bytes)
    }

    private func wait(for events: Int32) throws(Failure) {
        let left = deadline.since(MonotonicTime.current()).milliseconds
        var asked = pollfd(fd: descriptor.raw, events: Int16(events), revents: 0)
        while left > 0 {
            let count = unsafe poll(&asked, 1, Int32(left) + 1)
            if count > 0 { return }
            if count == 0 { break }
            if errno != EINTR { throw Failure(SystemError.text(errno)) }
        }
        throw Failure("no answer within \(patience.milliseconds / 1000) seconds")
    }
}

/// Text of others, for one line of output.
enum OneLine {
    /// Longer texts are cut.
    static let characterCountMax = 300

    /// The text with line breaks and control characters as spaces, and not too long.
    static func of(_ text: some StringProtocol) -> String {
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : $0 }
        var line = String(String.UnicodeScalarView(scalars.prefix(characterCountMax)))
        while line.last == " " { line.removeLast() }
        return scalars.count > characterCountMax ? line + "…" : line
    }
}
