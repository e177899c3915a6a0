import CLinux
import Glibc

/// Told about events of a descriptor that no task waits for, such as an idle pooled connection.
protocol WatcherDelegate: AnyObject {
    /// Something happened; called from within the poll.
    func watcherFired()
}

/// The readiness of one descriptor, which it owns.
///
/// Edge-triggered: it is registered once, and two flags remember the edges that came while nobody looked. Whoever meets
/// EAGAIN clears the flag. Before sleeping, a task says in ``interest`` which flags shall wake its waiter.
final class Watcher {
    /// What a task waits for.
    struct Interest: OptionSet {
        let rawValue: UInt8
        static let read = Interest(rawValue: 1)
        static let write = Interest(rawValue: 2)
    }

    let descriptor: Int32
    unowned let loop: EventLoop
    /// Woken by an event that matches ``interest``.
    var waiter: Waiter?
    var interest: Interest = []
    /// Owns the watcher, so that a fired event finds it. Not weak: that would slow down every use of the owner.
    unowned var delegate: (any WatcherDelegate)?
    /// Something that lives as long as the descriptor is open.
    var attachment: AnyObject?
    /// Reading may succeed, or would tell of an end or an error.
    var isReadReady = true
    /// Writing may succeed.
    var isWriteReady = true
    /// The peer has closed its side, or the connection is broken.
    private(set) var isHungUp = false
    /// The connection is broken in both directions.
    private(set) var isBroken = false
    private(set) var isClosed = false
    private let isShared: Bool

    /// Takes over `descriptor` and watches it. Throws when the kernel cannot watch it.
    init(_ descriptor: consuming Descriptor, loop: EventLoop) throws(SystemCallError) {
        self.descriptor = descriptor.take()
        self.loop = loop
        isShared = false
        guard loop.register(self, exclusively: false) else {
            let error = SystemCallError("epoll_ctl", errno)
            isClosed = true
            _ = Glibc.close(self.descriptor)
            throw error
        }
    }

    /// Watches a listening descriptor that other loops watch as well and that stays open afterwards.
    init(listener descriptor: Int32, loop: EventLoop) throws(SystemCallError) {
        self.descriptor = descriptor
        self.loop = loop
        isShared = true
        guard loop.register(self, exclusively: true) else { throw SystemCallError("epoll_ctl", errno) }
    }

    deinit { precondition(isClosed, "a watcher was dropped without being closed") }

    /// Called by the loop.
    func fire(_ events: UInt32) {
        guard !isClosed else { return }
        let hangUp = EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue
        if events & hangUp != 0 { isHungUp = true }
        if events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { isBroken = true }
        if events & (EPOLLIN.rawValue | hangUp) != 0 { isReadReady = true }
        if events & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { isWriteReady = true }
        if let waiter {
            if isReady(for: interest) { waiter.wake() }
        } else {
            delegate?.watcherFired()
        }
    }

    /// Whether something of `interest` may be tried now.
    func isReady(for interest: Interest) -> Bool {
        (interest.contains(.read) && isReadReady) || (interest.contains(.write) && isWriteReady)
    }

    /// Closes the descriptor (a shared one is only no longer watched). Wakes whoever waits.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        attachment = nil
        if isShared { loop.unregister(self) } else { _ = Glibc.close(descriptor) }
        loop.retire(self)
        waiter?.wake()
        waiter = nil
    }
}
