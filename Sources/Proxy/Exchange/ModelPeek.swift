import Wire

/// Looks for `model` in the body of a request while it passes by, for the log and for what is learnt per model.
struct ModelPeek: ~Copyable {
    /// What came of it.
    enum Finding {
        case model(String)
        /// The body has none, or is no object.
        case none
    }

    private var scanner = JSONMemberScanner(names: ["model"])
    private var byteCount = 0

    /// A prompt of more than this stands before the model in few requests, and looking costs time.
    private static let byteCountMax = 1024 * 1024
    /// Nearly always the model comes first, and what is behind it needs no looking at.
    private static let stepByteCount = 64

    /// Takes the next bytes; nil as long as it is open what comes of it.
    mutating func take(_ data: Span<UInt8>) -> Finding? {
        var start = 0
        while start < data.count {
            let end = min(start + Self.stepByteCount, data.count)
            if let found = step(data.extracting(start..<end)) { return found }
            start = end
        }
        return nil
    }

    private mutating func step(_ data: Span<UInt8>) -> Finding? {
        byteCount += data.count
        scanner.take(data)
        if let value = scanner.member(0) {
            var cursor = JSONCursor(value.span)
            guard let name = try? cursor.string() else { return Finding.none }
            return .model(name.text(in: value.span))
        }
        return scanner.isComplete || scanner.isBroken || byteCount > Self.byteCountMax ? Finding.none : nil
    }
}
