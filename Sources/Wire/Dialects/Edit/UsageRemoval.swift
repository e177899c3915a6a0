/// Takes out of OpenAI's chunks what `stream_options.include_usage` has put there: `"usage":null` in every chunk, and
/// the chunk with the usage, whose list of choices is empty.
enum UsageRemoval {
    /// What becomes of a chunk. A usage that stands beside choices stays: some providers send it unasked.
    static func edit(_ data: Span<UInt8>) -> StreamEdit {
        guard mayHaveUsage(data) else { return .pass }
        var member: Range<Int>?
        var isNull = false
        var hasNoChoice = false
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                if key.equals("usage", in: data) {
                    isNull = try cursor.peek() == .null
                    member = key.quotedRange.lowerBound..<(try cursor.skip().upperBound)
                } else if key.equals("choices", in: data), try cursor.peek() == .array {
                    try cursor.enterArray()
                    hasNoChoice = try !cursor.nextElement()
                    if !hasNoChoice { try cursor.leave() }
                }
            }
            try cursor.end()
        } catch {
            return .pass
        }
        guard let member else { return .pass }
        if !isNull { return hasNoChoice ? .drop : .pass }
        var edits = JSONEdits()
        edits.removeMember(member)
        return .replace(edits.apply(to: data))
    }

    /// Most chunks of other providers' streams have none, and need not be read as JSON.
    private static func mayHaveUsage(_ data: Span<UInt8>) -> Bool {
        for index in data.indices where data[index] == JSONScan.quote {
            if ASCII.equal(data, index, "\"usage\"") { return true }
        }
        return false
    }

    /// Adds `event` with other data; every other byte of it stays. Data in several lines becomes as many as it needs.
    static func replaceData(of event: Span<UInt8>, with data: Span<UInt8>, into out: inout ByteQueue) {
        var start = 0
        var isWritten = false
        while start < event.count {
            var end = start
            while end < event.count, event[end] != ASCII.lineFeed, event[end] != ASCII.carriageReturn { end += 1 }
            var next = min(end + 1, event.count)
            if end < event.count, event[end] == ASCII.carriageReturn, next < event.count,
                event[next] == ASCII.lineFeed
            {
                next += 1
            }
            if let value = dataStart(event, start, end) {
                if !isWritten {
                    isWritten = true
                    out.append(event.extracting(start..<value))
                    write(data, into: &out)
                    out.append(event.extracting(end..<next))
                }
            } else {
                out.append(event.extracting(start..<next))
            }
            start = next
        }
    }

    private static func write(_ data: Span<UInt8>, into out: inout ByteQueue) {
        var start = 0
        for index in data.indices where data[index] == ASCII.lineFeed {
            out.append(data.extracting(start..<index))
            out.append("\ndata: ")
            start = index + 1
        }
        out.append(data.extracting(start..<data.count))
    }

    /// Where the value of a `data` line begins; nil if it is another line.
    private static func dataStart(_ event: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        // The very first line of a stream may begin with a byte order mark.
        let name = end - start >= 3 && event[start] == 0xef ? start + 3 : start
        guard end - name >= 4, ASCII.equal(event, name, "data") else { return nil }
        let colon = name + 4
        if colon == end { return end }
        guard event[colon] == ASCII.colon else { return nil }
        return colon + 1 < end && event[colon + 1] == ASCII.space ? colon + 2 : colon + 1
    }
}
