import COpenSSL

/// What a CA certificate may sign for (RFC 5280 section 4.2.1.10).
@safe
final class SignedNameConstraints: @unchecked Sendable {
    // Read once, never changed.
    private let constraints: UnsafeMutablePointer<NAME_CONSTRAINTS>
    /// The permitted DNS suffixes; a suffix covers itself and all names below it.
    let permittedNames: [String]

    /// The constraints of `x509`, which is lent; nil if it has none. `X509_get_ext_d2i`
    init?(reading x509: OpaquePointer) {
        guard let found = unsafe X509_get_ext_d2i(x509, NID_name_constraints, nil, nil) else { return nil }
        unsafe constraints = found.assumingMemoryBound(to: NAME_CONSTRAINTS.self)
        permittedNames = unsafe Self.names(in: constraints.pointee.permittedSubtrees)
    }

    deinit { unsafe NAME_CONSTRAINTS_free(constraints) }

    /// Whether a certificate for `certificate`'s names may be signed. `X509_check_purpose`, `NAME_CONSTRAINTS_check`
    func permit(_ certificate: Certificate) -> Bool {
        unsafe certificate.withPointer { x509 in
            // The check reads the names that this call takes out of the extension; without it there would be none.
            unsafe X509_check_purpose(x509, -1, 0) == 1 && NAME_CONSTRAINTS_check(x509, constraints) == X509_V_OK
        }
    }

    private static func names(in subtrees: OpaquePointer?) -> [String] {
        guard let subtrees = unsafe subtrees else { return [] }
        var names: [String] = []
        for index in 0..<(unsafe leo_sk_GENERAL_SUBTREE_num(subtrees)) {
            guard let base = unsafe leo_sk_GENERAL_SUBTREE_value(subtrees, index)?.pointee.base,
                unsafe base.pointee.type == GEN_DNS, let text = unsafe leo_GENERAL_NAME_get0_string(base),
                let bytes = unsafe ASN1_STRING_get0_data(text)
            else { continue }
            let count = unsafe Int(ASN1_STRING_length(text))
            names.append(unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
        }
        return names
    }
}
