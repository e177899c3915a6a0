import Wire

/// What an answer says about trying again.
struct WaitAdvice: Equatable, Sendable {
    /// How long to wait; nil: it does not say.
    var wait: Nanoseconds?
    /// `x-should-retry`, which overrides everything in the SDKs that know it; nil: it does not say.
    var mayRetry: Bool?

    /// Nothing.
    init() {}

    /// What the fields of a refusal come to: the wait that is asked for, or else until the rates are back of which nothing
    /// is left.
    init(_ allowance: ProviderAllowance) {
        wait = allowance.waitNanoseconds.map { Nanoseconds(count: UInt64(max($0, 0))) }
        mayRetry = allowance.shouldRetry
    }
}
