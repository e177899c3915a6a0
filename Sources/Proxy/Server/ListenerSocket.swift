import Glibc
import Policy
import Synchronization

/// A listening socket that all loops share. It is closed when the last of them has stopped accepting, and not before:
/// until then its number must not become another descriptor's.
final class ListenerSocket: Sendable {
    /// Where it listens.
    enum Place: Equatable, Sendable, CustomStringConvertible {
        /// At this address, with the real port.
        case endpoint(IPEndpoint)
        /// At this path.
        case path(String)
        /// At a place that has no name for us.
        case unnamed

        var description: String {
            switch self {
            case .endpoint(let endpoint): endpoint.description
            case .path(let path): path
            case .unnamed: "unnamed"
            }
        }
    }

    private let descriptor: Int32
    let place: Place
    /// The file that is to be removed in the end, if leo made it.
    private let file: Socket.FileIdentity?
    private let isFileRemoved = Atomic<Bool>(false)
    private let acceptorCount = Atomic<Int>(0)

    /// A socket that listens at an address, or at a path that is somebody else's to remove.
    init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor.take()
        place =
            Socket.localEndpoint(self.descriptor).map { .endpoint($0) }
            ?? Socket.localPath(self.descriptor).map { .path($0) } ?? .unnamed
        file = nil
    }

    /// A socket that listens at a path, whose file goes when the socket does unless somebody has replaced it.
    init(_ descriptor: consuming Descriptor, path: String) {
        self.descriptor = descriptor.take()
        place = .path(path)
        file = Socket.FileIdentity(path)
    }

    /// The address, if it has one.
    var endpoint: IPEndpoint? {
        switch place {
        case .endpoint(let endpoint): endpoint
        case .path, .unnamed: nil
        }
    }

    /// The number; valid between ``join()`` and ``leave()``.
    var raw: Int32 { descriptor }

    /// One more loop accepts.
    func join() { acceptorCount.add(1, ordering: .sequentiallyConsistent) }

    /// One loop has stopped; after the last one new connections are refused by the kernel.
    func leave() {
        guard acceptorCount.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
        removeFile()
        _ = close(descriptor)
    }

    /// Takes the socket's name away, once: from then on the path may be another process's.
    func removeFile() {
        guard case .path(let path) = place, let file, !isFileRemoved.exchange(true, ordering: .relaxed) else { return }
        if file == Socket.FileIdentity(path) { _ = unsafe unlink(path) }
    }
}
