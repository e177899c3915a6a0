import COpenSSL

/// How long OpenSSL's own tables live.
enum OpenSSLLifetime {
    /// Lets them live as long as the process. By default exit(3) frees them, under the feet of threads that are still
    /// making a certificate or checking a password. To be called before anything else of OpenSSL.
    /// `OPENSSL_init_crypto`
    static func outliveThreads() {
        _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}
