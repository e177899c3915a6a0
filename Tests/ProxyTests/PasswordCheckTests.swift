import Policy
import Synchronization
import Testing
import Wire

@testable import Proxy

@Suite("Checking passwords")
struct PasswordCheckTests {
    private static func credentials(_ text: String) throws -> BasicCredentials {
        let value = "Basic \(Base64.text(of: Array(text.utf8)))"
        let credentials = BasicCredentials(parsing: value.utf8.span)
        return try #require(credentials)
    }

    private static func table(_ users: [String: [String]]) throws -> TenantTable {
        let cheapest = try #require(ScryptCost(costExponent: 14, blockSize: 8, parallelism: 1))
        let rows = users.map { user, passwords in
            let hashes = passwords.compactMap { PasswordDigest.make($0.utf8.span, cost: cheapest) }
            return TenantRow(tenant: user, user: user, passwordHashes: hashes, certificates: [])
        }
        return TenantTable(rows: rows)
    }

    private static func fits(_ password: String, _ hash: PasswordHash?) -> Bool {
        hash.map { PasswordDigest.verify(password.utf8.span, against: $0) } ?? false
    }

    private static let origin = FailureLimit.Origin(IPAddress.v4(1))

    /// Asks as a connection's task does.
    private static func answer(
        _ check: PasswordCheck, _ credentials: BasicCredentials, _ loop: EventLoop, at now: MonotonicTime? = nil
    ) async -> PasswordCheck.Answer {
        let waiter = Waiter(loop: loop)
        defer { waiter.retire() }
        switch check.ask(credentials, from: origin, waiter: waiter, now: now ?? loop.now) {
        case .known(let answer): return answer
        case .pending(let attempt):
            while true {
                if let answer = attempt.answer { return answer }
                _ = await waiter.sleep()
            }
        }
    }

    @Test("the vectors of RFC 7914 section 12 that leo's limits let in")
    func vector() throws {
        let salt = Array("SodiumChloride".utf8)
        let digest = Array(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
                .hexadecimal)
        let cost = try #require(ScryptCost(costExponent: 14, blockSize: 8, parallelism: 1))
        let hash = PasswordHash(cost: cost, salt: salt, digest: digest)
        #expect(Self.fits("pleaseletmein", hash))
        #expect(!Self.fits("pleaseletmeim", hash))
        #expect(!Self.fits("", hash))
    }

    @Test("hashes of one password differ and both fit; the dummy fits nothing")
    func hashes() throws {
        let password = "correct horse"
        let (one, other) = (PasswordDigest.make(password.utf8.span), PasswordDigest.make(password.utf8.span))
        #expect(one != other)
        #expect(Self.fits(password, one))
        #expect(Self.fits(password, other))
        let dummy = try #require(PasswordDigest.makeDummy(cost: .standard))
        #expect(!Self.fits(password, dummy))
        #expect(try PasswordHash.parse(try #require(one).text) == one)
    }

    @Test("every password of a rotation is right, everything else is wrong, and both are remembered")
    func answers() async throws {
        let check = try #require(PasswordCheck(try Self.table(["u": ["new", "old"], "v": ["other"]])))
        let fixture = try LoopFixture()
        let cases: [(String, PasswordCheck.Answer)] = [
            ("u:new", .right), ("u:old", .right), ("v:other", .right), ("u:other", .wrong), ("v:new", .wrong),
            ("u:", .wrong), ("x:new", .wrong), (":new", .wrong), ("U:new", .wrong),
        ]
        for (text, expected) in cases {
            let credentials = try Self.credentials(text)
            let isKnown = try await fixture.run { loop in
                let first = await Self.answer(check, credentials, loop)
                let waiter = Waiter(loop: loop)
                guard case .known(let second) = check.ask(credentials, from: Self.origin, waiter: waiter, now: loop.now)
                else { return false }
                return first == second && first == expected
            }
            #expect(isKnown, "\(text)")
        }
    }

    @Test("the same credentials are computed once, however many connections bring them")
    func shared() async throws {
        let check = try #require(PasswordCheck(try Self.table(["u": ["p"]])))
        let fixture = try LoopFixture()
        let credentials = try Self.credentials("u:p")
        let isShared = try await fixture.run { loop in
            let waiters = (0..<3).map { _ in Waiter(loop: loop) }
            var attempts: [PasswordCheck.Attempt] = []
            for waiter in waiters {
                if case .pending(let attempt) = check.ask(credentials, from: Self.origin, waiter: waiter, now: loop.now)
                {
                    attempts.append(attempt)
                }
            }
            for waiter in waiters { _ = await waiter.sleep() }
            return attempts.count == 3 && attempts.allSatisfy { $0 === attempts[0] && $0.answer == .right }
        }
        #expect(isShared)
    }

    @Test("wrong ones are limited by address, and the right ones that are known still pass")
    func limited() async throws {
        let check = try #require(PasswordCheck(try Self.table(["u": ["p"]])))
        let fixture = try LoopFixture()
        let right = try Self.credentials("u:p")
        let wrong = try (0...FailureLimit.burst).map { try Self.credentials("u:\($0)") }
        let answers = try await fixture.run { loop in
            // A machine may take longer for all these digests than it takes to be allowed one more.
            let now = loop.now
            var answers = [await Self.answer(check, right, loop, at: now)]
            for credentials in wrong { answers.append(await Self.answer(check, credentials, loop, at: now)) }
            // The same wrong password again costs nothing, and tells nothing new.
            answers.append(await Self.answer(check, wrong[0], loop, at: now))
            answers.append(await Self.answer(check, right, loop, at: now))
            return answers
        }
        let expected = [.right] + [PasswordCheck.Answer](repeating: .wrong, count: Int(FailureLimit.burst))
        #expect(answers == expected + [.limited, .wrong, .right])
    }

    @Test("a full queue is an answer, and none that is remembered")
    func busy() async throws {
        let threads = HelperThreads(name: "test-auth", threadCountMax: 1, waitingCountMax: 0)
        let check = try #require(PasswordCheck(try Self.table(["u": ["p"]]), threads: threads))
        let fixture = try LoopFixture()
        let credentials = try Self.credentials("u:p")
        for _ in 0..<2 * FailureLimit.burst {
            let answer = try await fixture.run { loop in await Self.answer(check, credentials, loop) }
            #expect(answer == .busy)
        }
    }

    @Test("who gives up is not woken, and the others are")
    func forgotten() async throws {
        let check = try #require(PasswordCheck(try Self.table(["u": ["p"]])))
        let fixture = try LoopFixture()
        let credentials = try Self.credentials("u:p")
        let answer = try await fixture.run { loop in
            let (one, other) = (Waiter(loop: loop), Waiter(loop: loop))
            guard case .pending(let attempt) = check.ask(credentials, from: Self.origin, waiter: one, now: loop.now),
                case .pending = check.ask(credentials, from: Self.origin, waiter: other, now: loop.now)
            else { return PasswordCheck.Answer?.none }
            check.forget(attempt, waiter: one)
            _ = await other.sleep()
            return attempt.answer
        }
        #expect(answer == .right)
    }
}

extension String {
    /// The bytes of pairs of hexadecimal digits.
    fileprivate var hexadecimal: [UInt8] {
        var bytes: [UInt8] = []
        var rest = self[...]
        while rest.count >= 2 {
            bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
