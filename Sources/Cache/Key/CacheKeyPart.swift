import Wire

/// A member of a request, or a parameter of its query, and what it is to the cache.
public struct CacheKeyPart: Equatable, Sendable {
    /// Its place: names joined by points, `[]` behind those of lists, a question mark before those of the query.
    public var field: String
    /// Whether it is part of the key.
    public var side: CacheFieldSide
    /// Whether leo knows it. What it does not know is part of the key.
    public var isKnown: Bool
    /// How often it is there: in how many elements of lists.
    public var count: Int
    /// How many bytes its values are in canonical form.
    public var byteCount: Int
}

extension CacheRequest {
    /// Tells of each member of a request what it is to the cache, in the order in which they come, also where the cache has
    /// nothing to do with it. Of the objects within, only those are told whose members leo knows.
    ///
    /// - Throws: ``CacheBypass/operation`` and the like where leo keeps no such answers, and where the body is no JSON.
    public static func explain(
        _ operation: Operation, _ target: Span<UInt8>, _ body: Span<UInt8>
    ) throws(CacheBypass) -> [CacheKeyPart] {
        let place = CacheTarget(operation, target)
        let plan = try CachePlan(operation, place)
        var reader = CacheRequestReader(capacity: body.count + 64)
        reader.parts = CacheKeyPartList()
        reader.readBody(body, plan.table)
        if reader.bypass == .notJSON || reader.bypass == .tooIntricate, let bypass = reader.bypass { throw bypass }
        let parameters = place.parameters.map {
            CacheKeyPart(
                field: "?" + $0.name, side: $0.side, isKnown: $0.isKnown, count: 1, byteCount: $0.byteCount)
        }
        return parameters + (reader.parts?.parts ?? [])
    }
}

/// The parts of a body, as a walk comes upon them.
struct CacheKeyPartList {
    private(set) var parts: [CacheKeyPart] = []
    private var places: [String: Int] = [:]
    private var path: [String] = []

    /// A request with more different members is told without the rest of them.
    static let partCountMax = 4096

    /// A member begins.
    mutating func enter(_ name: String) {
        path.append((path.last.map { $0 + "." } ?? "") + name)
        add(path[path.count - 1])
    }

    /// Elements of the member follow.
    mutating func enterElements() { path.append((path.last ?? "") + "[]") }

    /// No more elements follow.
    mutating func leaveElements() { path.removeLast() }

    /// The member that was begun last has ended.
    mutating func leave(side: CacheFieldSide, isKnown: Bool, byteCount: Int) {
        guard let field = path.popLast(), let place = places[field] else { return }
        parts[place].side = side
        parts[place].isKnown = isKnown
        parts[place].count += 1
        parts[place].byteCount += byteCount
    }

    private mutating func add(_ field: String) {
        guard places[field] == nil, parts.count < Self.partCountMax else { return }
        places[field] = parts.count
        parts.append(CacheKeyPart(field: field, side: .key, isKnown: false, count: 0, byteCount: 0))
    }
}
