"""Answers that are more than a text: several tool calls, thoughts, several choices, log probabilities.

Each dialect has them in its own two forms, the document and the stream, from the same content; `x-test-form` asks for
one. The streams are what the providers' references show, so that what comes out of a cache can be held against them.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Tuple

from answers import FORMED_EVENTS, FORMED_WHOLE, Answer
from answers_openai import chunked
from answers_openai import usage as openai_usage
from answers_others import anthropic_input, bedrock_usage, cohere_usage, frame, gemini_usage

# What a stream cuts in two: a character of four bytes, an escape, and what needs one.
THOUGHT = 'Let me see: "two" things… 🦁\n'
SIGNATURE = "c2lnbmF0dXJlLW9mLWEtdGhvdWdodA=="
CALLS: List[Tuple[str, str, Dict[str, Any]]] = [
    ("call_1", "look_up", {"what": 'Zürich "HB"', "where": {"lat": 47.37, "tags": []}}),
    ("call_2", "no_arguments", {}),
]


def halves(text: str) -> List[str]:
    """Text in two pieces, of which none is empty where that can be."""
    middle = max(1, len(text) // 2)
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def arguments(value: Dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


# MARK: OpenAI chat


def chat_message(answer: Answer) -> Dict[str, Any]:
    message: Dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.form == "thinking":
        message["reasoning_content"] = THOUGHT
    if answer.form == "tools":
        message["tool_calls"] = [
            {"id": answer.name(name), "type": "function", "function": {"name": tool, "arguments": arguments(given)}}
            for name, tool, given in CALLS
        ]
    return message


def chat_logprobs(pieces: List[str]) -> Dict[str, Any]:
    def one(token: str, value: float) -> Dict[str, Any]:
        return {"token": token, "logprob": value, "bytes": list(token.encode())}

    content = [{**one(piece, -0.25), "top_logprobs": [one(piece, -0.25), one("x", -2.5)]} for piece in pieces]
    return {"content": content, "refusal": None}


def chat_whole(answer: Answer) -> Dict[str, Any]:
    choices = []
    for index in range(2 if answer.form == "choices" else 1):
        message = chat_message(answer)
        if index:
            message["content"] = f"Choice {index}: " + answer.text
        choices.append({
            "index": index, "message": message,
            "logprobs": chat_logprobs(answer.pieces) if answer.form == "logprobs" else None,
            "finish_reason": "tool_calls" if answer.form == "tools" else "stop",
        })  # fmt: skip
    value = {
        "id": answer.name("chatcmpl-1"), "object": "chat.completion", "created": 1, "model": answer.model,
        "choices": choices, "service_tier": "default", "system_fingerprint": "fp_1",
    }  # fmt: skip
    return answer.with_usage(value, "usage", openai_usage(answer))


def chat_events(answer: Answer) -> List[bytes]:
    bodies: List[List[Dict[str, Any]]] = []

    def add(delta: Dict[str, Any], index: int = 0, finish: Any = None, logprobs: Any = None) -> None:
        bodies.append([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}])

    add({"role": "assistant", "content": "", "refusal": None})
    if answer.form == "choices":
        add({"role": "assistant", "content": "", "refusal": None}, 1)
        add({"content": "Choice 1: "}, 1)
    if answer.form == "thinking":
        for piece in halves(THOUGHT):
            add({"reasoning_content": piece})
    for piece in answer.pieces:
        add({"content": piece}, logprobs=chat_logprobs([piece]) if answer.form == "logprobs" else None)
        if answer.form == "choices":
            add({"content": piece}, 1)
    if answer.form == "tools":
        for index, (name, tool, given) in enumerate(CALLS):
            function = {"name": tool, "arguments": ""}
            add({"tool_calls": [
                {"index": index, "id": answer.name(name), "type": "function", "function": function}
            ]})  # fmt: skip
            for piece in halves(arguments(given)):
                add({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    add({}, finish="tool_calls" if answer.form == "tools" else "stop")
    if answer.form == "choices":
        add({}, 1, "stop")
    more = {"service_tier": "default", "system_fingerprint": "fp_1"}
    return chunked(answer, answer.name("chatcmpl-1"), "chat.completion.chunk", bodies, more)


# MARK: OpenAI responses


def response_items(answer: Answer) -> List[Dict[str, Any]]:
    part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    items: List[Dict[str, Any]] = []
    if answer.form == "thinking":
        items.append({
            "id": answer.name("rs_1"), "type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}],
        })  # fmt: skip
    items.append({
        "id": answer.name("msg_1"), "type": "message", "role": "assistant", "status": "completed", "content": [part],
    })  # fmt: skip
    if answer.form == "tools":
        items += [
            {"id": answer.name("fc_" + name), "type": "function_call", "status": "completed",
             "call_id": answer.name(name), "name": tool, "arguments": arguments(given)}
            for name, tool, given in CALLS
        ]  # fmt: skip
    return items


def response_whole(answer: Answer, status: str = "completed") -> Dict[str, Any]:
    used = answer.used
    value = {
        "id": answer.name("resp_1"), "object": "response", "created_at": 1, "status": status, "background": False,
        "error": None, "incomplete_details": None, "instructions": None, "max_output_tokens": None,
        "model": answer.model, "output": response_items(answer) if status == "completed" else [],
        "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
        "store": False, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "user": None, "metadata": {},
    }  # fmt: skip
    if status != "completed":
        return {**value, "usage": None}
    return answer.with_usage(value, "usage", {
        "input_tokens": used.input, "input_tokens_details": {"cached_tokens": used.cached},
        "output_tokens": used.output, "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.total,
    })  # fmt: skip


def response_events(answer: Answer) -> List[bytes]:
    events: List[bytes] = []

    def add(kind: str, **value: Any) -> None:
        events.append(answer.named(kind, {**value, "sequence_number": len(events)}))

    for kind in ("response.created", "response.in_progress"):
        add(kind, response=response_whole(answer, "in_progress"))
    for number, item in enumerate(response_items(answer)):
        place: Dict[str, Any] = {"output_index": number}
        inside: Dict[str, Any] = {**place, "item_id": item["id"]}
        if item["type"] == "message":
            part = item["content"][0]
            inside["content_index"] = 0
            add("response.output_item.added", **place, item={**item, "status": "in_progress", "content": []})
            add("response.content_part.added", **inside, part={**part, "text": ""})
            for piece in answer.pieces:
                add("response.output_text.delta", **inside, delta=piece, logprobs=[])
            add("response.output_text.done", **inside, text=part["text"], logprobs=[])
            add("response.content_part.done", **inside, part=part)
        elif item["type"] == "reasoning":
            part = item["summary"][0]
            inside["summary_index"] = 0
            add("response.output_item.added", **place, item={**item, "summary": []})
            add("response.reasoning_summary_part.added", **inside, part={**part, "text": ""})
            for piece in halves(THOUGHT):
                add("response.reasoning_summary_text.delta", **inside, delta=piece)
            add("response.reasoning_summary_text.done", **inside, text=THOUGHT)
            add("response.reasoning_summary_part.done", **inside, part=part)
        else:
            add("response.output_item.added", **place, item={**item, "status": "in_progress", "arguments": ""})
            for piece in halves(item["arguments"]):
                add("response.function_call_arguments.delta", **inside, delta=piece)
            add("response.function_call_arguments.done", **inside, arguments=item["arguments"])
        add("response.output_item.done", **place, item=item)
    add("response.completed", response=response_whole(answer))
    return events


# MARK: Anthropic


def anthropic_blocks(answer: Answer) -> List[Dict[str, Any]]:
    blocks: List[Dict[str, Any]] = []
    if answer.form == "thinking":
        blocks.append({"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE})
        blocks.append({"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="})
    blocks.append({"type": "text", "text": answer.text})
    if answer.form == "tools":
        blocks += [
            {"type": "tool_use", "id": answer.name(name), "name": tool, "input": given} for name, tool, given in CALLS
        ]
    return blocks


def anthropic_message(answer: Answer) -> Dict[str, Any]:
    reason = {"tools": "tool_use", "sequence": "stop_sequence"}.get(answer.form, "end_turn")
    value = {
        "id": answer.name("msg_1"), "type": "message", "role": "assistant", "model": answer.model,
        "content": anthropic_blocks(answer), "stop_reason": reason,
        "stop_sequence": "END" if reason == "stop_sequence" else None,
    }  # fmt: skip
    return answer.with_usage(value, "usage", {**anthropic_input(answer), "output_tokens": answer.used.output})


def anthropic_events(answer: Answer) -> List[bytes]:
    whole = anthropic_message(answer)
    opening = {**whole, "content": [], "stop_reason": None, "stop_sequence": None}
    if "usage" in opening:
        opening["usage"] = {**anthropic_input(answer), "output_tokens": 1}
    values: List[Dict[str, Any]] = [{"type": "message_start", "message": opening}]
    for index, block in enumerate(whole["content"]):
        start, deltas = dict(block), []
        if block["type"] == "text":
            start["text"] = ""
            deltas = [{"type": "text_delta", "text": piece} for piece in answer.pieces]
        elif block["type"] == "thinking":
            start.update(thinking="", signature="")
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in halves(THOUGHT)]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        elif block["type"] == "tool_use":
            start["input"] = {}
            given = arguments(block["input"]) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *halves(given)]]
        values.append({"type": "content_block_start", "index": index, "content_block": start})
        if index == 0:
            values.append({"type": "ping"})
        values += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        values.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    values.append(
        answer.with_usage({"type": "message_delta", "delta": delta}, "usage", {"output_tokens": answer.used.output})
    )
    values.append({"type": "message_stop"})
    return [answer.named(value["type"], value) for value in values]


# MARK: Gemini


def gemini_parts(answer: Answer, pieces: List[str]) -> List[List[Dict[str, Any]]]:
    """The parts of each event."""
    found: List[List[Dict[str, Any]]] = []
    if answer.form == "thinking":
        found += [[{"text": piece, "thought": True}] for piece in halves(THOUGHT)]
    found += [[{"text": piece}] for piece in pieces]
    if answer.form == "tools":
        calls: List[Dict[str, Any]] = [
            {"functionCall": {"id": answer.name(name), "name": tool, "args": given}} for name, tool, given in CALLS
        ]
        calls[0]["thoughtSignature"] = SIGNATURE
        found.append(calls)
    return found


def gemini_value(answer: Answer, parts: List[Dict[str, Any]], last: bool, index: int = 0) -> Dict[str, Any]:
    candidate: Dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": index}
    if last:
        candidate["finishReason"] = "STOP"
    value: Dict[str, Any] = {
        "candidates": [candidate], "modelVersion": answer.model, "responseId": answer.name("resp-1"),
    }  # fmt: skip
    return answer.with_usage(value, "usageMetadata", gemini_usage(answer, answer.used.output))


def gemini_whole(answer: Answer) -> Dict[str, Any]:
    # What streams as several parts of one kind stands in the document as one.
    thoughts: List[Dict[str, Any]] = [{"text": THOUGHT, "thought": True}] if answer.form == "thinking" else []
    calls = gemini_parts(answer, [])[-1] if answer.form == "tools" else []
    value = gemini_value(answer, thoughts + [{"text": answer.text}] + calls, True)
    if answer.form == "choices":
        value["candidates"] += gemini_value(answer, [{"text": "Choice 1: " + answer.text}], True, 1)["candidates"]
    return value


def gemini_values(answer: Answer) -> List[Dict[str, Any]]:
    groups = gemini_parts(answer, answer.pieces)
    values = [gemini_value(answer, parts, number == len(groups)) for number, parts in enumerate(groups, 1)]
    if answer.form == "choices":
        for number, piece in enumerate(["Choice 1: ", *answer.pieces]):
            values.append(gemini_value(answer, [{"text": piece}], number == len(answer.pieces), 1))
    return values


def gemini_array(answer: Answer) -> List[bytes]:
    found = [answer.json(value) for value in gemini_values(answer)]
    return [b"[" + found[0]] + [b",\r\n" + each for each in found[1:]] + [b"]\n"]


# MARK: Cohere


def cohere_whole(answer: Answer) -> Dict[str, Any]:
    message: Dict[str, Any] = {"role": "assistant"}
    if answer.form == "tools":
        message["tool_plan"] = answer.text
        message["tool_calls"] = [
            {"id": answer.name(name), "type": "function", "function": {"name": tool, "arguments": arguments(given)}}
            for name, tool, given in CALLS
        ]
    else:
        message["content"] = [{"type": "text", "text": answer.text}]
    if answer.form == "thinking":
        message["content"].insert(0, {"type": "thinking", "thinking": THOUGHT})
    finish = "TOOL_CALL" if answer.form == "tools" else "COMPLETE"
    value = {"id": answer.name("c-1"), "finish_reason": finish, "message": message}
    return answer.with_usage(value, "usage", cohere_usage(answer))


def cohere_events(answer: Answer) -> List[bytes]:
    events: List[bytes] = []

    def add(kind: str, index: Any, message: Any = None) -> None:
        value: Dict[str, Any] = {} if index is None else {"index": index}
        if message is not None:
            value["delta"] = {"message": message}
        events.append(answer.named(kind, value))

    opening = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events.append(answer.named("message-start", {"id": answer.name("c-1"), "delta": {"message": opening}}))
    if answer.form == "tools":
        for piece in answer.pieces:
            add("tool-plan-delta", None, {"tool_plan": piece})
        for index, (name, tool, given) in enumerate(CALLS):
            function = {"name": tool, "arguments": ""}
            call = {"id": answer.name(name), "type": "function", "function": function}
            add("tool-call-start", index, {"tool_calls": call})
            for piece in halves(arguments(given)):
                add("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}})
            add("tool-call-end", index)
    index = 0
    if answer.form == "thinking":
        add("content-start", 0, {"content": {"type": "thinking", "thinking": ""}})
        for piece in halves(THOUGHT):
            add("content-delta", 0, {"content": {"thinking": piece}})
        add("content-end", 0)
        index = 1
    if answer.form != "tools":
        add("content-start", index, {"content": {"type": "text", "text": ""}})
        for piece in answer.pieces:
            add("content-delta", index, {"content": {"text": piece}})
        add("content-end", index)
    end = {"finish_reason": "TOOL_CALL" if answer.form == "tools" else "COMPLETE"}
    events.append(
        answer.named("message-end", {"delta": answer.with_usage(end, "usage", cohere_usage(answer))})
    )  # fmt: skip
    return events


# MARK: Bedrock


def converse_blocks(answer: Answer) -> List[Dict[str, Any]]:
    blocks: List[Dict[str, Any]] = []
    if answer.form == "thinking":
        blocks.append({"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}})
    blocks.append({"text": answer.text})
    if answer.form == "tools":
        blocks += [
            {"toolUse": {"toolUseId": answer.name(name), "name": tool, "input": given}} for name, tool, given in CALLS
        ]
    return blocks


def converse_whole(answer: Answer) -> Dict[str, Any]:
    value = {
        "output": {"message": {"role": "assistant", "content": converse_blocks(answer)}},
        "stopReason": "tool_use" if answer.form == "tools" else "end_turn", "metrics": {"latencyMs": 1},
    }  # fmt: skip
    return answer.with_usage(value, "usage", bedrock_usage(answer))


def converse_events(answer: Answer) -> List[bytes]:
    events = [frame("messageStart", {"role": "assistant"})]
    for index, block in enumerate(converse_blocks(answer)):
        deltas: List[Dict[str, Any]]
        if "text" in block:
            deltas = [{"text": piece} for piece in answer.pieces]
        elif "reasoningContent" in block:
            deltas = [{"reasoningContent": {"text": piece}} for piece in halves(THOUGHT)]
            deltas.append({"reasoningContent": {"signature": SIGNATURE}})
        else:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            events.append(frame("contentBlockStart", {"contentBlockIndex": index, "start": start}))
            deltas = [{"toolUse": {"input": piece}} for piece in halves(arguments(use["input"]))]
        events += [frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
        events.append(frame("contentBlockStop", {"contentBlockIndex": index}))
    events.append(frame("messageStop", {"stopReason": "tool_use" if answer.form == "tools" else "end_turn"}))
    metadata = answer.with_usage({"metrics": {"latencyMs": 1}}, "usage", bedrock_usage(answer))
    return events + [frame("metadata", metadata)]


# By dialect: the forms it has, the document, and the dialects of its streams.
FORMS: Dict[str, Tuple[List[str], Callable, Dict[str, Callable]]] = {
    "openai-chat": (["tools", "thinking", "choices", "logprobs"], chat_whole, {"openai-chat": chat_events}),
    "openai-responses": (["tools", "thinking"], response_whole, {"openai-responses": response_events}),
    "anthropic-messages": (
        ["tools", "thinking", "sequence"], anthropic_message, {"anthropic-messages": anthropic_events}
    ),
    "gemini-generate": (
        ["tools", "thinking", "choices"], gemini_whole,
        {"gemini-stream": lambda answer: [answer.data(value) for value in gemini_values(answer)],
         "gemini-array": gemini_array},
    ),
    "cohere-chat": (["tools", "thinking"], cohere_whole, {"cohere-chat": cohere_events}),
    "bedrock-converse": (["tools", "thinking"], converse_whole, {"bedrock-stream": converse_events}),
}  # fmt: skip
for dialect, (forms, build, streams) in FORMS.items():
    for form in forms:
        FORMED_WHOLE[dialect, form] = build
        for stream, events in streams.items():
            FORMED_EVENTS[stream, form] = events
