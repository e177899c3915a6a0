import COpenSSL
import Policy

/// What a CA certificate may sign for (RFC 5280 section 4.2.1.10).
@safe
final class SignedNameConstraints: @unchecked Sendable {
    // Read once, never changed.
    private let constraints: UnsafeMutablePointer<NAME_CONSTRAINTS>
    /// The permitted DNS suffixes; a suffix covers itself and all names below it.
    let permittedNames: [String]
    private let permitted: Set<String>
    private let excluded: Set<String>
    /// Whether the two sets say all that there is to say about a host name.
    private let isPlain: Bool

    /// The constraints of `x509`, which is lent; nil if it has none. `X509_get_ext_d2i`
    init?(reading x509: OpaquePointer) {
        guard let found = unsafe X509_get_ext_d2i(x509, NID_name_constraints, nil, nil) else { return nil }
        unsafe constraints = found.assumingMemoryBound(to: NAME_CONSTRAINTS.self)
        let permitted = unsafe Subtrees(reading: constraints.pointee.permittedSubtrees)
        let excluded = unsafe Subtrees(reading: constraints.pointee.excludedSubtrees)
        permittedNames = permitted.names
        self.permitted = Set(permitted.names)
        self.excluded = Set(excluded.names)
        isPlain = permitted.isPlain && excluded.isPlain
    }

    deinit { unsafe NAME_CONSTRAINTS_free(constraints) }

    /// Whether a certificate for `certificate`'s names may be signed. `X509_check_purpose`, `NAME_CONSTRAINTS_check`
    func permits(_ certificate: Certificate) -> Bool {
        unsafe certificate.withPointer { x509 in
            // The check reads the names that this call takes out of the extension; without it there would be none.
            unsafe X509_check_purpose(x509, -1, 0) == 1 && NAME_CONSTRAINTS_check(x509, constraints) == X509_V_OK
        }
    }

    /// The same for a leaf whose only name is `name`, in lower case; nil if this takes a certificate to find out.
    func permits(name: String) -> Bool? {
        guard isPlain else { return nil }
        if NameConstraints.cover(excluded, host: name) { return false }
        return permitted.isEmpty || NameConstraints.cover(permitted, host: name)
    }

    private struct Subtrees {
        var names: [String] = []
        var isPlain = true

        init(reading subtrees: OpaquePointer?) {
            guard let subtrees = unsafe subtrees else { return }
            for index in 0..<(unsafe leo_sk_GENERAL_SUBTREE_num(subtrees)) {
                guard let subtree = unsafe leo_sk_GENERAL_SUBTREE_value(subtrees, index) else { continue }
                unsafe add(subtree.pointee)
            }
        }

        private mutating func add(_ subtree: GENERAL_SUBTREE) {
            guard let base = unsafe subtree.base, unsafe subtree.minimum == nil && subtree.maximum == nil else {
                isPlain = false
                return
            }
            switch unsafe base.pointee.type {
            case GEN_DNS: unsafe addName(leo_GENERAL_NAME_get0_string(base))
            // A leaf has no name of these kinds.
            case GEN_IPADD, GEN_EMAIL, GEN_URI: break
            // A directory name is compared with the leaf's subject, and of others who knows.
            default: isPlain = false
            }
        }

        private mutating func addName(_ text: UnsafePointer<ASN1_STRING>?) {
            guard let text = unsafe text, let bytes = unsafe ASN1_STRING_get0_data(text) else {
                isPlain = false
                return
            }
            let count = unsafe Int(ASN1_STRING_length(text))
            let name = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
            names.append(name.lowercased())
            // A dot in front, which some write, or nothing at all, have meanings of their own.
            if !HostName.isValid(name) { isPlain = false }
        }
    }
}
