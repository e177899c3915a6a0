import CLinux
import Glibc

/// What leo asks of the kernel for itself.
enum Process {
    /// No core dump and no debugger may show what passes through (promise 3); as many descriptors as are allowed.
    static func harden() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        leo_forbid_dump()
        var files = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
            files.rlim_cur = files.rlim_max
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        }
        _ = umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        #if !DEBUG
            // Swift's own crash reports show memory near the registers, and that may be somebody's prompt.
            for number in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
        #endif
    }

    /// What one large exchange gives back at its end, the next one takes again: without this, the kernel gets it and clears
    /// it anew for each. For memory that is taken from now on.
    static func keepFreeMemory() { leo_keep_free_memory(2 << 20, 1 << 20) }

    /// How many descriptors this process may have: the soft limit, which ``harden()`` has raised to the hard one.
    static func descriptorCountMax() -> Int {
        var files = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return 1024 }
        return Int(clamping: files.rlim_cur)
    }

    /// Cores this process may use: its affinity, and no more than its cgroup's CPU quota.
    static func usableCoreCount() -> Int {
        let online = max(1, Int(leo_affinity_count()))
        guard let quota = cgroupQuota() else { return online }
        return max(1, min(online, quota))
    }

    private static func cgroupQuota() -> Int? {
        guard let text = SmallFile.read("/sys/fs/cgroup/cpu.max") else { return nil }
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0 else { return nil }
        return (quota + period - 1) / period
    }

    // MARK: Signals

    private static var handled: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { unsafe sigaddset(&set, number) }
        return set
    }

    /// Keeps signals for ``signalDescriptor()``. Before any thread is started, since threads inherit it.
    static func blockSignals() {
        var set = handled
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// signalfd(2) for SIGTERM, SIGINT, SIGHUP and SIGUSR1.
    static func signalDescriptor() throws(SystemCallError) -> Descriptor {
        var set = handled
        return Descriptor(
            try System.check("signalfd") { unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC)) })
    }

    /// The next signal that has come, if one has.
    static func nextSignal(_ watcher: Watcher) -> Int32? {
        var information = signalfd_siginfo()
        let transfer = unsafe withUnsafeMutableBytes(of: &information) { unsafe System.read(watcher.descriptor, $0) }
        guard case .bytes(let count) = transfer, count == MemoryLayout<signalfd_siginfo>.size else {
            watcher.isReadReady = false
            return nil
        }
        return Int32(information.ssi_signo)
    }
}

/// The environment, read in the command line's name only.
enum Environment {
    /// A variable's value.
    static func value(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

/// Small files of the kernel's.
enum SmallFile {
    /// The first 64 KiB of a file as text; nil if it cannot be read.
    static func read(_ path: String) -> String? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = Descriptor(number)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = 0
            while count < buffer.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
                guard case .bytes(let added) = unsafe System.read(descriptor.raw, rest), added > 0 else { return }
                count += added
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Tells systemd how leo is doing (sd_notify(3)), without its library: one datagram to the socket it names.
enum SystemdNotifier {
    /// Sends `state`; does nothing outside of systemd.
    static func notify(_ state: String) {
        guard let path = Environment.value("NOTIFY_SOCKET"), !path.isEmpty else { return }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        let descriptor = Descriptor(number)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // An abstract name begins with a zero byte, written as @.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        guard name.count <= MemoryLayout.size(ofValue: address.sun_path) else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let message = Array(state.utf8)
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(descriptor.raw, message, message.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
