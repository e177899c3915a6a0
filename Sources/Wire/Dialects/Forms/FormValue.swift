/// A value within a document or an event: where it stands and of which kind it is.
///
/// The bytes passed to its functions are those in which it was found, and valid JSON.
struct FormValue: Equatable {
    /// The value, with its quotation marks or brackets.
    let range: Range<Int>
    let kind: JSONKind

    /// What is counted for each part of an answer beside its text, so that parts without any fill no memory.
    static let partBytes = 64

    init(range: Range<Int>, kind: JSONKind) {
        self.range = range
        self.kind = kind
    }

    /// The value that `bytes` are, with blanks around it or not; malformed if they are no JSON.
    static func whole(_ bytes: Span<UInt8>) throws(AnswerFlaw) -> FormValue {
        var cursor = JSONCursor(bytes)
        do throws(JSONFailure) {
            let kind = try cursor.peek()
            let range = try cursor.skip()
            try cursor.end()
            return FormValue(range: range, kind: kind)
        } catch {
            throw .malformed
        }
    }

    /// The members of an object; anything else is malformed.
    func members(in bytes: Span<UInt8>) throws(AnswerFlaw) -> [FormMember] {
        do throws(JSONFailure) { return try readMembers(bytes.extracting(range)) } catch { throw .malformed }
    }

    private func readMembers(_ object: Span<UInt8>) throws(JSONFailure) -> [FormMember] {
        var members: [FormMember] = []
        let start = range.lowerBound
        var cursor = JSONCursor(object)
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            let kind = try cursor.peek()
            let value = FormValue(range: try cursor.skip().shifted(by: start), kind: kind)
            let name = JSONString(range: key.range.shifted(by: start), hasEscapes: key.hasEscapes)
            members.append(FormMember(key: name, value: value))
        }
        return members
    }

    /// The elements of an array; anything else is malformed.
    func elements(in bytes: Span<UInt8>) throws(AnswerFlaw) -> [FormValue] {
        do throws(JSONFailure) { return try readElements(bytes.extracting(range)) } catch { throw .malformed }
    }

    private func readElements(_ array: Span<UInt8>) throws(JSONFailure) -> [FormValue] {
        var elements: [FormValue] = []
        var cursor = JSONCursor(array)
        try cursor.enterArray()
        while try cursor.nextElement() {
            let kind = try cursor.peek()
            elements.append(FormValue(range: try cursor.skip().shifted(by: range.lowerBound), kind: kind))
        }
        return elements
    }

    /// What stands between the quotation marks of a string; anything else is malformed.
    @_lifetime(copy bytes)
    func rawText(in bytes: Span<UInt8>) throws(AnswerFlaw) -> Span<UInt8> {
        guard kind == .string, range.count >= 2 else { throw .malformed }
        return bytes.extracting(range.lowerBound + 1..<range.upperBound - 1)
    }

    /// The bytes of a string, decoded; anything else is malformed.
    func unescaped(in bytes: Span<UInt8>) throws(AnswerFlaw) -> [UInt8] {
        let text = try rawText(in: bytes)
        var decoded: [UInt8] = []
        JSONString(range: 0..<text.count, hasEscapes: true).unescape(in: text, into: &decoded)
        return decoded
    }

    /// The text of a string; anything else is malformed.
    func text(in bytes: Span<UInt8>) throws(AnswerFlaw) -> String {
        let text = try unescaped(in: bytes)
        return String(lossy: text.span)
    }

    /// A number that counts something; anything else is malformed.
    func count(in bytes: Span<UInt8>) throws(AnswerFlaw) -> Int {
        guard kind == .number, let number = JSONNumber(range: range).integer(in: bytes), number >= 0 else {
            throw .malformed
        }
        return number
    }

    /// `true` or `false`; anything else is malformed.
    func bool(in bytes: Span<UInt8>) throws(AnswerFlaw) -> Bool {
        guard kind == .bool else { throw .malformed }
        return bytes[range.lowerBound] == UInt8(ascii: "t")
    }

    /// A copy without the blanks between its tokens: what stands in an event must not break its line.
    func compact(in bytes: Span<UInt8>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            if byte == JSONScan.quote {
                let end = Self.stringEnd(bytes, index, range.upperBound)
                copy.append(bytes.extracting(index..<end))
                index = end
                continue
            }
            if byte > 0x20 { copy.append(byte) }
            index += 1
        }
        return copy
    }

    private static func stringEnd(_ bytes: Span<UInt8>, _ start: Int, _ limit: Int) -> Int {
        var index = start + 1
        while index < limit {
            index = JSONScan.text(bytes, index)
            guard index < limit else { break }
            if bytes[index] == JSONScan.quote { return index + 1 }
            index += 2
        }
        return limit
    }
}

/// A member of an object.
struct FormMember: Equatable {
    let key: JSONString
    let value: FormValue

    func name(in bytes: Span<UInt8>) -> String { key.text(in: bytes) }

    func hasName(_ names: [StaticString], in bytes: Span<UInt8>) -> Bool {
        for name in names where key.equals(name, in: bytes) { return true }
        return false
    }

    /// The key with its quotation marks, as it was written.
    func rawKey(in bytes: Span<UInt8>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.append(bytes.extracting(key.quotedRange))
        return copy
    }
}

extension [FormMember] {
    /// The value of that name; nil if there is none or it is null, which mean the same in every dialect.
    func value(_ name: StaticString, in bytes: Span<UInt8>) -> FormValue? {
        for member in self where member.key.equals(name, in: bytes) {
            return member.value.kind == .null ? nil : member.value
        }
        return nil
    }

    /// The value of that name, without which the answer is malformed.
    func need(_ name: StaticString, in bytes: Span<UInt8>) throws(AnswerFlaw) -> FormValue {
        guard let value = value(name, in: bytes) else { throw .malformed }
        return value
    }

    /// The members other than null. Any that has another name than these is unknown.
    func known(_ names: [StaticString], in bytes: Span<UInt8>) throws(AnswerFlaw) -> [FormMember] {
        var found: [FormMember] = []
        for member in self where member.value.kind != .null {
            guard member.hasName(names, in: bytes) else { throw .unknownEvent }
            found.append(member)
        }
        return found
    }
}

extension Range<Int> {
    fileprivate func shifted(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}

extension JSONText {
    /// Adds `syntax` as it is, then what is JSON already.
    mutating func write(_ syntax: StaticString, json: [UInt8]) {
        write(syntax)
        raw(json.span)
    }

    /// Adds `syntax` as it is, then a string of what stood between a string's quotation marks.
    mutating func write(_ syntax: StaticString, rawText: Span<UInt8>) {
        write(syntax)
        write("\"")
        raw(rawText)
        write("\"")
    }
}

extension DocumentFacts {
    /// Notes a call of the dialects in which every call has an id.
    mutating func call(id: FormValue, in bytes: Span<UInt8>) throws(AnswerFlaw) {
        callsTools = true
        guard toolCallIDs.count < AnswerDocument.toolCallCountMax else { throw .tooLarge }
        toolCallIDs.append(try id.text(in: bytes))
    }
}
