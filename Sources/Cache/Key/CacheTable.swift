import Wire

/// Whether a member of a request is part of what makes two requests the same.
public enum CacheFieldSide: String, Sendable, CaseIterable {
    /// In the key: another value is another request. What leo does not know is here.
    case key
    /// Not in the key: it does not change the answer, or only its form.
    case ignored
    /// In the key, and it may decide whether the cache has to do with the request at all.
    case decides
}

/// What the value of a member is to the cache.
enum CacheShape: Sendable {
    /// In the key. The order of keys in it means nothing: options, as servers read them into fixed structures.
    case option
    /// In the key as it is, the order of keys too: texts, schemas, data, whatever is put before the model as it was sent.
    case content
    /// Likewise, of a member that leo does not know: what looks like an address or names a file is one.
    case unknown
    /// Not in the key.
    case ignored
    /// OpenAI's `stream`: not in the key.
    case stream
    /// OpenAI's `stream_options`: not in the key.
    case streamOptions
    /// An object, or a list of such objects, or a plain value in its place.
    case members(@Sendable () -> CacheTable)
    /// The model's name, where some names mean that the provider looks things up.
    case model
    /// Names of models that may answer instead.
    case models
    /// The model's name, whatever it is.
    case anyModel
    /// The temperature: zero makes the request deterministic.
    case temperature
    /// A reason to pass by, unless it is null, false or an empty list.
    case absent(CacheBypass)
    /// A reason to pass by, unless it is null or false.
    case untrue(CacheBypass)
    /// Must be there, and false.
    case store
    /// Media by an address, which must hold the data itself; or an object around such an address.
    case address
    /// Data, which must not be an address.
    case data
    /// A list of what the answer may consist of: only of text.
    case modalities
    /// What kind of thing the object is, of which some are reasons to pass by: see the table's ``CacheTable/kinds``.
    case kind
    /// The role of a message.
    case role
}

extension CacheShape {
    var side: CacheFieldSide {
        switch self {
        case .option, .content, .unknown, .members, .role, .anyModel: .key
        case .ignored, .stream, .streamOptions: .ignored
        case .model, .models, .temperature, .absent, .untrue, .store, .address, .data, .modalities, .kind: .decides
        }
    }
}

/// Which kinds of an object the cache has to do with.
struct CacheKinds: Sendable {
    /// What an object without a kind is.
    enum Absence: Sendable {
        case allowed
        case refused
        /// A message, if it has a role; otherwise some reference.
        case allowedWithRole
    }

    let allowed: [StaticString]
    let otherwise: CacheBypass
    let absence: Absence

    init(_ allowed: [StaticString], otherwise: CacheBypass, absence: Absence = .allowed) {
        self.allowed = allowed
        self.otherwise = otherwise
        self.absence = absence
    }
}

/// The members of one kind of object, as far as leo knows them.
final class CacheTable: Sendable {
    struct Member: Sendable {
        let name: [UInt8]
        let shape: CacheShape
    }

    let members: [Member]
    /// What other members are.
    let rest: CacheShape
    /// Whether the order of its keys is kept: what it holds is put before the model as it is.
    let keepsOrder: Bool
    /// Whether a string in the object's place is data, or an address that must not be one.
    let isMedia: Bool
    /// What it is to the cache if something else than such an object is in its place.
    let plain: CacheBypass?
    let kinds: CacheKinds?
    /// Digests of the members' names as readers may take them that fold capitals and underscores.
    private let foldedNames: [UInt64]
    /// Which of ``members`` have names of so many bytes.
    private let placesByLength: [[Int]]

    /// `isProto`: Google's servers take each name in camel case and with underscores.
    init(
        _ members: [(name: String, shape: CacheShape)], kinds: CacheKinds? = nil, rest: CacheShape = .unknown,
        keepsOrder: Bool = false, isMedia: Bool = false, isProto: Bool = false, plain: CacheBypass? = nil
    ) {
        var all = members.map { Member(name: Array($0.name.utf8), shape: $0.shape) }
        if isProto {
            for member in members {
                let snake = Self.underscored(member.name)
                if snake != member.name { all.append(Member(name: Array(snake.utf8), shape: member.shape)) }
            }
        }
        self.members = all
        let longest = all.map(\.name.count).max() ?? 0
        placesByLength = (0...longest).map { length in all.indices.filter { all[$0].name.count == length } }
        foldedNames = all.map { JSONString.foldedDigest(ofName: $0.name.span) }
        self.rest = rest
        self.keepsOrder = keepsOrder
        self.isMedia = isMedia
        self.plain = plain
        self.kinds = kinds
    }

    /// A table with further members, and without some.
    convenience init(
        _ base: CacheTable, _ further: [(name: String, shape: CacheShape)], without: Set<String> = [],
        kinds: CacheKinds? = nil, isMedia: Bool = false, plain: CacheBypass? = nil
    ) {
        let names = Set(further.map(\.name)).union(without)
        let kept = base.members.map { (name: String(decoding: $0.name, as: UTF8.self), shape: $0.shape) }
            .filter { !names.contains($0.name) }
        self.init(
            further + kept, kinds: kinds ?? base.kinds, rest: base.rest, keepsOrder: base.keepsOrder,
            isMedia: isMedia || base.isMedia, plain: plain ?? base.plain)
    }

    /// The member with this name; nil for one that leo does not know.
    func member(_ key: JSONString, in bytes: Span<UInt8>) -> Member? {
        // Few names are as long as the key.
        if !key.hasEscapes {
            guard key.range.count < placesByLength.count else { return nil }
            for place in placesByLength[key.range.count] {
                let member = members[place]
                if key.equals(member.name.span, in: bytes) { return member }
            }
            return nil
        }
        for member in members where key.equals(member.name.span, in: bytes) { return member }
        return nil
    }

    /// Whether some reader may take the name, which is no member's, for that of a member.
    func resemblesMember(_ key: JSONString, in bytes: Span<UInt8>) -> Bool {
        let digest = key.foldedDigest(in: bytes)
        for name in foldedNames where name == digest { return true }
        return false
    }

    private static func underscored(_ name: String) -> String {
        var text = ""
        for character in name {
            if character.isUppercase { text += "_\(character.lowercased())" } else { text.append(character) }
        }
        return text
    }
}
