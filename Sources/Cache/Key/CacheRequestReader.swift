import Wire

/// Walks a request's body along the tables of its dialect, writes the canonical form and notes what the cache asks about.
///
/// The walk always goes to the end, so that what is no JSON is called so whatever else is wrong with it.
struct CacheRequestReader {
    /// What is in the key, as far as it is read.
    private(set) var json: CanonicalJSON
    /// The first reason, in the order of ``CacheBypass``, to have nothing to do with the request.
    private(set) var bypass: CacheBypass?
    /// What the body says.
    private(set) var facts = CacheFacts()
    /// What each member is, where somebody wants to know.
    var parts: CacheKeyPartList?

    init(capacity: Int) { json = CanonicalJSON(capacity: capacity) }

    mutating func note(_ reason: CacheBypass) {
        guard let bypass else { return bypass = reason }
        for known in CacheBypass.allCases where known == bypass || known == reason { return self.bypass = known }
    }

    /// Reads the whole document.
    mutating func readBody(_ bytes: Span<UInt8>, _ table: CacheTable) {
        do throws(JSONFailure) {
            var cursor = JSONCursor(bytes)
            guard try cursor.peek() == .object else { return note(.notJSON) }
            try readObject(&cursor, table)
            try cursor.end()
        } catch {
            switch error.reason {
            case .tooDeep, .tooManyKeys: note(.tooIntricate)
            case .cutOff, .unexpectedByte, .notUTF8, .controlCharacter, .escape, .loneSurrogate, .number,
                .trailingBytes, .otherKind:
                note(.notJSON)
            }
            return
        }
        if json.hasDuplicateKeys { note(.duplicateKeys) }
        if json.hasUnclearKeys { note(.unclearKeys) }
    }

    // Objects that leo knows

    private mutating func readObject(_ cursor: inout JSONCursor, _ table: CacheTable) throws(JSONFailure) {
        var kind = Kind.absent
        var hasRole = false
        try cursor.enterObject()
        json.beginObject()
        while let key = try cursor.nextKey() {
            try json.beginMember(key, in: cursor.bytes)
            let member = table.member(key, in: cursor.bytes)
            if member == nil, table.resemblesMember(key, in: cursor.bytes) { note(.unclearKeys) }
            let shape = member?.shape ?? table.rest
            if case .role = shape, try cursor.peek() == .string { hasRole = true }
            parts?.enter(key.text(in: cursor.bytes))
            let start = json.written.count
            if case .kind = shape {
                kind = try readKind(&cursor, table.kinds)
            } else {
                if member == nil, case .unknown = shape { try noteReference(&cursor, key) }
                try read(&cursor, shape)
            }
            parts?.leave(side: shape.side, isKnown: member != nil, byteCount: json.written.count - start)
            if shape.side == .ignored { json.dropMember() } else { json.endMember() }
        }
        json.endObject(isSorted: !table.keepsOrder, in: cursor.bytes)
        if let kinds = table.kinds { judge(kind, hasRole, kinds) }
    }

    /// A value of which the table knows the members if it is an object, or a list of objects.
    private mutating func readMembers(_ cursor: inout JSONCursor, _ table: CacheTable) throws(JSONFailure) {
        switch try cursor.peek() {
        case .object: try readObject(&cursor, table)
        case .array:
            parts?.enterElements()
            try cursor.enterArray()
            json.beginArray()
            while try cursor.nextElement() {
                try readMembers(&cursor, table)
                json.endElement()
            }
            json.endArray()
            parts?.leaveElements()
        case .string, .number, .bool:
            if let reason = table.plain { note(reason) }
            try readValue(&cursor, isSorted: true, isWary: table.isMedia)
        case .null: try readValue(&cursor, isSorted: true, isWary: false)
        }
    }

    private mutating func read(_ cursor: inout JSONCursor, _ shape: CacheShape) throws(JSONFailure) {
        let start = json.written.count
        switch shape {
        case .option, .role: try readValue(&cursor, isSorted: true, isWary: false)
        case .content, .ignored: try readValue(&cursor, isSorted: false, isWary: false)
        case .unknown: try readValue(&cursor, isSorted: false, isWary: true)
        case .members(let table): try readMembers(&cursor, table())
        case .stream: try readStream(&cursor)
        case .streamOptions: try readStreamOptions(&cursor)
        case .model: try readModel(&cursor, isJudged: true, isFirst: true)
        case .models: try readModel(&cursor, isJudged: true, isFirst: false)
        case .anyModel: try readModel(&cursor, isJudged: false, isFirst: true)
        case .temperature:
            let isNumber = try cursor.peek() == .number
            try readValue(&cursor, isSorted: true, isWary: false)
            if isNumber { facts.noteTemperature(isZero: isZero(from: start)) }
        case .absent(let reason):
            try readValue(&cursor, isSorted: false, isWary: false)
            if !isWritten("null", "false", "[]", from: start) { note(reason) }
        case .untrue(let reason):
            try readValue(&cursor, isSorted: false, isWary: false)
            if !isWritten("null", "false", from: start) { note(reason) }
        case .store:
            try readValue(&cursor, isSorted: false, isWary: false)
            facts.storeIsFalse = isWritten("false", from: start)
        case .address: try readAddress(&cursor)
        case .data:
            try readValue(&cursor, isSorted: false, isWary: true)
        case .modalities:
            try readValue(&cursor, isSorted: false, isWary: false)
            let isText =
                isWritten("null", "[]", from: start)
                || isWritten("[\"text\"]", "\"text\"", from: start) || isWritten("[\"TEXT\"]", "\"TEXT\"", from: start)
            if !isText { note(.audio) }
        case .kind: _ = try readKind(&cursor, nil)
        }
    }

    // Values of any kind

    private mutating func readValue(
        _ cursor: inout JSONCursor, isSorted: Bool, isWary: Bool
    ) throws(JSONFailure) {
        switch try cursor.peek() {
        case .string:
            let start = json.written.count
            json.string(try cursor.string(), in: cursor.bytes)
            if isWary, MediaAddress.isAddress(json.written.span, inside: start) { note(.urlMedia) }
        case .number, .bool, .null:
            let range = try cursor.skip()
            json.word(range, in: cursor.bytes)
        case .array:
            try cursor.enterArray()
            json.beginArray()
            while try cursor.nextElement() {
                try readValue(&cursor, isSorted: isSorted, isWary: isWary)
                json.endElement()
            }
            json.endArray()
        case .object:
            try cursor.enterObject()
            json.beginObject()
            while let key = try cursor.nextKey() {
                try json.beginMember(key, in: cursor.bytes)
                if isWary { try noteReference(&cursor, key) }
                try readValue(&cursor, isSorted: isSorted, isWary: isWary)
                json.endMember()
            }
            json.endObject(isSorted: isSorted, in: cursor.bytes)
        }
    }

    /// A name that refers to a file, wherever it comes.
    private mutating func noteReference(_ cursor: inout JSONCursor, _ key: JSONString) throws(JSONFailure) {
        let digest = key.foldedDigest(in: cursor.bytes)
        for name in Self.references where name == digest {
            if try cursor.peek() != .null { note(.state) }
        }
    }

    private static let references = ["file_id", "file_ids", "container_id", "vector_store_ids", "cached_content"]
        .map { JSONString.foldedDigest(ofName: Array($0.utf8).span) }

    private mutating func readAddress(_ cursor: inout JSONCursor) throws(JSONFailure) {
        switch try cursor.peek() {
        case .string:
            let start = json.written.count
            json.string(try cursor.string(), in: cursor.bytes)
            if !MediaAddress.isData(json.written.span, inside: start) { note(.urlMedia) }
        case .array:
            try cursor.enterArray()
            json.beginArray()
            while try cursor.nextElement() {
                try readAddress(&cursor)
                json.endElement()
            }
            json.endArray()
        case .object: try readObject(&cursor, .address)
        case .number, .bool, .null: try readValue(&cursor, isSorted: true, isWary: false)
        }
    }

    // Kinds

    private enum Kind {
        case absent, allowed, refused
    }

    private mutating func readKind(_ cursor: inout JSONCursor, _ kinds: CacheKinds?) throws(JSONFailure) -> Kind {
        guard try cursor.peek() == .string else {
            let isNull = try cursor.peek() == .null
            try readValue(&cursor, isSorted: true, isWary: false)
            return isNull ? .absent : .refused
        }
        let word = try cursor.string()
        json.string(word, in: cursor.bytes)
        for allowed in kinds?.allowed ?? [] where word.equals(allowed, in: cursor.bytes) { return .allowed }
        return .refused
    }

    private mutating func judge(_ kind: Kind, _ hasRole: Bool, _ kinds: CacheKinds) {
        let isAllowed =
            switch kind {
            case .allowed: true
            case .refused: false
            case .absent:
                switch kinds.absence {
                case .allowed: true
                case .refused: false
                case .allowedWithRole: hasRole
                }
            }
        if !isAllowed { note(kinds.otherwise) }
    }

    // What the form depends on

    private mutating func readStream(_ cursor: inout JSONCursor) throws(JSONFailure) {
        let start = json.written.count
        try readValue(&cursor, isSorted: true, isWary: false)
        if isWritten("true", from: start) {
            facts.streams = true
        } else if !isWritten("false", "null", from: start) {
            note(.wrongType)
        }
    }

    private mutating func readStreamOptions(_ cursor: inout JSONCursor) throws(JSONFailure) {
        let start = json.written.count
        var ahead = cursor
        try readValue(&cursor, isSorted: true, isWary: false)
        if isWritten("null", from: start) { return }
        facts.streamOptions = json.canonical(from: start)
        guard try ahead.peek() == .object else { return note(.wrongType) }
        try ahead.enterObject()
        while let key = try ahead.nextKey() {
            let kind = try ahead.peek()
            let isTrue = kind == .bool ? try ahead.bool() : false
            if kind == .null { continue }
            if key.equals("include_usage", in: ahead.bytes) {
                if kind != .bool { note(.wrongType) }
                facts.asksForUsage = isTrue
            } else if !key.equals("include_obfuscation", in: ahead.bytes), kind != .bool || isTrue {
                facts.hasOtherStreamOptions = true
            }
        }
    }

    private mutating func readModel(
        _ cursor: inout JSONCursor, isJudged: Bool, isFirst: Bool
    ) throws(JSONFailure) {
        switch try cursor.peek() {
        case .string:
            let name = try cursor.string()
            json.string(name, in: cursor.bytes)
            guard name.range.count <= Operation.modelBytesMax else { return }
            let text = name.text(in: cursor.bytes)
            if isFirst, !text.isEmpty { facts.model = text }
            if isJudged, let reason = ModelName.bypass(text) { note(reason) }
        case .array:
            try cursor.enterArray()
            json.beginArray()
            while try cursor.nextElement() {
                try readModel(&cursor, isJudged: isJudged, isFirst: false)
                json.endElement()
            }
            json.endArray()
        case .object, .number, .bool, .null: try readValue(&cursor, isSorted: false, isWary: false)
        }
    }

    // What was written last

    private func isWritten(_ texts: StaticString..., from start: Int) -> Bool {
        let bytes = json.written.span.extracting(start..<json.written.count)
        for text in texts where bytes.equals(text) { return true }
        return false
    }

    /// Whether the number that was written is zero in some spelling: all of its digits, but for those of the exponent.
    private func isZero(from start: Int) -> Bool {
        for byte in json.written[start...] {
            if byte | 0x20 == UInt8(ascii: "e") { return true }
            if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte) { return false }
        }
        return true
    }
}

/// What a body says that is not only part of the key.
struct CacheFacts {
    var model: String?
    /// `stream` is true.
    var streams = false
    /// The canonical `stream_options`, if there are any.
    var streamOptions: [UInt8] = []
    /// `include_usage` is true.
    var asksForUsage = false
    /// There are stream options that leo does not know.
    var hasOtherStreamOptions = false
    /// `store` is there and false.
    var storeIsFalse = false
    private var hasZeroTemperature = false
    private var hasOtherTemperature = false

    /// Whether there is a temperature, and every one is zero.
    var isGreedy: Bool { hasZeroTemperature && !hasOtherTemperature }

    mutating func noteTemperature(isZero: Bool) {
        if isZero { hasZeroTemperature = true } else { hasOtherTemperature = true }
    }
}
