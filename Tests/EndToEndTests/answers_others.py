"""Answers in the dialects of Anthropic, Gemini, Cohere and Bedrock."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any, Dict, List, Optional, Tuple

from answers import EVENTS, WHOLE, Answer

# MARK: Anthropic: input_tokens leaves out what a cache had a part in


def anthropic_input(answer: Answer) -> Dict[str, Any]:
    used = answer.used
    return {
        "input_tokens": used.fresh, "cache_read_input_tokens": used.cached,
        "cache_creation_input_tokens": used.cache_write + used.long_cache_write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.cache_write, "ephemeral_1h_input_tokens": used.long_cache_write,
        },
    }  # fmt: skip


def anthropic_block(answer: Answer) -> Dict[str, Any]:
    if answer.calls_tool:
        return {"type": "tool_use", "id": answer.name("toolu_1"), "name": "look_up", "input": {}}
    return {"type": "text", "text": ""}


def anthropic(answer: Answer) -> Dict[str, Any]:
    given = {"input": json.loads(answer.arguments)} if answer.calls_tool else {"text": answer.text}
    block = {**anthropic_block(answer), **given}
    value = {
        "id": answer.name("msg_1"), "type": "message", "role": "assistant", "model": answer.model, "content": [block],
        "stop_reason": "tool_use" if answer.calls_tool else "end_turn", "stop_sequence": None,
    }  # fmt: skip
    return answer.with_usage(value, "usage", {**anthropic_input(answer), "output_tokens": answer.used.output})


def anthropic_values(answer: Answer) -> List[List[Dict[str, Any]]]:
    """The events' documents, in groups: the first has text already, the last the usage of the whole."""
    message = answer.with_usage({
        "id": answer.name("msg_1"), "type": "message", "role": "assistant", "model": answer.model, "content": [],
        "stop_reason": None, "stop_sequence": None,
    }, "usage", {**anthropic_input(answer), "output_tokens": 1})  # fmt: skip
    deltas: List[List[Dict[str, Any]]] = []
    for piece in answer.deltas:
        delta = {"type": "text_delta", "text": piece}
        if answer.calls_tool:
            delta = {"type": "input_json_delta", "partial_json": piece}
        deltas.append([{"type": "content_block_delta", "index": 0, "delta": delta}])
    opening = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": anthropic_block(answer)},
        {"type": "ping"},
    ]
    reason = "tool_use" if answer.calls_tool else "end_turn"
    end = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
    closing = [
        {"type": "content_block_stop", "index": 0},
        answer.with_usage(end, "usage", {**anthropic_input(answer), "output_tokens": answer.used.output}),
        {"type": "message_stop"},
    ]
    return [opening + deltas[0]] + deltas[1:] + [closing]


def anthropic_events(answer: Answer) -> List[bytes]:
    return [b"".join(answer.named(value["type"], value) for value in group) for group in anthropic_values(answer)]


# MARK: Gemini: the prompt includes what was cached, the candidates leave out the thoughts


def gemini_usage(answer: Answer, output: int) -> Dict[str, Any]:
    used = answer.used
    thoughts = min(used.reasoning, output)
    found = {
        "promptTokenCount": used.input, "candidatesTokenCount": output - thoughts,
        "totalTokenCount": used.input + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}],
    }  # fmt: skip
    if used.cached:
        found["cachedContentTokenCount"] = used.cached
    if thoughts:
        found["thoughtsTokenCount"] = thoughts
    return found


def gemini_part(answer: Answer, text: str) -> Dict[str, Any]:
    if answer.calls_tool:
        return {"functionCall": {"name": "look_up", "args": {"what": text}}}
    return {"text": text}


def gemini_value(answer: Answer, text: str, finish: Optional[str], output: int) -> Dict[str, Any]:
    candidate: Dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": [gemini_part(answer, text)]}}
    if finish:
        candidate["finishReason"] = finish
    value = {"candidates": [candidate], "modelVersion": answer.model}
    value["responseId"] = answer.name("resp-1")
    return answer.with_usage(value, "usageMetadata", gemini_usage(answer, output))


def gemini(answer: Answer) -> Dict[str, Any]:
    return gemini_value(answer, answer.text, "STOP", answer.used.output)


def gemini_values(answer: Answer) -> List[Dict[str, Any]]:
    """Every one says what was used so far."""
    count = len(answer.pieces)
    values = []
    for number, piece in enumerate(answer.pieces, 1):
        output = answer.used.output * number // count
        values.append(gemini_value(answer, piece, "STOP" if number == count else None, output))
    return values


def gemini_array(answer: Answer) -> List[bytes]:
    """One array over the time, with the line ends that Google puts between its elements."""
    found = [json.dumps(value, ensure_ascii=False, indent=2).encode() for value in gemini_values(answer)]
    return [b"[" + found[0]] + [b",\r\n" + each for each in found[1:]] + [b"]\n"]


# MARK: Cohere: what is billed differs from what the model read


def cohere_usage(answer: Answer) -> Dict[str, Any]:
    used = answer.used
    return {
        "billed_units": {"input_tokens": used.input, "output_tokens": used.output},
        "tokens": {"input_tokens": used.input + 60, "output_tokens": used.output + 2},
        "cached_tokens": used.cached,
    }  # fmt: skip


def cohere_chat(answer: Answer) -> Dict[str, Any]:
    message: Dict[str, Any] = {"role": "assistant", "content": [{"type": "text", "text": answer.text}]}
    if answer.calls_tool:
        function = {"name": "look_up", "arguments": answer.arguments}
        call = {"id": answer.name("call_1"), "type": "function", "function": function}
        message = {"role": "assistant", "tool_calls": [call]}
    finish = "TOOL_CALL" if answer.calls_tool else "COMPLETE"
    value = {"id": answer.name("c-1"), "finish_reason": finish, "message": message}
    return answer.with_usage(value, "usage", cohere_usage(answer))


def cohere_events(answer: Answer) -> List[bytes]:
    def tool(part: Dict[str, Any]) -> Dict[str, Any]:
        return {"index": 0, "delta": {"message": {"tool_calls": part}}}

    start = {"id": answer.name("c-1"), "delta": {"message": {"role": "assistant", "content": [], "tool_calls": []}}}
    opening = answer.named("message-start", start)
    if answer.calls_tool:
        function = {"name": "look_up", "arguments": ""}
        call = {"id": answer.name("call_1"), "type": "function", "function": function}
        opening += answer.named("tool-call-start", tool(call))
        deltas = [answer.named("tool-call-delta", tool({"function": {"arguments": piece}})) for piece in answer.deltas]
        closing = answer.named("tool-call-end", {"index": 0})
    else:
        content = {"type": "text", "text": ""}
        opening += answer.named("content-start", {"index": 0, "delta": {"message": {"content": content}}})
        deltas = [
            answer.named("content-delta", {"index": 0, "delta": {"message": {"content": {"text": piece}}}})
            for piece in answer.pieces
        ]
        closing = answer.named("content-end", {"index": 0})
    end = {"finish_reason": "TOOL_CALL" if answer.calls_tool else "COMPLETE"}
    closing += answer.named("message-end", {"delta": answer.with_usage(end, "usage", cohere_usage(answer))})
    return [opening + deltas[0]] + deltas[1:] + [closing]


def cohere_embed(answer: Answer) -> Dict[str, Any]:
    texts = answer.asked.get("texts", [])
    value = {
        "id": answer.name("e-1"), "texts": texts, "embeddings": {"float": [[0.25, -0.5, 1.0] for _ in texts]},
        "response_type": "embeddings_by_type",
    }  # fmt: skip
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": answer.used.input}}
    return answer.with_usage(value, "meta", meta)


def cohere_rerank(answer: Answer) -> Dict[str, Any]:
    results = [{"index": 0, "relevance_score": 0.9}]
    return {"id": answer.name("r-1"), "results": results, "meta": {"billed_units": {"search_units": 1}}}


# MARK: Bedrock: input leaves out what a cache had a part in


def bedrock_usage(answer: Answer) -> Dict[str, Any]:
    used = answer.used
    found = {"inputTokens": used.fresh, "outputTokens": used.output, "totalTokens": used.total}
    if used.cached or used.cache_write:
        found["cacheReadInputTokens"] = used.cached
        found["cacheWriteInputTokens"] = used.cache_write
    return found


def bedrock(answer: Answer) -> Dict[str, Any]:
    content: Dict[str, Any] = {"text": answer.text}
    if answer.calls_tool:
        content = {"toolUse": {"toolUseId": answer.name("tool_1"), "name": "look_up", "input": {"what": answer.text}}}
    value = {
        "output": {"message": {"role": "assistant", "content": [content]}},
        "stopReason": "tool_use" if answer.calls_tool else "end_turn", "metrics": {"latencyMs": 1},
    }  # fmt: skip
    return answer.with_usage(value, "usage", bedrock_usage(answer))


def bedrock_events(answer: Answer) -> List[bytes]:
    opening = frame("messageStart", {"role": "assistant"})
    deltas = []
    for piece in answer.deltas:
        delta: Dict[str, Any] = {"toolUse": {"input": piece}} if answer.calls_tool else {"text": piece}
        deltas.append(frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}))
    if answer.calls_tool:
        start = {"toolUse": {"toolUseId": answer.name("tool_1"), "name": "look_up"}}
        opening += frame("contentBlockStart", {"contentBlockIndex": 0, "start": start})
    metadata = answer.with_usage({"metrics": {"latencyMs": 1}}, "usage", bedrock_usage(answer))
    closing = (
        frame("contentBlockStop", {"contentBlockIndex": 0})
        + frame("messageStop", {"stopReason": "tool_use" if answer.calls_tool else "end_turn"})
        + frame("metadata", metadata)
    )
    return [opening + deltas[0]] + deltas[1:] + [closing]


def bedrock_invoke_events(answer: Answer) -> List[bytes]:
    """The model's own events in base64 inside of Amazon's, with Amazon's count in the last."""
    used = answer.used
    metrics = {
        "inputTokenCount": used.fresh, "outputTokenCount": used.output, "invocationLatency": 9, "firstByteLatency": 1,
    }  # fmt: skip
    groups = anthropic_values(answer)
    groups[-1][-1] = answer.with_usage(groups[-1][-1], "amazon-bedrock-invocationMetrics", metrics)
    return [b"".join(frame("chunk", enclosed(value)) for value in group) for group in groups]


def enclosed(value: Dict[str, Any]) -> Dict[str, Any]:
    return {"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abcdefghij"}


def bedrock_fields(answer: Answer) -> Dict[str, str]:
    """What InvokeModel says beside the model's own words."""
    if answer.dialect != "bedrock-invoke":
        return {}
    return {
        "x-amzn-bedrock-input-token-count": str(answer.used.fresh),
        "x-amzn-bedrock-output-token-count": str(answer.used.output),
        "x-amzn-bedrock-invocation-latency": "9",
    }


def frame(kind: str, value: Dict[str, Any], message_type: str = "event") -> bytes:
    """One message of Amazon's event-stream encoding: prelude, headers, payload, two CRCs."""
    names: List[Tuple[str, str]] = [
        (f":{message_type}-type", kind), (":content-type", "application/json"), (":message-type", message_type)
    ]  # fmt: skip
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + b"\x07" + struct.pack("!H", len(text)) + text.encode()
        for name, text in names
    )
    payload = json.dumps(value).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def frames(data: bytes) -> List[Tuple[Dict[str, str], bytes]]:
    """The messages of a stream, with every CRC checked: header fields and payload of each."""
    found = []
    while data:
        total, length = struct.unpack_from("!II", data)
        assert struct.unpack_from("!I", data, 8)[0] == zlib.crc32(data[:8]), "the CRC of a prelude"
        assert struct.unpack_from("!I", data, total - 4)[0] == zlib.crc32(data[: total - 4]), "the CRC of a message"
        fields, at = {}, 12
        while at < 12 + length:
            name = data[at + 1 : at + 1 + data[at]].decode()
            at += 1 + data[at]
            assert data[at] == 7, "a header field that is no string"
            size = struct.unpack_from("!H", data, at + 1)[0]
            fields[name] = data[at + 3 : at + 3 + size].decode()
            at += 3 + size
        found.append((fields, data[12 + length : total - 4]))
        data = data[total:]
    return found


WHOLE.update({
    "anthropic-messages": anthropic,
    "anthropic-count": lambda answer: {"input_tokens": answer.used.input + answer.turn},
    "gemini-generate": gemini, "gemini-count": lambda answer: {"totalTokens": answer.used.input + answer.turn},
    "gemini-embed": lambda answer: {"embedding": {"values": [0.25, -0.5, 1.0 + answer.turn]}},
    "cohere-chat": cohere_chat, "cohere-embed": cohere_embed, "cohere-rerank": cohere_rerank,
    "bedrock-converse": bedrock, "bedrock-invoke": anthropic,
})  # fmt: skip
EVENTS.update({
    "anthropic-messages": anthropic_events,
    "gemini-stream": lambda answer: [answer.data(value) for value in gemini_values(answer)],
    "gemini-array": gemini_array, "cohere-chat": cohere_events, "bedrock-stream": bedrock_events,
    "bedrock-invoke-stream": bedrock_invoke_events,
})  # fmt: skip
