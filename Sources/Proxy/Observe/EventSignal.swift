import CLinux
import Glibc

/// Wakes a thread that waits in `poll(2)`, from any thread, without ever blocking the caller (eventfd).
final class EventSignal: Sendable {
    /// Readable while a signal has not been taken.
    let descriptor: Int32

    /// Nil if the process has no descriptor left.
    init?() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Wakes the waiter now, or makes its next wait return at once.
    func send() {
        var one: UInt64 = 1
        // It fails only when the counter is full, and then the waiter is awake anyway.
        _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Waits for a signal and takes it; false if `milliseconds` passed without one. Negative waits for ever.
    @discardableResult
    func wait(milliseconds: Int32) -> Bool {
        var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&waited, 1, milliseconds)
        return take()
    }

    /// Takes a signal without waiting; false if there was none.
    @discardableResult
    func take() -> Bool {
        var count: UInt64 = 0
        return unsafe read(descriptor, &count, MemoryLayout<UInt64>.size) > 0
    }
}
