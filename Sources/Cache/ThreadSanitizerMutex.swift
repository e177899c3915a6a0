#if LEO_TSAN
    import Wire

    /// In place of the standard library's; see Wire's ThreadSanitizerMutex.swift.
    typealias Mutex = Wire.Mutex
#endif
