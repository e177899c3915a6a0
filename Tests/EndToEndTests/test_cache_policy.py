"""The cache as its operator has it: modes, what the file may say, reloads, limits beside it, pages and commands."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import random
import re
from typing import Any, Dict, List

import pytest

import harness
from answers import PIECES
from caching import (
    LEFT_OUT, Asker, Reading, assert_bypass, assert_hit, assert_miss, body_of, cached, document, people, statistics,
)  # fmt: skip
from harness import Leo, merged, toml, wait_until
from limiting import (
    CHAT, GENERATE, MESSAGES, RESPONSES, at_once, error_of, limited, metric, price_file, reload, used_of,
)  # fmt: skip
from samples import SEED, Sample
from wires import fields_of

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


# MARK: Modes


@pytest.mark.parametrize("changes", [{}, cached(mode="off")], ids=["no table", "off"])
def test_without_a_cache_nothing_tells_of_one(leo_with, provider, test_id, changes):
    asker = Asker(leo_with(changes), provider, test_id, CHAT)
    for turn in (1, 2):
        seen = asker.ask()
        assert (seen.cache, seen.reason, seen.turn) == (None, None, turn), seen
        assert "would" not in seen.line and seen.message.first("age") is None
    # Nor does it answer for one.
    assert asker.ask(fields={"cache-control": "only-if-cached"}).turn == 3


@pytest.mark.parametrize("changes", [cached(mode="observe"), {"defaults": {"cache": {"when": "always"}}}],
                         ids=["observe", "no mode written"])  # fmt: skip
@BOTH
def test_promise_7_observe_changes_nothing_and_says_what_it_would_have_done(
    leo_with, leo, provider, test_id, changes, stream
):
    watching = Asker(leo_with(changes), provider, test_id, CHAT)
    plain = Asker(leo, provider, test_id, CHAT)
    expected = plain.ask(stream)
    first, second = watching.ask(stream), watching.ask(stream)
    for turn, seen in ((2, first), (3, second)):
        assert seen.turn == turn and seen.message.complete
        assert seen.message.first("x-leo-cache") is None and seen.message.first("age") is None
        names = [name for name, _ in seen.message.end_to_end]
        assert names == [name for name, _ in expected.message.end_to_end]
        assert len(seen.body) == len(expected.body)
    assert not [text for text in first.line.get("would", []) if text.startswith("cache: hit")], first.line
    assert [text for text in second.line["would"] if text.startswith("cache: hit")], second.line
    assert second.line.get("cache") != "hit" and "saved_cost" not in second.line
    assert len({each.request.body for each in watching.calls}) == 1
    assert [each.request.end_to_end for each in watching.calls][0] == watching.calls[2].request.end_to_end


def test_observe_refuses_nothing(leo_with, provider, test_id):
    asker = Asker(leo_with(cached(mode="observe")), provider, test_id, CHAT)
    for turn, value in enumerate(("only-if-cached", "no-store", "no-cache", "max-age=0"), 1):
        seen = asker.ask(fields={"cache-control": value})
        assert (seen.status, seen.turn) == (200, turn), seen


def test_what_is_observed_keeps_no_answers(leo_with, provider, test_id):
    """A mark is enough to know that it would have been there: less than a tenth of the answers' bytes."""
    leo = leo_with(cached(mode="observe"))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-size": "20000"})
    for number in range(10):
        asker.ask(content=f"Question {number}")
    assert statistics(leo)["bytes"] < 20_000
    reload(leo, toml(merged(leo.settings, cached(mode="enforce"))), "reload")
    assert_miss(asker.ask(content="Question 1"), 11)


# MARK: The file


def checked(settings: Dict[str, Any], tmp_path, changes: Dict[str, Any]) -> Any:
    file = tmp_path / "leo.toml"
    file.write_text(toml(merged(settings, changes)), encoding="utf-8")
    return harness.leo("check", file)


@pytest.mark.parametrize(
    "changes, key",
    [
        (cached(mode="on"), "mode"), (cached(when="sometimes"), "when"), (cached(scope="all"), "scope"),
        (cached(ttl="25h"), "ttl"), (cached(ttl="0s"), "ttl"), (cached(ttl="soon"), "ttl"), (cached(ttl=5), "ttl"),
        (cached(coalesce="yes"), "coalesce"), (cached(tool_calls=1), "tool_calls"),
        (cached(client_may_opt_in="no"), "client_may_opt_in"), (cached(stale_if_error="25h"), "stale_if_error"),
        (cached(stale_while_revalidate="-1s"), "stale_while_revalidate"),
        (cached(replay_interval="2s"), "replay_interval"), (cached(ignore_headers=["a b"]), "ignore_headers"),
        (cached(ignore_headers="x-team"), "ignore_headers"), (cached(tll="1h"), "tll"),
        ({"cache": {"memory": "64 parsecs"}}, "memory"), ({"cache": {"memory": -1}}, "memory"),
        ({"cache": {"memory": "4MB", "entry_max": "1MB"}}, "entry_max"), ({"cache": {"size": "4MB"}}, "size"),
        ({"tenants": {"a": {"match": [{"source": "127.0.0.1"}], "cache": {"ttl": "1y"}}}}, "ttl"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[-50:],
)  # fmt: skip
def test_a_mistake_in_the_file_is_found_and_named(settings, tmp_path, changes, key):
    done = checked(settings, tmp_path, changes)
    assert done.returncode == 1 and key in done.stderr, done.stderr
    assert re.search(r"leo\.toml:\d+:\d+: ", done.stderr), done.stderr


def test_everything_that_the_file_may_say_is_taken(settings, tmp_path):
    every = cached(
        ttl="24h", scope="key", client_may_opt_in=True, tool_calls=False, coalesce=False, stale_while_revalidate="1h",
        stale_if_error="24h", ignore_headers=["x-team"], replay_interval="1s",
    )  # fmt: skip
    tenant = {"tenants": {"a": {"match": [{"source": "127.0.0.1"}], "cache": {"ignore_headers_add": ["x-b"]}}}}
    done = checked(settings, tmp_path, merged({**every, "cache": {"memory": "64MB", "entry_max": "1MB"}}, tenant))
    assert done.returncode == 0, done.stderr
    told = harness.leo("explain", "--effective", tmp_path / "leo.toml")
    assert told.returncode == 0 and "ttl" in told.stdout and "x-b" in told.stdout, told.stdout + told.stderr


def test_a_tenant_has_its_own_and_what_it_inherits(leo_with, provider, test_id):
    settings = merged(cached(), people("ann", "bob"))
    settings["tenants"]["ann"]["cache"] = {"when": "deterministic"}
    leo = leo_with(settings)
    ann, bob = (Asker(leo, provider, test_id, CHAT, user=user) for user in ("ann", "bob"))
    assert_bypass(ann.ask(), 1, "sampled")
    assert_miss(bob.ask(), 2)
    assert_hit(bob.ask(), 2)
    assert_miss(ann.ask(temperature=0), 3)
    assert_hit(ann.ask(temperature=0), 3)


# MARK: Reload


def test_a_reload_keeps_what_was_kept(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    reload(leo, toml(merged(leo.settings, {"access_log": {"labels": ["x-test-id", "x-more"]}})), "reload")
    assert_hit(asker.ask(), 1)
    # Also while it is switched off for a moment.
    reload(leo, toml(merged(leo.settings, cached(mode="off"))), "reload")
    off = asker.ask()
    assert (off.cache, off.turn) == (None, 2)
    reload(leo, toml(leo.settings), "reload")
    assert_hit(asker.ask(), 1)


def test_a_reload_makes_the_cache_smaller_and_larger(leo_with, provider, test_id):
    leo = leo_with({**cached(), "cache": {"memory": "8MB", "entry_max": "64KB"}})
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-size": "50000"})
    with asker.connect() as client:
        for number in range(60):
            assert asker.over(client, content=f"Question {number}").status == 200
        wait_until(lambda: len(leo.all_lines_of(client)) == 60, "the lines")
    assert statistics(leo)["bytes"] > 2 * 1024 * 1024
    reload(leo, toml(merged(leo.settings, {"cache": {"memory": "1MB"}})), "reload")
    assert 0 < statistics(leo)["bytes"] <= 1024 * 1024
    reload(leo, toml(merged(leo.settings, {"cache": {"memory": "0B"}})), "reload")
    assert statistics(leo)["bytes"] == 0 and statistics(leo)["entries"] == 0
    assert asker.ask(content="Question 59").turn == 61
    reload(leo, toml(leo.settings), "reload")
    assert_miss(asker.ask(content="Question 59"), 62)
    assert_hit(asker.ask(content="Question 59"), 62)


def test_a_file_with_a_mistake_leaves_the_cache_alone(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    reload(leo, toml(merged(leo.settings, cached(ttl="99h"))), "reload")
    assert_hit(asker.ask(), 1)


# MARK: Limits and guards beside it


def test_a_hit_is_a_request_and_no_tokens(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), limited(tokens=at_once(100_000))))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-used": "input=1000 output=400"})
    assert_miss(asker.ask(), 1)
    used = used_of(leo)
    for _ in range(5):
        assert_hit(asker.ask(), 1)
    assert 1380 <= used_of(leo) <= used <= 1400


def test_a_hit_is_a_request(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), limited(requests="3/day burst 3")))
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(), 1)
    assert_hit(asker.ask(), 1)
    refused = asker.ask()
    assert (refused.status, error_of(refused.message)) == (429, "rate_limited")


@pytest.mark.parametrize("kind", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("what", ["tokens", "budget"])
def test_who_has_nothing_left_still_gets_what_was_kept(leo_with, provider, tmp_path, test_id, kind, what):
    limits = limited(tokens=at_once(2000)) if what == "tokens" else limited(budget="0.0091 USD/day")
    leo = leo_with({**merged(cached(), limits), "prices": {"file": price_file(tmp_path)}})
    fields = {"x-test-used": "input=1000 output=400", "x-test-model": kind.model}
    asker = Asker(leo, provider, test_id, kind, fields=fields)
    assert_miss(asker.ask(max_tokens=20), 1)
    other = asker.ask(content="Something else.", max_tokens=900 if what == "tokens" else 100)
    assert other.status == 429, other
    hit = asker.ask(max_tokens=20)
    assert_hit(hit, 1)
    assert "cost" not in hit.line and hit.line["saved_tokens"] == 1400
    assert len(asker.calls) == 1


def test_a_guard_stands_before_the_cache(leo_with, provider, test_id):
    """What the tenant may not ask any more is not answered from yesterday."""
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    long = "x" * 2000
    assert_miss(asker.ask(content=long), 1)
    assert_hit(asker.ask(content=long), 1)
    reload(leo, toml(merged(leo.settings, limited(models=["other-*"]))), "reload")
    refused = asker.ask(content=long)
    assert (refused.status, error_of(refused.message)) == (403, "model_refused")
    reload(leo, toml(merged(leo.settings, limited(max_body="1KB"))), "reload")
    assert asker.ask(content=long).status == 413


def test_the_usage_that_leo_asked_for_is_kept_and_shown_to_nobody_who_did_not_ask(leo_with, provider, test_id):
    """A limit needs it, so leo adds stream_options: the stream stays as it was asked for, the document may tell."""
    leo = leo_with(merged(cached(), limited(tokens=at_once(1_000_000))))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-used": "input=1000 output=400"})
    plain = {"stream_options": LEFT_OUT}
    miss, hit = asker.ask(True, **plain), asker.ask(True, **plain)
    assert_miss(miss, 1)
    assert_hit(hit, 1)
    assert b"include_usage" in asker.calls[0].request.body
    for seen in (miss, hit):
        assert b'"usage"' not in seen.body, seen.body[-300:]
    assert hit.line["saved_tokens"] == 1400
    asking = asker.ask(True)
    assert_hit(asking, 1)
    assert b'"total_tokens":1400' in asking.body.replace(b" ", b"")
    whole = asker.ask()
    assert_hit(whole, 1)
    assert json.loads(whole.body)["usage"]["total_tokens"] == 1400


def test_an_output_limit_that_leo_writes_in_is_part_of_the_question(leo_with, provider, test_id):
    """Two tenants' worth of settings, one after another: an answer under one bound is none under another."""
    leo = leo_with(merged(cached(), limited(max_output_tokens=100)))
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(), 1)
    reload(leo, toml(merged(leo.settings, limited(max_output_tokens=50))), "reload")
    assert_miss(asker.ask(), 2)
    assert asker.calls[0].request.body != asker.calls[1].request.body


# MARK: The page and the commands


def command(leo: Leo, *words: Any) -> Any:
    host, port = leo.admin
    return harness.leo("cache", *words, "--admin", f"{host}:{port}", binary=leo.binary)


def test_the_page_and_the_command_say_what_there_is(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    before = statistics(leo)
    assert (before["entries"], before["bytes"]) == (0, 0)
    for number in range(3):
        asker.ask(content=f"Question {number}")
    assert_hit(asker.ask(content="Question 0"), 1)
    found = statistics(leo)
    assert found["entries"] == 3 and 300 < found["bytes"] < 30_000, found
    assert "default" in json.dumps(found), found
    done = command(leo, "stats", leo.file)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert re.search(r"\b3\b", done.stdout) and "default" in done.stdout, done.stdout


def test_purge_takes_everything_or_what_is_named(leo_with, provider, test_id):
    leo = leo_with(cached())
    one = Asker(leo, provider, test_id, CHAT)
    other = Asker(leo, provider, test_id, GENERATE)

    def fill() -> int:
        for asker, model in ((one, "gpt-a"), (one, "gpt-b"), (other, None)):
            assert asker.ask(**({"model": model} if model else {})).status == 200
        return statistics(leo)["entries"]

    assert fill() == 3
    done = command(leo, "purge", leo.file, "--model", "gpt-a")
    assert done.returncode == 0 and re.search(r"\b1\b", done.stdout), done.stdout + done.stderr
    assert one.ask(model="gpt-b").cache == other.ask().cache == "hit"
    assert one.ask(model="gpt-a").cache == "miss"
    done = command(leo, "purge", leo.file, "--model", "no-such-model")
    assert done.returncode == 0 and re.search(r"\b0\b", done.stdout), done.stdout + done.stderr
    assert command(leo, "purge", leo.file, "--tenant", "default", "--model", "gemini-test").returncode == 0
    assert other.ask().cache == "miss" and one.ask(model="gpt-b").cache == "hit"
    assert command(leo, "purge", leo.file).returncode == 0
    assert statistics(leo)["entries"] == 0 and statistics(leo)["bytes"] == 0
    assert one.ask(model="gpt-b").cache == "miss"


def post_purge(leo: Leo, fields: Dict[str, str], method: str = "POST") -> int:
    connection = http.client.HTTPConnection(*leo.admin, timeout=20)
    connection.request(method, "/v1/cache/purge", headers=fields)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_nobody_purges_without_having_the_file(leo_with, provider, test_id):
    """A web page that makes a browser post to the admin listener has not."""
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    for fields in ({}, {"x-leo-config-digest": "0" * 64}, {"x-leo-config-digest": ""}, {"origin": "https://a.example"}):
        assert 400 <= post_purge(leo, fields) < 500, fields
    assert 400 <= post_purge(leo, {}, "GET") < 500
    assert_hit(asker.ask(), 1)
    digest = hashlib.sha256(leo.file.read_bytes()).hexdigest()
    assert post_purge(leo, {"x-leo-config-digest": digest}) == 200
    assert_miss(asker.ask(), 2)


def test_a_command_without_a_leo_says_so(settings, tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text(toml(merged(settings, cached())), encoding="utf-8")
    for words in (("stats", file), ("purge", file)):
        done = harness.leo("cache", *words, "--admin", "127.0.0.1:1")
        assert done.returncode == 2 and done.stderr, done
    assert harness.leo("cache", "purge", file, "--no-such-option").returncode == 64
    assert harness.leo("cache", "stats", tmp_path / "none.toml", "--admin", "127.0.0.1:1").returncode in (1, 2)


# MARK: leo cache key


def parts_of(value: Any) -> List[Dict[str, Any]]:
    """The list of fields, wherever it stands in the document."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "side" in value[0]:
        return value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        if found := parts_of(inner):
            return found
    return []


@pytest.mark.parametrize(
    "kind, members, sides",
    [
        (CHAT, {"temperature": 0, "user": "u-1", "nobody_knows": 1}, {
            "temperature": "decides", "messages": "key", "model": "decides", "user": "ignored", "nobody_knows": "key"}),
        (RESPONSES, {"metadata": {"a": "b"}}, {"input": "decides", "metadata": "key", "store": "decides"}),
        (MESSAGES, {"metadata": {"user_id": "u"}}, {"messages": "key", "metadata": "ignored", "max_tokens": "key"}),
    ],
    ids=["chat", "responses", "messages"],
)  # fmt: skip
def test_the_key_of_a_request_is_explained_field_by_field(tmp_path, kind, members, sides):
    request = tmp_path / "request.json"
    secret = "Zebra-Quartett-4711"
    request.write_bytes(body_of(document(kind, content=secret, **members)))
    done = harness.leo("cache", "key", request, "--operation", kind.path, "--host", kind.host, "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    found = {part["field"]: part for part in parts_of(value)}
    assert found, value
    for name, side in sides.items():
        # A field that decides whether may also be said to be in the key, in which it is.
        assert found[name]["side"] in ({side, "key"} if side == "decides" else {side}), (name, found[name])
        assert found[name]["known"] is (name != "nobody_knows"), found[name]
    told = harness.leo("cache", "key", request, "--operation", kind.path, "--host", kind.host)
    assert told.returncode == 0 and all(name in told.stdout for name in sides), told.stdout
    assert secret not in done.stdout + told.stdout, "it tells what was asked"


def test_the_key_shown_is_the_same_for_the_same_question(tmp_path):
    def key(name: str, value: bytes) -> str:
        file = tmp_path / name
        file.write_bytes(value)
        done = harness.leo("cache", "key", file, "--operation", CHAT.path, "--host", CHAT.host, "--json")
        assert done.returncode == 0, done.stderr
        parts = parts_of(json.loads(done.stdout))
        return json.dumps(sorted(((part["field"], part["side"]) for part in parts)))

    one = document(CHAT, temperature=0)
    assert key("a.json", body_of(one)) == key("b.json", json.dumps(dict(reversed(list(one.items())))).encode())
    assert key("a.json", body_of(one)) != key("c.json", body_of({**one, "seed": 1}))


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1, "a": 2}', b"[]", b'{"a": "\xff"}'],
                         ids=["empty", "cut", "twice", "list", "utf8"])  # fmt: skip
def test_a_request_without_a_key_is_told_why(tmp_path, body):
    request = tmp_path / "request.json"
    request.write_bytes(body)
    done = harness.leo("cache", "key", request, "--operation", CHAT.path, "--host", CHAT.host)
    assert done.returncode == 1 and (done.stderr or done.stdout), done
    assert harness.leo("cache", "key", tmp_path / "none.json").returncode == 2


# MARK: Promises


def spaced(dice: random.Random, value: Any) -> str:
    """JSON with blanks, escapes and numbers as nobody would write them, and no two times the same."""
    blank = lambda: "".join(dice.choice(" \t\r\n") for _ in range(dice.choice([0, 0, 1, 3])))  # noqa: E731
    if isinstance(value, dict):
        members = [f"{spaced(dice, name)}{blank()}:{blank()}{spaced(dice, inner)}" for name, inner in value.items()]
        return "{" + blank() + f"{blank()},{blank()}".join(members) + blank() + "}"
    if isinstance(value, list):
        return "[" + blank() + f"{blank()},{blank()}".join(spaced(dice, inner) for inner in value) + blank() + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=dice.random() < 0.5)
    return json.dumps(value)


def test_promise_1_byte_exact_unless_touched_beside_a_cache(keeping, provider, test_id):
    """60 exchanges, of which some are keyed and some cannot be: what is not answered from the cache is as it was."""
    dice = random.Random(SEED)
    client = keeping.client().intercepted()
    for number in range(60):
        sample, name = Sample(dice), f"{test_id}-{number}"
        body = sample.body
        if number % 3:
            content = "".join(dice.choice("aü🦁\u0301\u2028\"\\/ \n") for _ in range(dice.randrange(300)))
            value = document(CHAT, number % 2 == 0, content, nobody_knows=[1.50, {"b": None, "a": -0.0}])
            body = spaced(dice, value).encode()
        answer = Sample(dice)

        def script(exchange, answer=answer) -> None:
            exchange.read_body()
            exchange.reply(200, answer.fields + [(b"Content-Type", b"application/json")], answer.body)

        provider.scripts[name] = script
        fields = [("x-test-id", name)] + sample.fields
        seen = client.exchange("POST", CHAT.path, fields, body)
        (there,) = provider.of(name)
        assert there.request.end_to_end == [(b"Host", b"api.openai.com"), *fields_of(fields)], number
        assert (there.request.body_size, there.request.sha256) == (len(body), hashlib.sha256(body).hexdigest()), number
        own = [(key, value) for key, value in seen.end_to_end if not key.lower().startswith(b"x-leo-")]
        assert own == answer.fields + [(b"Content-Type", b"application/json")], number
        assert seen.complete and seen.body == answer.body, number
        assert seen.first("x-leo-cache") in ("miss", "bypass"), number
        del provider.scripts[name]
    client.close()


def test_promise_4_bounded_memory_with_followers_that_never_read(start, provider, test_id):
    """Eight answers of 12 MB, each with a follower that takes nothing: what is held for them is bounded."""
    leo = start("followed", {**cached(), "cache": {"memory": "1MB", "entry_max": "64KB"}}, binary=harness.PLAIN_BINARY)
    large = {"x-test-words": "4000x3000", "x-test-gate": test_id}
    asker = Asker(leo, provider, test_id, CHAT, fields=large)
    lazy: List[Any] = []
    leaders = []
    for number in range(8):
        leaders.append(Reading(asker, True, content=f"Question {number}", until=b"turn-"))
        assert leaders[-1].reached.wait(30)
        lazy.append(asker.connect())
        assert asker.over(lazy[-1], True, begun=True, content=f"Question {number}").first("x-leo-cache") == "coalesced"
    before = leo.resident_bytes()
    provider.gate(test_id).set()
    for each in leaders:
        assert each.answer(120).complete
    # 4 MB for each, and what the allocator makes of it; AddressSanitizer keeps freed memory and shadows the rest.
    most = (8 * 4 + 24) * 1024 * 1024 * (8 if harness.sanitized(leo.binary) else 1)
    assert leo.resident_bytes() - before < most
    for client in lazy:
        client.close()


@pytest.mark.parametrize("host", ["api.openai.com", "h2.leo-test.example"])
def test_promise_4_a_miss_is_relayed_event_by_event(keeping, provider, test_id, host):
    """The provider sends the next event only when the client has the one before: keeping holds nothing back."""
    kind = dataclasses.replace(CHAT, host=host)
    asker = Asker(keeping, provider, test_id, kind)

    def script(exchange) -> None:
        exchange.read_body()
        exchange.turned = {"vary": "1"}
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        for number, event in enumerate(exchange.answer.events()):
            exchange.piece(event)
            if not provider.gate(f"{test_id}-{number}").wait(20):
                exchange.end("reset")
                return
        exchange.finish()

    provider.scripts[test_id] = script
    with asker.connect() as client:
        message = asker.over(client, True, begun=True)
        seen = bytearray()

        def note(data: bytes) -> None:
            seen.extend(data)
            for number in range(seen.count(b"\n\n")):
                provider.gate(f"{test_id}-{number}").set()

        client.reader.on_data = note
        client.reader.body(message)
    assert message.complete and seen.count(b"\n\n") >= len(PIECES)
    keeping.line_of(client)
    assert_hit(asker.ask(True), 1)


def test_promise_4_a_hit_does_not_wait_for_who_does_not_read(keeping, provider, test_id):
    """A reader that stops in the middle of a hit holds up nobody else."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-words": "200x3000"})
    assert_miss(asker.ask(True), 1)
    lazy = [asker.connect() for _ in range(8)]
    for client in lazy:
        assert asker.over(client, True, begun=True).first("x-leo-cache") == "hit"
    for _ in range(5):
        assert_hit(asker.ask(True), 1)
    for client in lazy:
        client.close()


def test_promise_8_the_line_tells_what_became_of_each_request(leo_with, provider, test_id):
    leo = leo_with(cached(when="deterministic", ttl="1h"))
    asker = Asker(leo, provider, test_id, CHAT)
    seen = [
        asker.ask(temperature=0), asker.ask(temperature=0), asker.ask(), asker.ask(store=True),
        asker.ask(fields={"cache-control": "no-store"}, temperature=0),
        asker.ask(fields={"cache-control": "no-cache"}, temperature=0),
    ]  # fmt: skip
    found = [(each.line["cache"], each.line.get("cache_reason")) for each in seen]
    assert [label for label, _ in found] == ["miss", "hit", "bypass", "bypass", "bypass", "miss"], found
    assert [reason for _, reason in found][2:5] == ["sampled", "stored", "no_store"], found
    names = {"cache", "saved_tokens", "tenant", "model", "dialect", "operation", "status"}
    assert names <= set(seen[1].line), seen[1].line
    assert metric(leo, "leo_cache_requests_total") == 6
