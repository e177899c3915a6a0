import Synchronization

@testable import Cache

/// Counts how often it was woken.
final class Alarm: Sendable {
    private let rings = Atomic<Int>(0)

    var count: Int { rings.load(ordering: .acquiring) }

    var wake: @Sendable () -> Void {
        { [self] in rings.add(1, ordering: .acquiringAndReleasing) }
    }
}

extension CacheKey {
    /// A key for tests, different for different numbers.
    static func test(_ number: UInt8) -> CacheKey {
        CacheKey(digest: [UInt8](repeating: number, count: 32).span)!
    }
}

extension FlightStep {
    /// What it is, in a word or two, so that tests can compare.
    var word: String {
        switch self {
        case .wait: "wait"
        case .lead: "lead"
        case .alone: "alone"
        case .head: "head"
        case .data(let piece): "data " + String(decoding: piece, as: UTF8.self)
        case .end(let answer): "end " + (answer.document.map { String(decoding: $0, as: UTF8.self) } ?? "-")
        case .refused(let status, _, let body): "refused \(status) " + String(decoding: body, as: UTF8.self)
        case .cut: "cut"
        }
    }
}

extension FlightRole {
    var leader: FlightLeader? {
        if case .leader(let leader) = self { leader } else { nil }
    }

    var follower: FlightFollower? {
        if case .follower(let follower) = self { follower } else { nil }
    }

    var isAlone: Bool {
        if case .alone = self { true } else { false }
    }
}

extension FlightHead {
    static let stream = FlightHead(contentType: "text/event-stream", isStream: true)
    static let document = FlightHead(contentType: "application/json", isStream: false)
}

extension FlightAnswer {
    /// An answer with this document, kept.
    static func kept(_ document: String) -> FlightAnswer {
        FlightAnswer(document: [UInt8](document.utf8))
    }

    static let withoutDocument = FlightAnswer(document: nil)
}

extension FlightTable {
    /// With small limits.
    convenience init(flights: Int = 8, log: Int = 1 << 20, total: Int = 1 << 24, piece: Int = 64) {
        self.init(
            FlightLimits(
                flightCountMax: flights, logByteCountMax: log, logByteCountTotalMax: total, pieceByteCountMax: piece))
    }

    /// Joins in the form of a stream, unless told otherwise.
    func join(_ number: UInt8 = 1, _ form: String = "stream", _ alarm: Alarm = Alarm()) -> FlightRole {
        join(.test(number), form: [UInt8](form.utf8), wake: alarm.wake)
    }
}

extension FlightLeader {
    func append(_ text: String) { append([UInt8](text.utf8).span) }
}
