"""One run of an SDK with several calls, as an application makes them, and all that the SDK tells of each.

argv: the SDK and a JSON plan {test_id, base_url, retries, fields, calls: [{mode, fields, … the call's arguments}]}.
Prints "first" at the first piece of each stream, at the end one JSON line {"calls": […]}: per call `text` and
`usage`, or the error's `error` (names of its class and of those above it), `status`, `code` and `message`; with both the
answer's `fields`.
"""

import json
import sys

CONTENT = "Say something, schön."
PLAN = json.loads(sys.argv[2])


def headers(call):
    return {"x-test-id": PLAN["test_id"], **PLAN.get("fields", {}), **call.pop("fields", {})}


def first_of(pieces):
    text = ""
    for piece in pieces:
        if piece and not text:
            print("first", flush=True)
        text += piece or ""
    return text


def plain(value):
    """A model of the SDK's as JSON."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    return value.dict() if hasattr(value, "dict") else value


def openai_call(call):
    from openai import OpenAI

    mode = call.pop("mode")
    url = PLAN.get("base_url")
    client = OpenAI(
        api_key="sk-test", default_headers=headers(call), max_retries=PLAN.get("retries", 0),
        base_url=url and url + "/v1",
    )  # fmt: skip
    call.setdefault("model", "gpt-test")
    if mode.startswith("responses"):
        call.setdefault("input", CONTENT)
        if mode == "responses":
            raw = client.responses.with_raw_response.create(**call)
            answer = raw.parse()
            return {"text": answer.output_text, "usage": plain(answer.usage), "fields": dict(raw.headers)}
        found = {"events": []}

        def deltas():
            for event in client.responses.create(stream=True, **call):
                found["events"].append(event.type)
                if event.type == "response.output_text.delta":
                    yield event.delta
                if event.type in ("response.completed", "response.incomplete", "response.failed"):
                    found["usage"] = plain(event.response.usage)
                    found["ending"] = plain(event.response.incomplete_details)

        return {"text": first_of(deltas()), **found}
    if mode == "embeddings":
        call.setdefault("input", CONTENT)
        raw = client.embeddings.with_raw_response.create(**call)
        answer = raw.parse()
        return {"text": str(answer.data[0].embedding), "usage": plain(answer.usage), "fields": dict(raw.headers)}
    if mode == "moderations":
        call.setdefault("input", CONTENT)
        raw = client.moderations.with_raw_response.create(**call)
        return {"text": str(raw.parse().results[0].flagged), "usage": None, "fields": dict(raw.headers)}
    if mode == "batches":
        call.pop("model")
        made = client.batches.create(input_file_id="file-1", endpoint="/v1/responses", completion_window="24h", **call)
        return {"text": str(plain(made)), "usage": None}
    if mode.startswith("completions"):
        call.setdefault("prompt", CONTENT)
        create, text_of = client.completions, lambda choice: choice.text
    else:
        call.setdefault("messages", [{"role": "user", "content": CONTENT}])
        create, text_of = client.chat.completions, lambda choice: getattr(choice, "delta", choice).content
    if not mode.endswith("-stream"):
        raw = create.with_raw_response.create(**call)
        answer = raw.parse()
        choice = answer.choices[0]
        text = choice.text if mode == "completions" else choice.message.content
        return {
            "text": text, "usage": plain(answer.usage), "fields": dict(raw.headers), "finish": choice.finish_reason,
        }  # fmt: skip
    found = {"usage": None, "chunks": 0, "empty": 0, "finish": None}

    def deltas():
        for chunk in create.create(stream=True, **call):
            found["chunks"] += 1
            found["empty"] += not chunk.choices
            found["usage"] = plain(chunk.usage) if chunk.usage else found["usage"]
            for choice in chunk.choices:
                found["finish"] = choice.finish_reason or found["finish"]
                yield text_of(choice)

    return {"text": first_of(deltas()), **found}


def anthropic_call(call):
    from anthropic import Anthropic

    mode = call.pop("mode")
    client = Anthropic(
        api_key="sk-ant-test", default_headers=headers(call), max_retries=PLAN.get("retries", 0),
        base_url=PLAN.get("base_url"),
    )  # fmt: skip
    call.setdefault("model", "claude-test")
    call.setdefault("messages", [{"role": "user", "content": CONTENT}])
    if mode == "count":
        answer = client.messages.count_tokens(**call)
        return {"text": str(answer.input_tokens), "usage": None}
    call.setdefault("max_tokens", 64)
    if mode == "messages":
        raw = client.messages.with_raw_response.create(**call)
        answer = raw.parse()
        return {
            "text": answer.content[0].text, "usage": plain(answer.usage), "finish": answer.stop_reason,
            "fields": dict(raw.headers),
        }  # fmt: skip
    with client.messages.stream(**call) as stream:
        text = first_of(stream.text_stream)
        final = stream.get_final_message()
    return {"text": text, "usage": plain(final.usage), "finish": final.stop_reason}


def gemini_call(call):
    from google import genai
    from google.genai import types

    mode = call.pop("mode")
    options = types.HttpOptions(headers=headers(call), base_url=PLAN.get("base_url"))
    if PLAN.get("retries"):
        options.retry_options = types.HttpRetryOptions(attempts=PLAN["retries"] + 1, initial_delay=0.1)
    client = genai.Client(api_key="AIza-test", http_options=options)
    call.setdefault("model", "gemini-test")
    call.setdefault("contents", CONTENT)
    if mode == "embed":
        return {"text": str(client.models.embed_content(**call).embeddings[0].values), "usage": None}
    if mode == "generate":
        answer = client.models.generate_content(**call)
        return {
            "text": answer.text, "usage": plain(answer.usage_metadata),
            "fields": dict(answer.sdk_http_response.headers),
        }  # fmt: skip
    found = {"usage": None, "finish": None}

    def deltas():
        for chunk in client.models.generate_content_stream(**call):
            found["usage"] = plain(chunk.usage_metadata) if chunk.usage_metadata else found["usage"]
            for candidate in chunk.candidates or []:
                found["finish"] = candidate.finish_reason.value if candidate.finish_reason else found["finish"]
            yield chunk.text

    return {"text": first_of(deltas()), **found}


def cohere_call(call):
    import cohere
    from cohere.core import RequestOptions

    mode = call.pop("mode")
    client = cohere.ClientV2(api_key="co-test", base_url=PLAN.get("base_url"))
    options = RequestOptions(additional_headers=headers(call), max_retries=PLAN.get("retries", 0))
    call.setdefault("model", "command-test")
    if mode == "embed":
        call.update(texts=[CONTENT], input_type="search_query", embedding_types=["float"])
        answer = client.embed(request_options=options, **call)
        return {"text": str(answer.embeddings.float_[0]), "usage": plain(answer.meta)}
    if mode == "rerank":
        answer = client.rerank(query=CONTENT, documents=[CONTENT], request_options=options, **call)
        return {"text": str(answer.results[0].index), "usage": plain(answer.meta)}
    call.setdefault("messages", [{"role": "user", "content": CONTENT}])
    if mode == "chat":
        answer = client.chat(request_options=options, **call)
        return {"text": answer.message.content[0].text, "usage": plain(answer.usage), "finish": answer.finish_reason}
    found = {"usage": None, "finish": None}

    def deltas():
        for event in client.chat_stream(request_options=options, **call):
            if event.type == "content-delta":
                yield event.delta.message.content.text
            if event.type == "message-end":
                found.update(usage=plain(event.delta.usage), finish=event.delta.finish_reason)

    return {"text": first_of(deltas()), **found}


def bedrock_call(call):
    import boto3
    from botocore.config import Config

    mode = call.pop("mode")
    added = headers(call)
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="AKIATEST", aws_secret_access_key="test",
        endpoint_url=PLAN.get("base_url"), config=Config(retries={"total_max_attempts": PLAN.get("retries", 0) + 1}),
    )  # fmt: skip

    def add(request, **_):
        # After signing: SigV4 does not cover these fields.
        for name, value in added.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime", add)
    call.setdefault("modelId", "anthropic.claude-test-v1:0")
    messages = [{"role": "user", "content": [{"text": CONTENT}]}]
    if mode.startswith("converse"):
        call.setdefault("messages", messages)
    else:
        call.setdefault("body", json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": [
            {"role": "user", "content": CONTENT}
        ]}))  # fmt: skip
    if mode == "converse":
        answer = client.converse(**call)
        return {
            "text": answer["output"]["message"]["content"][0]["text"], "usage": answer["usage"],
            "finish": answer["stopReason"], "fields": answer["ResponseMetadata"]["HTTPHeaders"],
        }  # fmt: skip
    if mode == "invoke":
        answer = json.loads(client.invoke_model(**call)["body"].read())
        return {"text": answer["content"][0]["text"], "usage": answer["usage"], "finish": answer["stop_reason"]}
    found = {"usage": None, "finish": None}

    def deltas():
        if mode == "converse-stream":
            for event in client.converse_stream(**call)["stream"]:
                if "contentBlockDelta" in event:
                    yield event["contentBlockDelta"]["delta"].get("text")
                if "messageStop" in event:
                    found["finish"] = event["messageStop"]["stopReason"]
                if "metadata" in event:
                    found["usage"] = event["metadata"].get("usage")
            return
        for event in client.invoke_model_with_response_stream(**call)["body"]:
            value = json.loads(event["chunk"]["bytes"])
            if value["type"] == "content_block_delta":
                yield value["delta"].get("text")
            if value["type"] == "message_delta":
                found.update(usage=value.get("usage"), finish=value["delta"]["stop_reason"])

    return {"text": first_of(deltas()), **found}


def told(error):
    """What an exception says, in the words of each SDK."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # boto3
        meta = response.get("ResponseMetadata", {})
        return {
            "status": meta.get("HTTPStatusCode"), "code": response["Error"]["Code"],
            "fields": meta.get("HTTPHeaders", {}), "retries": meta.get("RetryAttempts"),
        }  # fmt: skip
    fields = getattr(error, "headers", None) or getattr(response, "headers", None) or {}
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None)
    if status is None and isinstance(code, int):  # google-genai
        status, code = code, getattr(error, "status", None)
    body = getattr(error, "body", None) or getattr(error, "details", None)
    return {
        "status": status, "code": code, "type": getattr(error, "type", None), "body": body,
        "fields": {name.lower(): value for name, value in dict(fields).items()},
    }  # fmt: skip


def outcome(make, call):
    try:
        return make(dict(call))
    except Exception as error:  # noqa: BLE001 — which exception it is, is what the test asks
        names = [each.__name__ for each in type(error).__mro__]
        return {"error": names, "message": str(error), **told(error)}


CALLS = {
    "openai": openai_call, "anthropic": anthropic_call, "gemini": gemini_call, "cohere": cohere_call,
    "bedrock": bedrock_call,
}  # fmt: skip
found = [outcome(CALLS[sys.argv[1]], call) for call in PLAN["calls"]]
print(json.dumps({"calls": found}, default=str), flush=True)
