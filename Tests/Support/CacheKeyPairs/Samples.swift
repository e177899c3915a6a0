import Wire

/// A request of one dialect with nearly everything in it, and what must not be in its key.
///
/// The two lists of places are written by hand, from the documentation and not from leo's tables: they are what the tables
/// are held against.
struct Sample: Sendable {
    let name: String
    let api: APIFamily
    let path: String
    let body: Tree
    /// Members that are always there.
    let needed: Set<String>
    /// Places that must not be in the key.
    let ignored: Set<String>
    /// Places of objects whose order of keys must be in the key, with all that is in them.
    let ordered: Set<String>
    /// A path whose operation must have the same key.
    var twin: String?

    private init(
        _ name: String, _ api: APIFamily, _ path: String, needs needed: Set<String>, ignores ignored: Set<String>,
        orders ordered: Set<String>, twin: String? = nil, _ body: String
    ) {
        self.name = name
        self.api = api
        self.path = path
        self.body = Tree(body)
        self.needed = needed
        self.ignored = ignored
        self.ordered = ordered
        self.twin = twin
    }

    static let all = openai + others

    private static let openai = [
        Sample(
            "openai-chat", .openai, "/v1/chat/completions", needs: ["model", "messages"],
            ignores: [
                "stream", "stream_options", "user", "safety_identifier", "metadata", "prompt_cache_key",
                "prompt_cache_retention",
            ],
            orders: [
                "prediction", "functions[].parameters", "tools[].function.parameters", "tools[].custom.format",
                "response_format.json_schema.schema", "x_unknown",
            ],
            """
            {"model":"gpt-5-mini","temperature":0.2,"top_p":1,"n":2,"stop":["a","b"],"seed":7,"max_tokens":5,
            "max_completion_tokens":50,"frequency_penalty":0,"presence_penalty":0.5,"logit_bias":{"50256":-100,"11":2},
            "logprobs":true,"top_logprobs":2,"stream":true,"stream_options":{"include_usage":true},"user":"u-1",
            "safety_identifier":"s","metadata":{"k":"v","a":"b"},"prompt_cache_key":"p","prompt_cache_retention":"24h",
            "prompt_cache_options":{"mode":"explicit","ttl":"30m"},"store":false,"service_tier":"auto",
            "reasoning_effort":"low","verbosity":"low","parallel_tool_calls":true,"modalities":["text"],
            "tool_choice":{"type":"function","function":{"name":"f"}},"x_unknown":{"b":1,"a":[2,{"d":0,"c":null}]},
            "prediction":{"type":"content","content":"x"},
            "functions":[{"name":"g","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}],
            "response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,
            "schema":{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}}}}},
            "tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
            "parameters":{"type":"object","properties":{"user":{"type":"string"},"stream":{"type":"boolean"}}}}},
            {"type":"custom","custom":{"name":"c","format":{"type":"text"}}}],
            "messages":[{"role":"system","content":"Be brief.\\n"},{"role":"user","name":"n","content":[
            {"type":"text","text":"héllo/wörld 😀"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA",
            "detail":"low"}},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},{"type":"file",
            "file":{"file_data":"data:application/pdf;base64,AA","filename":"f.pdf"}}]},{"role":"assistant",
            "content":null,"refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f",
            "arguments":"{\\"b\\":1}"}}]},{"role":"tool","tool_call_id":"call_1","content":"42"}]}
            """),
        Sample(
            "openai-completions", .openai, "/v1/completions", needs: ["model", "prompt"],
            ignores: ["stream", "stream_options", "user"], orders: ["x_unknown"],
            """
            {"model":"gpt-3.5-turbo-instruct","prompt":["a b",[1,2,3]],"suffix":"s","best_of":2,"echo":false,
            "temperature":0,"top_p":1,"n":1,"stop":"x","seed":1,"max_tokens":5,"frequency_penalty":0,
            "presence_penalty":0,"logit_bias":{"11":2},"logprobs":3,"stream":false,"stream_options":{},"user":"u",
            "metadata":{"a":"b"},"safety_identifier":"s","x_unknown":{"b":1,"a":2}}
            """),
        Sample(
            "openai-responses", .openai, "/v1/responses", needs: ["model", "input", "store"],
            ignores: ["stream", "stream_options"],
            orders: [
                "metadata", "tools[].parameters", "tools[].format", "text.format.schema", "input[].summary[]",
                "input[].content[].annotations[]", "x_unknown",
            ],
            """
            {"model":"gpt-5","store":false,"instructions":"Be brief.","max_output_tokens":90,"max_tool_calls":3,
            "include":["reasoning.encrypted_content"],"metadata":{"b":"1","a":"2"},"user":"u","safety_identifier":"s",
            "prompt_cache_key":"p","prompt_cache_retention":"24h","parallel_tool_calls":false,"service_tier":"flex",
            "background":false,"stream":true,"stream_options":{"include_obfuscation":false},"temperature":0,
            "top_p":0.5,"top_logprobs":1,"truncation":"auto","reasoning":{"effort":"low","summary":"auto"},
            "text":{"verbosity":"low","format":{"type":"json_schema","name":"x","schema":{"type":"object","b":{},
            "a":{}}}},"tool_choice":{"type":"function","name":"f"},"x_unknown":{"b":1,"a":2},"tools":[{"type":"function",
            "name":"f","strict":true,"parameters":{"type":"object","properties":{"user":{},"store":{}}}},
            {"type":"custom","name":"c","format":{"type":"grammar","syntax":"lark"}}],"input":[{"role":"user",
            "content":"hi"},{"type":"message","role":"user","content":[{"type":"input_text","text":"é"},
            {"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"}]},{"type":"message",
            "id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"yes",
            "annotations":[]}]},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],
            "encrypted_content":"AA"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f",
            "arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"42"}]}
            """),
        Sample(
            "responses-tokens", .openai, "/v1/responses/input_tokens", needs: ["model", "input"], ignores: [],
            orders: ["tools[].parameters", "text.format.schema"],
            """
            {"model":"gpt-5","input":[{"role":"user","content":"hi"}],"instructions":"i","truncation":"auto",
            "tools":[{"type":"function","name":"f","parameters":{"b":{},"a":{}}}],"tool_choice":"auto",
            "text":{"format":{"type":"json_schema","name":"x","schema":{"b":1,"a":2}}},"reasoning":{"effort":"low"},
            "stream":true,"user":"u"}
            """),
        Sample(
            "openai-embeddings", .openai, "/openai/deployments/d/embeddings?api-version=2024-10-21",
            needs: ["input"], ignores: ["user"], orders: ["x_unknown"],
            """
            {"model":"text-embedding-3-small","input":["a","b",[1,2]],"dimensions":256,"encoding_format":"base64",
            "user":"u","metadata":{"a":"b"},"stream":false,"x_unknown":{"b":1,"a":2}}
            """),
        Sample(
            "openai-moderations", .openai, "/v1/moderations", needs: ["input"], ignores: [], orders: [],
            """
            {"model":"omni-moderation-latest","input":["a",{"type":"text","text":"b"},{"type":"image_url",
            "image_url":{"url":"data:image/png;base64,AA"}}],"user":"u"}
            """),
    ]

    private static let others = [
        Sample(
            "anthropic-messages", .anthropic, "/v1/messages?beta=true", needs: ["model", "messages", "max_tokens"],
            ignores: [
                "stream", "metadata", "cache_control", "tools[].cache_control", "system[].cache_control",
                "messages[].content[].cache_control", "messages[].content[].content[].cache_control",
                "messages[].content[].source.content[].cache_control",
            ],
            orders: [
                "tools[].input_schema", "tools[].input_examples[]", "messages[].content[].input",
                "output_config.format", "x_unknown", "messages[].content[].citations",
            ],
            """
            {"model":"claude-sonnet-4-5","max_tokens":100,"temperature":1.0,"top_k":5,"top_p":0.9,
            "stop_sequences":["x","y"],"stream":true,"metadata":{"user_id":"u"},"cache_control":{"type":"ephemeral"},
            "service_tier":"auto","thinking":{"type":"enabled","budget_tokens":2000},"tool_choice":{"type":"auto"},
            "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"b":1,"a":2}}},
            "x_unknown":{"b":1,"a":2},"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral",
            "ttl":"1h"}}],"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{
            "cache_control":{"type":"string"},"b":{}}},"cache_control":{"type":"ephemeral"},"input_examples":[{"b":1,
            "a":2}]},{"type":"custom","name":"g","input_schema":{"type":"object"}}],"messages":[{"role":"user",
            "content":"hi"},{"role":"user","content":[{"type":"text","text":"é\\n","cache_control":{"type":"ephemeral"}},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},{"type":"document",
            "title":"t","context":"c","citations":{"enabled":true},"source":{"type":"content","content":[{"type":"text",
            "text":"d","cache_control":{"type":"ephemeral"}}]}}]},{"role":"assistant","content":[{"type":"thinking",
            "thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"AA"},{"type":"tool_use","id":"toolu_1",
            "name":"f","input":{"cache_control":{"type":"ephemeral"},"a":1}}]},{"role":"user","content":[{
            "type":"tool_result","tool_use_id":"toolu_1","is_error":false,"content":[{"type":"text","text":"42",
            "cache_control":{"type":"ephemeral"}}]}]}]}
            """),
        Sample(
            "anthropic-count", .anthropic, "/v1/messages/count_tokens", needs: ["model", "messages"],
            ignores: ["cache_control", "messages[].content[].cache_control"], orders: [],
            """
            {"model":"claude-sonnet-4-5","stream":true,"metadata":{"a":"b"},"cache_control":{"type":"ephemeral"},
            "messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}
            """),
        Sample(
            "gemini-generate", .gemini, "/v1beta/models/gemini-2.5-flash:generateContent", needs: ["contents"],
            ignores: ["labels"],
            orders: [
                "contents[].parts[].functionCall.args", "contents[].parts[].functionResponse.response",
                "tools[].functionDeclarations[].parameters", "tools[].functionDeclarations[].parametersJsonSchema",
                "generationConfig.responseSchema", "x_unknown",
            ], twin: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key=AIza",
            """
            {"labels":{"team":"a"},"systemInstruction":{"parts":[{"text":"s"}]},"serviceTier":"flex",
            "safetySettings":[{"category":"HARM","threshold":"NONE"}],"toolConfig":{"functionCallingConfig":{
            "mode":"ANY","allowedFunctionNames":["f"]}},"x_unknown":{"b":1,"a":2},"generationConfig":{"temperature":0,
            "topP":0.5,"topK":3,"candidateCount":1,"maxOutputTokens":50,"stopSequences":["x"],"seed":4,
            "responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"b":{},"a":{}}},
            "responseModalities":["TEXT"],"thinkingConfig":{"includeThoughts":true,"thinkingBudget":10}},
            "tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT",
            "properties":{"labels":{"type":"STRING"}}}},{"name":"g","parametersJsonSchema":{"b":1,"a":2}}]}],
            "contents":[{"role":"user","parts":[{"text":"hé"},{"inlineData":{"mimeType":"image/png","data":"AA"}}]},
            {"role":"model","parts":[{"thought":true,"text":"t","thoughtSignature":"AA"},{"functionCall":{"id":"1",
            "name":"f","args":{"labels":"x","a":1}}}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f",
            "response":{"b":1,"a":2}}}]}]}
            """),
        Sample(
            "gemini-count", .gemini, "/v1beta/models/gemini-2.5-flash:countTokens", needs: [], ignores: [], orders: [],
            """
            {"contents":[{"parts":[{"text":"x"}]}],"generateContentRequest":{"model":"models/m","contents":[{
            "role":"user","parts":[{"text":"y"}]}],"labels":{"a":"b"}}}
            """),
        Sample(
            "gemini-embed", .gemini, "/v1beta/models/text-embedding-004:batchEmbedContents", needs: [], ignores: [],
            orders: [],
            """
            {"requests":[{"model":"models/m","content":{"parts":[{"text":"x"}]},"taskType":"RETRIEVAL_QUERY",
            "title":"t","outputDimensionality":256},{"model":"models/m","content":{"parts":[{"text":"y"}]}}],
            "labels":{"a":"b"}}
            """),
        Sample(
            "cohere-chat", .cohere, "/v2/chat", needs: ["model", "messages"], ignores: ["stream"],
            orders: [
                "documents[]", "tools[].function.parameters", "response_format.json_schema",
                "messages[].tool_calls[]", "x_unknown",
            ],
            """
            {"model":"command-a-03-2025","stream":true,"temperature":0.3,"k":1,"p":0.5,"seed":1,"max_tokens":9,
            "stop_sequences":["x"],"safety_mode":"OFF","citation_options":{"mode":"FAST"},"logprobs":true,
            "thinking":{"type":"disabled"},"strict_tools":true,"tool_choice":"NONE","metadata":{"a":"b"},"user":"u",
            "x_unknown":{"b":1,"a":2},"response_format":{"type":"json_object","json_schema":{"b":1,"a":2}},
            "documents":["d",{"id":"1","data":{"title":"t","text":"x"}}],"tools":[{"type":"function","function":{
            "name":"f","description":"d","parameters":{"type":"object","properties":{"stream":{}}}}}],
            "messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"hi"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},{"role":"assistant",
            "tool_plan":"p","tool_calls":[{"id":"f_1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"f_1","content":[{"type":"document","document":{"data":"42"}}]}]}
            """),
        Sample(
            "cohere-chat-1", .cohere, "/v1/chat", needs: ["message"], ignores: ["stream"],
            orders: ["documents[]", "tools[].parameter_definitions", "tool_results[]"],
            """
            {"model":"command-r","message":"hi","stream":false,"preamble":"p","chat_history":[{"role":"USER",
            "message":"a"},{"role":"CHATBOT","message":"b"}],"documents":[{"title":"t","snippet":"s"}],"tools":[{
            "name":"f","description":"d","parameter_definitions":{"b":{"type":"str"},"a":{"type":"int"}}}],
            "tool_results":[{"call":{"name":"f","parameters":{}},"outputs":[{"b":1,"a":2}]}],"temperature":0,
            "prompt_truncation":"AUTO","citation_quality":"fast","search_queries_only":false,"connectors":[]}
            """),
        Sample(
            "cohere-embed", .cohere, "/v2/embed", needs: ["model"], ignores: [], orders: [],
            """
            {"model":"embed-v4.0","texts":["a","b"],"images":["data:image/png;base64,AA"],"inputs":[{"content":[{
            "type":"text","text":"x"}]}],"input_type":"search_query","embedding_types":["float","int8"],
            "output_dimension":256,"truncate":"END","max_tokens":9,"user":"u"}
            """),
        Sample(
            "cohere-rerank", .cohere, "/v2/rerank", needs: ["model", "query", "documents"], ignores: [],
            orders: ["documents[]"],
            """
            {"model":"rerank-v3.5","query":"q","documents":["a",{"title":"t","text":"x"},{"text":"y"}],"top_n":2,
            "rank_fields":["title","text"],"return_documents":false,"max_tokens_per_doc":100}
            """),
        Sample(
            "bedrock-converse", .bedrock, "/model/anthropic.claude-v2%3A1/converse", needs: ["messages"],
            ignores: ["requestMetadata"],
            orders: [
                "toolConfig.tools[].toolSpec.inputSchema", "messages[].content[].toolUse.input",
                "messages[].content[].toolResult.content[].json", "additionalModelRequestFields", "outputConfig",
                "messages[].content[].reasoningContent", "x_unknown",
            ], twin: "/model/anthropic.claude-v2%3A1/converse-stream",
            """
            {"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"inferenceConfig":{"maxTokens":9,
            "temperature":0,"topP":0.5,"stopSequences":["x"]},"requestMetadata":{"a":"b"},"guardrailConfig":{
            "guardrailIdentifier":"g","guardrailVersion":"1","trace":"enabled"},"performanceConfig":{
            "latency":"optimized"},"additionalModelRequestFields":{"top_k":5,"thinking":{"type":"enabled",
            "budget_tokens":9}},"additionalModelResponseFieldPaths":["/stop_sequence"],"outputConfig":{"b":{},"a":{}},
            "x_unknown":{"b":1,"a":2},"toolConfig":{"toolChoice":{"auto":{}},"tools":[{"toolSpec":{"name":"f",
            "description":"d","inputSchema":{"json":{"type":"object","properties":{"b":{},"a":{}}}}}},{"cachePoint":{
            "type":"default"}}]},"messages":[{"role":"user","content":[{"text":"hi"},{"image":{"format":"png",
            "source":{"bytes":"AA"}}},{"document":{"format":"txt","name":"n","source":{"text":"d"}}}]},
            {"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},
            {"toolUse":{"toolUseId":"tu_1","name":"f","input":{"b":1,"a":2}}}]},{"role":"user","content":[{
            "toolResult":{"toolUseId":"tu_1","status":"success","content":[{"text":"x"},{"json":{"b":1,"a":2}}]}}]}]}
            """),
        Sample(
            "bedrock-invoke", .bedrock, "/model/anthropic.claude-v2%3A1/invoke", needs: ["messages"], ignores: [],
            orders: ["tools[].input_schema", "messages[].content[].input", "x_unknown", "metadata"],
            """
            {"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"temperature":0,"top_k":5,"system":"s",
            "metadata":{"user_id":"u","a":"b"},"user":"u","x_unknown":{"b":1,"a":2},"tools":[{"name":"f",
            "input_schema":{"type":"object","properties":{"b":{},"a":{}}},"cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"t_1","name":"f","input":{"b":1,"a":2}}]}]}
            """),
    ]
}
