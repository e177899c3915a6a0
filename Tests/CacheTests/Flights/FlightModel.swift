@testable import Cache

/// The rules of a flight without limits, said once more as plainly as can be. Seats are numbers as in `FlightState`;
/// follower number n has seat n + 1.
struct FlightModel: Hashable {
    enum Fate: Hashable {
        case waiting
        case reading(Int)
        case heir
        case leading
        case done(String)
    }

    struct Follower: Hashable {
        var form: String
        var fate = Fate.waiting
        var isAsleep = false
        var isDropped = false
    }

    var followers: [Follower] = []
    var leader: Int? = 0
    var form = "A"
    var head: String?
    var text = ""
    var failures = 0
    /// "end DOCUMENT", "end -", "refused …" or "gone".
    var outcome: String?

    var followerCount: Int {
        followers.count { follower in
            switch follower.fate {
            case .waiting, .reading, .heir: true
            case .leading, .done: false
            }
        }
    }

    mutating func join(_ form: String) -> Bool {
        guard outcome == nil else { return false }
        followers.append(Follower(form: form))
        return true
    }

    // MARK: The leader

    mutating func begin(_ head: String) { self.head = self.head ?? head }

    mutating func end(_ outcome: String) {
        leader = nil
        if !outcome.hasPrefix("end") { cut() }
        self.outcome = outcome
    }

    mutating func fail(isCounted: Bool) {
        leader = nil
        if isCounted { failures += 1 }
        cut()
        head = nil
        text = ""
        if failures == 2 { outcome = "gone" } else { promote() }
    }

    private mutating func cut() {
        for index in followers.indices {
            if case .reading = followers[index].fate { followers[index].fate = .done("cut") }
        }
    }

    private mutating func promote() {
        if let index = followers.firstIndex(where: { $0.fate == .waiting }) {
            followers[index].fate = .heir
        } else {
            outcome = "gone"
        }
    }

    // MARK: Followers

    mutating func leave(_ seat: Int) {
        switch followers[seat - 1].fate {
        case .leading, .done: return
        case .waiting: followers[seat - 1].fate = .done("alone")
        case .reading: followers[seat - 1].fate = .done("cut")
        case .heir:
            followers[seat - 1].fate = .done("alone")
            promote()
        }
    }

    mutating func next(_ seat: Int) -> String {
        followers[seat - 1].isAsleep = false
        let word = step(seat)
        switch word {
        case "wait": followers[seat - 1].isAsleep = true
        case "head": followers[seat - 1].fate = .reading(0)
        case "lead":
            followers[seat - 1].fate = .leading
            leader = seat
            form = followers[seat - 1].form
        case _ where word.hasPrefix("data"): followers[seat - 1].fate = .reading(text.count)
        case _ where followers[seat - 1].fate == .leading: break
        default: followers[seat - 1].fate = .done(word)
        }
        return word
    }

    /// What a follower is to do.
    func step(_ seat: Int) -> String {
        let follower = followers[seat - 1]
        switch follower.fate {
        case .done(let word): return word
        case .leading: return "alone"
        case .heir: return "lead"
        case .reading(let offset):
            if offset < text.count { return "data " + text.dropFirst(offset) }
            return outcome ?? "wait"
        case .waiting:
            let isAlike = follower.form == form
            if outcome == "gone" { return "alone" }
            if let outcome, outcome.hasPrefix("refused") { return outcome }
            if head == "stream", isAlike { return "head" }
            if outcome == "end -" { return head == "document" && isAlike ? "end " + text : "alone" }
            return outcome ?? "wait"
        }
    }
}

/// One call on a flight.
enum FlightCall: Hashable {
    case join(String)
    case begin(String)
    case append
    case complete(String?)
    case refuse
    case fail
    case handOver
    case endUnlessFollowed
    case next(Int)
    case leave(Int)
    case drop(Int)
}

/// The rules and the model side by side.
struct FlightPair {
    var state: FlightState
    var model = FlightModel()
    /// What each seat has received, piece by piece.
    var received: [Int: String] = [:]

    init() {
        state = FlightState(
            FlightLimits(
                flightCountMax: 1, logByteCountMax: 1 << 20, logByteCountTotalMax: 1 << 20, pieceByteCountMax: 64),
            form: [UInt8]("A".utf8))
    }

    /// The calls that change something, and those of a leader who has been one.
    func calls(followers: Int, text: Int) -> [FlightCall] {
        var calls: [FlightCall] = []
        if model.followers.count < followers { calls += [.join("A"), .join("B")] }
        if model.leader != nil {
            calls += [.complete("D"), .complete(nil), .refuse, .fail, .handOver, .endUnlessFollowed]
            if model.head == nil { calls += [.begin("stream"), .begin("document")] }
            if model.text.count < text { calls.append(.append) }
        }
        for (index, follower) in model.followers.enumerated() where !follower.isDropped {
            calls += [.next(index + 1), .drop(index + 1)]
            if model.followerCount > 0 { calls.append(.leave(index + 1)) }
        }
        return calls
    }

    /// Makes a call on both; nil where they agree, else what is wrong.
    mutating func make(_ call: FlightCall) -> String? {
        let leader = model.leader ?? -1
        let steps = state
        let before = model
        switch call {
        case .join(let form):
            let seat = model.join(form) ? FlightState.Joining.seated(model.followers.count) : .ended
            if state.join([UInt8](form.utf8)) != seat { return "joined otherwise" }
        case .begin(let head):
            model.begin(head)
            state.begin(head == "stream" ? .stream : .document, by: leader)
        case .append:
            // No two leaders write the same.
            let letter = UInt8(97 + leader * 4 + model.text.count)
            model.text.append(Character(UnicodeScalar(letter)))
            state.append([letter].span, by: leader, isMemoryShort: false)
        case .complete(let document):
            model.end("end " + (document ?? "-"))
            state.complete(document.map(FlightAnswer.kept) ?? .withoutDocument, by: leader)
        case .refuse:
            model.end("refused 400 no")
            state.refuse(FlightRefusal(status: 400, contentType: "t", body: [UInt8]("no".utf8)), by: leader)
        case .fail, .handOver:
            model.fail(isCounted: call == .fail)
            state.fail(by: leader, isCounted: call == .fail)
        case .endUnlessFollowed:
            let mayEnd = model.followerCount == 0
            if mayEnd { model.end("gone") }
            if state.endUnlessFollowed(by: leader) != mayEnd { return "ended otherwise" }
        case .next(let seat):
            let expected = model.next(seat)
            let word = state.next(seat).word
            if word != expected { return "\(word) instead of \(expected)" }
            if word.hasPrefix("data ") { received[seat, default: ""] += word.dropFirst(5) }
            if word.hasPrefix("end"), let text = received[seat], text != model.text { return "ended with \(text)" }
        case .leave(let seat):
            model.leave(seat)
            state.leave(seat)
        case .drop(let seat):
            model.leave(seat)
            model.followers[seat - 1].isDropped = true
            state.leave(seat)
            if !state.isLed(by: seat) { state.forget(seat) }
        }
        return compare(before, steps, call)
    }

    private mutating func compare(_ before: FlightModel, _ old: FlightState, _ call: FlightCall) -> String? {
        if state.isOver != (model.outcome != nil) { return "over: \(state.isOver)" }
        if state.followerCount != model.followerCount { return "\(state.followerCount) followers" }
        // Who sleeps is woken exactly when there is something to do, and the leader when the last one left.
        var expected: Set<Int> = []
        for index in model.followers.indices where model.followers[index].isAsleep {
            if model.followers[index].isDropped || model.leader == index + 1 { continue }
            let isLeaver = call == .leave(index + 1)
            if model.step(index + 1) == "wait" { continue }
            model.followers[index].isAsleep = false
            if !isLeaver { expected.insert(index + 1) }
        }
        if before.followerCount > 0, model.followerCount == 0, let leader = model.leader, before.leader == leader {
            expected.insert(leader)
        }
        let woken = state.takeWoken()
        if Set(woken) != expected || woken.count != expected.count { return "woke \(woken), not \(expected)" }
        _ = state.takeForgotten()
        // What one follower does changes nothing for the others, unless it was to lead.
        switch call {
        case .next(let seat), .leave(let seat), .drop(let seat):
            if before.followers[seat - 1].fate == .heir { return nil }
            for index in model.followers.indices where index + 1 != seat && !model.followers[index].isDropped {
                var (one, other) = (old, state)
                if one.next(index + 1).word != other.next(index + 1).word { return "\(index + 1) noticed" }
            }
        default: break
        }
        return nil
    }
}

extension FlightState.Step {
    /// As ``FlightStep``'s.
    var word: String {
        switch self {
        case .wait: "wait"
        case .lead: "lead"
        case .head: "head"
        case .data(let piece): FlightStep.data(piece).word
        case .done(.alone): "alone"
        case .done(.cut): "cut"
        case .done(.end(let answer)): FlightStep.end(answer).word
        case .done(.refused(let refusal)):
            FlightStep.refused(status: refusal.status, contentType: "", body: refusal.body).word
        }
    }
}
