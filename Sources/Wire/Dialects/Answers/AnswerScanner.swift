/// Passes along JSON that comes in pieces of any size and follows it to the places of a table, where it reads numbers,
/// words and text. It keeps no text and no value longer than a word.
///
/// It is no judge of JSON: what it does not follow it goes over by quotation marks and brackets alone. Whatever the
/// bytes, it comes to the same result in any pieces.
struct AnswerScanner: ~Copyable {
    /// Whether one value is the whole, or values follow each other: lines of JSON, the events of a stream.
    enum Sequence { case one, many }

    private let dialect: AnswerDialect
    private let sequence: Sequence
    /// Whether the elements of an array that is the whole are events, as Gemini streams.
    private let opensArrays: Bool

    private var state = State.value
    /// The place of the innermost container that is followed.
    private var node: UInt8 = 0
    /// The place of the value that is next or being read.
    private var valueNode: UInt8 = 0
    private var isInObject = false
    /// Whether the container has just been opened, so that it may close.
    private var mayClose = false
    private var outer = InlineArray<16, UInt16>(repeating: 0)
    private var depth = 0
    /// The depth at which events stand: 1 within an array that is the whole.
    private var eventDepth = 0
    /// Open containers of a value that is not followed.
    private var skippedDepth = 0
    private var isSkippingString = false
    private var isSkippedMetered = false
    /// Whether the last byte of a string that is not kept was a backslash.
    private var isEscaped = false

    var word = AnswerWord()
    private var staged = AnswerCounts()
    private var signals: AnswerSignals = []
    private var cacheDetail = (isLong: false, count: Int?.none, isTold: false)

    /// The numbers of the events so far.
    private(set) var counts = AnswerCounts()
    private(set) var model = AnswerWord()
    private(set) var finishReasons: FinishReasons = []
    /// The text that the model wrote. Deltas are one text, however it is cut; elsewhere the end of a text is the end of a
    /// word nearly always.
    private(set) var text = TokenCounter()
    /// Whether anybody wants to know.
    var countsText = true
    private(set) var isTerminated = false
    private(set) var hasError = false
    private(set) var isBroken = false
    /// Whether what came is an array of events.
    private(set) var isArray = false
    /// Whether the document, or the array of events, is complete.
    private(set) var isComplete = false
    private(set) var openCallCount = 0

    private enum State: UInt8 {
        case value, key, inKey, colon, behind
        /// In a string: passed over, kept as a word, or metered.
        case passing, keeping, metering
        /// In a number or literal: passed over, or kept as a word.
        case scalar, keptScalar
        case skipping
        /// In the mark that ends OpenAI's streams and is no JSON.
        case mark
        case done, broken
    }

    init(_ dialect: AnswerDialect, _ sequence: Sequence, opensArrays: Bool) {
        self.dialect = dialect
        self.sequence = sequence
        self.opensArrays = opensArrays
    }

    /// Begins an event that a frame of its own surrounds, of which `signals` are known already.
    mutating func beginEvent(_ signals: AnswerSignals = []) {
        begin()
        self.signals = signals
    }

    /// Ends it, whether or not its JSON is complete.
    mutating func endEvent() {
        switch state {
        case .scalar, .keptScalar:
            // The bytes of a number do not tell where it ends.
            if depth == 0 { endScalar() }
        case .value, .key, .inKey, .colon, .behind, .passing, .keeping, .metering, .skipping, .mark, .done, .broken:
            break
        }
        switch state {
        case .done: break
        case .value where depth == 0 && eventDepth == 0:
            // No JSON at all: what the frame says counts nevertheless.
            apply()
        case .value, .key, .inKey, .colon, .behind, .passing, .keeping, .metering, .scalar, .keptScalar, .skipping,
            .mark, .broken:
            isBroken = true
        }
        begin()
    }

    private mutating func begin() {
        state = .value
        node = 0
        valueNode = 0
        isInObject = false
        mayClose = false
        depth = 0
        eventDepth = 0
        staged = AnswerCounts()
        signals = []
    }

    mutating func take(_ bytes: Span<UInt8>) {
        var index = 0
        while index < bytes.count {
            switch state {
            case .value: takeValue(bytes, &index)
            case .key: takeKey(bytes, &index)
            case .inKey:
                if word.take(bytes, &index) { endKey() }
            case .colon: takeColon(bytes, &index)
            case .behind: takeBehind(bytes, &index)
            case .passing: pass(bytes, &index)
            case .keeping:
                if word.take(bytes, &index) { endWord() }
            case .metering: meter(bytes, &index)
            case .scalar, .keptScalar: takeScalar(bytes, &index)
            case .skipping: skip(bytes, &index)
            case .mark: takeMark(bytes, &index)
            case .done:
                guard !JSONScan.isBlank(bytes[index]) else {
                    index += 1
                    continue
                }
                if sequence == .many {
                    begin()
                } else {
                    isBroken = true
                    state = .broken
                }
            case .broken: return
            }
        }
    }

    /// Takes the LF between two lines of one event's data.
    mutating func takeLineEnd() {
        switch state {
        case .scalar, .keptScalar: endScalar()
        case .value, .key, .colon, .behind, .done, .broken: break
        case .inKey, .passing, .keeping, .metering, .skipping, .mark:
            // In a string it would be a mistake; elsewhere it is white space.
            if state != .skipping || isSkippingString { breakOff() }
        }
    }

    private mutating func breakOff() {
        isBroken = true
        state = .broken
    }

    // MARK: Structure

    private mutating func takeValue(_ bytes: Span<UInt8>, _ index: inout Int) {
        let byte = bytes[index]
        if JSONScan.isBlank(byte) {
            index += 1
            return
        }
        if byte == JSONScan.closeBracket, mayClose, !isInObject {
            index += 1
            return close()
        }
        mayClose = false
        switch byte {
        case JSONScan.quote:
            index += 1
            beginString()
        case JSONScan.openBrace, JSONScan.openBracket:
            index += 1
            open(isObject: byte == JSONScan.openBrace)
        case JSONScan.closeBrace, JSONScan.closeBracket, JSONScan.comma, JSONScan.colon: breakOff()
        default: beginScalar(byte)
        }
    }

    private mutating func takeKey(_ bytes: Span<UInt8>, _ index: inout Int) {
        let byte = bytes[index]
        index += 1
        if byte == JSONScan.quote {
            mayClose = false
            let start = index
            // The whole key is here and is written plainly, nearly always.
            var end = start
            while end < bytes.count, bytes[end] != JSONScan.quote, bytes[end] != JSONScan.backslash { end += 1 }
            if end < bytes.count, bytes[end] == JSONScan.quote {
                valueNode = dialect.table.node(of: node, bytes, start..<end)
                index = end + 1
                state = .colon
                return
            }
            word.removeAll()
            state = .inKey
        } else if byte == JSONScan.closeBrace, mayClose {
            close()
        } else if !JSONScan.isBlank(byte) {
            breakOff()
        }
    }

    private mutating func endKey() {
        valueNode = dialect.table.node(of: node, word)
        state = .colon
    }

    private mutating func takeColon(_ bytes: Span<UInt8>, _ index: inout Int) {
        let byte = bytes[index]
        index += 1
        if byte == JSONScan.colon {
            state = .value
        } else if !JSONScan.isBlank(byte) {
            breakOff()
        }
    }

    private mutating func takeBehind(_ bytes: Span<UInt8>, _ index: inout Int) {
        let byte = bytes[index]
        index += 1
        switch byte {
        case JSONScan.comma:
            if isInObject {
                state = .key
            } else {
                beginElement()
            }
        case JSONScan.closeBrace where isInObject, JSONScan.closeBracket where !isInObject: close()
        default:
            if !JSONScan.isBlank(byte) { breakOff() }
        }
    }

    private mutating func beginElement() {
        state = .value
        valueNode = depth == eventDepth ? 0 : dialect.table.nodes[Int(node)].element
    }

    private mutating func open(isObject: Bool) {
        if depth == 0, eventDepth == 0, !isObject {
            if opensArrays {
                push(0, isObject: false)
                eventDepth = 1
                isArray = true
                beginElement()
                mayClose = true
                return
            }
            // An event that is an array is none of any dialect's, or the mark behind them.
            state = .mark
            word.removeAll()
            return
        }
        guard valueNode != AnswerTable.nowhere else { return beginSkipping(isMetered: false) }
        let place = dialect.table.nodes[Int(valueNode)]
        switch place.role {
        case .none, .text, .json, .model, .word, .cacheDetailTime: break
        case .usage: if !isObject { staged.tell(.input, nil) }
        case .count: tell(place, nil)
        case .present: signals.formUnion(dialect.table.signals[Int(place.parameter)])
        case .cacheDetail: cacheDetail = (false, nil, false)
        case .cacheDetailCount: cacheDetail = (cacheDetail.isLong, nil, true)
        }
        if isObject ? place.keyCount > 0 : place.element != AnswerTable.nowhere, depth < outer.count {
            push(valueNode, isObject: isObject)
            mayClose = true
            if isObject {
                state = .key
            } else {
                beginElement()
            }
        } else {
            beginSkipping(isMetered: place.role == .json)
        }
    }

    private mutating func push(_ place: UInt8, isObject: Bool) {
        outer[depth] = UInt16(node) << 1 | (isInObject ? 1 : 0)
        depth += 1
        node = place
        isInObject = isObject
    }

    private mutating func close() {
        let closed = node
        depth -= 1
        node = UInt8(truncatingIfNeeded: outer[depth] >> 1)
        isInObject = outer[depth] & 1 == 1
        mayClose = false
        if eventDepth == 1, depth == 0 {
            isComplete = true
            state = .done
            return
        }
        switch dialect.table.nodes[Int(closed)].role {
        case .usage: commit()
        case .cacheDetail: addCacheDetail()
        case .none, .count, .text, .json, .model, .word, .present, .cacheDetailTime, .cacheDetailCount: break
        }
        endValue()
    }

    /// Behind a value of any kind.
    private mutating func endValue() {
        guard depth == eventDepth else {
            state = .behind
            return
        }
        apply()
        if eventDepth == 1 {
            staged = AnswerCounts()
            signals = []
            state = .behind
            return
        }
        if sequence == .one { isComplete = true }
        state = .done
    }

    // MARK: What is passed over

    private mutating func beginSkipping(isMetered: Bool) {
        state = .skipping
        skippedDepth = 1
        isSkippingString = false
        isSkippedMetered = isMetered
        isEscaped = false
    }

    private mutating func skip(_ bytes: Span<UInt8>, _ index: inout Int) {
        let start = index
        while index < bytes.count, skippedDepth > 0 {
            if isSkippingString {
                if passString(bytes, &index) { isSkippingString = false }
                continue
            }
            index = JSONScan.structure(bytes, index)
            guard index < bytes.count else { break }
            let byte = bytes[index]
            index += 1
            if byte == JSONScan.quote {
                isSkippingString = true
            } else if byte | 0x20 == JSONScan.openBrace {
                skippedDepth += 1
            } else {
                skippedDepth -= 1
            }
        }
        if isSkippedMetered, countsText { text.take(bytes.extracting(start..<index)) }
        if skippedDepth == 0 { endValue() }
    }

    private mutating func pass(_ bytes: Span<UInt8>, _ index: inout Int) {
        if passString(bytes, &index) { endValue() }
    }

    /// Goes to the end of a string, or of the bytes; true if the string ended.
    private mutating func passString(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        while index < bytes.count {
            if isEscaped {
                isEscaped = false
                index += 1
                continue
            }
            index = JSONScan.stop(bytes, index)
            guard index < bytes.count else { return false }
            let byte = bytes[index]
            index += 1
            if byte == JSONScan.quote { return true }
            isEscaped = true
        }
        return false
    }

    // MARK: Strings

    private mutating func beginString() {
        isEscaped = false
        state = .passing
        guard valueNode != AnswerTable.nowhere else { return }
        let place = dialect.table.nodes[Int(valueNode)]
        switch place.role {
        case .none, .cacheDetail: break
        case .usage: staged.tell(.input, nil)
        case .count: tell(place, nil)
        case .cacheDetailCount: cacheDetail = (cacheDetail.isLong, nil, true)
        case .present: signals.formUnion(dialect.table.signals[Int(place.parameter)])
        case .text, .json: state = .metering
        case .model:
            // Most chunks repeat it.
            if !model.isEmpty { return }
            word.removeAll()
            state = .keeping
        case .word, .cacheDetailTime:
            word.removeAll()
            state = .keeping
        }
    }

    private mutating func meter(_ bytes: Span<UInt8>, _ index: inout Int) {
        let start = index
        let isOver = passString(bytes, &index)
        if countsText { text.take(escaped: bytes.extracting(start..<(isOver ? index - 1 : index))) }
        if isOver { endValue() }
    }

    private mutating func endWord() {
        let place = dialect.table.nodes[Int(valueNode)]
        switch place.role {
        case .model: if !word.isOverlong, !word.isEmpty { model = word }
        case .word: signals.formUnion(dialect.table.words[Int(place.parameter)].signals(of: word))
        case .cacheDetailTime: cacheDetail.isLong = word.equals("1h")
        case .none, .usage, .count, .text, .json, .present, .cacheDetail, .cacheDetailCount: break
        }
        endValue()
    }

    // MARK: Numbers and literals

    private mutating func beginScalar(_ first: UInt8) {
        state = .scalar
        guard valueNode != AnswerTable.nowhere else { return }
        let place = dialect.table.nodes[Int(valueNode)]
        switch place.role {
        case .none, .text, .json, .model, .word, .cacheDetail, .cacheDetailTime: break
        case .usage: if first != UInt8(ascii: "n") { staged.tell(.input, nil) }
        case .present:
            if first != UInt8(ascii: "n"), first != UInt8(ascii: "f") {
                signals.formUnion(dialect.table.signals[Int(place.parameter)])
            }
        case .count, .cacheDetailCount:
            word.removeAll()
            state = .keptScalar
        }
    }

    private mutating func takeScalar(_ bytes: Span<UInt8>, _ index: inout Int) {
        while index < bytes.count {
            let byte = bytes[index]
            if JSONScan.endsScalar(byte) { return endScalar() }
            if state == .keptScalar { word.append(byte) }
            index += 1
        }
    }

    private mutating func endScalar() {
        if state == .keptScalar {
            let place = dialect.table.nodes[Int(valueNode)]
            // Null is what some servers write for a number they do not have.
            if !word.equals("null") {
                if place.role == .count {
                    tell(place, word.integer)
                } else {
                    cacheDetail = (cacheDetail.isLong, word.integer, true)
                }
            }
        }
        endValue()
    }

    // MARK: Events

    /// Goes through `[DONE]`, whose bracket is passed.
    private mutating func takeMark(_ bytes: Span<UInt8>, _ index: inout Int) {
        word.append(bytes[index])
        index += 1
        if word.count == 5 {
            guard word.equals("DONE]") else { return breakOff() }
            isTerminated = true
            state = .done
        }
    }

    private mutating func tell(_ place: AnswerTable.Node, _ number: Int?) {
        guard let counter = AnswerCounter(rawValue: place.parameter) else { return }
        staged.tell(counter, number)
    }

    private mutating func addCacheDetail() {
        if cacheDetail.isLong, cacheDetail.isTold { staged.add(.longCacheWrite, cacheDetail.count) }
    }

    /// Makes what this event has told so far the answer's.
    private mutating func commit() {
        guard !staged.isEmpty else { return }
        if dialect.mergesUsage {
            counts.merge(staged)
        } else {
            counts = staged
        }
    }

    /// Takes a complete event for what it says.
    private mutating func apply() {
        commit()
        guard !signals.isEmpty else { return }
        if signals.contains(.ended) { isTerminated = true }
        if signals.contains(.error) { hasError = true }
        let finish = signals.intersection(.finishes)
        finishReasons.formUnion(FinishReasons(finish))
        if signals.contains(.closesAll) { openCallCount = 0 }
        if signals.contains(.call) {
            if signals.contains(.closes) {
                openCallCount = max(0, openCallCount - 1)
            } else if signals.contains(.opens) {
                openCallCount = min(openCallCount + 1, Int(UInt16.max))
            } else {
                openCallCount = max(openCallCount, 1)
            }
        }
        if !finish.isEmpty || signals.contains(.ended) { openCallCount = 0 }
    }
}

extension JSONScan {
    /// Whether a number or literal has ended before this byte.
    @inline(__always)
    static func endsScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case comma, closeBrace, closeBracket, openBrace, openBracket, quote, colon: true
        default: isBlank(byte)
        }
    }

    /// The index of the first quotation mark or backslash from `start` on; the count of `bytes` if there is none.
    ///
    /// Most strings of an answer are short, and for them eight bytes at a time are faster than ``text(_:_:)``'s sixteen.
    @inline(__always)
    static func stop(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: ASCII.word(bytes, index))
            let marks = ASCII.zeroMarks(word ^ 0x2222_2222_2222_2222) | ASCII.zeroMarks(word ^ 0x5c5c_5c5c_5c5c_5c5c)
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, bytes[index] != quote, bytes[index] != backslash { index += 1 }
        return index
    }

    /// The index of the first quotation mark, brace or bracket from `start` on; the count of `bytes` if there is none.
    @inline(__always)
    static func structure(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: ASCII.word(bytes, index))
            // Setting bit 5 makes brackets braces and leaves the rest apart.
            let folded = word | 0x2020_2020_2020_2020
            let marks =
                ASCII.zeroMarks(word ^ 0x2222_2222_2222_2222) | ASCII.zeroMarks(folded ^ 0x7b7b_7b7b_7b7b_7b7b)
                | ASCII.zeroMarks(folded ^ 0x7d7d_7d7d_7d7d_7d7d)
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == quote || byte | 0x20 == openBrace || byte | 0x20 == closeBrace { return index }
            index += 1
        }
        return index
    }
}
