/// What leo allows an HTTP/2 peer; nothing here is the peer's to choose.
struct HTTP2Limits: Sendable {
    /// Streams at once. RFC 9113 6.5.2 asks for no less than 100; twenty concurrent calls are much for an LLM client.
    var streamsMax = 100
    /// What a peer may send on one stream before leo took any of it: the memory that a stalled reader costs.
    ///
    /// A sender fills one window per round trip: 128 KB are 10 Mbit/s at 100 ms, enough for an upload on a loopback.
    var streamWindowBytes = 128 * 1024
    /// What a peer may send on all streams together within a round trip.
    ///
    /// Credit for the connection is given back as soon as the bytes arrive, so a stream that nobody reads holds back
    /// itself and no other. This only bounds what is on the wire; memory is bounded by the streams' own windows.
    var connectionWindowBytes = 1024 * 1024
    /// The largest header list, counted as RFC 9113 6.5.2 says; as much as an HTTP/1 head may have.
    var headBytesMax = 64 * 1024
    /// Interim answers to one request; real servers send one or two.
    var interimCountMax = 16
    /// Frames of one header block behind its HEADERS: nine frames of 16 KB hold more than ``headBytesMax``.
    var continuationCountMax = 8
    /// Acknowledgements of SETTINGS and PING that wait for a peer who does not read: as many as the frame guard's bursts.
    var outboundAcknowledgementCountMax = 300
    /// The largest header block that leo sends: whatever head it took, with what HPACK and leo's own fields add.
    var outboundHeadBytesMax: Int { 4 * headBytesMax }

    /// Towards clients: uploads come over a short way, and there are many streams.
    static let server = HTTP2Limits()
    /// Towards providers: answers come from far, so a stream gets twice the window.
    static let client = HTTP2Limits(streamWindowBytes: 256 * 1024)
}
