import Policy

/// What leo shows on `listen.proxy_tls`: the operator's certificate, or one that leo's CA signs for the names in the file.
final class ListenerTLS: Sendable {
    private enum Source {
        case file(TLSServerContext)
        case minted(OffLoopCache<Shared.Leaf>, names: [String])
    }

    private let source: Source

    /// What is inside is a CONNECT, and that is HTTP/1.
    private static let protocols = ["http/1.1"]

    /// Reads the operator's certificate, or makes sure that the CA may sign.
    init(_ config: Config, authority: CertificateAuthority) throws(StartFailure) {
        let tls = config.listen.tls
        let lifetime = config.authority.leafLifetime
        let clients: ClientVerification?
        do throws(CertificateFailure) {
            clients = try Self.clients(config)
            if let context = try Self.read(tls, clients) {
                source = .file(context)
                return
            }
        } catch {
            throw StartFailure("listen.tls: \(error.description)")
        }
        for name in tls.names where !authority.permits(host: name) {
            throw StartFailure(
                "listen.proxy_tls: leo's CA may not sign for \(name): make it anew with leo ca rotate, or name a "
                    + "certificate in [listen.tls]")
        }
        source = .minted(
            OffLoopCache(
                countMax: tls.names.count,
                threads: HelperThreads(name: "leo-mint-tls", threadCountMax: 1, waitingCountMax: 1024),
                make: { host in
                    do throws(CertificateFailure) {
                        let context = try authority.mint(
                            host: host, lifetime: lifetime, protocols: Self.protocols, clients: clients)
                        // As for providers' hosts: no client meets an expired one.
                        return (.ready(context), Nanoseconds(lifetime * 3 / 4))
                    } catch {
                        return (.failed(error.description), Nanoseconds(.seconds(1)))
                    }
                }, busy: { .failed("too many certificates are being made") }), names: tls.names)
    }

    /// The operator's certificate, if there is one.
    private static func read(
        _ tls: Config.TLS, _ clients: ClientVerification?
    ) throws(CertificateFailure) -> TLSServerContext? {
        guard let certificatePath = tls.certificatePath, let keyPath = tls.keyPath else { return nil }
        let chain = try Certificate.readAll(path: certificatePath)
        let key = try PrivateKey.read(path: keyPath)
        guard key.isKey(of: chain[0]) else {
            throw .keyMismatch(certificatePath: certificatePath, keyPath: keyPath)
        }
        return try TLSServerContext(
            host: "listen.tls", leaf: chain[0], chain: chain.dropFirst().filter { !$0.isSelfSigned }, key: key,
            protocols: protocols, clients: clients)
    }

    /// What is asked of clients.
    private static func clients(_ config: Config) throws(CertificateFailure) -> ClientVerification? {
        guard let path = config.listen.tls.clientAuthorityPath else { return nil }
        return try ClientVerification(path: path, for: config.tenants)
    }

    /// Reads the files that `[listen.tls]` names; throws what is wrong with them. For `leo check`.
    static func check(_ config: Config) throws(ConfigFailure) {
        do throws(CertificateFailure) { _ = try read(config.listen.tls, clients(config)) } catch {
            let place = config.listen.tls.place ?? Place(line: 1, column: 1)
            let message = "listen.tls: \(error.description)"
            throw .mistakes([Diagnostic(file: config.path ?? "", place: place, message: message)])
        }
    }

    /// The context for a client that asks for this name: its own, where there is one for it, else the first.
    func context(
        for serverName: String?, worker: WorkerState, waiter: Waiter
    ) async throws(ProxyError) -> TLSServerContext {
        switch source {
        case .file(let context): return context
        case .minted(let cache, let names):
            let name = serverName.flatMap { names.contains($0) ? $0 : nil } ?? names[0]
            return try await cache.leaf(for: name, worker: worker, waiter: waiter)
        }
    }
}

extension OffLoopCache where Value == Shared.Leaf {
    /// The certificate for `host`, waiting for it until the waiter's deadline.
    func leaf(for host: String, worker: WorkerState, waiter: Waiter) async throws(ProxyError) -> TLSServerContext {
        while true {
            switch ask(host, waiter: waiter, now: worker.loop.now) {
            case .ready(let context): return context
            case .failed(let message): throw ProxyError(.internalError, "no certificate for \(host): \(message)")
            case nil: break
            }
            let wake = await waiter.sleep()
            if wake == .event { continue }
            forget(host, waiter: waiter)
            throw wake == .deadline
                ? ProxyError(.clientTimeout, "no certificate for \(host) in time")
                : ProxyError(.draining, "leo is shutting down")
        }
    }
}
