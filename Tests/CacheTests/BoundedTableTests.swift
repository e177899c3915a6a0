import Testing

@testable import Cache

@Suite("A bounded table")
struct BoundedTableTests {
    @Test("drops what was used least recently when it is full")
    func eviction() {
        var table = BoundedTable<String, Int>(countMax: 2)
        table.insert(1, for: "a", expiresAt: 100)
        table.insert(2, for: "b", expiresAt: 100)
        #expect(table.value(for: "a", now: 0) == 1)
        #expect(table.insert(3, for: "c", expiresAt: 100) == 2)
        #expect(table.value(for: "b", now: 0) == nil)
        #expect(table.value(for: "a", now: 0) == 1)
        #expect(table.value(for: "c", now: 0) == 3)
    }

    @Test("forgets an entry at the moment it expires")
    func expiry() {
        var table = BoundedTable<String, Int>(countMax: 2)
        table.insert(1, for: "a", expiresAt: 100)
        #expect(table.value(for: "a", now: 99) == 1)
        #expect(table.value(for: "a", now: 100) == nil)
        #expect(table.count == 0)
    }

    @Test("agrees with a plain model over many random operations", arguments: 1...20)
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        var table = BoundedTable<Int, Int>(countMax: 5)
        var model: [(key: Int, value: Int)] = []
        for step in 0..<500 {
            let key = Int(random.next() % 9)
            switch random.next() % 3 {
            case 0:
                table.insert(step, for: key, expiresAt: .max)
                model.removeAll { $0.key == key }
                if model.count == 5 { model.removeFirst() }
                model.append((key, step))
            case 1:
                #expect(table.remove(key) == model.first { $0.key == key }?.value)
                model.removeAll { $0.key == key }
            default:
                let known = model.first { $0.key == key }
                #expect(table.value(for: key, now: 0) == known?.value)
                if let known {
                    model.removeAll { $0.key == key }
                    model.append(known)
                }
            }
            #expect(table.count == model.count)
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
