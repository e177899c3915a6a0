import Cache
import Policy

/// How long a provider has asked to be left alone, and by whom: what leo has learnt from 429, 503 and 529 with a wait in
/// them. While it lasts, a request of the same kind is not worth sending; leo answers it itself.
///
/// leo invents no waits. An answer without one says nothing about other requests: it may be about this one's size, or
/// about a quota that no waiting mends, and the provider explains that better than leo could. Nor is a wait believed for
/// longer than `spanMax`: after that one request may find out.
///
/// By upstream, credential and model, since that is how providers count: what one key has used up is no reason to refuse
/// another's request, nor one for a smaller model.
///
/// No clock, no lock.
struct ProviderBackoff {
    /// Whose requests, to whom.
    struct Key: Hashable, Sendable {
        let upstream: HostPort
        /// Stands for the credential and the model, see `UpstreamIdentity`.
        let identity: UInt64
    }

    /// What is left of a wait.
    struct Wait: Equatable, Sendable {
        let span: Nanoseconds
        /// The status that the provider gave with it.
        let status: Int
    }

    private struct Lesson {
        let until: MonotonicTime
        let status: Int
    }

    /// The longest wait that is believed, unless the file says otherwise. Provider limits count by the minute; what asks
    /// for more is a daily limit, of which one request a minute may as well find out that it is over.
    static let spanMaxDefault = Duration.seconds(60)
    /// Waits remembered at once: keys times models that are refused at the moment.
    private static let keyCountMax = 4096

    private let spanMax: Nanoseconds
    private var lessons = BoundedTable<Key, Lesson>(countMax: keyCountMax)

    /// `spanMax` zero learns nothing.
    init(spanMax: Nanoseconds) { self.spanMax = spanMax }

    /// Whether an answer with this status may speak for other requests. 529 is Anthropic's word for overload.
    static func speaksForOthers(_ status: Int) -> Bool { status == 429 || status == 503 || status == 529 }

    /// What is left of the wait for this key; nil: go.
    mutating func wait(for key: Key, now: MonotonicTime) -> Wait? {
        guard let lesson = lessons.value(for: key, now: now.nanoseconds) else { return nil }
        return Wait(span: lesson.until.since(now), status: lesson.status)
    }

    /// Learns from the head of an answer. Returns until when the lesson holds; nil when there was none in it.
    ///
    /// The later of two ends counts: answers overtake each other, and a wait is not made shorter by one that was sent
    /// before it.
    @discardableResult
    mutating func note(status: Int, wait: Nanoseconds?, for key: Key, now: MonotonicTime) -> MonotonicTime? {
        guard Self.speaksForOthers(status), let wait, wait.count > 0, spanMax.count > 0 else { return nil }
        let until = now.advanced(by: min(wait, spanMax))
        if let known = lessons.value(for: key, now: now.nanoseconds), known.until >= until { return known.until }
        lessons.insert(Lesson(until: until, status: status), for: key, expiresAt: until.nanoseconds)
        return until
    }
}
