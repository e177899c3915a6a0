/// What a tenant's limits hold for an exchange until it is settled or cancelled.
///
/// One that is dropped, because its task ended early, is charged what it holds and gives its place among the
/// concurrent exchanges back: no path through an exchange can leave a limit used for ever, nor use one for nothing.
public struct Reservation: ~Copyable, Sendable {
    let book: LimitBook
    let generation: LimitGeneration
    /// A bit for each row of the generation that it is booked in.
    let booked: UInt64
    /// When, on both clocks; the calendar's as the book has it, which never goes back.
    let time: LimitTime
    /// What it was admitted with, and the output and money that were added since.
    var request: LimitRequest
    var held: HeldMoney
    var isOpen: Bool

    init(_ book: LimitBook, _ generation: LimitGeneration, booked: UInt64, time: LimitTime, request: LimitRequest) {
        self.book = book
        self.generation = generation
        self.booked = booked
        self.time = time
        self.request = request
        held = HeldMoney(request.money ?? .zero, at: time.unixSeconds)
        isOpen = booked != 0
    }

    deinit {
        if isOpen { book.drop(generation, booked, request) }
    }

    /// The input that is held.
    public var inputTokens: Int { request.inputTokens }
    /// The output that is held.
    public var outputTokens: Int { request.outputTokens }
    /// The money that is held; nil when the model has no price.
    public var money: Money? { request.money }

    mutating func close() { isOpen = false }
}

/// Money that is held for an exchange, by the time that it was held at: a long answer may grow through several windows
/// of a budget.
struct HeldMoney {
    private var parts: [(unixSeconds: Int64, money: Money)] = []
    private var first: Money
    private let firstAt: Int64

    init(_ money: Money, at unixSeconds: Int64) {
        first = money
        firstAt = unixSeconds
    }

    /// Holds more. `start` is where the latest of the budgets' windows begins: what is held within it stays one part.
    mutating func add(_ money: Money, at unixSeconds: Int64, start: Int64) {
        if let last = parts.last {
            if last.unixSeconds >= start {
                parts[parts.count - 1].money += money
            } else {
                parts.append((unixSeconds, money))
            }
        } else if firstAt >= start {
            first += money
        } else {
            parts.append((unixSeconds, money))
        }
    }

    /// What was held at `start` or later.
    func since(_ start: Int64) -> Money {
        parts.reduce(firstAt >= start ? first : .zero) { $1.unixSeconds >= start ? $0 + $1.money : $0 }
    }
}
