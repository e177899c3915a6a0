"""Answers that leo kept: when they are served, what they look like, how they are labelled, and how they grow old."""

from __future__ import annotations

import dataclasses
import json
import re
from decimal import Decimal
from typing import Any, Dict, List

import pytest

import codings
from caching import (
    COUNT, EMBEDDINGS, FLAT, FLAT_NAMES, INVOKE, LEFT_OUT, TEXT_NAMES, TEXTS, Asker, Seen, altered, assert_bypass,
    assert_hit, assert_miss, body_of, cached, document, lines_of, saved_cost, temperature, turns,
)  # fmt: skip
from harness import wait_until
from limiting import (
    ASKS, CHAT, COHERE_CHAT, COMPLETIONS, CONVERSE, GENERATE, GENERATE_ARRAY, MESSAGES, NAMES, OPENAI, RESPONSES,
    error_of, metric, price_file, tenants,
)  # fmt: skip

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


# MARK: Hits and misses


@BOTH
@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_the_second_of_two_identical_requests_is_a_hit(keeping, provider, test_id, kind, stream):
    asker = Asker(keeping, provider, test_id, kind)
    first, second, third = (asker.ask(stream) for _ in range(3))
    assert_miss(first, 1)
    assert_hit(second, 1)
    assert_hit(third, 1)
    assert len(asker.calls) == 1
    # What the provider said, in the form in which it was asked.
    assert second.message.first("content-type") == first.message.first("content-type")
    if not stream:
        assert second.body == first.body, "a document is served as it came, byte for byte"
        assert second.message.framing == "length"
    assert third.body == second.body


@pytest.mark.parametrize("kind", [*FLAT, INVOKE], ids=[*FLAT_NAMES, "invoke"])
def test_what_has_one_form_is_kept_too(keeping, provider, test_id, kind):
    asker = Asker(keeping, provider, test_id, kind)
    first, second = asker.ask(), asker.ask()
    assert_miss(first, 1)
    assert_hit(second, 1)
    assert (second.body, second.message.framing) == (first.body, "length")
    assert len(asker.calls) == 1


@BOTH
@pytest.mark.parametrize("kind", TEXTS, ids=TEXT_NAMES)
def test_an_answer_serves_the_other_form_too(keeping, provider, test_id, kind, stream):
    asker = Asker(keeping, provider, test_id, kind)
    assert_miss(asker.ask(stream), 1)
    other, same = asker.ask(not stream), asker.ask(stream)
    assert_hit(other, 1)
    assert_hit(same, 1)
    assert len(asker.calls) == 1
    if stream:
        json.loads(other.body)
        assert other.message.framing == "length"
        assert (other.message.first("content-type") or "").startswith("application/json")
    else:
        kind_of_stream = "application/vnd.amazon.eventstream" if kind is CONVERSE else "text/event-stream"
        assert (other.message.first("content-type") or "").startswith(kind_of_stream)


def test_geminis_three_forms_share_one_entry(keeping, provider, test_id):
    sse, array = (Asker(keeping, provider, test_id, kind) for kind in (GENERATE, GENERATE_ARRAY))
    assert_miss(array.ask(True), 1)
    seen = [sse.ask(), sse.ask(True), array.ask(True)]
    for each in seen:
        assert_hit(each, 1)
    assert seen[0].body.startswith(b"{") and seen[1].body.startswith(b"data: ") and seen[2].body.startswith(b"[")
    assert isinstance(json.loads(seen[2].body), list)
    assert len(sse.calls) == 1


@BOTH
def test_a_miss_is_the_providers_answer_with_one_field_more(keeping, leo, provider, test_id, stream):
    """Beside a leo without a cache: the same fields in the same order, the same bytes."""
    plain = Asker(leo, provider, test_id, CHAT)
    miss = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"native": "7"})
    there, here = plain.ask(stream), miss.ask(stream)
    assert_miss(here, 2)
    own = [(name, value) for name, value in here.message.end_to_end if name.lower() != b"x-leo-cache"]
    swap = lambda data: data.replace(b"turn-1", b"turn-2").replace(b"-1", b"-2")  # noqa: E731
    assert [(name, swap(value)) for name, value in own] == [(n, swap(v)) for n, v in there.message.end_to_end]
    assert swap(here.body) == swap(there.body)
    # And the provider got what was sent.
    sent, through = asker_bodies(plain)
    assert sent == through


@pytest.mark.parametrize("options", [LEFT_OUT, None, {"include_usage": False}], ids=["absent", "null", "false"])
@pytest.mark.parametrize("kind", [CHAT, COMPLETIONS], ids=["chat", "completions"])
def test_a_stream_without_usage_serves_such_streams_alone(keeping, provider, test_id, kind, options):
    """leo does not ask for what the client did not; a document always has its usage, and needs an answer that has."""
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-used": "input=1000 output=400"})
    plain = {"stream_options": options}
    first, second = asker.ask(True, **plain), asker.ask(True, **plain)
    assert_miss(first, 1)
    assert_hit(second, 1)
    assert "edits" not in first.line and asker.calls[0].request.body == body_of(document(kind, True, **plain))
    assert b'"usage"' not in second.body and second.body.endswith(b"data: [DONE]\n\n")
    whole, again = asker.ask(), asker.ask()
    assert_miss(whole, 2)
    assert_hit(again, 2)
    # The better answer serves all.
    asking, last = asker.ask(True), asker.ask(True, **plain)
    assert_hit(asking, 2)
    assert_hit(last, 2)
    assert b'"total_tokens":1400' in asking.body.replace(b" ", b"") and b'"usage"' not in last.body


def test_who_wants_usage_gets_it_or_asks_the_provider(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-used": "input=1000 output=400"})
    assert_miss(asker.ask(True, stream_options=LEFT_OUT), 1)
    asking = asker.ask(True)
    assert_miss(asking, 2)
    assert b'"total_tokens": 1400' in asking.body
    for seen in (asker.ask(True), asker.ask(), asker.ask(True, stream_options=LEFT_OUT)):
        assert_hit(seen, 2)


@pytest.mark.parametrize("host", ["api.mistral.ai", "api.deepseek.com"])
def test_a_stream_that_tells_its_usage_unasked_serves_all(keeping, provider, test_id, host):
    kind = dataclasses.replace(CHAT, host=host)
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-used": "input=1000 output=400"})
    first = asker.ask(True, stream_options=LEFT_OUT)
    assert_miss(first, 1)
    assert b'"total_tokens": 1400' in first.body
    whole, again = asker.ask(), asker.ask(True, stream_options=LEFT_OUT)
    assert_hit(whole, 1)
    assert_hit(again, 1)
    assert json.loads(whole.body)["usage"]["total_tokens"] == 1400


def asker_bodies(asker: Asker) -> List[bytes]:
    return [each.request.body for each in asker.calls]


@pytest.mark.parametrize(
    "kind, name",
    [(CHAT, "x-request-id"), (MESSAGES, "request-id"), (CONVERSE, "x-amzn-requestid"), (INVOKE, "x-amzn-requestid")],
    ids=["chat", "messages", "converse", "invoke"],
)
def test_a_hit_has_the_providers_request_id(keeping, provider, test_id, kind, name):
    asker = Asker(keeping, provider, test_id, kind)
    first, second = asker.ask(), asker.ask()
    assert_hit(second, 1)
    assert first.message.first(name) == second.message.first(name) == f"req-{test_id}-1"


def test_invokes_count_of_tokens_is_replayed_with_its_answer(keeping, provider, test_id):
    """Bedrock says it in fields, where SDKs look for it."""
    asker = Asker(keeping, provider, test_id, INVOKE)
    first, second = asker.ask(), asker.ask()
    assert_hit(second, 1)
    for name in ("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"):
        assert first.message.first(name) == second.message.first(name) is not None, name


def test_a_hit_has_no_field_that_was_about_the_one_exchange(keeping, provider, test_id):
    """Cookies, what is left of the provider's limits: true for whoever asked first, and then no more."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-native": "7", "x-test-cookies": "1"})
    first, second = asker.ask(), asker.ask()
    assert first.message.first("set-cookie") and first.message.first("x-ratelimit-remaining-requests") == "7"
    assert_hit(second, 1)
    names = {name.decode().lower() for name, _ in second.message.fields}
    assert not names & {"set-cookie", "server", "x-odd-casing"}, names
    assert not {name for name in names if name.startswith("x-ratelimit-")}, names


def test_age_counts_seconds(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    ages: List[int] = []

    def older() -> bool:
        seen = asker.ask()
        assert_hit(seen, 1)
        ages.append(seen.age)
        return ages[-1] >= 2

    wait_until(older, "an Age of 2")
    assert ages == sorted(ages) and set(ages) >= {1, 2} and ages[0] <= 1
    assert len(asker.calls) == 1


@BOTH
@pytest.mark.parametrize("kind", [CHAT, RESPONSES, MESSAGES, GENERATE, CONVERSE], ids=lambda kind: kind.dialect)
def test_the_line_of_a_hit_says_what_was_saved(keeping, provider, test_id, kind, stream):
    """1,000 × 3 + 400 × 15 micro-dollars, as the miss cost; the hit costs nothing."""
    used = {"x-test-used": "input=1000 output=400", "x-test-model": kind.model}
    asker = Asker(keeping, provider, test_id, kind, fields=used)
    miss, hit = asker.ask(stream), asker.ask(stream)
    assert_miss(miss, 1)
    assert_hit(hit, 1)
    assert miss.line["cost"] == 0.009
    assert hit.line["saved_tokens"] == 1400 and saved_cost(hit) == Decimal("0.009")
    assert "tokens" not in hit.line
    assert (hit.line["status"], hit.line["model"], hit.line["dialect"]) == (200, kind.model, kind.dialect)
    assert hit.line["operation"] == kind.operation[stream]
    assert hit.line["response_bytes"] == len(hit.body)
    # The answer's own words about its usage are the provider's, in the answer.
    assert b"400" in hit.body


def test_metrics_and_the_tenants_page_count_results(leo_with, provider, test_id, tmp_path):
    leo = leo_with({**cached(), "prices": {"file": price_file(tmp_path)}})
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-used": "input=1000 output=400"})
    asker.ask(), asker.ask(), asker.ask(), asker.ask(store=True)
    text = leo.get("/metrics")[1]
    for result, count in (("hit", 2), ("miss", 1), ("bypass", 1)):
        assert re.search(rf'^leo_cache_requests_total\{{[^}}]*result="{result}"[^}}]*\}} {count}$', text, re.M), result
    assert metric(leo, "leo_cache_entries") == 1 and metric(leo, "leo_cache_bytes") > 0
    assert metric(leo, "leo_cache_insertions_total") == 1
    assert metric(leo, "leo_tenant_cache_hits_total") == 2
    assert metric(leo, "leo_tenant_saved_tokens_total") == 2800
    assert "hit" in json.dumps(tenants(leo))


# MARK: Over HTTP/2, and in other encodings


@pytest.mark.parametrize("host", ["api.openai.com", "h2.leo-test.example"])
@BOTH
def test_an_answer_serves_clients_of_both_protocols(keeping, provider, h2, test_id, host, stream):
    kind = dataclasses.replace(CHAT, host=host)
    asker = Asker(keeping, provider, test_id, kind)
    client = h2(keeping, host)
    first = asker.over(client, stream)
    assert_miss(Seen(first, lines_of(keeping, test_id, 1)[0]), 1)
    second = asker.over(client, stream)
    seen = Seen(second, lines_of(keeping, test_id, 2)[1])
    assert_hit(seen, 1)
    third = asker.ask(stream)
    assert_hit(third, 1)
    assert third.body == second.body
    assert len(asker.calls) == 1


@pytest.mark.parametrize("name", codings.NAMES)
@BOTH
def test_an_encoded_answer_is_kept_as_its_text(keeping, provider, test_id, name, stream):
    """The miss goes through as it was encoded; hits are plain, which every client can read."""
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"encoding": name})
    first = asker.ask(stream, {"accept-encoding": name})
    assert (first.cache, first.message.first("content-encoding")) == ("miss", name)
    same, without = asker.ask(stream, {"accept-encoding": name}), asker.ask(stream)
    for seen in (same, without, asker.ask(not stream)):
        assert_hit(seen, 1)
    assert same.body == without.body
    assert len(asker.calls) == 1


@pytest.mark.parametrize("name", codings.NAMES)
def test_an_encoded_request_finds_what_a_plain_one_left(keeping, provider, test_id, name):
    asker = Asker(keeping, provider, test_id, CHAT)
    body = body_of(document(CHAT))
    assert_miss(asker.ask(body=body), 1)
    assert_hit(asker.ask(fields={"content-encoding": name}, body=codings.encoded(name, body)), 1)
    # What goes upstream is the client's own encoding.
    other = codings.encoded(name, body_of(document(CHAT, content="Other words.")))
    assert_miss(asker.ask(fields={"content-encoding": name}, body=other), 2)
    assert asker.calls[1].request.body == other


def test_a_chunked_request_finds_what_another_left(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    body = body_of(document(CHAT))
    fields = {"content-type": "application/json", "x-test-id": test_id, **asker.fields}
    with asker.connect() as client:
        client.request("POST", CHAT.path, fields, pieces=[body[:7], body[7:100], body[100:]])
        seen = Seen(client.answer(), keeping.line_of(client))
    assert_hit(seen, 1)


def test_hits_and_misses_take_turns_on_one_connection(keeping, provider, test_id):
    """Framing stays right whoever answers."""
    asker = Asker(keeping, provider, test_id, CHAT)
    with asker.connect() as client:
        for number in range(12):
            content = f"Question {number // 3}"
            answer = asker.over(client, number % 3 == 1, content=content)
            assert answer.status == 200 and answer.complete and not answer.violations
            wait_until(lambda: len(keeping.all_lines_of(client)) == number + 1, "the line")
        lines = keeping.lines_of(client, 12)
    assert [line["cache"] for line in lines] == ["miss", "hit", "hit"] * 4
    assert len(asker.calls) == 4


# MARK: When it may be served


@pytest.fixture(scope="module")
def shared_careful(start):
    return start("careful", cached(when="deterministic"))


@pytest.fixture
def careful(shared_careful):
    """A leo that serves only what has no luck in it, which is the default."""
    assert shared_careful.alive()
    return shared_careful


@pytest.mark.parametrize("text", ["0", "0.0", "0e5", "-0", "0.000", "0E-2"])
@pytest.mark.parametrize("kind", [CHAT, MESSAGES, GENERATE, CONVERSE, COHERE_CHAT], ids=lambda kind: kind.dialect)
def test_a_temperature_of_zero_is_deterministic_however_it_is_written(careful, provider, test_id, kind, text):
    asker = Asker(careful, provider, test_id, kind)
    body = temperature(kind, text)
    assert_miss(asker.ask(body=body), 1)
    assert_hit(asker.ask(body=body), 1)


@pytest.mark.parametrize("text", ["0.1", "1", "null", '"0"', "1e-30", "false", "[0]"])
@pytest.mark.parametrize("kind", [CHAT, MESSAGES, GENERATE, CONVERSE, COHERE_CHAT], ids=lambda kind: kind.dialect)
def test_any_other_temperature_is_sampled(careful, provider, test_id, kind, text):
    asker = Asker(careful, provider, test_id, kind)
    body = temperature(kind, text)
    assert_bypass(asker.ask(body=body), 1, "sampled")
    assert_bypass(asker.ask(body=body), 2, "sampled")
    assert all(each.request.body == body for each in asker.calls)


@pytest.mark.parametrize("kind", TEXTS, ids=TEXT_NAMES)
def test_without_a_temperature_it_is_sampled(careful, provider, test_id, kind):
    asker = Asker(careful, provider, test_id, kind)
    assert_bypass(asker.ask(), 1, "sampled")
    assert_bypass(asker.ask(), 2, "sampled")


@pytest.mark.parametrize("kind", FLAT, ids=FLAT_NAMES)
def test_what_has_no_temperature_is_deterministic(careful, provider, test_id, kind):
    asker = Asker(careful, provider, test_id, kind)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(), 1)


def test_deterministic_is_the_default(leo_with, provider, test_id):
    leo = leo_with({"defaults": {"cache": {"mode": "enforce"}}})
    asker = Asker(leo, provider, test_id, CHAT)
    assert_bypass(asker.ask(), 1, "sampled")
    assert_miss(asker.ask(temperature=0), 2)
    assert_hit(asker.ask(temperature=0), 2)


# MARK: What the client says about it


@pytest.mark.parametrize("value", ["no-store", "No-Store", "max-age=60, no-store", "no-store,no-cache"])
def test_no_store_neither_takes_nor_leaves(keeping, provider, test_id, value):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_bypass(asker.ask(fields={"cache-control": value}), 1, "no_store")
    assert_miss(asker.ask(), 2)
    assert_bypass(asker.ask(fields={"cache-control": value}), 3, "no_store")
    assert_hit(asker.ask(), 2)


@pytest.mark.parametrize("value", ["no-cache", "NO-CACHE", "max-age=60, no-cache"])
def test_no_cache_asks_the_provider_and_leaves_the_new_answer(keeping, provider, test_id, value):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_miss(asker.ask(fields={"cache-control": value}), 2)
    assert_hit(asker.ask(), 2)


def test_max_age_bounds_how_old_an_answer_may_be(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(fields={"cache-control": "max-age=3600"}), 1)
    wait_until(lambda: asker.ask().age >= 2, "an answer of 2 s")
    assert_miss(asker.ask(fields={"cache-control": "max-age=1"}), 2)
    assert_hit(asker.ask(fields={"cache-control": "max-age=3600"}), 2)


@BOTH
@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_only_if_cached_is_answered_without_the_provider(keeping, provider, test_id, kind, stream):
    asker = Asker(keeping, provider, test_id, kind)
    only = {"cache-control": "only-if-cached"}
    missed = asker.ask(stream, only)
    assert (missed.status, error_of(missed.message)) == (504, "not_cached"), missed
    assert (missed.line["status"], missed.line["error"]) == (504, "not_cached")
    assert asker.calls == []
    assert_dialects_error(kind, json.loads(missed.body), 504)
    assert (missed.message.first("content-type") or "").startswith("application/json")
    assert_miss(asker.ask(stream), 1)
    assert_hit(asker.ask(stream, only), 1)
    assert_hit(asker.ask(stream, {"cache-control": "max-age=60, Only-If-Cached"}), 1)
    assert len(asker.calls) == 1


def assert_dialects_error(kind, value: Any, status: int) -> None:
    """As the SDK of the dialect reads it."""
    if kind.sdk == "anthropic":
        assert value["type"] == "error" and value["error"]["message"]
    elif kind.sdk == "gemini":
        error = value[0]["error"] if isinstance(value, list) else value["error"]
        assert error["code"] == status and error["message"] and error["status"]
    elif kind.sdk == "openai":
        assert value["error"]["message"]
    else:
        assert value["message"]


@pytest.mark.parametrize("may", [False, True])
def test_max_age_unlocks_sampled_answers_where_the_file_lets_it(leo_with, provider, test_id, may):
    leo = leo_with(cached(when="deterministic", client_may_opt_in=may))
    asker = Asker(leo, provider, test_id, CHAT)
    opting = {"cache-control": "max-age=3600"}
    if not may:
        for turn in (1, 2):
            assert_bypass(asker.ask(fields=opting), turn, "sampled")
        return
    assert_bypass(asker.ask(), 1, "sampled")
    assert_miss(asker.ask(fields=opting), 2)
    assert_hit(asker.ask(fields=opting), 2)
    # Who does not ask for it gets a sample of its own.
    assert_bypass(asker.ask(), 3, "sampled")


@pytest.mark.parametrize(
    "value", ["", "public", "max-age", "max-age=", "max-age=soon", "s-maxage=5", ",,,", "max-age=-1"]
)
def test_a_cache_control_that_says_nothing_known_breaks_nothing(keeping, provider, test_id, value):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert asker.ask(fields={"cache-control": value}).status == 200
    seen = asker.ask(fields={"cache-control": value})
    assert (seen.status, seen.message.complete) == (200, True)
    assert_hit(asker.ask(), len(asker.calls))


def test_what_the_client_says_goes_on_to_the_provider(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(fields={"Cache-Control": "max-age=60"}), 1)
    assert asker.calls[0].request.first("cache-control") == "max-age=60"


# MARK: How it grows old


def test_an_answer_is_served_for_its_time_and_no_longer(leo_with, provider, test_id):
    leo = leo_with(cached(ttl="1s"))
    asker = Asker(leo, provider, test_id, CHAT)
    for turn in (1, 2):
        assert_miss(asker.ask(), turn)
        seen: List[Seen] = []

        def expired() -> bool:
            seen.append(asker.ask(fields={"cache-control": "only-if-cached"}))
            return seen[-1].status == 504

        wait_until(expired, "the end of the answer's time")
        for each in seen[:-1]:
            assert_hit(each, turn)
            assert each.age <= 1
    assert len(asker.calls) == 2


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_stale_answer_is_served_when_the_provider_fails_where_the_file_lets_it(leo_with, provider, test_id, status):
    settings = {**cached(ttl="1s", stale_if_error="1h"), "upstream": {"circuit_breaker": False, "backoff_max": "0s"}}
    leo = leo_with(settings)
    asker = Asker(leo, provider, test_id, CHAT)
    turns(provider, test_id, {}, {"status": str(status)}, {})
    assert_miss(asker.ask(), 1)
    stale = until_not_hit(asker)
    assert_hit(stale, 1, label="stale")
    assert len(asker.calls) >= 2, "it was served before the provider had failed"
    # Once the provider works again, its answer counts.
    fresh = wait_until(lambda: (lambda seen: seen if seen.turn != 1 else None)(asker.ask()), "the provider's answer")
    assert fresh.cache == "miss"


def test_without_the_files_word_a_failure_is_a_failure(leo_with, provider, test_id):
    leo = leo_with({**cached(ttl="1s"), "upstream": {"circuit_breaker": False, "backoff_max": "0s"}})
    asker = Asker(leo, provider, test_id, CHAT)
    turns(provider, test_id, {}, {"status": "500"})
    assert_miss(asker.ask(), 1)
    failed = until_not_hit(asker)
    assert failed.status == 500 and failed.cache == "miss", failed


def test_a_clients_mistake_is_no_failure_of_the_provider(leo_with, provider, test_id):
    """A 400 says something about the request: that is what the client gets."""
    leo = leo_with(cached(ttl="1s", stale_if_error="1h"))
    asker = Asker(leo, provider, test_id, CHAT)
    turns(provider, test_id, {}, {"status": "400"})
    assert_miss(asker.ask(), 1)
    assert until_not_hit(asker).status == 400


def test_a_provider_that_cannot_be_reached_is_a_failure(leo_with, provider, test_id):
    """The address leads to a port where nobody listens any more."""
    listener = provider.listen()
    host = "gone.leo-test.example"
    settings = {
        **cached(ttl="1s", stale_if_error="1h"),
        "upstream": {"resolve": {f"{host}:443": listener.address}, "pool_idle_timeout": "100ms"},
    }
    leo = leo_with(settings)
    asker = Asker(leo, provider, test_id, dataclasses.replace(CHAT, host=host))
    assert_miss(asker.ask(), 1)
    listener.close()
    stale = until_not_hit(asker)
    assert_hit(stale, 1, label="stale")


def until_not_hit(asker: Asker) -> Seen:
    """The first answer that is no hit any more."""
    seen: List[Seen] = []

    def over() -> bool:
        seen.append(asker.ask())
        return seen[-1].cache != "hit"

    wait_until(over, "the end of the answer's time")
    return seen[-1]


def test_a_stale_embedding_is_served_while_a_new_one_is_fetched(leo_with, provider, test_id):
    leo = leo_with(cached(ttl="1s", stale_while_revalidate="1h"))
    asker = Asker(leo, provider, test_id, EMBEDDINGS)
    turns(provider, test_id, {}, {"hold": test_id}, {})
    assert_miss(asker.ask(), 1)
    # The provider holds the second answer back, and nobody waits for it.
    stale = until_not_hit(asker)
    assert_hit(stale, 1, label="stale")
    provider.wait(test_id, 2)
    assert_hit(asker.ask(), 1, label="stale")
    provider.gate(test_id).set()
    fresh = wait_until(lambda: (lambda seen: seen if seen.turn == 2 else None)(asker.ask()), "the new embedding")
    assert_hit(fresh, 2)
    assert len(asker.calls) == 2


def test_only_embeddings_are_served_while_a_new_one_is_fetched(leo_with, provider, test_id):
    leo = leo_with(cached(ttl="1s", stale_while_revalidate="1h"))
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_miss(until_not_hit(asker), 2)


# MARK: What ends it early


@pytest.mark.parametrize("status", ["401", "403"])
@pytest.mark.parametrize("where", ["another question", "another operation"])
def test_a_key_that_the_provider_refuses_loses_its_answers(keeping, provider, test_id, status, where):
    one = Asker(keeping, provider, test_id, CHAT, key=f"one-{test_id}")
    two = Asker(keeping, provider, test_id, CHAT, key=f"two-{test_id}")
    assert_miss(one.ask(), 1)
    assert_miss(two.ask(), 2)
    assert_hit(one.ask(), 1)
    turns(provider, test_id, {}, {}, {"status": status}, {})
    if where == "another question":
        refused = one.ask(content="Something else.")
        assert refused.status == int(status), refused
    else:
        with one.connect() as client:
            fields = {**one.fields, "x-test-id": test_id}
            assert client.exchange("GET", "/v1/models", fields).status == int(status)
            keeping.line_of(client)
    # Whether the key is good again the provider alone can tell.
    assert_miss(one.ask(), 4)
    assert_hit(two.ask(), 2)


# MARK: Tools


@BOTH
@pytest.mark.parametrize("kind", TEXTS[:1] + TEXTS[2:], ids=TEXT_NAMES[:1] + TEXT_NAMES[2:])
def test_a_tool_call_is_replayed_with_its_id(keeping, provider, test_id, kind, stream):
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-form": "tools"})
    first, second = asker.ask(stream), asker.ask(stream)
    assert_miss(first, 1)
    assert_hit(second, 1)
    for name in (b"call_1-turn-1", b"call_2-turn-1"):
        assert name in second.body


HISTORIES = {
    "chat": {"messages": [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_known", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_known", "content": "Nothing."},
    ]},
    "responses": {"input": [
        {"role": "user", "content": "Look it up."},
        {"type": "function_call", "call_id": "call_known", "name": "look_up", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_known", "output": "Nothing."},
    ]},
    "messages": {"messages": [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_known", "name": "look_up", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_known", "content": "Nothing."}]},
    ]},
    "cohere": {"messages": [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "tool_calls": [
            {"id": "call_known", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_known", "content": "Nothing."},
    ]},
    "converse": {"messages": [
        {"role": "user", "content": [{"text": "Look it up."}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "call_known", "name": "look_up", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "call_known", "content": [{"text": "Nothing."}]}}]},
    ]},
}  # fmt: skip


def known_id(data: bytes) -> bytes:
    """The provider, whose ids need not be unique, calls the tool under the id of an earlier call."""
    changed = re.sub(rb'"call_1-turn-\d+"', b'"call_known"', data)
    assert changed != data
    return changed


@pytest.mark.parametrize("name", HISTORIES)
def test_a_tool_call_that_stands_in_the_conversation_is_not_replayed(keeping, provider, test_id, name):
    """Whoever sends the call back to the model wants the next step, and would run in circles."""
    kind = dict(zip(NAMES, ASKS))[name]
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-form": "tools"})
    altered(provider, test_id, known_id, known_id)
    first, second = (asker.ask(**HISTORIES[name]) for _ in range(2))
    assert_miss(first, 1)
    assert_bypass(second, 2, "tool_call_known")
    # Without the call in the conversation the same model's call is replayed.
    assert_miss(asker.ask(content="Look it up."), 3)
    assert_hit(asker.ask(content="Look it up."), 3)


def test_answers_that_call_tools_can_be_left_out(leo_with, provider, test_id):
    leo = leo_with(cached(tool_calls=False))
    calling = Asker(leo, provider, test_id, CHAT, fields={"x-test-form": "tools"})
    assert_miss(calling.ask(), 1)
    assert_miss(calling.ask(), 2)
    talking = Asker(leo, provider, test_id, CHAT)
    assert_miss(talking.ask(), 3)
    assert_hit(talking.ask(), 3)


# MARK: What the key leaves out, and what it does not


def test_key_order_and_blanks_are_no_difference(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    value = document(CHAT, temperature=0.5, top_p=0.9)
    assert_miss(asker.ask(body=body_of(value)), 1)
    turned = dict(reversed(list(value.items())))
    assert_hit(asker.ask(body=json.dumps(turned, separators=(",", ":")).encode()), 1)
    escaped = json.dumps(value, ensure_ascii=True, indent="\t").replace("/", "\\/").encode()
    assert_hit(asker.ask(body=escaped), 1)


@pytest.mark.parametrize(
    "kind, members",
    [
        (CHAT, {"user": "u-1", "metadata": {"a": "b"}, "safety_identifier": "s", "prompt_cache_key": "k"}),
        (MESSAGES, {"metadata": {"user_id": "u-1"}}),
        (GENERATE, {"labels": {"team": "a"}}),
        (EMBEDDINGS, {"user": "u-1"}),
    ],
    ids=lambda value: getattr(value, "dialect", ""),
)
def test_bookkeeping_is_no_difference(keeping, provider, test_id, kind, members):
    asker = Asker(keeping, provider, test_id, kind)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(**members), 1)


@pytest.mark.parametrize(
    "kind, members",
    [
        (CHAT, {"temperature": 1}), (CHAT, {"seed": 1}), (CHAT, {"max_tokens": 5}), (CHAT, {"n": 1}),
        (CHAT, {"nobody_knows": 1}), (CHAT, {"service_tier": "flex"}), (CHAT, {"store": False}),
        (CHAT, {"content": "say something, schön."}), (CHAT, {"content": "Say something, schön. "}),
        (CHAT, {"content": "Say something, scho\u0308n."}), (CHAT, {"model": "gpt-test-2"}),
        (CHAT, {"logit_bias": {"1": 2}}), (CHAT, {"response_format": {"type": "json_object"}}),
        (CHAT, {"reasoning_effort": "low"}), (RESPONSES, {"instructions": "Be brief."}),
        (RESPONSES, {"text": {"verbosity": "low"}}),
        # Its answers tell both again.
        (RESPONSES, {"metadata": {"a": "b"}}), (RESPONSES, {"user": "u-1"}), (MESSAGES, {"system": "Be brief."}),
        (MESSAGES, {"thinking": {"type": "disabled"}}), (MESSAGES, {"max_tokens": 65}),
        (GENERATE, {"generationConfig": {"topK": 3}}), (GENERATE, {"systemInstruction": {"parts": [{"text": "x"}]}}),
        (GENERATE, {"cachedContent": "cachedContents/1"}), (EMBEDDINGS, {"dimensions": 3}),
        (EMBEDDINGS, {"encoding_format": "base64"}), (COHERE_CHAT, {"safety_mode": "OFF"}),
        (CONVERSE, {"system": [{"text": "x"}]}), (CONVERSE, {"additionalModelRequestFields": {"a": 1}}),
    ],
    ids=lambda value: getattr(value, "dialect", None) or "-".join(map(str, value)),
)  # fmt: skip
def test_everything_else_is_a_difference(keeping, provider, test_id, kind, members):
    asker = Asker(keeping, provider, test_id, kind)
    assert asker.ask().cache == "miss"
    other = asker.ask(**members)
    assert other.cache in ("miss", "bypass") and len(asker.calls) == 2, other
    assert_hit(asker.ask(), 1)


def test_numbers_keep_their_text(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(body=temperature(CHAT, "0.5")), 1)
    assert_miss(asker.ask(body=temperature(CHAT, "0.50")), 2)
    assert_miss(asker.ask(body=temperature(CHAT, "5e-1")), 3)


def test_the_order_inside_a_tools_schema_is_a_difference(keeping, provider, test_id):
    """The model reads it in that order."""
    asker = Asker(keeping, provider, test_id, CHAT)

    def tools(*names: str) -> List[Any]:
        properties = {name: {"type": "string"} for name in names}
        function = {"name": "f", "parameters": {"type": "object", "properties": properties}}
        return [{"type": "function", "function": function}]

    assert_miss(asker.ask(tools=tools("a", "b")), 1)
    assert_miss(asker.ask(tools=tools("b", "a")), 2)
    assert_hit(asker.ask(tools=tools("a", "b")), 1)


def test_marks_of_anthropics_cache_are_no_difference(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, MESSAGES)
    part: Dict[str, Any] = {"type": "text", "text": "Say something."}
    plain = [{"role": "user", "content": [part]}]
    marked = [{"role": "user", "content": [{**part, "cache_control": {"type": "ephemeral"}}]}]
    assert_miss(asker.ask(messages=plain), 1)
    assert_hit(asker.ask(messages=marked), 1)
    # In a tool's input it is a word like any other.
    call: Dict[str, Any] = {"type": "tool_use", "id": "t", "name": "f", "input": {"cache_control": {"type": "a"}}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
    history = [*plain, {"role": "assistant", "content": [call]}, result]
    other = [*plain, {"role": "assistant", "content": [{**call, "input": {}}]}, result]
    assert_miss(asker.ask(messages=history), 2)
    assert_miss(asker.ask(messages=other), 3)


TRANSPORT = {
    "user-agent": "other/1", "accept": "*/*", "accept-language": "de", "x-stainless-retry-count": "1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b", "baggage": "a=b",
    "x-b3-traceid": "1", "x-datadog-trace-id": "1", "sentry-trace": "1", "x-request-id": "mine",
    "x-client-request-id": "mine", "x-forwarded-for": "10.0.0.1", "referer": "https://a.example/",
    "origin": "https://a.example", "priority": "u=1", "date": "Thu, 01 Jan 2026 00:00:00 GMT",
    "x-goog-api-client": "gl-python/3", "amz-sdk-invocation-id": "1", "sec-fetch-mode": "cors", "x-title": "A",
}  # fmt: skip


def test_headers_of_transport_are_no_difference(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    for name, value in TRANSPORT.items():
        seen = asker.ask(fields={name: value})
        assert seen.cache == "hit", name
    assert len(asker.calls) == 1


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (CHAT, "openai-organization", "org-2"), (CHAT, "openai-project", "proj-2"), (CHAT, "openai-beta", "x=v2"),
        (CHAT, "x-nobody-knows", "1"), (MESSAGES, "anthropic-version", "2024-01-01"),
        (MESSAGES, "anthropic-beta", "fast-2026"), (GENERATE, "x-goog-user-project", "p-2"),
        (CONVERSE, "x-amzn-bedrock-guardrailidentifier", "g-2"), (CHAT, "cookie", "a=b"),
    ],
    ids=lambda value: str(getattr(value, "dialect", value))[:20],
)  # fmt: skip
def test_every_other_header_is_a_difference(keeping, provider, test_id, kind, name, value):
    asker = Asker(keeping, provider, test_id, kind)
    assert_miss(asker.ask(), 1)
    assert_miss(asker.ask(fields={name: value}), 2)
    assert_hit(asker.ask(fields={name: value}), 2)
    assert_hit(asker.ask(), 1)


def test_betas_are_a_set(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, MESSAGES)
    assert_miss(asker.ask(fields={"anthropic-beta": "b-2, a-1"}), 1)
    assert_hit(asker.ask(fields={"anthropic-beta": "a-1,b-2"}), 1)


def test_headers_that_the_operator_names_are_no_difference(leo_with, provider, test_id):
    leo = leo_with(cached(ignore_headers=["X-Team", "x-session"]))
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(fields={"x-team": "a"}), 1)
    assert_hit(asker.ask(fields={"X-TEAM": "b", "x-session": "1"}), 1)
    assert_miss(asker.ask(fields={"x-teams": "b"}), 2)


def test_the_query_is_a_difference(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    asker.kind = dataclasses.replace(CHAT, path=CHAT.path + "?api-version=2026-01-01")
    assert_miss(asker.ask(), 2)
    assert_hit(asker.ask(), 2)


def test_who_serves_a_model_is_a_difference(keeping, provider, test_id):
    """The same words to two hosts are two questions."""
    hosts = [OPENAI, "good.leo-test.example", "api.groq.com"]
    for turn, host in enumerate(hosts, 1):
        path = "/openai/v1/chat/completions" if "groq" in host else CHAT.path
        kind = dataclasses.replace(CHAT, host=host, path=path, stream_path=path)
        asker = Asker(keeping, provider, test_id, kind)
        assert_miss(asker.ask(), turn)
        assert_hit(asker.ask(), turn)


def test_the_operation_is_a_difference(keeping, provider, test_id):
    """One body, two operations of one API."""
    for turn, kind in enumerate((MESSAGES, COUNT), 1):
        asker = Asker(keeping, provider, test_id, kind)
        body = body_of(document(MESSAGES))
        assert asker.ask(body=body).cache == "miss"
        assert asker.ask(body=body).cache == "hit"
        assert len(asker.calls) == turn
