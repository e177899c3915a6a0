/// What one place of an answer tells.
enum AnswerField {
    /// An object with numbers of tokens.
    case usage
    /// One of these numbers.
    case count(AnswerCounter)
    /// Text that the model wrote, if it is a string.
    case text
    /// What the model wrote, as a string or as JSON: the arguments of a call.
    case json
    /// The model that answered.
    case model
    /// A word out of few.
    case word(AnswerWords)
    /// Anything but null and false.
    case present(AnswerSignals)
    /// One part of the tokens written to a cache: an object with a time to live and a count.
    case cacheDetail
    /// That time to live.
    case cacheDetailTime
    /// That count.
    case cacheDetailCount
}

/// What an event says beside numbers and text.
struct AnswerSignals: OptionSet, Sendable {
    let rawValue: UInt16

    /// The dialect's last event.
    static let ended = Self(rawValue: 1)
    /// An error in place of an answer, or in the middle of one.
    static let error = Self(rawValue: 2)
    /// It is about a call of a tool.
    static let call = Self(rawValue: 4)
    /// A part of the answer begins.
    static let opens = Self(rawValue: 8)
    /// A part of the answer is complete.
    static let closes = Self(rawValue: 16)
    /// All parts of the answer that have begun are complete.
    static let closesAll = Self(rawValue: 32)
    static let stop = Self(rawValue: 64)
    static let length = Self(rawValue: 128)
    static let toolUse = Self(rawValue: 256)
    static let filtered = Self(rawValue: 512)
    static let otherFinish = Self(rawValue: 1024)

    static let finishes: Self = [.stop, .length, .toolUse, .filtered, .otherFinish]
}

/// The words that a member can be, and what each says.
struct AnswerWords: Sendable {
    var words: [(word: StaticString, signals: AnswerSignals)]
    /// What any other word says.
    var otherwise: AnswerSignals = []
    /// What a word says that ends with `suffix`, where no other row has it.
    var suffix: (word: StaticString, signals: AnswerSignals)?
}

/// The places of an answer that leo looks at, as a tree of keys.
///
/// It is made once per dialect out of rows such as `choices[].delta.content`, and never changes.
struct AnswerTable: Sendable {
    /// A place; where it lies in ``nodes`` is its number, and 0 is the whole document or event.
    struct Node: Sendable {
        var role = Role.none
        /// The counter, or the place of the words or the signals.
        var parameter: UInt8 = 0
        /// The place of the elements of an array, ``AnswerTable/nowhere`` if they are not looked at.
        var element: UInt8 = AnswerTable.nowhere
        var firstKey: UInt8 = 0
        var keyCount: UInt8 = 0
    }

    enum Role: UInt8, Sendable {
        case none, usage, count, text, json, model, word, present, cacheDetail, cacheDetailTime, cacheDetailCount
    }

    /// A key that leads from one place to another.
    struct Key: Sendable {
        /// The first eight bytes in memory order, zero where the name is shorter.
        var prefix: UInt64
        var nameStart: UInt16
        var byteCount: UInt8
        var node: UInt8
    }

    private(set) var nodes: [Node] = []
    private(set) var keys: [Key] = []
    private(set) var names: [UInt8] = []
    private(set) var words: [AnswerWords] = []
    private(set) var signals: [AnswerSignals] = []

    /// The number of no place.
    static let nowhere = UInt8.max

    /// The place that a key of `place` leads to.
    @inline(__always)
    func node(of place: UInt8, _ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt8 {
        let parent = nodes[Int(place)]
        let count = range.count
        let prefix = Self.prefix(bytes, range)
        var index = Int(parent.firstKey)
        let end = index + Int(parent.keyCount)
        while index < end {
            let key = keys[index]
            if key.prefix == prefix, Int(key.byteCount) == count, isName(key, bytes, range.lowerBound) {
                return key.node
            }
            index += 1
        }
        return Self.nowhere
    }

    /// The place that a key of `place` leads to.
    func node(of place: UInt8, _ word: AnswerWord) -> UInt8 {
        word.isOverlong ? Self.nowhere : node(of: place, word.bytes, 0..<word.count)
    }

    private func isName(_ key: Key, _ bytes: Span<UInt8>, _ start: Int) -> Bool {
        var offset = 8
        while offset < Int(key.byteCount) {
            if names[Int(key.nameStart) + offset] != bytes[start + offset] { return false }
            offset += 1
        }
        return true
    }

    @inline(__always)
    private static func prefix(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        if bytes.count - range.lowerBound >= 8 {
            let word = UInt64(littleEndian: ASCII.word(bytes, range.lowerBound))
            return range.count >= 8 ? word : word & (1 &<< UInt64(8 &* range.count) &- 1)
        }
        var prefix: UInt64 = 0
        for offset in 0..<min(8, range.count) {
            prefix |= UInt64(bytes[range.lowerBound + offset]) &<< UInt64(8 &* offset)
        }
        return prefix
    }

    /// Makes the tree. `rows` are constants of the program: a path twice, or a name of more than 255 bytes, is a mistake
    /// in it.
    init(_ rows: [(path: String, field: AnswerField)]) {
        var tree = Tree()
        for row in rows {
            tree.add(Self.steps(row.path), row.field)
        }
        flatten(tree)
    }

    /// A path's steps: keys, and nil for the elements of an array.
    private static func steps(_ path: String) -> [[UInt8]?] {
        var steps: [[UInt8]?] = []
        for part in path.utf8.split(separator: UInt8(ascii: ".")) {
            var name = Array(part)
            var arrays = 0
            while name.suffix(2) == [UInt8(ascii: "["), UInt8(ascii: "]")] {
                name.removeLast(2)
                arrays += 1
            }
            if !name.isEmpty { steps.append(name) }
            for _ in 0..<arrays { steps.append(nil) }
        }
        return steps
    }

    private struct Tree {
        var field: AnswerField?
        var keys: [(name: [UInt8], tree: Tree)] = []
        var element: [Tree] = []

        mutating func add(_ steps: some Collection<[UInt8]?>, _ field: AnswerField) {
            guard let step = steps.first else {
                precondition(self.field == nil, "a path twice")
                self.field = field
                return
            }
            if let name = step {
                if !keys.contains(where: { $0.name == name }) { keys.append((name, Tree())) }
                guard let index = keys.firstIndex(where: { $0.name == name }) else { return }
                keys[index].tree.add(steps.dropFirst(), field)
            } else {
                if element.isEmpty { element.append(Tree()) }
                element[0].add(steps.dropFirst(), field)
            }
        }
    }

    private mutating func flatten(_ root: Tree) {
        var waiting = [(tree: root, index: 0)]
        nodes.append(Node())
        while let (tree, index) = waiting.popLast() {
            var node = Node()
            (node.role, node.parameter) = role(tree.field)
            node.firstKey = UInt8(keys.count)
            node.keyCount = UInt8(tree.keys.count)
            for key in tree.keys {
                keys.append(
                    Key(
                        prefix: Self.prefix(key.name), nameStart: UInt16(names.count), byteCount: UInt8(key.name.count),
                        node: UInt8(nodes.count)))
                names += key.name
                waiting.append((key.tree, nodes.count))
                nodes.append(Node())
            }
            if let element = tree.element.first {
                node.element = UInt8(nodes.count)
                waiting.append((element, nodes.count))
                nodes.append(Node())
            }
            nodes[index] = node
        }
        precondition(nodes.count < Int(Self.nowhere) && keys.count <= Int(UInt8.max), "too many rows")
    }

    private mutating func role(_ field: AnswerField?) -> (Role, UInt8) {
        switch field {
        case .usage: return (.usage, 0)
        case .count(let counter): return (.count, counter.rawValue)
        case .text: return (.text, 0)
        case .json: return (.json, 0)
        case .model: return (.model, 0)
        case .word(let list):
            words.append(list)
            return (.word, UInt8(words.count - 1))
        case .present(let signal):
            signals.append(signal)
            return (.present, UInt8(signals.count - 1))
        case .cacheDetail: return (.cacheDetail, 0)
        case .cacheDetailTime: return (.cacheDetailTime, 0)
        case .cacheDetailCount: return (.cacheDetailCount, 0)
        case nil: return (.none, 0)
        }
    }

    private static func prefix(_ name: [UInt8]) -> UInt64 {
        var prefix: UInt64 = 0
        for (place, byte) in name.prefix(8).enumerated() { prefix |= UInt64(byte) << UInt64(8 * place) }
        return prefix
    }
}
