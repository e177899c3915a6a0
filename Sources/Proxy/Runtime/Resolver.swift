import CLinux
import Glibc
import Policy

/// Names to addresses, off the loop: getaddrinfo(3) on helper threads, so that /etc/hosts, search domains and whatever
/// nsswitch.conf says hold for leo as for every other program.
///
/// Answers are kept for a short, fixed time, because getaddrinfo tells no TTL; failures for an even shorter one.
enum Resolver {
    /// A look-up's result.
    enum Answer: Sendable {
        /// At least one address, in the order of RFC 6724, as getaddrinfo sorts them.
        case addresses([IPAddress])
        /// The name does not resolve; the reason in the resolver's words.
        case failed(String)
    }

    /// Names remembered at once.
    private static let nameCountMax = 4096
    /// Providers move their addresses with TTLs of a minute or more.
    private static let keepSpan = Nanoseconds(.seconds(30))
    /// Long enough to spare a dead name server, short enough that nobody waits for a name that has come back.
    private static let keepFailureSpan = Nanoseconds(.seconds(1))
    /// Addresses used of one answer.
    private static let addressCountMax = 16

    /// The names known so far; one for all workers. `count` is told how each look-up ended.
    static func makeCache(count: @escaping @Sendable (LookupResult) -> Void) -> OffLoopCache<Answer> {
        OffLoopCache(
            countMax: nameCountMax, threads: HelperThreads(name: "leo-dns", threadCountMax: 8, waitingCountMax: 512),
            make: { name in
                let answer = lookUp(name)
                switch answer {
                case .addresses:
                    count(.resolved)
                    return (answer, keepSpan)
                case .failed:
                    count(.failed)
                    return (answer, keepFailureSpan)
                }
            }, busy: { .failed("too many look-ups are waiting") })
    }

    private static func lookUp(_ name: String) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // No AI_ADDRCONFIG: in a container with loopback alone it would hide every address.
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(name, nil, &hints, &list)
        guard status == 0 else { return unsafe .failed(String(cString: gai_strerror(status))) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next, addresses.count < addressCountMax {
            var storage = sockaddr_storage()
            if let source = unsafe entry.pointee.ai_addr {
                let length = min(Int(unsafe entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
                unsafe withUnsafeMutableBytes(of: &storage) { target in
                    unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: source, count: length))
                }
                if let endpoint = IPEndpoint(storage), !addresses.contains(endpoint.address) {
                    addresses.append(endpoint.address)
                }
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failed("the name has no address") : .addresses(addresses)
    }
}
