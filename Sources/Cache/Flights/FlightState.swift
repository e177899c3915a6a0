/// The rules of a flight: what each call of its leader and of its followers changes, and who is woken by it.
///
/// A plain value without a lock, so that tests can try every order of calls. Who takes part has a seat with a number,
/// given out in the order of joining; the leader has one too.
struct FlightState: Sendable {
    /// The leader with whom a flight begins.
    static let firstSeat = 0
    /// The failures after which nobody else is made to try.
    static let failureCountMax = 2

    enum Joining: Equatable {
        case seated(Int)
        /// It runs, and takes nobody any more.
        case closed
        case ended
    }

    /// How it ends for a follower.
    enum Ending: Sendable {
        case alone
        case cut
        case end(FlightAnswer)
        case refused(FlightRefusal)
    }

    enum Step: Sendable {
        case wait
        case lead
        case head(FlightHead)
        case data([UInt8])
        case done(Ending)
    }

    private enum Phase {
        case led(by: Int)
        /// This follower is to lead and does not know it yet.
        case vacant(heir: Int)
        /// `text` is what followers of the leader's form get where there is no document.
        case complete(FlightAnswer, text: [UInt8]?)
        case refused(FlightRefusal)
        case givenUp
    }

    private enum Place {
        case leading
        /// Has received nothing.
        case waiting
        /// Has received the head and the text up to here.
        case following(Int)
        case heir
        case done(Ending)
    }

    private struct Seat {
        var form: [UInt8]
        var place: Place
        /// Whether it was told to wait, and not woken since.
        var sleeps = false
        var hasReceived = false
    }

    private let limits: FlightLimits
    private var phase = Phase.led(by: firstSeat)
    /// The leader's.
    private var form: [UInt8]
    private(set) var head: FlightHead?
    private(set) var log: FlightLog
    /// Whether the log is kept for those who join later.
    private var isOpen = true
    /// With a longer log than this it is time to see what of it nobody needs.
    private var trimByteCount = 0
    private var failureCount = 0
    private var seats: [Int: Seat]
    private var nextSeat = firstSeat + 1
    /// Those who want the next text and sleep.
    private var listeners: [Int] = []
    private var woken: [Int] = []
    private var forgotten: [Int] = []
    /// Followers who have not got everything and have not left.
    private(set) var followerCount = 0
    /// Signs of life of those who lead.
    private(set) var progress = 0

    init(_ limits: FlightLimits, form: [UInt8]) {
        self.limits = limits
        self.form = form
        log = FlightLog(blockByteCount: limits.pieceByteCountMax)
        seats = [Self.firstSeat: Seat(form: form, place: .leading)]
    }

    // MARK: What there is to know

    func isLed(by seat: Int) -> Bool {
        if case .led(seat) = phase { true } else { false }
    }

    /// Whether nothing can be joined any more.
    var isOver: Bool {
        switch phase {
        case .led, .vacant: false
        case .complete, .refused, .givenUp: true
        }
    }

    func hasReceived(_ seat: Int) -> Bool { seats[seat]?.hasReceived ?? false }

    /// Who is to be woken since this was asked last.
    mutating func takeWoken() -> [Int] {
        defer { woken = [] }
        return woken
    }

    /// Whose seats are gone since this was asked last.
    mutating func takeForgotten() -> [Int] {
        defer { forgotten = [] }
        return forgotten
    }

    // MARK: The leader

    mutating func begin(_ head: FlightHead, by leader: Int) {
        guard isLed(by: leader), self.head == nil else { return }
        self.head = head
        progress &+= 1
        guard head.isStream else { return }
        for (seat, facts) in seats where facts.form == form { wake(seat) }
    }

    mutating func append(_ text: Span<UInt8>, by leader: Int, isMemoryShort: Bool) {
        guard isLed(by: leader), !text.isEmpty else { return }
        progress &+= 1
        // Once nobody can join, only those who read already need what comes now.
        guard isOpen || seats.values.contains(where: reads) else { return log.removeAll() }
        let end = log.end
        log.append(text)
        if log.byteCount > limits.logByteCountMax || isMemoryShort { isOpen = false }
        if !isOpen, log.byteCount > trimByteCount {
            trim(laggardsBefore: end - (isMemoryShort ? limits.pieceByteCountMax : limits.logByteCountMax))
        }
        let listeners = listeners
        self.listeners.removeAll(keepingCapacity: true)
        for seat in listeners { wake(seat) }
    }

    mutating func complete(_ answer: FlightAnswer, by leader: Int) {
        guard isLed(by: leader) else { return }
        var text: [UInt8]?
        if head?.isStream != true {
            // Nobody can read the log; a whole text in the leader's form is as good as a document for that form.
            if answer.document == nil, head != nil, seats.values.contains(where: reads) { text = log.text }
            log.removeAll()
        }
        end(.complete(answer, text: text))
    }

    mutating func refuse(_ refusal: FlightRefusal, by leader: Int) {
        guard isLed(by: leader) else { return }
        end(.refused(refusal))
    }

    mutating func endUnlessFollowed(by leader: Int) -> Bool {
        guard isLed(by: leader) else { return true }
        guard followerCount == 0 else { return false }
        end(.givenUp)
        return true
    }

    mutating func fail(by leader: Int, isCounted: Bool) {
        guard isLed(by: leader) else { return }
        if isCounted { failureCount += 1 }
        phase = .givenUp
        cutReceivers()
        head = nil
        listeners = []
        log = FlightLog(blockByteCount: limits.pieceByteCountMax)
        isOpen = true
        trimByteCount = 0
        if failureCount >= Self.failureCountMax { end(.givenUp) } else { findHeir() }
    }

    private mutating func end(_ phase: Phase) {
        self.phase = phase
        if case .complete = phase {
            dropUnreadLog()
        } else {
            cutReceivers()
            log.removeAll()
        }
        for seat in seats.keys { wake(seat) }
    }

    /// The one who has waited longest is to lead.
    private mutating func findHeir() {
        var heir: Int?
        for (seat, facts) in seats {
            if case .waiting = facts.place, seat < heir ?? .max { heir = seat }
        }
        guard let heir else { return end(.givenUp) }
        phase = .vacant(heir: heir)
        seats[heir]?.place = .heir
        wake(heir)
    }

    // MARK: Followers

    mutating func join(_ form: [UInt8]) -> Joining {
        if isOver { return .ended }
        guard isOpen else { return .closed }
        let seat = nextSeat
        nextSeat += 1
        seats[seat] = Seat(form: form, place: .waiting)
        followerCount += 1
        return .seated(seat)
    }

    mutating func next(_ seat: Int) -> Step {
        guard let facts = seats[seat] else { return .done(.alone) }
        seats[seat]?.sleeps = false
        switch facts.place {
        case .leading: return .done(.alone)
        case .done(let ending): return .done(ending)
        case .waiting: return nextOfWaiting(seat, facts.form == form)
        case .following(let offset): return nextOfFollowing(seat, offset)
        case .heir:
            seats[seat]?.place = .leading
            followerCount -= 1
            phase = .led(by: seat)
            progress &+= 1
            form = facts.form
            return .lead
        }
    }

    private mutating func nextOfWaiting(_ seat: Int, _ hasLeadersForm: Bool) -> Step {
        let mayFollow = head?.isStream == true && hasLeadersForm
        switch phase {
        case .led:
            if mayFollow { return log.isWhole ? follow(seat) : finish(seat, .alone) }
            return sleep(seat)
        case .vacant: return sleep(seat)
        case .complete(var answer, let text):
            if mayFollow && log.isWhole { return follow(seat) }
            if answer.document == nil, hasLeadersForm { answer.document = text }
            return finish(seat, answer.document == nil ? .alone : .end(answer))
        case .refused(let refusal): return finish(seat, .refused(refusal))
        case .givenUp: return finish(seat, .alone)
        }
    }

    private mutating func nextOfFollowing(_ seat: Int, _ offset: Int) -> Step {
        let piece = log.piece(at: offset)
        if !piece.isEmpty {
            seats[seat]?.place = .following(offset + piece.count)
            return .data(piece)
        }
        switch phase {
        case .led:
            listeners.append(seat)
            return sleep(seat)
        case .complete(let answer, text: _): return finish(seat, .end(answer))
        // Those who have received something were cut when it came to this.
        case .vacant, .refused, .givenUp: return finish(seat, .cut)
        }
    }

    mutating func leave(_ seat: Int) {
        guard let facts = seats[seat] else { return }
        switch facts.place {
        case .leading, .done: return
        case .waiting, .following: _ = finish(seat, facts.hasReceived ? .cut : .alone)
        case .heir:
            _ = finish(seat, .alone)
            findHeir()
        }
    }

    /// Gives up a seat that nobody will use any more.
    mutating func forget(_ seat: Int) {
        if seats.removeValue(forKey: seat) != nil { forgotten.append(seat) }
    }

    // MARK: Changes of a seat

    private mutating func follow(_ seat: Int) -> Step {
        guard let head else { return sleep(seat) }
        seats[seat]?.place = .following(0)
        seats[seat]?.hasReceived = true
        return .head(head)
    }

    private mutating func sleep(_ seat: Int) -> Step {
        seats[seat]?.sleeps = true
        return .wait
    }

    private mutating func wake(_ seat: Int) {
        guard seats[seat]?.sleeps == true else { return }
        seats[seat]?.sleeps = false
        woken.append(seat)
    }

    private mutating func finish(_ seat: Int, _ ending: Ending) -> Step {
        seats[seat]?.place = .done(ending)
        seats[seat]?.sleeps = false
        followerCount -= 1
        // The leader may have lost its client and go on for the followers alone.
        if followerCount == 0, case .led(let leader) = phase { woken.append(leader) }
        if !isOpen || isOver { dropUnreadLog() }
        return .done(ending)
    }

    private mutating func cutReceivers() {
        for (seat, facts) in seats {
            guard case .following = facts.place else { continue }
            wake(seat)
            _ = finish(seat, .cut)
        }
    }

    // MARK: The log

    /// Whether one reads the text from the log, or will.
    private func reads(_ seat: Seat) -> Bool {
        switch seat.place {
        case .following: true
        case .waiting: seat.form == form && log.isWhole
        case .leading, .heir, .done: false
        }
    }

    /// Cuts those who lag too far behind, and drops what nobody else needs. Who has received nothing holds the log no
    /// longer than a laggard does.
    private mutating func trim(laggardsBefore bound: Int) {
        var floor = log.end
        for (seat, facts) in seats where reads(facts) {
            var reached = 0
            if case .following(let offset) = facts.place { reached = offset }
            if reached >= bound {
                floor = min(floor, reached)
            } else if facts.hasReceived {
                wake(seat)
                _ = finish(seat, .cut)
            }
        }
        log.drop(before: floor)
        trimByteCount = log.byteCount + limits.pieceByteCountMax
    }

    private mutating func dropUnreadLog() {
        guard log.byteCount > 0, !seats.values.contains(where: reads) else { return }
        log.removeAll()
    }
}

/// A provider's refusal that every equal request would get.
struct FlightRefusal: Sendable {
    var status: Int
    var contentType: String
    var body: [UInt8]
}
