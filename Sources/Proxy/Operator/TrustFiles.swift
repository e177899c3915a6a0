import Glibc

/// The files that clients are pointed at, all in the folder of leo's root.
struct TrustFiles: Equatable, Sendable {
    /// leo's root alone, for runtimes that add it to their own roots.
    let root: String
    /// leo's root and the system's, PEM, for runtimes that take a file in place of their own roots.
    let bundle: String
    /// The same as a PKCS#12 trust store for Java.
    let javaStore: String

    static let bundleName = "leo-bundle.pem"
    static let javaStoreName = "leo-truststore.p12"

    /// The files that belong to the root at `rootPath`.
    init(rootPath: String) {
        self.init(root: rootPath, bundle: Self.folder(of: rootPath) + Self.bundleName)
    }

    /// The same with the bundle at a place of its own; the trust store goes into the bundle's folder.
    init(root: String, bundle: String) {
        self.root = root
        self.bundle = bundle
        javaStore = Self.folder(of: bundle) + Self.javaStoreName
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }

    // MARK: Writing

    /// Writes the bundle and the trust store, each in one step. Returns what is in them.
    @discardableResult
    func write(base: TrustSource = .system) throws(CertificateFailure) -> TrustBundle {
        let trust = try TrustBundle(rootPath: root, base: base)
        try trust.writePEM(to: bundle)
        try trust.writeJavaTrustStore(to: javaStore)
        return trust
    }

    /// Writes them if they are missing, or older than what they are made of. True if it did.
    @discardableResult
    func refresh(base: TrustSource = .system) throws(CertificateFailure) -> Bool {
        if isCurrent(base: base) { return false }
        try write(base: base)
        return true
    }

    /// Whether both files are there and as new as the root and the system's roots.
    func isCurrent(base: TrustSource = .system) -> Bool {
        guard let rootTime = FileTime(root), let bundleTime = FileTime(bundle), let storeTime = FileTime(javaStore)
        else { return false }
        let sources = [rootTime] + [base.path.flatMap { FileTime($0) }].compactMap(\.self)
        return sources.allSatisfy { $0 <= bundleTime && $0 <= storeTime }
    }
}

/// When a file's content last changed.
struct FileTime: Comparable {
    private let seconds: Int
    private let nanoseconds: Int

    /// Nil if there is no such file. `stat`
    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    static func < (left: FileTime, right: FileTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}
