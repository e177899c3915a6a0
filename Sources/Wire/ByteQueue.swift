/// Bytes waiting to be parsed or written: appended at the end, consumed from the front.
///
/// An empty queue owns no storage after ``releaseStorage()``, so an idle connection costs nothing here. The queue
/// itself has no limit: whoever fills it checks ``count`` against a limit of its own first.
///
/// It may move between threads, since nobody else knows its storage.
@safe
public struct ByteQueue: ~Copyable, @unchecked Sendable {
    // Visible to inlined code: the log and the relay append small pieces by the dozen.
    @usableFromInline internal var base: UnsafeMutableRawPointer?
    @usableFromInline internal var capacity = 0
    @usableFromInline internal var start = 0
    @usableFromInline internal var end = 0

    /// The first allocation; small enough for a head, and doubled as needed.
    private static let capacityBytesMin = 2048

    /// Makes an empty queue without storage.
    public init() { unsafe base = nil }

    deinit { unsafe base?.deallocate() }

    /// How many bytes wait.
    @inlinable
    public var count: Int { end - start }
    /// Whether no byte waits.
    @inlinable
    public var isEmpty: Bool { start == end }

    /// The waiting bytes, oldest first.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            guard let base = unsafe base else { return Span() }
            let span = unsafe Span<UInt8>(
                _unsafeStart: base.advanced(by: start).assumingMemoryBound(to: UInt8.self), count: end - start)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Lends the waiting bytes to `body`: for a queue that is a property of an object, whose span cannot leave it.
    @inline(__always)
    public borrowing func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(bytes)
    }

    /// Drops the oldest `byteCount` bytes. `byteCount` must not exceed ``count``.
    @inlinable
    public mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "consumed more bytes than wait")
        start += byteCount
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Drops every byte and keeps the storage.
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Gives the storage back if no byte waits in it.
    public mutating func releaseStorage() {
        guard isEmpty, let storage = unsafe base else { return }
        unsafe storage.deallocate()
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Adds a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: borrowing Span<UInt8>) {
        let added = bytes.count
        guard added > 0 else { return }
        reserve(added)
        unsafe bytes.withUnsafeBytes { source in
            unsafe (base! + end).copyMemory(from: source.baseAddress!, byteCount: added)
        }
        end += added
    }

    /// Adds one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe (base! + end).storeBytes(of: byte, as: UInt8.self)
        end += 1
    }

    /// Adds the bytes of a literal.
    @inlinable
    public mutating func append(_ literal: StaticString) {
        let added = literal.utf8CodeUnitCount
        guard added > 0 else { return }
        reserve(added)
        unsafe (base! + end).copyMemory(from: literal.utf8Start, byteCount: added)
        end += added
    }

    /// Adds the UTF-8 of `text`. Disfavoured, so that a literal is taken for a StaticString, which is copied without a
    /// call.
    @_disfavoredOverload
    public mutating func append(_ text: String) {
        let utf8 = text.utf8
        append(utf8.span)
    }

    /// Adds `value` in decimal.
    @inlinable
    public mutating func append(decimal value: some FixedWidthInteger & UnsignedInteger) {
        appendDecimal(UInt64(value))
    }

    /// Adds `value` in lower-case hexadecimal.
    @inlinable
    public mutating func append(hexadecimal value: some FixedWidthInteger & UnsignedInteger) {
        appendHexadecimal(UInt64(value))
    }

    @usableFromInline
    internal mutating func appendDecimal(_ value: UInt64) {
        var digitCount = 1
        var bound: UInt64 = 10
        // The largest have twenty digits, and no bound above them.
        while digitCount < 20, value >= bound {
            bound &*= 10
            digitCount += 1
        }
        reserve(digitCount)
        var rest = value
        var position = end + digitCount
        repeat {
            position -= 1
            // Division by a constant is a multiplication; by a variable it takes as long as writing the digits.
            unsafe (base! + position).storeBytes(of: 48 + UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
            rest /= 10
        } while position > end
        end += digitCount
    }

    @usableFromInline
    internal mutating func appendHexadecimal(_ value: UInt64) {
        let digitCount = max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 3) / 4)
        reserve(digitCount)
        var rest = value
        var position = end + digitCount
        repeat {
            position -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            unsafe (base! + position).storeBytes(of: digit < 10 ? 48 + digit : 87 + digit, as: UInt8.self)
            rest >>= 4
        } while position > end
        end += digitCount
    }

    /// Lets `fill` write into at least `byteCountMin` bytes of free room and adds as many as it says it wrote.
    ///
    /// Returns what `fill` returned. A negative or zero result adds nothing.
    public mutating func fill(atLeast byteCountMin: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        reserve(byteCountMin)
        let written = unsafe fill(UnsafeMutableRawBufferPointer(start: base! + end, count: capacity - end))
        precondition(written <= capacity - end, "more bytes written than there was room for")
        if written > 0 { end += written }
        return written
    }

    /// Makes room for `byteCount` more bytes.
    @inlinable
    public mutating func reserve(_ byteCount: Int) {
        if capacity - end < byteCount { makeRoom(byteCount) }
    }

    @usableFromInline
    internal mutating func makeRoom(_ byteCount: Int) {
        let waiting = count
        if let storage = unsafe base, start > 0, capacity - waiting >= byteCount, start >= capacity / 2 {
            unsafe storage.copyMemory(from: storage + start, byteCount: waiting)
            start = 0
            end = waiting
            return
        }
        let grown = max(capacity * 2, waiting + byteCount, Self.capacityBytesMin)
        let storage = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
        if let old = unsafe base {
            unsafe storage.copyMemory(from: old + start, byteCount: waiting)
            unsafe old.deallocate()
        }
        unsafe base = storage
        capacity = grown
        start = 0
        end = waiting
    }
}
