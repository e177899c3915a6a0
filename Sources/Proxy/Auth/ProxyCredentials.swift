import Wire

/// What a client says about itself in `Proxy-Authorization` (RFC 9110 section 11.7.2).
enum ProxyCredentials: Sendable {
    /// Nothing.
    case none
    /// Something that is no Basic credentials: another scheme, two fields, broken base64, no colon. Wrong, whatever it is.
    case unreadable
    /// A user and a password (RFC 7617).
    case basic(BasicCredentials)

    /// Takes them out of a head. `bytes` are those that `head` was parsed from.
    static func read(_ head: HTTP1Head, from bytes: Span<UInt8>) -> ProxyCredentials {
        var found: Range<Int>?
        for field in head.fields where field.known == .proxyAuthorization {
            if found != nil { return .unreadable }
            found = field.value
        }
        guard let found else { return .none }
        return BasicCredentials(parsing: bytes.extracting(found)).map { .basic($0) } ?? .unreadable
    }
}

/// A user and a password. Only the user may be read; the password stays in memory that is wiped.
struct BasicCredentials: Sendable {
    /// Without a colon.
    let user: String
    /// "user:password", as it was sent.
    let text: Secret
    private let passwordStart: Int

    /// More than any user and password that the file can hold: 128 bytes of user, and a kilobyte of password.
    static let byteCountMax = 128 + 1 + passwordByteCountMax
    /// The longest password.
    static let passwordByteCountMax = 1024

    /// Reads `Basic dXNlcjpwYXNz`; nil for anything else. The user must be UTF-8, and neither may hold control characters
    /// (RFC 7617 section 2).
    init?(parsing value: Span<UInt8>) {
        guard value.hasPrefix(ignoringCase: "basic ") else { return nil }
        var start = 6
        while start < value.count, value[start] == 0x20 { start += 1 }
        let encoded = value.extracting(start..<value.count)
        var isDecoded = false
        text = Secret(byteCountMax: Self.byteCountMax) { put in isDecoded = Base64.decodeLoose(encoded, take: put) }
        guard isDecoded, text.count <= Self.byteCountMax else { return nil }
        var name: [UInt8]?
        var isPlain = true
        text.withBytes { bytes in
            for index in bytes.indices {
                if bytes[index] < 0x20 || bytes[index] == 0x7F { isPlain = false }
                if name == nil, bytes[index] == UInt8(ascii: ":") { name = (0..<index).map { bytes[$0] } }
            }
        }
        guard isPlain, let name, let user = String(validating: name, as: UTF8.self) else { return nil }
        self.user = user
        passwordStart = name.count + 1
    }

    /// Lends the password's bytes for the call.
    func withPassword<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        text.withBytes { body($0.extracting(passwordStart..<$0.count)) }
    }
}
