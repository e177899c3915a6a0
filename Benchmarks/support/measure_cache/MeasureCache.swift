// What entries of the memory cache cost beside their documents, and what a look-up costs, for Benchmarks/cache-memory.
//
//     MeasureCache new|full ENTRIES DOCUMENT_BYTES
//     MeasureCache churn
//     MeasureCache time SECONDS
//
// The first fills a cache, and prints the bytes for each entry beside its document: of the memory that the process has
// more than before, and of what the cache itself counts. A full one has seen three times as many entries as it has room
// for. The second fills a cache of 64 MB a hundred times over, from four threads and in documents of 64 bytes to 16 KB, and
// prints how many it holds, what it counts for them, and what the process has more than before. The third prints
// nanoseconds of CPU time for one call, over all threads where there are several.
import Cache
import Glibc
import Wire

@main
struct MeasureCache {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "new" where words.count == 3: memory(Int(words[1]) ?? 0, Int(words[2]) ?? 0, isFull: false)
        case "full" where words.count == 3: memory(Int(words[1]) ?? 0, Int(words[2]) ?? 0, isFull: true)
        case "churn": await churn()
        case "time": await time(Double(words.last ?? "") ?? 0.5)
        default:
            print("usage: MeasureCache new|full ENTRIES DOCUMENT_BYTES | churn | time SECONDS")
            exit(64)
        }
    }

    // MARK: Memory

    private static func memory(_ wanted: Int, _ documentByteCount: Int, isFull: Bool) {
        // What a process pays once, and what the cache counts for an entry.
        let sample = MemoryCache(byteCountMax: 1 << 34, entryByteCountMax: 1 << 20)
        for number in 0..<64 as Range<UInt64> { keep(number, documentByteCount, in: sample) }
        let cost = (sample.statistics.tenants["payments"]?.bytes ?? 0) / 64
        sample.purge()
        let cache = MemoryCache(byteCountMax: isFull ? wanted * cost : 1 << 34, entryByteCountMax: 1 << 20)
        let before = residentByteCount()
        for number in 0..<UInt64(isFull ? 3 * wanted : wanted) { keep(number, documentByteCount, in: cache) }
        let statistics = cache.statistics
        guard statistics.entries > wanted * 9 / 10 else { fail("only \(statistics.entries) of \(wanted) are kept") }
        let beside = { (byteCount: Int) in byteCount / statistics.entries - documentByteCount }
        print(
            isFull ? "full" : "new", statistics.entries, documentByteCount, beside(residentByteCount() - before),
            beside(statistics.bytes))
    }

    /// What the allocator makes of many sizes that come and go on several threads.
    private static func churn() async {
        let cache = MemoryCache(byteCountMax: 64 << 20, entryByteCountMax: 1 << 20)
        let before = residentByteCount()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 as Range<UInt64> {
                group.addTask {
                    for number in 0..<200_000 as Range<UInt64> {
                        let mixed = (number * 4 + thread) &* 0x9e37_79b9_7f4a_7c15
                        // As many of 64 to 128 bytes as of 8 to 16 KB.
                        let magnitude = 64 << Int(mixed >> 61)
                        let size = magnitude + Int(mixed >> 20 & 0xffff) * magnitude >> 16
                        keep(number * 4 + thread, size, in: cache)
                    }
                }
            }
        }
        print("churn", cache.statistics.entries, cache.statistics.bytes, residentByteCount() - before)
    }

    /// An entry as chats have it, with the counts and the request's id.
    private static func keep(_ number: UInt64, _ documentByteCount: Int, in cache: MemoryCache) {
        var usage = Usage()
        usage.inputTokens = 1900
        usage.outputTokens = 320
        let entry = CacheEntry(
            document: [UInt8](repeating: 0x61, count: documentByteCount), canStream: true, callsTools: false,
            usage: usage)
        let labels = MemoryCache.Labels(tenant: "payments", scope: 1, model: "gpt-5.4-mini")
        let result = cache.insert(
            entry, for: key(number), labels: labels, now: 1, freshFor: 3_600_000_000_000, goneAfter: 0)
        if result != .kept { fail("an entry is not kept") }
    }

    private static func residentByteCount() -> Int {
        guard let file = unsafe fopen("/proc/self/statm", "r") else { fail("there is no /proc/self/statm") }
        defer { unsafe fclose(file) }
        var text = [UInt8](repeating: 0, count: 100)
        let count = unsafe fread(&text, 1, text.count, file)
        let fields = String(decoding: text.prefix(count), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { fail("/proc/self/statm has another form") }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    // MARK: Time

    private static func time(_ seconds: Double) async {
        for (name, size) in [("hit-256", 256), ("hit-4096", 4096), ("hit-65536", 65_536)] {
            let cache = MemoryCache(byteCountMax: 1 << 32, entryByteCountMax: 1 << 20)
            for number in 0..<1000 as Range<UInt64> { keep(number, size, in: cache) }
            let keys = (0..<1000).map { key($0) }
            print(name, Int(best(seconds) { hits(cache, keys) } / Double(keys.count)))
        }
        let large = MemoryCache(byteCountMax: 1 << 32, entryByteCountMax: 1 << 20)
        for number in 0..<100_000 as Range<UInt64> { keep(number, 256, in: large) }
        let keys = (0..<100_000).map { key($0) }
        print("hit-of-100000", Int(best(seconds) { hits(large, keys) } / Double(keys.count)))
        let absent = (1_000_000..<1_100_000).map { key($0) }
        print("miss", Int(best(seconds) { misses(large, absent) } / Double(absent.count)))
        let full = MemoryCache(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)
        var number: UInt64 = 0
        let insertion = best(seconds) {
            for _ in 0..<10_000 {
                number += 1
                keep(number, 1024, in: full)
            }
        }
        print("insert-and-evict-1024", Int(insertion / 10_000))
        print("drop-scope-without-entries", Int(best(seconds) { dropScopes(full) } / 1000))
        for threadCount in [1, 2, 4] {
            print(
                "hit-of-100000-by-\(threadCount)-threads", Int(await contended(large, keys, threadCount: threadCount)))
        }
    }

    @inline(never)
    private static func hits(_ cache: MemoryCache, _ keys: [CacheKey]) {
        for key in keys where cache.entry(for: key, now: 2)?.entry.document.count == nil { fail("an entry is lost") }
    }

    @inline(never)
    private static func misses(_ cache: MemoryCache, _ keys: [CacheKey]) {
        for key in keys where cache.entry(for: key, now: 2) != nil { fail("an entry comes from nowhere") }
    }

    @inline(never)
    private static func dropScopes(_ cache: MemoryCache) {
        for scope in 1000..<2000 as Range<UInt64> where cache.dropScope(scope) != 0 { fail("a scope had entries") }
    }

    /// Nanoseconds of CPU time for one look-up while others look up as well.
    private static func contended(_ cache: MemoryCache, _ keys: [CacheKey], threadCount: Int) async -> Double {
        let start = clock(CLOCK_PROCESS_CPUTIME_ID)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<threadCount {
                group.addTask {
                    for _ in 0..<5 { hits(cache, keys) }
                }
            }
        }
        return (clock(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e9 / Double(5 * keys.count * threadCount)
    }

    /// CPU time of the fastest round.
    private static func best(_ seconds: Double, _ round: () -> Void) -> Double {
        var best = Double.infinity
        let begin = clock(CLOCK_PROCESS_CPUTIME_ID)
        repeat {
            let start = clock(CLOCK_PROCESS_CPUTIME_ID)
            round()
            best = min(best, clock(CLOCK_PROCESS_CPUTIME_ID) - start)
        } while clock(CLOCK_PROCESS_CPUTIME_ID) - begin < seconds
        return best * 1e9
    }

    private static func clock(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A key that differs in all of its bits, as digests do.
    private static func key(_ number: UInt64) -> CacheKey {
        var state = number
        let digest = (0..<4).flatMap { _ in
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
            word ^= word >> 31
            return (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        guard let key = CacheKey(digest: digest.span) else { fail("a digest is not 32 bytes long") }
        return key
    }
}

private func fail(_ what: String) -> Never {
    print("MeasureCache: \(what)")
    exit(1)
}
