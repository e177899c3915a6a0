/// What one limit has counted. Every access happens under the lock of the book that it belongs to; reservations of an
/// older file keep the counts alive that they were booked in.
final class LimitCount: @unchecked Sendable {
    /// Of a rate: what has not flowed off at `levelAt`, in units of which a window's length in nanoseconds makes one
    /// request or token. So a rate of `amount` per window takes away exactly `amount` each nanosecond, and nothing is
    /// ever rounded.
    var level: Int128 = 0
    /// The latest time on the boot clock that anybody came with.
    var levelAt = Int64.min
    /// Of a budget: the calendar's window that `used` belongs to. It only ever moves forward.
    var window = Int64.min..<Int64.min
    /// Of a budget: what its window has spent and holds; of `concurrent`: what is running.
    var used: Int128 = 0
    /// What settled exchanges were charged.
    var charged: Int128 = 0
    /// Charges less reservations.
    var corrected: Int128 = 0

    /// Lets flow off what has flowed off by now. A time before the last one, by another thread that read the clock first,
    /// changes nothing.
    func flow(_ rule: LimitRule, to now: Int64) {
        guard now > levelAt else { return }
        if level > 0 { level = max(0, level - rule.amount * (Int128(now) - Int128(levelAt))) }
        levelAt = now
    }

    /// What had not flowed off yet at a time before the last one. Judging a late comer by its own time keeps the promise
    /// for every interval between any two of the times that callers came with.
    func lateness(_ rule: LimitRule, at now: Int64) -> Int128 {
        now < levelAt ? rule.amount * (Int128(levelAt) - Int128(now)) : 0
    }

    /// Adds to the level, or takes away without going below nothing.
    func fill(_ amount: Int128) {
        level = min(max(0, level + amount), Self.levelMax)
    }

    /// Opens the window that holds this second if it is later than the open one: a clock that was set back opens nothing.
    func roll(_ rule: LimitRule, to unixSeconds: Int64) {
        guard unixSeconds >= window.upperBound, let length = rule.window else { return }
        window = length.interval(containing: unixSeconds)
        used = 0
    }

    /// Takes over what a limit of the same kind, window and models has counted. If its amount has changed, a rate keeps no
    /// debt, which at a lower rate could last for ages.
    func take(from old: LimitCount, rule: LimitRule, scale: Int128) {
        level = min(old.level, rule.burst * scale)
        levelAt = old.levelAt
        window = old.window
        used = old.used
    }

    /// A millionth of what 128 bits hold, so that additions never overflow; far beyond any debt.
    private static let levelMax = Int128.max >> 20
}

/// A limit, and what it has counted.
final class LimitRow: Sendable {
    let rule: LimitRule
    let count: LimitCount
    let kind: LimitKind
    let isEnforced: Bool
    let isEarly: Bool
    let isForAllModels: Bool
    /// A window's length in nanoseconds: what one request or token is in `LimitCount.level`; 1 for what is no rate.
    let scale: Int128

    init(_ rule: LimitRule, _ count: LimitCount) {
        self.rule = rule
        self.count = count
        kind = rule.kind
        isEnforced = rule.mode == .enforce
        isEarly = rule.isEarly
        isForAllModels = rule.model == nil
        scale = Self.scale(rule)
    }

    /// Whether an answer that grows counts in it.
    var growsWithOutput: Bool {
        switch kind {
        case .tokens, .outputTokens, .budget: true
        case .requests, .inputTokens, .concurrent: false
        }
    }

    static func scale(_ rule: LimitRule) -> Int128 {
        rule.kind.isRate ? Int128(rule.window?.seconds ?? 86400) * 1_000_000_000 : 1
    }

    /// Why there is no room for `needed`; nil when there is.
    func refusal(_ needed: Int128, at time: LimitTime) -> LimitRefusal? {
        switch kind {
        case .requests, .tokens, .inputTokens, .outputTokens:
            if needed > rule.burst { return refusal(.aboveBurst, needed, at: time) }
            count.flow(rule, to: time.monotonic)
            let excess = count.level + count.lateness(rule, at: time.monotonic) + (needed - rule.burst) * scale
            return excess <= 0 ? nil : refusal(.exhausted, needed, at: time)
        case .budget:
            if needed > rule.amount { return refusal(.aboveBurst, needed, at: time) }
            count.roll(rule, to: time.unixSeconds)
            // A budget that is spent has no room for what costs nothing either, as long as it may turn out to cost.
            let hasRoom = count.used < rule.amount && count.used + needed <= rule.amount
            return hasRoom ? nil : refusal(.exhausted, needed, at: time)
        case .concurrent:
            return count.used + needed <= rule.amount ? nil : refusal(.exhausted, needed, at: time)
        }
    }

    func refusal(_ reason: LimitRefusal.Reason, _ needed: Int128, at time: LimitTime) -> LimitRefusal {
        var wait: Int64?
        if reason == .exhausted {
            switch kind {
            case .requests, .tokens, .inputTokens, .outputTokens:
                let excess = count.level + count.lateness(rule, at: time.monotonic) + (needed - rule.burst) * scale
                wait = Int64(clamping: (max(excess, 0) + rule.amount - 1) / rule.amount)
            case .budget: wait = Self.nanoseconds(count.window.upperBound - time.unixSeconds)
            case .concurrent: wait = nil
            }
        }
        let remaining = level(at: time).remaining
        return LimitRefusal(rule: rule, reason: reason, needed: needed, remaining: remaining, retryAfter: wait)
    }

    /// Counts what was found to have room, or what only observes.
    func book(_ amount: Int128, at time: LimitTime) {
        switch kind {
        case .requests, .tokens, .inputTokens, .outputTokens:
            count.flow(rule, to: time.monotonic)
            count.fill(amount * scale)
        case .budget:
            count.roll(rule, to: time.unixSeconds)
            count.used += amount
        case .concurrent: count.used += amount
        }
    }

    func level(at time: LimitTime) -> LimitLevel {
        let used: Int128
        let remaining: Int128
        var reset: Int64?
        switch kind {
        case .requests, .tokens, .inputTokens, .outputTokens:
            count.flow(rule, to: time.monotonic)
            let level = count.level + count.lateness(rule, at: time.monotonic)
            used = (level + scale - 1) / scale
            remaining = max(0, rule.burst - used)
            reset = Int64(clamping: (level + rule.amount - 1) / rule.amount)
        case .budget:
            count.roll(rule, to: time.unixSeconds)
            used = count.used
            remaining = max(0, rule.amount - used)
            reset = Self.nanoseconds(count.window.upperBound - time.unixSeconds)
        case .concurrent:
            used = count.used
            remaining = max(0, rule.amount - used)
        }
        return LimitLevel(
            rule: rule, used: used, remaining: remaining, reset: reset, charged: count.charged,
            corrected: count.corrected)
    }

    private static func nanoseconds(_ seconds: Int64) -> Int64 {
        Int64(clamping: Int128(max(seconds, 0)) * 1_000_000_000)
    }
}

/// The limits of one reading of the file, with their counts. Immutable but for the counts.
final class LimitGeneration: Sendable {
    let rows: [LimitRow]
    let refusesUnpriced: Bool

    /// Counts go on where kind, window and models are those of a limit before; each is taken over once, by the limit
    /// with the same amount and burst first.
    init(_ settings: LimitSettings, after old: LimitGeneration?) {
        var left = old?.rows ?? []
        let rules = settings.rules.filter { $0.mode != .off }.prefix(LimitSettings.ruleCountMax)
        var counts = rules.map { rule -> LimitCount? in
            guard
                let index = left.firstIndex(where: {
                    Self.isSame($0.rule, rule) && $0.rule.amount == rule.amount && $0.rule.burst == rule.burst
                })
            else { return nil }
            return left.remove(at: index).count
        }
        for (index, rule) in rules.enumerated() where counts[index] == nil {
            counts[index] = LimitCount()
            guard let match = left.firstIndex(where: { Self.isSame($0.rule, rule) }) else { continue }
            let count = left.remove(at: match).count
            // What runs is released where it was counted, and money that is held is corrected there.
            if rule.kind.isRate {
                counts[index]?.take(from: count, rule: rule, scale: LimitRow.scale(rule))
            } else {
                counts[index] = count
            }
        }
        rows = zip(rules, counts).map { LimitRow($0, $1 ?? LimitCount()) }
        refusesUnpriced = settings.unpriced == .refuse
    }

    private static func isSame(_ left: LimitRule, _ right: LimitRule) -> Bool {
        left.kind == right.kind && left.window == right.window && left.model == right.model
    }
}
