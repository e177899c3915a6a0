/// The four bytes that a client's payload is combined with by exclusive or (RFC 6455 5.3), the next one first.
public struct WebSocketMask: Equatable, Sendable {
    /// The byte at offset `i` is bits `8i` to `8i + 7`.
    private let key: UInt32

    private init(key: UInt32) { self.key = key }

    /// The mask of what is not masked: it changes nothing.
    public static let none = WebSocketMask(key: 0)

    /// Makes a mask of four bytes in the order in which a header carries them.
    public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        key = UInt32(first) | UInt32(second) << 8 | UInt32(third) << 16 | UInt32(fourth) << 24
    }

    /// The byte for the payload byte at `offset` from where the mask stands.
    @inline(__always)
    public func byte(at offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: key &>> UInt32((offset & 3) &* 8)) }

    /// The mask for the payload from `byteCount` bytes further on.
    public func advanced(by byteCount: Int) -> WebSocketMask {
        let shift = UInt32((byteCount & 3) &* 8)
        return shift == 0 ? self : WebSocketMask(key: key &>> shift | key &<< (32 &- shift))
    }

    /// Appends a copy of `bytes` without the mask, or with it: the operation is its own inverse.
    public func append(unmasking bytes: Span<UInt8>, to out: inout ByteQueue) {
        let count = bytes.count
        guard count > 0 else { return }
        _ = unsafe out.fill(atLeast: count) { room in
            var offset = 0
            while count - offset >= 8 {
                unsafe room.storeBytes(
                    of: ASCII.word(bytes, offset) ^ word, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            while offset < count {
                unsafe room[offset] = bytes[offset] ^ byte(at: offset)
                offset += 1
            }
            return count
        }
    }

    /// The mask for eight payload bytes as they are in memory.
    @inline(__always)
    var word: UInt64 { (UInt64(key) | UInt64(key) << 32).littleEndian }

    /// The mask with `byte` as its last one: four of these make a mask.
    func appending(_ byte: UInt8) -> WebSocketMask { WebSocketMask(key: key >> 8 | UInt32(byte) << 24) }
}
