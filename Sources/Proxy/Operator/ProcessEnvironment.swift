// `environ` is a variable of C's: nothing in leo changes it while it is read here.
@unsafe @preconcurrency import Glibc

/// The environment that this process was given.
enum ProcessEnvironment {
    /// All variables; of two with one name the first counts, as for getenv(3).
    static func current() -> [String: String] {
        var variables: [String: String] = [:]
        guard var next = unsafe environ as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? else { return [:] }
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let sign = text.firstIndex(of: "=") {
                let name = String(text[..<sign])
                if variables[name] == nil { variables[name] = String(text[text.index(after: sign)...]) }
            }
            unsafe next += 1
        }
        return variables
    }
}
