import Cache
import Policy
import Wire

/// Takes the provider's answer as it passes: to keep it, and to tell it to those who wait for the same.
///
/// It sees the answer decoded. What is kept is what the provider said; what others are told is what the exchange's own
/// client gets, which lacks what leo alone has asked for. Whatever goes wrong with it ends both and nothing else.
final class AnswerCapture {
    /// What providers say in fields that is worth repeating with a kept answer: how they call the exchange, and what
    /// Bedrock's models used, which stands nowhere else.
    private static let fieldNames = [
        "x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-amzn-bedrock-input-token-count",
        "x-amzn-bedrock-output-token-count", "x-amzn-bedrock-cache-read-input-token-count",
        "x-amzn-bedrock-cache-write-input-token-count",
    ]
    /// Longer values are no ids.
    private static let fieldBytesMax = 256
    /// Errors are short; a longer one goes to its own client alone.
    private static let errorBytesMax = 64 * 1024
    /// What a provider says of a request that it will say of each like it.
    private static let errorsOfRequest = [400, 404, 413, 422]

    /// The word for an answer that is kept.
    static let kept = "kept"

    /// It owns this capture, and lives as long as the exchange.
    private unowned let use: CacheUse
    private let status: Int
    private let contentType: String
    private let fields: [(name: String, value: String)]
    private let isStream: Bool
    private let isWholeOnlyAtClose: Bool
    private var assembler: AnswerAssembler?
    private var error: [UInt8] = []
    private var isBroken = false

    /// Takes note of the final head of the answer, parsed from `bytes`.
    init(_ use: CacheUse, _ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, isStream: Bool, documentBytesMax: Int) {
        self.use = use
        status = head.status
        self.isStream = isStream
        contentType = head.first(.contentType).map { String(lossy: bytes.extracting($0.value)) } ?? ""
        isWholeOnlyAtClose = head.responseFraming(answering: .post) == .untilClose
        var fields: [(name: String, value: String)] = []
        for name in Self.fieldNames {
            for index in head.fields.indices {
                let field = head.fields[index]
                guard field.value.count <= Self.fieldBytesMax, bytes.extracting(field.name).equals(ignoringCase: name)
                else { continue }
                fields.append((name, String(lossy: bytes.extracting(field.value))))
                break
            }
        }
        self.fields = fields
        if status == 200 {
            let type = Array(contentType.utf8)
            assembler = AnswerAssembler(
                use.operation, contentType: type.isEmpty ? nil : type.span, status: status,
                documentBytesMax: documentBytesMax)
        } else if !Self.errorsOfRequest.contains(status) {
            use.fail("status")
        }
    }

    /// The answer's text can be read: those who follow may have it.
    func begin() {
        guard status == 200 else { return }
        use.leader?.begin(FlightHead(contentType: contentType, fields: fields, isStream: isStream))
    }

    /// What is held of the answer, in bytes.
    var byteCount: Int { (assembler?.byteCount ?? 0) + error.count }

    /// Takes a piece of what the provider said.
    func keep(_ text: Span<UInt8>) {
        if !isBroken { assembler?.take(text) }
    }

    /// Takes a piece of what the client gets.
    func tell(_ text: Span<UInt8>) {
        if isBroken { return }
        if status == 200 { return use.leader?.append(text) ?? () }
        guard Self.errorsOfRequest.contains(status), use.leader != nil else { return }
        if error.count + text.count > Self.errorBytesMax { return fail("status") }
        for index in text.indices { error.append(text[index]) }
    }

    /// The answer is not what others may have: its coding is broken, or leo has ended it.
    func fail(_ reason: String) {
        if isBroken { return }
        isBroken = true
        assembler = nil
        error = []
        use.fail(reason)
    }

    /// The answer is complete.
    func end(usage: Usage?, model: String?) {
        if isBroken { return }
        isBroken = true
        guard var assembler = assembler.take() else {
            use.noteAnswer("status")
            use.leader?.refuse(status: status, contentType: contentType, body: error)
            use.leader = nil
            return
        }
        var answer = FlightAnswer(document: nil, model: model, usage: usage)
        do throws(AnswerFlaw) {
            let document = try assembler.end()
            let word =
                isWholeOnlyAtClose
                ? AnswerFlaw.incomplete.rawValue : use.keep(document, usage, model: model, fields: fields)
            use.noteAnswer(word)
            answer.document = document.json
        } catch {
            use.noteAnswer(error.rawValue)
            // Who follows a stream has what there is of it. A document that is none is nobody's answer.
            if !isStream, [.error, .incomplete, .malformed].contains(error) { return use.fail(error.rawValue) }
        }
        use.leader?.complete(answer)
        use.leader = nil
    }
}

extension CacheUse {
    /// The exchange has no answer that others may have: those who wait for it go on without it.
    func fail(_ reason: String) {
        noteAnswer(reason)
        leader?.fail()
        leader = nil
    }
}
