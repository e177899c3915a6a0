import CLinux
import Glibc

/// An error of a system call: which call, and `errno`.
struct SystemCallError: Error, Sendable, Equatable {
    let call: String
    let number: Int32

    init(_ call: String, _ number: Int32) {
        self.call = call
        self.number = number
    }

    /// The kernel's words, for operators.
    var text: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A file descriptor with one owner; closed when the owner is done with it.
struct Descriptor: ~Copyable {
    private let number: Int32

    /// Takes over `number`, which must be open and owned by nobody else.
    init(_ number: Int32) { self.number = number }

    deinit { _ = Glibc.close(number) }

    /// The number, for a call that does not keep it.
    var raw: Int32 { number }

    /// Gives the ownership away.
    consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// The result of a read or write on a non-blocking descriptor.
enum Transfer: Equatable {
    /// So many bytes; zero for a read means that the peer has closed its side.
    case bytes(Int)
    case wouldBlock
    case failed(Int32)
}

/// Where system calls are made: EINTR is retried, EAGAIN told apart, `errno` read before anything can change it.
enum System {
    /// Repeats `body` while it is interrupted, and throws what else went wrong.
    static func check(_ call: String, _ body: () -> Int32) throws(SystemCallError) -> Int32 {
        while true {
            let result = body()
            if result >= 0 { return result }
            if errno != EINTR { throw SystemCallError(call, errno) }
        }
    }

    /// Repeats `body` while it is interrupted; for calls that transfer bytes.
    static func transfer(_ body: () -> Int) -> Transfer {
        while true {
            let result = body()
            if result >= 0 { return .bytes(result) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno)
            }
        }
    }

    /// read(2)
    static func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        transfer { unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
    }

    /// send(2) without SIGPIPE; for sockets.
    static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Transfer {
        transfer { unsafe send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
    }

    /// recv(2) with MSG_PEEK: the bytes stay where they are.
    static func peek(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        transfer { unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)) }
    }
}
