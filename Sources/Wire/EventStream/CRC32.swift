/// The cyclic redundancy check of ISO 3309 that gzip, zlib and Amazon's event streams use, in any pieces.
public struct CRC32: Equatable, Sendable {
    private var register: UInt32 = 0xffff_ffff

    /// The check of no bytes.
    public init() {}

    /// The check of the bytes so far.
    public var value: UInt32 { ~register }

    /// Takes more bytes, eight at a time (Kounavis and Berry, "slicing by 8").
    public mutating func take(_ bytes: Span<UInt8>) {
        let tables = Self.tables.span
        var crc = register
        var index = 0
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: ASCII.word(bytes, index)) ^ UInt64(crc)
            crc = 0
            for place in 0..<8 {
                let byte = Int(truncatingIfNeeded: word &>> UInt64(8 &* place) & 0xff)
                crc ^= tables[(7 &- place) &* 256 &+ byte]
            }
            index += 8
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
        for index in 256..<2048 {
            let before = tables[index - 256]
            tables.append(before >> 8 ^ tables[Int(before & 0xff)])
        }
        return tables
    }()
}
