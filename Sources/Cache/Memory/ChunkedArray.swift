/// An array in pieces of a fixed size. It grows and shrinks at its end without ever moving what it holds, so that no
/// single step takes long.
struct ChunkedArray<Element> {
    private var chunks: ContiguousArray<ContiguousArray<Element>> = []
    private(set) var count = 0

    private static var shift: UInt32 { 6 }
    private static var chunkCount: Int { 1 << Int(shift) }
    private static var mask: UInt32 { UInt32(chunkCount) - 1 }

    subscript(place: UInt32) -> Element {
        _read { yield chunks[Int(place >> Self.shift)][Int(place & Self.mask)] }
        _modify { yield &chunks[Int(place >> Self.shift)][Int(place & Self.mask)] }
    }

    mutating func append(_ element: Element) {
        if count == chunks.count * Self.chunkCount {
            var chunk = ContiguousArray<Element>()
            chunk.reserveCapacity(Self.chunkCount)
            chunks.append(chunk)
        }
        chunks[chunks.count - 1].append(element)
        count += 1
    }

    mutating func popLast() -> Element? {
        guard let element = chunks.last?.last else { return nil }
        chunks[chunks.count - 1].removeLast()
        if chunks[chunks.count - 1].isEmpty { chunks.removeLast() }
        count -= 1
        return element
    }
}
