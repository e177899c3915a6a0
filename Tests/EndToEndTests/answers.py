"""What the providers' answers look like: one JSON and one streamed form per dialect, all saying the same words."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import List, Tuple

# The streamed forms send one event per piece; the joined pieces are what a client must end up with.
PIECES = ["Leo ", "relays ", "every ", "byte, ", "ü and ", "emoji 🦁 ", "too."]
TEXT = "".join(PIECES)
USAGE = (11, 7)


def dialect_of(path: str) -> str:
    """The dialect by the path without its query."""
    path = path.split("?", 1)[0]
    for ending, dialect in (
        ("/chat/completions", "openai-chat"),
        ("/responses", "openai-responses"),
        ("/embeddings", "openai-embeddings"),
        ("/v1/models", "openai-models"),
        ("/v1/messages", "anthropic-messages"),
        (":generateContent", "gemini-generate"),
        (":streamGenerateContent", "gemini-stream"),
        ("/converse", "bedrock-converse"),
        ("/converse-stream", "bedrock-stream"),
    ):
        if path.endswith(ending):
            return dialect
    return "none"


def is_streamed(dialect: str, body: bytes) -> bool:
    if dialect in ("gemini-stream", "bedrock-stream"):
        return True
    try:
        return bool(json.loads(body or b"{}").get("stream"))
    except (ValueError, AttributeError):
        return False


def whole(dialect: str, body: bytes, padding: str = "") -> bytes:
    """The answer in one JSON document; `padding` makes it as big as a test wants."""
    text = TEXT + padding
    if dialect == "openai-chat":
        value = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "test",
            "choices": [
                {"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": text, "refusal": None}}
            ],
            "usage": {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)},
        }  # fmt: skip
    elif dialect == "openai-responses":
        value = response("completed", text)
    elif dialect == "openai-embeddings":
        value = embeddings(body)
    elif dialect == "openai-models":
        value = {"object": "list", "data": [{"id": "test", "object": "model", "created": 1, "owned_by": "leo"}]}
    elif dialect == "anthropic-messages":
        value = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "test",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": USAGE[0], "output_tokens": USAGE[1]},
        }  # fmt: skip
    elif dialect == "gemini-generate":
        value = gemini(text, "STOP")
    elif dialect == "bedrock-converse":
        value = {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}}, "stopReason": "end_turn",
            "usage": {"inputTokens": USAGE[0], "outputTokens": USAGE[1], "totalTokens": sum(USAGE)},
            "metrics": {"latencyMs": 1},
        }  # fmt: skip
    else:
        value = {"text": text}
    return json.dumps(value, ensure_ascii=False).encode()


def events(dialect: str) -> List[bytes]:
    """The streamed answer, one wire event per element; the first already carries text the client can see."""
    if dialect == "openai-chat":
        return (
            [data(chat_chunk({"role": "assistant", "content": PIECES[0]}))]
            + [data(chat_chunk({"content": piece})) for piece in PIECES[1:]]
            + [data(chat_chunk({}, "stop")) + b"data: [DONE]\n\n"]
        )
    if dialect == "openai-responses":
        return openai_response_events()
    if dialect == "anthropic-messages":
        return anthropic_events()
    if dialect == "gemini-stream":
        return [data(gemini(piece)) for piece in PIECES[:-1]] + [data(gemini(PIECES[-1], "STOP"))]
    if dialect == "bedrock-stream":
        return bedrock_events()
    return [data({"text": piece}) for piece in PIECES]


def content_type(dialect: str, streamed: bool) -> str:
    if dialect == "bedrock-stream":
        return "application/vnd.amazon.eventstream"
    return "text/event-stream; charset=utf-8" if streamed else "application/json"


def error(dialect: str, status: int) -> bytes:
    """An error as the provider itself would word it."""
    message = f"the test provider was asked to answer {status}"
    if dialect.startswith("anthropic"):
        value = {"type": "error", "error": {"type": "api_error", "message": message}}
    elif dialect.startswith("gemini"):
        value = {"error": {"code": status, "message": message, "status": "UNAVAILABLE"}}
    elif dialect.startswith("bedrock"):
        value = {"message": message}
    else:
        value = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
    return json.dumps(value).encode()


# MARK: Pieces


def data(value) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def named(name: str, value: dict) -> bytes:
    return f"event: {name}\n".encode() + data({"type": name, **value})


def chat_chunk(delta: dict, finish=None) -> dict:
    return {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "test",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip


def embeddings(body: bytes) -> dict:
    request = json.loads(body)
    inputs = request["input"] if isinstance(request["input"], list) else [request["input"]]
    vector = [0.25, -0.5, 1.0]
    form = base64.b64encode(struct.pack("<3f", *vector)).decode()
    return {
        "object": "list", "model": "test", "usage": {"prompt_tokens": 3, "total_tokens": 3},
        "data": [
            {"object": "embedding", "index": index,
             "embedding": form if request.get("encoding_format") == "base64" else vector}
            for index in range(len(inputs))
        ],
    }  # fmt: skip


def response(status: str, text: str) -> dict:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "test",
        "output": [message] if text else [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 1.0,
        "top_p": 1.0,
        "usage": {
            "input_tokens": USAGE[0], "output_tokens": USAGE[1], "total_tokens": sum(USAGE),
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
        },
    }  # fmt: skip


def openai_response_events() -> List[bytes]:
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    deltas = [
        named("response.output_text.delta", {**where, "delta": piece, "logprobs": [], "sequence_number": number})
        for number, piece in enumerate(PIECES, 3)
    ]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    opening = (
        named("response.created", {"response": response("in_progress", ""), "sequence_number": 0})
        + named("response.output_item.added", {"output_index": 0, "item": item, "sequence_number": 1})
        + named("response.content_part.added", {**where, "part": part, "sequence_number": 2})
    )
    closing = named("response.completed", {"response": response("completed", TEXT), "sequence_number": 99})
    return [opening + deltas[0]] + deltas[1:] + [closing]


def anthropic_events() -> List[bytes]:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "test", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": USAGE[0], "output_tokens": 1},
    }  # fmt: skip
    opening = named("message_start", {"message": message}) + named(
        "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    )
    deltas = [
        named("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}}) for piece in PIECES
    ]
    closing = (
        named("content_block_stop", {"index": 0})
        + named("message_delta", {
            "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": USAGE[1]},
        })
        + named("message_stop", {})
    )  # fmt: skip
    return [opening + deltas[0]] + deltas[1:] + [closing]


def gemini(text: str, finish=None) -> dict:
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate], "modelVersion": "test",
        "usageMetadata": {
            "promptTokenCount": USAGE[0], "candidatesTokenCount": USAGE[1], "totalTokenCount": sum(USAGE),
        },
    }  # fmt: skip


def bedrock_events() -> List[bytes]:
    def delta(piece: str) -> bytes:
        return frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})

    opening = frame("messageStart", {"role": "assistant"})
    closing = (
        frame("contentBlockStop", {"contentBlockIndex": 0})
        + frame("messageStop", {"stopReason": "end_turn"})
        + frame("metadata", {
            "usage": {"inputTokens": USAGE[0], "outputTokens": USAGE[1], "totalTokens": sum(USAGE)},
            "metrics": {"latencyMs": 1},
        })
    )  # fmt: skip
    return [opening + delta(PIECES[0])] + [delta(piece) for piece in PIECES[1:]] + [closing]


def frame(kind: str, value: dict) -> bytes:
    """One message of Amazon's event-stream encoding: prelude, headers, payload, two CRCs."""
    names: List[Tuple[str, str]] = [
        (":event-type", kind), (":content-type", "application/json"), (":message-type", "event")
    ]  # fmt: skip
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + b"\x07" + struct.pack("!H", len(text)) + text.encode()
        for name, text in names
    )
    payload = json.dumps(value).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))
