import CBrotli
import Wire

/// Brotli, undone. Its window may be 16 MB, which it takes as far as the content fills it; the "large window" of up to
/// 1 GB is not part of `br` and off, as it is by default.
@safe
final class BrotliDecoder: DecodingStream {
    private let state: OpaquePointer
    private var isFinished = false
    /// The library says nothing of what it wrote before a mistake.
    let failure: ContentCodingError? = nil
    let coding = ContentCoding.brotli

    /// `BrotliDecoderCreateInstance`
    init() throws(ContentCodingError) {
        guard let created = unsafe BrotliDecoderCreateInstance(nil, nil, nil) else { throw .outOfMemory }
        unsafe state = created
    }

    /// `BrotliDecoderDestroyInstance`
    deinit { unsafe BrotliDecoderDestroyInstance(state) }

    var isAtEnd: Bool { isFinished }

    /// `BrotliDecoderDecompressStream`
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) -> Int {
        if isFinished {
            guard consumed == bytes.count else { throw .trailingBytes }
            return 0
        }
        let start = consumed
        let roomCount = room.count
        let (result, rest, roomRest) = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe room.withUnsafeMutableBufferPointer { room in
                var rest = bytes.count - start
                var next = unsafe bytes.baseAddress.map { unsafe $0 + start }
                var roomRest = room.count
                var place = room.baseAddress
                let result = unsafe BrotliDecoderDecompressStream(state, &rest, &next, &roomRest, &place, nil)
                return (result, rest, roomRest)
            }
        }
        consumed = bytes.count - rest
        switch result {
        case BROTLI_DECODER_RESULT_SUCCESS: isFinished = true
        case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT, BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: break
        default: throw lastError
        }
        return roomCount - roomRest
    }

    /// What the last call failed with. `BrotliDecoderGetErrorCode`
    private var lastError: ContentCodingError {
        let code = unsafe BrotliDecoderGetErrorCode(state)
        if code == BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS { return .windowTooLarge }
        // Failed allocations have the numbers from -21 to -30.
        let isAllocation =
            (BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES.rawValue...BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES.rawValue)
            .contains(code.rawValue)
        return isAllocation ? .outOfMemory : .malformed
    }
}

/// Brotli, made. About 9 MB at the quality that leo has.
@safe
final class BrotliEncoder: EncodingStream {
    private let state: OpaquePointer

    /// The window of 4 MB, which is the library's own choice.
    private static let windowBits: UInt32 = 22

    /// `BrotliEncoderCreateInstance`
    init(quality: UInt32) throws(ContentCodingError) {
        guard let created = unsafe BrotliEncoderCreateInstance(nil, nil, nil) else { throw .outOfMemory }
        unsafe state = created
        unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, quality)
        unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, Self.windowBits)
    }

    /// `BrotliEncoderDestroyInstance`
    deinit { unsafe BrotliEncoderDestroyInstance(state) }

    /// `BrotliEncoderCompressStream`
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>, goal: EncodingGoal
    ) throws(ContentCodingError) -> Int {
        let start = consumed
        let roomCount = room.count
        let operation =
            switch goal {
            case .more: BROTLI_OPERATION_PROCESS
            case .flush: BROTLI_OPERATION_FLUSH
            case .end: BROTLI_OPERATION_FINISH
            }
        let (isGood, rest, roomRest) = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe room.withUnsafeMutableBufferPointer { room in
                var rest = bytes.count - start
                var next = unsafe bytes.baseAddress.map { unsafe $0 + start }
                var roomRest = room.count
                var place = room.baseAddress
                let result = unsafe BrotliEncoderCompressStream(
                    state, operation, &rest, &next, &roomRest, &place, nil)
                return (result != 0, rest, roomRest)
            }
        }
        guard isGood else { throw .outOfMemory }
        consumed = bytes.count - rest
        return roomCount - roomRest
    }
}
