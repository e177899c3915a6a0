import Policy
import Wire

/// The names of an access-log line's fields, in the order they are written; `docs/access-log.md` explains each.
enum AccessField: String, CaseIterable, Sendable {
    case time
    case kind
    case id
    case connection
    case client
    case tenant
    case matchedBy = "matched_by"
    case credential
    case tls
    case clientProtocol = "protocol"
    case host
    case sni
    case provider
    case api
    case policy
    case policyRevision = "policy_revision"
    case reason
    case method
    case path
    case dialect
    case operation
    case model
    case modelAnswered = "model_answered"
    case stream
    case status
    case upstreamStatus = "upstream_status"
    case error
    case errorDetail = "error_detail"
    case attempts
    case reused
    case upstreamAddress = "upstream_addr"
    case upstreamProtocol = "upstream_protocol"
    case via
    case milliseconds = "ms"
    case requestBytes = "request_bytes"
    case responseBytes = "response_bytes"
    case tokens
    case usageSource = "usage_source"
    case cost
    case cache
    case cacheReason = "cache_reason"
    case savedTokens = "saved_tokens"
    case savedCost = "saved_cost"
    case limit
    case limitRemaining = "limit_remaining"
    case would
    case edits
    case requestID = "request_id"
    case traceparent
    case userAgent = "user_agent"
    case labels
}

/// The spans of time that a line reports, members of its `ms` object.
enum AccessPhase: String, CaseIterable, Sendable {
    /// From accept to the end of the client's TLS handshake, on the first line of a connection.
    case handshake
    /// The part of `connect` spent on the name.
    case resolve
    /// Name, TCP and TLS towards the upstream; absent where a connection was reused.
    case connect
    /// From the request's last head byte to the answer's first byte.
    case ttfb
    /// From the first byte of the request head (for a tunnel, of the CONNECT) to the end.
    case total
}

/// The fields whose bytes a peer chose. They are copied once, cut to a limit, and escaped when written.
enum AccessText: Int, CaseIterable, Sendable {
    case method
    case path
    case model
    case modelAnswered
    case requestID
    case traceparent
    case userAgent

    /// The longest value kept; more is cut at the end of a character.
    var byteCountMax: Int {
        switch self {
        case .method: 32
        // Long enough for every provider's paths; a Gemini or Bedrock path with a model's ARN stays below 300.
        case .path: 1024
        // Amazon's ARNs of inference profiles are the longest names that models have.
        case .model, .modelAnswered: 160
        case .requestID: 128
        // 55 bytes in version 00 of W3C Trace Context; later versions may add to it.
        case .traceparent: 128
        case .userAgent: 256
        }
    }

    fileprivate var field: AccessField {
        switch self {
        case .method: .method
        case .path: .path
        case .model: .model
        case .modelAnswered: .modelAnswered
        case .requestID: .requestID
        case .traceparent: .traceparent
        case .userAgent: .userAgent
        }
    }
}

/// What one access-log line says. A field that is nil is absent from the line.
///
/// One record serves a connection: `reset()` between exchanges forgets what belongs to the exchange and keeps the
/// storage, so a warm connection's lines cost no allocation. Holds no payload and no credential: of the target only
/// the path, of the heads only the fields named here and the configured labels.
struct AccessRecord: ~Copyable, Sendable {
    /// What the line is about.
    enum Kind: String, CaseIterable, Sendable {
        /// A request and its answer on an intercepted connection.
        case exchange
        /// A connection relayed without being looked into.
        case tunnel
        /// A connection or request that leo turned away before it belonged to either.
        case refusal
    }

    /// How the file's policy was got around.
    enum Policy: String, CaseIterable, Sendable {
        /// An intercepted provider's host that `intercept.splice` tunnels all the same, or that was tunnelled because of
        /// `intercept.on_overload`.
        case bypassed
    }

    /// At most this many labels, the limit of `access_log.labels`.
    static let labelCountMax = 8
    /// The longest label value kept.
    static let labelBytesMax = 256
    /// The longest text written of any other field: a host name has at most 253 bytes.
    static let textBytesMax = 256
    /// What `sni` says of a tunnel whose ClientHello names no host.
    static let serverNameNone = "none"

    // The connection's.
    var connection: UInt64?
    /// `ip:port`.
    var client: String?
    /// Whose client it is; nil until that is known.
    var tenant: TenantMatch?
    /// The fingerprint of the key that the request brings for its provider, while there is a master key.
    var credential: CredentialFingerprint?
    /// The TLS version spoken with the client, `1.2` or `1.3`.
    var tls: String?
    /// The CONNECT target, `host:port`.
    var host: String?
    var sni: String?
    var provider: String?
    var api: APIFamily?
    var policy: Policy?
    /// Why the target was tunnelled or refused, in leo's own words.
    var reason: String?
    /// The header names of `access_log.labels`, lower-case, in the order of the file.
    var labelNames: [String] = []

    // The exchange's.
    var kind = Kind.exchange
    /// When it began.
    var time = WallTime(secondsSinceEpoch: 0, nanoseconds: 0)
    var id: UInt64?
    var stream: Bool?
    var status: Int?
    var upstreamStatus: Int?
    var error: Fault?
    /// Leo's own words, never bytes of a message.
    var errorDetail: String?
    var attempts: Int?
    var reused: Bool?
    /// `ip:port`.
    var upstreamAddress: String?
    var clientProtocol: HTTPProtocol?
    var upstreamProtocol: HTTPProtocol?
    /// The parent proxy on the way to the target, `host:port`.
    var via: String?
    var requestBytes: UInt64?
    var responseBytes: UInt64?
    /// What it asked for, used and cost.
    var account = ExchangeAccount()
    private var durationsNanoseconds = InlineArray<5, UInt64>(repeating: .max)

    // What peers wrote: the bytes of all texts one after the other, and where each lies.
    private var bytes = ByteQueue()
    private var texts = InlineArray<7, Place?>(repeating: nil)
    private var labels = InlineArray<8, Place?>(repeating: nil)

    // `allCases` makes a new array each time it is asked.
    private static let fieldsInOrder = AccessField.allCases
    private static let phasesInOrder = AccessPhase.allCases

    private struct Place {
        var start: Int
        var byteCount: Int
    }

    init() {}

    /// A line about something else on the same connection, with what it says of the connection.
    init(onConnectionOf other: borrowing AccessRecord) {
        connection = other.connection
        client = other.client
        tenant = other.tenant
        tls = other.tls
        host = other.host
        sni = other.sni
        provider = other.provider
        api = other.api
        policy = other.policy
        reason = other.reason
        labelNames = other.labelNames
    }

    /// Keeps a copy of `value`, cut to the text's limit.
    mutating func keep(_ value: borrowing Span<UInt8>, as text: AccessText) {
        texts[text.rawValue] = copy(value, byteCountMax: text.byteCountMax)
    }

    /// Keeps a copy of the value of the label at `index` in `labelNames`; an index past the limit is ignored.
    mutating func keepLabel(_ value: borrowing Span<UInt8>, at index: Int) {
        guard labels.indices.contains(index) else { return }
        labels[index] = copy(value, byteCountMax: Self.labelBytesMax)
    }

    /// Notes how long a phase took.
    mutating func note(_ phase: AccessPhase, nanoseconds: UInt64) {
        durationsNanoseconds[Self.place(of: phase)] = min(nanoseconds, .max - 1)
    }

    /// Notes how long a phase took.
    mutating func note(_ phase: AccessPhase, _ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, nanoseconds >= 0, attoseconds >= 0 else { return }
        note(phase, nanoseconds: UInt64(nanoseconds) &+ UInt64(attoseconds / 1_000_000_000))
    }

    /// Forgets the exchange, keeps what belongs to the connection and the storage.
    mutating func reset() {
        kind = .exchange
        credential = nil
        time = WallTime(secondsSinceEpoch: 0, nanoseconds: 0)
        id = nil
        stream = nil
        status = nil
        upstreamStatus = nil
        error = nil
        errorDetail = nil
        attempts = nil
        reused = nil
        upstreamAddress = nil
        clientProtocol = nil
        upstreamProtocol = nil
        via = nil
        requestBytes = nil
        responseBytes = nil
        account = ExchangeAccount()
        durationsNanoseconds = InlineArray(repeating: .max)
        bytes.removeAll()
        texts = InlineArray(repeating: nil)
        labels = InlineArray(repeating: nil)
    }

    /// Gives the storage for texts back after a `reset()`, for a connection that becomes idle.
    mutating func releaseStorage() { bytes.releaseStorage() }

    /// Adds the line to `out`.
    borrowing func append(to out: inout ByteQueue) {
        var stamp = TimestampText()
        append(to: &out, stamp: &stamp)
    }

    /// Adds the line to `out`; `stamp` remembers the second it wrote last.
    borrowing func append(to out: inout ByteQueue, stamp: inout TimestampText) {
        var line = JSONLine(appendingTo: &out)
        for field in Self.fieldsInOrder { append(field, to: &line, stamp: &stamp) }
        line.finish(into: &out)
    }

    private borrowing func append(_ field: AccessField, to line: inout JSONLine, stamp: inout TimestampText) {
        switch field {
        case .time: line.field(field.rawValue, time, stamp: &stamp)
        case .kind: line.field(field.rawValue, kind.rawValue)
        case .id: if let id { line.field(field.rawValue, hexadecimal: id) }
        case .connection: if let connection { line.field(field.rawValue, connection) }
        case .client: append(client, as: field, to: &line)
        case .tenant: append(tenant?.name, as: field, to: &line)
        case .matchedBy: append(tenant?.by.rawValue, as: field, to: &line)
        case .credential: append(credential?.prefix, as: field, to: &line)
        case .tls: append(tls, as: field, to: &line)
        case .host: append(host, as: field, to: &line)
        case .sni: append(sni, as: field, to: &line)
        case .provider: append(provider, as: field, to: &line)
        case .api: append(api?.rawValue, as: field, to: &line)
        case .policy: append(policy?.rawValue, as: field, to: &line)
        case .policyRevision: append(account.policyRevision, as: field, to: &line)
        case .reason: append(reason, as: field, to: &line)
        case .method: append(.method, to: &line)
        case .path: append(.path, to: &line)
        case .dialect: append(account.dialect?.rawValue, as: field, to: &line)
        case .operation: append(account.operation, as: field, to: &line)
        case .model: append(.model, to: &line)
        case .modelAnswered: append(.modelAnswered, to: &line)
        case .stream: if let stream { line.field(field.rawValue, stream) }
        case .status: append(status, as: field, to: &line)
        case .upstreamStatus: append(upstreamStatus, as: field, to: &line)
        case .error: append(error?.rawValue, as: field, to: &line)
        case .errorDetail: append(errorDetail, as: field, to: &line)
        case .attempts: append(attempts, as: field, to: &line)
        case .reused: if let reused { line.field(field.rawValue, reused) }
        case .upstreamAddress: append(upstreamAddress, as: field, to: &line)
        case .clientProtocol: append(clientProtocol?.rawValue, as: field, to: &line)
        case .upstreamProtocol: append(upstreamProtocol?.rawValue, as: field, to: &line)
        case .via: append(via, as: field, to: &line)
        case .milliseconds: appendDurations(to: &line)
        case .requestBytes: if let requestBytes { line.field(field.rawValue, requestBytes) }
        case .responseBytes: if let responseBytes { line.field(field.rawValue, responseBytes) }
        case .tokens: account.appendTokens(to: &line)
        case .usageSource: append(account.usageSource?.rawValue, as: field, to: &line)
        case .cost: if let cost = account.cost { line.field(field.rawValue, decimal: cost.description) }
        case .cache: append(account.cache?.word, as: field, to: &line)
        case .cacheReason: append(account.cacheReason, as: field, to: &line)
        case .savedTokens: append(account.savedUsage?.totalTokens, as: field, to: &line)
        case .savedCost: if let cost = account.savedCost { line.field(field.rawValue, decimal: cost.description) }
        case .limit: append(account.limit, as: field, to: &line)
        case .limitRemaining: append(account.limitRemaining, as: field, to: &line)
        case .would: account.appendWould(to: &line)
        case .edits: account.appendEdits(to: &line)
        case .requestID: append(.requestID, to: &line)
        case .traceparent: append(.traceparent, to: &line)
        case .userAgent: append(.userAgent, to: &line)
        case .labels: appendLabels(to: &line)
        }
    }

    private borrowing func append(_ text: String?, as field: AccessField, to line: inout JSONLine) {
        if let text { line.field(field.rawValue, text, byteCountMax: Self.textBytesMax) }
    }

    private borrowing func append(_ number: Int?, as field: AccessField, to line: inout JSONLine) {
        if let number { line.field(field.rawValue, UInt64(max(number, 0))) }
    }

    private borrowing func append(_ text: AccessText, to line: inout JSONLine) {
        guard let place = texts[text.rawValue] else { return }
        let value = bytes.bytes.extracting(place.start..<place.start + place.byteCount)
        line.field(text.field.rawValue, value)
    }

    private borrowing func appendDurations(to line: inout JSONLine) {
        var isOpen = false
        for phase in Self.phasesInOrder {
            let nanoseconds = durationsNanoseconds[Self.place(of: phase)]
            if nanoseconds == .max { continue }
            if !isOpen { line.openObject(AccessField.milliseconds.rawValue) }
            isOpen = true
            line.field(phase.rawValue, millisecondsOfNanoseconds: nanoseconds)
        }
        if isOpen { line.closeObject() }
    }

    private borrowing func appendLabels(to line: inout JSONLine) {
        var isOpen = false
        for index in labels.indices {
            guard index < labelNames.count, let place = labels[index] else { continue }
            if !isOpen { line.openObject(AccessField.labels.rawValue) }
            isOpen = true
            line.field(labelNames[index], bytes.bytes.extracting(place.start..<place.start + place.byteCount))
        }
        if isOpen { line.closeObject() }
    }

    private mutating func copy(_ value: borrowing Span<UInt8>, byteCountMax: Int) -> Place {
        let byteCount = UTF8Text.prefixLength(of: value, byteCountMax: byteCountMax)
        let start = bytes.count
        bytes.append(value.extracting(0..<byteCount))
        return Place(start: start, byteCount: byteCount)
    }

    private static func place(of phase: AccessPhase) -> Int {
        switch phase {
        case .handshake: 0
        case .resolve: 1
        case .connect: 2
        case .ttfb: 3
        case .total: 4
        }
    }
}
