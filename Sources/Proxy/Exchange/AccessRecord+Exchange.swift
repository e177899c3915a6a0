import Wire

extension AccessRecord {
    /// Begins a line about something new on the same connection.
    mutating func begin(_ kind: Kind, id: UInt64) {
        reset()
        self.kind = kind
        self.id = id
        time = .now()
    }

    /// Notes what went wrong.
    mutating func fail(_ failure: ProxyError) {
        error = failure.fault
        errorDetail = failure.detail
    }

    /// Takes the request's fields that the line reports.
    mutating func take(_ head: borrowing HTTP1Head, from bytes: Span<UInt8>) {
        keep(bytes.extracting(head.methodName), as: .method)
        if let field = head.first(.userAgent) { keep(bytes.extracting(field.value), as: .userAgent) }
        if let field = head.first(.traceparent) { keep(bytes.extracting(field.value), as: .traceparent) }
        guard !labelNames.isEmpty else { return }
        for field in head.fields {
            let name = bytes.extracting(field.name)
            for index in labelNames.indices where name.equals(ignoringCase: labelNames[index]) {
                keepLabel(bytes.extracting(field.value), at: index)
            }
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes are `text`, which is lower-case ASCII, in any case.
    func equals(ignoringCase text: String) -> Bool {
        guard count == text.utf8.count else { return false }
        var index = 0
        for wanted in text.utf8 {
            let byte = self[index]
            let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if folded != wanted { return false }
            index += 1
        }
        return true
    }
}
