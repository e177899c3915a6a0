import CLinux
import Glibc
import Policy

/// The process at the other end of a Unix socket: where in the tree of control groups it runs.
///
/// The kernel hands out a descriptor of the very process that connected (`SO_PEERPIDFD`, Linux 6.5), which no other process
/// with the same number can take the place of. Without it the unit is not known: a number alone may be somebody else's by
/// now.
enum PeerProcess {
    /// What is known of its control group.
    enum Place: Equatable {
        /// Its number.
        case number(UInt64)
        /// Its path in the unified hierarchy.
        case path(String)
        /// Nothing.
        case unknown
    }

    /// Where the process at the other end of `descriptor` runs. Takes a few system calls.
    static func place(of descriptor: Int32, processID: Int32) -> Place {
        var raw: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, LEO_SO_PEERPIDFD, &raw, &length) == 0, raw >= 0 else {
            return .unknown
        }
        let process = Descriptor(raw)
        let number = leo_pidfd_control_group(process.raw)
        if number != 0 { return .number(number) }
        // Linux before 6.13: by its number, which is its own for certain if it still lives afterwards.
        guard let text = ControlGroups.readSmall("/proc/\(processID)/cgroup"), isAlive(process.raw),
            let path = ControlGroups.path(inProcessText: String(decoding: text, as: UTF8.self))
        else { return .unknown }
        return .path(path)
    }

    /// A pidfd becomes readable when its process ends.
    private static func isAlive(_ process: Int32) -> Bool {
        var entry = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, 0) == 0
    }
}
