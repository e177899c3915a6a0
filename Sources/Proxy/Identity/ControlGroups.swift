import Glibc
import Policy

/// Finds the systemd unit of a control group that the kernel names by its number.
///
/// The number is that of the group's folder in the unified hierarchy (cgroup2), so the folders are gone through until it
/// turns up: some milliseconds on a machine with hundreds of groups, on a helper thread. What was found holds for as long
/// as the machine runs, because numbers are not used again.
enum ControlGroups {
    /// A machine with more groups than this is none that leo knows of.
    static let folderCountMax = 100_000
    /// The kernel's own limit on a hierarchy's depth is the length of a path; systemd stays below ten.
    static let depthMax = 64
    private static let rememberedCountMax = 4096
    private static let foundSpan = Nanoseconds(.seconds(3600))
    /// A group that is not there is one of another container's, or one that is gone.
    private static let missingSpan = Nanoseconds(.seconds(10))

    /// What is known about a control group.
    enum Answer: Equatable, Sendable {
        /// Its unit, if it has one.
        case unit(String?)
        /// Too many are being looked for.
        case busy
    }

    /// The units of control groups, by their numbers in decimal digits.
    static func makeCache() -> OffLoopCache<Answer> {
        OffLoopCache(
            countMax: rememberedCountMax,
            threads: HelperThreads(name: "leo-units", threadCountMax: 1, waitingCountMax: 64),
            make: { key in
                guard let number = UInt64(key), let root = mountPoint(), let path = path(of: number, below: root) else {
                    return (.unit(nil), missingSpan)
                }
                return (.unit(SystemdUnit.name(inPath: path)), foundSpan)
            }, busy: { .busy })
    }

    /// Where the unified hierarchy is mounted; nil where there is none.
    static func mountPoint() -> String? {
        guard let bytes = readSmall("/proc/self/mountinfo") else { return nil }
        return mountPoint(inMountInfo: String(decoding: bytes, as: UTF8.self))
    }

    /// The same from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
    static func mountPoint(inMountInfo text: String) -> String? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count,
                fields[dash + 1] == "cgroup2", fields[4].hasPrefix("/")
            else { continue }
            // A space in it would be written \040; nobody has such a mount point.
            return String(fields[4])
        }
        return nil
    }

    /// The path, from the hierarchy's root, of the group with this number; nil when there is none.
    static func path(of number: UInt64, below root: String) -> String? {
        var status = stat()
        guard unsafe stat(root, &status) == 0 else { return nil }
        if UInt64(status.st_ino) == number { return "/" }
        var waiting = [(path: "", depth: 0)]
        var count = 0
        while let next = waiting.popLast() {
            count += 1
            if count > folderCountMax { return nil }
            for (name, inode) in folders(in: root + next.path) {
                let path = "\(next.path)/\(name)"
                if inode == number { return path }
                if next.depth + 1 < depthMax { waiting.append((path, next.depth + 1)) }
            }
        }
        return nil
    }

    /// The path in the unified hierarchy in the text of /proc/PID/cgroup (cgroups(7)).
    static func path(inProcessText text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix("0::/") {
            // A process that lies outside of leo's own namespace has a path that climbs.
            let path = line.dropFirst(3)
            return path.hasPrefix("/..") ? nil : String(path)
        }
        return nil
    }

    /// A file of the kernel's, which has no size beforehand.
    static func readSmall(_ path: String) -> [UInt8]? {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(raw)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < smallByteCountMax {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor.raw, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
        return nil
    }

    private static let smallByteCountMax = 1 << 20

    private static func folders(in path: String) -> [(name: String, inode: UInt64)] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var found: [(name: String, inode: UInt64)] = []
        while let entry = unsafe readdir(folder) {
            guard unsafe entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let inode = unsafe UInt64(entry.pointee.d_ino)
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { found.append((name, inode)) }
        }
        return found
    }
}
