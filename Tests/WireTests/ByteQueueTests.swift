import Testing

@testable import Wire

@Suite("A byte queue")
struct ByteQueueTests {
    @Test("gives back what was put in, in order, across growth and consumption")
    func order() {
        var queue = ByteQueue()
        var expected: [UInt8] = []
        for round in 0..<300 {
            let chunk = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: round * 7 % 613)
            queue.append(chunk.span)
            expected += chunk
            let taken = expected.count / 3
            queue.consume(taken)
            expected.removeFirst(taken)
            #expect(queue.count == expected.count)
        }
        #expect(Array(queue) == expected)
    }

    @Test("writes numbers as text", arguments: [(0, "0"), (9, "9"), (10, "a"), (255, "ff"), (4096, "1000")])
    func hexadecimal(value: UInt, text: String) {
        var queue = ByteQueue()
        queue.append(hexadecimal: value)
        queue.append(" ")
        queue.append(decimal: value)
        #expect(String(decoding: Array(queue), as: UTF8.self) == "\(text) \(value)")
    }

    @Test("owns no storage once it was emptied and released")
    func release() {
        var queue = ByteQueue()
        queue.append("text")
        queue.consume(4)
        queue.releaseStorage()
        #expect(queue.count == 0)
        queue.append("more")
        #expect(Array(queue) == Array("more".utf8))
    }
}

extension Array where Element == UInt8 {
    init(_ queue: borrowing ByteQueue) {
        let bytes = queue.bytes
        self = bytes.indices.map { bytes[$0] }
    }
}
