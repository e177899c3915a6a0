import CHiredis
import CNGHTTP2
import COpenSSL

/// What runs.
public enum Version {
    /// leo's version.
    public static let text = "0.1.0"

    /// leo's version and those of the libraries it found at run time (hiredis: at build time).
    public static var details: String {
        let openSSL = unsafe String(cString: OpenSSL_version(OPENSSL_VERSION))
        let nghttp2 = unsafe String(cString: nghttp2_version(0).pointee.version_str)
        let hiredis = "\(HIREDIS_MAJOR).\(HIREDIS_MINOR).\(HIREDIS_PATCH)"
        return "leo \(text)\n\(openSSL), nghttp2 \(nghttp2), hiredis \(hiredis)"
    }
}
