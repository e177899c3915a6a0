import COpenSSL

/// Bytes that nobody may see: they print as dots, and their memory is wiped when nobody needs them any more.
@safe
final class Secret: @unchecked Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    // Filled in init and then only read.
    private let storage: UnsafeMutableRawBufferPointer
    /// How many bytes there are.
    let count: Int

    /// Room for `byteCountMax` bytes, which `fill` puts there one by one; what is too much is dropped, and ``count``
    /// then exceeds `byteCountMax`.
    init(byteCountMax: Int, fill: ((UInt8) -> Void) -> Void) {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCountMax, 1), alignment: 1)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
        var count = 0
        fill { byte in
            if count < byteCountMax { unsafe storage[count] = byte }
            count += 1
        }
        unsafe self.storage = unsafe storage
        self.count = count
    }

    /// A copy of `bytes`, which stay with the caller.
    convenience init(copying bytes: Span<UInt8>) {
        self.init(byteCountMax: bytes.count) { put in
            for index in bytes.indices { put(bytes[index]) }
        }
    }

    deinit {
        unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
        unsafe storage.deallocate()
    }

    /// Lends the bytes for the call.
    func withBytes<Result, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Result) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: storage[..<min(count, storage.count)])
        return try body(unsafe Span<UInt8>(_unsafeBytes: bytes))
    }

    /// Dots.
    var description: String { "••••" }
    /// Dots.
    var debugDescription: String { "••••" }
    /// Nothing for a debugger's or a dump's eyes.
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Overwrites memory that held a secret and is used again. `OPENSSL_cleanse`
    static func wipe(_ bytes: UnsafeMutableRawBufferPointer) { unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count) }
}
