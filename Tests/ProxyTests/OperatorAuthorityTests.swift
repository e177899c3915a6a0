import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("leo ca")
struct OperatorAuthorityTests {
    let folder: TemporaryFolder
    var config: Config

    init() throws {
        folder = try TemporaryFolder()
        config = Config(baseDirectory: folder.path)
    }

    private var rootKeyPath: String { folder.file("offline/root.key") }
    private var files: TrustFiles { TrustFiles(rootPath: config.authority.rootPath) }

    // MARK: init

    @Test("init leaves a CA for every provider and the canary, the bundle and the trust store")
    func creates() throws {
        let report = try AuthorityCommand.create(config, rootKeyPath: nil)
        #expect(report.exitCode == 0 && report.complaints.isEmpty)
        let authority = try CertificateAuthority(
            certificatePath: config.authority.certificatePath, keyPath: config.authority.keyPath)
        for host in ["api.openai.com", "bedrock-runtime.eu-west-1.amazonaws.com", Canary.host] {
            #expect(authority.permits(host: host))
        }
        #expect(!authority.permits(host: "leo.internal"))
        #expect(files.isCurrent())
        for path in [
            config.authority.rootPath, config.authority.certificatePath, config.authority.keyPath, files.bundle,
            files.javaStore,
        ] {
            #expect(report.output.contains("\(path): "))
            #expect(FileAccess.isReadable(path))
        }
        #expect(report.output.contains("the root's key has signed once and is forgotten"))
        #expect(report.output.contains("leo serve\n") && report.output.contains("eval \"$(leo env)\""))
    }

    @Test("init says where the root's key is, and repeats the file it was given")
    func createsKeepingRoot() throws {
        var config = config
        config.path = "/etc/my leo.toml"
        let report = try AuthorityCommand.create(config, rootKeyPath: rootKeyPath)
        #expect(report.output.contains("\(rootKeyPath): the root's key; keep it off this machine"))
        #expect(report.output.contains("leo serve '/etc/my leo.toml'\n"))
        #expect(try folder.mode(of: rootKeyPath) == 0o600)
    }

    @Test("init overwrites nothing")
    func createsOnce() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let key = try folder.text(of: config.authority.keyPath)
        #expect(throws: OperatorFailure.self) { try AuthorityCommand.create(config, rootKeyPath: nil) }
        #expect(try folder.text(of: config.authority.keyPath) == key)
    }

    @Test("init tells of the CA it made even if the bundle cannot be written")
    func createsWithoutBundle() throws {
        // A folder in the way of the file.
        try folder.write("", to: "certs/leo-bundle.pem/x")
        let report = try AuthorityCommand.create(config, rootKeyPath: nil)
        #expect(report.exitCode == 2)
        #expect(report.complaints.count == 1 && report.complaints[0].contains(files.bundle))
        #expect(report.output.contains(config.authority.keyPath))
    }

    // MARK: rotate

    @Test("rotate under a kept root changes the intermediate and nothing for clients")
    func rotatesUnderRoot() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: rootKeyPath)
        let before = try AuthorityState(config)
        var wider = config
        wider.authority.names = ["llm.example.com"]
        let report = try AuthorityCommand.rotate(wider, rootKeyPath: rootKeyPath)
        let after = try AuthorityState(wider)
        #expect(after.root.fingerprint == before.root.fingerprint)
        #expect(after.intermediate.fingerprint != before.intermediate.fingerprint)
        #expect(after.permittedNames.contains("llm.example.com") && after.flaws.isEmpty)
        #expect(report.output.contains("The root is the same: clients need nothing."))
        #expect(report.output.contains("restart leo"))
        #expect(!report.output.contains("the root, which clients trust"))
    }

    @Test("rotate without the root's key makes all anew, the bundle too, and says whom that concerns")
    func rotatesEverything() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let before = try AuthorityState(config)
        let report = try AuthorityCommand.rotate(config, rootKeyPath: nil)
        let after = try AuthorityState(config)
        #expect(after.root.fingerprint != before.root.fingerprint)
        #expect(report.output.contains("Clients that hold a copy of the old root or bundle need the new one"))
        let bundle = try Certificate.readAll(path: files.bundle)
        #expect(bundle[0].fingerprint == after.root.fingerprint)
        #expect(!bundle.contains { $0.fingerprint == before.root.fingerprint })
    }

    // MARK: bundle

    @Test("bundle can go elsewhere, with the trust store beside it")
    func bundlesElsewhere() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let text = try AuthorityCommand.bundle(config, output: folder.file("image/ca.pem"))
        #expect(FileAccess.isReadable(folder.file("image/ca.pem")))
        #expect(FileAccess.isReadable(folder.file("image/leo-truststore.p12")))
        #expect(text.contains(folder.file("image/ca.pem")))
    }

    @Test("bundle without a CA says how to make one")
    func bundlesNothing() {
        let failure = #expect(throws: OperatorFailure.self) { try AuthorityCommand.bundle(config, output: nil) }
        #expect(failure?.message.contains("leo ca init") == true)
    }

    // MARK: show

    @Test("show tells names, dates and fingerprints, and needs no key")
    func shows() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        unsafe unlink(config.authority.keyPath)
        let text = try AuthorityCommand.show(config)
        let state = try AuthorityState(config)
        for certificate in [state.root, state.intermediate] {
            #expect(text.contains(certificate.subject) && text.contains(certificate.fingerprint))
        }
        #expect(text.contains("  openai.com\n") && text.contains("  \(Canary.host)\n"))
        #expect(!text.contains("warning:"))
    }

    @Test("show warns of a host outside of the names")
    func showsMissing() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        var wider = config
        wider.authority.names = ["llm.example.com"]
        #expect(try AuthorityCommand.show(wider).contains("warning: the CA may not sign for llm.example.com:"))
    }

    @Test(
        "an expiry is told of a month ahead, and afterwards",
        arguments: [(691, 0), (711, 1), (732, 1)])
    func expiry(_ daysLater: Int, _ flawCount: Int) throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let state = try AuthorityState(config, now: UTCDate.now().seconds + Int64(daysLater) * 86_400)
        #expect(state.flaws.count == flawCount)
        #expect(state.flaws.allSatisfy { $0.contains("expire") && $0.contains("leo ca rotate") })
    }

    @Test("a root that does not belong to the intermediate is seen")
    func strangeRoot() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        var other = Config(baseDirectory: folder.file("other"))
        _ = try AuthorityCommand.create(other, rootKeyPath: nil)
        other.authority.rootPath = config.authority.rootPath
        #expect(try AuthorityState(other).flaws.contains { $0.contains("does not lead to the root") })
    }
}

@Suite("The files that clients are pointed at")
struct OperatorTrustFilesTests {
    let folder: TemporaryFolder
    let files: TrustFiles

    init() throws {
        folder = try TemporaryFolder()
        _ = try folder.makeAuthority()
        files = TrustFiles(rootPath: folder.authorityFiles.root)
    }

    /// A stand-in for the system's roots.
    private func makeBase() throws -> TrustSource {
        let other = CertificateAuthority.Files(
            certificate: folder.file("base/ca.pem"), key: folder.file("base/ca.key"), root: folder.file("base/root.pem")
        )
        _ = try CertificateAuthority.create(other, permittedNames: ["example.org"])
        return .file(other.root)
    }

    private func setTime(_ path: String, seconds: Int) throws {
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        let done = unsafe utimensat(AT_FDCWD, path, [time, time], 0) == 0
        try #require(done)
    }

    @Test("are made when they are missing, and left alone when they are good")
    func refreshes() throws {
        let base = try makeBase()
        #expect(!files.isCurrent(base: base))
        #expect(try files.refresh(base: base))
        #expect(try Certificate.readAll(path: files.bundle).count == 2)
        #expect(try files.refresh(base: base) == false)
        unsafe unlink(files.javaStore)
        #expect(try files.refresh(base: base))
    }

    @Test("are made anew when the root or the system's roots are newer", arguments: [true, false])
    func ages(_ isRootNewer: Bool) throws {
        let base = try makeBase()
        try files.refresh(base: base)
        let basePath = try #require(base.path)
        for path in [files.bundle, files.javaStore, files.root, basePath] { try setTime(path, seconds: 1_000_000) }
        #expect(files.isCurrent(base: base))
        try setTime(isRootNewer ? files.root : basePath, seconds: 1_000_001)
        #expect(!files.isCurrent(base: base))
        #expect(try files.refresh(base: base))
    }

    @Test("are a failure when they cannot be written")
    func unwritable() throws {
        let base = try makeBase()
        try folder.write("", to: "leo-truststore.p12/x")
        #expect(throws: CertificateFailure.self) { try files.refresh(base: base) }
    }

    @Test(
        "lie beside the root",
        arguments: [
            ("/a/b/root.pem", "/a/b/leo-bundle.pem"), ("/root.pem", "/leo-bundle.pem"), ("root.pem", "leo-bundle.pem"),
        ])
    func places(_ root: String, _ bundle: String) {
        #expect(TrustFiles(rootPath: root).bundle == bundle)
    }
}
