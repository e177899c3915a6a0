/// One way in which programs on this machine make HTTPS requests: a tool, a language's own client, or a library.
struct Runtime: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case curl
        case python(PythonClient)
        /// `knowsProxy`: NODE_USE_ENV_PROXY makes its own clients read the proxy variables, since 24 and 22.21.
        case node(knowsProxy: Bool)
        case java
        case go
    }

    let kind: Kind
    /// As the runtime says it, "7.88.1"; empty if it does not.
    let version: String

    /// What the findings call it.
    var name: String {
        let name =
            switch kind {
            case .curl: "curl"
            case .python(let client): "python \(client.rawValue)"
            case .node: "node"
            case .java: "java"
            case .go: "go"
            }
        return version.isEmpty ? name : "\(name) \(version)"
    }

    /// The variables that may name its proxy: the first that is set counts.
    var proxyNames: [String] {
        switch kind {
        case .go: ["HTTPS_PROXY", "https_proxy"]
        case .curl, .python, .node: ["https_proxy", "HTTPS_PROXY"]
        case .java: []
        }
    }

    /// The variables that may name what it trusts: the first that is set counts, and the first is the one to set.
    var trustNames: [String] {
        switch kind {
        case .curl: ["CURL_CA_BUNDLE", "SSL_CERT_FILE"]
        case .python(let client): client.trustNames
        case .node: ["NODE_EXTRA_CA_CERTS"]
        case .java: []
        case .go: ["SSL_CERT_FILE"]
        }
    }

    /// What a program has to do itself, environment or not.
    var duty: String? {
        switch kind {
        case .python(.aiohttp): "the program has to make its ClientSession with trust_env=True"
        case .curl, .python, .node, .java, .go: nil
        }
    }
}

/// The HTTP clients of Python that the doctor knows, each with ideas of its own about trust.
enum PythonClient: String, CaseIterable, Sendable {
    case urllib
    case httpx
    case httpx2
    case requests
    case aiohttp
    case boto3
    case openai
    case anthropic

    var trustNames: [String] {
        switch self {
        case .urllib, .httpx, .httpx2, .aiohttp, .openai, .anthropic: ["SSL_CERT_FILE"]
        case .requests: ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
        case .boto3: ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]
        }
    }
}
