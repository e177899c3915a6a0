/// Finds the word that was probably meant.
public enum Suggestion {
    /// Longer words are not compared: no key is, and the comparison takes the product of the lengths.
    static let byteCountMax = 64

    /// The candidate nearest to the word, when one is near enough to be a mistyping of it: at most a third of its
    /// letters added, left out, changed or swapped with the next one, or the one a part of the other. Upper case and
    /// hyphens for underscores cost nothing.
    public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(word)
        if wanted.count < 2 || wanted.count > byteCountMax { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let other = folded(candidate)
            if other.count > byteCountMax { continue }
            var distance = self.distance(wanted, other)
            let longer = max(wanted.count, other.count)
            if distance > max(1, longer / 3) {
                // A word with a part left out, "timeout" for "idle_timeout", is a guess worth making only last.
                guard min(wanted.count, other.count) >= 4, isPart(wanted, of: other) || isPart(other, of: wanted)
                else { continue }
                distance = byteCountMax + longer
            }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// How many letters must be added, left out, changed or swapped with their neighbour: the optimal string alignment
    /// distance.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let change = last[column] + (left[row] == right[column] ? 0 : 1)
                var cost = min(change, last[column + 1] + 1, current[column] + 1)
                if row > 0 && column > 0 && left[row] == right[column - 1] && left[row - 1] == right[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    private static func folded(_ word: String) -> [UInt8] {
        ASCII.lowercased(word).utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    private static func isPart(_ part: [UInt8], of whole: [UInt8]) -> Bool {
        whole.count > part.count
            && (0...whole.count - part.count).contains { whole[$0...].starts(with: part) }
    }
}

extension String {
    /// The text in quotes for a message: shortened, and without characters that could act on a terminal.
    public var quoted: String { "\"\(printable(scalarCountMax: 64))\"" }

    /// The text shortened, and without characters that could act on a terminal or end a line.
    func printable(scalarCountMax: Int) -> String {
        var result = ""
        for (count, scalar) in unicodeScalars.enumerated() {
            if count == scalarCountMax { return result + "…" }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
