/// Reads a document or an event as a ``JSONCursor`` does, with the flaws of answers for what is not as it should be.
struct AnswerCursor: ~Escapable {
    private var cursor: JSONCursor

    /// The document.
    var bytes: Span<UInt8> {
        @_lifetime(copy self)
        get { cursor.bytes }
    }

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { cursor = JSONCursor(bytes) }

    /// Goes through the members of the object in front of the cursor; `body` reads a value, or leaves it to be skipped.
    mutating func members(_ body: (inout AnswerCursor, JSONString) throws(AnswerFlaw) -> Void) throws(AnswerFlaw) {
        do throws(JSONFailure) { try cursor.enterObject() } catch { throw Self.flaw(error) }
        while let key = try nextKey() { try body(&self, key) }
    }

    /// Goes through the elements of the array in front of the cursor; `body` reads one, or leaves it to be skipped.
    mutating func elements(_ body: (inout AnswerCursor) throws(AnswerFlaw) -> Void) throws(AnswerFlaw) {
        do throws(JSONFailure) { try cursor.enterArray() } catch { throw Self.flaw(error) }
        while try nextElement() { try body(&self) }
    }

    /// The kind of the value in front of the cursor.
    mutating func kind() throws(AnswerFlaw) -> JSONKind {
        do throws(JSONFailure) { return try cursor.peek() } catch { throw Self.flaw(error) }
    }

    /// Passes a null; false if something else is in front of the cursor, which stays there.
    mutating func isNull() throws(AnswerFlaw) -> Bool {
        guard try kind() == .null else { return false }
        try skip()
        return true
    }

    /// Passes a value of any kind and returns where it stands.
    @discardableResult
    mutating func skip() throws(AnswerFlaw) -> Range<Int> {
        do throws(JSONFailure) { return try cursor.skip() } catch { throw Self.flaw(error) }
    }

    /// Passes a string.
    mutating func string() throws(AnswerFlaw) -> JSONString {
        do throws(JSONFailure) { return try cursor.string() } catch { throw Self.flaw(error) }
    }

    /// Passes a number, which must be whole.
    mutating func integer() throws(AnswerFlaw) -> Int {
        let number: JSONNumber
        do throws(JSONFailure) { number = try cursor.number() } catch { throw Self.flaw(error) }
        guard let value = number.integer(in: cursor.bytes) else { throw .malformed }
        return value
    }

    /// Passes `true` or `false`.
    mutating func bool() throws(AnswerFlaw) -> Bool {
        do throws(JSONFailure) { return try cursor.bool() } catch { throw Self.flaw(error) }
    }

    /// Makes sure that the document's value is passed and that nothing follows it.
    mutating func end() throws(AnswerFlaw) {
        do throws(JSONFailure) { try cursor.end() } catch { throw Self.flaw(error) }
    }

    private mutating func nextKey() throws(AnswerFlaw) -> JSONString? {
        do throws(JSONFailure) { return try cursor.nextKey() } catch { throw Self.flaw(error) }
    }

    private mutating func nextElement() throws(AnswerFlaw) -> Bool {
        do throws(JSONFailure) { return try cursor.nextElement() } catch { throw Self.flaw(error) }
    }

    /// What a failure to read says of the answer.
    static func flaw(_ failure: JSONFailure) -> AnswerFlaw {
        switch failure.reason {
        case .cutOff: .incomplete
        case .tooDeep, .tooManyKeys: .tooLarge
        case .unexpectedByte, .notUTF8, .controlCharacter, .escape, .loneSurrogate, .number, .trailingBytes, .otherKind:
            .malformed
        }
    }

    /// Makes sure that bytes are one JSON value in which no object has a key twice.
    static func validate(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        do throws(JSONFailure) {
            if try !JSONCursor.hasDuplicateKeys(bytes) { return }
        } catch {
            throw flaw(error)
        }
        throw .malformed
    }
}
