import Cache
import Policy
import Synchronization

/// Tells whether users' passwords are right, without holding up a loop and without giving anything away.
///
/// - scrypt runs on helper threads with a bounded queue; whoever brings the same credentials meanwhile waits for the same
///   computation.
/// - What was found is remembered for a while under a keyed digest of the credentials, so that only the first CONNECT of
///   a client costs a computation. Wrong ones have a table of their own: no flood of them drives the right ones out.
/// - A user that does not exist costs what a wrong password does: the same number of computations, of the same cost as
///   long as the file's hashes have one. Digests are compared in constant time.
/// - Each wrong pair that had to be computed is charged to the client's address (`FailureLimit`). Beyond the limit
///   credentials that are not known to be right are refused at once.
///
/// Shared by all workers.
final class PasswordCheck: Sendable {
    /// What a check came to.
    enum Answer: Equatable, Sendable {
        case right, wrong
        /// Too many wrong credentials came from the client's address; these were not looked at.
        case limited
        /// Too many checks are waiting; these credentials were not looked at.
        case busy
    }

    /// A check under way. Its waiters are woken when it has its answer.
    final class Attempt: Sendable {
        private let found = Mutex<Answer?>(nil)
        /// The answer, once there is one.
        var answer: Answer? { found.withLock { $0 } }
        fileprivate func finish(_ answer: Answer) { found.withLock { $0 = answer } }
    }

    /// What asking came to.
    enum Reply {
        case known(Answer)
        /// The waiter will be woken; ``Attempt/answer`` tells then.
        case pending(Attempt)
    }

    /// Credentials remembered at once, right ones and wrong ones each: users are few, and each entry takes some 100 bytes.
    private static let rememberedCountMax = 4096
    /// How long a right pair is remembered. A reload that changes a tenant forgets all of them.
    private static let rightSpan = Nanoseconds(.seconds(10 * 60))
    /// How long a wrong one is: a client that is set up wrongly asks again and again.
    private static let wrongSpan = Nanoseconds(.seconds(60))
    /// Each computation holds up to 128 MB, and 32 MB for what leo hash makes.
    private static let threadCountMax = 2
    /// With two threads and 50 ms each, the last one waits 2 s, well within listen.handshake_timeout.
    private static let waitingCountMax = 64

    private struct State: ~Copyable {
        var right = BoundedTable<KeyedDigest, Void>(countMax: rememberedCountMax)
        var wrong = BoundedTable<KeyedDigest, Void>(countMax: rememberedCountMax)
        var running: [KeyedDigest: (attempt: Attempt, waiters: [Waiter])] = [:]
    }

    /// What addresses have tried; outlives the tenants that they tried it on.
    private final class Failures: Sendable {
        let limit = Mutex(FailureLimit())
    }

    private let tenants: TenantTable
    private let key: KeyedDigest.Key
    private let dummy: PasswordHash
    private let threads: HelperThreads
    private let failures: Failures
    private let state = Mutex(State())

    /// Checks for the users of `tenants`; nil when OpenSSL has no randomness to give.
    convenience init?(
        _ tenants: TenantTable,
        threads: HelperThreads = HelperThreads(
            name: "leo-auth", threadCountMax: threadCountMax, waitingCountMax: waitingCountMax)
    ) {
        self.init(tenants, threads, Failures())
    }

    /// Checks for the users of a file that takes the place of another. What `previous` has found out about passwords is
    /// forgotten, what it has found out about addresses is not, and its threads go on.
    convenience init?(_ tenants: TenantTable, after previous: PasswordCheck) {
        self.init(tenants, previous.threads, previous.failures)
    }

    private init?(_ tenants: TenantTable, _ threads: HelperThreads, _ failures: Failures) {
        guard let key = KeyedDigest.Key(), let dummy = PasswordDigest.makeDummy(cost: tenants.highestCost) else {
            return nil
        }
        self.tenants = tenants
        self.key = key
        self.dummy = dummy
        self.threads = threads
        self.failures = failures
    }

    /// Asks about `credentials` that came from `origin`.
    func ask(
        _ credentials: BasicCredentials, from origin: FailureLimit.Origin, waiter: Waiter, now: MonotonicTime
    ) -> Reply {
        let digest = credentials.text.withBytes { key.digest(of: $0) }
        let attempt = Attempt()
        let reply: Reply? = state.withLock { state in
            if state.right.value(for: digest, now: now.nanoseconds) != nil { return .known(.right) }
            if state.wrong.value(for: digest, now: now.nanoseconds) != nil { return .known(.wrong) }
            if let running = state.running[digest] {
                state.running[digest]?.waiters.append(waiter)
                return .pending(running.attempt)
            }
            guard failures.limit.withLock({ $0.take(origin, now: now) }) else { return .known(.limited) }
            state.running[digest] = (attempt, [waiter])
            return nil
        }
        if let reply { return reply }
        let isAccepted = threads.run { self.finish(digest, origin, self.compute(credentials) ? .right : .wrong) }
        if !isAccepted { finish(digest, origin, .busy) }
        return attempt.answer.map { .known($0) } ?? .pending(attempt)
    }

    /// Forgets that `waiter` waits for `attempt`; for a client that gives up.
    func forget(_ attempt: Attempt, waiter: Waiter) {
        state.withLock { state in
            guard let digest = state.running.first(where: { $0.value.attempt === attempt })?.key else { return }
            state.running[digest]?.waiters.removeAll { $0 === waiter }
        }
    }

    private func finish(_ digest: KeyedDigest, _ origin: FailureLimit.Origin, _ answer: Answer) {
        let now = MonotonicTime.current()
        let running = state.withLock { state in
            switch answer {
            case .right: state.right.insert((), for: digest, expiresAt: now.advanced(by: Self.rightSpan).nanoseconds)
            case .wrong: state.wrong.insert((), for: digest, expiresAt: now.advanced(by: Self.wrongSpan).nanoseconds)
            case .limited, .busy: break
            }
            if answer != .wrong { failures.limit.withLock { $0.giveBack(origin, now: now) } }
            return state.running.removeValue(forKey: digest)
        }
        running?.attempt.finish(answer)
        for waiter in running?.waiters ?? [] { waiter.wakeFromAnyThread() }
    }

    /// As many computations for every user, whether it exists or not, and none cut short by a success.
    private func compute(_ credentials: BasicCredentials) -> Bool {
        let hashes = tenants.hashes(ofUser: credentials.user)
        return credentials.withPassword { password in
            var isRight = false
            for index in 0..<max(tenants.hashCountMax, 1) {
                let isOwn = index < hashes.count
                let fits = PasswordDigest.verify(password, against: isOwn ? hashes[index] : dummy)
                isRight = isRight || isOwn && fits
            }
            return isRight
        }
    }
}
