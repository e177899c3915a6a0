import Glibc
import Synchronization
import Testing

@testable import Proxy

/// Run under ThreadSanitizer too: everything here crosses threads.
@Suite("Concurrency: the event loop")
struct EventLoopConcurrencyTests {
    @Test("runs what other threads post, all of it, on its own thread")
    func post() async throws {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let seen = Box()
        for _ in 0..<4 {
            Proxy.Thread.start(name: "poster") {
                for _ in 0..<1000 {
                    loop.post {
                        if !loop.isCurrent { seen.elsewhere.add(1, ordering: .relaxed) }
                        seen.count.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        while seen.count.load(ordering: .relaxed) < 4000 { await Task.yield() }
        #expect(seen.elsewhere.load(ordering: .relaxed) == 0)
    }

    @Test("a task comes back to the loop after every kind of suspension")
    func suspension() async throws {
        let fixture = try LoopFixture()
        let pinned = fixture.pinned
        try await fixture.run { loop in
            #expect(loop.isCurrent)
            await loop.yield()
            #expect(loop.isCurrent)
            let waiter = Waiter(loop: loop)
            waiter.deadline = loop.now.advanced(by: Nanoseconds(.milliseconds(1)))
            #expect(await waiter.sleep() == .deadline)
            #expect(loop.isCurrent)
            Proxy.Thread.start(name: "waker") { waiter.wakeFromAnyThread() }
            waiter.deadline = .never
            #expect(await waiter.sleep() == .event)
            #expect(loop.isCurrent)
            await pinned.run { _ in }
            #expect(loop.isCurrent)
        }
    }

    @Test("a wake that comes before the sleep is not lost, and cancelling is for good")
    func waiter() async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            let waiter = Waiter(loop: loop)
            waiter.wake()
            #expect(await waiter.sleep() == .event)
            waiter.cancel()
            #expect(await waiter.sleep() == .cancelled)
            waiter.wake()
            #expect(await waiter.sleep() == .cancelled)
        }
    }

    @Test("one task waits for two sockets at once")
    func either() async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            let (near, far) = try socketPair(loop)
            let (otherNear, otherFar) = try socketPair(loop)
            let waiter = Waiter(loop: loop)
            for watcher in [near, otherNear] {
                watcher.isReadReady = false
                watcher.waiter = waiter
                watcher.interest = .read
            }
            // New descriptors report at once that they can be written; that is no reason to wake.
            otherFar.send("hello")
            while !otherNear.isReadReady { _ = await waiter.sleep() }
            #expect(!near.isReadReady)
            far.send("hello")
            while !near.isReadReady { _ = await waiter.sleep() }
            for watcher in [near, far, otherNear, otherFar] { watcher.close() }
        }
    }

    @Test("a peer that leaves is noticed without reading")
    func hangUp() async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            let (near, far) = try socketPair(loop)
            let waiter = Waiter(loop: loop)
            near.waiter = waiter
            near.interest = .read
            near.isReadReady = false
            far.close()
            while !near.isHungUp { _ = await waiter.sleep() }
            #expect(near.isReadReady)
            near.close()
        }
    }

    @Test("values made off the loop are made once for all who ask, on every loop")
    func offLoop() async throws {
        let fixtures = try (0..<3).map { _ in try LoopFixture() }
        let made = Box()
        let cache = OffLoopCache<String>(
            countMax: 10, threads: HelperThreads(name: "maker", threadCountMax: 2, waitingCountMax: 100),
            make: { key in
                made.count.add(1, ordering: .relaxed)
                return ("value of \(key)", Nanoseconds(.seconds(60)))
            }, busy: { "busy" })
        try await withThrowingTaskGroup(of: String.self) { group in
            for fixture in fixtures {
                for _ in 0..<20 {
                    group.addTask {
                        try await fixture.run { loop in
                            let waiter = Waiter(loop: loop)
                            while true {
                                if let value = cache.ask("key", waiter: waiter, now: loop.now) { return value }
                                _ = await waiter.sleep()
                            }
                        }
                    }
                }
            }
            for try await value in group { #expect(value == "value of key") }
        }
        #expect(made.count.load(ordering: .relaxed) == 1)
    }

    @Test("a full queue of helpers refuses instead of growing")
    func busy() async throws {
        let fixture = try LoopFixture()
        let gate = Bell()
        let threads = HelperThreads(name: "stuck", threadCountMax: 1, waitingCountMax: 2)
        let cache = OffLoopCache<String>(
            countMax: 10, threads: threads,
            make: { _ in
                gate.wait()
                return ("made", Nanoseconds(.seconds(1)))
            }, busy: { "busy" })
        let answers = try await fixture.run { loop in
            (0..<10).map { cache.ask("\($0)", waiter: nil, now: loop.now) }
        }
        #expect(answers.contains("busy"))
        #expect(answers.first == .some(nil))
        for _ in 0..<10 { gate.ring() }
    }
}

private final class Box: Sendable {
    let count = Atomic<Int>(0)
    let elsewhere = Atomic<Int>(0)
}
