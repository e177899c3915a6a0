/// The fields after the last chunk (RFC 9112 7.1.2), collected line by line.
///
/// A field that frames, routes or authenticates a message is refused here: a reader that merges trailers into the head
/// would act on it after the fact (RFC 9110 6.5.1).
struct HTTP1TrailerSection: Sendable {
    /// The fields so far, each as `Name: value CRLF`.
    private(set) var fieldLines: [UInt8] = []
    /// The line that is not complete yet.
    private var line: [UInt8] = []
    private var byteCount = 0

    /// Takes bytes up to the blank line; true when it came.
    mutating func feed(_ bytes: Span<UInt8>, _ consumed: inout Int) throws(HTTP1Error) -> Bool {
        while consumed < bytes.count {
            let byte = bytes[consumed]
            if line.last == ASCII.carriageReturn, byte != ASCII.lineFeed { throw .malformed(.bareCarriageReturn) }
            guard byteCount < HTTP1BodyDecoder.trailerBytesMax else { throw .malformed(.trailer) }
            if byte == ASCII.lineFeed {
                guard line.last == ASCII.carriageReturn else { throw .malformed(.bareLineFeed) }
                if line.count > 1 { try appendField() }
            } else {
                line.append(byte)
            }
            byteCount += 1
            consumed += 1
            guard byte == ASCII.lineFeed else { continue }
            let isBlank = line.count == 1
            line.removeAll(keepingCapacity: true)
            if isBlank { return true }
        }
        return false
    }

    /// Checks the line, which ends in CR, and keeps it in canonical form.
    private mutating func appendField() throws(HTTP1Error) {
        guard let (name, value) = Self.parts(of: line.span) else { throw .malformed(.trailer) }
        fieldLines += line[name]
        fieldLines += [ASCII.colon, ASCII.space]
        fieldLines += line[value]
        fieldLines += [ASCII.carriageReturn, ASCII.lineFeed]
    }

    /// The name and the value of a field that a trailer may carry.
    private static func parts(of bytes: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        var valueEnd = bytes.count - 1
        var nameEnd = 0
        while nameEnd < valueEnd, ASCII.isToken(bytes[nameEnd]) { nameEnd += 1 }
        guard nameEnd > 0, nameEnd < valueEnd, bytes[nameEnd] == ASCII.colon else { return nil }
        let name = 0..<nameEnd
        guard HTTP1FieldName(recognizing: bytes, name).isAllowedInTrailer,
            !HTTP1FieldName.imitatesFraming(bytes, name),
            ASCII.firstControl(bytes, from: nameEnd + 1, to: valueEnd) == valueEnd
        else { return nil }
        var valueStart = nameEnd + 1
        while valueStart < valueEnd, ASCII.isBlank(bytes[valueStart]) { valueStart += 1 }
        while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        return (name, valueStart..<valueEnd)
    }
}
