import COpenSSL
import Glibc
import Testing

@testable import Proxy

@Suite("The trust bundle")
struct TLSTrustBundleTests {
    let folder: TemporaryFolder
    let root: Certificate
    let systemPath: String

    init() throws {
        folder = try TemporaryFolder()
        root = try CertificateAuthority.create(folder.authorityFiles, permittedNames: ["example.com"]).root
        let others = try (1...3).map { try Identity.make(.init(commonName: "system \($0)", isAuthority: true)) }
        systemPath = try folder.write(
            others.map(\.certificate.pem).joined(separator: "# text between\n"), to: "system.pem")
    }

    private func makeBundle() throws -> TrustBundle {
        try TrustBundle(rootPath: folder.authorityFiles.root, base: .file(systemPath))
    }

    @Test("leo's root comes first, then the system's, and the file is for everybody")
    func merges() throws {
        let path = folder.file("made/bundle.pem")
        try makeBundle().writePEM(to: path)
        let subjects = try Certificate.readAll(path: path).map(\.subject)
        #expect(subjects == [root.subject, "CN=system 1", "CN=system 2", "CN=system 3"])
        #expect(try folder.mode(of: path) == 0o644)
        #expect(try folder.text(of: path).hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        // Written again in place.
        try makeBundle().writePEM(to: path)
        #expect(try Certificate.readAll(path: path).count == 4)
    }

    @Test("a root that the system has already is in it once")
    func mergesOnce() throws {
        let merged = try folder.write(makeBundle().pem, to: "merged.pem")
        let bundle = try TrustBundle(rootPath: folder.authorityFiles.root, base: .file(merged))
        #expect(bundle.certificates.count == 4)
        #expect(bundle.ownCount == 1)
        #expect(bundle.systemPath == merged)
    }

    @Test("the Java trust store opens with Java's password, and holds every certificate under a name of its own")
    func writesJavaStore() throws {
        let path = folder.file("trust.p12")
        try makeBundle().writeJavaTrustStore(to: path)
        #expect(try folder.mode(of: path) == 0o644)
        let bytes = try FileAccess.read(path, byteCountMax: 1 << 20)
        let store = unsafe bytes.withUnsafeBytes { bytes in
            var start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return unsafe d2i_PKCS12(nil, &start, bytes.count)
        }
        defer { unsafe PKCS12_free(store) }
        let isGood = unsafe PKCS12_verify_mac(store, TrustBundle.javaPassword, -1) == 1
        #expect(isGood)
        let isGoodForOther = unsafe PKCS12_verify_mac(store, "other", -1) == 1
        #expect(!isGoodForOther)
        var key: OpaquePointer?
        var certificate: OpaquePointer?
        var others: OpaquePointer?
        let isParsed = unsafe PKCS12_parse(store, TrustBundle.javaPassword, &key, &certificate, &others) == 1
        #expect(isParsed)
        let count = unsafe OPENSSL_sk_num(others)
        #expect(count == 4)
        let names = (0..<count).map { index in
            unsafe String(cString: X509_alias_get0(OpaquePointer(OPENSSL_sk_value(others, index)), nil))
        }
        #expect(Set(names) == ["leo-1", "system-1", "system-2", "system-3"])
        for index in 0..<count { unsafe X509_free(OpaquePointer(OPENSSL_sk_value(others, index))) }
        unsafe OPENSSL_sk_free(others)
    }

    @Test(
        "Java's keytool lists its entries as trusted",
        .enabled(if: FileAccess.isReadable("/usr/bin/keytool"), "keytool is not installed"))
    func pleasesJava() throws {
        let path = folder.file("trust.p12")
        try makeBundle().writeJavaTrustStore(to: path)
        let output = try run(
            "/usr/bin/keytool", "-list", "-keystore", path, "-storepass", TrustBundle.javaPassword)
        #expect(output.contains("Your keystore contains 4 entries"))
        #expect(output.split(separator: "\n").count { $0.contains("trustedCertEntry") } == 4)
        #expect(output.contains("leo-1,"))
        #expect(output.contains(root.fingerprint))
    }

    /// What a program prints, after it ended well.
    private func run(_ words: String...) throws -> String {
        let outputPath = folder.file("output")
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT, 0o600)
        var arguments = unsafe words.map { word in unsafe strdup(word) } + [nil]
        defer { unsafe arguments.forEach { argument in unsafe free(argument) } }
        var child: pid_t = 0
        let started = unsafe posix_spawn(&child, words[0], &actions, nil, &arguments, nil)
        try #require(started == 0)
        var status: Int32 = 0
        let ended = unsafe waitpid(child, &status, 0)
        #expect(ended == child)
        #expect(status == 0)
        return try folder.text(of: outputPath)
    }
}
