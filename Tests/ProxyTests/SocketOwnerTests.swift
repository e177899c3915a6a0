import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("The owner of a client's socket")
struct SocketOwnerTests {
    /// A connection of this process with itself.
    private final class Pair {
        private let listener: Descriptor
        private var client: Int32
        private var accepted: Int32 = -1
        let clientEnd: IPEndpoint
        let serverEnd: IPEndpoint

        init(_ address: IPAddress) throws {
            listener = try Socket.listen(on: IPEndpoint(address: address, port: 0))
            let end = try #require(Socket.localEndpoint(listener.raw))
            client = try Socket.connect(to: end).take()
            serverEnd = end
            clientEnd = try #require(Socket.localEndpoint(client))
            while accepted < 0 {
                if let found = try Socket.accept(listener.raw) { accepted = dup(found.descriptor.raw) }
            }
        }

        deinit {
            closeClient()
            close(accepted)
        }

        func closeClient() {
            if client >= 0 { close(client) }
            client = -1
        }
    }

    @Test("is this process' user, on IPv4 and on IPv6", arguments: [IPAddress.loopback4, .loopback6])
    func own(address: IPAddress) throws {
        let pair = try Pair(address)
        let owners = SocketOwners()
        let (clientEnd, serverEnd) = (pair.clientEnd, pair.serverEnd)
        for _ in 0..<3 {
            #expect(try owners.owner(local: clientEnd, remote: serverEnd)?.uid == getuid())
        }
        #expect(owners.flaw() == nil)
        withExtendedLifetime(pair) {}
    }

    @Test("is nobody once the client has closed it, or for a socket that never was")
    func gone() throws {
        let owners = SocketOwners()
        let pair = try Pair(.loopback4)
        let (clientEnd, serverEnd) = (pair.clientEnd, pair.serverEnd)
        #expect(try owners.owner(local: serverEnd, remote: clientEnd) != nil)
        let stranger = IPEndpoint(address: .loopback4, port: 1)
        #expect(try owners.owner(local: stranger, remote: serverEnd) == nil)
        // The kernel would find the listener instead.
        #expect(try owners.owner(local: serverEnd, remote: stranger) == nil)
        let six = IPEndpoint(address: .loopback6, port: 1)
        #expect(try owners.owner(local: six, remote: serverEnd) == nil)
        pair.closeClient()
        #expect(try owners.owner(local: clientEnd, remote: serverEnd) == nil)
    }

    @Test("is found by many at once")
    func concurrent() async throws {
        let pair = try Pair(.loopback4)
        let (clientEnd, serverEnd) = (pair.clientEnd, pair.serverEnd)
        let owners = SocketOwners()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<100).allSatisfy { _ in
                        (try? owners.owner(local: clientEnd, remote: serverEnd))??.uid == getuid()
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        withExtendedLifetime(pair) {}
    }

    @Test("has a control group that is found by its number, if there is a unified hierarchy")
    func controlGroup() throws {
        let pair = try Pair(.loopback4)
        let (clientEnd, serverEnd) = (pair.clientEnd, pair.serverEnd)
        guard let root = ControlGroups.mountPoint(), FileAccess.isReadable(root) else { return }
        let owner = try #require(try SocketOwners().owner(local: clientEnd, remote: serverEnd))
        guard let number = owner.controlGroup,
            let text = ControlGroups.readSmall("/proc/self/cgroup"),
            let own = ControlGroups.path(inProcessText: String(decoding: text, as: UTF8.self))
        else { return }
        #expect(ControlGroups.path(of: number, below: root) == own)
        #expect(ControlGroups.path(of: .max, below: root) == nil)
        withExtendedLifetime(pair) {}
    }

    @Test("is asked for where the unified hierarchy is mounted")
    func mountInfo() {
        let text = """
            30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
            31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 master:1 - cgroup2 cgroup2 rw
            41 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            """
        #expect(ControlGroups.mountPoint(inMountInfo: text) == "/sys/fs/cgroup/unified")
        for other in ["", "- cgroup2", "1 2 3 4 relative - cgroup2 x y", "1 2 3 4 /x rw -", "\n\n", "a b c d /e f g h"]
        {
            #expect(ControlGroups.mountPoint(inMountInfo: other) == nil)
        }
        #expect(
            ControlGroups.path(inProcessText: "9:name=systemd:/x\n0::/system.slice/a.service\n")
                == "/system.slice/a.service")
        for other in ["", "0::/../x", "1:name=systemd:/x", "0:"] {
            #expect(ControlGroups.path(inProcessText: other) == nil)
        }
    }
}

@Suite("Users by name")
struct UserNamesTests {
    @Test("root has a number, and nobody has this name")
    func names() {
        #expect(UserNames.number(of: "root") == 0)
        for name in ["", "no such user", "a\nb", String(repeating: "x", count: 1000)] {
            #expect(UserNames.number(of: name) == nil)
        }
    }
}
