import Policy

/// What a connection hears while leo is over a limit.
struct ConnectionShedding {
    let worker: WorkerState
    let connection: ClientConnection

    private var overload: Overload { worker.shared.overload }

    /// How long the client has from accept to the end of its handshake: as the file says, or a moment when it is one of
    /// those that are accepted to be turned away.
    var patience: Nanoseconds {
        let span = worker.shared.timeouts.handshake
        switch connection.admission {
        case .served: return span
        case .shed, .closed: return min(span, Overload.spareSpan)
        }
    }

    /// Refuses a connection that is one too many, before anything is done for it; one that may become a tunnel because of
    /// `on_overload` still has to say who it is.
    func refuseUnlessTunnelled() throws(ProxyError) {
        switch connection.admission {
        case .served, .shed(_, mayTunnel: true): break
        case .shed(let limit, mayTunnel: false), .closed(let limit): throw refuse(limit)
        }
    }

    /// The limit because of which a provider's host is to be tunnelled; nil when it can be intercepted. Throws when it is
    /// to be refused.
    func limitForInterception() throws(ProxyError) -> OverloadLimit? {
        let found: OverloadLimit?
        switch connection.admission {
        case .served: found = overload.limitForNewWork
        case .shed(let limit, _), .closed(let limit): found = limit
        }
        guard let limit = found else { return nil }
        switch overload.policy {
        case .refuse: throw refuse(limit)
        case .tunnel:
            worker.metrics.add(.overload(limit))
            return limit
        }
    }

    private func refuse(_ limit: OverloadLimit) -> ProxyError {
        worker.makeRoom()
        worker.metrics.add(.overload(limit))
        worker.shared.log.warning(.resources, "\(limit.explanation): new work is refused")
        return ProxyError(.overload, limit.explanation)
    }
}
