import Wire

/// How the answer of a leader begins: a final 200, and what of its head followers are to see.
public struct FlightHead: Sendable {
    /// The media type as the leader's client gets it.
    public var contentType: String
    /// Further fields worth showing to followers too: the provider's request ids.
    public var fields: [(name: String, value: String)]
    /// Whether the answer is a stream that can be followed while it runs.
    public var isStream: Bool

    /// Describes a head.
    public init(contentType: String, fields: [(name: String, value: String)] = [], isStream: Bool) {
        self.contentType = contentType
        self.fields = fields
        self.isStream = isStream
    }
}

/// A whole answer, at the end of a flight.
public struct FlightAnswer: Equatable, Sendable {
    /// The answer as the dialect's JSON document, from which followers of any form are served; nil where there is none.
    /// Without it those who want the leader's very form get the leader's very text, and the others go alone.
    public var document: [UInt8]?
    /// The model that answered, for the followers' log lines.
    public var model: String?
    /// What the provider counted: what each follower saved.
    public var usage: Usage?
    /// How long the answer has been kept; nil for one that has just been made.
    public var ageSeconds: UInt64?
    /// Whether its time is over: the provider has none, and a follower gives what it has found itself, or asks.
    public var isStale = false

    /// Describes an answer.
    public init(
        document: [UInt8]?, model: String? = nil, usage: Usage? = nil, ageSeconds: UInt64? = nil
    ) {
        self.ageSeconds = ageSeconds
        self.document = document
        self.model = model
        self.usage = usage
    }
}

/// What an exchange is to a flight.
public enum FlightRole: Sendable {
    /// It is the first: it asks the upstream, for itself and for whoever joins.
    ///
    /// The leader before it may have ended between this exchange's look into the cache and now. So it looks into the cache
    /// once more before it asks the upstream; if the answer lies there, it completes the flight with that.
    case leader(FlightLeader)
    /// It follows one that runs.
    case follower(FlightFollower)
    /// It asks the upstream for itself alone: the table is full, or the flight takes no more followers.
    case alone
}

/// What a follower does next.
public enum FlightStep: Sendable {
    /// Sleep until woken, then ask again.
    case wait
    /// Ask the upstream, for itself and for those who still wait: the leader failed. Given once; the follower is done.
    case lead(FlightLeader)
    /// Ask the upstream for itself alone: nothing was received, and nothing will come. The follower is done.
    case alone
    /// The answer begins; its text follows in pieces.
    case head(FlightHead)
    /// The next piece of the text, never empty, at most ``FlightTable/pieceByteCountMax`` bytes.
    case data([UInt8])
    /// The answer is whole. After ``head(_:)`` all text was given; otherwise ``FlightAnswer/document`` is there and is
    /// rendered in the follower's form, or, where that cannot be, the follower asks for itself. The follower is done.
    case end(FlightAnswer)
    /// The provider refused the leader's request, and would refuse the follower's equal one. The follower is done.
    case refused(status: Int, contentType: String, body: [UInt8])
    /// What was received stays without its end, and the follower's client must see that. The follower is done.
    case cut
}
