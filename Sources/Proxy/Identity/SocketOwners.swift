import CLinux
import Glibc
import Policy
import Synchronization

/// Asks the kernel who owns the other end of a TCP connection that was made on this machine: sock_diag(7) over netlink.
///
/// The kernel answers within the call that asks, so a look-up takes two system calls, some ten microseconds, and waits for
/// nothing. One socket serves all loops, behind a lock that is held that long; it is opened when first needed.
final class SocketOwners: Sendable {
    private struct State: ~Copyable {
        var descriptor: Descriptor?
        var sequence: UInt32 = 0
    }

    private let state = Mutex(State())

    /// Answers read for one question: those to earlier questions that were given up are among them at most.
    private static let answerCountMax = 16

    /// The owner of the socket that has these two ends, as its process sees them; nil when there is none (any more).
    /// Throws when the kernel does not tell.
    func owner(local: IPEndpoint, remote: IPEndpoint) throws(SystemCallError) -> SocketDiagnosis.Owner? {
        let result: Result<SocketDiagnosis.Owner?, SystemCallError> = state.withLock { state in
            do throws(SystemCallError) { return .success(try Self.ask(&state, local, remote)) } catch {
                // Whatever is left in it is no answer to anything.
                state.descriptor = nil
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Why tenants cannot be known by the owners of sockets, if some are to be; nil when they can.
    func flaw(for tenants: TenantTable) -> String? {
        guard tenants.needsUID || tenants.needsUnit, let flaw = flaw() else { return nil }
        return "tenants have rows with uid or systemd_unit, and the kernel does not tell who owns a socket: "
            + "\(flaw.call): \(flaw.text) (a systemd unit needs AF_NETLINK in RestrictAddressFamilies)"
    }

    /// Why the kernel does not tell; nil when it does. A first question may load a kernel module, which takes a while.
    func flaw() -> SystemCallError? {
        let nobody = IPEndpoint(address: .loopback4, port: 1)
        do throws(SystemCallError) { _ = try owner(local: nobody, remote: nobody) } catch { return error }
        return nil
    }

    private static func ask(
        _ state: inout State, _ local: IPEndpoint, _ remote: IPEndpoint
    ) throws(SystemCallError) -> SocketDiagnosis.Owner? {
        state.sequence &+= 1
        let sequence = state.sequence
        guard let request = SocketDiagnosis.request(local: local, remote: remote, sequence: sequence) else {
            return nil
        }
        if state.descriptor == nil { state.descriptor = try open() }
        guard let raw = state.descriptor?.raw else { return nil }
        _ = try System.check("send to sock_diag") {
            unsafe Int32(clamping: send(raw, request, request.count, Int32(MSG_DONTWAIT)))
        }
        var bytes = [UInt8](repeating: 0, count: SocketDiagnosis.answerByteCountMax)
        for _ in 0..<answerCountMax {
            let count = try System.check("receive from sock_diag") {
                unsafe Int32(clamping: recv(raw, &bytes, bytes.count, Int32(MSG_DONTWAIT)))
            }
            let piece = bytes.span.extracting(0..<Int(count))
            guard let answer = try? SocketDiagnosis.parse(piece, local: local, remote: remote, sequence: sequence)
            else { throw SystemCallError("sock_diag", EBADMSG) }
            switch answer {
            case .owner(let owner): return owner
            case .nobody: return nil
            case .failure(let number): throw SystemCallError("sock_diag", number)
            case .unrelated: break
            }
        }
        throw SystemCallError("sock_diag", EPROTO)
    }

    private static func open() throws(SystemCallError) -> Descriptor {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return Descriptor(
            try System.check("socket AF_NETLINK") { socket(LEO_AF_NETLINK, kind, LEO_NETLINK_SOCK_DIAG) })
    }
}
