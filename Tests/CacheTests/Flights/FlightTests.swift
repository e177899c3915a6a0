import Testing

@testable import Cache

@Suite("Flights: who joins an exchange under way")
struct FlightTests {
    private let table = FlightTable()

    @Test("a follower of the same stream reads what the leader's client reads, from the beginning and to the end")
    func stream() throws {
        let leader = try #require(table.join().leader)
        let early = try #require(table.join().follower)
        #expect(early.next().word == "wait")
        leader.begin(.stream)
        leader.append("one ")
        leader.append("two ")
        #expect(steps(of: early) == ["head", "data one two ", "wait"])
        let late = try #require(table.join().follower)
        leader.append("three")
        leader.complete(.kept("{}"))
        #expect(steps(of: early) == ["data three", "end {}"])
        #expect(steps(of: late) == ["head", "data one two three", "end {}"])
        #expect(table.flightCount == 0)
        #expect(table.byteCount == 0)
        #expect(table.join().leader != nil, "a flight that has ended takes nobody")
    }

    @Test("a follower of another form, or of an answer that is no stream, waits for the whole answer")
    func otherForms() throws {
        let leader = try #require(table.join(1, "stream").leader)
        let other = try #require(table.join(1, "document").follower)
        leader.begin(.stream)
        leader.append("text")
        #expect(steps(of: other) == ["wait"])
        #expect(!other.hasReceived)
        leader.complete(.kept("{}"))
        #expect(steps(of: other) == ["end {}"])
        #expect(other.head?.contentType == "text/event-stream")

        let second = try #require(table.join(2, "document").leader)
        let same = try #require(table.join(2, "document").follower)
        second.begin(.document)
        second.append("{ }")
        #expect(steps(of: same) == ["wait"])
        second.complete(.kept("{ }"))
        #expect(steps(of: same) == ["end { }"])
    }

    @Test("an answer without a document goes to who wants the very same form, and nobody else")
    func withoutDocument() throws {
        for head in [FlightHead.stream, .document] {
            let leader = try #require(table.join(1, "A").leader)
            let same = try #require(table.join(1, "A").follower)
            let other = try #require(table.join(1, "B").follower)
            leader.begin(head)
            leader.append("as it ")
            leader.append("came")
            leader.complete(.withoutDocument)
            #expect(steps(of: same) == (head.isStream ? ["head", "data as it came", "end -"] : ["end as it came"]))
            #expect(steps(of: other) == ["alone"])
        }
        #expect(table.byteCount == 0)
    }

    @Test("who waits for a whole answer can tell a leader that is busy from one that is silent")
    func progress() throws {
        let table = FlightTable(log: 10, piece: 4)
        let alarm = Alarm()
        let leader = try #require(table.join().leader)
        let waiter = try #require(table.join(1, "other", alarm).follower)
        let heir = try #require(table.join().follower)
        #expect(waiter.next().word == "wait")
        var seen = [waiter.progress]
        leader.begin(.stream)
        seen.append(waiter.progress)
        for _ in 0..<5 {
            // Beyond the limit of the log as well.
            leader.append("text")
            seen.append(waiter.progress)
        }
        #expect(Set(seen).count == seen.count)
        #expect(alarm.count == 0)
        heir.leave()
        leader.fail()
        let second = waiter.next()
        #expect(second.word == "lead")
        #expect(!seen.contains(waiter.progress))
    }

    @Test("a hundred followers get the whole answer of one leader", arguments: [true, false])
    func hundred(isStream: Bool) throws {
        let leader = try #require(table.join().leader)
        let alarms = (0..<100).map { _ in Alarm() }
        let followers = try alarms.map { try #require(table.join(1, "stream", $0).follower) }
        #expect(leader.followerCount == 100)
        for follower in followers { #expect(follower.next().word == "wait") }
        leader.begin(isStream ? .stream : .document)
        leader.append("text")
        leader.complete(.kept("text"))
        for (follower, alarm) in zip(followers, alarms) {
            #expect(alarm.count == 1, "woken once, and not again before it has asked")
            #expect(steps(of: follower).last == "end text")
        }
        #expect(!leader.hasFollowers)
        #expect(table.flightCount == 0)
    }

    @Test("different keys are different flights, and a full table sends further ones alone")
    func full() throws {
        let table = FlightTable(flights: 2)
        let roles = [table.join(1), table.join(2), table.join(3), table.join(2)]
        #expect(roles[0].leader != nil && roles[1].leader != nil)
        #expect(roles[2].isAlone)
        #expect(roles[3].follower != nil)
        roles[0].leader?.complete(.kept("{}"))
        #expect(table.join(3).leader != nil)
    }

    @Test("a refusal that every equal request would get goes to all followers")
    func refusal() throws {
        let leader = try #require(table.join().leader)
        let followers = try (0..<3).map { _ in try #require(table.join().follower) }
        leader.refuse(status: 422, contentType: "application/json", body: [UInt8]("no".utf8))
        for follower in followers { #expect(steps(of: follower) == ["refused 422 no"]) }
        #expect(table.flightCount == 0)
    }

    @Test("a refusal after text cuts those who have received it")
    func lateRefusal() throws {
        let leader = try #require(table.join().leader)
        let begun = try #require(table.join().follower)
        let waiting = try #require(table.join(1, "other").follower)
        leader.begin(.stream)
        #expect(begun.next().word == "head")
        leader.refuse(status: 400, contentType: "t", body: [])
        #expect(steps(of: begun) == ["cut"])
        #expect(steps(of: waiting) == ["refused 400 "])
    }

    @Test("the end of a flight leaves the next one of the same key alone")
    func inARow() throws {
        let first = try #require(table.join().leader)
        first.complete(.kept("1"))
        let second = try #require(table.join().leader)
        first.fail()
        // As a thread does that was held up at the end of the first one.
        table.remove(first.flight)
        #expect(table.flightCount == 1)
        let follower = try #require(table.join().follower)
        second.complete(.kept("2"))
        #expect(steps(of: follower) == ["end 2"])
    }

    @Test("the leader is woken when its last follower leaves, and can then end without anybody slipping in")
    func abandoned() throws {
        let alarm = Alarm()
        let leader = try #require(table.join(1, "stream", alarm).leader)
        let followers = try (0..<2).map { _ in try #require(table.join().follower) }
        followers[0].leave()
        #expect(alarm.count == 0)
        #expect(!leader.endUnlessFollowed())
        followers[1].leave()
        #expect(alarm.count == 1)
        #expect(leader.endUnlessFollowed())
        #expect(table.join().leader != nil)
    }

    @Test("a leader that ended does nothing any more")
    func afterTheEnd() throws {
        let leader = try #require(table.join().leader)
        let follower = try #require(table.join().follower)
        leader.complete(.kept("{}"))
        leader.begin(.stream)
        leader.append("late")
        leader.refuse(status: 400, contentType: "t", body: [])
        leader.fail()
        leader.complete(.withoutDocument)
        #expect(leader.endUnlessFollowed())
        #expect(leader.followerCount == 0)
        #expect(steps(of: follower) == ["end {}"])
        #expect(steps(of: follower) == ["end {}"], "asked again, it says the same")
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
