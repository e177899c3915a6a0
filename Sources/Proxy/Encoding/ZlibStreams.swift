import CZlib
import Wire

/// gzip, zlib and raw deflate, undone by zlib. About 40 KB.
///
/// gzip may have several members (RFC 1952 2.2). For `deflate` the first two bytes tell whether they are zlib's header.
@safe
final class ZlibDecoder: DecodingStream {
    private enum State {
        /// `deflate`, and less than two bytes so far.
        case undecided(first: UInt8?)
        case running
        case ended
    }

    // zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var state: State
    private var members = LeadingBytes()
    private(set) var coding: ContentCoding
    private(set) var failure: ContentCodingError?

    private static let windowBits: Int32 = 15
    /// Added to the window's, these bits ask for gzip.
    private static let gzipBits: Int32 = 16

    /// `inflateInit2`
    init(_ coding: ContentCoding) throws(ContentCodingError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        self.coding = coding
        state = coding == .deflate ? .undecided(first: nil) : .running
        let bits = coding == .gzip ? Self.windowBits + Self.gzipBits : -Self.windowBits
        guard unsafe leo_inflateInit2(stream, bits) == Z_OK else { throw .outOfMemory }
    }

    /// `inflateEnd`
    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    var isAtEnd: Bool {
        switch state {
        case .ended: true
        case .running: members.isBetween
        case .undecided: false
        }
    }

    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) -> Int {
        switch state {
        case .undecided(let first):
            guard consumed < bytes.count else { return 0 }
            guard let first else {
                state = .undecided(first: bytes[consumed])
                consumed += 1
                return 0
            }
            try decide(first, bytes[consumed], &room)
            return try inflate(bytes, &consumed, &room)
        case .running:
            if coding == .gzip {
                try members.look(bytes, consumed..<bytes.count) { position, byte in
                    position == 0 ? byte == 0x1f : position == 1 ? byte == 0x8b : nil
                }
            }
            return try inflate(bytes, &consumed, &room)
        case .ended:
            guard consumed == bytes.count else { throw .trailingBytes }
            return 0
        }
    }

    /// Takes the first byte, knowing the second: a header says method 8 and is a multiple of 31 (RFC 1950 2.2). In raw
    /// deflate it would be a stored block with padding that is not zero, which no encoder writes.
    private func decide(
        _ first: UInt8, _ second: UInt8, _ room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) {
        let isZlib = first & 0x0f == 8 && (UInt16(first) << 8 | UInt16(second)) % 31 == 0
        coding = isZlib ? .deflate : .rawDeflate
        guard unsafe inflateReset2(stream, isZlib ? Self.windowBits : -Self.windowBits) == Z_OK else {
            throw .outOfMemory
        }
        state = .running
        var consumed = 0
        // One byte is too little for anything to come out.
        _ = try inflate([first].span, &consumed, &room)
    }

    /// `inflate`
    private func inflate(
        _ bytes: Span<UInt8>, _ consumed: inout Int, _ room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) -> Int {
        let start = consumed
        let roomCount = room.count
        let (code, rest, roomRest) = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe room.withUnsafeMutableBufferPointer { room in
                let count = UInt32(clamping: bytes.count - start)
                let roomCount = UInt32(clamping: room.count)
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: bytes.baseAddress.map { unsafe $0 + start })
                unsafe stream.pointee.avail_in = count
                unsafe stream.pointee.next_out = room.baseAddress
                unsafe stream.pointee.avail_out = roomCount
                let code = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
                return unsafe (
                    code, bytes.count - start - Int(count) + Int(stream.pointee.avail_in),
                    room.count - Int(roomCount) + Int(stream.pointee.avail_out)
                )
            }
        }
        consumed = bytes.count - rest
        switch code {
        // The latter: there is nothing to do yet.
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: try endMember()
        case Z_MEM_ERROR: throw .outOfMemory
        // Among them Z_NEED_DICT: there is no way to agree on a dictionary.
        default:
            guard roomCount > roomRest else { throw .malformed }
            failure = .malformed
        }
        return roomCount - roomRest
    }

    /// `inflateReset`
    private func endMember() throws(ContentCodingError) {
        guard coding == .gzip else {
            state = .ended
            return
        }
        members.restart()
        guard unsafe inflateReset(stream) == Z_OK else { throw .outOfMemory }
    }
}

/// gzip, zlib and raw deflate, made by zlib. About 270 KB.
@safe
final class ZlibEncoder: EncodingStream {
    // zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    private static let windowBits: Int32 = 15
    private static let gzipBits: Int32 = 16
    private static let memoryLevel: Int32 = 8

    /// `deflateInit2`
    init(_ coding: ContentCoding, level: Int32) throws(ContentCodingError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let bits =
            switch coding {
            case .gzip: Self.windowBits + Self.gzipBits
            case .rawDeflate: -Self.windowBits
            case .deflate, .brotli, .zstandard: Self.windowBits
            }
        guard unsafe leo_deflateInit2(stream, level, bits, Self.memoryLevel) == Z_OK else { throw .outOfMemory }
    }

    /// `deflateEnd`
    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// `deflate`
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>, goal: EncodingGoal
    ) throws(ContentCodingError) -> Int {
        let start = consumed
        let roomCount = room.count
        let flush =
            switch goal {
            case .more: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .end: Z_FINISH
            }
        let (code, taken, written) = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe room.withUnsafeMutableBufferPointer { room in
                let count = UInt32(clamping: bytes.count - start)
                let roomCount = UInt32(clamping: room.count)
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: bytes.baseAddress.map { unsafe $0 + start })
                unsafe stream.pointee.avail_in = count
                unsafe stream.pointee.next_out = room.baseAddress
                unsafe stream.pointee.avail_out = roomCount
                let code = unsafe deflate(stream, flush)
                return unsafe (
                    code, Int(count) - Int(stream.pointee.avail_in), Int(roomCount) - Int(stream.pointee.avail_out)
                )
            }
        }
        // Z_BUF_ERROR: there was nothing to do, as when nothing came since the last flush.
        guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, written <= roomCount else {
            throw .outOfMemory
        }
        consumed += taken
        return written
    }
}
