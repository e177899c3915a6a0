/// The numbers that an answer's usage objects can hold, before a dialect's reader gives them one meaning.
enum AnswerCounter: UInt8, CaseIterable {
    case input, output, total
    case cached, cacheWrite, shortCacheWrite, longCacheWrite
    case reasoning
    /// Input beside `input`: what tools have put in.
    case toolInput
    /// Cohere's raw counts beside what it bills; Bedrock's own counts beside the model's.
    case otherInput, otherOutput, otherCached, otherCacheWrite
}

/// These numbers, each told, absent, or absurd.
struct AnswerCounts: Equatable, Sendable {
    private var values = InlineArray<13, Int>(repeating: Self.absent)
    /// Whether any is told or absurd.
    private(set) var isEmpty = true

    private static let absent = -1
    private static let absurd = -2

    /// What was told of a counter.
    enum Told: Equatable {
        case nothing
        case number(Int)
        /// Something that is no count: negative, a fraction, a string, more than ``Usage/tokenCountMax``, or two numbers.
        case nonsense
    }

    subscript(_ counter: AnswerCounter) -> Told {
        switch values[Int(counter.rawValue)] {
        case Self.absent: .nothing
        case Self.absurd: .nonsense
        case let number: .number(number)
        }
    }

    /// The number; 0 where none was told.
    func number(_ counter: AnswerCounter) -> Int { max(0, values[Int(counter.rawValue)]) }

    /// Whether a number was told.
    func has(_ counter: AnswerCounter) -> Bool { values[Int(counter.rawValue)] >= 0 }

    /// Whether anything that was told of a counter is nonsense.
    var isAbsurd: Bool {
        for counter in values.indices where values[counter] == Self.absurd { return true }
        return false
    }

    /// Takes what one event tells. The same number twice is nothing new; another one contradicts the first.
    mutating func tell(_ counter: AnswerCounter, _ number: Int?) {
        let index = Int(counter.rawValue)
        isEmpty = false
        guard let number, number >= 0, number <= Usage.tokenCountMax else {
            values[index] = Self.absurd
            return
        }
        values[index] = values[index] == Self.absent || values[index] == number ? number : Self.absurd
    }

    /// Adds to a number that comes in parts.
    mutating func add(_ counter: AnswerCounter, _ number: Int?) {
        let index = Int(counter.rawValue)
        isEmpty = false
        guard let number, number >= 0, number <= Usage.tokenCountMax, values[index] != Self.absurd else {
            values[index] = Self.absurd
            return
        }
        let sum = max(0, values[index]) + number
        values[index] = sum <= Usage.tokenCountMax ? sum : Self.absurd
    }

    /// Puts what a later event tells over what earlier ones told. A zero takes nothing away, since these numbers are sums
    /// that only grow; nonsense stays.
    mutating func merge(_ later: AnswerCounts) {
        for index in values.indices {
            let told = later.values[index]
            if told == Self.absent || values[index] == Self.absurd || (told == 0 && values[index] > 0) { continue }
            values[index] = told
            isEmpty = false
        }
    }

    static func == (left: AnswerCounts, right: AnswerCounts) -> Bool {
        for index in left.values.indices where left.values[index] != right.values[index] { return false }
        return true
    }
}

extension Usage {
    /// A usage whose parts fit into their wholes, and nothing otherwise.
    init?(
        input: Int, cached: Int = 0, cacheWrite: Int = 0, longCacheWrite: Int = 0, output: Int, reasoning: Int = 0
    ) {
        guard input <= Self.tokenCountMax, output <= Self.tokenCountMax, reasoning <= output,
            cached + cacheWrite + longCacheWrite <= input
        else { return nil }
        self.init()
        inputTokens = input
        cachedTokens = cached
        cacheWriteTokens = cacheWrite
        longCacheWriteTokens = longCacheWrite
        outputTokens = output
        reasoningTokens = reasoning
    }
}
