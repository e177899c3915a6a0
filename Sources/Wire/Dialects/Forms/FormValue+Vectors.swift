extension FormValue {
    /// Makes sure that this is one vector: numbers, at least one, or their bytes in base64.
    func judgeVector(in bytes: Span<UInt8>) throws(AnswerFlaw) {
        switch kind {
        case .string: guard try !rawText(in: bytes).isEmpty else { throw .incomplete }
        case .array:
            // There are thousands of numbers, and nothing is to be remembered of them.
            var count = 0
            do throws(JSONFailure) {
                var cursor = JSONCursor(bytes.extracting(range))
                try cursor.enterArray()
                while try cursor.nextElement() {
                    _ = try cursor.number()
                    count += 1
                }
            } catch {
                throw .malformed
            }
            guard count > 0 else { throw .incomplete }
        case .object, .number, .bool, .null: throw .malformed
        }
    }

    /// Makes sure that this is a list of vectors, at least one, and tells how many there are.
    func judgeVectors(in bytes: Span<UInt8>) throws(AnswerFlaw) -> Int {
        let vectors = try elements(in: bytes)
        guard !vectors.isEmpty else { throw .incomplete }
        for vector in vectors { try vector.judgeVector(in: bytes) }
        return vectors.count
    }
}
