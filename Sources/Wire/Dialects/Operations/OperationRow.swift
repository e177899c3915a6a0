/// One operation of a family: the method, the end of the path, and what they mean.
struct OperationRow: Sendable {
    /// What an operation sets going.
    enum Effect: Sendable {
        /// A model works for it, and the answer tells its usage if anything does.
        case work
        /// A model works for it later, and no answer of this exchange tells the usage.
        case batch
        /// No model works for it.
        case nothing
    }

    /// The methods of a row; HEAD goes with GET.
    enum Methods: Sendable {
        case post
        case get
        case delete
        case put
        case patch
        /// Looking up and deleting.
        case getOrDelete
        /// Every method that changes or tells something.
        case any

        func contain(_ method: HTTP1Method) -> Bool {
            switch method {
            case .post: self == .post || self == .any
            case .get, .head: self == .get || self == .getOrDelete || self == .any
            case .delete: self == .delete || self == .getOrDelete || self == .any
            case .put: self == .put || self == .any
            case .patch: self == .patch || self == .any
            case .options, .connect, .trace, .other: false
            }
        }
    }

    let methods: Methods
    let pattern: PathPattern
    let name: String
    let dialect: Dialect
    let operationClass: OperationClass
    let effect: Effect
    let streams: Bool?

    /// `pattern` is the end of a path: `chat/completions`; `*` is any segment, `{model}` the one that names the model,
    /// either may have an end of its own (`{model}:generateContent`), and a last `**` is any number of segments.
    init(
        _ methods: Methods, _ pattern: String, _ name: String, _ dialect: Dialect,
        _ operationClass: OperationClass = .inspected, _ effect: Effect = .work, streams: Bool? = nil
    ) {
        self.methods = methods
        self.pattern = PathPattern(pattern)
        self.name = name
        self.dialect = dialect
        self.operationClass = operationClass
        self.effect = effect
        self.streams = streams
    }

    /// A row for what neither holds text nor sets anything going.
    static func management(_ methods: Methods, _ pattern: String, _ name: String, _ dialect: Dialect) -> OperationRow {
        OperationRow(methods, pattern, name, dialect, .noText, .nothing, streams: false)
    }

    func match(_ method: HTTP1Method, _ segments: PathSegments, _ path: Span<UInt8>) -> PathMatch? {
        guard methods.contain(method) else { return nil }
        return pattern.match(segments, path)
    }

    func operation(model: Range<Int>?, contentType: Span<UInt8>?) -> Operation {
        Operation(
            dialect: dialect, name: name,
            operationClass: operationClass == .inspected && !Self.mayBeJSON(contentType)
                ? .opaqueMedia : operationClass,
            modelRange: model, streamsByPath: streams, isBatchCreation: effect == .batch,
            createsWork: effect != .nothing)
    }

    /// Whether a body that is called this may be JSON. Servers differ in what they ask of the name, so only what says
    /// plainly that it is something else is not.
    private static func mayBeJSON(_ contentType: Span<UInt8>?) -> Bool {
        guard let contentType else { return true }
        return !contentType.hasPrefix(ignoringCase: "multipart/") && !contentType.hasPrefix(ignoringCase: "audio/")
            && !contentType.hasPrefix(ignoringCase: "image/") && !contentType.hasPrefix(ignoringCase: "video/")
            && !contentType.hasPrefix(ignoringCase: "application/octet-stream")
            && !contentType.hasPrefix(ignoringCase: "application/x-www-form-urlencoded")
    }
}

/// Where a pattern found the model.
struct PathMatch {
    var model: Range<Int>?
}

/// The end of a path, compiled.
struct PathPattern: Sendable {
    private enum Part: Sendable {
        case literal(PathText)
        /// Any segment with this end.
        case any(PathText)
        /// The model, then this end.
        case model(PathText)
    }

    private let parts: [Part]
    private let isOpen: Bool
    /// A path of this form, without its first slash.
    let example: String

    init(_ text: String) {
        var words = text.split(separator: "/").map(String.init)
        isOpen = words.last == "**"
        if isOpen { words.removeLast() }
        example = words.map { $0.hasPrefix("*") ? "x\($0.dropFirst())" : $0 }.joined(separator: "/")
        parts = words.map { word in
            if word.hasPrefix("*") { return .any(PathText(String(word.dropFirst()))) }
            if word.hasPrefix("{model}") { return .model(PathText(String(word.dropFirst("{model}".count)))) }
            return .literal(PathText(word))
        }
    }

    func match(_ segments: PathSegments, _ path: Span<UInt8>) -> PathMatch? {
        let last = segments.count - parts.count
        guard last >= 0 else { return nil }
        guard isOpen else { return match(segments, path, at: last) }
        for start in 0...last {
            if let match = match(segments, path, at: start) { return match }
        }
        return nil
    }

    private func match(_ segments: PathSegments, _ path: Span<UInt8>, at start: Int) -> PathMatch? {
        var model: Range<Int>?
        // From the end, where paths differ most.
        for offset in parts.indices.reversed() {
            let segment = segments[start + offset]
            switch parts[offset] {
            case .literal(let text):
                guard text.isEqual(to: path, segment) else { return nil }
            case .any(let end):
                guard end.isProperEnd(of: path, segment) else { return nil }
            case .model(let end):
                guard end.isProperEnd(of: path, segment) else { return nil }
                model = segment.lowerBound..<(segment.upperBound - end.count)
            }
        }
        return PathMatch(model: model)
    }
}

/// A word of a pattern.
struct PathText: Sendable, ExpressibleByStringLiteral {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    init(stringLiteral text: String) { self.init(text) }

    var count: Int { bytes.count }

    func isEqual(to path: Span<UInt8>, _ segment: Range<Int>) -> Bool {
        segment.count == bytes.count && isEnd(of: path, segment)
    }

    /// Whether the segment ends so, after at least one byte of its own.
    func isProperEnd(of path: Span<UInt8>, _ segment: Range<Int>) -> Bool {
        segment.count > bytes.count && isEnd(of: path, segment)
    }

    private func isEnd(of path: Span<UInt8>, _ segment: Range<Int>) -> Bool {
        let start = segment.upperBound - bytes.count
        for offset in bytes.indices where path[start + offset] != bytes[offset] { return false }
        return true
    }
}
