import Policy
import Wire

/// Reads a parent proxy's answer to a CONNECT (RFC 9110 section 9.3.6), however its bytes arrive.
struct ParentAnswer {
    /// What the bytes so far come to.
    enum Step: Equatable {
        case needsMore
        /// An interim answer of so many bytes; another follows it.
        case interim(byteCount: Int)
        /// The way is open: so many bytes are the answer's, and all that follow are the target's.
        case open(byteCount: Int)
    }

    /// The parent's fields are nobody's; proxies that add pages of them are no longer proxies.
    private static let headBytesMax = 16 * 1024
    /// "102 Processing" and its like, sent to keep a client patient.
    private static let interimCountMax = 8

    private let parent: Route.Parent
    private let hasCredentials: Bool
    private var head = HTTP1Head(.response, headBytesMax: headBytesMax)
    private var interimCount = 0

    /// `hasCredentials`: whether the CONNECT carried some.
    init(from parent: Route.Parent, hasCredentials: Bool) {
        self.parent = parent
        self.hasCredentials = hasCredentials
    }

    /// Looks at all bytes since the last interim answer. Throws when the answer is no, or no answer.
    mutating func read(_ bytes: Span<UInt8>) throws(ProxyError) -> Step {
        do { guard try head.parse(bytes) else { return .needsMore } } catch {
            let name = parent.proxy.address
            throw ProxyError(.viaFailed, "the parent proxy \(name) does not answer as a proxy: \(error.explanation)")
        }
        switch head.status {
        case 200..<300: return .open(byteCount: head.byteCount)
        case 100..<200 where head.status != 101 && interimCount < Self.interimCountMax:
            let byteCount = head.byteCount
            interimCount += 1
            head.reset()
            return .interim(byteCount: byteCount)
        default: throw refusal(head.status)
        }
    }

    /// The parent's own words may hold anything, so its status has to do.
    private func refusal(_ status: Int) -> ProxyError {
        let name = parent.proxy.address
        switch status {
        case 407 where hasCredentials:
            return ProxyError(
                .viaCredentials,
                "the parent proxy \(name) does not accept the credentials in upstream.via_credentials_file (407)")
        case 407:
            return ProxyError(
                .viaCredentials,
                "the parent proxy \(name) asks for credentials (407): name a file in upstream.via_credentials_file")
        default:
            let fault: Fault = status >= 500 ? .viaFailed : .viaRefused
            return ProxyError(fault, "the parent proxy \(name) answered \(status) to CONNECT \(parent.target)")
        }
    }
}
