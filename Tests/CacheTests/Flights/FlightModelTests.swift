import Testing

@testable import Cache

@Suite("Flights: every order of calls")
struct FlightModelTests {
    private struct Node {
        var pair: FlightPair
        var calls: [FlightCall]
    }

    /// From each state that can be reached at all, each call is made once.
    @Test(
        "keeps the rules in every state that can be reached",
        arguments: [(followers: 2, text: 2, callCount: .max), (followers: 3, text: 1, callCount: 7)])
    func exhaustive(followers: Int, text: Int, callCount: Int) {
        var seen: Set<FlightModel> = []
        var front = [Node(pair: FlightPair(), calls: [])]
        var transitionCount = 0
        var depth = 0
        while !front.isEmpty, depth < callCount {
            depth += 1
            var further: [Node] = []
            for node in front {
                for call in node.pair.calls(followers: followers, text: text) {
                    var next = node
                    next.calls.append(call)
                    transitionCount += 1
                    if let flaw = next.pair.make(call) {
                        Issue.record("after \(next.calls): \(flaw)")
                        return
                    }
                    if seen.insert(next.pair.model).inserted { further.append(next) }
                }
            }
            front = further
        }
        #expect(transitionCount > 10_000)
    }

    @Test("keeps the rules on long random walks", arguments: 1...50)
    func random(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<40 {
            var pair = FlightPair()
            var calls: [FlightCall] = []
            for _ in 0..<60 {
                guard let call = pair.calls(followers: 6, text: 4).randomElement(using: &random) else { break }
                // Most walks would end at once.
                if pair.model.leader != nil, call.endsFlight, Int.random(in: 0..<4, using: &random) > 0 { continue }
                calls.append(call)
                if let flaw = pair.make(call) {
                    Issue.record("after \(calls): \(flaw)")
                    return
                }
            }
        }
    }
}

extension FlightCall {
    fileprivate var endsFlight: Bool {
        switch self {
        case .complete, .refuse, .endUnlessFollowed: true
        case .join, .begin, .append, .fail, .handOver, .next, .leave, .drop: false
        }
    }
}
