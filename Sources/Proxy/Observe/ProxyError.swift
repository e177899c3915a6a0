/// What went wrong, once: the word for machines and a sentence for people.
struct ProxyError: Error, Sendable {
    /// The documented word.
    let fault: Fault
    /// Where and what, in leo's own words: never a byte of a head or body, never a credential.
    let detail: String

    init(_ fault: Fault, _ detail: String) {
        self.fault = fault
        self.detail = detail
    }
}
