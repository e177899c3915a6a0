import Testing

@testable import Cache

@Suite("Flights: who joins an exchange under way")
struct FlightTests {
    @Test("a follower of the same stream reads what the leader's client reads, from the beginning and to the end")
    func stream() throws {
        let table = FlightTable()
        let leader = try #require(table.join().leader)
        let early = try #require(table.join().follower)
        #expect(early.next().word == "wait")
        leader.begin(.stream)
        leader.append("one ")
        leader.append("two ")
        #expect(early.next().word == "head")
        #expect(early.next().word == "data one two ")
        #expect(early.next().word == "wait")
        let late = try #require(table.join().follower)
        leader.append("three")
        leader.complete(.kept("{}"))
        #expect(steps(of: early) == ["data three", "end {}"])
        #expect(steps(of: late) == ["head", "data one two three", "end {}"])
        #expect(table.flightCount == 0)
        #expect(table.byteCount == 0)
        #expect(table.join().leader != nil, "a flight that has ended takes nobody")
    }
}

/// Asks until there is nothing more.
func steps(of follower: FlightFollower) -> [String] {
    var words: [String] = []
    while true {
        let step = follower.next()
        words.append(step.word)
        switch step {
        case .head, .data: continue
        case .wait, .lead, .alone, .end, .refused, .cut: return words
        }
    }
}
