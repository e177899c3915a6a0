import CLinux
import Glibc
import Wire

/// What the kernel says about this process, read when it is asked for.
struct ProcessStatistics: Equatable, Sendable {
    var residentBytes: UInt64
    var processorMicroseconds: UInt64
    /// Microseconds since 1970.
    var startMicroseconds: UInt64
    /// Nil where `/proc/self/fd` cannot be listed.
    var descriptorCount: UInt64?
    var descriptorCountMax: UInt64?

    /// Nil where `/proc` is not mounted.
    static func current() -> ProcessStatistics? {
        var text = ByteQueue()
        guard readFile("/proc/self/stat", into: &text) else { return nil }
        var statistics = parse(
            text.bytes, ticksPerSecond: UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1)),
            pageBytes: UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1)))
        // The kernel counts the start from boot; the difference of the two clocks is the time of boot.
        let boot = nanoseconds(CLOCK_REALTIME) &- nanoseconds(CLOCK_BOOTTIME)
        statistics?.startMicroseconds &+= boot / 1000
        statistics?.descriptorCount = descriptorCount()
        statistics?.descriptorCountMax = descriptorCountMax()
        return statistics
    }

    /// The metrics about the process.
    var measures: [Metric: Exposition.Measure] {
        var measures: [Metric: Exposition.Measure] = [
            .processMemory: .count(residentBytes), .processTime: .microseconds(processorMicroseconds),
            .processStart: .microseconds(startMicroseconds),
        ]
        if let descriptorCount { measures[.processDescriptors] = .count(descriptorCount) }
        if let descriptorCountMax { measures[.processDescriptorsMax] = .count(descriptorCountMax) }
        return measures
    }

    /// Reads the line of `/proc/self/stat` (proc(5)); the start is then still counted from boot.
    static func parse(
        _ stat: borrowing Span<UInt8>, ticksPerSecond: UInt64, pageBytes: UInt64
    ) -> ProcessStatistics? {
        // The second field is the command in parentheses and may hold anything, also parentheses and spaces.
        guard let end = stat.indices.last(where: { stat[$0] == 0x29 }) else { return nil }
        var fields: [UInt64] = []
        var number: UInt64 = 0
        for index in stat.indices.dropFirst(end + 2) {
            switch stat[index] {
            case 0x30...0x39: number = number &* 10 &+ UInt64(stat[index] - 0x30)
            case 0x20:
                fields.append(number)
                number = 0
            default: break
            }
        }
        // Field 3 is the first here: 14 and 15 are the times, 22 is the start, 24 the resident pages.
        guard fields.count > 21 else { return nil }
        func microseconds(_ ticks: UInt64) -> UInt64 { ticks &* 1_000_000 / ticksPerSecond }
        return ProcessStatistics(
            residentBytes: fields[21] &* pageBytes, processorMicroseconds: microseconds(fields[11] &+ fields[12]),
            startMicroseconds: microseconds(fields[19]))
    }

    private static func readFile(_ path: String, into text: inout ByteQueue) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let byteCount = unsafe text.fill(atLeast: 2048) { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return byteCount > 0
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private static func descriptorCount() -> UInt64? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        // Not the folder itself, its parent, and the descriptor that reads them.
        var count = -3
        while unsafe readdir(folder) != nil { count += 1 }
        return UInt64(max(count, 0))
    }

    private static func descriptorCountMax() -> UInt64? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return UInt64(limit.rlim_cur)
    }
}
