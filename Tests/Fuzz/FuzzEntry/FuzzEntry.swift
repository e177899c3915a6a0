// One sentence: whatever the bytes, they are an entry or refused with the codec's own flaw, and an entry has one spelling;
// whatever is done to a memory cache in whatever order, it stays within its bytes and gives what was kept last or nothing.
import Cache
import Wire

/// libFuzzer's entry. The first byte chooses: 0 the rest is an entry, 1 the rest lacks only its check, 2 the rest is what is
/// done to a cache, two bytes for each step.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first else { return 0 }
    let rest = Array(input.dropFirst())
    switch first % 3 {
    case 0: checkEntry(rest)
    case 1: checkEntry(sealed(rest))
    // A few hundred steps fill the two shards several times.
    default: checkCache(Array(rest.prefix(512)))
    }
    return 0
}

private func sealed(_ content: [UInt8]) -> [UInt8] {
    var check = CRC32()
    check.take(content.span)
    return content + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: check.value >> $0) }
}

private func checkEntry(_ bytes: [UInt8]) {
    do throws(EntryFlaw) {
        let entry = try EntryCodec.decode(bytes)
        check(entry.isMarker == entry.document.isEmpty, "an answer without a document, or a marker with one")
        check(entry.callsTools || entry.toolCallIDs.isEmpty, "the ids of no calls")
        check(try EntryCodec.encode(entry) == bytes, "an entry has two spellings")
        let marker = try EntryCodec.decode(EntryCodec.encode(entry.marker))
        check(marker == entry.marker && marker.isMarker, "a marker does not come back")
    } catch {
        check(bytes.isEmpty || bytes[0] != EntryCodec.version || error != .version, "a version that is right")
    }
}

/// What was kept last for a key.
private struct Kept {
    var number: UInt8
    var freshUntil: UInt64
    var goneAt: UInt64
    var scope: UInt64
}

private func checkCache(_ steps: [UInt8]) {
    var byteCountMax = 1 << 16
    let cache = MemoryCache(byteCountMax: byteCountMax, entryByteCountMax: 1 << 12)
    var kept: [UInt8: Kept] = [:]
    var now: UInt64 = 0
    for index in stride(from: 0, to: steps.count - 1, by: 2) {
        let (step, value) = (steps[index], steps[index + 1])
        switch step % 8 {
        case 0...2:
            // All keys in two shards, so that they are in each other's way.
            let size = step & 8 == 0 ? 1 + Int(step) / 8 : 3 * Int(step)
            let entry = CacheEntry(
                document: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size), canStream: false,
                callsTools: false)
            let scope = UInt64(value % 3)
            let labels = MemoryCache.Labels(tenant: "t\(value % 2)", scope: scope, model: value & 4 == 0 ? nil : "m")
            let freshFor = UInt64(step) * 3
            let goneAfter = UInt64(value) * 2
            let result = cache.insert(
                entry, for: key(value), labels: labels, now: now, freshFor: freshFor, goneAfter: goneAfter)
            if result == .kept {
                kept[value] = Kept(
                    number: UInt8(truncatingIfNeeded: index), freshUntil: now + freshFor,
                    goneAt: now + max(freshFor, goneAfter), scope: scope)
            }
        case 3, 4: checkFound(cache.entry(for: key(value), now: now), kept[value], now)
        case 5:
            cache.remove(key(value))
            kept[value] = nil
        case 6 where step & 8 == 0:
            cache.dropScope(UInt64(value % 3))
            kept = kept.filter { $0.value.scope != UInt64(value % 3) }
        case 6:
            byteCountMax = Int(value) << 10
            cache.resize(byteCountMax: byteCountMax, entryByteCountMax: 1 << 12)
        default: now += UInt64(value)
        }
        // All locks are taken for it: now and then.
        if index % 32 != 0 { continue }
        let statistics = cache.statistics
        check(statistics.bytes <= byteCountMax, "more bytes than there may be")
        check(
            statistics.tenants.values.reduce(0) { $0 + $1.entries } == statistics.entries, "entries of nobody")
    }
    let statistics = cache.statistics
    check(statistics.damaged == 0, "an entry is damaged")
    check(cache.purge().entries == statistics.entries, "entries that a purge does not find")
    check(cache.statistics.bytes == 0, "bytes of nothing")
}

private func checkFound(_ found: MemoryCache.Found?, _ kept: Kept?, _ now: UInt64) {
    guard let found else { return }
    guard let kept else { fatalError("an entry comes from nowhere") }
    check(now < kept.goneAt, "an entry lives on")
    check(found.entry.document[0] == kept.number, "an entry is not the last one")
    let freshness: MemoryCache.Freshness =
        now < kept.freshUntil ? .fresh : .stale(byNanoseconds: now - kept.freshUntil)
    check(found.freshness == freshness, "an entry is taken for fresher or older than it is")
}

/// 256 keys in two shards, which go by the highest bits.
private func key(_ number: UInt8) -> CacheKey {
    let mixed = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
    var digest = [UInt8](repeating: number, count: 32)
    digest[0] = (number & 1) << 7
    for place in 1..<8 { digest[place] = UInt8(truncatingIfNeeded: mixed >> UInt64(8 * place)) }
    guard let key = CacheKey(digest: digest.span) else { fatalError("a digest is not 32 bytes long") }
    return key
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
