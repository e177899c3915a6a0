"""Records what the providers' own SDKs send, for WireTests/RequestFactsTests.

    python record.py [NAME ...]

needs openai, anthropic, google-genai, boto3, cohere, mistralai and groq; those that are missing are skipped. Nothing leaves
the machine: every client is pointed at a server of this script's, which refuses each request with a 400.

A file holds one request: a first line with the API family, the method, the target and the content type (- for none), then
the body as it was sent.
"""

import base64
import functools
import http.server
import pathlib
import struct
import sys
import threading
import zlib

FOLDER = pathlib.Path(__file__).parent
RECORDED = []


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        RECORDED.append((self.command, self.path, self.headers.get("content-type") or "-", body))
        answer = b'{"error":{"message":"recorded","type":"invalid_request_error"},"message":"recorded"}'
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{server.server_port}"


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(width * 3) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


IMAGE = png(64, 48)
IMAGE64 = base64.b64encode(IMAGE).decode()
PDF64 = base64.b64encode(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n").decode()
WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city's name, \"Zürich\" for example"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
}
CASES = {}


def case(family, name):
    def register(function):
        CASES[name] = (family, function)
        return function

    return register


# openai ------------------------------------------------------------------------------------------------------------


def openai_client():
    import openai

    return openai.OpenAI(api_key="key", base_url=URL + "/v1", max_retries=0)


@case("openai", "openai-chat")
def _():
    openai_client().chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": "Wie spät ist es in 東京?\nAnswer with \"HH:MM\" only."},
        ],
        temperature=0,
    )


@case("openai", "openai-chat-tools")
def _():
    openai_client().chat.completions.create(
        model="gpt-5",
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Use the tools."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in this picture, and how is the weather there?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + IMAGE64, "detail": "high"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Zürich"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": '{"temperature": 21.5, "unit": "celsius"}'},
        ],
        tools=[
            {
                "type": "function",
                "function": {"name": "get_weather", "description": "The weather in a city", "parameters": WEATHER},
            }
        ],
        tool_choice="auto",
        n=2,
        max_completion_tokens=300,
        stream=True,
        stream_options={"include_usage": True},
    )


@case("openai", "openai-chat-schema")
def _():
    openai_client().chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "user", "name": "ada", "content": "Extract the city."},
            {"role": "assistant", "content": "Of what?", "refusal": None},
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]},
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": WEATHER, "strict": False}},
        prediction={"type": "content", "content": "Zürich"},
        max_tokens=50,
        stream=True,
        stream_options={"include_usage": False},
        metadata={"team": "checkout"},
    )


@case("openai", "azure-chat")
def _():
    import openai

    client = openai.AzureOpenAI(api_key="key", azure_endpoint=URL, api_version="2024-10-21", max_retries=0)
    client.chat.completions.create(model="my-gpt-4o", messages=[{"role": "user", "content": "hello"}], stream=True)


@case("openai", "openai-completions")
def _():
    openai_client().completions.create(
        model="gpt-3.5-turbo-instruct", prompt=["Once upon a time", "In the beginning"], suffix="The end.", max_tokens=64, n=3, best_of=4
    )


@case("openai", "openai-completions-tokens")
def _():
    openai_client().completions.create(model="davinci-002", prompt=[[464, 2068, 7586], [21831]], stream=True)


@case("openai", "openai-responses")
def _():
    openai_client().responses.create(
        model="gpt-5", instructions="Be brief.", input="Tell me about\tHTTP/2.", max_output_tokens=500, store=False
    )


@case("openai", "openai-responses-items")
def _():
    openai_client().responses.create(
        model="gpt-5",
        previous_response_id="resp_123",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And what about this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64," + IMAGE64, "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64," + PDF64},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Thinking."}], "encrypted_content": "gAAAAAB"},
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Bern"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny, 21 °C"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}]},
        ],
        tools=[{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}, {"type": "web_search"}],
        stream=True,
        background=True,
    )


@case("openai", "openai-responses-count")
def _():
    openai_client().responses.input_tokens.count(model="gpt-5", input="How many tokens?")


@case("openai", "openai-embeddings")
def _():
    openai_client().embeddings.create(model="text-embedding-3-small", input=["first text", "zweiter Text"], dimensions=256)


@case("openai", "openai-embeddings-tokens")
def _():
    openai_client().embeddings.create(model="text-embedding-3-small", input=[[1, 2, 3], [4, 5]])


@case("openai", "openai-moderations")
def _():
    openai_client().moderations.create(
        model="omni-moderation-latest",
        input=[{"type": "text", "text": "a text to judge"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
    )


@case("openai", "openai-images")
def _():
    openai_client().images.generate(model="gpt-image-1", prompt="A lion made of glass", n=2, size="1024x1024")


@case("openai", "openai-images-edit")
def _():
    openai_client().images.edit(model="gpt-image-1", image=("a.png", IMAGE, "image/png"), prompt="Make it blue")


@case("openai", "openai-speech")
def _():
    openai_client().audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Read this aloud.", instructions="Slowly.")


@case("openai", "openai-transcription")
def _():
    openai_client().audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF\0\0\0\0WAVE", "audio/wav"))


@case("openai", "openai-batches")
def _():
    openai_client().batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")


@case("openai", "openai-models")
def _():
    openai_client().models.list()


@case("openai", "openai-conversations")
def _():
    openai_client().conversations.create(items=[{"type": "message", "role": "user", "content": "Hello!"}])


# anthropic ---------------------------------------------------------------------------------------------------------


def anthropic_client():
    import anthropic

    return anthropic.Anthropic(api_key="key", base_url=URL, max_retries=0)


MESSAGES = dict(
    model="claude-sonnet-4-5",
    system=[{"type": "text", "text": "You know Swiss weather.", "cache_control": {"type": "ephemeral"}}],
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE64}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A plain document."}, "title": "Notes", "context": "From the archive."},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF64}},
                {"type": "text", "text": "How is the weather?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I should ask the tool.", "signature": "EqQBCg=="},
                {"type": "redacted_thinking", "data": "EmwKAhgB"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Zürich", "unit": "celsius"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "21 °C"}, {"type": "image", "source": {"type": "url", "url": "https://example.com/sky.png"}}],
                },
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no such city", "is_error": True},
            ],
        },
    ],
    tools=[{"name": "get_weather", "description": "The weather in a city", "input_schema": WEATHER}],
)


@case("anthropic", "anthropic-messages")
def _():
    anthropic_client().messages.create(
        model="claude-haiku-4-5", max_tokens=1024, system="Be brief.", messages=[{"role": "user", "content": "Hello, Claude 👋"}], metadata={"user_id": "u-1"}
    )


@case("anthropic", "anthropic-messages-tools")
def _():
    anthropic_client().messages.create(max_tokens=4096, stream=True, thinking={"type": "enabled", "budget_tokens": 2048}, **MESSAGES)


@case("anthropic", "anthropic-count")
def _():
    anthropic_client().messages.count_tokens(**MESSAGES)


@case("anthropic", "anthropic-batches")
def _():
    anthropic_client().messages.batches.create(
        requests=[{"custom_id": "a", "params": {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}}]
    )


@case("gemini", "vertex-anthropic")
def _():
    import anthropic

    client = anthropic.AnthropicVertex(project_id="p", region="europe-west1", access_token="token", base_url=URL + "/v1", max_retries=0)
    client.messages.create(model="claude-sonnet-4-5@20250929", max_tokens=256, messages=[{"role": "user", "content": "Hello"}], stream=True)


@case("gemini", "vertex-anthropic-count")
def _():
    import anthropic

    client = anthropic.AnthropicVertex(project_id="p", region="europe-west1", access_token="token", base_url=URL + "/v1", max_retries=0)
    client.messages.count_tokens(model="claude-sonnet-4-5@20250929", messages=[{"role": "user", "content": "Hello"}])


@case("bedrock", "bedrock-anthropic-sdk")
def _():
    import anthropic

    client = anthropic.AnthropicBedrock(aws_access_key="a", aws_secret_key="s", aws_region="eu-central-1", base_url=URL, max_retries=0)
    client.messages.create(model="eu.anthropic.claude-sonnet-4-5-20250929-v1:0", max_tokens=256, messages=[{"role": "user", "content": "Hello"}], stream=True)


# google-genai ------------------------------------------------------------------------------------------------------


@functools.cache  # a client that nobody holds closes
def gemini_client():
    from google import genai

    return genai.Client(api_key="key", http_options={"base_url": URL})


def gemini_arguments():
    from google.genai import types

    return dict(
        model="gemini-2.5-flash",
        contents=[
            types.Content(role="user", parts=[types.Part(text="What is this?"), types.Part.from_bytes(data=IMAGE, mime_type="image/png")]),
            types.Content(role="model", parts=[types.Part.from_function_call(name="get_weather", args={"city": "Zürich"})]),
            types.Content(role="user", parts=[types.Part.from_function_response(name="get_weather", response={"temperature": "21 °C"})]),
        ],
        config=types.GenerateContentConfig(
            system_instruction="You see well.",
            max_output_tokens=700,
            candidate_count=2,
            temperature=0.5,
            tools=[types.Tool(function_declarations=[types.FunctionDeclaration(name="get_weather", description="The weather", parameters_json_schema=WEATHER)])],
        ),
    )


@case("gemini", "gemini-generate")
def _():
    gemini_client().models.generate_content(model="gemini-2.5-flash", contents="Why is the sky blue?")


@case("gemini", "gemini-generate-tools")
def _():
    gemini_client().models.generate_content(**gemini_arguments())


@case("gemini", "gemini-stream")
def _():
    for _ in gemini_client().models.generate_content_stream(**gemini_arguments()):
        pass


@case("gemini", "gemini-count")
def _():
    gemini_client().models.count_tokens(model="gemini-2.5-flash", contents="How many?")


@case("gemini", "gemini-embed")
def _():
    gemini_client().models.embed_content(model="gemini-embedding-001", contents=["one", "two"])


@case("gemini", "gemini-cache")
def _():
    gemini_client().caches.create(model="gemini-2.5-flash", config={"contents": "A long text.", "ttl": "60s"})


@case("gemini", "gemini-generate-cached")
def _():
    gemini_client().models.generate_content(model="gemini-2.5-flash", contents="And?", config={"cached_content": "cachedContents/1"})


@case("gemini", "gemini-openai")
def _():
    import openai

    client = openai.OpenAI(api_key="key", base_url=URL + "/v1beta/openai/", max_retries=0)
    client.chat.completions.create(model="gemini-2.5-flash", messages=[{"role": "user", "content": "hello"}])


# cohere ------------------------------------------------------------------------------------------------------------


@case("cohere", "cohere-v1-chat")
def _():
    import cohere

    cohere.Client(api_key="key", base_url=URL).chat(
        model="command-r",
        message="Who wrote it?",
        preamble="You are a librarian.",
        chat_history=[{"role": "USER", "message": "Do you know Faust?"}, {"role": "CHATBOT", "message": "Yes."}],
        documents=[{"title": "Faust", "snippet": "Habe nun, ach! Philosophie"}],
        max_tokens=100,
    )


@case("cohere", "cohere-v2-chat")
def _():
    import cohere

    stream = cohere.ClientV2(api_key="key", base_url=URL).chat_stream(
        model="command-a-03-2025",
        messages=[
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": [{"type": "text", "text": "What is the weather?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + IMAGE64}}]},
            {
                "role": "assistant",
                "tool_plan": "I will look it up.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Bern"}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "document", "document": {"data": {"temperature": "21"}}}]},
        ],
        tools=[{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER}}],
        documents=[{"data": {"text": "It is summer."}}, "A document of text."],
        max_tokens=200,
    )
    for _ in stream:
        pass


@case("cohere", "cohere-embed")
def _():
    import cohere

    cohere.ClientV2(api_key="key", base_url=URL).embed(model="embed-v4.0", texts=["one", "two"], input_type="search_document", embedding_types=["float"])


@case("cohere", "cohere-rerank")
def _():
    import cohere

    cohere.ClientV2(api_key="key", base_url=URL).rerank(model="rerank-v3.5", query="capital?", documents=["Bern is one.", "Zürich is none."], top_n=1)


# mistral, groq -----------------------------------------------------------------------------------------------------


def mistral_client():
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral
    return Mistral(api_key="key", server_url=URL)


@case("openai", "mistral-chat")
def _():
    mistral_client().chat.stream(
        model="mistral-large-latest",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Read it."}, {"type": "image_url", "image_url": "data:image/png;base64," + IMAGE64}]},
            {"role": "assistant", "content": "", "prefix": True},
        ],
        max_tokens=80,
        safe_prompt=True,
    )


@case("openai", "mistral-fim")
def _():
    mistral_client().fim.complete(model="codestral-latest", prompt="def f(", suffix="return x", max_tokens=30)


@case("openai", "mistral-moderate-chat")
def _():
    mistral_client().classifiers.moderate_chat(model="mistral-moderation-latest", inputs=[[{"role": "user", "content": "a text"}]])


@case("openai", "mistral-conversations")
def _():
    mistral_client().beta.conversations.start(model="mistral-medium-latest", inputs="Hello there.", store=True)


@case("openai", "mistral-ocr")
def _():
    mistral_client().ocr.process(model="mistral-ocr-latest", document={"type": "document_url", "document_url": "https://example.com/a.pdf"})


@case("openai", "groq-chat")
def _():
    import groq

    client = groq.Groq(api_key="key", base_url=URL, max_retries=0)
    client.chat.completions.create(
        model="llama-3.3-70b-versatile", messages=[{"role": "user", "content": "Fast!"}], max_completion_tokens=20, stream=True
    )


# boto3 -------------------------------------------------------------------------------------------------------------


def bedrock_client():
    import boto3
    import botocore.config

    return boto3.client(
        "bedrock-runtime", region_name="eu-central-1", endpoint_url=URL, aws_access_key_id="a", aws_secret_access_key="s",
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


CONVERSE = dict(
    modelId="eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    system=[{"text": "You know weather."}, {"cachePoint": {"type": "default"}}],
    messages=[
        {"role": "user", "content": [{"text": "What is this?"}, {"image": {"format": "png", "source": {"bytes": IMAGE}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Zürich"}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"temperature": "21 °C"}}, {"text": "sunny"}]}}]},
    ],
    toolConfig={"tools": [{"toolSpec": {"name": "get_weather", "description": "The weather", "inputSchema": {"json": WEATHER}}}]},
    inferenceConfig={"maxTokens": 512, "temperature": 0.2},
)


@case("bedrock", "bedrock-converse")
def _():
    bedrock_client().converse(**CONVERSE)


@case("bedrock", "bedrock-converse-stream")
def _():
    bedrock_client().converse_stream(
        modelId="arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
        messages=[{"role": "user", "content": [{"text": "Hello"}]}],
    )


@case("bedrock", "bedrock-invoke-anthropic")
def _():
    import json

    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 300, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}]}
    bedrock_client().invoke_model(modelId="anthropic.claude-3-haiku-20240307-v1:0", body=json.dumps(body))


@case("bedrock", "bedrock-invoke-titan")
def _():
    import json

    bedrock_client().invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "Embed this.", "dimensions": 256}))


@case("bedrock", "bedrock-invoke-llama-stream")
def _():
    import json

    bedrock_client().invoke_model_with_response_stream(
        modelId="meta.llama3-1-8b-instruct-v1:0", body=json.dumps({"prompt": "Hello, llama.", "max_gen_len": 128})
    )


@case("bedrock", "bedrock-count")
def _():
    bedrock_client().count_tokens(modelId="anthropic.claude-3-haiku-20240307-v1:0", input={"converse": {"messages": CONVERSE["messages"]}})


def main():
    for name in sys.argv[1:] or CASES:
        family, function = CASES[name]
        RECORDED.clear()
        try:
            function()
        except ImportError as problem:
            print(f"{name}: skipped, {problem}")
            continue
        except Exception as problem:
            if not RECORDED:
                print(f"{name}: nothing was sent, {problem!r}")
                continue
        method, target, content_type, body = RECORDED[-1]
        first = f"{family} {method} {target} {content_type.replace(' ', '')}\n"
        (FOLDER / name).write_bytes(first.encode() + body)
        print(f"{name}: {first.strip()}, {len(body)} bytes")


main()
