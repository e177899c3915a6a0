// How fast the parsers of Sources/Wire and the keys of Sources/Cache are, for Benchmarks/json, and what the parsers
// estimate, for Benchmarks/tokens.
//
//     Measure json FILE SECONDS       passes a JSON document in several ways
//     Measure tokens FILE SECONDS     counts a text, and the same text as a JSON string
//     Measure key FILE SECONDS        reads a chat request for the cache, makes its key and looks it up
//     Measure once NAME FILE COUNT    does one of these COUNT times, for callgrind
//     Measure estimate FILE           estimates each line of FILE, each a JSON string, with each vocabulary
//
// One line for each way: its name, and bytes per second; or the estimates.
import Glibc
import Wire

@main
struct Measure {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        switch (arguments.first, arguments.count) {
        case ("json", 3), ("tokens", 3):
            let names = arguments.first == "json" ? ["skip", "members", "duplicates", "scan"] : ["plain", "escaped"]
            for name in names { measure(name, file(arguments[2]), seconds: Double(arguments[3]) ?? 1) }
        case ("key", 3):
            for name in CacheKeyWork.names {
                measure(name, file(arguments[2]), seconds: Double(arguments[3]) ?? 1)
            }
        case ("once", 4):
            var work = Work(arguments[2], file(arguments[3]))
            for _ in 0..<(Int(arguments[4]) ?? 1) { work.run() }
            print(work.sum)
        case ("estimate", 2): estimate(file(arguments[2]))
        default: fail("usage: see the head of Measure.swift")
        }
    }

    /// The best of many runs, by the wall clock: what disturbs a run makes it slower and never faster, and a run is shorter
    /// than a time slice. The CPU clock of a busy virtual machine can leave out too much.
    private static func measure(_ name: String, _ bytes: [UInt8], seconds: Double) {
        var work = Work(name, bytes)
        var best = Duration.seconds(1000)
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(seconds) {
            let start = ContinuousClock.now
            work.run()
            best = min(best, ContinuousClock.now - start)
        }
        print(name, Int(Double(work.byteCount) / (best / .seconds(1))), work.sum & 1)
    }

    private static func estimate(_ bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            do throws(JSONFailure) {
                let counter = try counted(Array(line))
                print(counter.tokens(.o200k), counter.tokens(.cl100k))
            } catch {
                fail("a line is no JSON string: \(error.explanation)")
            }
        }
    }

    private static func counted(_ json: [UInt8]) throws(JSONFailure) -> TokenCounter {
        var cursor = JSONCursor(json.span)
        let text = try cursor.string()
        var counter = TokenCounter()
        counter.take(escaped: text.raw(in: json.span))
        counter.endText()
        return counter
    }

    private static func file(_ path: String) -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { fail("cannot read \(path)") }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
        return bytes
    }
}

func fail(_ sentence: String) -> Never {
    print("Measure: \(sentence)")
    exit(1)
}

/// One way to pass a file.
struct Work {
    private let name: String
    private let bytes: [UInt8]
    /// What came out, so that nothing is left out as unused.
    private(set) var sum = 0

    var byteCount: Int { bytes.count }

    init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        if name == "escaped" {
            var json = JSONText()
            json.string(bytes.span)
            self.bytes = Array(json.bytes.dropFirst().dropLast())
        } else {
            self.bytes = bytes
        }
    }

    mutating func run() {
        do throws(JSONFailure) {
            sum &+= try result()
        } catch {
            fail(error.explanation)
        }
    }

    private func result() throws(JSONFailure) -> Int {
        switch name {
        case "skip":
            var cursor = JSONCursor(bytes.span)
            let span = try cursor.skip()
            try cursor.end()
            return span.count
        case "members": return try members()
        case "duplicates": return try JSONCursor.hasDuplicateKeys(bytes.span) ? 1 : 0
        case "scan":
            var scanner = JSONMemberScanner(names: ["model", "usage"])
            scanner.take(bytes.span)
            return scanner.isComplete ? 1 : 0
        case "plain", "escaped":
            var counter = TokenCounter()
            if name == "plain" { counter.take(bytes.span) } else { counter.take(escaped: bytes.span) }
            return Int(counter.tokens(.o200k))
        default: return CacheKeyWork.run(name, bytes)
        }
    }

    /// What a limit wants to know of a chat: the model, and where the texts stand.
    private func members() throws(JSONFailure) -> Int {
        var sum = 0
        var cursor = JSONCursor(bytes.span)
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            if key.equals("model", in: bytes.span) {
                sum += try cursor.string().range.count
            } else if key.equals("messages", in: bytes.span) {
                try cursor.enterArray()
                while try cursor.nextElement() {
                    try cursor.enterObject()
                    while let key = try cursor.nextKey() {
                        if key.equals("content", in: bytes.span), try cursor.peek() == .string {
                            sum += try cursor.string().range.count
                        }
                    }
                }
            }
        }
        try cursor.end()
        return sum
    }
}
