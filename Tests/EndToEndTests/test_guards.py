"""Guards, requests that leo cannot read, and limits that only look on."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

import codings
from harness import sanitized, wait_until
from limiting import (
    ASKS, CHAT, COHERE_CHAT, COMPLETIONS, CONVERSE, GENERATE, MESSAGES, NAMES, RESPONSES, ask, ask_over, assert_refused,
    at_once, error_of, limited, price_file,
)  # fmt: skip
from test_include_usage import spliced
from wires import fields_of, head

EDITED = [CHAT, COMPLETIONS, RESPONSES, MESSAGES, GENERATE, COHERE_CHAT]
EDITED_NAMES = ["chat", "completions", "responses", "messages", "gemini", "cohere"]


# MARK: Models


@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_a_model_that_is_not_listed_is_refused(leo_with, provider, test_id, kind):
    leo = leo_with(limited(models=["listed-*", "*.listed"]))
    assert_refused(ask(leo, kind, test_id), 403, "model_refused", retryable=False)
    assert provider.of(test_id) == []
    assert ask(leo, kind, test_id, model="listed-7").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[]}',
        b'{"model":null,"messages":[]}',
        b'{"model":7,"messages":[]}',
        b'{"model":["listed"],"messages":[]}',
        b'{"model":"listed","model":"other","messages":[]}',
        b'{"model":"other","model":"listed","messages":[]}',
        b'{"messages":[{"model":"listed"}]}',
        b'{"model":"LISTED ","messages":[]}',
        b'{"model":"","messages":[]}',
        b'{"mod\\u0065l":"other","messages":[]}',
        b'{"model":"listed\\u0000","messages":[]}',
    ],
)
def test_a_model_cannot_be_hidden(leo_with, provider, test_id, body):
    leo = leo_with(limited(models=["listed"]))
    answer = ask(leo, CHAT, test_id, body=body)
    assert answer.status in (400, 403) and error_of(answer) in ("model_refused", "uninspectable"), answer.body
    assert provider.of(test_id) == []


def test_promise_1_a_model_written_with_escapes_passes_as_it_is(leo_with, provider, test_id):
    leo = leo_with(limited(models=["listed"]))
    body = b'{"messages":[],"mod\\u0065l":"list\\u0065d"}'
    assert ask(leo, CHAT, test_id, body=body).status == 200
    assert provider.of(test_id)[0].request.body == body
    assert leo.line_of_test(test_id)["model"] == "listed"


# MARK: The longest answer


@pytest.mark.parametrize("kind", EDITED, ids=EDITED_NAMES)
def test_promise_1_a_cap_replaces_the_number_and_nothing_else(leo_with, provider, test_id, kind):
    leo = leo_with(limited(max_output_tokens=100))
    sent = kind.body(output=123456)
    assert ask(leo, kind, test_id, output=123456).status == 200
    assert provider.of(test_id)[0].request.body == sent.replace(b"123456", b"100")
    line = leo.line_of_test(test_id)
    assert line["edits"] == {"output_limit": 1}


@pytest.mark.parametrize("kind", EDITED, ids=EDITED_NAMES)
@pytest.mark.parametrize("output", [100, 99, 1])
def test_promise_1_a_request_within_the_cap_stays(leo_with, provider, test_id, kind, output):
    leo = leo_with(limited(max_output_tokens=100))
    assert ask(leo, kind, test_id, output=output).status == 200
    assert provider.of(test_id)[0].request.body == kind.body(output=output)


@pytest.mark.parametrize("kind", [kind for kind in EDITED if kind is not MESSAGES])
def test_promise_1_a_request_without_a_bound_is_given_one(leo_with, provider, test_id, kind):
    leo = leo_with(limited(max_output_tokens=100))
    sent = kind.body()
    assert ask(leo, kind, test_id).status == 200
    received = provider.of(test_id)[0].request.body
    assert spliced(sent, received) is not None, received
    inner: Any = json.loads(received)
    if kind is GENERATE:
        inner = inner["generationConfig"]["maxOutputTokens"]
    else:
        inner = next(inner[name] for name in (kind.limit[-1], "max_tokens") if name in inner)
    assert inner == 100


def test_promise_1_the_older_name_of_the_bound_is_capped_too(leo_with, provider, test_id):
    leo = leo_with(limited(max_output_tokens=100))
    body = b'{"model": "gpt-test", "max_tokens": 123456, "messages": []}'
    assert ask(leo, CHAT, test_id, body=body).status == 200
    assert provider.of(test_id)[0].request.body == body.replace(b"123456", b"100")


def test_both_names_of_the_bound_are_capped(leo_with, provider, test_id):
    leo = leo_with(limited(max_output_tokens=100))
    body = b'{"model": "gpt-test", "max_tokens": 123456, "max_completion_tokens": 123456, "messages": []}'
    answer = ask(leo, CHAT, test_id, body=body)
    if answer.status == 200:
        assert b"123456" not in provider.of(test_id)[0].request.body
    else:
        assert answer.status in (400, 403) and provider.of(test_id) == []


@pytest.mark.parametrize("kind", EDITED, ids=EDITED_NAMES)
def test_a_request_for_more_may_be_refused_instead(leo_with, provider, test_id, kind):
    leo = leo_with(limited(max_output_tokens=100, max_output_action="refuse"))
    answer = ask(leo, kind, test_id, output=101)
    assert answer.status in (400, 403)
    assert_refused(answer, answer.status, "output_limit_refused", retryable=False)
    assert provider.of(test_id) == []
    assert ask(leo, kind, test_id, output=100).status == 200


def test_promise_1_a_signed_request_is_refused_and_never_edited(leo_with, provider, test_id):
    leo = leo_with(limited(max_output_tokens=100))
    answer = ask(leo, CONVERSE, test_id, output=101)
    assert error_of(answer) == "output_limit_refused" and provider.of(test_id) == []
    assert ask(leo, CONVERSE, test_id + "-2", output=100).status == 200
    assert provider.of(test_id + "-2")[0].request.body == CONVERSE.body(output=100)


@pytest.mark.parametrize("value", ["-1", "1.5", '"5"', "true", "1e99", "[]", "99999999999999999999"])
def test_a_bound_that_is_none_does_not_get_around_the_guard(leo_with, provider, test_id, value):
    leo = leo_with(limited(max_output_tokens=100))
    body = b'{"model": "gpt-test", "max_completion_tokens": %s, "messages": []}' % value.encode()
    answer = ask(leo, CHAT, test_id, body=body)
    if answer.status == 200:
        assert json.loads(provider.of(test_id)[0].request.body)["max_completion_tokens"] == 100
    else:
        assert answer.status in (400, 403) and provider.of(test_id) == []


def test_promise_8_both_edits_of_one_request_are_counted_and_leave_the_rest(leo_with, provider, test_id):
    leo = leo_with(limited(max_output_tokens=100, tokens=at_once(100_000)))
    assert ask(leo, CHAT, test_id, True, output=123456).status == 200
    received = provider.of(test_id)[0].request.body
    sent = CHAT.body(True, output=123456).replace(b"123456", b"100")
    assert spliced(sent, received) is not None
    assert leo.line_of_test(test_id)["edits"] == {"include_usage": 1, "output_limit": 1}


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_promise_1_an_edited_request_keeps_its_framing_true(leo_with, provider, test_id, framing):
    leo = leo_with(limited(max_output_tokens=100))
    body = CHAT.body(output=123456)
    with leo.client().intercepted() as client:
        fields = [("content-type", "application/json"), ("x-test-id", test_id)]
        for _ in range(2):
            if framing == "chunked":
                client.request("POST", CHAT.path, fields, pieces=[body[:40], body[40:]])
                assert client.answer().status == 200
            else:
                assert client.exchange("POST", CHAT.path, fields, body).status == 200
    for exchange in provider.of(test_id):
        assert exchange.request.complete and not exchange.request.violations
        assert exchange.request.body == body.replace(b"123456", b"100")


# MARK: The largest body


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("kind", [CHAT, MESSAGES, GENERATE, CONVERSE], ids=["openai", "anthropic", "gemini", "bedrock"])
def test_promise_4_a_body_above_max_body_is_refused(leo_with, provider, test_id, kind, framing):
    leo = leo_with(limited(max_body="10KB"))
    body = kind.body(content="x" * 20_000)
    with leo.client().intercepted(kind.host) as client:
        fields = [("content-type", "application/json"), ("x-test-id", test_id)]
        more: Dict[str, Any] = {"pieces": [body[:9000], body[9000:]]} if framing == "chunked" else {"body": body}
        client.request("POST", kind.target(), fields, host=kind.host, **more)
        assert_refused(client.answer(), 413, "body_too_large", retryable=False)
    assert not [exchange for exchange in provider.of(test_id) if exchange.request.complete]
    assert ask(leo, kind, test_id + "-2", content="x" * 5000).status == 200


def growth_max(leo, megabytes: int) -> int:
    # AddressSanitizer keeps freed memory in quarantine and shadows the rest.
    return megabytes * 1024 * 1024 * (8 if sanitized(leo.binary) else 1)


def test_promise_4_a_body_of_100_megabytes_is_refused_or_streams_through(leo_with, provider, test_id):
    """A guard has to see the whole: too large. A limit goes by the length, and the body streams."""
    size = 100 * 1024 * 1024

    def upload(leo, name: str):
        with leo.client(60).intercepted() as client:
            lines = fields_of([
                ("Host", CHAT.host), ("content-type", "application/json"), ("x-test-id", name),
                ("Content-Length", str(size)),
            ])  # fmt: skip
            client.expect_answer_to("POST")
            client.send(head(f"POST {CHAT.path} HTTP/1.1", lines))
            opening = b'{"model":"gpt-test","messages":[{"role":"user","content":"'
            piece = b"words and " * 6400
            left = size - len(opening) - 4
            try:
                client.send(opening)
                while left > 0 and not client.wire.pending(0):
                    client.send(piece[:left])
                    left -= len(piece[:left])
                if left == 0:
                    client.send(b'"}]}')
            except OSError:
                pass
            return client.answer()

    guarded = leo_with(limited(models=["gpt-*"]))
    assert_refused(upload(guarded, test_id), 413, "body_too_large", retryable=False)
    small = leo_with(limited(tokens="10M/min burst 1M"))
    assert_refused(upload(small, test_id), 400, "limit_unreachable", retryable=False)
    assert not [exchange for exchange in provider.of(test_id) if exchange.request.complete]
    large = leo_with(limited(tokens=at_once(1_000_000_000)))
    before = large.resident_bytes()
    answer = upload(large, test_id + "-large")
    assert answer.status == 200, answer.body
    assert large.resident_bytes() - before < growth_max(large, 64)
    (exchange,) = provider.of(test_id + "-large")
    assert exchange.request.body_size == size


# MARK: What leo cannot read

UNREADABLE = [
    ("no JSON", b"this is no JSON"),
    ("cut off", b'{"model":"gpt-test","messages":['),
    ("two documents", b'{"model":"gpt-test","messages":[]}{}'),
    ("a list", b'[{"model":"gpt-test"}]'),
    ("a string", b'"gpt-test"'),
    ("keys twice", b'{"model":"gpt-test","messages":[],"messages":[]}'),
    ("keys twice by an escape", b'{"model":"gpt-test","messages":[],"m\\u0065ssages":[]}'),
    ("bad UTF-8", b'{"model":"gpt-test","messages":[{"role":"user","content":"\xff\xfe"}]}'),
    ("lone surrogate", b'{"model":"gpt-test","messages":[{"role":"user","content":"\\ud800"}]}'),
    ("bad number", b'{"model":"gpt-test","messages":[],"n":01}'),
    ("too deep", b'{"model":"gpt-test","messages":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    ("UTF-16", '{"model":"gpt-test","messages":[]}'.encode("utf-16")),
]


@pytest.fixture(scope="module")
def shared_strict(start):
    return start("strict", limited(tokens=at_once(1_000_000_000)))


@pytest.fixture(scope="module")
def shared_lenient(start):
    return start("lenient", limited({"on_uninspectable": "pass"}, tokens=at_once(1_000_000_000)))


@pytest.mark.parametrize("body", [body for _, body in UNREADABLE], ids=[name for name, _ in UNREADABLE])
def test_promise_6_a_body_that_leo_cannot_read_is_refused(shared_strict, provider, test_id, body):
    answer = ask(shared_strict, CHAT, test_id, body=body)
    assert_refused(answer, 400, "uninspectable", retryable=False)
    assert provider.of(test_id) == []
    line = shared_strict.line_of_test(test_id)
    assert line["error"] == "uninspectable" and line["error_detail"]
    # The words say where, never what.
    assert "gpt-test" not in line["error_detail"]


@pytest.mark.parametrize("body", [body for _, body in UNREADABLE], ids=[name for name, _ in UNREADABLE])
def test_promise_1_a_body_that_leo_cannot_read_passes_as_it_is_where_the_file_says_so(
    shared_lenient, provider, test_id, body
):
    answer = ask(shared_lenient, CHAT, test_id, body=body)
    assert answer.status == 200, answer.body
    assert provider.of(test_id)[0].request.body == body


@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_promise_6_the_refusal_of_a_body_has_the_providers_shape(shared_strict, test_id, kind):
    value = assert_refused(ask(shared_strict, kind, test_id, body=b"{"), 400, "uninspectable", retryable=False)
    if kind.sdk in ("openai", "anthropic"):
        assert value["error"]["type"] == "invalid_request_error"
    elif kind.sdk == "gemini":
        assert value["error"]["status"] == "INVALID_ARGUMENT"
    else:
        assert value["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/x-ndjson", "x"])
def test_promise_6_another_content_type_gives_no_free_ride(shared_strict, provider, test_id, content_type):
    """Refused, or read and counted all the same."""
    fields = {"content-type": content_type, "x-test-used": "input=100 output=50"}
    answer = ask(shared_strict, CHAT, test_id, fields=fields)
    line = shared_strict.line_of_test(test_id)
    if answer.status == 200:
        assert line["tokens"] == {"in": 100, "out": 50} and line["model"] == CHAT.model
    else:
        assert_refused(answer, 400, "uninspectable", retryable=False)
        assert provider.of(test_id) == []


@pytest.mark.parametrize("name", codings.NAMES)
def test_promise_1_an_encoded_body_is_counted_and_passes_as_it_is(leo_with, provider, test_id, name):
    """A prompt of thousands of tokens in a body of a few dozen bytes."""
    if name == "deflate":
        pytest.skip("no SDK sends it")
    leo = leo_with(limited(tokens="1M/min burst 1000"))
    large = codings.encoded(name, CHAT.body(content="word " * 20_000, output=10))
    assert len(large) < 1000
    fields = {"content-encoding": name}
    assert_refused(ask(leo, CHAT, test_id, fields=fields, body=large), 400, "limit_unreachable", retryable=False)
    assert provider.of(test_id) == []
    small = codings.encoded(name, CHAT.body(output=10))
    assert ask(leo, CHAT, test_id + "-2", fields=fields, body=small).status == 200
    request = provider.of(test_id + "-2")[0].request
    assert request.body == small and request.first("content-encoding") == name
    assert leo.line_of_test(test_id + "-2")["model"] == CHAT.model


@pytest.mark.parametrize("name, body", [("gzip", b"this is no gzip"), ("br", b"\xff" * 40), ("cow", b"moo")])
def test_promise_6_a_coding_that_is_broken_or_unknown_is_refused(shared_strict, provider, test_id, name, body):
    answer = ask(shared_strict, CHAT, test_id, fields={"content-encoding": name}, body=body)
    assert_refused(answer, 400, "uninspectable", retryable=False)
    assert provider.of(test_id) == []


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_promise_4_a_body_that_unpacks_to_very_much_is_not_unpacked(shared_strict, provider, test_id, name):
    """200 MB of blanks in a document."""
    encoder = codings.Encoder(name)
    pieces = encoder.pieces([b'{"model":"gpt-test","messages":['] + [b" " * 1_000_000] * 200 + [b"]}"])
    body = b"".join(pieces)
    before = shared_strict.resident_bytes()
    answer = ask(shared_strict, CHAT, test_id, fields={"content-encoding": name}, body=body)
    assert shared_strict.resident_bytes() - before < growth_max(shared_strict, 128)
    # By its length it may pass as a body that nobody has to see whole; never read half and taken for the whole.
    if answer.status != 200:
        assert error_of(answer) in ("body_too_large", "uninspectable", "limit_unreachable"), answer.body


# MARK: What leo does not know


@pytest.mark.parametrize("path", ["/v1/something-new", "/v1/chat/complete", "/", "/v9/a/b/c"])
def test_promise_6_an_unknown_operation_is_refused_where_tokens_are_limited(shared_strict, provider, test_id, path):
    with shared_strict.client().intercepted() as client:
        fields = [("content-type", "application/json"), ("x-test-id", test_id)]
        answer = client.exchange("POST", path, fields, CHAT.body())
    assert answer.status in (400, 403) and error_of(answer) == "uninspectable", answer.body
    assert answer.first("x-should-retry") == "false" and json.loads(answer.body)["error"]
    assert provider.of(test_id) == []
    assert shared_strict.line_of_test(test_id)["error"] == "uninspectable"


def test_promise_6_an_unknown_operation_passes_where_the_file_says_so_and_counts_as_a_request(leo_with, provider, test_id):
    leo = leo_with(limited({"on_uninspectable": "pass"}, tokens=at_once(1000), requests="1/day burst 1"))
    with leo.client().intercepted() as client:
        fields = [("content-type", "application/json"), ("x-test-id", test_id)]
        assert client.exchange("POST", "/v1/something-new", fields, b"{ }").status == 200
        assert leo.line_of_test(test_id)["operation"] == "unknown"
        assert error_of(client.exchange("POST", "/v1/something-new", fields, b"{ }")) == "rate_limited"
    assert [exchange.request.body for exchange in provider.of(test_id)] == [b"{ }"]


def test_an_unknown_operation_is_nothing_to_limits_of_requests(leo_with, test_id):
    leo = leo_with(limited(requests="2/day burst 2"))
    with leo.client().intercepted() as client:
        fields = [("x-test-id", test_id)]
        statuses = [client.exchange("POST", "/v1/something-new", fields, b"{}").status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_lists_of_models_need_no_reading(shared_strict, test_id):
    with shared_strict.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 200
    line = shared_strict.line_of_test(test_id)
    assert "tokens" not in line and line["operation"].startswith("models")


def test_promise_6_a_websocket_is_refused_where_tokens_are_limited(shared_strict, leo_with, provider, test_id):
    fields = [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("x-test-id", test_id),
    ]  # fmt: skip
    with shared_strict.client().intercepted() as client:
        answer = client.exchange("GET", "/v1/realtime?model=gpt-test", fields)
    value = assert_refused(answer, 403, "uninspectable", retryable=False)
    assert value["error"]["message"] and provider.of(test_id) == []
    line = shared_strict.line_of_test(test_id)
    assert (line["status"], line["error"]) == (403, "uninspectable")


def test_promise_6_a_websocket_of_http_2_is_refused_where_tokens_are_limited(leo_with, provider, h2, test_id):
    leo = leo_with(limited(tokens=at_once(100_000)))
    client = h2(leo)
    lines = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
        (":authority", "good.leo-test.example"), (":path", "/v1/realtime?model=gpt-test"), ("x-test-id", test_id),
        ("sec-websocket-version", "13"),
    ]  # fmt: skip
    stream = client.link.open_stream(fields_of(lines), False)
    answer = stream.body()
    assert (answer.status, error_of(answer)) == (403, "uninspectable")
    assert provider.of(test_id) == []


@pytest.mark.parametrize(
    "host, path, body",
    [
        (CHAT.host, "/v1/batches", b'{"input_file_id":"file-1","endpoint":"/v1/responses","completion_window":"24h"}'),
        (MESSAGES.host, "/v1/messages/batches", b'{"requests":[]}'),
        (GENERATE.host, "/v1beta/models/gemini-test:batchGenerateContent", b'{"batch":{}}'),
    ],
    ids=["openai", "anthropic", "gemini"],
)
def test_promise_6_a_batch_is_refused_where_nobody_would_meter_it(shared_strict, leo_with, provider, test_id, host, path, body):
    fields = [("content-type", "application/json"), ("x-test-id", test_id)]
    with shared_strict.client().intercepted(host) as client:
        answer = client.exchange("POST", path, fields, body, host=host)
        assert_refused(answer, 403, "unmetered", retryable=False)
    assert provider.of(test_id) == []
    leo = leo_with(limited(tokens=at_once(1000), unmetered="allow"))
    with leo.client().intercepted(host) as client:
        assert client.exchange("POST", path, fields, body, host=host).status == 200
        # To look at one's batches starts nothing.
    if host != GENERATE.host:
        with shared_strict.client().intercepted(host) as client:
            assert client.exchange("GET", path, [("x-test-id", test_id)], host=host).status == 200


def test_a_background_response_is_metered_or_refused(shared_strict, provider, test_id):
    body = b'{"model":"gpt-test","input":"hello","background":true}'
    answer = ask(shared_strict, RESPONSES, test_id, body=body)
    line = shared_strict.line_of_test(test_id)
    if answer.status == 200:
        assert line["tokens"]["in"] > 0
    else:
        assert error_of(answer) in ("unmetered", "uninspectable")


# MARK: Promise 7: observe before enforce


OBSERVED = [
    ("requests", {"requests": "1/day burst 1"}, {}),
    ("tokens", {"tokens": "1M/min burst 2"}, {}),
    ("budget", {"budget": "0.000001 USD/day"}, {}),
    ("concurrent", {"concurrent": 1}, {}),
    ("models", {"models": ["none"]}, {}),
    ("cap", {"max_output_tokens": 5}, {}),
    ("refuse", {"max_output_tokens": 5, "max_output_action": "refuse"}, {}),
    ("max_body", {"max_body": "10B"}, {}),
    ("unpriced", {"budget": "5 USD/day"}, {"model": "nobody-knows"}),
    ("on_exhausted", {"tokens": at_once(100), "on_exhausted": "error"}, {}),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("limits, more", [row[1:] for row in OBSERVED], ids=[row[0] for row in OBSERVED])
def test_promise_7_observe_changes_nothing_and_writes_what_it_would(
    leo_with, leo, provider, tmp_path, test_id, limits, more, stream
):
    settings = limited(mode="observe", **limits)
    if "budget" in limits:
        settings["prices"] = {"file": price_file(tmp_path)}
    watching = leo_with(settings)
    fields = {"x-test-used": "input=200 output=300", "x-test-words": "100x20"}
    with watching.client().intercepted() as one, leo.client().intercepted() as other:
        if "concurrent" in limits:
            held = watching.client().intercepted()
            ask_over(held, CHAT, test_id + "-held", True, {"x-test-gate": test_id}, begun=True)
        for number in range(2):
            observed = ask_over(one, CHAT, f"{test_id}-{number}", stream, fields, output=50, **more)
            expected = ask_over(other, CHAT, f"{test_id}-{number}", stream, fields, output=50, **more)
            assert observed.complete and observed.body == expected.body
            assert observed.first_line == expected.first_line
            assert observed.end_to_end == expected.end_to_end
            first, second = [exchange.request for exchange in provider.of(f"{test_id}-{number}")]
            assert first.raw_head == second.raw_head and first.body == second.body
        if "concurrent" in limits:
            provider.gate(test_id).set()
            held.close()
    line = watching.line_of_test(f"{test_id}-1")
    assert line["would"] and "error" not in line, line
    assert all(isinstance(text, str) for text in line["would"])
    assert "would" not in leo.line_of_test(f"{test_id}-1")


@pytest.mark.parametrize("body", [body for _, body in UNREADABLE[:4]], ids=[name for name, _ in UNREADABLE[:4]])
def test_promise_7_what_cannot_be_read_passes_where_limits_only_look_on(leo_with, provider, test_id, body):
    leo = leo_with(limited(mode="observe", tokens=at_once(1000)))
    assert ask(leo, CHAT, test_id, body=body).status == 200
    assert provider.of(test_id)[0].request.body == body
    assert any("uninspectable" in text for text in leo.line_of_test(test_id)["would"])


def test_promise_7_one_limit_may_look_on_while_another_holds(leo_with, test_id):
    leo = leo_with(limited(requests=["2/day burst 2"], tokens={"rate": "1M/min", "burst": 2, "mode": "observe"}))
    assert [ask(leo, CHAT, f"{test_id}-{number}").status for number in range(3)] == [200, 200, 429]
    assert any("tokens" in text for text in leo.line_of_test(test_id + "-0")["would"])


def test_promise_7_off_is_off(leo_with, provider, test_id):
    leo = leo_with(limited(mode="off", requests="1/day burst 1", models=["none"], tokens=at_once(10)))
    for _ in range(2):
        assert ask(leo, CHAT, test_id, True).status == 200
    assert provider.of(test_id)[1].request.body == CHAT.body(True)
    wait_until(lambda: len(leo.lines()) == 2, "the lines")
    assert not [line for line in leo.lines() if "would" in line or "limit" in line]
