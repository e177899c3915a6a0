import CNGHTTP2
import Wire

/// nghttp2's session: the only file that knows its types. It turns callbacks into calls of ``HTTP2Session`` and results
/// into numbers and words.
///
/// Inside a callback everything may be submitted; only receiving and sending may not be entered again, and the owner
/// sees to that.
@safe
final class NativeHTTP2 {
    private let session: OpaquePointer
    /// Who is told; set right after init, before anything can happen.
    weak var owner: HTTP2Session?
    /// Where frames go during ``send(into:byteCountMax:)``.
    private var output = ByteQueue()
    /// Where ``send(into:byteCountMax:)`` stops.
    private var outputByteCountMax = 0
    /// What the library last said about a mistake of the peer's.
    private(set) var lastProblem: String?

    /// A frame that was sent, as far as the owner cares.
    enum SentFrame {
        case headers(Int32, ends: Bool)
        case data(Int32, ends: Bool)
        case reset(Int32, HTTP2ErrorCode)
        case goAway(HTTP2ErrorCode)
        case other
    }

    init(role: HTTP2Session.Role, limits: HTTP2Limits) throws(HTTP2Failure) {
        unsafe session = try Self.make(role, limits)
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { unsafe nghttp2_session_del(session) }

    // MARK: - Bytes

    /// Feeds bytes; what made the session unusable, if something did. `nghttp2_session_mem_recv`
    func receive(_ bytes: Span<UInt8>) -> Problem? {
        let result = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe nghttp2_session_mem_recv(session, buffer.baseAddress, buffer.count)
        }
        return result < 0 ? Problem(Int32(truncatingIfNeeded: result)) : nil
    }

    /// Why the library cannot go on.
    struct Problem {
        /// The code for the GOAWAY.
        let code: HTTP2ErrorCode
        /// The library's words.
        let explanation: String

        init(_ result: Int32) {
            code =
                switch result {
                case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: .protocolError
                case NGHTTP2_ERR_FLOODED.rawValue: .enhanceYourCalm
                default: .internalError
                }
            explanation = NativeHTTP2.explanation(result)
        }
    }

    /// Appends frames to `out` up to about `byteCountMax`. `nghttp2_session_mem_send`
    func send(into out: inout ByteQueue, byteCountMax: Int) -> String? {
        swap(&out, &output)
        defer { swap(&out, &output) }
        outputByteCountMax = byteCountMax
        while output.count < byteCountMax {
            var start: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &start)
            if count < 0 { return Self.explanation(Int32(truncatingIfNeeded: count)) }
            guard count > 0, let start = unsafe start else { break }
            unsafe output.append(Span(_unsafeStart: start, count: count))
        }
        return nil
    }

    /// `nghttp2_session_want_write`
    var wantsSend: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    /// `nghttp2_session_want_read`
    var wantsReceive: Bool { unsafe nghttp2_session_want_read(session) != 0 }

    /// Frames other than DATA that wait. `nghttp2_session_get_outbound_queue_size`
    var queuedFrameCount: Int { unsafe nghttp2_session_get_outbound_queue_size(session) }

    /// The library's words for a result below zero. `nghttp2_strerror`
    static func explanation(_ result: Int32) -> String { unsafe String(cString: nghttp2_strerror(result)) }

    // MARK: - Connection

    /// `nghttp2_submit_settings`
    func submitSettings(role: HTTP2Session.Role, limits: HTTP2Limits, enableConnectProtocol: Bool) throws(HTTP2Failure)
    {
        var entries = [
            Self.setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
            Self.setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headBytesMax),
            // Priorities by dependency (RFC 7540) are a tree that a peer can grow; without them every stream gets its
            // turn (RFC 9218 2.1).
            Self.setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        switch role {
        case .server:
            entries.append(Self.setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsMax))
            if enableConnectProtocol { entries.append(Self.setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)) }
        case .client:
            entries.append(Self.setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let result = unsafe entries.withUnsafeBufferPointer { buffer in
            unsafe nghttp2_submit_settings(session, Self.noFlags, buffer.baseAddress, buffer.count)
        }
        if result != 0 { throw HTTP2Failure(.internalError, detail: Self.explanation(result)) }
        _ = unsafe nghttp2_session_set_local_window_size(
            session, Self.noFlags, 0, Int32(clamping: limits.connectionWindowBytes))
    }

    /// `SETTINGS_MAX_CONCURRENT_STREAMS` of the peer. `nghttp2_session_get_remote_settings`
    var peerStreamsMax: Int {
        Int(unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// `SETTINGS_ENABLE_CONNECT_PROTOCOL` of the peer. `nghttp2_session_get_remote_settings`
    var peerEnablesConnectProtocol: Bool {
        unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// `nghttp2_session_check_request_allowed`
    var canRequest: Bool { unsafe nghttp2_session_check_request_allowed(session) != 0 }

    /// GOAWAY that names no last stream, and a PING whose answer says that the peer has read it.
    /// `nghttp2_submit_shutdown_notice`
    func submitShutdownNotice() {
        _ = unsafe nghttp2_submit_shutdown_notice(session)
        _ = unsafe nghttp2_submit_ping(session, Self.noFlags, nil)
    }

    /// GOAWAY with the last stream that leo works on. `nghttp2_submit_goaway`
    func submitFinalGoAway() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        _ = unsafe nghttp2_submit_goaway(session, Self.noFlags, last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// GOAWAY, after which nothing is received or sent. `nghttp2_session_terminate_session`
    func terminate(_ code: HTTP2ErrorCode) { _ = unsafe nghttp2_session_terminate_session(session, code.rawValue) }

    /// Gives connection credit back. `nghttp2_session_consume_connection`
    func consumeConnection(_ byteCount: Int) {
        _ = unsafe nghttp2_session_consume_connection(session, byteCount)
    }

    // MARK: - Streams

    /// Gives stream credit back. `nghttp2_session_consume_stream`
    func consume(_ byteCount: Int, stream id: Int32) {
        _ = unsafe nghttp2_session_consume_stream(session, id, byteCount)
    }

    /// The new stream's identifier, or the library's error. `nghttp2_submit_request`
    func submitRequest(_ fields: HTTP2FieldList, hasBody: Bool) -> Int32 {
        unsafe withNames(fields) { names in
            var provider = unsafe Self.provider
            return unsafe withUnsafePointer(to: &provider) { provider in
                unsafe nghttp2_submit_request(
                    session, nil, names.baseAddress, names.count, hasBody ? provider : nil, nil)
            }
        }
    }

    /// `nghttp2_submit_response`
    func submitAnswer(_ fields: HTTP2FieldList, stream id: Int32, hasBody: Bool) {
        _ = unsafe withNames(fields) { names in
            var provider = unsafe Self.provider
            return unsafe withUnsafePointer(to: &provider) { provider in
                unsafe nghttp2_submit_response(
                    session, id, names.baseAddress, names.count, hasBody ? provider : nil)
            }
        }
    }

    /// `nghttp2_submit_headers`
    func submitInterim(_ fields: HTTP2FieldList, stream id: Int32) {
        _ = unsafe withNames(fields) { names in
            unsafe nghttp2_submit_headers(session, Self.noFlags, id, nil, names.baseAddress, names.count, nil)
        }
    }

    /// `nghttp2_submit_trailer`
    private func submitTrailer(_ fields: HTTP2FieldList, stream id: Int32) -> Bool {
        unsafe withNames(fields) { names in unsafe nghttp2_submit_trailer(session, id, names.baseAddress, names.count) }
            == 0
    }

    /// `nghttp2_submit_rst_stream`
    func submitReset(_ code: HTTP2ErrorCode, stream id: Int32) {
        _ = unsafe nghttp2_submit_rst_stream(session, Self.noFlags, id, code.rawValue)
    }

    /// There is content again. `nghttp2_session_resume_data`
    func resume(_ id: Int32) { _ = unsafe nghttp2_session_resume_data(session, id) }

    /// Content that the peer's windows allow now. `nghttp2_session_get_stream_remote_window_size`
    func sendWindow(_ id: Int32) -> Int {
        let ofStream = unsafe nghttp2_session_get_stream_remote_window_size(session, id)
        return Int(min(ofStream, unsafe nghttp2_session_get_remote_window_size(session)))
    }

    /// Streams of one connection take turns, whatever the client says about their urgency (RFC 9218 4).
    /// `nghttp2_session_change_extpri_stream_priority`
    func shareEvenly(_ id: Int32) {
        var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
        _ = unsafe nghttp2_session_change_extpri_stream_priority(session, id, &priority, 1)
    }

    // MARK: - Inside

    private static let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)

    private static func setting(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }

    /// Lends the fields in the library's form.
    private func withNames(_ list: HTTP2FieldList, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Int32) -> Int32 {
        unsafe list.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return NGHTTP2_ERR_INVALID_ARGUMENT.rawValue }
            // The library copies names and values and changes neither.
            let start = unsafe UnsafeMutablePointer(mutating: base)
            var names: [nghttp2_nv] = unsafe []
            unsafe names.reserveCapacity(list.fields.count)
            for field in list.fields {
                let flags = field.isNeverIndexed ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
                unsafe names.append(
                    nghttp2_nv(
                        name: start + field.nameStart, value: start + field.valueStart,
                        namelen: field.valueStart - field.nameStart, valuelen: field.valueEnd - field.valueStart,
                        flags: UInt8(flags.rawValue)))
            }
            return unsafe names.withUnsafeBufferPointer { unsafe body($0) }
        }
    }

    private static func make(_ role: HTTP2Session.Role, _ limits: HTTP2Limits) throws(HTTP2Failure) -> OpaquePointer {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        defer {
            unsafe nghttp2_session_callbacks_del(callbacks)
            unsafe nghttp2_option_del(option)
        }
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0, unsafe nghttp2_option_new(&option) == 0,
            let callbacks = unsafe callbacks, let option = unsafe option
        else { throw HTTP2Failure(.internalError, detail: "out of memory") }
        unsafe setCallbacks(callbacks)
        // Credit is given back by hand: to the connection at once, to a stream when its exchange took the bytes.
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, limits.outboundAcknowledgementCountMax)
        unsafe nghttp2_option_set_max_continuations(option, limits.continuationCountMax)
        unsafe nghttp2_option_set_max_deflate_dynamic_table_size(option, hpackTableBytesMax)
        unsafe nghttp2_option_set_max_send_header_block_length(option, limits.outboundHeadBytesMax)
        var session: OpaquePointer?
        let result =
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&session, callbacks, nil, option)
            case .client: unsafe nghttp2_session_client_new2(&session, callbacks, nil, option)
            }
        guard result == 0, let session = unsafe session else {
            throw HTTP2Failure(.internalError, detail: explanation(result))
        }
        return unsafe session
    }

    /// The table for what leo compresses, the default of RFC 7541; a peer may offer more, and each costs memory.
    private static let hpackTableBytesMax = 4096
}

// MARK: - Callbacks

extension NativeHTTP2 {
    private static func owner(_ data: UnsafeMutableRawPointer?) -> HTTP2Session? {
        unsafe native(data)?.owner
    }

    private static func native(_ data: UnsafeMutableRawPointer?) -> NativeHTTP2? {
        unsafe data.map { unsafe Unmanaged<NativeHTTP2>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The bytes that the library lends for the time of a callback.
    @_lifetime(immortal)
    private static func span(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Span<UInt8> {
        let span = unsafe Span<UInt8>(_unsafeElements: UnsafeBufferPointer(start: start, count: count))
        return unsafe _overrideLifetime(span, borrowing: ())
    }

    private static func code(_ number: UInt32) -> HTTP2ErrorCode { HTTP2ErrorCode(number: number) }

    private static func setCallbacks(_ callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, data in
            unsafe NativeHTTP2.owner(data)?.headersBegan(frame!.pointee.hd.stream_id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, flags, data in
            unsafe NativeHTTP2.owner(data)?.received(
                name: NativeHTTP2.span(name, nameCount), value: NativeHTTP2.span(value, valueCount),
                isNeverIndexed: UInt32(flags) & NGHTTP2_NV_FLAG_NO_INDEX.rawValue != 0,
                on: frame!.pointee.hd.stream_id)
            return 0
        }
        // Without this the library would drop the field and pass the rest on.
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, id, start, count, data in
            unsafe NativeHTTP2.owner(data)?.received(data: NativeHTTP2.span(start, count), on: id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            unsafe NativeHTTP2.received(frame!, NativeHTTP2.owner(data))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, problem, data in
            unsafe NativeHTTP2.owner(data)?.invalidFrame(on: frame!.pointee.hd.stream_id)
            unsafe NativeHTTP2.native(data)?.lastProblem = NativeHTTP2.explanation(problem)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, number, data in
            unsafe NativeHTTP2.owner(data)?.streamClosed(id, NativeHTTP2.code(number))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, data in
            unsafe NativeHTTP2.owner(data)?.frameSent(NativeHTTP2.sent(frame!))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, problem, data in
            let header = unsafe frame!.pointee.hd
            guard UInt32(header.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
            let isOurLimit = !NativeHTTP2.refusals.contains(problem)
            unsafe NativeHTTP2.owner(data)?.headersNotSent(header.stream_id, isOurLimit: isOurLimit)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, _, data in
            guard let native = unsafe NativeHTTP2.native(data), let owner = native.owner else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            unsafe native.output.append(Span(_unsafeStart: header!, count: NativeHTTP2.frameHeaderByteCount))
            unsafe owner.moveData(frame!.pointee.hd.stream_id, count, to: &native.output)
            // Else the library would go on as long as there is content.
            return native.output.count < native.outputByteCountMax ? 0 : NGHTTP2_ERR_PAUSE.rawValue
        }
    }

    /// Why a head is not sent that is the peer's doing or the stream's end.
    private static let refusals = [
        NGHTTP2_ERR_START_STREAM_NOT_ALLOWED.rawValue, NGHTTP2_ERR_SESSION_CLOSING.rawValue,
        NGHTTP2_ERR_STREAM_CLOSED.rawValue, NGHTTP2_ERR_STREAM_CLOSING.rawValue,
    ]

    /// What every frame begins with (RFC 9113 4.1).
    private static let frameHeaderByteCount = 9

    private static func received(_ frame: UnsafePointer<nghttp2_frame>, _ owner: HTTP2Session?) {
        guard let owner else { return }
        let header = unsafe frame.pointee.hd
        let ends = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        let isAcknowledgement = UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue: owner.headersEnded(header.stream_id, endsStream: ends)
        case NGHTTP2_DATA.rawValue: if ends { owner.dataEnded(header.stream_id) }
        case NGHTTP2_RST_STREAM.rawValue:
            unsafe owner.resetReceived(header.stream_id, code(frame.pointee.rst_stream.error_code))
        case NGHTTP2_SETTINGS.rawValue: owner.settingsReceived(isAcknowledgement: isAcknowledgement)
        case NGHTTP2_GOAWAY.rawValue: unsafe owner.goAwayReceived(code(frame.pointee.goaway.error_code))
        case NGHTTP2_PING.rawValue: if isAcknowledgement { owner.pingAcknowledged() }
        default: break
        }
    }

    private static func sent(_ frame: UnsafePointer<nghttp2_frame>) -> SentFrame {
        let header = unsafe frame.pointee.hd
        let ends = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        return switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue: .headers(header.stream_id, ends: ends)
        case NGHTTP2_DATA.rawValue: .data(header.stream_id, ends: ends)
        case NGHTTP2_RST_STREAM.rawValue:
            unsafe .reset(header.stream_id, code(frame.pointee.rst_stream.error_code))
        case NGHTTP2_GOAWAY.rawValue: unsafe .goAway(code(frame.pointee.goaway.error_code))
        default: .other
        }
    }

    /// Where content comes from: the outbound queue of the stream.
    private static var provider: nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source()) { _, id, _, byteCountMax, flags, _, data in
            guard let native = unsafe NativeHTTP2.native(data), let owner = native.owner else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            switch owner.nextData(id, byteCountMax) {
            case .later: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .some(let count):
                unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
                return count
            case .last(let count, let trailers):
                unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue | NGHTTP2_DATA_FLAG_EOF.rawValue
                if let trailers, native.submitTrailer(trailers, stream: id) {
                    unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                }
                return count
            case .cut(let code):
                native.submitReset(code, stream: id)
                return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            }
        }
    }
}
