import Testing
import Wire

@testable import Cache

@Suite("A request that depends on more than itself")
struct CacheStateTests {
    private static let file = "[{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]"

    @Test(
        "in chat is left alone",
        arguments: [
            (",\"store\":true", CacheBypass.stored), (",\"store\":1", .stored),
            (",\"web_search_options\":{}", .serverTools),
            (",\"search_parameters\":{\"mode\":\"auto\"}", .serverTools),
            (",\"plugins\":[{\"id\":\"web\"}]", .serverTools),
            (",\"enable_search\":true", .serverTools), (",\"tools\":[{\"type\":\"web_search\"}]", .serverTools),
            (",\"tools\":[{\"type\":\"function\",\"function\":{}},{\"type\":\"mcp\"}]", .serverTools),
            (",\"tools\":[{}]", .serverTools), (",\"tools\":[\"web_search\"]", .serverTools),
            (",\"tools\":{\"type\":\"web_search\"}", .serverTools), (",\"tools\":\"web_search\"", .serverTools),
            (",\"tools\":[{\"type\":\"Function\"}]", .serverTools), (",\"modalities\":[\"text\",\"audio\"]", .audio),
            (",\"modalities\":[\"image\"]", .audio), (",\"audio\":{\"voice\":\"a\"}", .audio),
            (",\"data_sources\":[{}]", .state), (",\"preset\":\"p\"", .state), (",\"deferred\":true", .background),
            (",\"agent_id\":\"a\"", .state), (",\"stream\":\"true\"", .wrongType), (",\"stream\":1", .wrongType),
            (",\"stream_options\":[]", .wrongType), (",\"stream_options\":{\"include_usage\":1}", .wrongType),
            (",\"stream\":true,\"stream_options\":{\"continuous_usage_stats\":true}", .dialect),
            (",\"models\":[\"a\",\"b:online\"]", .serverTools), (",\"x_file_id\":1,\"y\":{\"file_id\":\"f\"}", .state),
            (",\"new\":{\"deep\":[{\"link\":\"https://x.example/a\"}]}", .urlMedia),
            (",\"extra_body\":{\"google\":{\"cached_content\":\"c\"}}", .state),
            (",\"prompt_cache_options\":{\"comparison_response_id\":\"r\"}", .state),
        ])
    func chat(members: String, reason: CacheBypass) { #expect(CacheCase.chat(members).bypass == reason) }

    @Test(
        "is not one with nothing of the kind",
        arguments: [
            ",\"store\":false", ",\"store\":null", ",\"web_search_options\":null", ",\"plugins\":[]", ",\"tools\":[]",
            ",\"tools\":null", ",\"modalities\":[\"text\"]", ",\"modalities\":null", ",\"audio\":null",
            ",\"stream\":false",
            ",\"stream_options\":null", ",\"stream_options\":{\"continuous_usage_stats\":true}",
            ",\"enable_search\":false",
            ",\"stream\":true,\"stream_options\":{\"x\":false,\"y\":null,\"include_obfuscation\":true}",
            ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]", ",\"new\":{\"file_id\":null}",
            ",\"new\":\"see https://x.example\"", ",\"new\":\"http:/x\"",
        ])
    func plain(members: String) { #expect(CacheCase.chat(members).bypass == nil) }

    @Test(
        "names media of a message by address, or files",
        arguments: [
            ("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/a.png\"}}", CacheBypass.urlMedia),
            ("{\"type\":\"image_url\",\"image_url\":\"https://x.example/a.png\"}", .urlMedia),
            ("{\"type\":\"image_url\",\"image_url\":{\"url\":\"HTTPS:\\/\\/x.example\"}}", .urlMedia),
            ("{\"type\":\"image_url\",\"image_url\":{\"url\":\"a.png\"}}", .urlMedia),
            ("{\"type\":\"image_url\",\"image_url\":{\"url\":\" data:image/png;base64,AA\"}}", .urlMedia),
            ("{\"type\":\"video_url\",\"video_url\":{\"url\":\"gs://b/v\"}}", .urlMedia),
            ("{\"type\":\"document_url\",\"document_url\":\"https://x.example/d\"}", .urlMedia),
            ("{\"type\":\"input_audio\",\"input_audio\":\"https://x.example/a.mp3\"}", .urlMedia),
            ("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"https:\\u002f/x.example\"}}", .urlMedia),
            ("{\"type\":\"file\",\"file\":{\"file_data\":\" \\n\\u0009https://x.example/f\"}}", .urlMedia),
            ("{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}", .state),
            ("{\"type\":\"image_file\",\"image_file\":{\"file_id\":\"file-1\"}}", .state),
            ("{\"type\":\"new\",\"new\":{\"fileId\":\"file-1\"}}", .state),
            ("{\"type\":\"new\",\"new\":{\"where\":\"s3://bucket/x\"}}", .urlMedia),
            ("{\"type\":\"image_url\",\"image_url\":null,\"uuid\":\"u\"}", .state),
        ])
    func media(part: String, reason: CacheBypass) { #expect(CacheCase.chat("", content: "[\(part)]").bypass == reason) }

    @Test(
        "is not one that holds its media or only speaks of addresses",
        arguments: [
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\",\"detail\":\"low\"}}",
            "{\"type\":\"image_url\",\"image_url\":\"DATA:image/png;base64,AA\"}",
            "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}",
            "{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA\",\"filename\":\"https://x\"}}",
            "{\"type\":\"text\",\"text\":\"https://x.example/a.png\"}", "\"https://x.example/a.png\"",
        ])
    func held(part: String) { #expect(CacheCase.chat("", content: "[\(part)]").bypass == nil) }

    @Test("is an audio answer that is referred to")
    func audio() {
        let message = "{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"}}"
        #expect(CacheCase(body: "{\"messages\":[\(message)]}").bypass == .state)
    }

    @Test(
        "asks a model that looks things up",
        arguments: [
            ("gpt-4o-search-preview", CacheBypass.serverTools), ("openai/gpt-4o:online", .serverTools),
            ("perplexity/sonar-pro", .serverTools), ("sonar", .serverTools), ("groq/compound", .serverTools),
            ("o3-deep-research", .serverTools), ("GPT-5-Search-API", .serverTools), ("@preset/mine", .state),
        ])
    func models(model: String, reason: CacheBypass) {
        #expect(CacheCase(body: "{\"model\":\"\(model)\"}").bypass == reason)
        let deployment = "/openai/deployments/\(model)/chat/completions?api-version=1"
        if !model.contains("/") { #expect(CacheCase(path: deployment, body: "{}").bypass == reason) }
        #expect(CacheCase(path: "/v1/embeddings", body: "{\"model\":\"\(model)\"}").bypass == nil)
    }

    @Test(
        "as a response is left alone",
        arguments: [
            (",\"previous_response_id\":\"resp_1\"", CacheBypass.state), (",\"conversation\":\"c\"", .state),
            (",\"conversation\":{\"id\":\"c\"}", .state), (",\"prompt\":{\"id\":\"p\"}", .state),
            (",\"background\":true", .background), (",\"tools\":[{\"type\":\"web_search\"}]", .serverTools),
            (",\"tools\":[{\"type\":\"mcp\",\"server_url\":\"https://x\"}]", .serverTools),
            (",\"tools\":[{\"name\":\"f\"}]", .serverTools), (",\"tools\":[{\"type\":\"function\"},{}]", .serverTools),
        ])
    func responses(members: String, reason: CacheBypass) { #expect(CacheCase.responses(members).bypass == reason) }

    @Test("as a response is left alone unless it says that it is not stored")
    func stored() {
        for store in ["", "\"store\":true,", "\"store\":null,", "\"store\":\"false\",", "\"store\":0,"] {
            let body = "{\(store)\"model\":\"m\",\"input\":\"hi\"}"
            #expect(CacheCase(path: "/v1/responses", body: body).bypass == .stored)
        }
        #expect(CacheCase.responses("").bypass == nil)
        #expect(
            CacheCase.responses(",\"previous_response_id\":null,\"conversation\":null,\"prompt\":null").bypass == nil)
        #expect(CacheCase(path: "/v1/responses/input_tokens", body: "{\"input\":\"hi\"}").bypass == nil)
        let counted = "{\"previous_response_id\":\"r\"}"
        #expect(CacheCase(path: "/v1/responses/input_tokens", body: counted).bypass == .state)
    }

    @Test(
        "has items that refer to what the provider keeps",
        arguments: [
            ("{\"type\":\"item_reference\",\"id\":\"msg_1\"}", CacheBypass.state), ("{\"id\":\"msg_1\"}", .state),
            ("{\"type\":null,\"id\":\"msg_1\"}", .state),
            ("{\"type\":\"image_generation_call\",\"id\":\"ig_1\"}", .state),
            ("{\"type\":\"mcp_call\"}", .state), ("{\"type\":\"additional_tools\"}", .state), ("{\"type\":7}", .state),
            ("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}", .state),
            ("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_url\":\"https://x\"}]}", .urlMedia),
            ("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://x\"}]}", .urlMedia),
            (
                "{\"type\":\"function_call_output\",\"output\":[{\"type\":\"input_image\",\"file_id\":\"f\"}]}",
                .state
            ),
        ])
    func items(item: String, reason: CacheBypass) {
        #expect(CacheCase.responses("", input: "[\(item)]").bypass == reason)
        #expect(CacheCase.responses("", input: "[{\"role\":\"user\",\"content\":\"x\"},\(item)]").bypass == reason)
    }

    @Test(
        "of Anthropic's is left alone",
        arguments: [
            (",\"container\":\"c\"", CacheBypass.state), (",\"container\":{\"skills\":[]}", .state),
            (",\"mcp_servers\":[{\"url\":\"https://x\"}]", .serverTools), (",\"thread\":{\"type\":\"create\"}", .state),
            (",\"diagnostics\":{\"previous_message_id\":\"m\"}", .state), (",\"fallback_credit_token\":\"t\"", .state),
            (",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]", .serverTools),
            (",\"tools\":[{\"name\":\"f\"},{\"type\":\"bash_20250124\"}]", .serverTools),
            (",\"stream\":\"yes\"", .wrongType),
        ])
    func anthropic(members: String, reason: CacheBypass) { #expect(CacheCase.anthropic(members).bypass == reason) }

    @Test(
        "of Anthropic's has such blocks",
        arguments: [
            ("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}", CacheBypass.urlMedia),
            ("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}", .state),
            ("{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}", .urlMedia),
            ("{\"type\":\"container_upload\",\"file_id\":\"f\"}", .state),
            ("{\"type\":\"server_tool_use\"}", .serverTools),
            (
                "{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"x\"}}]}",
                .urlMedia
            ), ("{\"type\":\"tool_addition\",\"tool\":{\"type\":\"web_search\"}}", .serverTools),
        ])
    func blocks(block: String, reason: CacheBypass) {
        #expect(CacheCase.anthropic("", content: "[\(block)]").bypass == reason)
    }

    @Test(
        "of Gemini's is left alone",
        arguments: [
            (",\"cachedContent\":\"cachedContents/1\"", CacheBypass.state), (",\"cached_content\":\"c\"", .state),
            (",\"tools\":[{\"googleSearch\":{}}]", .serverTools), (",\"tools\":[{\"google_search\":{}}]", .serverTools),
            (",\"tools\":[{\"functionDeclarations\":[]},{\"codeExecution\":{}}]", .serverTools),
            (",\"tools\":[{\"functionDeclarations\":[],\"urlContext\":{}}]", .serverTools),
            (",\"tools\":{\"googleSearch\":{}}", .serverTools), (",\"store\":true", .stored),
            (",\"generationConfig\":{\"responseModalities\":[\"AUDIO\"]}", .audio),
            (",\"generation_config\":{\"response_modalities\":[\"TEXT\",\"IMAGE\"]}", .audio),
            (",\"generationConfig\":{\"speechConfig\":{}}", .audio),
            (",\"generationConfig\":{\"temperature\":0},\"generation_config\":{\"temperature\":1}", .unclearKeys),
            (",\"generationConfig\":{\"topP\":0,\"top_p\":1}", .unclearKeys),
            (",\"Tools\":[{\"googleSearch\":{}}]", .unclearKeys),
        ])
    func gemini(members: String, reason: CacheBypass) { #expect(CacheCase.gemini(members).bypass == reason) }

    @Test(
        "of Gemini's has such parts",
        arguments: [
            ("{\"fileData\":{\"fileUri\":\"https://x\"}}", CacheBypass.urlMedia),
            ("{\"file_data\":{\"file_uri\":\"gs://b/x\"}}", .urlMedia), ("{\"toolCall\":{}}", .serverTools),
            ("{\"functionResponse\":{\"parts\":[{\"fileData\":{\"fileUri\":\"x\"}}]}}", .urlMedia),
        ])
    func parts(part: String, reason: CacheBypass) { #expect(CacheCase.gemini("", parts: "[\(part)]").bypass == reason) }

    @Test(
        "of Cohere's is left alone",
        arguments: [
            ("/v1/chat", ",\"connectors\":[{\"id\":\"web-search\"}]", CacheBypass.serverTools),
            ("/v1/chat", ",\"conversation_id\":\"c\"", .state), ("/v1/chat", ",\"stream\":true", .dialect),
            ("/chat", ",\"stream\":true", .dialect), ("/v2/chat", ",\"tools\":[{\"type\":\"web\"}]", .serverTools),
            ("/v2/embed", ",\"images\":[\"https://x\"]", .urlMedia),
            (
                "/v2/embed",
                ",\"inputs\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]}]",
                .urlMedia
            ),
            ("/v2/rerank", ",\"documents\":[{\"image\":\"https://x\"}]", .urlMedia),
        ])
    func cohere(path: String, members: String, reason: CacheBypass) {
        #expect(CacheCase.cohere(members, path: path).bypass == reason)
    }

    @Test(
        "of Bedrock's is left alone",
        arguments: [
            (",\"toolConfig\":{\"tools\":[{\"systemTool\":{\"name\":\"web\"}}]}", CacheBypass.serverTools),
            (",\"promptVariables\":{\"a\":{\"text\":\"b\"}}", .state),
            (",\"additionalModelRequestFields\":{\"mcp_servers\":[{}]}", .serverTools),
            (",\"additionalModelRequestFields\":{\"tools\":[{}]}", .serverTools),
        ])
    func converse(members: String, reason: CacheBypass) { #expect(CacheCase.converse(members).bypass == reason) }

    @Test("of Bedrock's names media by address, or a stored prompt")
    func bedrock() {
        let image = "[{\"image\":{\"format\":\"png\",\"source\":{\"s3Location\":{\"uri\":\"s3://b/x\"}}}}]"
        #expect(CacheCase.converse("", content: image).bypass == .urlMedia)
        #expect(CacheCase.converse("", content: "[{\"toolResult\":{\"content\":\(image)}}]").bypass == .urlMedia)
        let prompt = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprompt%2FX"
        #expect(CacheCase(api: .bedrock, path: "/model/\(prompt)/converse", body: "{}").bypass == .state)
        let video = "{\"messages\":[{\"content\":[{\"video\":{\"source\":{\"s3Location\":{\"uri\":\"s3://b\"}}}}]}]}"
        #expect(CacheCase.invoke(video).bypass == .urlMedia)
        #expect(CacheCase.invoke("{\"mediaSource\":{\"s3\":\"s3://b\"}}").bypass == .urlMedia)
        #expect(CacheCase.invoke("{\"prompt\":\"https://x\",\"stream\":true}").bypass == .dialect)
        #expect(CacheCase.invoke("{\"inputText\":\"https://x\"}").bypass == nil)
    }
}
