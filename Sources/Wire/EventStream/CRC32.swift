/// The cyclic redundancy check of ISO 3309 that gzip, zlib and Amazon's event streams use, in any pieces.
public struct CRC32: Equatable, Sendable {
    private var register: UInt32 = 0xffff_ffff

    /// The check of no bytes.
    public init() {}

    /// The check of the bytes so far.
    public var value: UInt32 { ~register }

    /// Takes more bytes, sixteen at a time (Kounavis and Berry, "slicing by 8", with twice the tables: only the first
    /// half waits for what came before).
    public mutating func take(_ bytes: Span<UInt8>) {
        let tables = Self.tables.span
        var crc = register
        var index = 0
        while bytes.count - index >= 16 {
            let first = UInt64(littleEndian: ASCII.word(bytes, index)) ^ UInt64(crc)
            let second = UInt64(littleEndian: ASCII.word(bytes, index + 8))
            var left: UInt32 = 0
            var right: UInt32 = 0
            for place in 0..<8 {
                let shift = UInt64(8 &* place)
                left ^= tables[(15 &- place) &* 256 &+ Int(truncatingIfNeeded: first &>> shift & 0xff)]
                right ^= tables[(7 &- place) &* 256 &+ Int(truncatingIfNeeded: second &>> shift & 0xff)]
            }
            crc = left ^ right
            index += 16
        }
        while index < bytes.count {
            crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[index])] ^ crc &>> 8
            index += 1
        }
        register = crc
    }

    /// Table n, at 256·n, is what a byte does to the check that n zero bytes follow.
    private static let tables: [UInt32] = {
        var tables = (0..<256).map { (byte: UInt32) in
            (0..<8).reduce(byte) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        for index in 256..<16 * 256 {
            let before = tables[index - 256]
            tables.append(before >> 8 ^ tables[Int(before & 0xff)])
        }
        return tables
    }()
}
