import Policy
import Wire

/// What one exchange holds of its tenant's limits, from admission to settlement.
///
/// Admission is in two steps: what needs no model before the body is read, and the rest when the request is known. Both
/// are given back when nothing was sent, and both are settled, once, when the exchange is over.
struct ExchangeCharge: ~Copyable {
    /// What the estimate said, before the request went out.
    struct Estimate {
        /// All input, as the estimator sees it; nil when the text was not read.
        var rawInputTokens: Int?
        /// All input after the correction by what the model's usage really was.
        var inputTokens = 0
        /// What is reserved for the output.
        var outputTokens = 0
        /// How many answers the request asks for.
        var choiceCount = 1

        /// For a request whose text is not read: no token of any language is shorter than a byte, and prose has some four
        /// to a token; a third of the bytes errs on the safe side for both.
        static func ofLength(_ byteCount: Int) -> Estimate {
            Estimate(rawInputTokens: nil, inputTokens: min(byteCount / 3, Usage.tokenCountMax), outputTokens: 0)
        }
    }

    let book: LimitBook
    private(set) var estimate = Estimate()
    private var early: Reservation?
    private var full: Reservation?
    /// Output that the full reservation covers by now.
    private var coveredOutputTokens = 0

    /// How much more is reserved at a time when an answer outgrows what was reserved: some sentences.
    private static let extensionTokens = 256

    init(book: LimitBook) { self.book = book }

    /// Asks the limits that need nothing but the request's existence. Throws a refusal.
    mutating func admitEarly(at time: LimitTime, observed: (LimitRefusal) -> Void) throws(LimitRefusal) {
        early = try admit(LimitRequest(phase: .early), at: time, observed)
    }

    /// Asks the limits that count tokens, money, or one model's requests. Throws a refusal.
    mutating func admitFull(
        _ estimate: Estimate, model: String?, isForAnyModel: Bool, money: Money?, at time: LimitTime,
        observed: (LimitRefusal) -> Void
    ) throws(LimitRefusal) {
        self.estimate = estimate
        let request = LimitRequest(
            phase: .full, model: model, isForAnyModel: isForAnyModel, inputTokens: estimate.inputTokens,
            outputTokens: estimate.outputTokens,
            money: money)
        full = try admit(request, at: time, observed)
        coveredOutputTokens = estimate.outputTokens
    }

    /// Asks the limits of one model's requests for an exchange that is answered without its provider: it is a request and
    /// uses nothing. Throws a refusal.
    mutating func admitServed(
        model: String?, isForAnyModel: Bool, at time: LimitTime, observed: (LimitRefusal) -> Void
    ) throws(LimitRefusal) {
        estimate = Estimate()
        var request = LimitRequest(phase: .full, model: model, isForAnyModel: isForAnyModel)
        request.usesNothing = true
        full = try admit(request, at: time, observed)
    }

    private func admit(
        _ request: LimitRequest, at time: LimitTime, _ observed: (LimitRefusal) -> Void
    ) throws(LimitRefusal) -> Reservation {
        switch book.admit(request, at: time) {
        case .refused(let refusal): throw refusal
        case .admitted(let reservation, let would):
            for refusal in would { observed(refusal) }
            return reservation
        }
    }

    /// Reserves what an answer has grown to beyond what was reserved for it; false when the limits have no more.
    mutating func cover(outputTokens: Int, price: (Int) -> Money?, at time: LimitTime) -> Bool {
        let needed = outputTokens - coveredOutputTokens
        guard needed > 0, var reservation = full.take() else { return true }
        // If the limits have no room for some more at a time, they may have for what is needed now.
        var more = needed + Self.extensionTokens
        var refusal = book.extend(&reservation, outputTokens: more, money: price(more), at: time)
        if refusal != nil {
            more = needed
            refusal = book.extend(&reservation, outputTokens: more, money: price(more), at: time)
        }
        full = consume reservation
        if refusal == nil { coveredOutputTokens += more }
        return refusal == nil
    }

    /// The exchange is over and has used this much.
    mutating func settle(_ charge: LimitCharge, at time: LimitTime) {
        if let reservation = early.take() { book.settle(reservation, charge, at: time) }
        if let reservation = full.take() { book.settle(reservation, charge, at: time) }
    }

    /// Nothing of the exchange has left leo.
    mutating func cancel(at time: LimitTime) {
        if let reservation = early.take() { book.cancel(reservation, at: time) }
        if let reservation = full.take() { book.cancel(reservation, at: time) }
    }
}

extension LimitRefusal: Error {}
