/// Changes to one document, each a span replaced; everything between them stays byte for byte.
///
/// The ranges come from a ``JSONCursor`` over the same document, which is therefore valid. An edit inside of a span that
/// another edit replaces or removes is dropped with it. Members may be removed and inserted in any number and order: the
/// commas between what remains come out right.
public struct JSONEdits: Equatable, Sendable {
    private struct Edit: Equatable, Sendable {
        var range: Range<Int>
        var text: Range<Int>
        var kind: Kind
    }

    private enum Kind: Equatable, Sendable {
        case replace
        /// `range` is a member, from its key's quotation mark to its value's end.
        case remove
        /// `range` is empty and lies behind an object's opening brace; the text is a member without comma.
        case insert
    }

    private var edits: [Edit] = []
    /// The text of all edits.
    private var texts: [UInt8] = []

    /// No edits.
    public init() {}

    /// Whether nothing is to be changed.
    public var isEmpty: Bool { edits.isEmpty }

    /// Puts `text` where `range` is. An empty range inserts.
    public mutating func replace(_ range: Range<Int>, with text: Span<UInt8>) { add(range, text, .replace) }

    /// Puts `text` where `range` is. An empty range inserts.
    public mutating func replace(_ range: Range<Int>, with text: String) {
        let utf8 = text.utf8
        add(range, utf8.span, .replace)
    }

    /// Removes a member with its comma and the blanks that belong to it.
    ///
    /// `member` is from the key's quotation mark to the end of the value.
    public mutating func removeMember(_ member: Range<Int>) { add(member, Span(), .remove) }

    /// Inserts a member in front of the others of the object at `object`, braces included.
    ///
    /// `name` is escaped here; `rawValue` is JSON. Several come in the order in which they were added.
    public mutating func insertMember(_ name: String, rawValue: Span<UInt8>, intoObjectAt object: Range<Int>) {
        var member = JSONText()
        member.string(name)
        member.write(":")
        member.raw(rawValue)
        add(object.lowerBound + 1..<object.lowerBound + 1, member.bytes.span, .insert)
    }

    /// Inserts a member in front of the others of the object at `object`, braces included.
    ///
    /// `name` is escaped here; `rawValue` is JSON.
    public mutating func insertMember(_ name: String, rawValue: String, intoObjectAt object: Range<Int>) {
        let utf8 = rawValue.utf8
        insertMember(name, rawValue: utf8.span, intoObjectAt: object)
    }

    /// The document with the edits.
    public func apply(to bytes: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + texts.count + edits.count)
        let ordered = self.ordered(bytes)
        let texts = self.texts
        var position = 0
        for (index, edit) in ordered.enumerated() {
            guard edit.range.lowerBound >= position else { continue }
            out.append(bytes.extracting(position..<edit.range.lowerBound))
            out.append(texts.span.extracting(edit.text))
            if edit.kind == .insert, Self.hasMember(bytes, behind: index, of: ordered) { out.append(JSONScan.comma) }
            position = edit.range.upperBound
        }
        out.append(bytes.extracting(position..<bytes.count))
        return out
    }

    private mutating func add(_ range: Range<Int>, _ text: Span<UInt8>, _ kind: Kind) {
        let start = texts.count
        texts.append(text)
        edits.append(Edit(range: range, text: start..<texts.count, kind: kind))
    }

    /// The edits from front to back, the outer of two before the inner; removals side by side are one, with the comma.
    private func ordered(_ bytes: Span<UInt8>) -> [Edit] {
        for edit in edits { precondition(edit.range.upperBound <= bytes.count, "an edit of another document") }
        let others = edits.filter { $0.kind != .remove }
        return (removals(bytes) + others).enumerated().sorted { first, second in
            let (one, other) = (first.element.range, second.element.range)
            if one.lowerBound != other.lowerBound { return one.lowerBound < other.lowerBound }
            if one.isEmpty != other.isEmpty { return one.isEmpty }
            if one.upperBound != other.upperBound { return one.upperBound > other.upperBound }
            return first.offset < second.offset
        }.map(\.element)
    }

    /// The removals, neighbours joined.
    private func removals(_ bytes: Span<UInt8>) -> [Edit] {
        var groups: [Range<Int>] = []
        for edit in edits.filter({ $0.kind == .remove }).sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            if let group = groups.last {
                // What lies in a removed member goes with it.
                if edit.range.upperBound <= group.upperBound { continue }
                let next = JSONScan.blanks(bytes, group.upperBound)
                if next < bytes.count, bytes[next] == JSONScan.comma,
                    JSONScan.blanks(bytes, next + 1) == edit.range.lowerBound
                {
                    groups[groups.count - 1] = group.lowerBound..<edit.range.upperBound
                    continue
                }
            }
            groups.append(edit.range)
        }
        return groups.map { Edit(range: Self.withComma($0, bytes), text: 0..<0, kind: .remove) }
    }

    /// Members with the comma behind them, or without such the one in front.
    private static func withComma(_ members: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int> {
        let next = JSONScan.blanks(bytes, members.upperBound)
        if next < bytes.count, bytes[next] == JSONScan.comma {
            return members.lowerBound..<JSONScan.blanks(bytes, next + 1)
        }
        var before = members.lowerBound
        while before > 0, JSONScan.isBlank(bytes[before - 1]) { before -= 1 }
        if before > 0, bytes[before - 1] == JSONScan.comma { return before - 1..<members.upperBound }
        return members
    }

    /// Whether a member follows the one that `edits[index]` inserts.
    private static func hasMember(_ bytes: Span<UInt8>, behind index: Int, of edits: [Edit]) -> Bool {
        let place = edits[index].range.lowerBound
        var first = JSONScan.blanks(bytes, place)
        for edit in edits.suffix(from: index + 1) {
            if edit.kind == .insert, edit.range.lowerBound == place { return true }
            guard edit.range.lowerBound <= first else { break }
            if edit.kind == .remove, edit.range.lowerBound == first {
                first = JSONScan.blanks(bytes, edit.range.upperBound)
            }
        }
        return first < bytes.count && bytes[first] != JSONScan.closeBrace
    }
}
