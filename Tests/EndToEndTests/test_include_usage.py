"""stream_options.include_usage: leo asks for it where a limit needs to know and the client did not, and the client sees
the stream that it asked for."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import pytest

import codings
from answers import Answer, Used
from harness import merged
from limiting import (
    CHAT, COMPLETIONS, MESSAGES, RESPONSES, Ask, ask, ask_over, assert_refused, at_once, limited, price_file,
)  # fmt: skip
from rawclient import RawClient, trusting

USED = "input=100 output=40 cached=30 reasoning=10"
ENFORCED = limited(tokens=at_once(100_000_000))


@pytest.fixture(scope="module")
def shared_counting(start):
    return start("counting", ENFORCED)


@pytest.fixture
def counting(shared_counting):
    """A leo that has to know what streams use."""
    assert shared_counting.alive()
    return shared_counting


@pytest.fixture
def direct(upstreams, certificates):
    """direct(kind, test_id, …): the same request straight to the provider."""

    def send(kind: Ask, test_id: str, fields: Dict[str, Any] = {}, **more):
        with RawClient(("127.0.0.1", upstreams[kind.host + ":443"].port), certificates.ca) as client:
            client.wire.start_tls(trusting(certificates.ca), kind.host)
            return ask_over(client, kind, test_id, True, fields, **more)

    return send


def spliced(sent: bytes, received: bytes) -> Optional[bytes]:
    """What was put into the document in one place, if everything else is as it was."""
    if len(received) <= len(sent):
        return None
    prefix = 0
    while prefix < len(sent) and sent[prefix] == received[prefix]:
        prefix += 1
    added = len(received) - len(sent)
    # The same bytes may be found at several places; one is enough.
    for place in range(prefix, -1, -1):
        if received[place + added :] == sent[place:] and received[:place] == sent[:place]:
            return received[place : place + added]
    return None


def asks_for_usage(body: bytes) -> bool:
    return json.loads(body).get("stream_options", {}).get("include_usage") is True


# MARK: The three conditions


@pytest.mark.parametrize("kind", [CHAT, COMPLETIONS], ids=["chat", "completions"])
@pytest.mark.parametrize("form", ["", "compact", "compact usage-first"])
def test_promise_1_the_client_sees_the_stream_that_it_asked_for(counting, provider, direct, test_id, kind, form):
    fields = {"x-test-used": USED, "x-test-json": form}
    answer = ask(counting, kind, test_id, True, fields)
    expected = direct(kind, test_id + "-direct", fields)
    assert answer.complete and answer.body == expected.body
    own = [(name, value) for name, value in answer.end_to_end if not name.lower().startswith(b"x-leo-")]
    mine = [(b"x-request-id", b"req-" + test_id.encode())]
    assert [field for field in own if field not in mine] == [
        field for field in expected.end_to_end if not field[1].startswith(b"req-")
    ]
    sent, received = kind.body(True), provider.of(test_id)[0].request.body
    assert spliced(sent, received) is not None and asks_for_usage(received)
    assert received != sent and json.loads(received) == {
        **json.loads(sent), "stream_options": {"include_usage": True},
    }  # fmt: skip
    line = counting.line_of_test(test_id)
    assert line["tokens"] == {"in": 100, "out": 40, "cached": 30, "reasoning": 10}
    assert (line["usage_source"], line["edits"]) == ("provider", {"include_usage": 1})


def test_promise_1_other_stream_options_stay(counting, provider, direct, test_id):
    body = b'{"model": "gpt-test", "stream_options" : { "include_obfuscation": false } , "stream": true, "messages":[]}'
    answer = ask(counting, CHAT, test_id, True, {"x-test-used": USED}, body=body)
    received = provider.of(test_id)[0].request.body
    assert spliced(body, received) is not None and asks_for_usage(received)
    assert json.loads(received)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert answer.body == direct(CHAT, test_id + "-direct", {"x-test-used": USED}, body=body).body


@pytest.mark.parametrize(
    "options", ["null", "{}", "{ }", '{"include_usage": null}'], ids=["null", "empty", "blank", "null-inside"]
)
def test_promise_1_options_that_say_nothing_are_as_none(counting, provider, direct, test_id, options):
    body = b'{"model":"gpt-test","messages":[],"stream_options":%s,"stream":true}' % options.encode()
    answer = ask(counting, CHAT, test_id, True, {"x-test-used": USED}, body=body)
    assert answer.status == 200 and answer.body == direct(CHAT, test_id + "-direct", {}, body=body).body
    assert asks_for_usage(provider.of(test_id)[0].request.body)
    assert counting.line_of_test(test_id)["usage_source"] == "provider"


UNTOUCHED = [
    ("no stream", b'{"model":"gpt-test","messages":[]}'),
    ("stream false", b'{"model":"gpt-test","messages":[],"stream":false}'),
    ("stream null", b'{"model":"gpt-test","messages":[],"stream":null}'),
    ("stream 1", b'{"model":"gpt-test","messages":[],"stream":1}'),
    ("stream as text", b'{"model":"gpt-test","messages":[],"stream":"true"}'),
    ("asked for", b'{"model":"gpt-test","messages":[],"stream":true,"stream_options":{"include_usage":true}}'),
    ("refused", b'{"model":"gpt-test","messages":[],"stream":true,"stream_options":{"include_usage":false}}'),
]


@pytest.mark.parametrize("body", [body for _, body in UNTOUCHED], ids=[name for name, _ in UNTOUCHED])
def test_promise_1_a_request_that_is_not_to_be_touched_is_not(counting, provider, test_id, body):
    answer = ask(counting, CHAT, test_id, True, {"x-test-used": USED}, body=body)
    if b'"true"' in body or b":1}" in body:
        # Such a stream flag may be a mistake to leo; if it is none, it is nothing to leo.
        if answer.status == 400:
            assert answer.first("x-leo-error") == "uninspectable"
            return
    assert answer.status == 200 and provider.of(test_id)[0].request.body == body
    line = counting.line_of_test(test_id)
    assert "edits" not in line
    asked = answer_to(body)
    assert answer.body == (b"".join(asked.events()) if asked.asked.get("stream") else asked.whole())


def answer_to(body: bytes) -> Answer:
    return Answer("openai-chat", json.loads(body), used=Used.parse(USED))


def test_an_explicit_no_is_respected_and_metered(counting, provider, test_id):
    body = b'{"model":"gpt-test","messages":[],"stream":true,"stream_options":{"include_usage":false}}'
    answer = ask(counting, CHAT, test_id, True, {"x-test-used": USED, "x-test-words": "100x20"}, body=body)
    assert answer.status == 200
    line = counting.line_of_test(test_id)
    assert line["usage_source"] == "metered" and 200 <= line["tokens"]["out"] <= 2000


@pytest.mark.parametrize(
    "changes",
    [{}, limited(requests="1000/min"), limited(concurrent=5), limited(tokens=at_once(10**8), mode="observe"),
     limited(tokens={"rate": "1000000/min", "mode": "observe"}), limited(models=["gpt-*"])],
    ids=["nothing", "requests", "concurrent", "observed", "one-observed", "models"],
)  # fmt: skip
def test_promise_1_nothing_is_asked_where_no_limit_needs_it(leo_with, provider, test_id, changes):
    leo = leo_with(changes)
    answer = ask(leo, CHAT, test_id, True, {"x-test-used": USED})
    assert provider.of(test_id)[0].request.body == CHAT.body(True)
    assert answer.body == b"".join(answer_to(CHAT.body(True)).events())


def test_a_budget_needs_to_know(leo_with, provider, tmp_path, test_id):
    leo = leo_with({**limited(budget="5 USD/day"), "prices": {"file": price_file(tmp_path)}})
    ask(leo, CHAT, test_id, True, {"x-test-used": USED})
    assert asks_for_usage(provider.of(test_id)[0].request.body)
    assert leo.line_of_test(test_id)["cost"] == 0.000819


@pytest.mark.parametrize("host", ["api.mistral.ai", "good.leo-test.example"])
def test_promise_1_a_provider_that_refuses_the_field_never_gets_it(counting, provider, test_id, host):
    kind = Ask("openai", host, CHAT.path, CHAT.path, CHAT.model, CHAT.limit, CHAT.dialect, CHAT.operation)
    answer = ask(counting, kind, test_id, True, {"x-test-used": USED})
    assert answer.status == 200 and provider.of(test_id)[0].request.body == kind.body(True)
    source = "provider" if host == "api.mistral.ai" else "metered"
    assert counting.line_of_test(test_id)["usage_source"] == source


def test_a_row_of_the_file_may_say_that_the_provider_takes_it(leo_with, provider, test_id):
    row = {"name": "stand-in", "hosts": ["*.leo-test.example"], "api": "openai", "stream_usage": True}
    leo = leo_with(merged(ENFORCED, {"provider": [row]}))
    host = "good.leo-test.example"
    kind = Ask("openai", host, CHAT.path, CHAT.path, CHAT.model, CHAT.limit, CHAT.dialect, CHAT.operation)
    ask(leo, kind, test_id, True, {"x-test-used": USED})
    assert asks_for_usage(provider.of(test_id)[0].request.body)
    assert leo.line_of_test(test_id)["usage_source"] == "provider"


@pytest.mark.parametrize("kind", [RESPONSES, MESSAGES], ids=["responses", "messages"])
def test_promise_1_dialects_that_always_say_it_are_not_asked(counting, provider, test_id, kind):
    ask(counting, kind, test_id, True, {"x-test-used": USED})
    assert provider.of(test_id)[0].request.body == kind.body(True)
    assert counting.line_of_test(test_id)["usage_source"] == "provider"


# MARK: Taking it out again, however it comes


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_promise_1_the_added_members_go_however_the_stream_is_cut_up(leo_with, provider, h2, test_id, size, protocol):
    row = {"name": "stand-in", "hosts": ["*.leo-test.example"], "api": "openai", "stream_usage": True}
    leo = leo_with(merged(ENFORCED, {"provider": [row]}))

    def script(exchange):
        asked = json.loads(exchange.read_body())
        assert asked["stream_options"] == {"include_usage": True}
        data = b"".join(Answer("openai-chat", asked, used=Used.parse(USED), compact=True).events())
        exchange.begin(200, [("Content-Type", "text/event-stream; charset=utf-8")])
        for start in range(0, len(data), size):
            exchange.piece(data[start : start + size])
        exchange.finish()

    provider.scripts[test_id] = script
    host = "good.leo-test.example"
    kind = Ask("openai", host, CHAT.path, CHAT.path, CHAT.model, CHAT.limit, CHAT.dialect, CHAT.operation)
    if protocol == "h2":
        answer = ask_over(h2(leo, "h2.leo-test.example"), kind, test_id, True)
    else:
        answer = ask(leo, kind, test_id, True)
    assert answer.complete
    plain = Answer("openai-chat", {"stream": True}, used=Used.parse(USED), compact=True)
    assert bytes(answer.body) == b"".join(plain.events())
    assert leo.line_of_test(test_id)["tokens"]["in"] == 100


def test_promise_4_events_are_relayed_as_they_come_although_they_are_edited(counting, provider, test_id):
    """The provider sends the next one only when the client has the one before."""
    import threading

    arrived = [threading.Event() for _ in range(20)]
    held = threading.Event()

    def script(exchange):
        asked = json.loads(exchange.read_body())
        events = Answer("openai-chat", asked, ["word%d " % number for number in range(20)], compact=True).events()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        for number, event in enumerate(events):
            exchange.piece(event)
            if number < 20 and not arrived[number].wait(20):
                held.set()
                exchange.end("reset")
                return
        exchange.finish()

    provider.scripts[test_id] = script
    seen = bytearray()

    def note(data: bytes) -> None:
        seen.extend(data)
        for number in range(20):
            if b"word%d " % number in seen:
                arrived[number].set()

    with counting.client().intercepted() as client:
        message = ask_over(client, CHAT, test_id, True, begun=True)
        client.reader.on_data = note
        client.reader.body(message)
    assert message.complete and not held.is_set()


@pytest.mark.parametrize("name", codings.NAMES)
def test_promise_1_an_encoded_stream_is_edited_too(counting, provider, test_id, name):
    """leo asks for no coding where it has to edit; a provider that encodes all the same is understood."""
    fields = {"x-test-used": USED, "x-test-encoding": name, "accept-encoding": name}
    answer = ask(counting, CHAT, test_id, True, fields)
    assert answer.complete
    body = answer.body
    coding = answer.first("content-encoding")
    assert decoded(coding, body) == b"".join(answer_to(CHAT.body(True)).events())
    assert counting.line_of_test(test_id)["tokens"]["in"] == 100


def decoded(name: Optional[str], data: bytes) -> bytes:
    import zlib

    if name in ("gzip", "deflate"):
        return zlib.decompress(data, 31 if name == "gzip" else 15)
    if name == "br":
        import brotli

        return brotli.decompress(data)
    if name == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def test_promise_1_the_coding_of_a_request_stays_the_clients(counting, provider, test_id):
    """Whatever leo does, the body that arrives is what was sent or that with the one member more."""
    body = CHAT.body(True)
    fields = {"content-encoding": "gzip", "x-test-used": USED, "content-type": "application/json"}
    answer = ask(counting, CHAT, test_id, True, fields, body=codings.encoded("gzip", body))
    assert answer.status == 200
    request = provider.of(test_id)[0].request
    received = decoded(request.first("content-encoding"), request.body)
    assert request.first("content-encoding") == "gzip", "the coding stays the client's"
    assert received == body or (spliced(body, received) is not None and asks_for_usage(received))
    assert counting.line_of_test(test_id)["tokens"]["in"] >= 1


def test_a_stream_with_the_usage_taken_out_still_counts_against_the_limit(leo_with, test_id):
    leo = leo_with(limited(tokens=at_once(1000)))
    assert ask(leo, CHAT, test_id, True, {"x-test-used": "input=900 output=95"}, output=20).status == 200
    leo.line_of_test(test_id)
    assert_refused(ask(leo, CHAT, test_id + "-2", True, output=20), 429, "rate_limited", retryable=True)
