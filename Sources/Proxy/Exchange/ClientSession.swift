/// The requests of one intercepted connection, in the protocol that was negotiated for it.
struct ClientSession {
    let worker: WorkerState
    let connection: ClientConnection
    let interception: Interception

    /// Serves requests until either side wants no more.
    func run() async {
        guard connection.stream.negotiatedProtocol == "h2" else {
            return await HTTP1ClientSession(worker: worker, connection: connection, interception: interception).run()
        }
        do {
            try await HTTP2ClientSession(worker: worker, connection: connection, interception: interception).run()
        } catch {
            worker.shared.log.warning(.resources, "no HTTP/2 session: \(error.detail)")
            connection.stream.closeAbruptly()
        }
    }
}
