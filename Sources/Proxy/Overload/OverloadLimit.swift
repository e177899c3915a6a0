/// A limit that leo can be at. New work is then shed, and work under way goes on.
enum OverloadLimit: Int, MetricLabel {
    /// `listen.connections_max`
    case connections
    /// `listen.handshakes_max`
    case handshakes
    /// `listen.body_memory_max`
    case bodyMemory
    /// RLIMIT_NOFILE, less a reserve.
    case descriptors

    var word: String {
        switch self {
        case .connections: "connections"
        case .handshakes: "handshakes"
        case .bodyMemory: "body_memory"
        case .descriptors: "descriptors"
        }
    }

    /// What is reached, for whoever reads the answer or the log.
    var explanation: String {
        switch self {
        case .connections: "listen.connections_max is reached"
        case .handshakes: "listen.handshakes_max is reached"
        case .bodyMemory: "listen.body_memory_max is reached"
        case .descriptors: "the process is nearly out of file descriptors (LimitNOFILE, ulimit -n)"
        }
    }
}

/// What becomes of a connection that was accepted.
enum Admission: Equatable {
    /// It is served.
    case served
    /// It is one too many. It hears so in answer to its CONNECT; `mayTunnel`: with `on_overload = "tunnel"` it may be
    /// tunnelled instead.
    case shed(OverloadLimit, mayTunnel: Bool)
    /// There are too many even of those: it is closed without a word.
    case closed(OverloadLimit)
}
