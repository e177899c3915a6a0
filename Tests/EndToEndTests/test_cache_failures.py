"""Answers that must never be kept: every way in which one can be less than a whole and good answer."""

from __future__ import annotations

import json
import re
import signal
from typing import Any, Callable, Dict, List, Tuple

import pytest

import answers_others
from answers import PIECES
from caching import (
    EMBEDDINGS, TEXT_NAMES, TEXTS, Asker, Reading, Seen, altered, assert_hit, assert_miss, cached, replaced, turns,
)  # fmt: skip
from harness import merged
from limiting import (
    ASKS, CHAT, COHERE_CHAT, COMPLETIONS, CONVERSE, GENERATE, GENERATE_ARRAY, MESSAGES, NAMES, RESPONSES, Ask, at_once,
    limited,
)  # fmt: skip
from provider import answer_as_asked, reply_whole

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
Change = Callable[[bytes], bytes]


def assert_never_kept(asker: Asker, stream: bool, *reasons: str) -> Seen:
    """The first answer is the bad one: it reaches the client, and the next request the provider, whose good answer is
    kept. Returns the first."""
    first = asker.ask(stream)
    # What leo refuses itself, as half of a document of Bedrock's, was no answer at all.
    assert first.cache == "miss" or first.status == 502, first
    if reasons and first.reason is not None:
        assert first.reason in reasons, (first.reason, reasons)
    assert len(asker.calls) == 1
    second = asker.ask(stream)
    assert second.cache == "miss" and len(asker.calls) == 2, second
    assert second.turn == 2 and second.message.complete, second
    assert_hit(asker.ask(stream), 2)
    assert_hit(asker.ask(stream), 2)
    return first


# MARK: Ends that are no good end


def reframed(change: Change) -> Change:
    """A change to the payloads of Amazon's messages, with new sums."""

    def through(data: bytes) -> bytes:
        found = []
        for fields, payload in answers_others.frames(data):
            value = json.loads(change(payload))
            kind = fields.get(":event-type") or fields[":exception-type"]
            found.append(answers_others.frame(kind, value))
        return b"".join(found)

    return through


def ending(kind: Ask, word: str) -> Tuple[Change, Change]:
    """The changes by which a document and a stream of this dialect end for another reason."""
    text = word.encode()
    if kind in (CHAT, COMPLETIONS):
        change = replaced(b'"finish_reason": "stop"', b'"finish_reason": "' + text + b'"')
        return change, change
    if kind is MESSAGES:
        change = replaced(b'"stop_reason": "end_turn"', b'"stop_reason": "' + text + b'"')
        return change, change
    if kind in (GENERATE, GENERATE_ARRAY):
        change = replaced(b'"finishReason": "STOP"', b'"finishReason": "' + text + b'"')
        return change, change
    if kind is COHERE_CHAT:
        change = replaced(b'"finish_reason": "COMPLETE"', b'"finish_reason": "' + text + b'"')
        return change, change
    if kind is CONVERSE:
        old, new = b'"stopReason": "end_turn"', b'"stopReason": "' + text + b'"'
        return replaced(old, new), reframed(lambda data: data.replace(old, new))
    assert kind is RESPONSES

    def whole(data: bytes) -> bytes:
        value = json.loads(data)
        value["status"] = "failed" if word == "server_error" else "incomplete"
        if word == "server_error":
            value["error"] = {"code": word, "message": "The model broke."}
        else:
            value["incomplete_details"] = {"reason": word}
        return json.dumps(value, ensure_ascii=False).encode()

    def streamed(data: bytes) -> bytes:
        events = data.split(b"\n\n")
        last = next(number for number, event in enumerate(events) if b"event: response.completed" in event)
        value = json.loads(events[last].partition(b"data: ")[2])
        value["response"] = json.loads(whole(json.dumps(value["response"]).encode()))
        kind_of_end = "response." + value["response"]["status"]
        value["type"] = kind_of_end
        events[last] = f"event: {kind_of_end}\ndata: ".encode() + json.dumps(value, ensure_ascii=False).encode()
        return b"\n\n".join(events)

    return whole, streamed


ENDINGS: List[Tuple[Ask, str, str]] = [
    (CHAT, "length", "length"), (CHAT, "content_filter", "filtered"), (CHAT, "error", "unfinished"),
    (CHAT, "some_day", "unfinished"), (COMPLETIONS, "length", "length"), (COMPLETIONS, "content_filter", "filtered"),
    (RESPONSES, "max_output_tokens", "length"), (RESPONSES, "content_filter", "filtered"),
    (RESPONSES, "server_error", "error"),
    (MESSAGES, "max_tokens", "length"), (MESSAGES, "refusal", "refusal"), (MESSAGES, "pause_turn", "unfinished"),
    (MESSAGES, "model_context_window_exceeded", "length"), (MESSAGES, "some_day", "unfinished"),
    (GENERATE, "MAX_TOKENS", "length"), (GENERATE, "SAFETY", "filtered"), (GENERATE, "RECITATION", "filtered"),
    (GENERATE, "MALFORMED_FUNCTION_CALL", "unfinished"), (GENERATE, "OTHER", "unfinished"),
    (GENERATE, "FINISH_REASON_UNSPECIFIED", "unfinished"), (GENERATE_ARRAY, "MAX_TOKENS", "length"),
    (COHERE_CHAT, "MAX_TOKENS", "length"), (COHERE_CHAT, "ERROR", "error"), (COHERE_CHAT, "TIMEOUT", "unfinished"),
    (CONVERSE, "max_tokens", "length"), (CONVERSE, "guardrail_intervened", "filtered"),
    (CONVERSE, "content_filtered", "filtered"), (CONVERSE, "some_day", "unfinished"),
]  # fmt: skip
WORDS = ("length", "filtered", "refusal", "unfinished", "error", "incomplete")


@BOTH
@pytest.mark.parametrize("kind, word, reason", ENDINGS, ids=[f"{kind.dialect}-{word}" for kind, word, _ in ENDINGS])
def test_an_answer_that_did_not_end_well_is_not_kept(keeping, provider, test_id, kind, word, reason, stream):
    if kind is GENERATE_ARRAY and not stream:
        pytest.skip("Gemini's array is a form of its stream alone")
    asker = Asker(keeping, provider, test_id, kind)
    altered(provider, test_id, ending(kind, word)[stream])
    first = assert_never_kept(asker, stream, reason, *WORDS)
    assert first.status == 200 and first.message.complete and first.turn == 1
    assert word.encode() in first.body


@pytest.mark.parametrize("kind, form", [(CHAT, "choices"), (GENERATE, "choices")], ids=["chat", "gemini"])
@BOTH
def test_one_bad_choice_among_good_ones_is_enough(keeping, provider, test_id, kind, form, stream):
    def change(data: bytes) -> bytes:
        old, new = (b'"stop"', b'"length"') if kind is CHAT else (b'"STOP"', b'"SAFETY"')
        head, found, tail = data.rpartition(old)
        assert found
        return head + new + tail

    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-form": form})
    altered(provider, test_id, change)
    assert_never_kept(asker, stream, "length", "filtered")


@BOTH
@pytest.mark.parametrize("kind", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_a_refusal_of_the_model_is_not_kept(keeping, provider, test_id, kind, stream):
    def chat(data: bytes) -> bytes:
        if not stream:
            return replaced(b'"refusal": null', b'"refusal": "I will not."')(data)
        return re.sub(rb'"delta": \{"content": ("[^"]*")', rb'"delta": {"refusal": \1', data)

    def responses(data: bytes) -> bytes:
        part = rb'\{"type": "output_text", "text": ("[^"]*"), "annotations": \[\]\}'
        data = re.sub(part, rb'{"type": "refusal", "refusal": \1}', data)
        return data.replace(b"response.output_text.delta", b"response.refusal.delta")

    asker = Asker(keeping, provider, test_id, kind)
    altered(provider, test_id, chat if kind is CHAT else responses)
    first = assert_never_kept(asker, stream, "refusal")
    assert b"refusal" in first.body


@BOTH
def test_a_prompt_that_gemini_blocks_is_not_kept(keeping, provider, test_id, stream):
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "gemini-test"}

    def change(_: bytes) -> bytes:
        text = json.dumps(blocked).encode()
        return b"data: " + text + b"\n\n" if stream else text

    asker = Asker(keeping, provider, test_id, GENERATE)
    altered(provider, test_id, change)
    assert_never_kept(asker, stream, "filtered", "incomplete", "unfinished")


# MARK: An error within a 200

ERRORS: Dict[str, bytes] = {
    "chat": b'{"error": {"message": "The server had an error", "type": "server_error", "param": null, "code": null}}',
    "completions": b'{"error": {"message": "overloaded", "type": "server_error", "code": 503}}',
    "responses": b'{"error": {"message": "The server had an error", "type": "server_error", "code": null}}',
    "messages": b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
    "gemini": b'{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}',
    "cohere": b'{"message": "internal server error"}',
    "converse": b'{"message": "The model is overloaded."}',
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_that_says_200_is_not_kept(keeping, provider, test_id, name):
    asker = Asker(keeping, provider, test_id, dict(zip(NAMES, ASKS))[name])
    altered(provider, test_id, lambda _: ERRORS[name])
    first = assert_never_kept(asker, False, "error", "malformed", "incomplete", "unfinished")
    assert first.status == 200 and first.body == ERRORS[name]


@pytest.mark.parametrize("place", ["middle", "end", "instead"])
@pytest.mark.parametrize("name", ["chat", "completions", "responses", "messages", "gemini", "gemini-array", "cohere"])
def test_an_error_within_a_stream_is_not_kept(keeping, provider, test_id, name, place):
    """In the middle, in the place of the end, and after it, as providers do."""
    kind = dict(zip(NAMES, ASKS))[name]
    error = ERRORS[name.replace("-array", "")]

    def change(data: bytes) -> bytes:
        if name == "gemini-array":
            values = json.loads(data)
            where = {"middle": slice(2, 2), "end": slice(len(values), None), "instead": slice(2, None)}[place]
            values[where] = [json.loads(error)]
            return json.dumps(values).encode()
        event = (b"event: error\n" if name in ("messages", "responses") else b"") + b"data: " + error + b"\n\n"
        events = [each + b"\n\n" for each in data.split(b"\n\n") if each]
        at = {"middle": 3, "end": len(events) - 1, "instead": 3}[place]
        return b"".join(events[:at] + [event] + (events[at:] if place != "instead" else []))

    asker = Asker(keeping, provider, test_id, kind)
    altered(provider, test_id, change)
    assert_never_kept(asker, True, "error", "unknown_event", "incomplete", "malformed")


@pytest.mark.parametrize("word", ["internalServerException", "modelStreamErrorException", "throttlingException"])
def test_an_exception_within_bedrocks_stream_is_not_kept(keeping, provider, test_id, word):
    def change(data: bytes) -> bytes:
        parts = answers_others.frames(data)
        kept = [answers_others.frame(fields[":event-type"], json.loads(payload)) for fields, payload in parts[:3]]
        return b"".join(kept) + answers_others.frame(word, {"message": "no"}, "exception")

    asker = Asker(keeping, provider, test_id, CONVERSE)
    altered(provider, test_id, change)
    assert_never_kept(asker, True, "error")


# MARK: Answers that end too early and look whole


@pytest.mark.parametrize("kind", TEXTS, ids=TEXT_NAMES)
def test_a_stream_without_its_last_event_is_not_kept(keeping, provider, test_id, kind):
    """The provider ended it orderly, with its last chunk: only the dialect tells that something is missing."""

    def change(data: bytes) -> bytes:
        if kind is CONVERSE:
            parts = answers_others.frames(data)[:-2]
            return b"".join(answers_others.frame(each[":event-type"], json.loads(text)) for each, text in parts)
        events = [each + b"\n\n" for each in data.split(b"\n\n") if each]
        return b"".join(events[:-1])

    asker = Asker(keeping, provider, test_id, kind)
    altered(provider, test_id, change)
    first = assert_never_kept(asker, True, "incomplete", "unfinished")
    assert first.message.complete and "error" not in first.line


@pytest.mark.parametrize("kind", TEXTS, ids=TEXT_NAMES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@BOTH
def test_a_truncated_answer_is_not_kept(keeping, provider, test_id, kind, share, stream):
    """Cut anywhere, with a length or a last chunk that says that this was all."""
    asker = Asker(keeping, provider, test_id, kind)
    altered(provider, test_id, lambda data: data[: min(int(len(data) * share), len(data) - 3)])
    # Bedrock's short answers are gathered, and its cuts looked for: whatever becomes of this one, it is not kept.
    first = assert_never_kept(asker, stream, "incomplete", "malformed", "unfinished")
    assert first.status in (200, 502)


def test_geminis_array_without_its_bracket_is_not_kept(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, GENERATE_ARRAY)
    altered(provider, test_id, lambda data: data.rstrip()[:-1])
    assert_never_kept(asker, True, "incomplete", "malformed")


@pytest.mark.parametrize("how", ["fin", "reset", "notify"])
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("kind", [CHAT, MESSAGES], ids=["chat", "messages"])
@BOTH
def test_promise_2_an_answer_that_the_provider_cut_looks_cut_and_is_not_kept(
    keeping, provider, test_id, kind, framing, how, stream
):
    if (framing, how) == ("close", "notify"):
        pytest.skip("for all that HTTP can tell this is whole; the test of truncated answers has it")
    asker = Asker(keeping, provider, test_id, kind)
    cut = {"framing": framing, "cut": "4" if stream else "150", "end": how}
    turns(provider, test_id, cut, {})
    first = assert_never_kept(asker, stream)
    assert not first.message.complete and first.line["error"] == "upstream_cut"


@BOTH
def test_a_close_delimited_answer_is_never_kept(keeping, provider, test_id, stream):
    """Where the end of the connection is the end of the answer, nobody knows that it is the end."""
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"framing": "close"}, {})
    first = asker.ask(stream)
    assert_miss(first, 1)
    assert first.message.complete
    assert_miss(asker.ask(stream), 2)
    assert_hit(asker.ask(stream), 2)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_answer_whose_client_left_is_not_kept_in_part(keeping, provider, test_id, how):
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"gate": test_id, "gate-at": "3"}, {})
    reading = Reading(asker, True, until=PIECES[0].encode())
    assert reading.reached.wait(30)
    reading.leave(how)
    assert asker.calls[0].over.wait(20)
    provider.gate(test_id).set()
    assert_miss(asker.ask(True), 2)
    assert_hit(asker.ask(), 2)


@pytest.mark.parametrize("on_exhausted", ["error", "finish"])
def test_an_answer_that_leo_cut_is_not_kept(leo_with, provider, test_id, on_exhausted):
    """It looks finished to the client, and was not."""
    settings = merged(cached(), limited(tokens=at_once(3000), on_exhausted=on_exhausted))
    asker = Asker(leo_with(settings), provider, test_id, CHAT)
    turns(provider, test_id, {"words": "1500x40", "used": "input=20 output=15000"}, {})
    first = asker.ask(True, max_completion_tokens=20)
    assert first.line["error"] == "budget_cut" and first.turn == 1, first
    second = asker.ask(True, {"cache-control": "only-if-cached"}, max_completion_tokens=20)
    assert second.status in (429, 504) and second.turn == 0, second


# MARK: Answers that are none


STATUSES = [201, 202, 203, 206, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529]


@pytest.mark.parametrize("status", STATUSES)
@BOTH
def test_only_a_200_is_kept(keeping, provider, test_id, status, stream):
    """No negative caching: an error is true for the moment in which it is said."""
    asker = Asker(keeping, provider, test_id, CHAT, key=test_id)

    def script(exchange) -> None:
        body = b'{"error": {"message": "turn-1", "type": "x", "param": null, "code": null}}'
        if exchange.turn == 1:
            exchange.read_body()
            exchange.reply(status, [("Content-Type", "application/json")], body)
            return
        exchange.turned = {"vary": "1"}
        answer_as_asked(exchange)

    provider.scripts[test_id] = script
    first = assert_never_kept(asker, stream)
    assert first.status == status and first.message.complete


@pytest.mark.parametrize(
    "content_type", ["text/html", "text/plain", "application/octet-stream", None, "image/png", "json"]
)
@BOTH
def test_an_answer_of_another_type_is_not_kept(keeping, provider, test_id, content_type, stream):
    """A captive portal says 200 too."""
    asker = Asker(keeping, provider, test_id, CHAT)

    def script(exchange) -> None:
        exchange.turned = {"vary": "1"}
        if exchange.turn > 1:
            answer_as_asked(exchange)
            return
        exchange.read_body()
        fields = [("Content-Type", content_type)] if content_type else []
        exchange.reply(200, fields, b"<html>turn-1: log in</html>")

    provider.scripts[test_id] = script
    assert_never_kept(asker, stream)


ODD_DOCUMENTS: Dict[str, Change] = {
    "key-twice": lambda data: data.replace(b'"model": "test"', b'"model": "test", "model": "test"', 1),
    "bad-utf8": lambda data: data.replace(b"Leo ", b"Leo \xff", 1),
    "lone-surrogate": lambda data: data.replace(b"Leo ", b"Leo \\ud83e", 1),
    "control": lambda data: data.replace(b"Leo ", b"Leo \x01", 1),
    "more-after-it": lambda data: data + b" {}",
    "list": lambda data: b"[" + data + b"]",
    "no-choices": lambda data: re.sub(rb'"choices": \[.*\]', b'"choices": []', data, flags=re.DOTALL),
    "two-commas": lambda data: data.replace(b", ", b",, ", 1),
    "empty": lambda data: b"",
    "null": lambda data: b"null",
    "deep": lambda data: b'{"turn-1": ' + b"[" * 3000 + b"]" * 3000 + b"}",
}


@pytest.mark.parametrize("name", ODD_DOCUMENTS)
def test_a_document_that_is_none_is_relayed_and_not_kept(keeping, provider, test_id, name):
    asker = Asker(keeping, provider, test_id, CHAT)
    sent: List[bytes] = []

    def change(data: bytes) -> bytes:
        sent.append(ODD_DOCUMENTS[name](data))
        assert sent[0] != data
        return sent[0]

    altered(provider, test_id, change)
    assert_never_kept_and_relayed(asker, False, sent)


def assert_never_kept_and_relayed(asker: Asker, stream: bool, sent: List[bytes]) -> None:
    first = assert_never_kept(asker, stream)
    assert first.status == 200 and first.body == sent[0]


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def inserted(at: int, *events: bytes) -> Change:
    def change(data: bytes) -> bytes:
        found = [each + b"\n\n" for each in data.split(b"\n\n") if each]
        return b"".join([*found[:at], *events, *found[at:]])

    return change


ODD_STREAMS: Dict[str, Tuple[Ask, Change]] = {
    "chat-unknown-member": (CHAT, replaced(
        b'"delta": {"content": "byte, "', b'"delta": {"mood": "good", "content": "byte, "')),
    "chat-unknown-chunk": (CHAT, inserted(2, event({"object": "chat.surprise", "surprise": 1}))),
    "chat-no-json": (CHAT, inserted(2, b"data: {oops\n\n")),
    "chat-bad-utf8": (CHAT, replaced(b"byte, ", b"byte\xff ")),
    "chat-negative-index": (CHAT, inserted(2, event({
        "object": "chat.completion.chunk", "choices": [{"index": -1, "delta": {"content": "x"}}]}))),
    "chat-huge-index": (CHAT, inserted(2, event({
        "object": "chat.completion.chunk", "choices": [{"index": 2**40, "delta": {"content": "x"}}]}))),
    "chat-tool-index-gap": (CHAT, inserted(2, event({
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 7, "function": {"arguments": "{"}}]}}]}))),
    "chat-after-finish": (CHAT, replaced(b"data: [DONE]", event({
        "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "more"}}],
    }) + b"data: [DONE]")),
    "messages-unknown-event": (MESSAGES, inserted(4, b"event: surprise\n" + event({"type": "surprise"}))),
    "messages-unknown-delta": (MESSAGES, inserted(4, b"event: content_block_delta\n" + event({
        "type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": "good"}}))),
    "messages-block-gap": (MESSAGES, inserted(4, b"event: content_block_delta\n" + event({
        "type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}}))),
    "messages-two-starts": (MESSAGES, lambda data: data.split(b"\n\n")[0] + b"\n\n" + data),
    "responses-unknown-event": (RESPONSES, inserted(4, b"event: response.surprise\n" + event({
        "type": "response.surprise", "sequence_number": 4}))),
    "gemini-unknown-part": (GENERATE, replaced(b'{"text": "byte, "}', b'{"surprise": "byte, "}')),
    "gemini-code": (GENERATE, replaced(
        b'{"text": "byte, "}', b'{"executableCode": {"language": "PYTHON", "code": "1"}}')),
    "cohere-unknown-event": (COHERE_CHAT, inserted(3, b"event: surprise\n" + event({"type": "surprise"}))),
    "converse-unknown-event": (CONVERSE, lambda data: answers_others.frame("surprise", {"a": 1}) + data),
    "converse-broken-sum": (CONVERSE, lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:]),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_STREAMS)
def test_a_stream_that_leo_does_not_know_by_heart_is_relayed_and_not_kept(keeping, provider, test_id, name):
    """What it means cannot be said again in other words."""
    kind, odd = ODD_STREAMS[name]
    asker = Asker(keeping, provider, test_id, kind)
    sent: List[bytes] = []

    def change(data: bytes) -> bytes:
        sent.append(odd(data))
        assert sent[0] != data
        return sent[0]

    altered(provider, test_id, change)
    assert_never_kept_and_relayed(asker, True, sent)


def test_comments_and_empty_events_are_no_part_of_an_answer(keeping, provider, test_id):
    """Keep-alives of proxies on the way."""
    asker = Asker(keeping, provider, test_id, CHAT)
    altered(provider, test_id, inserted(2, b": keep-alive\n\n", b"\n\n", b":\n\n"))
    assert_miss(asker.ask(True), 1)
    assert_hit(asker.ask(True), 1)
    assert b"keep-alive" not in asker.ask(True).body


def test_line_ends_of_every_kind_are_line_ends(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    altered(provider, test_id, lambda data: data.replace(b"\n", b"\r\n"))
    assert_miss(asker.ask(True), 1)
    assert_hit(asker.ask(True), 1)
    assert_hit(asker.ask(), 1)


def test_a_document_that_was_asked_for_as_a_stream_is_kept_as_what_it_is(keeping, provider, test_id):
    """Some servers know no streams and answer with the document."""
    asker = Asker(keeping, provider, test_id, CHAT)

    def script(exchange) -> None:
        exchange.read_body()
        exchange.turned = {"vary": "1"}
        reply_whole(exchange, 200, exchange.answer)

    provider.scripts[test_id] = script
    first = asker.ask(True)
    assert (first.cache, first.turn) == ("miss", 1) and first.body.startswith(b"{")
    second = asker.ask(True)
    assert second.cache in ("hit", "miss") and second.message.complete, second
    if second.cache == "hit":
        # Served again it is a stream, or the same document.
        assert second.body == first.body or second.body.endswith(b"data: [DONE]\n\n")


def test_an_encoded_answer_that_cannot_be_decoded_is_not_kept(keeping, provider, test_id):
    def script(exchange) -> None:
        exchange.turned = {"vary": "1"}
        if exchange.turn > 1:
            answer_as_asked(exchange)
            return
        exchange.read_body()
        fields = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
        exchange.reply(200, fields, b"\x1f\x8bthis is no gzip")

    provider.scripts[test_id] = script
    asker = Asker(keeping, provider, test_id, CHAT)
    first = assert_never_kept(asker, False)
    assert first.body == b"\x1f\x8bthis is no gzip"


def test_an_embedding_that_is_none_is_not_kept(keeping, provider, test_id):
    for number, bad in enumerate((b'{"object": "list", "data": []}', b'{"error": {"message": "x"}}', b"{}")):
        name = f"{test_id}-{number}"
        asker = Asker(keeping, provider, name, EMBEDDINGS)
        altered(provider, name, lambda _, bad=bad: bad)
        assert_never_kept(asker, False)


# MARK: leo itself


def test_what_is_kept_ends_with_the_process(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    leo.signal(signal.SIGTERM)
    assert leo.process.wait(30) == 0
    again = Asker(leo_with(cached()), provider, test_id, CHAT)
    assert_miss(again.ask(), 2)
