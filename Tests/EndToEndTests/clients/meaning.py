"""What an SDK makes of an answer, by each of its ways to read one, in one form for all of them.

argv: the SDK and a JSON plan {test_id, base_url, fields, calls: [{api, way, fields, … the call's arguments}]}. The way
is "whole", "stream" (the SDK's own iteration over events) or "helper" (its accumulator). Prints one JSON line
{"calls": […]}: per call `meaning`, and of the answer's fields `cache`, `age` and `request_id`; or `error`.
"""

import json
import sys

CONTENT = "Say something, schön."
PLAN = json.loads(sys.argv[2])
SEEN = {}


def headers(call):
    return {"x-test-id": PLAN["test_id"], **PLAN.get("fields", {}), **call.pop("fields", {})}


def plain(value):
    """A model of the SDK's as JSON, without what is absent."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    return value.dict() if hasattr(value, "dict") else value


def note(fields):
    """Keeps the fields of an answer."""
    SEEN.update({name.lower(): value for name, value in dict(fields).items()})


def joined(pieces):
    return "".join(piece for piece in pieces if piece)


# MARK: OpenAI


def openai_call(call):
    from openai import OpenAI

    api, way = call.pop("api"), call.pop("way")
    url = PLAN.get("base_url")
    client = OpenAI(
        api_key="sk-test", default_headers=headers(call), max_retries=0, base_url=url and url + "/v1"
    )
    call.setdefault("model", "gpt-test")
    return {"chat": chat, "completions": completions, "responses": responses, "embeddings": embeddings}[api](
        client, way, call
    )


def chat(client, way, call):
    call.setdefault("messages", [{"role": "user", "content": CONTENT}])
    if way == "whole":
        raw = client.chat.completions.with_raw_response.create(**call)
        note(raw.headers)
        return chat_document(raw.parse())
    call.setdefault("stream_options", {"include_usage": True})
    if way == "helper":
        with client.chat.completions.stream(**call) as stream:
            note(stream._response.headers)
            for _ in stream:
                pass
            return chat_document(stream.get_final_completion())
    stream = client.chat.completions.create(stream=True, **call)
    note(stream.response.headers)
    chunks = list(stream)
    choices = {}
    for chunk in chunks:
        for choice in chunk.choices:
            into = choices.setdefault(
                choice.index, {"content": "", "thought": "", "calls": {}, "finish": None, "tokens": [], "role": None}
            )
            delta = choice.delta
            into["content"] += delta.content or ""
            into["thought"] += getattr(delta, "reasoning_content", None) or ""
            into["role"] = delta.role or into["role"]
            into["finish"] = choice.finish_reason or into["finish"]
            if choice.logprobs and choice.logprobs.content:
                into["tokens"] += [plain(token) for token in choice.logprobs.content]
            for part in delta.tool_calls or []:
                one = into["calls"].setdefault(part.index, {"id": None, "name": None, "arguments": ""})
                one["id"] = part.id or one["id"]
                one["name"] = part.function.name or one["name"]
                one["arguments"] += part.function.arguments or ""
    for choice in choices.values():
        choice["calls"] = [choice["calls"][index] for index in sorted(choice["calls"])]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    # Azure's first chunk tells of its filter, and of nothing else.
    telling = [chunk for chunk in chunks if chunk.id]
    last = telling[-1]
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in telling}) == 1
    return {
        "id": last.id, "model": last.model, "created": last.created, "usage": plain(usages[-1]) if usages else None,
        "fingerprint": last.system_fingerprint, "choices": [choices[index] for index in sorted(choices)],
    }  # fmt: skip


def chat_document(answer):
    choices = []
    for choice in answer.choices:
        message = choice.message
        choices.append({
            "content": message.content or "", "thought": getattr(message, "reasoning_content", None) or "",
            "role": message.role, "finish": choice.finish_reason,
            "calls": [
                {"id": each.id, "name": each.function.name, "arguments": each.function.arguments}
                for each in message.tool_calls or []
            ],
            "tokens": [plain(token) for token in (choice.logprobs and choice.logprobs.content) or []],
        })  # fmt: skip
    return {
        "id": answer.id, "model": answer.model, "created": answer.created,
        "usage": plain(answer.usage) if answer.usage else None, "fingerprint": answer.system_fingerprint,
        "choices": choices,
    }  # fmt: skip


def completions(client, way, call):
    call.setdefault("prompt", CONTENT)
    if way == "whole":
        raw = client.completions.with_raw_response.create(**call)
        note(raw.headers)
        answer = raw.parse()
        choice = answer.choices[0]
        return {"id": answer.id, "text": choice.text, "finish": choice.finish_reason, "usage": plain(answer.usage)}
    stream = client.completions.create(stream=True, stream_options={"include_usage": True}, **call)
    note(stream.response.headers)
    chunks = list(stream)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "id": chunks[0].id, "text": joined(choice.text for choice in choices), "finish": choices[-1].finish_reason,
        "usage": next((plain(chunk.usage) for chunk in chunks if chunk.usage), None),
    }  # fmt: skip


def responses(client, way, call):
    call.setdefault("input", CONTENT)
    call.setdefault("store", False)
    if way == "whole":
        raw = client.responses.with_raw_response.create(**call)
        note(raw.headers)
        return plain(raw.parse())
    if way == "helper":
        with client.responses.stream(**call) as stream:
            note(stream._response.headers)
            for _ in stream:
                pass
            return without_parsed(plain(stream.get_final_response()))
    stream = client.responses.create(stream=True, **call)
    note(stream.response.headers)
    events = list(stream)
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers), numbers
    final = plain(events[-1].response)
    # What the deltas say is what the end says.
    text = joined(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text, text
    given = joined(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    assert given == joined(item.get("arguments") for item in final["output"])
    done = [plain(event.item) for event in events if event.type == "response.output_item.done"]
    assert not done or done == final["output"], (done, final["output"])
    return final


def without_parsed(value):
    """The helper adds what it parsed beside what it read."""
    if isinstance(value, dict):
        added = ("parsed", "parsed_arguments")
        return {name: without_parsed(inner) for name, inner in value.items() if name not in added}
    return [without_parsed(each) for each in value] if isinstance(value, list) else value


def embeddings(client, way, call):
    call.setdefault("input", CONTENT)
    raw = client.embeddings.with_raw_response.create(**call)
    note(raw.headers)
    return plain(raw.parse())


# MARK: The others


def anthropic_call(call):
    from anthropic import Anthropic

    way = call.pop("way")
    call.pop("api")
    client = Anthropic(
        api_key="sk-ant-test", default_headers=headers(call), max_retries=0, base_url=PLAN.get("base_url")
    )
    call.setdefault("model", "claude-test")
    call.setdefault("messages", [{"role": "user", "content": CONTENT}])
    call.setdefault("max_tokens", 64)
    if way == "whole":
        raw = client.messages.with_raw_response.create(**call)
        note(raw.headers)
        return without_parsed(plain(raw.parse()))
    if way == "helper":
        with client.messages.stream(**call) as stream:
            note(stream.response.headers)
            for _ in stream:
                pass
            return without_parsed(plain(stream.get_final_message()))
    stream = client.messages.create(stream=True, **call)
    note(stream.response.headers)
    message = None
    partial = {}
    for event in stream:
        if event.type == "message_start":
            message = plain(event.message)
        elif event.type == "content_block_start":
            assert event.index == len(message["content"])
            message["content"].append(plain(event.content_block))
        elif event.type == "content_block_delta":
            delta, block = event.delta, message["content"][event.index]
            for name in ("text", "thinking", "signature"):
                if getattr(delta, name, None) is not None:
                    block[name] = block.get(name, "") + getattr(delta, name)
            if delta.type == "citations_delta":
                block["citations"] = [*block.get("citations", []), plain(delta.citation)]
            if delta.type == "input_json_delta":
                partial[event.index] = partial.get(event.index, "") + delta.partial_json
        elif event.type == "message_delta":
            message.update(plain(event.delta))
            message["usage"] = {**message["usage"], **plain(event.usage)}
            if getattr(event, "context_management", None):
                message["context_management"] = plain(event.context_management)
    for index, text in partial.items():
        message["content"][index]["input"] = json.loads(text or "{}")
    return message


def gemini_call(call):
    from google import genai
    from google.genai import types

    way = call.pop("way")
    call.pop("api")
    options = types.HttpOptions(headers=headers(call), base_url=PLAN.get("base_url"))
    client = genai.Client(api_key="AIza-test", http_options=options)
    call.setdefault("model", "gemini-test")
    call.setdefault("contents", CONTENT)
    if way == "whole":
        answers = [client.models.generate_content(**call)]
    else:
        answers = list(client.models.generate_content_stream(**call))
    note(answers[0].sdk_http_response.headers)
    candidates = {}
    for answer in answers:
        for candidate in answer.candidates or []:
            into = candidates.setdefault(candidate.index or 0, {"parts": [], "finish": None})
            into["finish"] = candidate.finish_reason.value if candidate.finish_reason else into["finish"]
            for part in (candidate.content and candidate.content.parts) or []:
                part = plain(part)
                last = into["parts"][-1] if into["parts"] else {}
                # Pieces of one text are one text, and no text is none.
                if part == {"text": ""}:
                    continue
                if set(part) == set(last) and "text" in part and part.get("thought") == last.get("thought"):
                    last["text"] += part["text"]
                else:
                    into["parts"].append(part)
    return {
        "id": answers[-1].response_id, "model": answers[-1].model_version, "usage": plain(answers[-1].usage_metadata),
        "candidates": [candidates[index] for index in sorted(candidates)],
    }  # fmt: skip


def cohere_call(call):
    import cohere
    from cohere.core import RequestOptions

    way = call.pop("way")
    call.pop("api")
    client = cohere.ClientV2(api_key="co-test", base_url=PLAN.get("base_url"))
    options = RequestOptions(additional_headers=headers(call), max_retries=0)
    call.setdefault("model", "command-test")
    call.setdefault("messages", [{"role": "user", "content": CONTENT}])
    if way == "whole":
        raw = client.with_raw_response.chat(request_options=options, **call)
        note(raw.headers)
        answer = raw.data
        message = answer.message
        return {
            "id": answer.id, "finish": answer.finish_reason, "usage": plain(answer.usage),
            "plan": message.tool_plan or "",
            "text": joined(getattr(part, "text", None) for part in message.content or []),
            "thought": joined(getattr(part, "thinking", None) for part in message.content or []),
            "calls": [[each.id, each.function.name, each.function.arguments] for each in message.tool_calls or []],
        }  # fmt: skip
    found = {"id": None, "finish": None, "usage": None, "plan": "", "text": "", "thought": "", "calls": []}
    with client.with_raw_response.chat_stream(request_options=options, **call) as raw:
        note(raw.headers)
        for event in raw.data:
            message = getattr(getattr(event, "delta", None), "message", None)
            if event.type == "message-start":
                found["id"] = event.id
            elif event.type == "content-delta":
                found["text"] += getattr(message.content, "text", None) or ""
                found["thought"] += getattr(message.content, "thinking", None) or ""
            elif event.type == "tool-plan-delta":
                found["plan"] += message.tool_plan or ""
            elif event.type == "tool-call-start":
                call = message.tool_calls
                found["calls"].append([call.id, call.function.name, call.function.arguments or ""])
            elif event.type == "tool-call-delta":
                found["calls"][-1][2] += message.tool_calls.function.arguments or ""
            elif event.type == "message-end":
                found.update(finish=event.delta.finish_reason, usage=plain(event.delta.usage))
    return found


def bedrock_call(call):
    import boto3
    from botocore.config import Config

    way = call.pop("way")
    call.pop("api")
    added = headers(call)
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="AKIATEST", aws_secret_access_key="test",
        endpoint_url=PLAN.get("base_url"), config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip

    def add(request, **_):
        # After signing: SigV4 does not cover these fields.
        for name, value in added.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime", add)
    call.setdefault("modelId", "anthropic.claude-test-v1:0")
    call.setdefault("messages", [{"role": "user", "content": [{"text": CONTENT}]}])
    if way == "whole":
        answer = client.converse(**call)
        note(answer["ResponseMetadata"]["HTTPHeaders"])
        content = answer["output"]["message"]["content"]
        return {"content": content, "finish": answer["stopReason"], "usage": answer["usage"]}
    answer = client.converse_stream(**call)
    note(answer["ResponseMetadata"]["HTTPHeaders"])
    found = {"content": [], "finish": None, "usage": None}
    partial = {}
    for event in answer["stream"]:
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            assert start["contentBlockIndex"] == len(found["content"])
            found["content"].append({"toolUse": {**start["start"]["toolUse"], "input": {}}})
        elif "contentBlockDelta" in event:
            index, delta = event["contentBlockDelta"]["contentBlockIndex"], event["contentBlockDelta"]["delta"]
            if index == len(found["content"]):
                found["content"].append({})
            block = found["content"][index]
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            elif "toolUse" in delta:
                partial[index] = partial.get(index, "") + delta["toolUse"]["input"]
            elif "citation" in delta:
                block.setdefault("citations", []).append(delta["citation"])
            elif "redactedContent" in delta["reasoningContent"]:
                block["reasoningContent"] = delta["reasoningContent"]
            else:
                inside = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
                for name, piece in delta["reasoningContent"].items():
                    inside[name] = inside.get(name, "") + piece
        elif "messageStop" in event:
            found["finish"] = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            found["usage"] = event["metadata"]["usage"]
    for index, text in partial.items():
        found["content"][index]["toolUse"]["input"] = json.loads(text)
    # Text that has citations stands in a document in a block of its own.
    for index, block in enumerate(found["content"]):
        if "citations" in block:
            content = {"content": [{"text": block["text"]}], "citations": block["citations"]}
            found["content"][index] = {"citationsContent": content}
    return found


def outcome(make, call):
    SEEN.clear()
    try:
        meaning = make(dict(call))
    except Exception as error:  # noqa: BLE001 — what it is, is the test's to judge
        import traceback

        names = [each.__name__ for each in type(error).__mro__]
        trace = traceback.format_exc()[-2000:]
        return {"error": names, "message": str(error), "trace": trace, "cache": SEEN.get("x-leo-cache")}
    ids = [SEEN[name] for name in ("x-request-id", "request-id", "x-amzn-requestid") if name in SEEN]
    return {"meaning": meaning, "cache": SEEN.get("x-leo-cache"), "age": SEEN.get("age"), "request_ids": ids}


CALLS = {
    "openai": openai_call, "anthropic": anthropic_call, "gemini": gemini_call, "cohere": cohere_call,
    "bedrock": bedrock_call,
}  # fmt: skip
found = [outcome(CALLS[sys.argv[1]], call) for call in PLAN["calls"]]
print(json.dumps({"calls": found}, default=str), flush=True)
