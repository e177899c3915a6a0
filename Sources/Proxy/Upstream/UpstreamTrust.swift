import Policy
import Synchronization

/// The client side of TLS towards upstreams: one context with what all hosts are verified against, and one for each row
/// of `[[upstream.tls]]`.
///
/// The system's store holds well over a hundred certificates and takes tens of milliseconds to read, so it is read on a
/// thread of its own while leo begins to listen; the first exchange waits for it if it must.
final class UpstreamTrust: Sendable {
    private enum State {
        case loading([Waiter])
        case ready(Contexts)
        case failed(String)
    }

    /// The contexts that rest on `upstream.trust`.
    private struct Contexts {
        let common: TLSClientContext
        /// By row; nil for one with a trust of its own.
        let rows: [TLSClientContext?]
    }

    private let rows: [UpstreamTLSRow]
    /// The contexts of rows with a trust of their own, by row.
    private let separate: [TLSClientContext?]
    private let state = Mutex(State.loading([]))

    /// Loads the system's store on another thread; a file named by the operator at once, so that a mistake in it is
    /// found before leo says that it is ready. `files` has what the rows of `upstream` name.
    init(loading upstream: Config.Upstream, files: UpstreamFiles) throws(CertificateFailure) {
        let rows = upstream.tls
        self.rows = rows
        separate = try zip(rows, files.rows).map { row, file throws(CertificateFailure) in
            guard let store = file.store else { return nil }
            return try Self.makeContext(store, row, file)
        }
        if case .file(let path) = upstream.trust {
            let contexts = try Self.makeContexts(.file(path), rows, files)
            state.withLock { $0 = .ready(contexts) }
            return
        }
        Thread.start(name: "leo-trust") {
            let loaded: State
            do throws(CertificateFailure) { loaded = .ready(try Self.makeContexts(.system, rows, files)) } catch {
                loaded = .failed(error.description)
            }
            let waiters = self.state.withLock { state in
                guard case .loading(let waiters) = state else { return [Waiter]() }
                state = loaded
                return waiters
            }
            for waiter in waiters { waiter.wakeFromAnyThread() }
        }
    }

    private static func makeContexts(
        _ source: TrustSource, _ rows: [UpstreamTLSRow], _ files: UpstreamFiles
    ) throws(CertificateFailure) -> Contexts {
        let store = try TrustStore(source)
        let common: TLSClientContext
        do { common = try TLSClientContext(trust: store) } catch { throw .library(error.detail) }
        let contexts = try zip(rows, files.rows).map { row, file throws(CertificateFailure) in
            file.store == nil ? try makeContext(store, row, file) : nil
        }
        return Contexts(common: common, rows: contexts)
    }

    private static func makeContext(
        _ store: TrustStore, _ row: UpstreamTLSRow, _ file: UpstreamFiles.Row
    ) throws(CertificateFailure) -> TLSClientContext {
        do { return try TLSClientContext(trust: store, identity: file.identity, pins: row.pins) } catch {
            throw .library(error.detail)
        }
    }

    /// Why there is no trust store, if loading failed; nil while it is loading or good.
    var failure: String? {
        state.withLock { state in
            if case .failed(let message) = state { return message }
            return nil
        }
    }

    /// The context for a host, waiting for it until the waiter's deadline. The same host has the same context always.
    func context(for host: String, port: UInt16, _ waiter: Waiter) async throws(ProxyError) -> TLSClientContext {
        let row = rows.firstIndex { $0.means(host: host, port: port) }
        if let row, let context = separate[row] { return context }
        while true {
            let current = state.withLock { state in
                if case .loading(let waiters) = state { state = .loading(waiters + [waiter]) }
                return state
            }
            switch current {
            case .ready(let contexts):
                guard let row else { return contexts.common }
                if let context = contexts.rows[row] { return context }
                throw ProxyError(.internalError, "a row of upstream.tls has no context")
            case .failed(let message): throw ProxyError(.internalError, "no trust store for upstreams: \(message)")
            case .loading: break
            }
            switch await waiter.sleep() {
            case .event: continue
            case .deadline: throw ProxyError(.connectTimeout, "the trust store was not loaded in time")
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            }
        }
    }
}
