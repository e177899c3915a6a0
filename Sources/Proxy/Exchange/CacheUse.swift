import Cache
import Policy
import Wire

/// What one exchange has to do with the cache: whether its answer may come from there, and whether it goes there.
///
///     init, read   is there anything to do, and under which key
///     lookUp       is an answer there that may be given
///     join         is an exchange under way that gets one
///     answered …   keep the answer, and tell it to those who wait for it (`AnswerCapture`)
///
/// It knows no sockets. In observe mode it goes the same way, keeps no answers but remembers that there were some, and
/// what it would have done is told to the log alone.
final class CacheUse {
    let settings: CacheSettings
    let operation: Operation
    let shared: Shared
    private let policy: PolicySnapshot
    private let tenant: TenantMatch
    private let directives: RequestCacheControl
    /// Everything of the head that the answer may depend on.
    private let preamble: [UInt8]
    /// Whose entries it shares, as a number; nil: those of everybody in its tenant.
    private let credentialScope: UInt64?
    private let idempotencyKey: [UInt8]?
    /// It renews an answer that has become stale: it does not look there.
    let isRefresh: Bool

    /// What the request is to the cache, from when its body has been read until the cache has been asked.
    private var request: CacheRequest?
    /// How the client wants its answer.
    private var form = AnswerForm.document
    /// The model that the request names.
    private(set) var model: String?
    /// Under what its answer is kept; nil: it has no key.
    private(set) var key: CacheKey?
    /// The cache may answer, and may keep the answer.
    private(set) var mayKeep = false
    /// An answer that is too old, and may be given if the provider fails.
    private(set) var stale: CachedAnswer?
    /// Tells others the answer that this exchange gets.
    var leader: FlightLeader?
    /// Takes the answer that comes.
    var capture: AnswerCapture?

    /// How the exchange is labelled; nil as long as nobody has asked the cache.
    private(set) var result: CacheResult?
    /// Why.
    private(set) var reason = ""

    /// An answer as it was found.
    struct CachedAnswer {
        let entry: CacheEntry
        let ageSeconds: UInt64
        let isStale: Bool
    }

    /// nil where the tenant has no cache, or the operation is none that a model works for. `known`: the fingerprint of the
    /// request's key, where that has been made already.
    init?(
        _ head: HTTP1Head, _ bytes: Span<UInt8>, _ operation: Operation, _ tenant: TenantMatch,
        _ interception: Interception, _ policy: PolicySnapshot, _ shared: Shared,
        credential known: CredentialFingerprint?, isRefresh: Bool = false
    ) {
        settings = policy.tenants.policies[tenant.index].cache
        guard settings.mode != .off, head.method == .post,
            operation.operationClass == .inspected || operation.operationClass == .stateful
        else { return nil }
        self.operation = operation
        self.tenant = tenant
        self.policy = policy
        self.shared = shared
        self.isRefresh = isRefresh
        directives = RequestCacheControl(head, from: bytes)
        idempotencyKey = Self.value(of: "idempotency-key", head, bytes)
        let credential =
            known.map { ProviderCredential.Scope.key($0) }
            ?? ProviderCredential.scope(of: head, bytes, policy.fingerprints)
        let isTenantWide = settings.scope == .tenant && tenant.by.provesIdentity
        let scope: [UInt8]?
        switch credential {
        case _ where isTenantWide: scope = Array("tenant".utf8)
        case .none: scope = Array("no key".utf8)
        case .key(let fingerprint):
            // "key " and what stands for it.
            var text: [UInt8] = []
            text.reserveCapacity(4 + CredentialFingerprint.byteCount)
            text += [0x6B, 0x65, 0x79, 0x20]
            text.append(fingerprint.bytes.span)
            scope = text
        case .changing: scope = nil
        }
        credentialScope = isTenantWide ? nil : Self.number(of: credential, tenant)
        let scopeBytes = scope ?? []
        var headers = CacheHeaders(operation, ignoring: settings.ignoredHeaders)
        headers.take(head, bytes)
        preamble = CacheKeyInput.preamble(
            scope: scopeBytes.span, upstream: interception.place, operation: operation,
            target: bytes.extracting(head.targetText), headers: headers)
        if !operation.hasKeptAnswers { bypass(.operation) }
        if scope == nil { bypass(.credential) }
        if directives.noStore { bypass(.noStore) }
    }

    /// What stands for a key in the cache's own table; nil for what is no key.
    private static func number(of credential: ProviderCredential.Scope, _ tenant: TenantMatch) -> UInt64? {
        guard case .key(let fingerprint) = credential else { return nil }
        return UInt64(truncatingIfNeeded: fingerprint.hashValue ^ tenant.name.hashValue)
    }

    /// The provider does not accept a request's credential any more, or has never done so: what was kept for it goes.
    static func credentialRefused(
        _ head: HTTP1Head, _ bytes: Span<UInt8>, _ tenant: TenantMatch, _ policy: PolicySnapshot, _ shared: Shared
    ) {
        guard policy.tenants.policies[tenant.index].cache.isActive else { return }
        let credential = ProviderCredential.scope(of: head, bytes, policy.fingerprints)
        if let number = number(of: credential, tenant) { shared.cache.dropScope(number) }
    }

    /// The first value of a field; nil for none and for an empty one.
    private static func value(of name: StaticString, _ head: HTTP1Head, _ bytes: Span<UInt8>) -> [UInt8]? {
        for field in head.fields
        where field.name.count == name.utf8CodeUnitCount && bytes.extracting(field.name).hasPrefix(ignoringCase: name) {
            guard !field.value.isEmpty else { return nil }
            return bytes.extracting(field.value).copied
        }
        return nil
    }

    private var hasBypassed = false

    /// The request's body tells whether, and under which key.
    var needsBody: Bool { !hasBypassed }
    /// Whether something is to be asked of the cache before the provider is.
    var isActive: Bool { key != nil && !hasBypassed }
    /// The client sees what the cache does.
    var isEnforced: Bool { settings.mode == .enforce }
    /// The client wants no answer of the provider's.
    var forbidsProvider: Bool { directives.onlyIfCached && isEnforced && !isRefresh }

    /// The cache has nothing to do with the exchange.
    func bypass(_ reason: CacheBypass) {
        if hasBypassed { return }
        hasBypassed = true
        (key, mayKeep, stale) = (nil, false, nil)
        label(.bypass, reason.rawValue)
    }

    /// Whether a stale answer is to be renewed now: nobody else does it. To be followed by ``endRefresh()``.
    func beginRefresh() -> Bool { key.map { shared.refreshes.begin($0) } ?? false }

    /// It has been renewed, or could not be.
    func endRefresh() {
        if let key { shared.refreshes.end(key) }
    }

    /// Says how the exchange is labelled.
    func label(_ result: CacheResult, _ reason: String) { (self.result, self.reason) = (result, reason) }

    /// Says why the provider's answer is not kept, or that it is.
    func noteAnswer(_ reason: String) {
        if result == .miss { self.reason = reason }
    }

    /// Reads the request as it goes to the provider. `hidesUsage`: leo alone has asked for the usage of the stream.
    func read(_ text: Span<UInt8>, target: Span<UInt8>, hidesUsage: Bool) {
        let request: CacheRequest
        do throws(CacheBypass) {
            request = try CacheRequest.read(operation, target, text, hidesUsage: hidesUsage)
        } catch {
            return bypass(error)
        }
        self.request = request
        (form, model) = (request.form, request.model)
        let optsIn = settings.clientMayOptIn && directives.maxAgeSeconds ?? 0 > 0
        mayKeep = request.isDeterministic || settings.when == .always || optsIn
        // Whoever sends a key for it says that two requests are one.
        let mayJoin = idempotencyKey != nil && settings.coalesces && isEnforced
        guard mayKeep || mayJoin else { return bypass(.sampled) }
        if !mayKeep { label(.bypass, CacheBypass.sampled.rawValue) }
        key = makeKey(preamble, request.canonical)
        if key == nil { bypass(.disabled) }
    }

    private func makeKey(_ preamble: [UInt8], _ canonical: [UInt8]) -> CacheKey? {
        policy.cacheKeys?.key(tenant: tenant.name, preamble: preamble.span, canonical: canonical.span)
    }

    /// What was read of the request is not asked for any more.
    private func forgetRequest() { request = nil }

    /// Whether a tool call with this id stands in the request already. When that cannot be told any more, it may.
    private func knowsToolCall(_ id: String) -> Bool { request?.mentions(toolCallID: id) ?? true }

    // MARK: Looking it up

    /// The answer that may be given at once.
    func lookUp(now: UInt64) -> CachedAnswer? {
        guard mayKeep, let key else { return nil }
        if isRefresh {
            label(.miss, "refresh")
            return nil
        }
        if directives.noCache {
            label(.miss, "no_cache")
            return nil
        }
        label(.miss, "absent")
        guard let found = shared.cache.entry(for: key, now: now) else { return nil }
        let entry = found.entry
        // What was remembered in observe mode has no text.
        if entry.isMarker, isEnforced { return nil }
        if !settings.keepsToolCalls, entry.callsTools {
            label(.miss, "tool_calls")
            return nil
        }
        for id in entry.toolCallIDs where knowsToolCall(id) {
            bypass(.toolCallKnown)
            return nil
        }
        let age = found.ageNanoseconds / 1_000_000_000
        if let maxAge = directives.maxAgeSeconds, age >= maxAge {
            label(.miss, "max_age")
            return nil
        }
        guard case .stale(let staleNanoseconds) = found.freshness else {
            return CachedAnswer(entry: entry, ageSeconds: age, isStale: false)
        }
        label(.miss, "expired")
        let answer = CachedAnswer(entry: entry, ageSeconds: age, isStale: true)
        if staleNanoseconds < Nanoseconds(settings.staleIfError).count, render(entry.document) != nil { stale = answer }
        let isServedStale = operation.isEmbedding && staleNanoseconds < Nanoseconds(settings.staleWhileRevalidate).count
        return isServedStale ? answer : nil
    }

    /// Gives those who wait for this exchange's answer a kept one.
    func tellOthers(_ found: CachedAnswer) {
        let entry = found.entry
        var answer = FlightAnswer(
            document: entry.document.copied, model: entry.model,
            usage: entry.usage, ageSeconds: found.ageSeconds)
        answer.isStale = found.isStale
        leader?.complete(answer)
        leader = nil
    }

    /// Whether the client takes an answer that has been kept for so long; nil: one that has just been made.
    func accepts(ageSeconds: UInt64?) -> Bool {
        guard let ageSeconds, let maxAge = directives.maxAgeSeconds else { return true }
        return ageSeconds < maxAge
    }

    /// A kept answer in the form that this client wants; nil: it cannot be had in that form, or is damaged.
    func render(_ document: Span<UInt8>) -> RenderedAnswer? {
        AnswerDocument.render(document, of: operation, as: form)
    }

    // MARK: Together with others

    /// Joins an exchange under way for the same request, or begins one that others may join.
    func join(wake: @escaping @Sendable () -> Void) -> FlightFollower? {
        guard settings.coalesces, isEnforced, let key, let request else { return nil }
        // An answer that was under way before it was asked for is as good as a kept one.
        if directives.noCache || directives.maxAgeSeconds == 0 { return nil }
        let flightKey = mayKeep ? key : idempotencyKey.flatMap { makeKey($0, Array(key.text.utf8)) }
        let formText = request.formText
        forgetRequest()
        guard let flightKey else { return nil }
        switch shared.flights.join(flightKey, form: formText, wake: wake) {
        case .leader(let leader):
            self.leader = leader
            return nil
        case .follower(let follower): return follower
        case .alone: return nil
        }
    }

    // MARK: Keeping the answer

    /// The final head of the provider's answer has come, parsed from `bytes`. Returns what takes the answer's text; nil:
    /// nobody wants it.
    func answered(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, isStream: Bool) -> AnswerCapture? {
        guard !hasBypassed, mayKeep || leader != nil else { return nil }
        let capture = AnswerCapture(
            self, head, bytes, isStream: isStream, documentBytesMax: policy.cache.entryByteCountMax)
        self.capture = capture
        return capture
    }

    /// The exchange is over, or will not come to a whole answer: who waits for it is told.
    func close(_ reason: String? = nil) {
        if let reason { noteAnswer(reason) }
        capture?.fail(reason ?? self.reason)
        capture = nil
        leader?.fail()
        leader = nil
    }

    /// The exchange ends before it has asked the provider, for a reason of its own.
    func stepDown() {
        leader?.handOver()
        leader = nil
    }

    /// Keeps a whole answer. Returns the word for what became of it.
    func keep(_ document: AnswerDocument, _ usage: Usage?, model: String?, fields: [(name: String, value: String)])
        -> String
    {
        guard mayKeep, let key else { return reason }
        if !settings.keepsToolCalls, document.callsTools { return "tool_calls" }
        let entry = CacheEntry(document, fields: fields, model: model, usage: usage)
        let ttl = Self.jittered(settings.timeToLive, key)
        let beyond = max(
            Nanoseconds(settings.staleIfError).count,
            operation.isEmbedding ? Nanoseconds(settings.staleWhileRevalidate).count : 0)
        // Operators know models by what requests ask for; what has answered may have another name.
        let labels = MemoryCache.Labels(tenant: tenant.name, scope: credentialScope ?? 0, model: self.model)
        let kept = shared.cache.insert(
            isEnforced ? entry : entry.marker, for: key, labels: labels, now: MonotonicTime.sinceBoot().nanoseconds,
            freshFor: ttl, goneAfter: ttl + beyond)
        switch kept {
        case .kept: return AnswerCapture.kept
        case .tooLarge: return AnswerFlaw.tooLarge.rawValue
        case .notAdmitted: return "not_admitted"
        }
    }

    /// Entries that were made together shall not end together: ten percent more or less, at most a day.
    private static func jittered(_ span: Duration, _ key: CacheKey) -> UInt64 {
        let whole = Nanoseconds(span).count
        let share = UInt64(truncatingIfNeeded: key.hashValue) % 2001
        let jittered = whole / 10_000 * (9_000 + share)
        return min(jittered, Nanoseconds(CacheSettings.timeToLiveMax).count)
    }
}
