/// The requests of one connection, in the protocol that was negotiated for it.
struct ClientSession {
    let router: Router

    /// Serves requests until either side wants no more.
    func run() async {
        let (worker, connection) = (router.worker, router.connection)
        // HTTP/2 is negotiated with the one provider that leo stands in for.
        guard case .fixed(let interception) = router.way, connection.stream.spoken == .http2 else {
            return await HTTP1ClientSession(router: router).run()
        }
        do {
            try await HTTP2ClientSession(worker: worker, connection: connection, interception: interception).run()
        } catch {
            worker.shared.log.warning(.resources, "no HTTP/2 session: \(error.detail)")
            connection.stream.closeAbruptly()
        }
    }
}
