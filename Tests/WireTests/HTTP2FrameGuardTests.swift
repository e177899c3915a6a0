import Testing
import Wire

@Suite("The guard of HTTP/2 frames")
struct HTTP2FrameGuardTests {
    private static let preface = bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    private static func frame(_ type: UInt8, _ flags: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags, 0, 0, 0, 1] + payload
    }

    /// How many repetitions pass, up to a bound.
    private static func countUntilAbuse(
        _ frame: [UInt8], nanosecondsApart: UInt64 = 0, in pieces: Int = .max, bound: Int = 10_000,
        isServer: Bool = true
    ) -> (count: Int, abuse: HTTP2FrameGuard.Abuse?) {
        var frameGuard = HTTP2FrameGuard(isServer: isServer)
        if isServer { try? frameGuard.receive(preface.span, nanoseconds: 0) }
        for count in 0..<bound {
            do throws(HTTP2FrameGuard.Abuse) {
                var start = 0
                while start < frame.count {
                    let end = min(frame.count, start + min(pieces, frame.count))
                    try frameGuard.receive(
                        frame.span.extracting(start..<end), nanoseconds: UInt64(count) * nanosecondsApart)
                    start = end
                }
            } catch { return (count, error) }
        }
        return (bound, nil)
    }

    static let budgets = HTTP2FrameGuard.Budgets()

    static let kinds: [(frame: [UInt8], budget: HTTP2FrameGuard.Budget, abuse: HTTP2FrameGuard.Abuse)] = [
        (frame(4), budgets.settings, .settings),
        (frame(6, 0, [UInt8](repeating: 0, count: 8)), budgets.ping, .ping),
        (frame(2, 0, [0, 0, 0, 0, 1]), budgets.priority, .priority),
        (frame(16, 0, [0, 0, 0, 1]), budgets.priority, .priority),
        (frame(8, 0, [0, 0, 0, 1]), budgets.windowUpdate, .windowUpdate),
        (frame(0), budgets.emptyData, .emptyData),
        (frame(0, 8, [0]), budgets.emptyData, .emptyData),
        (frame(0, 8, [200] + [UInt8](repeating: 0, count: 200)), budgets.emptyData, .emptyData),
        (frame(0xfa, 0, [1, 2, 3]), budgets.unknownFrame, .unknownFrame),
        (frame(3, 0, [0, 0, 0, 8]), budgets.resetByPeer, .resetByPeer),
    ]

    @Test(
        "lets each kind through up to its burst and no further, in pieces of any size", arguments: kinds,
        [1, 2, 5, .max])
    func burst(
        _ kind: (frame: [UInt8], budget: HTTP2FrameGuard.Budget, abuse: HTTP2FrameGuard.Abuse), every pieceSize: Int
    ) {
        let result = Self.countUntilAbuse(kind.frame, in: pieceSize)
        #expect(result.count == kind.budget.countMax && result.abuse == kind.abuse)
    }

    @Test("lets each kind through for ever at its rate", arguments: kinds)
    func rate(_ kind: (frame: [UInt8], budget: HTTP2FrameGuard.Budget, abuse: HTTP2FrameGuard.Abuse)) {
        let apart = 1_000_000_000 / UInt64(kind.budget.perSecond)
        #expect(Self.countUntilAbuse(kind.frame, nanosecondsApart: apart).abuse == nil)
        #expect(Self.countUntilAbuse(kind.frame, nanosecondsApart: apart / 2).abuse == kind.abuse)
    }

    @Test(
        "does not count what carries something or ends a stream",
        arguments: [
            frame(0, 1), frame(0, 0, [1]), frame(0, 8, [1, 1, 0]), frame(0, 9, [0]), frame(1, 4, [0x82]),
            frame(1, 5, []), frame(7, 0, [UInt8](repeating: 0, count: 8)),
        ])
    func free(_ frame: [UInt8]) {
        #expect(Self.countUntilAbuse(frame, bound: 5000).abuse == nil)
    }

    @Test("counts CONTINUATION for each header block anew, and knows when one is open")
    func continuation() throws {
        var frameGuard = HTTP2FrameGuard(isServer: false)
        for _ in 0..<100 {
            try frameGuard.receive(Self.frame(1, 0, [1, 2, 3]).span, nanoseconds: 0)
            #expect(frameGuard.isInHeaderBlock)
            for _ in 1..<Self.budgets.continuationCountMax {
                try frameGuard.receive(Self.frame(9, 0, [1]).span, nanoseconds: 0)
            }
            try frameGuard.receive(Self.frame(9, 4).span, nanoseconds: 0)
            #expect(!frameGuard.isInHeaderBlock)
        }
        try frameGuard.receive(Self.frame(1, 0).span, nanoseconds: 0)
        for _ in 0..<Self.budgets.continuationCountMax {
            try frameGuard.receive(Self.frame(9, 0).span, nanoseconds: 0)
        }
        #expect(throws: HTTP2FrameGuard.Abuse.continuation) {
            try frameGuard.receive(Self.frame(9, 4).span, nanoseconds: 0)
        }
    }

    @Test("skips the client's preface and looks into no payload", arguments: [1, 7, 24, 25, .max])
    func preface(every pieceSize: Int) throws {
        // The payload looks like frames of SETTINGS.
        let settings = Self.frame(4)
        let stream = Self.preface + Self.frame(0, 0, (0..<1000).flatMap { _ in settings }) + settings
        var frameGuard = HTTP2FrameGuard(isServer: true)
        var start = 0
        while start < stream.count {
            let end = start + min(pieceSize, stream.count - start)
            try frameGuard.receive(stream.span.extracting(start..<end), nanoseconds: 0)
            start = end
        }
        // One of the burst was spent, so one fewer is left.
        for _ in 1..<Self.budgets.settings.countMax { try frameGuard.receive(settings.span, nanoseconds: 0) }
        #expect(throws: HTTP2FrameGuard.Abuse.settings) { try frameGuard.receive(settings.span, nanoseconds: 0) }
    }

    @Test("reads lengths beyond 64 KB")
    func longFrame() throws {
        var frameGuard = HTTP2FrameGuard(isServer: false)
        let settings = Self.frame(4)
        let payload = (0..<8000).flatMap { _ in settings }
        #expect(payload.count > 65_536)
        try frameGuard.receive(Self.frame(0, 0, payload).span, nanoseconds: 0)
    }

    @Test("lets a server reset as many streams as it likes: leo opened them")
    func serverResets() throws {
        #expect(Self.countUntilAbuse(Self.frame(3, 0, [0, 0, 0, 7]), isServer: false).abuse == nil)
        var frameGuard = HTTP2FrameGuard(isServer: false)
        for _ in 0..<5000 { try frameGuard.provokedReset(nanoseconds: 0) }
    }

    @Test("lets a peer give credit for all that it is sent, and cancel as many streams as it finished")
    func earned() throws {
        var frameGuard = HTTP2FrameGuard(isServer: true)
        try frameGuard.receive(Self.preface.span, nanoseconds: 0)
        let update = Self.frame(8, 0, [0, 0, 0, 1])
        let reset = Self.frame(3, 0, [0, 0, 0, 8])
        for _ in 0..<5000 {
            frameGuard.sentData()
            try frameGuard.receive((update + update).span, nanoseconds: 0)
            frameGuard.completedStream()
            try frameGuard.receive(reset.span, nanoseconds: 0)
        }
    }

    @Test("counts the resets that a peer provokes")
    func provoked() throws {
        var frameGuard = HTTP2FrameGuard(isServer: true)
        for _ in 0..<Self.budgets.resetProvoked.countMax { try frameGuard.provokedReset(nanoseconds: 5) }
        #expect(throws: HTTP2FrameGuard.Abuse.resetProvoked) { try frameGuard.provokedReset(nanoseconds: 5) }
        try frameGuard.provokedReset(nanoseconds: 2_000_000_000)
    }

    @Test("takes a clock that stands still, jumps or runs back")
    func clocks() {
        var frameGuard = HTTP2FrameGuard(isServer: false)
        let settings = Self.frame(4)
        for time in [0, .max, 0, 5, .max, .max - 1] as [UInt64] {
            try? frameGuard.receive(settings.span, nanoseconds: time)
        }
    }
}
