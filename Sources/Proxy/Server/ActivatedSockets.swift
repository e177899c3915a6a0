import CLinux
import Glibc
import Policy

/// Listening sockets that systemd opened before it started leo, as sd_listen_fds(3) has them, without its library.
struct ActivatedSockets {
    /// What a descriptor is for: a way in, or nil for the admin listener.
    struct Assignment: Equatable {
        let kind: ListenerKind?
        let descriptor: Int32
    }

    /// The first descriptor that is handed over; the others follow it.
    static let descriptorMin: Int32 = 3
    /// More sockets than leo has names for are a mistake.
    private static let countMax = 64

    let assignments: [Assignment]

    /// Takes what the environment announces for this process, and takes the announcement away, so that no child believes
    /// that it is meant.
    static func take(_ rule: ReachRule) throws(StartFailure) -> ActivatedSockets {
        let names = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
        let values = names.map(Environment.value)
        for name in names { unsafe unsetenv(name) }
        let sockets = try ActivatedSockets(
            process: values[0], count: values[1], names: values[2], ownProcess: getpid())
        for assignment in sockets.assignments { try adopt(assignment, rule) }
        return sockets
    }

    /// Reads the three variables; another process's are nothing to us.
    init(process: String?, count: String?, names: String?, ownProcess: Int32) throws(StartFailure) {
        guard let process, Int32(process) == ownProcess, let count else {
            assignments = []
            return
        }
        guard let number = Int(count), (0...Self.countMax).contains(number) else {
            throw StartFailure("LISTEN_FDS is no number of sockets from 0 to \(Self.countMax)")
        }
        let written = names.map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) } ?? []
        guard names == nil || number == 0 || written.count == number else {
            throw StartFailure("LISTEN_FDNAMES has \(written.count) names for \(number) sockets")
        }
        var assignments: [Assignment] = []
        for index in 0..<number {
            let name = index < written.count ? written[index] : "unknown"
            assignments.append(
                Assignment(
                    kind: try Self.kind(name, isOnly: number == 1), descriptor: Self.descriptorMin + Int32(index)))
        }
        self.assignments = assignments
    }

    /// Without FileDescriptorName= the name is "unknown" or the unit's own, which says nothing.
    private static func kind(_ name: String, isOnly: Bool) throws(StartFailure) -> ListenerKind? {
        if name == "admin" { return nil }
        if let kind = ListenerKind(rawValue: name) { return kind }
        if name.isEmpty || name == "unknown" || isOnly && name.hasSuffix(".socket") { return .proxy }
        let known = (ListenerKind.allCases.map(\.rawValue) + ["admin"]).joined(separator: ", ")
        throw StartFailure(
            "systemd hands over a socket with the name \(name.quoted): FileDescriptorName= must be one of \(known)")
    }

    /// Makes sure that it is what its name says, does not block, and is not inherited.
    private static func adopt(_ assignment: Assignment, _ rule: ReachRule) throws(StartFailure) {
        let descriptor = assignment.descriptor
        let name = assignment.kind?.rawValue ?? "admin"
        func refuse(_ reason: String) -> StartFailure {
            StartFailure("systemd hands over descriptor \(descriptor) as \(name), which \(reason)")
        }
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw refuse("is not open") }
        guard let type = option(SO_TYPE, descriptor) else { throw refuse("is no socket") }
        guard type == Int32(SOCK_STREAM.rawValue), option(SO_ACCEPTCONN, descriptor) == 1 else {
            throw refuse("does not listen for connections: ListenStream= and Accept=no are needed")
        }
        let isUnix = assignment.kind?.isUnix ?? false
        switch option(SO_DOMAIN, descriptor) {
        case AF_UNIX: if !isUnix { throw refuse("is a Unix socket: only proxy_unix can be one") }
        case AF_INET, AF_INET6: if isUnix { throw refuse("has an address: proxy_unix is a path") }
        default: throw refuse("is neither a TCP nor a Unix socket")
        }
        if let endpoint = Socket.localEndpoint(descriptor),
            let refusal = rule.refusal(of: endpoint, for: assignment.kind)
        {
            throw StartFailure("systemd hands over \(endpoint) as \(name), which \(refusal)")
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else { throw refuse("is unusable") }
    }

    private static func option(_ name: Int32, _ descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 else { return nil }
        return value
    }

    /// The sockets for a way in.
    func sockets(for kind: ListenerKind?) -> [ListenerSocket] {
        assignments.filter { $0.kind == kind }.map { ListenerSocket(Descriptor($0.descriptor)) }
    }
}
