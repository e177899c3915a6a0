import Glibc

/// Users of this machine by name.
enum UserNames {
    /// Room for a line of the user database; the longest that is tried.
    private static let bufferByteCountMax = 1 << 20

    /// The number of a user; nil when there is none of this name. `getpwnam_r`, which may ask a server: not for a loop.
    static func number(of name: String) -> UInt32? {
        var byteCount = 1024
        while byteCount <= bufferByteCountMax {
            var buffer = [CChar](repeating: 0, count: byteCount)
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>? = nil
            let result = unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found)
            if result == EINTR { continue }
            if result == ERANGE {
                byteCount *= 4
                continue
            }
            return unsafe result == 0 && found != nil ? entry.pw_uid : nil
        }
        return nil
    }
}
