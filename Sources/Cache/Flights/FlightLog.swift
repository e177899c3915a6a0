/// The text of a flight's answer, for those who read it by offset: from the beginning, and later perhaps without what
/// everybody has taken.
///
/// It lies in blocks. One that is full never changes again and is lent to readers as it is, so that handing it to many
/// costs no copies.
struct FlightLog: Sendable {
    /// How long a full block is, and the most that one piece holds.
    let blockByteCount: Int
    private var blocks: [[UInt8]] = []
    /// The offset of the first byte that is still here.
    private(set) var start = 0
    /// The offset after the last byte.
    private(set) var end = 0

    init(blockByteCount: Int) { self.blockByteCount = blockByteCount }

    /// How many bytes are held.
    var byteCount: Int { end - start }

    /// Whether a reader can still begin at the beginning.
    var isWhole: Bool { start == 0 }

    mutating func append(_ text: Span<UInt8>) {
        var taken = 0
        while taken < text.count {
            if blocks.last.map({ $0.count >= blockByteCount }) ?? true { blocks.append([]) }
            let last = blocks.count - 1
            let room = min(blockByteCount - blocks[last].count, text.count - taken)
            reserve(blocks[last].count + room)
            let part = text.extracting(taken..<taken + room)
            unsafe part.withUnsafeBufferPointer { bytes in unsafe blocks[last].append(contentsOf: bytes) }
            taken += room
        }
        end += text.count
    }

    /// Grows the last block by doubling, and not beyond what a block can hold.
    private mutating func reserve(_ byteCount: Int) {
        let last = blocks.count - 1
        guard blocks[last].capacity < byteCount else { return }
        blocks[last].reserveCapacity(max(byteCount, min(2 * blocks[last].capacity, blockByteCount)))
    }

    /// What stands at `offset`: at most to the end of its block, and nothing at the end of the log or where it was dropped.
    func piece(at offset: Int) -> [UInt8] {
        guard offset >= start, offset < end else { return [] }
        // Blocks are dropped whole, so the first one always begins at `start`.
        let block = blocks[(offset - start) / blockByteCount]
        let place = (offset - start) % blockByteCount
        return place == 0 && block.count == blockByteCount ? block : [UInt8](block[place...])
    }

    /// All of the text; nil once some of it was dropped.
    var text: [UInt8]? {
        guard isWhole else { return nil }
        return blocks.count == 1 ? blocks[0] : [UInt8](blocks.joined())
    }

    /// Drops the blocks that lie before `offset` altogether.
    mutating func drop(before offset: Int) {
        let count = min((offset - start) / blockByteCount, blocks.count)
        guard count > 0 else { return }
        blocks.removeFirst(count)
        start = min(start + count * blockByteCount, end)
    }

    /// Drops everything.
    mutating func removeAll() {
        blocks = []
        start = end
    }
}
