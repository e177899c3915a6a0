import Testing

@testable import Cache

@Suite("Flights: when the leader fails")
struct FlightFailureTests {
    private let table = FlightTable()

    /// How a leader can end without an answer.
    enum Failure: CaseIterable {
        case fails
        case handsOver
        case isDropped
    }

    @Test("who has received nothing leads, and who has received something is cut", arguments: Failure.allCases)
    func promotion(_ failure: Failure) throws {
        var leader = table.join().leader
        let begun = try #require(table.join().follower)
        let heir = try #require(table.join(1, "document").follower)
        let other = try #require(table.join().follower)
        leader?.begin(.stream)
        leader?.append("half an ")
        #expect(steps(of: begun) == ["head", "data half an ", "wait"])
        #expect(steps(of: heir) == ["wait"])
        switch failure {
        case .fails: leader?.fail()
        case .handsOver: leader?.handOver()
        case .isDropped: leader = nil
        }
        #expect(steps(of: begun) == ["cut"])
        #expect(begun.hasReceived && !heir.hasReceived && !other.hasReceived)
        #expect(steps(of: other) == ["wait"])
        guard case .lead(let second) = heir.next() else { throw Unexpected() }
        #expect(second.followerCount == 1)
        let late = try #require(table.join(1, "document").follower)
        // The old leader has no say any more.
        leader?.append("answer")
        leader?.complete(.kept("old"))
        second.begin(.document)
        second.append("{}")
        second.complete(.kept("new"))
        #expect(steps(of: other) == ["end new"])
        #expect(steps(of: late) == ["end new"])
    }

    @Test("nothing of a failed leader's text reaches those who come after it")
    func freshText() throws {
        let leader = try #require(table.join().leader)
        let heir = try #require(table.join().follower)
        let other = try #require(table.join().follower)
        leader.begin(.stream)
        leader.append("old text")
        leader.fail()
        guard case .lead(let second) = heir.next() else { throw Unexpected() }
        #expect(steps(of: other) == ["wait"])
        second.begin(.stream)
        second.append("new")
        second.complete(.kept("{}"))
        #expect(steps(of: other) == ["head", "data new", "end {}"])
    }

    @Test("after a second failure all go alone, and the next who comes begins anew")
    func secondFailure() throws {
        let leader = try #require(table.join().leader)
        let followers = try (0..<10).map { _ in try #require(table.join().follower) }
        leader.fail()
        guard case .lead(let second) = followers[0].next() else { throw Unexpected() }
        second.fail()
        for follower in followers { #expect(steps(of: follower) == ["alone"]) }
        #expect(table.flightCount == 0)
        #expect(table.join().leader != nil)
    }

    @Test("leadership is handed on as often as it must, where nobody failed")
    func chain() throws {
        var leader = try #require(table.join().leader)
        let followers = try (0..<20).map { _ in try #require(table.join().follower) }
        for follower in followers {
            leader.handOver()
            guard case .lead(let next) = follower.next() else { throw Unexpected() }
            leader = next
        }
        #expect(table.flightCount == 1)
        leader.handOver()
        #expect(table.flightCount == 0)
    }

    @Test("a follower that is to lead and leaves first passes it on; it never counts as a failure")
    func heirLeaves() throws {
        let leader = try #require(table.join().leader)
        let alarms = (0..<4).map { _ in Alarm() }
        var followers = alarms.map { table.join(1, "stream", $0).follower }
        for follower in followers { #expect(follower?.next().word == "wait") }
        leader.fail()
        #expect(alarms.map(\.count) == [1, 0, 0, 0])
        followers[0]?.leave()
        #expect(alarms.map(\.count) == [1, 1, 0, 0])
        #expect(followers[0]?.next().word == "alone")
        followers[1] = nil
        #expect(alarms.map(\.count) == [1, 1, 1, 0])
        guard case .lead(let second)? = followers[2]?.next() else { throw Unexpected() }
        // The follower goes, the leader that it became stays, and so does what wakes it.
        followers[2] = nil
        #expect(second.followerCount == 1)
        followers[3]?.leave()
        #expect(alarms.map(\.count) == [1, 1, 2, 0])
        let last = try #require(table.join().follower)
        second.complete(.kept("{}"))
        #expect(steps(of: last) == ["end {}"])
    }

    @Test("a follower that became the leader and drops it at once has failed")
    func droppedLead() throws {
        let leader = try #require(table.join().leader)
        let followers = try (0..<3).map { _ in try #require(table.join().follower) }
        leader.handOver()
        #expect(steps(of: followers[0]) == ["lead"])
        #expect(steps(of: followers[0]) == ["alone"], "nobody leads twice")
        #expect(steps(of: followers[1]) == ["lead"])
        #expect(steps(of: followers[2]) == ["alone"])
        #expect(table.flightCount == 0)
    }

    @Test("somebody who joins while nobody leads yet waits for the next leader")
    func vacancy() throws {
        let leader = try #require(table.join().leader)
        let heir = try #require(table.join().follower)
        leader.fail()
        let late = try #require(table.join().follower)
        #expect(steps(of: late) == ["wait"])
        guard case .lead(let second) = heir.next() else { throw Unexpected() }
        second.complete(.kept("{}"))
        #expect(steps(of: late) == ["end {}"])
    }

    @Test("a flight that everybody left is gone, whoever leaves last")
    func everybodyLeaves() throws {
        var leader = table.join().leader
        var heir = table.join().follower
        leader?.fail()
        heir?.leave()
        #expect(table.flightCount == 0)
        heir = nil
        leader = table.join().leader
        #expect(leader != nil)
        leader = nil
        #expect(table.flightCount == 0)
        #expect(table.byteCount == 0)
    }

    @Test("whoever leaves changes nothing for the others", arguments: 0..<4)
    func leaves(after stepCount: Int) throws {
        let leader = try #require(table.join().leader)
        let leaver = try #require(table.join().follower)
        let stayer = try #require(table.join().follower)
        let waiter = try #require(table.join(1, "other").follower)
        let calls: [() -> Void] = [
            { leader.begin(.stream) }, { leader.append("one") }, { leader.append("two") }, {},
        ]
        for (index, call) in calls.enumerated() {
            call()
            if index == stepCount { leaver.leave() } else { _ = leaver.next() }
        }
        let received = leaver.hasReceived
        #expect(steps(of: leaver) == [received ? "cut" : "alone"])
        #expect(leader.followerCount == 2)
        leader.complete(.kept("{}"))
        #expect(steps(of: stayer) == ["head", "data onetwo", "end {}"])
        #expect(steps(of: waiter) == ["end {}"])
        #expect(steps(of: leaver) == [received ? "cut" : "alone"])
    }

    @Test("what a wake holds on to is let go of where a call back into the flight is possible")
    func release() throws {
        let leader = try #require(table.join().leader)
        let second = try #require(table.join().follower)
        var follower: FlightFollower?
        do {
            // Goes when the flight forgets the third one's wake, and calls the second then.
            let caller = Caller(of: second)
            follower = table.join(.test(1), form: [], wake: { caller.call() }).follower
        }
        #expect(follower != nil)
        follower = nil
        #expect(leader.followerCount == 0)
    }

    private final class Caller: Sendable {
        private let follower: FlightFollower
        init(of follower: FlightFollower) { self.follower = follower }
        func call() { _ = follower.next() }
        deinit { follower.leave() }
    }

    private struct Unexpected: Error {}
}
