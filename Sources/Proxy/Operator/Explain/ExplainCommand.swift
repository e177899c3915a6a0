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
            let (method, path) = try RequestInput.target(request.operation, provider.api)
            let ground = try ground(config, request, provider)
            let body = try RequestInput.body(request.body)
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
            cache: policy.cache, provider: provider, prices: config.prices.table,
            bodyByteCountMax: config.destination.bodyByteCountMax,
            refusesUninspectable: config.destination.onUninspectable == .refuse)
    }
}
