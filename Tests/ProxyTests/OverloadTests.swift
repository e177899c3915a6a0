import Policy
import Testing

@testable import Proxy

@Suite("The floor under a body's rate")
struct RateFloorTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000_000)

    private func at(_ seconds: Double) -> MonotonicTime {
        start.advanced(by: Nanoseconds(count: UInt64(seconds * 1e9)))
    }

    private func floor(_ bytesPerSecond: Int = 256, span: Int = 120) -> RateFloor {
        var floor = RateFloor(bytesPerSecondMin: bytesPerSecond, span: Nanoseconds(.seconds(span)))
        floor.setWaiting(true, at: start)
        return floor
    }

    @Test("silence is borne for the span, and no longer")
    func silence() {
        let floor = floor()
        #expect(floor.deadline == at(120))
        #expect(!floor.isTooSlow(at: at(119.9)) && floor.isTooSlow(at: at(120)))
    }

    @Test("a byte now and then does not help", arguments: [1, 16, 255])
    func trickle(bytesPerSecond: Int) {
        var floor = floor()
        var seconds = 1
        while !floor.isTooSlow(at: at(Double(seconds))), seconds < 100_000 {
            floor.moved(bytesPerSecond, at: at(Double(seconds)))
            seconds += 1
        }
        // The credit shrinks by what is missing each second.
        #expect(seconds >= 120 && seconds <= 120 * 256 / (256 - bytesPerSecond) + 2)
    }

    @Test("at the rate or above it a body may take for ever", arguments: [256, 257, 10_000])
    func steady(bytesPerSecond: Int) {
        var floor = floor()
        for second in 1...10_000 {
            floor.moved(bytesPerSecond, at: at(Double(second)))
            #expect(!floor.isTooSlow(at: at(Double(second) + 0.999)))
        }
    }

    @Test("one large piece buys no more than the span")
    func burst() {
        var floor = floor()
        floor.moved(.max, at: at(1))
        #expect(floor.deadline == at(121))
    }

    @Test("while another is waited for the credit stands still")
    func paused() {
        var floor = floor()
        floor.setWaiting(false, at: at(100))
        #expect(floor.deadline == .never && !floor.isTooSlow(at: at(10_000)))
        floor.setWaiting(true, at: at(10_000))
        #expect(floor.deadline == at(10_020))
        floor.setWaiting(true, at: at(10_010))
        #expect(floor.deadline == at(10_020))
    }

    @Test("without a rate any byte is enough")
    func off() {
        var floor = floor(0)
        floor.moved(1, at: at(119))
        #expect(floor.deadline == at(239))
        floor.moved(0, at: at(200))
        #expect(floor.deadline == at(239))
    }

    @Test("a clock that stands still or goes back does no harm")
    func clock() {
        var floor = floor()
        floor.moved(1, at: start)
        floor.setWaiting(true, at: MonotonicTime(nanoseconds: 0))
        #expect(floor.deadline >= at(119) && floor.deadline <= at(120))
    }
}

@Suite("The memory of bodies")
struct MemoryGaugeTests {
    @Test("the sum of the workers is right to a step each, and nothing is left in the end")
    func sum() {
        let total = MemoryTotal(byteCountMax: 10 << 20)
        let gauges = (0..<4).map { _ in MemoryGauge(total) }
        var expected = 0
        for round in 1...1000 {
            for gauge in gauges {
                gauge.add(round * 7)
                expected += round * 7
                #expect(abs(total.byteCount - expected) <= gauges.count * MemoryGauge.stepByteCount)
            }
        }
        #expect(total.isFull)
        for round in 1...1000 { for gauge in gauges { gauge.subtract(round * 7) } }
        #expect(abs(total.byteCount) <= gauges.count * MemoryGauge.stepByteCount && !total.isFull)
    }

    @Test("a gauge that goes takes its part along")
    func gone() {
        let total = MemoryTotal(byteCountMax: 1 << 20)
        do {
            let gauge = MemoryGauge(total)
            gauge.add(100_000)
            gauge.subtract(90_000)
        }
        #expect(total.byteCount == 10_000)
    }

    @Test("there is room up to the limit")
    func room() {
        let gauge = MemoryGauge(MemoryTotal(byteCountMax: 1 << 20))
        #expect(gauge.mayTake(1 << 20) && !gauge.mayTake(1 << 20 + 1))
        gauge.add(1000)
        #expect(!gauge.mayTake(1 << 20) && gauge.mayTake(1 << 20 - 1000))
    }
}

@Suite("Overload")
struct OverloadTests {
    private func overload(
        connections: Int = 100, handshakes: Int = 4, onOverload: DestinationPolicy.OnOverload = .refuse,
        descriptors: Int = 100_000
    ) -> Overload {
        var config = Config(baseDirectory: "/")
        config.listen.connectionsMax = connections
        config.listen.handshakesMax = handshakes
        config.destination.onOverload = onOverload
        return Overload(config, descriptorCountMax: descriptors)
    }

    @Test("connections are served, then told that they are too many, then closed")
    func connections() {
        let overload = overload()
        for _ in 0..<100 { #expect(overload.admitConnection(descriptor: 10) == .served) }
        for _ in 0..<64 { #expect(overload.admitConnection(descriptor: 10) == .shed(.connections, mayTunnel: false)) }
        for _ in 0..<10 { #expect(overload.admitConnection(descriptor: 10) == .closed(.connections)) }
        #expect(overload.openConnectionCount == 164)
        // Those who are turned away do not stand in the way of a place that becomes free.
        overload.connectionEnded(.served)
        #expect(overload.admitConnection(descriptor: 10) == .served)
        overload.connectionEnded(.shed(.connections, mayTunnel: false))
        #expect(overload.admitConnection(descriptor: 10) == .shed(.connections, mayTunnel: false))
        overload.connectionEnded(.closed(.connections))
        #expect(overload.openConnectionCount == 164)
    }

    @Test("with tunnels allowed there is room for some of those, too")
    func tunnels() {
        let overload = overload(connections: 1000, onOverload: .tunnel)
        for _ in 0..<1000 { #expect(overload.admitConnection(descriptor: 10) == .served) }
        for _ in 0..<250 { #expect(overload.admitConnection(descriptor: 10) == .shed(.connections, mayTunnel: true)) }
        for _ in 0..<64 { #expect(overload.admitConnection(descriptor: 10) == .shed(.connections, mayTunnel: false)) }
        #expect(overload.admitConnection(descriptor: 10) == .closed(.connections))
    }

    @Test("the last descriptors are kept for what clients have begun")
    func descriptors() {
        let overload = overload(onOverload: .tunnel, descriptors: 1024)
        #expect(overload.admitConnection(descriptor: 959) == .served)
        #expect(overload.admitConnection(descriptor: 960) == .shed(.descriptors, mayTunnel: false))
        #expect(overload.admitConnection(descriptor: 992) == .closed(.descriptors))
        #expect(overload.openConnectionCount == 2)
    }

    @Test("handshakes are counted, and at the limit no new work begins")
    func handshakes() {
        let overload = overload()
        #expect(overload.limitForNewWork == nil && !overload.isPressed)
        for _ in 0..<4 { #expect(overload.beginHandshake()) }
        #expect(overload.isPressed && overload.limitForNewWork == .handshakes)
        #expect(!overload.beginHandshake() && overload.openHandshakeCount == 4)
        overload.handshakeEnded()
        #expect(overload.limitForNewWork == nil && overload.beginHandshake())
    }

    @Test("full memory lets no new work begin")
    func memory() {
        let overload = overload()
        let gauge = MemoryGauge(overload.memory)
        gauge.add(256 << 20)
        #expect(overload.limitForNewWork == .bodyMemory)
        gauge.subtract(1 << 20)
        #expect(overload.limitForNewWork == nil)
    }

    @Test("an operator hears when descriptors do not suffice for the connections")
    func warning() {
        #expect(overload(connections: 100, descriptors: 1024).warnings.isEmpty)
        #expect(overload(connections: 16384, descriptors: 1024).warnings.count == 1)
    }
}
