import CZstd
import Wire

/// Zstandard, undone: frames after each other, skippable ones among them (RFC 8878 3). At most a window and 400 KB.
@safe
final class ZstandardDecoder: DecodingStream {
    private let context: OpaquePointer
    private var frames = LeadingBytes()
    private var isSkippable = false
    /// The library says nothing of what it wrote before a mistake.
    let failure: ContentCodingError? = nil
    let coding = ContentCoding.zstandard

    /// RFC 9659 3: whoever accepts `zstd` need not give more than 8 MB, and whoever sends it must not ask for more.
    static let windowBitsMax: Int32 = 23

    /// `ZSTD_createDCtx`, `ZSTD_DCtx_setParameter`
    init() throws(ContentCodingError) {
        guard let created = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe context = created
        let code = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowBitsMax)
        guard ZSTD_isError(code) == 0 else { throw .outOfMemory }
    }

    /// `ZSTD_freeDCtx`
    deinit { unsafe ZSTD_freeDCtx(context) }

    var isAtEnd: Bool { frames.isBetween }

    /// `ZSTD_decompressStream`
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) -> Int {
        // A call that has nothing to do would begin the next frame.
        if frames.isBetween, consumed == bytes.count { return 0 }
        let start = consumed
        // A frame that is here as a whole the library decodes in another way, which judges windows and sizes
        // differently. It does not do so when the first byte comes alone.
        let end = frames.count == 0 ? min(start + 1, bytes.count) : bytes.count
        try frames.look(bytes, start..<end) { position, byte in accepts(byte, at: position) }
        let (code, position, written) = unsafe bytes.withUnsafeBytes { bytes in
            unsafe room.withUnsafeMutableBytes { room in
                var input = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: end, pos: start)
                var output = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                let code = unsafe ZSTD_decompressStream(context, &output, &input)
                return unsafe (code, input.pos, output.pos)
            }
        }
        consumed = position
        if ZSTD_isError(code) != 0 { throw Self.failure(code) }
        if code == 0 { frames.restart() }
        return written
    }

    /// Judges a frame's magic number: that of today's format, since the library would take those of older ones, or of a
    /// skippable frame.
    private func accepts(_ byte: UInt8, at position: Int) -> Bool? {
        switch position {
        case 0:
            isSkippable = byte & 0xf0 == 0x50
            return isSkippable || byte == 0x28
        case 1: return byte == (isSkippable ? 0x2a : 0xb5)
        case 2: return byte == (isSkippable ? 0x4d : 0x2f)
        case 3: return byte == (isSkippable ? 0x18 : 0xfd)
        default: return nil
        }
    }

    /// `ZSTD_getErrorCode`
    private static func failure(_ code: Int) -> ContentCodingError {
        switch ZSTD_getErrorCode(code) {
        case ZSTD_error_frameParameter_windowTooLarge: .windowTooLarge
        case ZSTD_error_memory_allocation: .outOfMemory
        default: .malformed
        }
    }
}

/// Zstandard, made. About 4 MB at the level that leo has.
@safe
final class ZstandardEncoder: EncodingStream {
    private let context: OpaquePointer

    /// `ZSTD_createCCtx`, `ZSTD_CCtx_setParameter`
    init(level: Int32) throws(ContentCodingError) {
        guard let created = unsafe ZSTD_createCCtx() else { throw .outOfMemory }
        unsafe context = created
        let code = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        guard ZSTD_isError(code) == 0 else { throw .outOfMemory }
    }

    /// `ZSTD_freeCCtx`
    deinit { unsafe ZSTD_freeCCtx(context) }

    /// `ZSTD_compressStream2`
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>, goal: EncodingGoal
    ) throws(ContentCodingError) -> Int {
        let start = consumed
        let directive =
            switch goal {
            case .more: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .end: ZSTD_e_end
            }
        let (code, position, written) = unsafe bytes.withUnsafeBytes { bytes in
            unsafe room.withUnsafeMutableBytes { room in
                var input = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: start)
                var output = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                let code = unsafe ZSTD_compressStream2(context, &output, &input, directive)
                return unsafe (code, input.pos, output.pos)
            }
        }
        guard ZSTD_isError(code) == 0 else { throw .outOfMemory }
        consumed = position
        return written
    }
}
