/// What the cache made of a request: the log's `cache`, the answer's `x-leo-cache`, and the metrics' `result`.
enum CacheResult: Int, MetricLabel {
    /// It was answered with a kept answer.
    case hit
    /// The provider was asked.
    case miss
    /// It was answered with what the provider was sending to an identical request already.
    case coalesced
    /// It was answered with a kept answer whose time is over.
    case stale
    /// The cache had nothing to do with it.
    case bypass

    var word: String {
        switch self {
        case .hit: "hit"
        case .miss: "miss"
        case .coalesced: "coalesced"
        case .stale: "stale"
        case .bypass: "bypass"
        }
    }

    /// Whether the provider was not asked for this client.
    var isSaving: Bool {
        switch self {
        case .hit, .coalesced, .stale: true
        case .miss, .bypass: false
        }
    }
}
