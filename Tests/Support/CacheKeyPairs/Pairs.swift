import Cache
import Wire

/// Pairs of requests that differ in one thing, and whether their keys do.
///
/// Takes a request of a dialect with a random part of its members, changes one thing, writes both with other blanks, other
/// escapes and the keys of options in another order, and compares what the keys are made of. All of that in a random way
/// that a seed repeats.
public struct CacheKeyPairs {
    /// What was looked at, and what was wrong.
    public struct Report: Sendable {
        /// How many pairs.
        public var pairCount = 0
        /// Those of them that must have one key.
        public var sameCount = 0
        /// Those of which the second request is none of the cache's business.
        public var bypassCount = 0
        /// What was wrong, with the requests.
        public var failures: [String] = []
    }

    /// The names of all samples.
    public static var names: [String] { Sample.all.map(\.name) }

    /// More failures than this are not told.
    private static let failureCountMax = 5
    /// So many changes are made to one request before another is taken.
    private static let changesPerBase = 24

    /// Makes `count` pairs of the sample with this name.
    public static func run(_ name: String, count: Int, seed: UInt64) -> Report {
        var report = Report()
        guard let sample = Sample.all.first(where: { $0.name == name }) else {
            report.failures.append("no sample \(name)")
            return report
        }
        var random = SplitMix(seed: seed)
        while report.pairCount < count, report.failures.count < failureCountMax {
            let body = sample.part(&random)
            let base = Head(sample)
            var text: [UInt8] = []
            body.write(&text, &random)
            guard case .key(let key) = base.outcome(text) else {
                report.failures.append("\(name): bypassed: \(String(decoding: text, as: UTF8.self))")
                break
            }
            for _ in 0..<min(changesPerBase, count - report.pairCount) {
                var changed = Change(sample, body, base)
                let isSame = changed.make(&random)
                var other: [UInt8] = []
                sample.shuffled(changed.body, &random).write(&other, &random)
                let outcome = changed.head.outcome(other)
                report.pairCount += 1
                if isSame { report.sameCount += 1 }
                if case .bypass = outcome { report.bypassCount += 1 }
                if (outcome == .key(key)) != isSame {
                    report.failures.append(
                        """
                        \(name): \(changed.what): \(isSame ? "other keys" : "one key")
                          \(String(decoding: text, as: UTF8.self))
                          \(changed.head) \(String(decoding: other, as: UTF8.self))
                        """)
                }
            }
        }
        return report
    }
}

/// What a body's reading came to.
enum Outcome: Equatable {
    case key([UInt8])
    case bypass(CacheBypass)
}

/// Everything of a request but its body.
struct Head: CustomStringConvertible {
    var api: APIFamily
    var path: String
    var scope = "tenant"
    var upstream = "provider.example:443"
    var fields: [(name: String, value: String)] = [
        ("Host", "provider.example"), ("Authorization", "Bearer x"), ("Content-Type", "application/json"),
        ("User-Agent", "test"), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "b-1, a-2"),
        ("OpenAI-Organization", "o"), ("X-Two", "1"), ("X-Two", "2"),
    ]

    init(_ sample: Sample) {
        api = sample.api
        path = sample.path
    }

    var description: String { "\(path) \(scope) \(upstream) \(fields.map { "\($0.name): \($0.value)" })" }

    func outcome(_ body: [UInt8]) -> Outcome {
        let target = Array(path.utf8)
        let operation = Operation.find(api, method: .post, path: target.span)
        do throws(CacheBypass) {
            let request = try CacheRequest.read(operation, target.span, body.span)
            var headers = CacheHeaders(operation)
            for field in fields { headers.take(name: Array(field.name.utf8).span, value: Array(field.value.utf8).span) }
            let preamble = CacheKeyInput.preamble(
                scope: Array(scope.utf8).span, upstream: upstream, operation: operation, target: target.span,
                headers: headers)
            return .key(preamble + request.canonical)
        } catch {
            return .bypass(error)
        }
    }
}

extension Sample {
    /// The sample with a random part of its members and elements.
    func part(_ random: inout SplitMix) -> Tree {
        guard case .object(let members) = body else { return body }
        return .object(
            members.filter { needed.contains($0.key) || random.below(4) == 0 }
                .map { Tree.Member($0.key, Self.thinned($0.value, &random)) })
    }

    /// Lists without some of their elements, at least one left.
    private static func thinned(_ tree: Tree, _ random: inout SplitMix) -> Tree {
        switch tree {
        case .array(let elements) where elements.count > 1:
            let kept = random.below(elements.count)
            return .array(
                elements.enumerated().filter { $0.offset == kept || random.below(3) == 0 }
                    .map { thinned($0.element, &random) })
        case .array(let elements): return .array(elements.map { thinned($0, &random) })
        case .object(let members):
            return .object(members.map { Tree.Member($0.key, thinned($0.value, &random)) })
        case .string, .word: return tree
        }
    }

    /// The same request with the keys of options in another order.
    func shuffled(_ tree: Tree, _ random: inout SplitMix, place: String = "") -> Tree {
        switch tree {
        case .object(var members):
            if ordered.contains(place) || isIgnored(place) { return tree }
            for index in members.indices.dropLast() {
                members.swapAt(index, index + random.below(members.count - index))
            }
            return .object(
                members.map { Tree.Member($0.key, shuffled($0.value, &random, place: Self.place(place, $0.key))) })
        case .array(let elements):
            return .array(elements.map { shuffled($0, &random, place: place + "[]") })
        case .string, .word: return tree
        }
    }

    func isIgnored(_ place: String) -> Bool { ignored.contains(place) }

    static func place(_ outer: String, _ key: String) -> String { outer.isEmpty ? key : outer + "." + key }
}
