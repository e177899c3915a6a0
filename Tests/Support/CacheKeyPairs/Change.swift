import Wire

/// One thing that is changed in a request.
struct Change {
    let sample: Sample
    var body: Tree
    var head: Head
    /// What was changed, for people.
    private(set) var what = "nothing"

    mutating func note(_ text: String) { what = text }

    init(_ sample: Sample, _ body: Tree, _ head: Head) {
        self.sample = sample
        self.body = body
        self.head = head
    }

    /// Makes a change; whether the key must stay the same.
    mutating func make(_ random: inout SplitMix) -> Bool {
        switch random.below(12) {
        case 0: return true
        case 1: return changeHead(&random)
        case 2: return changeTarget(&random)
        case 3: return changeIgnored(&random)
        default: return changeBody(&random)
        }
    }

    // The body

    /// Where a random descent stops.
    private struct Spot {
        var path: [Int] = []
        var place = ""
        var isIgnored = false
        var isOrdered = false
    }

    private func spot(_ random: inout SplitMix) -> Spot {
        var spot = Spot()
        var tree = body
        while tree.count > 0, spot.path.isEmpty || random.below(6) > 0 {
            let index = random.below(tree.count)
            spot.path.append(index)
            switch tree {
            case .object(let members):
                spot.place = Sample.place(spot.place, members[index].key)
                tree = members[index].value
            case .array(let elements):
                spot.place += "[]"
                tree = elements[index]
            case .string, .word: break
            }
            if sample.ignored.contains(spot.place) { spot.isIgnored = true }
            if sample.ordered.contains(spot.place) { spot.isOrdered = true }
        }
        return spot
    }

    private mutating func changeBody(_ random: inout SplitMix) -> Bool {
        let spot = spot(&random)
        // What is ignored is changed elsewhere, as it may be.
        if spot.isIgnored { return changeIgnored(&random) }
        what = "at \(spot.place)"
        switch random.below(8) {
        case 0: return insert(spot, &random)
        case 1: return remove(spot)
        case 2: return rename(spot, &random)
        case 3: return reorder(spot, &random)
        case 4:
            what += ": in a list"
            body.change(spot.path[...]) { $0 = .array([$0]) }
            return false
        case 5: return repeatKey(spot, &random)
        default:
            let old = body.value(at: spot.path[...])
            let new = Self.other(old, &random)
            what += ": \(old) to \(new)"
            body.change(spot.path[...]) { $0 = new }
            return false
        }
    }

    /// Another value of any kind.
    private static func other(_ tree: Tree, _ random: inout SplitMix) -> Tree {
        let choice = random.below(6)
        switch tree {
        case .string(let text):
            switch choice {
            case 0: return .string(text + " ")
            case 1: return .string(" " + text)
            case 2: return .string(text.isEmpty ? "x" : String(text.dropLast()))
            case 3:
                let swapped = String(text.map { $0.isLowercase ? Character($0.uppercased()) : $0 })
                return .string(Array(swapped.utf8) == Array(text.utf8) ? text + "A" : swapped)
            case 4: return .string(text + "e\u{301}")
            default: return .array([.string(text)])
            }
        case .word("true"): return .word(choice < 3 ? "false" : "null")
        case .word("false"): return .word(choice < 3 ? "true" : "0")
        case .word("null"): return choice < 3 ? .word("false") : .string("")
        case .word(let number):
            switch choice {
            case 0: return .word(number.hasPrefix("-") ? String(number.dropFirst()) : "-" + number)
            case 1: return .word(number + (number.contains(".") ? "0" : ".0"))
            case 2: return .word(number + "e0")
            case 3: return .word("1e400")
            case 4: return .string(number)
            default: return .word("9" + (number.hasPrefix("-") ? String(number.dropFirst()) : number))
            }
        case .object, .array: return choice < 3 ? .word("null") : .array([tree, .word("0")])
        }
    }

    private mutating func insert(_ spot: Spot, _ random: inout SplitMix) -> Bool {
        let names = [
            "user", "stream", "metadata", "cache_control", "labels", "stream_options", "requestMetadata",
            "safety_identifier", "prompt_cache_key", "new", "temperature", "", "😀", "seed",
        ]
        var changed = body
        let name = names[random.below(names.count)]
        let values: [Tree] = [.word("null"), .string("x"), .word("1"), .object([Tree.Member("type", .string("e"))])]
        let value = values[random.below(values.count)]
        var didInsert = false
        let position = random.next()
        let atPlace = sample.ignored.contains(Sample.place(spot.place, name))
        changed.change(spot.path[...]) { tree in
            switch tree {
            case .object(var members):
                guard !members.contains(where: { $0.key == name }), !atPlace else { return }
                members.insert(Tree.Member(name, value), at: Int(position % UInt64(members.count + 1)))
                tree = .object(members)
                didInsert = true
            case .array(var elements):
                elements.insert(value, at: Int(position % UInt64(elements.count + 1)))
                tree = .array(elements)
                didInsert = true
            case .string, .word: break
            }
        }
        what += ": \(name) inserted"
        body = changed
        return !didInsert
    }

    private mutating func remove(_ spot: Spot) -> Bool {
        guard let last = spot.path.last else { return true }
        what += ": removed"
        body.change(spot.path.dropLast()) { tree in
            switch tree {
            case .object(var members):
                members.remove(at: last)
                tree = .object(members)
            case .array(var elements):
                elements.remove(at: last)
                tree = .array(elements)
            case .string, .word: break
            }
        }
        return false
    }

    private mutating func rename(_ spot: Spot, _ random: inout SplitMix) -> Bool {
        guard let last = spot.path.last else { return true }
        var didRename = false
        let way = random.below(4)
        let ignored = sample.ignored
        let outer = spot.place.split(separator: ".").dropLast().joined(separator: ".")
        body.change(spot.path.dropLast()) { tree in
            guard case .object(var members) = tree else { return }
            let old = members[last].key
            let new =
                switch way {
                case 0: old + "_"
                case 1: old.uppercased() == old ? old + "x" : old.uppercased()
                case 2: String(old.dropLast())
                default: "user"
                }
            guard new != old, !members.contains(where: { $0.key == new }),
                !ignored.contains(Sample.place(outer, new))
            else { return }
            members[last].key = new
            tree = .object(members)
            didRename = true
        }
        what += ": renamed"
        return !didRename
    }

    private mutating func reorder(_ spot: Spot, _ random: inout SplitMix) -> Bool {
        var didReorder = false
        let choice = random.next()
        let ordered = spot.isOrdered
        body.change(spot.path[...]) { tree in
            switch tree {
            case .array(var elements) where elements.count > 1:
                let index = Int(choice % UInt64(elements.count - 1))
                didReorder = elements[index] != elements[index + 1]
                elements.swapAt(index, index + 1)
                tree = .array(elements)
            case .object(var members) where members.count > 1 && ordered:
                let index = Int(choice % UInt64(members.count - 1))
                members.swapAt(index, index + 1)
                tree = .object(members)
                didReorder = true
            case .object, .array, .string, .word: break
            }
        }
        what += ": reordered"
        return !didReorder
    }

    /// A key for the second time, or one that some readers take for it.
    private mutating func repeatKey(_ spot: Spot, _ random: inout SplitMix) -> Bool {
        guard let last = spot.path.last else { return true }
        let isUpper = random.below(3) == 0
        let value = Self.other(body.value(at: spot.path[...]), &random)
        var didRepeat = false
        body.change(spot.path.dropLast()) { tree in
            guard case .object(var members) = tree else { return }
            let key = members[last].key
            members.append(Tree.Member(isUpper ? key.uppercased() : key, value))
            tree = .object(members)
            didRepeat = true
        }
        what += ": repeated"
        return !didRepeat
    }

    // What is ignored

    private mutating func changeIgnored(_ random: inout SplitMix) -> Bool {
        let top = sample.ignored.filter { !$0.contains(".") && !$0.contains("[") }.sorted()
        guard !top.isEmpty, case .object(var members) = body else { return true }
        let name = top[random.below(top.count)]
        what = "\(name) changed"
        members.removeAll { $0.key == name }
        if random.below(4) > 0 {
            let value: Tree
            switch name {
            case "stream": value = .word(sample.name == "cohere-chat-1" || random.below(2) == 0 ? "false" : "true")
            case "stream_options": value = .object([Tree.Member("include_usage", .word("false"))])
            case _:
                value =
                    [
                        .string("x\(random.next() % 100)"), .object([Tree.Member("k", .word("1"))]), .word("null"),
                    ][random.below(3)]
            }
            members.insert(Tree.Member(name, value), at: random.below(members.count + 1))
        }
        body = .object(members)
        return true
    }
}
