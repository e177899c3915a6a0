/// What a policy does where it applies. The raw value is the file's word.
public enum PolicyMode: String, Sendable, CaseIterable {
    /// Nothing.
    case off
    /// It changes nothing and tells the log what it would have done.
    case observe
    /// What the file says.
    case enforce
}
