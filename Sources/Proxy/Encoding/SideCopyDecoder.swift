import Wire

/// Reads the text of an answer beside the relay: it is fed the bytes that are passed on, and never stands in their way.
///
/// Whatever is wrong with the coding, the relay goes on; the copy says once why there is no more text, and gives up its
/// memory. All text that can be made of a piece comes with that piece, so an event is seen when its bytes are. It stays
/// on one loop.
struct SideCopyDecoder {
    private enum State {
        case decoding(ContentDecoder)
        /// The answer ended, or its text cannot be seen.
        case done
    }

    private var state: State

    /// Why there is no text, or no more; nil while there is.
    private(set) var uninspectable: ContentCodingError?

    /// The most text of one call: with a read of 64 KB a ratio of 256, and some 50 ms of the loop's time. Event streams
    /// that are not flushed come to a hundred. An answer is no place to wait, so what takes longer is not looked at.
    static let textBytesPerCallMax = 16 * 1024 * 1024

    /// Makes a reader for an answer with this head, which was parsed from `bytes`. A coding that leo does not know shows
    /// at once in ``uninspectable``.
    init(_ head: HTTP1Head, in bytes: Span<UInt8>) {
        do throws(ContentCodingError) {
            let codings = try ContentCoding.list(of: head, in: bytes)
            state = .decoding(try ContentDecoder(codings, limits: .answer))
        } catch {
            state = .done
            uninspectable = error
        }
    }

    /// Decodes the bytes of content that were passed on and hands their text to `output`, in small pieces.
    ///
    /// Returns why the text ends here, once; text from before the mistake was handed on.
    mutating func feed(_ bytes: Span<UInt8>, _ output: (Span<UInt8>) -> Void) -> ContentCodingError? {
        guard case .decoding(let decoder) = state else { return nil }
        let textEnd = decoder.textByteCount + Self.textBytesPerCallMax
        do throws(ContentCodingError) {
            try decoder.decode(bytes) { piece throws(ContentCodingError) in
                guard decoder.textByteCount <= textEnd else { throw .bomb }
                output(piece)
            }
            return nil
        } catch {
            return giveUp(error)
        }
    }

    /// Says that the answer is complete. Returns why its text is not, once.
    mutating func finish() -> ContentCodingError? {
        guard case .decoding(let decoder) = state else { return nil }
        state = .done
        do throws(ContentCodingError) {
            try decoder.finish()
            return nil
        } catch {
            return giveUp(error)
        }
    }

    private mutating func giveUp(_ error: ContentCodingError) -> ContentCodingError {
        state = .done
        uninspectable = error
        return error
    }
}
