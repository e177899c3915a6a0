import Wire

@testable import Proxy

/// What came of decoding: the text, which may be a part, and the verdict.
struct Decoded: Equatable {
    var text: [UInt8] = []
    var error: ContentCodingError?
    var codings: [ContentCoding] = []
}

/// Decodes `content` in pieces of `piece` bytes, as a relay would have them.
func decode(
    _ content: [UInt8], _ codings: [ContentCoding], in piece: Int = .max, limits: ContentDecoder.Limits = .init()
) -> Decoded {
    var decoded = Decoded()
    do throws(ContentCodingError) {
        let decoder = try ContentDecoder(codings, limits: limits)
        var fed = 0
        while fed < content.count {
            let next = fed + min(piece, content.count - fed)
            try decoder.decode(content.span.extracting(fed..<next)) { text in
                for index in text.indices { decoded.text.append(text[index]) }
            }
            fed = next
        }
        decoded.codings = decoder.codings
        try decoder.finish()
    } catch {
        decoded.error = error
    }
    return decoded
}

/// `text` with `codings` applied in this order.
func coded(_ text: [UInt8], _ codings: [ContentCoding]) throws -> [UInt8] {
    let queue = try BodyDecoding.coded(text.span, in: codings)
    return queue.withBytes { bytes in bytes.indices.map { bytes[$0] } }
}

/// Texts like those of LLM traffic, and the odd ones.
enum SampleTexts {
    static let event = Array("data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n".utf8)

    /// Nothing, one byte, an event, a long run of events that differ, and bytes that no coding makes smaller.
    static let all: [[UInt8]] = [
        [], [0x7b], event,
        (0..<3000).flatMap {
            Array("data: {\"id\":\"chatcmpl-1\",\"i\":\($0),\"delta\":\"\($0 * 7919 % 1000)\"}\n\n".utf8)
        },
        randomBytes(70_000, seed: 1),
    ]

    /// The events of an answer that differ in a word each: no other LLM traffic can be made so small.
    static let denseEvents: [UInt8] = {
        let head = "data: {\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012\",\"object\":\"chat.completion.chunk\","
        let model = "\"created\":1732190000,\"model\":\"m-2024-08-06\",\"service_tier\":\"default\","
        let choice = "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" "
        let tail = "\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
        let words = ["the", "of", "model", "answer", "token", "weather", "Paris", "function", "because", "question"]
        let random = randomBytes(8000, seed: 3)
        return random.flatMap { Array((head + model + choice + words[Int($0) % words.count] + tail).utf8) }
    }()

    static func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}
