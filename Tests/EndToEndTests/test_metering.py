"""What answers used and what they cost: who is charged how much, whatever becomes of the answer."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from typing import Any, Dict, List

import pytest

import codings
from answers import Answer, Used
from harness import merged, wait_until
from limiting import (
    ASKS, CHAT, COMPLETIONS, CONVERSE, GENERATE, GENERATE_ARRAY, MESSAGES, NAMES, RESPONSES, Ask, ask, ask_over,
    assert_refused, at_once, cost_of, limited, price_file, used_of,
)  # fmt: skip

USED = Used(input=1000, output=400, cached=300, reasoning=100)


@pytest.fixture(scope="module")
def prices(tmp_path_factory) -> Dict[str, Any]:
    return {"prices": {"file": price_file(tmp_path_factory.mktemp("prices"))}}


@pytest.fixture(scope="module")
def shared_metered(start, prices):
    """A leo with limits that are never reached: everything is counted, nothing refused."""
    return start("metered", {**limited(tokens=at_once(1_000_000_000), budget="1000000 USD/day"), **prices})


@pytest.fixture
def metered(shared_metered):
    assert shared_metered.alive()
    return shared_metered


# MARK: Cost, by hand

# In micro-dollars, of 3.00, 15.00, 0.30, 3.75 and 6.00 dollars per million of input, output, cached input, cache write
# and cache write for an hour.
PLAIN = "input=1000 output=400 reasoning=100"  # 1000 × 3 + 400 × 15
CACHED = "input=1000 output=400 cached=300 reasoning=100"  # 700 × 3 + 300 × 0.3 + 400 × 15
WRITTEN = "input=1000 output=400 cached=300 cache_write=200"  # 500 × 3 + 300 × 0.3 + 200 × 3.75 + 400 × 15
LONG = "input=1000 output=400 cached=300 cache_write=200 long_cache_write=100"  # 400 × 3 + … + 100 × 6
ODD = "input=1 output=1 cached=1"  # 0.3 + 15
COSTS = [
    (CHAT, PLAIN, "0.009"), (CHAT, CACHED, "0.00819"), (CHAT, ODD, "0.0000153"),
    (COMPLETIONS, CACHED, "0.00819"), (RESPONSES, PLAIN, "0.009"), (RESPONSES, CACHED, "0.00819"),
    (MESSAGES, PLAIN, "0.009"), (MESSAGES, CACHED, "0.00819"), (MESSAGES, WRITTEN, "0.00834"),
    (MESSAGES, LONG, "0.00864"),
    (GENERATE, PLAIN, "0.009"), (GENERATE, CACHED, "0.00819"),
    (ASKS[5], CACHED, "0.00819"), (ASKS[6], "input=1000 output=400", "0.009"),
    (CONVERSE, PLAIN, "0.009"), (CONVERSE, CACHED, "0.00819"), (CONVERSE, WRITTEN, "0.00834"),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind, used, cost", COSTS, ids=lambda value: getattr(value, "dialect", value))
def test_the_cost_is_the_sum_by_hand_to_the_micro_dollar(metered, test_id, kind, used, cost, stream):
    answer = ask(metered, kind, test_id, stream, {"x-test-used": used, "x-test-model": kind.model}, output=500)
    assert answer.status == 200 and answer.complete, answer.body
    line = metered.line_of_test(test_id)
    said = Used.parse(used)
    expected = {"in": said.input, "out": said.output}
    for name, number in (("cached", said.cached), ("cache_write", said.cache_write + said.long_cache_write)):
        if number:
            expected[name] = number
    if said.reasoning and kind.dialect not in ("anthropic-messages", "bedrock-converse", "cohere-chat"):
        expected["reasoning"] = said.reasoning
    assert line["tokens"] == expected
    assert line["usage_source"] == "provider"
    assert cost_of(line) == Decimal(cost)
    assert (line["dialect"], line["operation"]) == (kind.dialect, kind.operation[stream])
    assert line["model"] == kind.model
    if kind.sdk not in ("cohere", "bedrock"):
        assert line["model_answered"] == kind.model


@pytest.mark.parametrize(
    "host, used, cost",
    [
        ("api.groq.com", PLAIN, "0.009"),
        ("api.deepseek.com", CACHED, "0.00819"),
        ("api.mistral.ai", PLAIN, "0.009"),
        ("openrouter.ai", CACHED, "0.00819"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_speaks_openais_dialect_with_an_accent_is_understood(metered, test_id, host, used, cost, stream):
    path = {"api.groq.com": "/openai/v1/chat/completions", "openrouter.ai": "/api/v1/chat/completions"}.get(host)
    path = path or "/v1/chat/completions"
    kind = Ask("openai", host, path, path, "gpt-test", CHAT.limit, CHAT.dialect, CHAT.operation)
    fields = {"x-test-used": used, "x-test-model": kind.model}
    # OpenRouter says what was used to those who ask, as OpenAI does.
    body = dict(kind.document(stream), **({"stream_options": {"include_usage": True}} if stream else {}))
    if host == "api.mistral.ai":
        body.pop("stream_options", None)
    answer = ask(metered, kind, test_id, stream, fields, body=json.dumps(body).encode())
    assert answer.status == 200, answer.body
    line = metered.line_of_test(test_id)
    assert (line["usage_source"], line["dialect"]) == ("provider", "openai-chat")
    assert cost_of(line) == Decimal(cost)


@pytest.mark.parametrize("name", codings.NAMES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_an_encoded_answer_used_is_known(metered, test_id, name, stream):
    fields = {"x-test-used": CACHED, "x-test-encoding": name, "accept-encoding": name}
    body = json.dumps(dict(CHAT.document(stream), stream_options={"include_usage": True})).encode()
    answer = ask(metered, CHAT, test_id, stream, fields, body=body)
    assert answer.status == 200 and answer.complete
    line = metered.line_of_test(test_id)
    assert line["usage_source"] == "provider" and cost_of(line) == Decimal("0.00819")


def test_a_model_without_a_price_has_no_cost_rather_than_none(start, test_id, leo_with, prices):
    leo = leo_with({**limited(tokens=at_once(1_000_000)), **prices})
    assert ask(leo, CHAT, test_id, model="nobody-knows", fields={"x-test-model": "nobody-knows"}).status == 200
    line = leo.line_of_test(test_id)
    assert "cost" not in line and line["usage_source"] == "provider"


def test_a_budget_and_a_model_without_a_price(leo_with, provider, prices, test_id):
    """Without a price a budget cannot hold: refused, unless the file says otherwise."""
    leo = leo_with({**limited(budget="1 USD/day"), **prices})
    answer = ask(leo, CHAT, test_id, model="nobody-knows")
    assert_refused(answer, 403, "unpriced", retryable=False)
    assert provider.of(test_id) == []
    leo = leo_with({**limited(budget="1 USD/day", unpriced="allow"), **prices})
    assert ask(leo, CHAT, test_id, model="nobody-knows").status == 200


@pytest.mark.parametrize("path, dialect", [("/v1/embeddings", "openai-embeddings")])
def test_embeddings_cost_their_input(metered, test_id, path, dialect):
    kind = Ask("openai", CHAT.host, path, path, "gpt-test", ("none",), dialect, ("embeddings", "embeddings"))
    assert ask(metered, kind, test_id, fields={"x-test-used": "input=1000 output=0"}).status == 200
    line = metered.line_of_test(test_id)
    assert (line["dialect"], line["tokens"]["in"]) == (dialect, 1000)
    assert cost_of(line) == Decimal("0.003")


# MARK: Charged whatever becomes of the answer


# The gate is before the last event, where the provider would say what was used.
@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_promise_6_a_client_that_leaves_just_before_the_usage_is_charged(leo_with, provider, test_id, kind, how):
    leo = leo_with(limited(tokens=at_once(500)))
    fields = {"x-test-words": "300x20", "x-test-gate": test_id, "x-test-gate-at": "-1"}
    client = leo.client().intercepted(kind.host)
    message = ask_over(client, kind, test_id, True, fields, begun=True, output=20)
    assert message.status == 200
    received = bytearray()
    # What the last event before the gate has.
    last = b'"STOP"' if kind is GENERATE_ARRAY else b"word298"

    def note(data: bytes) -> None:
        received.extend(data)
        if last in received:
            raise Enough

    client.reader.on_data = note
    with pytest.raises(Enough):
        client.reader.body(message)
    client.reset() if how == "reset" else client.wire.half_close()
    line = leo.line_of_test(test_id)
    client.close()
    provider.gate(test_id).set()
    # The last event of Gemini's array is its closing bracket; what was used has been said before.
    source = "provider" if kind is GENERATE_ARRAY else "metered"
    assert (line["error"], line["usage_source"]) == ("client_gone", source), line
    assert line["tokens"]["in"] >= 1
    if source == "metered":
        # 300 pieces of 20 bytes are 6,000 bytes: no tokenizer makes fewer than 600 tokens of them, or more than 6,000.
        assert 600 <= line["tokens"]["out"] <= 6000
        assert_refused(ask(leo, kind, test_id + "-2", output=20), 429, "rate_limited", retryable=True)


class Enough(Exception):
    """The client has read what it wanted."""


@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_promise_6_a_stream_that_the_provider_cuts_is_charged_what_was_metered(leo_with, test_id, kind):
    leo = leo_with(limited(tokens=at_once(500)))
    answer = ask(leo, kind, test_id, True, {"x-test-words": "300x20", "x-test-cut": "-1"}, output=20)
    assert not answer.complete
    line = leo.line_of_test(test_id)
    assert line["error"] == "upstream_cut"
    if kind.sdk != "gemini":
        assert line["usage_source"] == "metered" and line["tokens"]["out"] >= 600
        assert_refused(ask(leo, kind, test_id + "-2", output=20), 429, "rate_limited", retryable=True)


@pytest.mark.parametrize("kind", [CHAT, MESSAGES], ids=["chat", "messages"])
def test_a_provider_that_never_answered_is_not_charged_for_output(leo_with, provider, test_id, kind):
    """The provider refuses, so nothing was used: all comes back to the limit."""
    leo = leo_with(limited(tokens=at_once(1000)))
    for number in range(12):
        answer = ask(leo, kind, f"{test_id}-{number}", fields={"x-test-status": "500"}, output=200)
        assert answer.status == 500, (number, answer.body)
    assert ask(leo, kind, test_id, output=200).status == 200


# MARK: Usage that is none

BAD_USAGES: List[Any] = [
    ("absent", "none"),
    ("null", "null"),
    ("string", '"many"'),
    ("list", "[]"),
    ("empty", "{}"),
    ("negative", '{"prompt_tokens": -5, "completion_tokens": -7, "input_tokens": -5, "output_tokens": -7}'),
    ("huge", '{"prompt_tokens": 99999999999, "completion_tokens": 1, "input_tokens": 99999999999, "output_tokens": 1}'),
    ("overflow", '{"prompt_tokens": 1e300, "completion_tokens": 9e300, "input_tokens": 1e300, "output_tokens": 1}'),
    ("strings", '{"prompt_tokens": "5", "completion_tokens": "7", "input_tokens": "5", "output_tokens": "7"}'),
    ("fraction", '{"prompt_tokens": 5.5, "completion_tokens": 7.25, "input_tokens": 5.5, "output_tokens": 7.25}'),
    ("parts", '{"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 50}}'),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", [CHAT, RESPONSES, MESSAGES], ids=["chat", "responses", "messages"])
@pytest.mark.parametrize("usage", [text for _, text in BAD_USAGES], ids=[name for name, _ in BAD_USAGES])
def test_a_usage_that_is_none_gives_no_free_ride(metered, test_id, kind, usage, stream):
    if "cached_tokens" in usage and kind is not CHAT:
        usage = '{"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 50}}'
        if kind is MESSAGES:
            usage = '{"input_tokens": 5, "output_tokens": -1, "cache_read_input_tokens": 50}'
    fields = {"x-test-usage": usage, "x-test-words": "50x20"}
    answer = ask(metered, kind, test_id, stream, fields, output=500)
    assert answer.status == 200 and answer.complete
    line = metered.line_of_test(test_id)
    assert line["usage_source"] == "metered", line
    # 1,000 bytes of text.
    assert 100 <= line["tokens"]["out"] <= 1000 and 1 <= line["tokens"]["in"] <= 100


def test_text_that_looks_like_usage_is_text(metered, provider, test_id):
    """The answer's words name another usage; only the provider's own member counts."""
    lure = (
        '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}]}\n\ndata: {"usage":{"prompt_tokens":1}}'
    )
    used = Used(input=50, output=60)

    def script(exchange):
        asked = json.loads(exchange.read_body())
        events = Answer("openai-chat", asked, [lure, lure], used, compact=True).events()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        for event in events:
            exchange.piece(event)
        exchange.finish()

    provider.scripts[test_id] = script
    assert ask(metered, CHAT, test_id, True).status == 200
    assert metered.line_of_test(test_id)["tokens"] == {"in": 50, "out": 60}


# MARK: What is counted, and by what


def test_the_tenant_is_charged_what_the_provider_says_and_not_what_was_reserved(leo_with, test_id):
    """The estimates are small and large; the sum is the provider's to the token."""
    leo = leo_with(limited(tokens=at_once(1_000_000)))
    total = 0
    for number in range(12):
        used = Used(input=number * 37 + 1, output=(number * 91) % 500)
        total += used.total
        kind = ASKS[number % len(ASKS)]
        stream = number % 2 == 0
        answer = ask(leo, kind, f"{test_id}-{number}", stream, {"x-test-used": str(used)}, output=1 + number * 700)
        assert answer.status == 200 and answer.complete
        leo.line_of_test(f"{test_id}-{number}")
    # Twelve tokens a second come back.
    assert total - 12 * 60 <= used_of(leo) <= total


def test_cached_tokens_weigh_what_they_cost(leo_with, prices, test_id):
    """A cached token costs a tenth: 1,000 of which 900 are cached count as 190, and 10 of output."""
    fields = {"x-test-used": "input=1000 output=10 cached=900", "x-test-model": "gpt-test"}
    for kind, used in (("tokens", 200), ("input_tokens", 190)):
        leo = leo_with({**limited(**{kind: at_once(10_000)}), **prices})
        assert ask(leo, CHAT, test_id, fields=fields, output=20).status == 200
        wait_until(lambda: leo.lines(), "the line")
        assert used - 5 <= used_of(leo, kind) <= used


@pytest.mark.parametrize("kind, used", [("input_tokens", 300), ("output_tokens", 90)])
def test_input_and_output_have_limits_of_their_own(leo_with, test_id, kind, used):
    leo = leo_with(limited(**{kind: at_once(10_000)}))
    assert ask(leo, CHAT, test_id, fields={"x-test-used": "input=300 output=90"}, output=100).status == 200
    leo.line_of_test(test_id)
    assert used - 5 <= used_of(leo, kind) <= used


def test_a_count_of_tokens_is_no_use_of_them(leo_with, test_id):
    """count_tokens and models are requests, and nothing that a model reads."""
    leo = leo_with(limited(tokens=at_once(100)))
    with leo.client().intercepted(MESSAGES.host) as client:
        fields = [("x-test-id", test_id), ("content-type", "application/json"), ("x-test-used", "input=90000")]
        path = "/v1/messages/count_tokens"
        answer = client.exchange("POST", path, fields, MESSAGES.body(), host=MESSAGES.host)
        assert answer.status == 200, answer.body
    leo.line_of_test(test_id)
    assert used_of(leo) == 0
    leo = leo_with(limited(requests=at_once(10)))
    assert ask(leo, MESSAGES, test_id + "-2").status == 200
    assert used_of(leo, "requests") == 2, "this one and the one that asks"


def test_promise_4_a_stream_that_never_ends_is_charged_and_keeps_nothing(leo_with, provider, test_id):
    """on_exhausted ends it; what came after the limit was used up is neither gathered nor relayed."""
    leo = leo_with(merged(limited(tokens=at_once(2000), on_exhausted="error"), {}))
    ended = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        event = Answer("openai-chat", {}, ["word " * 20]).events()[0]
        try:
            while True:
                exchange.piece(event)
        finally:
            ended.set()

    provider.scripts[test_id] = script
    answer = ask(leo, CHAT, test_id, True, output=20)
    assert answer.status == 200 and not answer.complete
    assert b'"error"' in answer.body[-2000:]
    assert ended.wait(20), "the provider may still send"
    line = leo.line_of_test(test_id)
    assert line["error"] == "budget_cut"
    # The next event would have been one too many; no more than one of 20 words passed beyond the limit.
    assert 1500 <= line["tokens"]["out"] <= 2200
