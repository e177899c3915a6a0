extension RequestFacts {
    /// Reads a body that belongs to such an operation.
    ///
    /// The whole body is validated; equal keys in one object are a flaw, and so is a member that limits depend on and that is of
    /// a wrong type. Texts in members that leo does not know are listed too, with the role `other`; of operations without a
    /// dialect of their own that is every text.
    public static func read(_ operation: Operation, _ body: Span<UInt8>) throws(RequestFlaw) -> RequestFacts {
        let layout = operation.dialect.requestLayout
        var reader = RequestReader(layout)
        do throws(JSONFailure) {
            var cursor = JSONCursor(body)
            if try cursor.peek() == .object {
                try reader.readBody(&cursor)
            } else {
                reader.flaw = .notAnObject
            }
            try cursor.end()
            if reader.flaw == nil, try JSONCursor.hasDuplicateKeys(body) { reader.flaw = .duplicateKeys }
        } catch {
            throw error.reason == .tooManyKeys ? .tooIntricate : .notJSON(error)
        }
        if let flaw = reader.flaw { throw flaw }
        reader.facts.dialect = operation.dialect
        if let streams = operation.streamsByPath { reader.facts.stream = streams }
        // Gemini's bodies name a model as its paths do.
        if operation.dialect.family == .gemini, let model = reader.facts.model, model.hasPrefix("models/") {
            reader.facts.model = String(model.dropFirst("models/".count))
        }
        return reader.facts
    }
}

/// Walks a body along the layout of its dialect.
struct RequestReader {
    var facts = RequestFacts()
    /// The first thing that makes the facts unreliable. The walk goes on, so that what is no JSON is called so.
    var flaw: RequestFlaw?

    private let layout: RequestLayout
    /// The role of the message that is being read, as far as it is known: it may come behind the content.
    private var messageRole: RequestRole?
    private var isInMessage = false

    /// Strings shorter than this are texts whatever they look like.
    private static let dataCountMin = 1024
    /// So many bytes of a string decide whether it is base64.
    private static let dataSampleCount = 256

    init(_ layout: RequestLayout) { self.layout = layout }

    mutating func readBody(_ cursor: inout JSONCursor) throws(JSONFailure) {
        var ahead = cursor
        facts.objectRange = try ahead.skip()
        try readObject(&cursor, layout.body, rest: .loose(.other))
    }

    private mutating func readObject(
        _ cursor: inout JSONCursor, _ table: RequestTable, rest: RequestShape
    ) throws(JSONFailure) {
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            if let member = table.member(key, in: cursor.bytes) {
                try read(&cursor, member.shape, member.name)
            } else {
                try read(&cursor, rest, "")
            }
        }
    }

    private mutating func read(
        _ cursor: inout JSONCursor, _ shape: RequestShape, _ name: StaticString
    ) throws(JSONFailure) {
        switch shape {
        case .ignored: try cursor.skip()
        case .texts(let role): try readTexts(&cursor, role)
        case .loose(let role): try readTexts(&cursor, role, isLoose: true)
        case .json(let role): try readJSON(&cursor, role)
        case .image: try readMedia(&cursor, isImage: true)
        case .media: try readMedia(&cursor, isImage: false)
        case .source: try readSource(&cursor)
        case .messages: try readMessages(&cursor)
        case .role: try readRole(&cursor)
        case .content(let role): try readContent(&cursor, role)
        case .prompts: try readPrompts(&cursor)
        case .nested(let table): try readNested(&cursor, table)
        case .config(let table):
            var ahead = cursor
            facts.configIsNull = try ahead.peek() == .null
            facts.configRange = try ahead.skip()
            try readNested(&cursor, table, name)
        case .bodies(let table): try readBodies(&cursor, table)
        case .kind:
            if try cursor.peek() == .string {
                let kind = try cursor.string()
                if kind.equals("item_reference", in: cursor.bytes) { facts.isStateful = true }
            }
        case .model: try readModel(&cursor, name)
        case .fallbackModels: try readFallbackModels(&cursor, name)
        case .stream:
            switch try cursor.peek() {
            case .bool: facts.stream = try cursor.bool()
            case .null: try cursor.null()
            case .object, .array, .string, .number: note(.wrongType(member: name.description))
            }
        case .streamOptions: try readStreamOptions(&cursor, name)
        case .outputLimit: try readOutputLimit(&cursor, name)
        case .choices:
            if try cursor.peek() == .null { return try cursor.null() }
            guard let count = try integer(&cursor, name) else { return }
            facts.choices = min(max(facts.choices, count), RequestFacts.choiceCountMax)
        case .background:
            if try cursor.peek() == .bool {
                facts.isBackground = try cursor.bool()
            } else {
                try cursor.skip()
            }
        case .stateful:
            switch try cursor.peek() {
            case .bool: if try cursor.bool() { facts.isStateful = true }
            case .null: try cursor.null()
            case .object, .array, .string, .number: facts.isStateful = true
            }
        }
    }

    private mutating func note(_ flaw: RequestFlaw) {
        if self.flaw == nil { self.flaw = flaw }
    }

    // Texts

    private mutating func add(_ range: Range<Int>, _ form: RequestText.Form, _ role: RequestRole?) {
        guard !range.isEmpty else { return }
        guard facts.texts.count < RequestFacts.textCountMax else { return note(.tooIntricate) }
        facts.texts.append(RequestText(range: range, form: form, role: role ?? messageRole ?? .user))
    }

    private mutating func readTexts(
        _ cursor: inout JSONCursor, _ role: RequestRole?, isLoose: Bool = false
    ) throws(JSONFailure) {
        switch try cursor.peek() {
        case .string:
            let string = try cursor.string()
            if isLoose, Self.isData(string, cursor.bytes) {
                addMedia(string.range, isImage: false)
            } else {
                add(string.range, string.hasEscapes ? .escaped : .plain, role)
            }
        case .object:
            try cursor.enterObject()
            while try cursor.nextKey() != nil { try readTexts(&cursor, role, isLoose: isLoose) }
        case .array:
            try cursor.enterArray()
            while try cursor.nextElement() { try readTexts(&cursor, role, isLoose: isLoose) }
        case .number, .bool, .null: try cursor.skip()
        }
    }

    /// Whether a string looks like data rather than like text: long, and nothing but base64, perhaps behind a `data:`.
    private static func isData(_ string: JSONString, _ bytes: Span<UInt8>) -> Bool {
        guard string.range.count >= dataCountMin else { return false }
        if bytes.extracting(string.range).hasPrefix(ignoringCase: "data:") { return true }
        for index in string.range.prefix(dataSampleCount) {
            let byte = bytes[index]
            guard
                ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "=")
            else { return false }
        }
        return true
    }

    /// A string in the place of JSON is JSON in a string.
    private mutating func readJSON(_ cursor: inout JSONCursor, _ role: RequestRole?) throws(JSONFailure) {
        switch try cursor.peek() {
        case .object, .array: add(try cursor.skip(), .json, role)
        case .string, .number, .bool, .null: try readTexts(&cursor, role)
        }
    }

    // Media

    private mutating func addMedia(_ range: Range<Int>, isImage: Bool) {
        facts.mediaCount += 1
        if !isImage { facts.otherMediaByteCount += range.count }
    }

    private mutating func readMedia(_ cursor: inout JSONCursor, isImage: Bool) throws(JSONFailure) {
        switch try cursor.peek() {
        case .null, .bool, .number: try cursor.skip()
        case .array:
            try cursor.enterArray()
            while try cursor.nextElement() { try readMedia(&cursor, isImage: isImage) }
        case .string, .object: addMedia(try cursor.skip(), isImage: isImage)
        }
    }

    private mutating func readSource(_ cursor: inout JSONCursor) throws(JSONFailure) {
        guard try cursor.peek() == .object else { return try readMedia(&cursor, isImage: true) }
        var ahead = cursor
        var isText = false
        var isImage = false
        try ahead.enterObject()
        while let key = try ahead.nextKey() {
            guard try ahead.peek() == .string else { continue }
            let value = try ahead.string()
            if key.equals("type", in: cursor.bytes) {
                isText = value.equals("text", in: cursor.bytes) || value.equals("content", in: cursor.bytes)
                if value.equals("url", in: cursor.bytes) || value.equals("file", in: cursor.bytes) { isImage = true }
            } else if key.equals("media_type", in: cursor.bytes) || key.equals("mimeType", in: cursor.bytes)
                || key.equals("mime_type", in: cursor.bytes)
            {
                isImage = ahead.bytes.extracting(value.range).hasPrefix(ignoringCase: "image/")
            }
        }
        guard isText else { return addMedia(try cursor.skip(), isImage: isImage) }
        try readObject(&cursor, Self.textSource, rest: .ignored)
    }

    private static let textSource = RequestTable([("data", .texts(nil)), ("content", .content(nil))])

    // Messages

    private mutating func readMessages(_ cursor: inout JSONCursor) throws(JSONFailure) {
        switch try cursor.peek() {
        case .array:
            try cursor.enterArray()
            while try cursor.nextElement() { try readMessages(&cursor) }
        case .object: try readMessage(&cursor)
        case .string:
            facts.messageCount += 1
            try readTexts(&cursor, .user)
        case .number, .bool, .null: try cursor.skip()
        }
    }

    private mutating func readMessage(_ cursor: inout JSONCursor) throws(JSONFailure) {
        // A message in a message is one of its parts.
        guard !isInMessage else { return try readObject(&cursor, layout.part, rest: .loose(nil)) }
        facts.messageCount += 1
        isInMessage = true
        messageRole = nil
        let first = facts.texts.count
        var roleless: [Int] = []
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            let before = facts.texts.count
            let hadRole = messageRole != nil
            if let member = layout.message.member(key, in: cursor.bytes) {
                try read(&cursor, member.shape, member.name)
                // What has a role by its place keeps it.
                if !hadRole, member.shape.takesRoleOfMessage { roleless += before..<facts.texts.count }
            } else {
                try read(&cursor, .loose(nil), "")
                if !hadRole { roleless += before..<facts.texts.count }
            }
        }
        if let messageRole, first < facts.texts.count {
            for index in roleless where facts.texts[index].role == .user { facts.texts[index].role = messageRole }
        }
        messageRole = nil
        isInMessage = false
    }

    private mutating func readRole(_ cursor: inout JSONCursor) throws(JSONFailure) {
        guard try cursor.peek() == .string else { return }
        let role = try cursor.string()
        let bytes = cursor.bytes
        if role.equals("user", in: bytes) || role.equals("USER", in: bytes) {
            messageRole = .user
        } else if role.equals("assistant", in: bytes) || role.equals("model", in: bytes)
            || role.equals("CHATBOT", in: bytes)
        {
            messageRole = .assistant
        } else if role.equals("system", in: bytes) || role.equals("developer", in: bytes)
            || role.equals("SYSTEM", in: bytes)
        {
            messageRole = .system
        } else if role.equals("tool", in: bytes) || role.equals("function", in: bytes) || role.equals("TOOL", in: bytes)
        {
            messageRole = .tool
        } else {
            messageRole = .user
        }
    }

    private mutating func readContent(_ cursor: inout JSONCursor, _ role: RequestRole?) throws(JSONFailure) {
        let outer = messageRole
        if let role { messageRole = role }
        switch try cursor.peek() {
        case .string: try readTexts(&cursor, role)
        case .object: try readObject(&cursor, layout.part, rest: .loose(nil))
        case .array:
            try cursor.enterArray()
            while try cursor.nextElement() { try readContent(&cursor, role) }
        case .number, .bool, .null: try cursor.skip()
        }
        if role != nil { messageRole = outer }
    }

    private mutating func readPrompts(_ cursor: inout JSONCursor) throws(JSONFailure) {
        switch try cursor.peek() {
        case .string:
            facts.promptCount += 1
            facts.messageCount += 1
            try readTexts(&cursor, .user)
        case .array:
            try cursor.enterArray()
            var hasNumbers = false
            while try cursor.nextElement() {
                if try cursor.peek() == .number {
                    try cursor.skip()
                    hasNumbers = true
                    facts.tokenNumberCount += 1
                } else {
                    try readPrompts(&cursor)
                }
            }
            if hasNumbers { facts.promptCount += 1 }
        case .object:
            facts.promptCount += 1
            try readMessage(&cursor)
        case .number, .bool, .null: try cursor.skip()
        }
    }

    private mutating func readNested(
        _ cursor: inout JSONCursor, _ table: RequestTable, _ name: StaticString? = nil
    ) throws(JSONFailure) {
        switch try cursor.peek() {
        case .object: try readObject(&cursor, table, rest: .loose(.other))
        case .null: try cursor.null()
        case .array, .string, .number, .bool:
            if let name { note(.wrongType(member: name.description)) }
            try readTexts(&cursor, .other)
        }
    }

    private mutating func readBodies(_ cursor: inout JSONCursor, _ table: RequestTable) throws(JSONFailure) {
        guard try cursor.peek() == .array else { return try readNested(&cursor, table) }
        try cursor.enterArray()
        while try cursor.nextElement() { try readNested(&cursor, table) }
    }

    // What limits depend on

    private mutating func modelName(
        _ cursor: inout JSONCursor, _ name: StaticString
    ) throws(JSONFailure) -> (text: String, range: Range<Int>)? {
        guard try cursor.peek() == .string else {
            note(.wrongType(member: name.description))
            return nil
        }
        let string = try cursor.string()
        guard string.range.count <= Operation.modelBytesMax else {
            note(.wrongType(member: name.description))
            return nil
        }
        return (string.text(in: cursor.bytes), string.quotedRange)
    }

    private mutating func readModel(_ cursor: inout JSONCursor, _ name: StaticString) throws(JSONFailure) {
        if try cursor.peek() == .null { return try cursor.null() }
        guard let (text, range) = try modelName(&cursor, name) else { return }
        facts.model = text.isEmpty ? nil : text
        facts.modelRange = range
    }

    private mutating func readFallbackModels(_ cursor: inout JSONCursor, _ name: StaticString) throws(JSONFailure) {
        switch try cursor.peek() {
        case .null: try cursor.null()
        case .array:
            try cursor.enterArray()
            while try cursor.nextElement() {
                guard let (text, _) = try modelName(&cursor, name) else { continue }
                guard facts.fallbackModels.count < RequestFacts.fallbackModelCountMax else {
                    note(.tooIntricate)
                    continue
                }
                facts.fallbackModels.append(text)
            }
        case .object, .string, .number, .bool: note(.wrongType(member: name.description))
        }
    }

    private mutating func readStreamOptions(_ cursor: inout JSONCursor, _ name: StaticString) throws(JSONFailure) {
        switch try cursor.peek() {
        case .null:
            let range = try cursor.skip()
            facts.streamOptions = .null(range)
        case .object:
            var ahead = cursor
            let range = try ahead.skip()
            var includeUsage: StreamOptions.IncludeUsage?
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                guard key.equals("include_usage", in: cursor.bytes) else { continue }
                let kind = try cursor.peek()
                let value = try cursor.skip()
                switch kind {
                case .bool:
                    let isTrue = cursor.bytes[value.lowerBound] == UInt8(ascii: "t")
                    includeUsage = StreamOptions.IncludeUsage(value: isTrue, range: value)
                case .null: includeUsage = StreamOptions.IncludeUsage(value: nil, range: value)
                case .object, .array, .string, .number: note(.wrongType(member: "include_usage"))
                }
            }
            facts.streamOptions = .object(range, includeUsage: includeUsage)
        case .array, .string, .number, .bool: note(.wrongType(member: name.description))
        }
    }

    private mutating func readOutputLimit(_ cursor: inout JSONCursor, _ name: StaticString) throws(JSONFailure) {
        if try cursor.peek() == .null {
            let range = try cursor.skip()
            facts.outputLimits.append(OutputLimit(value: .max, range: range, isNull: true))
            return
        }
        var ahead = cursor
        guard let value = try integer(&cursor, name) else { return }
        let range = try ahead.skip()
        let isLimit = (1...Usage.tokenCountMax).contains(value)
        facts.outputLimits.append(OutputLimit(value: isLimit ? value : .max, range: range, isNull: false))
    }

    private mutating func integer(_ cursor: inout JSONCursor, _ name: StaticString) throws(JSONFailure) -> Int? {
        if try cursor.peek() == .number, let value = try cursor.number().integer(in: cursor.bytes) { return value }
        note(.wrongType(member: name.description))
        return nil
    }
}

extension RequestShape {
    /// Whether texts in it are the message's own.
    var takesRoleOfMessage: Bool {
        switch self {
        case .texts(let role), .loose(let role), .json(let role), .content(let role): role == nil
        case .source, .nested: true
        case .ignored, .image, .media, .messages, .role, .prompts, .config, .bodies, .kind, .model, .fallbackModels,
            .stream, .streamOptions, .outputLimit, .choices, .stateful, .background:
            false
        }
    }
}
