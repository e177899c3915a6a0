import CLinux
import Glibc

/// A kernel buffer through which splice(2) moves bytes from one socket to another without copying them to us.
final class Pipe {
    private let readEnd: Descriptor
    private let writeEnd: Descriptor
    /// Bytes that are in the pipe.
    private(set) var count = 0

    /// What one call moves at most: the size of a pipe unless somebody changes it.
    private static let moveBytesMax = 64 * 1024

    init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        _ = try System.check("pipe2") { unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) }
        readEnd = Descriptor(ends[0])
        writeEnd = Descriptor(ends[1])
    }

    /// Moves bytes from `socket` into the pipe.
    func fill(from socket: Int32) -> Transfer {
        let flags = UInt32(LEO_SPLICE_F_MOVE | LEO_SPLICE_F_NONBLOCK)
        let transfer = System.transfer {
            splice(socket, nil, writeEnd.raw, nil, Self.moveBytesMax, flags)
        }
        if case .bytes(let moved) = transfer { count += moved }
        return transfer
    }

    /// Moves bytes from the pipe into `socket`.
    func drain(into socket: Int32) -> Transfer {
        let flags = UInt32(LEO_SPLICE_F_MOVE | LEO_SPLICE_F_NONBLOCK)
        let transfer = System.transfer { splice(readEnd.raw, nil, socket, nil, count, flags) }
        if case .bytes(let moved) = transfer { count -= moved }
        return transfer
    }
}

/// Empty pipes for tunnels that have something to move; a silent tunnel holds none.
final class PipePool {
    private static let idleCountMax = 64
    private var idle: [Pipe] = []

    /// An empty pipe.
    func take() throws(SystemCallError) -> Pipe {
        if let pipe = idle.popLast() { return pipe }
        return try Pipe()
    }

    /// Takes back an empty pipe; one that still holds bytes is thrown away.
    func giveBack(_ pipe: Pipe) {
        if pipe.count == 0, idle.count < Self.idleCountMax { idle.append(pipe) }
    }
}
