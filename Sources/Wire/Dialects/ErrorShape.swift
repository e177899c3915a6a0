// Errors that leo answers itself, in the shape that each provider's own SDKs read, so that an application sees leo's
// message in the exception it already handles.
extension APIFamily {
    /// The JSON body of an error with that status.
    ///
    /// `code` is leo's word for what happened (`client_timeout`), where the shape has a place for one; `message` is what
    /// people read. Both may hold any text.
    public func errorBody(status: Int, code: String, message: String) -> [UInt8] {
        var json = JSONText()
        switch self {
        case .openai:
            json.write("{\"error\":{\"message\":", message)
            json.write(",\"type\":", Self.openAIType(status))
            json.write(",\"param\":null,\"code\":", code)
            json.write("}}")
        case .anthropic:
            json.write("{\"type\":\"error\",\"error\":{\"type\":", Self.anthropicType(status))
            json.write(",\"message\":", message)
            json.write("}}")
        case .gemini:
            json.write("{\"error\":{\"code\":", status)
            json.write(",\"message\":", message)
            json.write(",\"status\":", Self.geminiStatus(status))
            json.write("}}")
        case .bedrock, .cohere:
            json.write("{\"message\":", message)
            json.write("}")
        }
        return json.bytes
    }

    /// The header fields that belong to such an error beside its content type.
    ///
    /// Amazon's SDKs take the kind of an error from a field and not from the body.
    public func errorFields(status: Int, code: String) -> [(name: String, value: String)] {
        switch self {
        case .bedrock: [("x-amzn-errortype", Self.bedrockException(status))]
        case .openai, .anthropic, .gemini, .cohere: []
        }
    }

    private static func openAIType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    private static func anthropicType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 503, 529: "overloaded_error"
        case 504: "timeout_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    /// The names of google.rpc.Code under the HTTP statuses that Google maps them to.
    private static func geminiStatus(_ status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 409: "ABORTED"
        case 429: "RESOURCE_EXHAUSTED"
        case 499: "CANCELLED"
        case 501: "UNIMPLEMENTED"
        case 408, 504: "DEADLINE_EXCEEDED"
        case 502, 503, 529: "UNAVAILABLE"
        case 500...: "INTERNAL"
        default: "INVALID_ARGUMENT"
        }
    }

    /// The exceptions that Amazon Bedrock's Converse and InvokeModel declare.
    private static func bedrockException(_ status: Int) -> String {
        switch status {
        case 401, 403: "AccessDeniedException"
        case 404: "ResourceNotFoundException"
        case 408, 504: "ModelTimeoutException"
        case 424: "ModelErrorException"
        case 429: "ThrottlingException"
        case 502, 503, 529: "ServiceUnavailableException"
        case 500...: "InternalServerException"
        default: "ValidationException"
        }
    }
}
