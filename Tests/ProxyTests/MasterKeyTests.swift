import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("The master key")
struct MasterKeyTests {
    private func bytes(_ text: String) -> [UInt8] {
        let digits = text.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private func plain(_ secret: Secret?) -> [UInt8]? {
        secret?.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }

    private func known() -> MasterKey? { MasterKey([UInt8](0..<32).span) }

    @Test("derives as RFC 5869 has it in its appendix A")
    func vectors() {
        let first = KeyDerivation.derive(
            [UInt8](repeating: 0x0b, count: 22).span, salt: bytes("000102030405060708090a0b0c"),
            info: bytes("f0f1f2f3f4f5f6f7f8f9"), byteCount: 42)
        #expect(
            plain(first)
                == bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"))
        let third = KeyDerivation.derive([UInt8](repeating: 0x0b, count: 22).span, salt: [], info: [], byteCount: 42)
        #expect(
            plain(third)
                == bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"))
    }

    @Test("gives each purpose and tenant a key of its own, and always the same")
    func derive() throws {
        let master = try #require(known())
        let shared = plain(master.derive(.fingerprints))
        #expect(shared?.count == 32 && plain(master.derive(.fingerprints)) == shared)
        #expect(plain(master.derive(.fingerprints, tenant: "a")) != shared)
        #expect(plain(master.derive(.fingerprints, tenant: "a")) != plain(master.derive(.fingerprints, tenant: "b")))
        let (short, long) = (MasterKey([UInt8](0..<31).span), MasterKey([UInt8](0..<65).span))
        #expect(short == nil && long == nil)
    }

    @Test("makes the same fingerprints on every machine, and others under another key")
    func fingerprints() throws {
        let master = try #require(known())
        let other = try #require(MasterKey())
        let key = Array("sk-1".utf8)
        let fingerprints = try #require(CredentialFingerprints(MasterKeys(current: master, previous: nil)))
        // Changing this invalidates every file that has a provider_key.
        #expect(fingerprints.fingerprint(of: key.span)?.description == "hmac:cac8e3f7708d300b86d3695acdfd838e")
        let rotated = try #require(CredentialFingerprints(MasterKeys(current: other, previous: master)))
        guard case .key(let current, let previous) = rotated.fact(of: key.span) else {
            Issue.record("no fingerprint")
            return
        }
        #expect(previous == fingerprints.fingerprint(of: key.span) && current != previous)
        let own = try #require(CredentialFingerprints(nil))
        #expect(!own.isShared && own.fingerprint(of: key.span) != fingerprints.fingerprint(of: key.span))
        #expect(own.fingerprint(of: key.span) == own.fingerprint(of: key.span))
    }

    @Test("names kept answers alike on every machine, and for each tenant otherwise")
    func cacheKeys() throws {
        let master = try #require(known())
        func keys(_ master: MasterKey?, after previous: CacheKeys? = nil) throws -> CacheKeys {
            let tenants = ["a", "b", "c"].map { name in
                var tenant = TenantPolicy(name: name)
                tenant.cache.mode = name == "a" ? .enforce : name == "b" ? .observe : .off
                return tenant
            }
            let masters = master.map { MasterKeys(current: $0, previous: nil) }
            return try #require(CacheKeys(masters, tenants: tenants, after: previous))
        }
        func name(_ keys: CacheKeys, _ tenant: String, _ first: String, _ second: String) -> String? {
            keys.key(tenant: tenant, preamble: first.utf8.span, canonical: second.utf8.span)?.text
        }
        let found = try keys(master)
        let secret = try #require(master.derive(.cacheKeys, tenant: "a"))
        let digest = KeyedDigest.Key(secret).code(of: "onetwo".utf8.span)
        let text = (0..<32).map { (digest[$0] < 16 ? "0" : "") + String(digest[$0], radix: 16) }.joined()
        #expect(try name(found, "a", "one", "two") == text && name(keys(master), "a", "one", "two") == text)
        // Changing this makes a fleet's leos of two versions forget each other's answers.
        #expect(text == "928faecfebee3c3b026e0d63fe1fa876d893ecc340ba19f7000ee1c0f49c3e0d")
        #expect(name(found, "a", "", "") != nil && name(found, "a", "one", "") != name(found, "a", "two", ""))
        #expect(name(found, "b", "one", "two") != nil && name(found, "b", "one", "two") != text)
        #expect(name(found, "c", "one", "two") == nil && name(found, "d", "one", "two") == nil)
        // Without a master key a process has its own, and keeps it over a reload, but not once there is a master key.
        let own = try keys(nil)
        #expect(name(own, "a", "one", "two") != text)
        #expect(try name(keys(nil, after: own), "a", "one", "two") == name(own, "a", "one", "two"))
        #expect(try name(keys(nil), "a", "one", "two") != name(own, "a", "one", "two"))
        #expect(try name(keys(master, after: own), "a", "one", "two") == text)
        #expect(plain(master.derive(.fingerprints, tenant: "a")) != plain(master.derive(.cacheKeys, tenant: "a")))
    }

    @Test("is read as it was written, and by its owner's will alone")
    func file() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/master.key"
        let master = try #require(MasterKey())
        let write = { (text: [UInt8], mode: mode_t) in
            let file = try AtomicFile(path: path, mode: mode)
            try unsafe text.span.withUnsafeBytes { try unsafe file.write($0) }
            try file.publish(.replaced)
        }
        let text = try #require(plain(master.fileText))
        try write(text, 0o600)
        #expect(plain(try MasterKey(path: path).derive(.fingerprints)) == plain(master.derive(.fingerprints)))
        for mode: mode_t in [0o640, 0o604, 0o660, 0o644] {
            try write(text, mode)
            #expect(throws: MasterKey.Failure.file(.exposedKey(path: path, mode: mode))) { try MasterKey(path: path) }
        }
        for wrong in ["", "\n", "AAAA\n", "!" + String(repeating: "A", count: 43), String(repeating: "A", count: 255)] {
            try write(Array(wrong.utf8), 0o600)
            #expect(throws: MasterKey.Failure.content(path: path)) { try MasterKey(path: path) }
        }
    }
}
