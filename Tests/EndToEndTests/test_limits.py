"""Limits that hold: over streams, over both versions of HTTP, under concurrency, per model, and across a reload."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any, List

import pytest

import harness
from harness import merged, wait_until
from limiting import (
    CHAT, COHERE_CHAT, CONVERSE, GENERATE, MESSAGES, ask, ask_over, assert_refused, at_once, error_of, limited, metric,
    price_file, reload, used_of,
)  # fmt: skip
from test_authentication import make_hash

KINDS = [CHAT, MESSAGES, GENERATE, COHERE_CHAT, CONVERSE]
NAMES = ["openai", "anthropic", "gemini", "cohere", "bedrock"]


# MARK: The shape of a refusal


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_refusal_has_the_providers_shape(leo_with, provider, test_id, kind, stream):
    leo = leo_with(limited(requests="1/min burst 1"))
    assert ask(leo, kind, test_id, stream).status == 200
    answer = ask(leo, kind, test_id, stream)
    value = assert_refused(answer, 429, "rate_limited", retryable=True)
    assert answer.first("content-type", "").startswith("application/json")
    if kind.sdk == "openai":
        assert value["error"]["code"] == "rate_limit_exceeded" and value["error"]["message"]
        assert value["error"]["type"] == "requests"
    elif kind.sdk == "anthropic":
        assert (value["type"], value["error"]["type"]) == ("error", "rate_limit_error")
    elif kind.sdk == "gemini":
        assert (value["error"]["code"], value["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
        kinds = {detail["@type"].rsplit(".", 1)[-1]: detail for detail in value["error"]["details"]}
        assert kinds["RetryInfo"]["retryDelay"].endswith("s")
    else:
        assert "requests" in value["message"]
    if kind.sdk == "bedrock":
        assert answer.first("x-amzn-errortype") == "ThrottlingException"
    assert len(provider.of(test_id)) == 1


def test_promise_3_refusals_metrics_and_log_tell_neither_prompt_nor_key(leo_with, test_id):
    """Every kind of refusal, with a prompt and a key that could not be there by chance."""
    prompt, key = "Zwölf Boxkämpfer 8f3a", "sk-secret-5d1c8e"
    every = [
        limited(requests="1/day burst 1"),
        limited(tokens="1M/min burst 2"),
        limited(models=["none"]),
        limited(max_output_tokens=5, max_output_action="refuse"),
        limited(max_body="10B"),
        limited(requests="100/s", mode="observe", models=["none"]),
    ]
    for number, settings in enumerate(every):
        leo = leo_with(settings)
        fields = {"authorization": f"Bearer {key}"}
        for _ in range(2):
            answer = ask(leo, CHAT, f"{test_id}-{number}", fields=fields, content=prompt, output=50)
        told = [answer.body.decode(), leo.errors(), leo.get("/metrics")[1], leo.get("/v1/tenants")[1]]
        wait_until(lambda: len(leo.lines()) >= 2, "the lines")
        told.append(leo.log_path.read_text())
        for text in told if answer.status != 200 else told[1:]:
            assert prompt not in text and json.dumps(prompt)[1:-1] not in text and key not in text
            assert "Boxk" not in text and "5d1c8e" not in text


def test_the_tightest_limit_is_told_on_successes(leo_with, test_id):
    leo = leo_with(limited(requests=["1000/day burst 1000", "4/day burst 4"], tokens=at_once(1_000_000)))
    answer = ask(leo, CHAT, test_id)
    told = answer.first("x-leo-limit", "")
    assert answer.status == 200 and told.startswith("requests/day; limit=4; remaining=3"), answer.fields
    line = leo.line_of_test(test_id)
    assert (line["limit"], line["limit_remaining"]) == ("requests/day", "3")


def test_promise_1_without_limits_nothing_is_added(leo, test_id):
    answer = ask(leo, CHAT, test_id)
    assert answer.first("x-leo-limit") is None
    line = leo.line_of_test(test_id)
    assert "limit" not in line and "would" not in line


# MARK: Streams


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_limit_holds_for_streams(leo_with, provider, test_id, kind):
    leo = leo_with(limited(tokens=at_once(1000)))
    fields = {"x-test-used": "input=500 output=480"}
    assert ask(leo, kind, test_id, True, fields, output=20).complete
    line = leo.line_of_test(test_id)
    assert (line["usage_source"], line["tokens"]["in"], line["tokens"]["out"]) == ("provider", 500, 480)
    assert_refused(ask(leo, kind, test_id + "-2", True, output=20), 429, "rate_limited", retryable=True)
    assert provider.of(test_id + "-2") == []


@pytest.mark.parametrize("upstream", ["good", "h2"])
def test_a_limit_holds_for_streams_over_http_2(leo_with, provider, h2, test_id, upstream):
    """Many streams of one connection count as what they are, whatever the provider speaks."""
    leo = leo_with(merged(limited(requests="5/day burst 5", tokens=at_once(100_000)), TRAIT))
    client = h2(leo, f"{upstream}.leo-test.example")
    fields = {"x-test-used": "input=500 output=480"}
    streams = [
        ask_over(client, CHAT, f"{test_id}-{number}", True, fields, begun=True, output=20) for number in range(8)
    ]
    answers = [stream.body() for stream in streams]
    statuses = sorted(int(answer.status) for answer in answers)
    assert statuses == [200] * 5 + [429] * 3
    for answer in answers:
        if answer.status == 429:
            assert_refused(answer, 429, "rate_limited", retryable=True)
    assert sum(len(provider.of(f"{test_id}-{number}")) for number in range(8)) == 5
    wait_until(lambda: len(leo.lines()) == 8, "the lines")
    assert sum(line["tokens"]["out"] for line in leo.lines() if line["status"] == 200) == 5 * 480


TRAIT = {
    "provider": [{"name": "stand-in", "hosts": ["*.leo-test.example"], "api": "openai", "stream_usage": True}],
}  # fmt: skip


def test_concurrent_counts_an_exchange_until_its_stream_is_over(leo_with, provider, h2, test_id):
    leo = leo_with(limited(concurrent=3))
    client = h2(leo)
    fields = {"x-test-gate": test_id}
    streams = [ask_over(client, CHAT, f"{test_id}-{number}", True, fields, begun=True) for number in range(3)]
    for number in range(3):
        provider.wait(f"{test_id}-{number}")
    assert_refused(ask_over(client, CHAT, test_id + "-more"), 429, "concurrency_limited", retryable=True)
    # One that is given up makes room, as does one that ends.
    streams[0].reset()
    leo.line_of_test(test_id + "-0")
    assert ask_over(client, CHAT, test_id + "-after").status == 200
    provider.gate(test_id).set()
    assert all(stream.body().complete for stream in streams[1:])
    for number in range(3):
        leo.line_of_test(f"{test_id}-{number}")
    assert used_of(leo, "concurrent") == 1, "the one that asks"


# MARK: Concurrency


def test_fifty_at_once_overshoot_by_no_more_than_what_was_not_reserved(leo_with, provider, test_id):
    """At nine tenths of the limit. All that are admitted are under way at the same time, so that nothing is settled
    while others are admitted; then each turns out to need more than was reserved for it."""
    burst, actual = 20_000, 700
    leo = leo_with(limited(tokens=at_once(burst)))
    assert ask(leo, CHAT, test_id, fields={"x-test-used": "input=17000 output=1000"}, output=100).status == 200
    leo.line_of_test(test_id)
    before = used_of(leo)
    assert 17_990 <= before <= 18_000
    found: List[Any] = [None] * 50
    fields = {"x-test-gate": test_id, "x-test-used": f"input=200 output={actual - 200}"}

    def one(number: int) -> None:
        found[number] = ask(leo, CHAT, f"{test_id}-{number}", True, fields, output=100)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()

    def decided() -> bool:
        admitted = sum(bool(provider.of(f"{test_id}-{number}")) for number in range(50))
        return admitted + sum(answer is not None for answer in found) == 50

    wait_until(decided, "all fifty to be admitted or refused")
    during = used_of(leo)
    provider.gate(test_id).set()
    for thread in threads:
        thread.join(60)
    admitted = [answer for answer in found if answer.status == 200]
    for answer in found:
        if answer.status != 200:
            assert_refused(answer, 429, "rate_limited", retryable=True)
    assert 1 <= len(admitted) < 50
    reserved = during - before
    # Not one was admitted beyond the limit, as far as could be known.
    assert during <= burst
    lines = [leo.line_of_test(f"{test_id}-{number}") for number, answer in enumerate(found) if answer.status == 200]
    # Every token is charged.
    charged = sum(line["tokens"]["in"] + line["tokens"]["out"] for line in lines)
    assert charged == len(admitted) * actual and {line["usage_source"] for line in lines} == {"provider"}
    overshoot = before + charged - burst
    assert overshoot <= charged - reserved
    # So the next has to wait until that is made up for.
    assert_refused(ask(leo, CHAT, test_id + "-after", output=1), 429, "rate_limited", retryable=True)


def test_requests_of_many_clients_are_never_more_than_the_limit(leo_with, provider, test_id):
    leo = leo_with(limited(requests="20/day burst 20"))
    statuses: List[int] = []

    def one() -> None:
        with leo.client().intercepted() as client:
            for _ in range(10):
                statuses.append(ask_over(client, CHAT, test_id).status)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (statuses.count(200), statuses.count(429)) == (20, 60)
    assert len(provider.of(test_id)) == 20


# MARK: Which limit


def test_limits_of_a_model_come_on_top(leo_with, provider, test_id):
    model = {"gpt-*-pro": {"requests": "1/day burst 1"}, "gpt-*": {"requests": "3/day burst 3"}}
    leo = leo_with(limited(requests="100/day burst 100", model=model))

    def status(name: str) -> int:
        return ask(leo, CHAT, test_id, model=name).status

    assert [status("gpt-5-pro"), status("gpt-5-pro")] == [200, 429]
    # The refused one took nothing from the limits that would have let it through.
    assert [status("gpt-5"), status("gpt-5"), status("gpt-5")] == [200, 200, 429]
    assert [status("o9"), status("o9")] == [200, 200]


def test_the_model_of_a_path_counts_like_one_of_a_body(leo_with, test_id):
    leo = leo_with(limited(model={"*claude*": {"requests": "1/day burst 1"}}))
    assert ask(leo, CONVERSE, test_id).status == 200
    assert error_of(ask(leo, CONVERSE, test_id)) == "rate_limited"
    assert ask(leo, GENERATE, test_id).status == 200


def test_every_window_must_let_a_request_through(leo_with, test_id):
    leo = leo_with(limited(requests=["3/day burst 3", "30/min burst 2"]))
    statuses = [ask(leo, CHAT, test_id).status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_a_tenant_has_its_own_limits_and_what_it_inherits(leo_with, provider, tmp_path, test_id):
    """Who is matched by nothing is refused; the rest is by the tenant's own table over the defaults."""
    hashed = make_hash("pw")
    settings = {
        "defaults": {"limits": {"requests": "2/day burst 2", "models": ["gpt-*"]}},
        "tenants": {
            "small": {"match": [{"proxy_user": "small", "password_hash": [hashed]}]},
            "large": {
                "match": [{"proxy_user": "large", "password_hash": [hashed]}],
                "limits": {"requests": "4/day burst 4"},
            },
        },
    }
    leo = leo_with(settings)

    def statuses(user: str, model: str, count: int) -> List[int]:
        word = base64.b64encode(f"{user}:pw".encode()).decode()
        with leo.client() as client:
            target = f"{CHAT.host}:443"
            fields = [("Host", target), ("Proxy-Authorization", f"Basic {word}")]
            assert client.connect(target, fields=fields).status == 200
            client.start_tls(CHAT.host)
            return [ask_over(client, CHAT, test_id, model=model).status for _ in range(count)]

    assert statuses("small", "gpt-test", 3) == [200, 200, 429]
    assert statuses("large", "claude-test", 1) == [403]
    assert statuses("large", "gpt-test", 5) == [200, 200, 200, 200, 429]
    wait_until(lambda: len(leo.lines()) == 9, "the lines")
    named = {line["tenant"] for line in leo.lines()}
    assert named == {"small", "large"}


# MARK: Reload


def test_a_reload_changes_limits_while_streams_run(leo_with, provider, test_id):
    """The stream ends as it began; what it used counts; the next request meets the new limits with the old counts."""
    leo = leo_with(limited(requests="100/day burst 100", tokens=at_once(1000)))
    with leo.client().intercepted() as client:
        fields = {"x-test-gate": test_id, "x-test-used": "input=600 output=300"}
        message = ask_over(client, CHAT, test_id, True, fields, begun=True, output=20)
        provider.wait(test_id)
        changed = merged(leo.settings, limited(requests="3/day burst 3"))
        reload(leo, harness.toml(changed), "reload")
        assert metric(leo, "leo_config_revision") >= 1
        # What was counted goes on: one request, and what is reserved for it.
        assert ask(leo, CHAT, test_id + "-2", fields={"x-test-used": "input=5 output=5"}, output=20).status == 200
        provider.gate(test_id).set()
        client.reader.body(message)
        assert message.complete
        line = leo.line_of_test(test_id)
        assert line["tokens"] == {"in": 600, "out": 300}
        assert line["limit_remaining"]
        # The same connection meets the new policy with its next request.
        small = {"x-test-used": "input=5 output=5"}
        # Another model, because leo has learnt by now how much this one makes of a prompt.
        assert ask_over(client, CHAT, test_id + "-3", fields=small, model="gpt-3rd", output=20).status == 200
        assert error_of(ask_over(client, CHAT, test_id + "-4")) == "rate_limited"
    lines = [leo.line_of_test(test_id + ending) for ending in ("", "-2", "-3")]
    assert lines[0]["policy_revision"] < lines[1]["policy_revision"] == lines[2]["policy_revision"]


def test_promise_6_a_file_with_a_mistake_changes_nothing(leo_with, test_id):
    leo = leo_with(limited(requests="2/day burst 2"))
    assert ask(leo, CHAT, test_id).status == 200
    good = leo.file.read_text()
    for bad in (
        good.replace("2/day burst 2", "10/fortnight"),
        good.replace("requests", "request"),
        good + "\n[tenants.a.limits]\nbudget = '-5 USD/day'\n",
        "this is no TOML",
    ):
        reload(leo, bad, "reload")
        assert leo.alive()
    assert ask(leo, CHAT, test_id).status == 200
    assert ask(leo, CHAT, test_id).status == 429
    assert metric(leo, "leo_reloads_total") >= 4


def test_a_count_outlives_a_reload_that_leaves_its_limit_alone(leo_with, test_id):
    leo = leo_with(limited(requests="3/day burst 3", concurrent=9))
    assert [ask(leo, CHAT, test_id).status for _ in range(2)] == [200, 200]
    reload(leo, harness.toml(merged(leo.settings, limited(concurrent=8))), "reload")
    assert [ask(leo, CHAT, test_id).status for _ in range(2)] == [200, 429]


# MARK: The file


@pytest.mark.parametrize(
    "limits, words",
    [
        ({"requests": "10/fortnight"}, ["fortnight", "day"]),
        ({"requests": "ten/min"}, ["ten"]),
        ({"requests": "-5/min"}, ["-5"]),
        ({"requests": "0/min"}, ["0"]),
        ({"tokens": "99999999999999999999/min"}, ["99999999999999999999"]),
        ({"budget": "5/day"}, ["USD"]),
        ({"budget": "5 EUR/day"}, ["EUR", "USD"]),
        ({"concurrent": 0}, ["concurrent"]),
        ({"concurent": 5}, ["concurrent"]),
        ({"on_exhausted": "explode"}, ["let_finish", "error", "finish"]),
        ({"max_output_action": "trim"}, ["cap", "refuse"]),
        ({"mode": "enforced"}, ["enforce"]),
        ({"requests": "5/min burst 0"}, ["burst"]),
        ({"max_body": "1 parsec"}, ["max_body"]),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_mistake_in_a_limit_is_named_with_its_line(tmp_path, settings, limits, words):
    path = tmp_path / "leo.toml"
    path.write_text(harness.toml(merged(settings, limited(**limits))), encoding="utf-8")
    done = harness.leo("check", path)
    assert done.returncode == 1, done.stdout + done.stderr
    said = [line for line in (done.stdout + done.stderr).splitlines() if "leo.toml:" in line]
    assert len(said) == 1, said
    for word in words:
        assert word in said[0], said


@pytest.mark.parametrize(
    "change, word",
    [
        (("3.00", "-3.00"), "must be from 0"),
        (("3.00", "nan"), ""),
        (("15.00", '"much"'), ""),
        (('models = ["gpt-test*"]', 'modles = ["gpt-test*"]'), "models"),
        (("input = 3.00", "input = 1e30"), ""),
    ],
)
def test_a_mistake_in_a_price_is_named_with_its_line(tmp_path, settings, change, word):
    price_file(tmp_path)
    prices = tmp_path / "prices.toml"
    prices.write_text(prices.read_text().replace(*change, 1))
    path = tmp_path / "leo.toml"
    path.write_text(harness.toml({**settings, "prices": {"file": str(prices)}}), encoding="utf-8")
    done = harness.leo("check", path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "prices.toml:" in done.stdout + done.stderr and word in done.stdout + done.stderr
