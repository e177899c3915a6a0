import Policy
import Wire

/// `leo cache key`: what of a request makes the name under which its answer is kept.
public enum CacheKeyCommand {
    /// What of a request is not in its body.
    public struct Request: Sendable {
        /// The file with the body; "-" is the standard input.
        public var body: String
        /// The provider's host, perhaps with a port.
        public var host: String
        /// The path and query, perhaps with a method in front of them; nil: the chat of the host's provider.
        public var operation: String?
        /// Headers of the request, "NAME: VALUE".
        public var headers: [String]

        /// A request.
        public init(body: String, host: String, operation: String? = nil, headers: [String] = []) {
            self.body = body
            self.host = host
            self.operation = operation
            self.headers = headers
        }
    }

    /// Explains a request, as text or as JSON. Exit code 0: it has a key; 1: the cache has nothing to do with it, or the
    /// file has mistakes; 2: something cannot be read, or no provider has the host.
    public static func run(_ request: Request, file: String?, isJSON: Bool) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            guard let host = HostPort.parse(request.host, defaultPort: 443),
                let provider = config.providers.provider(host: host.host, port: host.port)
            else { throw OperatorFailure("no intercepted provider has the host \(request.host.quoted)") }
            let (method, path) = try RequestInput.target(request.operation, provider.api)
            let body = try RequestInput.body(request.body)
            let bytes = head(request, host, path)
            var head = HTTP1Head(.request, headBytesMax: bytes.count + 1)
            do throws(HTTP1Error) { _ = try head.parse(bytes.span) } catch {
                throw OperatorFailure("--operation and --header make no request: \(error.explanation)")
            }
            guard head.byteCount == bytes.count else {
                throw OperatorFailure("--header takes one header, \"NAME: VALUE\"")
            }
            let operation = Operation.find(provider.api, method: method, path: path.span)
            let explanation = CacheKeyExplanation(
                operation, upstream: host, head: head, bytes.span, body: body.span)
            let text = isJSON ? explanation.json : explanation.lines.map { "\($0)\n" }.joined()
            return CommandReport(output: text, exitCode: explanation.bypass == nil ? 0 : 1)
        }
    }

    private static func head(_ request: Request, _ host: HostPort, _ path: [UInt8]) -> [UInt8] {
        var text = Array("POST ".utf8) + path + Array(" HTTP/1.1\r\nHost: \(host)\r\n".utf8)
        text += Array("Content-Type: application/json\r\n".utf8)
        for header in request.headers { text += Array("\(header)\r\n".utf8) }
        return text + Array("\r\n".utf8)
    }
}
