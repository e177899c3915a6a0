"""Answers in OpenAI's dialects, and in the flavours of those who speak them with an accent."""

from __future__ import annotations

import base64
import struct
from typing import Any, Dict, List, Optional

from answers import EVENTS, WHOLE, Answer


def usage(answer: Answer) -> Dict[str, Any]:
    used = answer.used
    found: Dict[str, Any] = {
        "prompt_tokens": used.input, "completion_tokens": used.output, "total_tokens": used.total,
    }  # fmt: skip
    if answer.flavour == "deepseek":
        found["prompt_cache_hit_tokens"] = used.cached
        found["prompt_cache_miss_tokens"] = used.input - used.cached
        found["completion_tokens_details"] = {"reasoning_tokens": used.reasoning}
    elif answer.flavour == "groq":
        found.update(queue_time=0.01, prompt_time=0.002, completion_time=0.03, total_time=0.032)
    elif answer.flavour == "openrouter":
        found["cost"] = 0.00123
        found["prompt_tokens_details"] = {"cached_tokens": used.cached}
        found["completion_tokens_details"] = {"reasoning_tokens": used.reasoning}
    elif answer.flavour != "mistral":
        found["prompt_tokens_details"] = {"cached_tokens": used.cached, "audio_tokens": 0}
        found["completion_tokens_details"] = {
            "reasoning_tokens": used.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        }  # fmt: skip
    return found


def asks_for_usage(answer: Answer) -> bool:
    options = answer.asked.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


# MARK: Chat


def chat(answer: Answer) -> Dict[str, Any]:
    message: Dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.calls_tool:
        function = {"name": "look_up", "arguments": answer.arguments}
        call = {"id": answer.name("call_1"), "type": "function", "function": function}
        message.update(content=None, tool_calls=[call])
    choice = {
        "index": 0, "finish_reason": "tool_calls" if answer.calls_tool else "stop", "logprobs": None,
        "message": message,
    }  # fmt: skip
    value = {
        "id": answer.name("chatcmpl-1"), "object": "chat.completion", "created": 1, "model": answer.model,
        "choices": [choice],
    }  # fmt: skip
    return answer.with_usage(value, "usage", usage(answer))


def chat_delta(answer: Answer, number: int, piece: str) -> Dict[str, Any]:
    if answer.calls_tool:
        call: Dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
        if number == 0:
            call.update(id=answer.name("call_1"), type="function")
            call["function"]["name"] = "look_up"
        return {"tool_calls": [call]} if number else {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"content": piece} if number else {"role": "assistant", "content": piece}


def chat_events(answer: Answer) -> List[bytes]:
    def choices(delta: Dict[str, Any], finish: Optional[str] = None) -> List[Dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": finish}]

    finish = "tool_calls" if answer.calls_tool else "stop"
    bodies = [choices(chat_delta(answer, number, piece)) for number, piece in enumerate(answer.deltas)]
    return chunked(answer, answer.name("chatcmpl-1"), "chat.completion.chunk", bodies + [choices({}, finish)])


def chunked(
    answer: Answer, name: str, kind: str, bodies: List[List[Dict[str, Any]]], more: Dict[str, Any] = {}
) -> List[bytes]:
    """One chunk per list of choices. What is said of usage depends on who says it: OpenAI only to those who ask, in a
    chunk of its own after the others, which then all have a `usage` of null; others with the last chunk unasked."""
    opening = {"id": name, "object": kind, "created": 1, "model": answer.model, **more}
    asked = asks_for_usage(answer) and answer.flavour != "mistral"
    # No member may shift between an answer with usage and one without it.
    chunks = []
    for number, choices in enumerate(bodies, 1):
        last = number == len(bodies)
        value: Dict[str, Any] = {**opening, "choices": choices}
        if answer.flavour == "groq" and last:
            value["x_groq"] = answer.with_usage({"id": "req_1"}, "usage", usage(answer))
        elif answer.flavour in ("mistral", "deepseek") and last:
            value = answer.with_usage(value, "usage", usage(answer))
        elif asked and answer.usage_first:
            value = {**opening, "usage": None, "choices": choices}
        elif asked:
            value["usage"] = None
        chunks.append(answer.data(value))
    if asked and answer.flavour in ("", "openrouter"):
        value = {**opening, "choices": []}
        chunks.append(answer.data(answer.with_usage(value, "usage", usage(answer))) + b"data: [DONE]\n\n")
    else:
        chunks[-1] += b"data: [DONE]\n\n"
    return chunks


# MARK: Completions


def completions(answer: Answer) -> Dict[str, Any]:
    choice = {"index": 0, "text": answer.text, "logprobs": None, "finish_reason": "stop"}
    value = {
        "id": answer.name("cmpl-1"), "object": "text_completion", "created": 1, "model": answer.model,
        "choices": [choice],
    }  # fmt: skip
    return answer.with_usage(value, "usage", usage(answer))


def completions_events(answer: Answer) -> List[bytes]:
    def choices(text: str, finish: Optional[str] = None) -> List[Dict[str, Any]]:
        return [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}]

    bodies = [choices(piece) for piece in answer.pieces] + [choices("", "stop")]
    return chunked(answer, answer.name("cmpl-1"), "text_completion", bodies)


# MARK: Responses


def response(answer: Answer, status: str, text: str) -> Dict[str, Any]:
    used = answer.used
    output: List[Dict[str, Any]] = []
    if text and answer.calls_tool:
        output.append(function_call(answer, answer.arguments, status))
    elif text:
        part = {"type": "output_text", "text": text, "annotations": []}
        output.append({
            "id": answer.name("msg_1"), "type": "message", "role": "assistant", "status": status, "content": [part],
        })  # fmt: skip
    value = {
        "id": answer.name("resp_1"), "object": "response", "created_at": 1, "status": status, "model": answer.model,
        "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 1.0,
        "top_p": 1.0,
    }  # fmt: skip
    if status == "in_progress":
        return {**value, "usage": None}
    return answer.with_usage(value, "usage", {
        "input_tokens": used.input, "output_tokens": used.output, "total_tokens": used.total,
        "input_tokens_details": {"cached_tokens": used.cached},
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
    })  # fmt: skip


def function_call(answer: Answer, arguments: str, status: str) -> Dict[str, Any]:
    return {
        "id": answer.name("fc_1"), "type": "function_call", "call_id": answer.name("call_1"), "name": "look_up",
        "arguments": arguments, "status": status,
    }  # fmt: skip


def responses(answer: Answer) -> Dict[str, Any]:
    return response(answer, "completed", answer.text)


def responses_events(answer: Answer) -> List[bytes]:
    where: Dict[str, Any] = {"item_id": answer.name("msg_1"), "output_index": 0, "content_index": 0}
    more: Dict[str, Any] = {"logprobs": []}
    kind = "response.output_text.delta"
    item: Dict[str, Any] = {
        "id": answer.name("msg_1"), "type": "message", "role": "assistant", "status": "in_progress", "content": [],
    }  # fmt: skip
    if answer.calls_tool:
        kind, more = "response.function_call_arguments.delta", {}
        where = {"item_id": answer.name("fc_1"), "output_index": 0}
        item = function_call(answer, "", "in_progress")
    deltas = [
        answer.named(kind, {**where, "delta": piece, **more, "sequence_number": number})
        for number, piece in enumerate(answer.deltas, 3)
    ]
    opening = answer.named(
        "response.created", {"response": response(answer, "in_progress", ""), "sequence_number": 0}
    ) + answer.named("response.output_item.added", {"output_index": 0, "item": item, "sequence_number": 1})
    if not answer.calls_tool:
        part = {"type": "output_text", "text": "", "annotations": []}
        opening += answer.named("response.content_part.added", {**where, "part": part, "sequence_number": 2})
    closing = answer.named("response.completed", {"response": responses(answer), "sequence_number": 3 + len(deltas)})
    return [opening + deltas[0]] + deltas[1:] + [closing]


# MARK: The rest


def embeddings(answer: Answer) -> Dict[str, Any]:
    inputs = answer.asked["input"] if isinstance(answer.asked["input"], list) else [answer.asked["input"]]
    vector = [0.25, -0.5, 1.0 + answer.turn]
    form = base64.b64encode(struct.pack("<3f", *vector)).decode()
    value = {
        "object": "list", "model": answer.model,
        "data": [
            {"object": "embedding", "index": index,
             "embedding": form if answer.asked.get("encoding_format") == "base64" else vector}
            for index in range(len(inputs))
        ],
    }  # fmt: skip
    used = {"prompt_tokens": answer.used.input, "total_tokens": answer.used.input}
    return answer.with_usage(value, "usage", used)


def models(_: Answer) -> Dict[str, Any]:
    return {"object": "list", "data": [{"id": "test", "object": "model", "created": 1, "owned_by": "leo"}]}


def moderations(answer: Answer) -> Dict[str, Any]:
    result = {
        "flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.01},
        "category_applied_input_types": {"violence": ["text"]},
    }  # fmt: skip
    return {"id": answer.name("modr-1"), "model": answer.model, "results": [result]}


WHOLE.update({
    "openai-chat": chat, "openai-completions": completions, "openai-responses": responses,
    "openai-embeddings": embeddings, "openai-models": models, "openai-moderations": moderations,
})  # fmt: skip
EVENTS.update({
    "openai-chat": chat_events, "openai-completions": completions_events, "openai-responses": responses_events,
})  # fmt: skip
