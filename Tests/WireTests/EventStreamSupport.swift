import Glibc
import Wire

/// What a reader of server-sent events sees.
enum EventStreamSeen: Equatable {
    case event(type: String, data: String)
    case oversized
}

/// How a stream was read.
struct EventStreamOutcome: Equatable {
    var seen: [EventStreamSeen] = []
    /// Where the events end, one offset each; boundaries are not among them.
    var ends: [Int] = []
    var isBetweenEvents = true
}

/// Reads a stream in pieces that end at `cuts`.
func readEvents(_ stream: [UInt8], cuts: [Int] = [], eventBytesMax: Int = 1024 * 1024) -> EventStreamOutcome {
    var parser = EventStreamParser(eventBytesMax: eventBytesMax)
    var outcome = EventStreamOutcome()
    forPieces(stream, cuts) { start, piece in
        var consumed = 0
        reading: while true {
            switch parser.step(piece, consumed: &consumed) {
            case .needsMore: break reading
            case .boundary: continue reading
            case .event:
                outcome.seen.append(.event(type: String(lossy: parser.type), data: String(lossy: parser.data)))
            case .oversized: outcome.seen.append(.oversized)
            }
            outcome.ends.append(start + consumed)
        }
    }
    outcome.isBetweenEvents = parser.isBetweenEvents
    return outcome
}

/// Calls `body` with each piece and where it begins.
func forPieces(_ stream: [UInt8], _ cuts: [Int], _ body: (Int, Span<UInt8>) -> Void) {
    var start = 0
    for end in cuts + [stream.count] where end > start {
        body(start, stream.span.extracting(start..<end))
        start = end
    }
}

/// Every cut; then random ones.
func cuttings(_ count: Int, seeds: ClosedRange<UInt64> = 1...20) -> [[Int]] {
    var cuttings = [Array(0..<count)]
    for seed in seeds {
        var random = SplitMix(seed: seed)
        cuttings.append(Set((0..<(1 + count / 16)).map { _ in Int(random.next() % UInt64(count + 1)) }).sorted())
    }
    return cuttings
}

/// A file of `Tests/Corpus`.
func corpusFile(_ path: String) -> [UInt8]? {
    let root = #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined()
    let descriptor = unsafe open("\(root)/Corpus/\(path)", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = unsafe part.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { return nil }
        guard count > 0 else { return all }
        all += part[..<count]
    }
}

/// The bytes that a text of hexadecimal digits stands for.
func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
