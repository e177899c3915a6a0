/// What a task that serves a client has of its own: the waiter it sleeps on, and the access-log line it writes next.
///
/// An HTTP/1 connection has one, used by its requests one after the other; of an HTTP/2 connection every stream has one.
final class Journal {
    /// The task sleeps on it, whichever side it waits for.
    let waiter: Waiter
    /// What the next access-log line will say.
    var record: AccessRecord
    /// From accept to the end of the TLS handshake; told once, on the connection's first line.
    var handshakeTime: Nanoseconds?

    init(waiter: Waiter, record: consuming AccessRecord) {
        self.waiter = waiter
        self.record = record
    }
}
