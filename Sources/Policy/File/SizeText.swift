/// How the file writes sizes: one whole number and one unit, "512B", "64KB", "256MB", "2GB", in powers of 1024.
public enum SizeText {
    /// The units, smallest first, with their length in bytes.
    static let units: [(name: String, byteCount: Int)] = [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)]
    /// Enough for every limit; a longer number is a mistake in any unit.
    static let digitCountMax = 9

    /// The bytes; nil for any other form.
    static func parse(_ text: String) -> Int? {
        let digits = text.utf8.prefix(while: ASCII.isDigit)
        let unit = text.utf8.dropFirst(digits.count)
        guard (1...digitCountMax).contains(digits.count), let count = Int(Substring(digits)),
            let match = units.first(where: { $0.name.utf8.elementsEqual(unit) })
        else { return nil }
        return count * match.byteCount
    }

    /// The size in the file's form, in the largest unit that leaves a whole number.
    public static func write(_ byteCount: Int) -> String {
        let unit = units.last { byteCount != 0 && byteCount % $0.byteCount == 0 } ?? units[0]
        return "\(byteCount / unit.byteCount)\(unit.name)"
    }

    /// What "64 kb", "64K" or "64KiB" was meant to be; nil for anything that leaves a doubt.
    static func meaning(of text: String) -> String? {
        let plain = ASCII.lowercased(text).filter { $0 != " " }
        let digits = plain.utf8.prefix(while: ASCII.isDigit)
        guard let count = Int(Substring(digits)), (1...digitCountMax).contains(digits.count) else { return nil }
        let name: String
        switch String(Substring(plain.utf8.dropFirst(digits.count))) {
        case "b", "byte", "bytes": name = "B"
        case "k", "kb", "kib": name = "KB"
        case "m", "mb", "mib": name = "MB"
        case "g", "gb", "gib": name = "GB"
        default: return nil
        }
        return "\(count)\(name)"
    }
}
