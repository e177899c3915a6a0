/// The segments of a request's path, if it is a path that means the same to every server.
struct PathSegments {
    private var ranges: [Range<Int>] = []

    /// More segments than any operation has, whatever its prefix.
    static let countMax = 32

    /// Nil for a path that servers may read in more than one way: with empty segments (but for a last slash), with `.` or
    /// `..`, be they percent-encoded or behind an encoded slash, with a backslash or a broken escape; or with too many
    /// segments.
    init?(_ target: Span<UInt8>) {
        var end = 0
        while end < target.count, target[end] != UInt8(ascii: "?"), target[end] != UInt8(ascii: "#") { end += 1 }
        guard end > 0, target[0] == UInt8(ascii: "/") else { return nil }
        ranges.reserveCapacity(12)
        var start = 1
        while start < end {
            var stop = start
            while stop < end, target[stop] != UInt8(ascii: "/") { stop += 1 }
            guard Self.isPlain(target, start..<stop), ranges.count < Self.countMax else { return nil }
            ranges.append(start..<stop)
            start = stop + 1
        }
        guard !ranges.isEmpty else { return nil }
    }

    var count: Int { ranges.count }

    subscript(index: Int) -> Range<Int> { ranges[index] }

    /// Whether one of the segments is one of these words.
    func contains(_ words: [PathText], _ path: Span<UInt8>) -> Bool {
        ranges.contains { segment in words.contains { $0.isEqual(to: path, segment) } }
    }

    /// The segment after `deployments` or `engines`.
    func deployment(_ path: Span<UInt8>) -> Range<Int>? {
        for (segment, next) in zip(ranges, ranges.dropFirst()) {
            if Self.deployments.contains(where: { $0.isEqual(to: path, segment) }) { return next }
        }
        return nil
    }

    private static let deployments: [PathText] = ["deployments", "engines"]

    /// The byte that a percent-escape at `index` means.
    static func escaped(_ path: Span<UInt8>, _ index: Int, before end: Int) -> UInt8? {
        guard path[index] == UInt8(ascii: "%"), end - index >= 3,
            let high = ASCII.hexadecimal(path[index + 1]), let low = ASCII.hexadecimal(path[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// Whether a segment is not empty and has no part, between encoded slashes too, that is only dots.
    private static func isPlain(_ path: Span<UInt8>, _ segment: Range<Int>) -> Bool {
        guard !segment.isEmpty else { return false }
        var index = segment.lowerBound
        var dots = 0
        var others = 0
        while index < segment.upperBound {
            var byte = path[index]
            var isSlash = false
            if byte == UInt8(ascii: "%") {
                guard let meant = escaped(path, index, before: segment.upperBound) else { return false }
                byte = meant
                isSlash = byte == UInt8(ascii: "/")
                index += 2
            }
            index += 1
            if byte == UInt8(ascii: "\\") || byte == 0 { return false }
            if isSlash {
                if others == 0 && dots > 0 && dots <= 2 { return false }
                dots = 0
                others = 0
            } else if byte == UInt8(ascii: ".") {
                dots += 1
            } else {
                others += 1
            }
        }
        return others > 0 || dots == 0 || dots > 2
    }
}
