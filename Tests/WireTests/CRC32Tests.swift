import Testing

@testable import Wire

@Suite("A CRC-32")
struct CRC32Tests {
    @Test(
        "is the one of ISO 3309",
        arguments: [
            ("", 0), ("a", 0xe8b7_be43), ("123456789", 0xcbf4_3926),
            ("The quick brown fox jumps over the lazy dog", 0x414f_a339),
        ] as [(String, UInt32)])
    func known(_ text: String, _ value: UInt32) {
        #expect(check([Array(text.utf8)]) == value)
    }

    @Test("is the same bit by bit, and in any two pieces", arguments: 0...67)
    func pieces(_ count: Int) {
        var random = SplitMix(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        var register: UInt32 = 0xffff_ffff
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xedb8_8320 : register >> 1 }
        }
        for cut in 0...count { #expect(check([Array(bytes.prefix(cut)), Array(bytes.dropFirst(cut))]) == ~register) }
    }

    private func check(_ pieces: [[UInt8]]) -> UInt32 {
        var check = CRC32()
        for piece in pieces { check.take(piece.span) }
        return check.value
    }
}
