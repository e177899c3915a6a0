/// What came of reading the file again.
struct ReloadReport: Sendable {
    /// In a word.
    enum Result: Int, MetricLabel {
        /// What the file says counts.
        case applied
        /// The file has mistakes. Nothing was changed.
        case invalid
        /// There is no file, or it cannot be read. Nothing was changed.
        case unreadable
        /// Whoever asked did not know what is in the file. Nothing was changed, nor looked at.
        case denied
        /// leo is shutting down, or has enough to do with reloads. Nothing was changed.
        case busy

        var word: String {
            switch self {
            case .applied: "applied"
            case .invalid: "invalid"
            case .unreadable: "unreadable"
            case .denied: "denied"
            case .busy: "busy"
            }
        }

        /// The status of the admin listener's answer.
        var status: Int {
            switch self {
            case .applied: 200
            case .invalid: 422
            case .unreadable: 500
            case .denied: 403
            case .busy: 503
            }
        }
    }

    let result: Result
    /// What happened, in a sentence.
    let summary: String
    /// Mistakes, or what an operator should know of a file that was applied: a line each.
    let notes: [String]

    init(_ result: Result, _ summary: String, notes: [String] = []) {
        self.result = result
        self.summary = summary
        self.notes = notes
    }

    /// The summary and the notes, a line each.
    var text: String { ([summary] + notes).map { $0 + "\n" }.joined() }
}
