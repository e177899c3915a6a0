/// Why a request's body tells nothing that could be relied on.
public enum RequestFlaw: Error, Equatable, Sendable {
    /// It is not JSON, or nested too deeply, at this byte.
    case notJSON(JSONFailure)
    /// It is JSON and no object.
    case notAnObject
    /// An object in it has two equal keys, which one parser takes for the first and another for the last.
    case duplicateKeys
    /// This member, on which limits depend, is of another type than the API's.
    case wrongType(member: String)
    /// More texts, or more models, than are listed.
    case tooIntricate

    /// leo's word for it.
    public var word: String {
        switch self {
        case .notJSON(let failure): failure.reason == .tooDeep ? "too_deep" : "not_json"
        case .notAnObject: "not_an_object"
        case .duplicateKeys: "duplicate_keys"
        case .wrongType: "wrong_type"
        case .tooIntricate: "too_intricate"
        }
    }

    /// A sentence for people, without anything of the body but the name of a member that leo knows.
    public var explanation: String {
        switch self {
        case .notJSON(let failure): "the request's body: \(failure.explanation)"
        case .notAnObject: "the request's body is JSON, but not an object"
        case .duplicateKeys: "an object in the request's body has two equal keys"
        case .wrongType(let member): "\"\(member)\" in the request's body is of a wrong type"
        case .tooIntricate: "the request's body has more than \(RequestFacts.textCountMax) texts"
        }
    }
}
