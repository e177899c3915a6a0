import Policy
import Testing

@testable import Proxy

@Suite("The pool of upstream connections")
struct UpstreamPoolTests {
    private static let key = UpstreamGroup.Key(host: "api.example", port: 443, isPlain: true, address: nil)

    @Test("sweeps what is kept for a client that was there before an earlier sweep")
    func sweepOfHeldGroup() async throws {
        let fixture = try WorkerFixture()
        try await fixture.run { worker in
            let pool = worker.pool
            let held = pool.group(for: Self.key, idleSpan: Nanoseconds(count: 0))
            #expect(pool.sweep() == .never)
            #expect(
                pool.group(for: Self.key, idleSpan: Nanoseconds(count: 0)) === held,
                "another client would miss what this one keeps")
            let (near, far) = try socketPair(worker.loop)
            let connection = UpstreamConnection(
                worker: worker, group: held, stream: Stream(near), endpointText: "127.0.0.1:443")
            pool.keep(connection)
            #expect(pool.idleCount == 1)
            #expect(pool.sweep() == .never)
            #expect(pool.idleCount == 0 && near.isClosed)
            far.close()
        }
    }
}
