import Glibc
import Policy
import Wire

/// `leo explain`: what leo would make of a request, and which values are in force, said without sending anything.
public enum ExplainCommand {
    /// What of a request is not in its body.
    public struct Request: Sendable {
        /// The file with the body; "-" is the standard input.
        public var body: String
        /// The tenant whose request it is; nil: the one that everybody is, if there is only that.
        public var tenant: String?
        /// The provider's name.
        public var provider: String
        /// The path, perhaps with a method in front of it; nil: the provider's most usual operation.
        public var operation: String?

        /// A request.
        public init(body: String, tenant: String? = nil, provider: String = "openai", operation: String? = nil) {
            self.body = body
            self.tenant = tenant
            self.provider = provider
            self.operation = operation
        }
    }

    /// Explains a request under a file's policy. Exit code 1: it would be refused.
    public static func explain(_ request: Request, file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            guard let provider = config.providers.rows.last(where: { $0.name == request.provider }) else {
                let names = config.providers.names.joined(separator: ", ")
                throw OperatorFailure("there is no intercepted provider \(request.provider.quoted); there are \(names)")
            }
            let (method, path) = try target(request, provider)
            let ground = try ground(config, request, provider)
            let body = try body(request.body)
            let explanation = RequestExplanation(method: method, path: path.span, body: body.span, ground)
            return CommandReport(
                output: explanation.lines.map { "\($0)\n" }.joined(), exitCode: explanation.refusal == nil ? 0 : 1)
        }
    }

    /// Prints every value that is in force with the line that it comes from.
    public static func effective(file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            var text = ""
            if let path = config.path {
                let bytes: [UInt8]
                do throws(ConfigFailure) {
                    bytes = try ConfigFile(path, in: try ConfigFile.workingDirectory()).bytes
                } catch { throw OperatorFailure(error.lines.joined(separator: "; ")) }
                text = String(decoding: bytes, as: UTF8.self)
            }
            let listing = EffectiveListing(
                text, tenants: config.tenants.isImplicit ? [] : config.tenants.names, cache: config.cache)
            let head = "# \(config.path ?? "the embedded defaults"): every value in force, and where it comes from"
            return CommandReport(output: ([head, ""] + listing.lines).map { "\($0)\n" }.joined())
        }
    }

    private static func ground(
        _ config: Config, _ request: Request, _ provider: Provider
    ) throws(OperatorFailure) -> RequestExplanation.Ground {
        let policies = config.tenants.policies
        let name = request.tenant ?? TenantTable.defaultName
        guard let policy = policies.first(where: { $0.name == name }) else {
            let names = policies.map(\.name).joined(separator: ", ")
            if request.tenant == nil { throw OperatorFailure("name a tenant, --tenant NAME; there are \(names)") }
            throw OperatorFailure("there is no tenant \(name.quoted); there are \(names)")
        }
        return RequestExplanation.Ground(
            tenant: config.tenants.isImplicit ? "\(name), which everybody is" : name, limits: policy.limits,
            provider: provider, prices: config.prices.table, bodyByteCountMax: config.destination.bodyByteCountMax,
            refusesUninspectable: config.destination.onUninspectable == .refuse)
    }

    /// The method and the path of a request.
    private static func target(
        _ request: Request, _ provider: Provider
    ) throws(OperatorFailure) -> (method: HTTP1Method, path: [UInt8]) {
        guard let operation = request.operation else {
            switch provider.api {
            case .openai: return (.post, Array("/v1/chat/completions".utf8))
            case .anthropic: return (.post, Array("/v1/messages".utf8))
            case .cohere: return (.post, Array("/v2/chat".utf8))
            case .gemini, .bedrock:
                throw OperatorFailure("the path names the model: give it, --operation PATH")
            }
        }
        let words = operation.split(separator: " ", maxSplits: 1)
        guard let last = words.last, last.hasPrefix("/"), !last.contains(" ") else {
            throw OperatorFailure(
                "--operation takes a path, perhaps with a method: \"/v1/messages\", \"GET /v1/models\"")
        }
        guard words.count == 2 else { return (.post, Array(last.utf8)) }
        let methods: [Substring: HTTP1Method] = [
            "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "PATCH": .patch, "DELETE": .delete,
            "OPTIONS": .options,
        ]
        guard let method = methods[words[0]] else {
            throw OperatorFailure("--operation begins with a method that leo does not know")
        }
        return (method, Array(last.utf8))
    }

    /// Larger bodies are no requests that anybody wants to have explained.
    private static let bodyByteCountMax = 256 << 20

    private static func body(_ path: String) throws(OperatorFailure) -> [UInt8] {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw OperatorFailure("\(path): \(unsafe String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 256 * 1024)
        while bytes.count <= bodyByteCountMax {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw OperatorFailure("\(path): \(unsafe String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
        throw OperatorFailure("\(path) is larger than \(bodyByteCountMax) bytes")
    }
}
