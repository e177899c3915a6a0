/// How the requests of a dialect are laid out: which members are what. The reader walks a body along it.
struct RequestLayout: Sendable {
    /// The members of the body.
    let body: RequestTable
    /// The members of a message.
    var message = RequestTable([])
    /// The members of a part of a message's content.
    var part = RequestTable([])
}

/// The members of one kind of object.
struct RequestTable: Sendable {
    private let members: [(name: StaticString, shape: RequestShape)]

    init(_ members: [(StaticString, RequestShape)]) { self.members = members.map { (name: $0.0, shape: $0.1) } }

    /// A table with further members. Of two with one name the first counts.
    static func + (left: RequestTable, right: RequestTable) -> RequestTable {
        RequestTable((left.members + right.members).map { ($0.name, $0.shape) })
    }

    /// A table with further members.
    static func + (left: RequestTable, right: [(StaticString, RequestShape)]) -> RequestTable {
        left + RequestTable(right)
    }

    /// What a member with this name is, and the name as the table has it; nil for an unknown one.
    func member(_ key: JSONString, in bytes: Span<UInt8>) -> (name: StaticString, shape: RequestShape)? {
        for member in members where key.equals(member.name, in: bytes) { return member }
        return nil
    }
}

/// What a member's value is.
indirect enum RequestShape: Sendable {
    /// Nothing that the model reads or leo asks about.
    case ignored
    /// A text, or texts wherever they are in it. Nil: the role of the message it is in.
    case texts(RequestRole?)
    /// Likewise, but what looks like data counts as media: for members that leo does not know.
    case loose(RequestRole?)
    /// JSON that the model reads as a whole.
    case json(RequestRole?)
    /// An image, by its data or its address.
    case image
    /// A document, recording or video, likewise.
    case media
    /// Data or an address with the type of what it is; or, of Anthropic's sources, text after all.
    case source
    /// Messages: one, several, or a string that stands for a user's.
    case messages
    /// The role of the message it is in.
    case role
    /// A string, a part or a list of parts.
    case content(RequestRole?)
    /// A string, a list of strings, or tokens as numbers, or a list of such lists.
    case prompts
    /// An object with members of its own.
    case nested(RequestTable)
    /// Likewise, and the one that holds the output limit.
    case config(RequestTable)
    /// Further bodies in a list, or one.
    case bodies(RequestTable)
    /// The kind of an item, of which one refers to what the provider has.
    case kind
    /// The model's name.
    case model
    /// A list of models.
    case fallbackModels
    /// `true` for a stream.
    case stream
    /// OpenAI's `stream_options`.
    case streamOptions
    /// A limit of the output's tokens.
    case outputLimit
    /// How many answers are wanted.
    case choices
    /// Something that the provider keeps, if it is there.
    case stateful
    /// OpenAI's `background`: the answer comes later, to another request.
    case background
}
