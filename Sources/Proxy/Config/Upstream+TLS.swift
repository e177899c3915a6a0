import Policy

extension Config.Upstream {
    private static let rowKeys = ["hosts", "certificate", "key", "pins", "trust"]

    /// Reads `[[upstream.tls]]`. Needs `via`: a row may be for the parent proxy.
    mutating func readTLS(_ table: TableReader, _ baseDirectory: String, _ providers: ProviderRows) {
        var seen: [Located<HostPattern>] = []
        for row in table.rows("tls", keys: Self.rowKeys) {
            let before = table.file.mistakeCount
            let hosts = hosts(row, providers, &seen)
            var read = UpstreamTLSRow()
            read.hosts = hosts
            read.certificatePath = row.path("certificate", in: baseDirectory)
            read.keyPath = row.path("key", in: baseDirectory)
            read.trustPath = row.path("trust", in: baseDirectory, form: "a path to a PEM file")
            read.pins = Self.pins(row)
            for (path, key) in [
                (\UpstreamTLSRow.Places.certificate, "certificate"), (\.key, "key"), (\.trust, "trust"),
            ] {
                if row.has(key) { read.places[keyPath: path] = row.place(of: key) }
            }
            Self.checkPairs(row)
            if table.file.mistakeCount == before { tls.append(read) }
        }
    }

    private static func checkPairs(_ row: TableReader) {
        for (key, other) in [("certificate", "key"), ("key", "certificate")] where row.has(key) && !row.has(other) {
            row.report(other, "is missing: a client certificate needs both", at: row.place(of: key))
        }
        if !rowKeys.contains(where: { $0 != "hosts" && row.has($0) }) {
            row.report("hosts", "alone say nothing: certificate and key, pins or trust are needed", at: row.place)
        }
    }

    // MARK: Hosts

    private func hosts(
        _ row: TableReader, _ providers: ProviderRows, _ seen: inout [Located<HostPattern>]
    ) -> [HostPattern] {
        guard let written = row.hosts("hosts", defaultPort: nil) else {
            if !row.has("hosts") { row.report("hosts", "are missing: [\"api.openai.com\"]", at: row.place) }
            return []
        }
        if written.isEmpty, row.isEmptyList("hosts") {
            row.report("hosts", "must name at least one host", at: row.place(of: "hosts"))
        }
        for host in written {
            func refuse(_ reason: String) { row.report("hosts", "has \"\(host.value)\"\(reason)", at: host.place) }
            if let flaw = flaw(of: host.value, providers, row.file) {
                refuse(flaw)
            } else if let first = seen.first(where: { $0.value.overlaps(host.value) }) {
                let isSame = first.value == host.value
                refuse(
                    isSame ? " again, after \(first.place)" : ", which \"\(first.value)\" means too, at \(first.place)")
            }
            seen.append(host)
        }
        return written.map(\.value)
    }

    /// A host that leo speaks no TLS with is a mistake: whoever misspelt it would believe it pinned.
    private func flaw(of host: HostPattern, _ providers: ProviderRows, _ file: FileReader) -> String? {
        if host.isStarWithinLabel { return ": write an exact host, or \"*.example.com\" for everything below it" }
        if providers.secureHosts.contains(where: { $0.overlaps(host) }) { return nil }
        let parent = via.flatMap { $0.isSecure ? HostPattern($0.address) : nil }
        if let parent, parent.overlaps(host) { return nil }
        let known = (providers.secureHosts + [parent].compactMap(\.self)).map(\.hostText)
        let clause = file.suggestion(for: host.hostText, among: known)
        return ", which is no provider's host, nor an https:// proxy in upstream.via\(clause)"
    }

    // MARK: Pins

    private static func pins(_ row: TableReader) -> [KeyPin] {
        let form = "pins like \"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""
        guard let written = row.strings("pins", form: form) else { return [] }
        if written.isEmpty, row.isEmptyList("pins") {
            row.report("pins", "must hold at least one pin; leave the key out for none", at: row.place(of: "pins"))
        }
        var places: [KeyPin: Place] = [:]
        for text in written {
            func refuse(_ reason: String) { row.report("pins", "has \(text.value.quoted)\(reason)", at: text.place) }
            do throws(KeyPin.Flaw) {
                let pin = try KeyPin.parse(text.value)
                if let first = places[pin] { refuse(" again, after \(first)") }
                places[pin] = text.place
            } catch {
                switch error {
                case .meant(let meant): refuse(", did you mean \"\(meant)\"?")
                case .fingerprint:
                    refuse(": this is a certificate's fingerprint; a pin is made of its public key alone")
                case .algorithm: refuse(": SHA-256 alone is known here, \"sha256/\" and 44 characters of base64")
                case .form: refuse(", which is no pin: \"sha256/\" and 44 characters of base64 are needed")
                }
            }
        }
        return places.sorted { $0.value < $1.value }.map(\.key)
    }
}
