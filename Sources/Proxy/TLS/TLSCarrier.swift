import COpenSSL
import Wire

/// A TLS connection that carries another one: what goes through it are the inner one's records.
///
/// A client of an `https://` proxy speaks TLS with the proxy and inside of it, once its CONNECT was answered, TLS with
/// the provider. To the inner session this is what a socket is to others: OpenSSL reads and writes it through a BIO, and
/// whatever the outer session waits for, the inner one then waits for. No byte is kept in between.
@safe
final class TLSCarrier {
    private var outer: TLSSession
    /// Bytes that came through the outer session and were looked at before the inner one began, to be read first.
    private var lookedAt: ByteQueue
    private var hasEnded = false

    /// Takes over a session whose handshake is done.
    init(_ outer: consuming TLSSession, lookedAt: consuming ByteQueue) {
        self.outer = outer
        self.lookedAt = lookedAt
    }

    /// Whether bytes wait here or in the outer session, so that the socket's readiness alone does not tell.
    var hasBuffered: Bool { !lookedAt.isEmpty || outer.hasBuffered }

    /// Says goodbye in the outer session.
    func shutdown() -> TLSAttempt { outer.shutdown() }

    /// Something for an inner `SSL` to read and write, which must not outlive this object; nil when OpenSSL is out of
    /// memory. `BIO_new`
    func makeBIO() -> OpaquePointer? {
        guard let method = unsafe Self.method, let made = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(made, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(made, 1)
        return unsafe made
    }

    // MARK: What OpenSSL calls

    /// Made once and never changed or freed.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        guard let made = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "TLS inside of TLS") else {
            return nil
        }
        unsafe BIO_meth_set_read(made) { bio, bytes, count in
            guard let bytes = unsafe bytes, let carrier = unsafe TLSCarrier.of(bio) else { return -1 }
            return unsafe carrier.read(UnsafeMutableRawBufferPointer(start: bytes, count: Int(max(count, 0))), bio)
        }
        unsafe BIO_meth_set_write(made) { bio, bytes, count in
            guard let bytes = unsafe bytes, let carrier = unsafe TLSCarrier.of(bio) else { return -1 }
            return unsafe carrier.write(UnsafeRawBufferPointer(start: bytes, count: Int(max(count, 0))), bio)
        }
        unsafe BIO_meth_set_ctrl(made) { bio, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH: return 1
            case BIO_CTRL_EOF: return unsafe TLSCarrier.of(bio)?.hasEnded == true ? 1 : 0
            default: return 0
            }
        }
        return unsafe made
    }()

    private static func of(_ bio: OpaquePointer?) -> TLSCarrier? {
        guard let owner = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<TLSCarrier>.fromOpaque(owner).takeUnretainedValue()
    }

    private func read(_ buffer: UnsafeMutableRawBufferPointer, _ bio: OpaquePointer?) -> Int32 {
        guard lookedAt.isEmpty else {
            let count = min(lookedAt.count, buffer.count)
            lookedAt.withBytes { bytes in
                unsafe bytes.extracting(0..<count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
            }
            lookedAt.consume(count)
            lookedAt.releaseStorage()
            unsafe Self.setRetry(0, bio)
            return Int32(clamping: count)
        }
        // An inner failure sends its alert by way of here; why it failed is in OpenSSL's queue meanwhile.
        return unsafe conclude(OpenSSLErrors.apart { unsafe outer.read(into: buffer) }, bio)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ bio: OpaquePointer?) -> Int32 {
        unsafe conclude(OpenSSLErrors.apart { unsafe outer.write(bytes) }, bio)
    }

    /// Says the outer session's result in the way of a BIO: what it waits for becomes the reason to try again.
    private func conclude(_ attempt: TLSAttempt, _ bio: OpaquePointer?) -> Int32 {
        switch attempt {
        case .done(let count):
            unsafe Self.setRetry(0, bio)
            return Int32(clamping: count)
        case .wantRead:
            unsafe Self.setRetry(BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY, bio)
            return -1
        case .wantWrite:
            unsafe Self.setRetry(BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY, bio)
            return -1
        case .closed, .cut, .failed:
            // To the inner session all of them are an end without its own close_notify.
            hasEnded = true
            unsafe Self.setRetry(0, bio)
            return 0
        }
    }

    /// `BIO_clear_retry_flags` and `BIO_set_flags`
    private static func setRetry(_ flags: Int32, _ bio: OpaquePointer?) {
        unsafe BIO_clear_flags(
            bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)
        if flags != 0 { unsafe BIO_set_flags(bio, flags) }
    }
}

/// What a session's records travel in.
enum TLSTransport {
    /// A socket that somebody else owns.
    case socket(Int32)
    /// Another session.
    case session(TLSCarrier)

    /// The other session, if it is one.
    var carrier: TLSCarrier? {
        switch self {
        case .socket: nil
        case .session(let carrier): carrier
        }
    }
}
