import Wire

/// A head of which leo has changed fields, as HTTP/1 text under the same parser as every other head.
///
/// All fields that are not named keep their bytes and their order. Whoever wrote the head cannot bring in a line here:
/// values are leo's own.
struct EditedHead {
    /// What is done to the fields of one name.
    struct Change {
        let name: HTTP1FieldName
        /// The value that the first of them gets; nil: there shall be none.
        let value: String?
        /// How the name is written where the head has no such field; nil: then nothing is added.
        var adding: String?
    }

    /// The head after the changes.
    let head: HTTP1Head
    /// The bytes that ``head`` was parsed from.
    let bytes: [UInt8]

    /// The head `original`, parsed from `bytes`, with `changes`, and with `lines` added at its end.
    init(
        _ original: HTTP1Head, _ bytes: Span<UInt8>, _ changes: [Change], adding lines: [(name: String, value: String)]
    ) throws(ProxyError) {
        var text = Text(capacity: original.byteCount + 256)
        text.copy(bytes, 0..<original.fieldsStart)
        var neverIndexed: [Int] = []
        var keptCount = 0
        var done: [HTTP1FieldName] = []
        let fields = original.fields
        for index in fields.indices {
            let field = fields[index]
            let end = index + 1 < fields.count ? fields[index + 1].name.lowerBound : original.byteCount - 2
            if let change = changes.first(where: { field.known == $0.name }) {
                guard let value = change.value, !done.contains(change.name) else { continue }
                done.append(change.name)
                text.copy(bytes, field.name.lowerBound..<field.value.lowerBound)
                text.append(value)
                text.append("\r\n")
            } else {
                text.copy(bytes, field.name.lowerBound..<end)
            }
            if original.neverIndexedFields.contains(index) { neverIndexed.append(keptCount) }
            keptCount += 1
        }
        for change in changes where !done.contains(change.name) {
            if let name = change.adding, let value = change.value { text.add(name, value) }
        }
        for line in lines { text.add(line.name, line.value) }
        text.append("\r\n")
        self.bytes = text.bytes
        var parsed = HTTP1Head(original.status == 0 ? .request : .response, headBytesMax: text.bytes.count + 1)
        do throws(HTTP1Error) {
            guard try parsed.parse(text.bytes.span) else { throw .headTooLarge }
        } catch { throw ProxyError(error) }
        parsed.neverIndexedFields = neverIndexed
        head = parsed
    }

    private struct Text {
        private(set) var bytes: [UInt8] = []

        init(capacity: Int) { bytes.reserveCapacity(capacity) }

        mutating func append(_ text: String) { bytes += text.utf8 }

        mutating func add(_ name: String, _ value: String) { append("\(name): \(value)\r\n") }

        mutating func copy(_ source: Span<UInt8>, _ range: Range<Int>) {
            unsafe source.extracting(range).withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        }
    }
}
