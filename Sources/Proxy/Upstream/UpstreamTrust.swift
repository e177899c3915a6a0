import Synchronization

/// The client side of TLS towards upstreams, with its trust store.
///
/// The system's store holds well over a hundred certificates and takes tens of milliseconds to read, so it is read on a
/// thread of its own while leo begins to listen; the first exchange waits for it if it must.
final class UpstreamTrust: Sendable {
    private enum State {
        case loading([Waiter])
        case ready(TLSClientContext)
        case failed(String)
    }

    private let state = Mutex(State.loading([]))

    /// Loads the system's store on another thread; a file named by the operator at once, so that a mistake in it is
    /// found before leo says that it is ready.
    init(loading trust: Config.Upstream.Trust) throws(CertificateFailure) {
        if case .file(let path) = trust {
            let context = try Self.makeContext(.file(path))
            state.withLock { $0 = .ready(context) }
            return
        }
        Thread.start(name: "leo-trust") {
            let loaded: State
            do throws(CertificateFailure) { loaded = .ready(try Self.makeContext(.system)) } catch {
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

    private static func makeContext(_ source: TrustSource) throws(CertificateFailure) -> TLSClientContext {
        let store = try TrustStore(source)
        do { return try TLSClientContext(trust: store) } catch { throw .library(error.detail) }
    }

    /// Why there is no trust store, if loading failed; nil while it is loading or good.
    var failure: String? {
        state.withLock { state in
            if case .failed(let message) = state { return message }
            return nil
        }
    }

    /// The context, waiting for it until the waiter's deadline.
    func context(_ waiter: Waiter) async throws(ProxyError) -> TLSClientContext {
        while true {
            let current = state.withLock { state in
                if case .loading(let waiters) = state { state = .loading(waiters + [waiter]) }
                return state
            }
            switch current {
            case .ready(let context): return context
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
