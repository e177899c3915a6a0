import Policy
import Testing

@testable import Proxy

@Suite("The pool of upstream connections")
struct UpstreamPoolTests {
    private static let key = UpstreamGroup.Key(host: "api.example", port: 443, isPlain: true, address: nil)

    @Test("sweeps what is kept for a client that was there before an earlier sweep")
    func sweepOfHeldGroup() async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            let pool = UpstreamPool(
                loop: loop, connectionCountMax: 4, metrics: Metrics(providers: []).makeWorker())
            let held = pool.group(for: Self.key)
            #expect(pool.sweep() == .never)
            #expect(pool.group(for: Self.key) === held, "another client would miss what this one keeps")
            let (near, far) = try socketPair(loop)
            let connection = UpstreamConnection(
                group: held, stream: Stream(near), endpoint: IPEndpoint(address: .loopback4, port: 443))
            pool.keep(connection, for: Nanoseconds(count: 0))
            #expect(pool.idleCount == 1)
            #expect(pool.sweep() == .never)
            #expect(pool.idleCount == 0 && near.isClosed)
            far.close()
        }
    }
}
