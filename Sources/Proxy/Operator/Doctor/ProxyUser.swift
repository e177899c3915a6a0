import Policy
import Wire

/// The user and password that an environment has for leo, inside of its proxy's URL.
enum ProxyUser {
    /// The value of Proxy-Authorization that clients make of `HTTPS_PROXY`; nil when that names nobody, or another proxy.
    static func credentials(in variables: [String: String], for proxy: IPEndpoint) -> String? {
        for name in ["https_proxy", "HTTPS_PROXY"] {
            guard let value = variables[name], EnvironmentFacts.isLeo(value, proxy), let user = user(in: value) else {
                continue
            }
            return "Basic \(Base64.text(of: user))"
        }
        return nil
    }

    /// "user:password" of a URL, with what is written as `%40` and its like put back.
    static func user(in url: String) -> [UInt8]? {
        var rest = Array(url.utf8)[...]
        if let mark = url.utf8.firstRange(of: "://".utf8) {
            rest = rest.dropFirst(url.utf8.distance(from: url.utf8.startIndex, to: mark.upperBound))
        }
        rest = rest.prefix { !"/?#".utf8.contains($0) }
        guard let end = rest.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        var result: [UInt8] = []
        var index = rest.startIndex
        while index < end {
            if rest[index] == UInt8(ascii: "%"), end - index > 2,
                let byte = hexadecimal(rest[index + 1], rest[index + 2])
            {
                result.append(byte)
                index += 3
            } else {
                result.append(rest[index])
                index += 1
            }
        }
        if !result.contains(UInt8(ascii: ":")) { result.append(UInt8(ascii: ":")) }
        return result
    }

    /// The URL with dots in place of user and password, to be shown.
    static func hidden(in url: String) -> String {
        guard let at = url.lastIndex(of: "@") else { return url }
        let start = url.firstRange(of: "://").map(\.upperBound) ?? url.startIndex
        return start <= at ? "\(url[..<start])••••\(url[at...])" : url
    }

    private static func hexadecimal(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = Character(UnicodeScalar(high)).hexDigitValue,
            let low = Character(UnicodeScalar(low)).hexDigitValue
        else { return nil }
        return UInt8(high << 4 | low)
    }
}
