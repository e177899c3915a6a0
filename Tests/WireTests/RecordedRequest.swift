import Glibc
import Testing

@testable import Wire

/// A request that an SDK sent, from Tests/Corpus/requests.
struct RecordedRequest {
    let api: APIFamily
    let method: HTTP1Method
    let path: [UInt8]
    let contentType: [UInt8]?
    let body: [UInt8]

    private static let folder =
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Tests/Corpus/requests"

    /// The names of all that are there.
    static func names() -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            // The script and what is expected have an ending, and so have folders that Python makes.
            if !name.contains(".") && !name.hasPrefix("_") { names.append(name) }
        }
        return names.sorted()
    }

    /// What facts.txt says about each: a line "# name", then what must be found.
    static func expected() throws -> [String: [String]] {
        var expected: [String: [String]] = [:]
        var name = ""
        for line in String(decoding: try bytes("facts.txt"), as: UTF8.self).split(separator: "\n").map(String.init) {
            if line.hasPrefix("# ") {
                name = String(line.dropFirst(2))
                expected[name] = []
            } else {
                expected[name, default: []].append(line)
            }
        }
        return expected
    }

    private static func bytes(_ name: String) throws -> [UInt8] {
        let file = unsafe try #require(unsafe fopen("\(folder)/\(name)", "r"))
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = unsafe getc(file), byte >= 0 { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return bytes
    }

    init(_ name: String) throws {
        let bytes = try Self.bytes(name)
        let end = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ").map(String.init)
        try #require(words.count == 4)
        api = try #require(APIFamily(rawValue: words[0]))
        method = words[1] == "GET" ? .get : .post
        path = Array(words[2].utf8)
        contentType = words[3] == "-" ? nil : Array(words[3].utf8)
        body = Array(bytes[(end + 1)...])
    }

    var operation: Operation {
        guard let contentType else { return Operation.find(api, method: method, path: path.span) }
        return Operation.find(api, method: method, path: path.span, contentType: contentType.span)
    }
}

extension RequestFacts {
    /// All of the facts in a form to compare.
    func lines(_ body: [UInt8]) -> [String] {
        var lines = ["model \(model ?? "-")"]
        if stream { lines.append("stream") }
        if streamOptions.asksForUsage { lines.append("asks for usage") }
        if case .object(_, let asked?) = streamOptions, asked.value == false { lines.append("refuses usage") }
        if isStateful { lines.append("stateful") }
        if let outputLimit { lines.append("limit \(outputLimit.value)") }
        if choiceCount != 1 { lines.append("choices \(choiceCount)") }
        if messageCount != 0 { lines.append("messages \(messageCount)") }
        if mediaCount != 0 { lines.append("media \(mediaCount)") }
        if otherMediaByteCount != 0 { lines.append("other media \(otherMediaByteCount)") }
        if tokenNumberCount != 0 { lines.append("numbers \(tokenNumberCount)") }
        if !fallbackModels.isEmpty { lines.append("fallback \(fallbackModels.joined(separator: " "))") }
        for text in texts {
            let written = String(decoding: body[text.range], as: UTF8.self)
            switch text.form {
            case .json: lines.append("\(text.role.rawValue), JSON: \(written)")
            case .plain: lines.append("\(text.role.rawValue): \(written)")
            case .escaped:
                let string = JSONString(range: text.range, hasEscapes: true)
                lines.append("\(text.role.rawValue): \(string.text(in: body.span))")
            }
        }
        return lines.map { String($0.map { $0 == "\n" ? "⏎" : $0 }) }
    }
}
