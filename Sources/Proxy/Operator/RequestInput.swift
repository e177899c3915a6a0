import Glibc
import Policy
import Wire

/// What commands that explain a request are given: a file with its body, and a path.
enum RequestInput {
    /// Larger bodies are no requests that anybody wants to have explained.
    private static let bodyByteCountMax = 256 << 20

    /// The bytes of a file; "-" is the standard input.
    static func body(_ path: String) throws(OperatorFailure) -> [UInt8] {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw OperatorFailure("\(path): \(unsafe String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 256 * 1024)
        while bytes.count <= bodyByteCountMax {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw OperatorFailure("\(path): \(unsafe String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
        throw OperatorFailure("\(path) is larger than \(bodyByteCountMax) bytes")
    }

    /// The method and the path that `operation` names; without one, those of a chat of this family.
    static func target(
        _ operation: String?, _ api: APIFamily
    ) throws(OperatorFailure) -> (method: HTTP1Method, path: [UInt8]) {
        guard let operation else {
            switch api {
            case .openai: return (.post, Array("/v1/chat/completions".utf8))
            case .anthropic: return (.post, Array("/v1/messages".utf8))
            case .cohere: return (.post, Array("/v2/chat".utf8))
            case .gemini, .bedrock:
                throw OperatorFailure("the path names the model: give it, --operation PATH")
            }
        }
        let words = operation.split(separator: " ", maxSplits: 1)
        guard let last = words.last, last.hasPrefix("/"), !last.contains(" ") else {
            throw OperatorFailure(
                "--operation takes a path, perhaps with a method: \"/v1/messages\", \"GET /v1/models\"")
        }
        guard words.count == 2 else { return (.post, Array(last.utf8)) }
        let methods: [Substring: HTTP1Method] = [
            "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "PATCH": .patch, "DELETE": .delete,
            "OPTIONS": .options,
        ]
        guard let method = methods[words[0]] else {
            throw OperatorFailure("--operation begins with a method that leo does not know")
        }
        return (method, Array(last.utf8))
    }
}
