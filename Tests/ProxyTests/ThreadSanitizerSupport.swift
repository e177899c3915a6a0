@testable import Proxy

#if LEO_TSAN
    /// The same stand-in for the tests' own locks; see ThreadSanitizerMutex.swift.
    typealias Mutex = Proxy.Mutex
#endif
