import Testing
import Wire

@Suite("Base64 as credentials have it")
struct Base64LooseTests {
    @Test(
        "the examples of RFC 4648 section 10, both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(plain: String, text: String) {
        #expect(Base64.text(of: Array(plain.utf8)) == text)
        #expect(Base64.decodeLoose(text.utf8.span) == Array(plain.utf8))
        let bare = text.filter { $0 != "=" }
        #expect(Base64.text(of: Array(plain.utf8), padded: false) == bare)
        #expect(Base64.decodeLoose(bare.utf8.span) == Array(plain.utf8))
    }

    @Test("every byte comes back", arguments: 0...64)
    func roundTrip(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
        #expect(Base64.decodeLoose(Base64.text(of: bytes).utf8.span) == bytes)
    }

    @Test(
        "what has another spelling, or none, is refused",
        arguments: [
            "Z", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Zg===", "Zm 9v", "Zm9v\n", "Zm-v", "Zm_v", "=", "Zm9vYg=A", "é",
        ])
    func refused(text: String) {
        #expect(Base64.decodeLoose(text.utf8.span) == nil)
    }
}
