import Wire

extension Change {
    // The head

    mutating func changeHead(_ random: inout SplitMix) -> Bool {
        switch random.below(10) {
        case 0: return tell("scope", isSame: false) { $0.scope += "2" }
        case 1: return tell("upstream", isSame: false) { $0.upstream = "other.example:443" }
        case 2: return tell("case of the upstream", isSame: true) { $0.upstream = $0.upstream.uppercased() }
        case 3:
            let names = ["Authorization", "X-Api-Key", "traceparent", "x-stainless-retry-count", "Cache-Control"]
            let name = names[random.below(names.count)]
            return tell(name, isSame: true) { $0.fields.insert((name, "v\(name.utf8.count)"), at: 0) }
        case 4:
            let names = ["OpenAI-Project", "X-Unknown", "Cookie", "x-goog-user-project", "anthropic-version"]
            let name = names[random.below(names.count)]
            return tell(name, isSame: false) { $0.fields.append((name, "new")) }
        case 5:
            return tell("case of names", isSame: true) {
                $0.fields = $0.fields.map { ($0.name.uppercased(), $0.value) }
            }
        case 6: return tell("order of betas", isSame: true) { $0.set("anthropic-beta", "a-2,b-1 ") }
        case 7: return tell("betas", isSame: false) { $0.set("anthropic-beta", "a-2") }
        case 8:
            return tell("order of one name", isSame: false) { head in
                head.fields.removeAll { $0.name == "X-Two" }
                head.fields += [("X-Two", "2"), ("X-Two", "1")]
            }
        default: return tell("order of names", isSame: true) { $0.fields.swapAt(0, 6) }
        }
    }

    private mutating func tell(_ what: String, isSame: Bool, _ body: (inout Head) -> Void) -> Bool {
        note(what)
        body(&head)
        return isSame
    }

    // The target

    mutating func changeTarget(_ random: inout SplitMix) -> Bool {
        if let twin = sample.twin, random.below(3) == 0 {
            note("the operation that streams")
            head.path = twin
            return true
        }
        let hasQuery = head.path.contains("?")
        note("target")
        switch random.below(6) {
        case 0: head.path += hasQuery ? "&x=1" : "?x=1"
        case 1: head.path += hasQuery ? "&" : "?"
        case 2: head.path = "/prefix" + head.path
        case 3: head.path = head.path.replacingLetter()
        case 4:
            head.path += (hasQuery ? "&" : "?") + "key=AIza"
            return sample.api == .gemini
        default:
            head.path += (hasQuery ? "&" : "?") + "alt=json"
            return sample.name == "gemini-generate" || sample.name == "gemini-count"
        }
        return false
    }
}

extension Head {
    fileprivate mutating func set(_ name: String, _ value: String) {
        for index in fields.indices where fields[index].name == name { fields[index].value = value }
    }
}

extension String {
    /// The path with the first letter of its model or version percent-encoded: the same to many servers, and another
    /// request to leo.
    fileprivate func replacingLetter() -> String {
        guard let index = utf8.firstIndex(of: UInt8(ascii: "1")) ?? utf8.firstIndex(of: UInt8(ascii: "2")) else {
            return self + "?"
        }
        let text = String(self[index]) == "1" ? "%31" : "%32"
        return String(self[..<index]) + text + String(self[self.index(after: index)...])
    }
}
