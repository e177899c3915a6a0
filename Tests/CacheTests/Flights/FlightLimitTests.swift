import Testing

@testable import Cache

@Suite("Flights: how much text is kept")
struct FlightLimitTests {
    @Test(
        "a log reads the same as the text that went in, whatever the pieces and whatever was dropped", arguments: 1...20
    )
    func log(seed: UInt64) {
        var random = SplitMix(state: seed)
        let block = Int.random(in: 1...20, using: &random)
        var log = FlightLog(blockByteCount: block)
        var text: [UInt8] = []
        for _ in 0..<200 {
            let more = (0..<Int.random(in: 0...30, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            log.append(more.span)
            text += more
            #expect(log.end == text.count)
            #expect(log.text == (log.isWhole ? text : nil))
            let offset = Int.random(in: 0...text.count, using: &random)
            let piece = log.piece(at: offset)
            if offset < log.start || offset == log.end {
                #expect(piece.isEmpty)
            } else {
                #expect(!piece.isEmpty && piece.count <= block)
                #expect(piece[...] == text[offset..<offset + piece.count])
            }
            if Int.random(in: 0..<10, using: &random) == 0 {
                let start = log.start
                log.drop(before: offset)
                #expect(log.start >= start && log.start <= max(offset, start), "nothing from there on is dropped")
                #expect(log.start + block > offset || log.start == log.end)
            }
            if Int.random(in: 0..<100, using: &random) == 0 {
                log.removeAll()
                #expect(log.byteCount == 0)
                break
            }
        }
    }

    @Test("nobody joins a flight whose text went over the limit; those who follow go on")
    func cap() throws {
        let table = FlightTable(log: 100, piece: 10)
        let leader = try #require(table.join().leader)
        let follower = try #require(table.join().follower)
        let waiter = try #require(table.join(1, "other").follower)
        leader.begin(.stream)
        var text = ""
        for number in 0..<100 {
            leader.append("<\(number)>")
            for word in steps(of: follower) where word.hasPrefix("data ") { text += word.dropFirst(5) }
            #expect(table.byteCount <= 110)
        }
        #expect(table.join().isAlone)
        #expect(table.join(1, "other").isAlone)
        leader.complete(.kept("{}"))
        #expect(steps(of: follower) == ["end {}"])
        #expect(steps(of: waiter) == ["end {}"])
        #expect(text == (0..<100).map { "<\($0)>" }.joined())
        #expect(table.byteCount == 0)
    }

    @Test("a follower that lags too far behind is cut, and holds up nobody")
    func laggard() throws {
        let table = FlightTable(log: 100, piece: 10)
        let leader = try #require(table.join().leader)
        let swift = try #require(table.join().follower)
        let slow = try #require(table.join().follower)
        let unstarted = try #require(table.join().follower)
        leader.begin(.stream)
        #expect(slow.next().word == "head")
        var count = 0
        for _ in 0..<50 {
            leader.append("0123456")
            count += steps(of: swift).count { $0.hasPrefix("data ") }
            #expect(table.byteCount <= 100 + 2 * 10 + 7)
        }
        #expect(count >= 50)
        #expect(steps(of: slow) == ["cut"])
        #expect(steps(of: unstarted) == ["alone"], "it has received nothing, so it can still ask for itself")
        #expect(leader.followerCount == 1)
    }

    @Test("a text without readers is dropped once nobody can join", arguments: [true, false])
    func unread(leaves: Bool) throws {
        let table = FlightTable(log: 100, piece: 10)
        let leader = try #require(table.join().leader)
        let follower = leaves ? table.join().follower : nil
        leader.begin(.stream)
        leader.append(String(repeating: "x", count: 90))
        #expect(table.byteCount == 90)
        follower?.leave()
        #expect(table.byteCount == 90, "somebody may still join")
        leader.append(String(repeating: "x", count: 20))
        leader.append(String(repeating: "x", count: 20))
        #expect(table.byteCount == 0)
        #expect(table.join().isAlone)
    }

    @Test("one long piece of text cuts nobody who had read what came before")
    func longText() throws {
        let table = FlightTable(log: 100, piece: 10)
        let leader = try #require(table.join().leader)
        let follower = try #require(table.join().follower)
        leader.begin(.stream)
        leader.append("x")
        #expect(steps(of: follower) == ["head", "data x", "wait"])
        leader.append(String(repeating: "y", count: 1000))
        leader.complete(.kept("{}"))
        let words = steps(of: follower)
        #expect(words.last == "end {}")
        #expect(words.reduce(0) { $0 + ($1.hasPrefix("data ") ? $1.utf8.count - 5 : 0) } == 1000)
    }

    @Test("flights that nobody follows leave half of the memory to those that somebody does")
    func total() throws {
        let table = FlightTable(flights: 100, log: 1000, total: 2000, piece: 10)
        var leaders: [FlightLeader] = []
        for number in 0..<20 {
            let leader = try #require(table.join(UInt8(number)).leader)
            leader.begin(.stream)
            leader.append(String(repeating: "x", count: 200))
            leaders.append(leader)
        }
        #expect(table.byteCount <= 1000)
        let followed = try #require(table.join(100).leader)
        let follower = try #require(table.join(100).follower)
        followed.begin(.stream)
        followed.append(String(repeating: "x", count: 900))
        #expect(table.join(100).follower != nil)
        #expect(follower.next().word == "head")
        leaders = []
        #expect(table.byteCount == 900)
        followed.complete(.kept("{}"))
        #expect(steps(of: follower).last == "end {}")
        #expect(table.byteCount == 0)
    }

    /// With limits so small that each of them is met all the time, from more angles than one could think of.
    @Test("nobody gets anything but the leader's text, whatever the limits do", arguments: 1...100)
    func random(seed: UInt64) {
        var random = SplitMix(state: seed)
        let table = FlightTable(flights: 2, log: 40, total: 60, piece: 4)
        for _ in 0..<10 {
            guard var leader = table.join().leader else { continue }
            var texts = [""]
            var readers: [Reader] = []
            leader.begin(.stream)
            for _ in 0..<60 {
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<6:
                    let more = String(
                        repeating: Character(UnicodeScalar(UInt8(97 + texts.count))),
                        count: .random(in: 1...20, using: &random))
                    leader.append(more + "\(texts[texts.count - 1].utf8.count);")
                    texts[texts.count - 1] += more + "\(texts[texts.count - 1].utf8.count);"
                case 6..<9:
                    if let follower = table.join(1, random.next() % 4 == 0 ? "other" : "stream").follower {
                        readers.append(Reader(follower, Int.random(in: 1...3, using: &random)))
                    }
                case 9: readers.randomElement(using: &random)?.follower.leave()
                case 10: leader.fail()
                default:
                    for reader in readers.shuffled(using: &random) {
                        guard let next = reader.read() else { continue }
                        leader = next
                        leader.begin(.stream)
                        texts.append("")
                    }
                }
                #expect(table.byteCount <= 2 * 60 + 40)
            }
            leader.complete(.kept("{}"))
            for reader in readers {
                for _ in 0..<1000 where !reader.isDone { _ = reader.read() }
                #expect(reader.isDone)
                let mine = texts.filter { $0.hasPrefix(reader.text) }
                #expect(!mine.isEmpty)
                if reader.ending == "end {}", reader.hasHead { #expect(mine.contains(reader.text)) }
                if reader.ending == "cut" { #expect(reader.hasHead || reader.text.isEmpty) }
                if reader.ending == "alone" { #expect(!reader.hasHead) }
            }
        }
        #expect(table.flightCount == 0)
        #expect(table.byteCount == 0)
    }

    private final class Reader {
        let follower: FlightFollower
        private let stepCount: Int
        private(set) var text = ""
        private(set) var hasHead = false
        private(set) var ending = ""

        init(_ follower: FlightFollower, _ stepCount: Int) {
            self.follower = follower
            self.stepCount = stepCount
        }

        var isDone: Bool { !ending.isEmpty }

        /// Takes some steps; returns the leader that it becomes.
        func read() -> FlightLeader? {
            for _ in 0..<stepCount where !isDone {
                let step = follower.next()
                switch step {
                case .wait: return nil
                case .head: hasHead = true
                case .data(let piece): text += String(decoding: piece, as: UTF8.self)
                case .lead(let leader):
                    ending = "lead"
                    return leader
                case .alone, .end, .refused, .cut: ending = step.word
                }
            }
            return nil
        }
    }
}
