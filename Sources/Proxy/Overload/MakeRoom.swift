extension WorkerState {
    /// Closed at once, so that a burst of new connections finds room and a burst of old ones is not thrown out.
    private static let roomCountMax = 32
    /// Looking for idle connections takes a walk through all of them.
    private static let roomInterval = Nanoseconds(.milliseconds(100))
    /// A client that has only just connected, or is about to send its next request, keeps its place.
    private static let roomIdleSpan = Nanoseconds(.seconds(1))

    /// Closes the connections that have been idle for longest: those that were opened and never used, and those that
    /// clients keep for later. They cost their clients a reconnect; the ones turned away would have got nothing.
    func makeRoom() {
        guard loop.now.since(roomMadeAt) >= Self.roomInterval, let before = loop.now.earlier(by: Self.roomIdleSpan)
        else { return }
        roomMadeAt = loop.now
        for connection in connections.idle(since: before, countMax: Self.roomCountMax) { connection.waiter.cancel() }
    }
}
