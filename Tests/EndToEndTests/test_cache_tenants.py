"""Whose answer it is: nobody gets another tenant's, or another key's, whatever they write into their request."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, Iterator, List, Tuple

import pytest

import harness
from caching import (
    EMBEDDINGS, Asker, Reading, Seen, assert_bypass, assert_hit, assert_miss, body_of, cached, document, people,
    statistics, turn_of, turns, wait_open,
)  # fmt: skip
from harness import Leo, merged, wait_until
from limiting import CHAT, CONVERSE, GENERATE, MESSAGES, RESPONSES, error_of
from test_authentication import basic
from test_tenants import fingerprint, key_file, keys  # noqa: F401 — the fixture

# A SigV4 signature as boto3 makes one; what it is of does not matter here.
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature="
    + "0" * 64
)


@pytest.fixture(scope="module")
def shared_two(start) -> Leo:
    return start("two-tenants", merged(cached(), people("ann", "bob")))


@pytest.fixture
def two(shared_two) -> Iterator[Leo]:
    """A leo with the tenants ann and bob."""
    yield shared_two
    assert shared_two.alive()


def both(leo: Leo, provider, test_id: str, kind=CHAT, **more: Any) -> Tuple[Asker, Asker]:
    """Ann and Bob, who use the same key and ask the same."""
    return tuple(Asker(leo, provider, test_id, kind, user=user, **more) for user in ("ann", "bob"))  # type: ignore


# MARK: Tenants


KINDS = [CHAT, RESPONSES, MESSAGES, GENERATE, CONVERSE, EMBEDDINGS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.dialect)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_two_tenants_with_one_key_and_one_question_have_two_answers(two, provider, test_id, kind, stream):
    stream = stream and kind is not EMBEDDINGS
    ann, bob = both(two, provider, test_id, kind)
    assert_miss(ann.ask(stream), 1)
    assert_hit(ann.ask(stream), 1)
    assert_miss(bob.ask(stream), 2)
    assert_hit(bob.ask(not stream and kind is not EMBEDDINGS), 2)
    assert_hit(ann.ask(stream), 1)
    assert {line["tenant"] for line in two.lines(lambda line: line.get("labels", {}).get("x-test-id") == test_id)} == {
        "ann", "bob",
    }  # fmt: skip


def test_nobody_can_ask_whether_another_tenant_has_asked(two, provider, test_id):
    """The answer to only-if-cached is the same for what Ann asked and for what nobody ever did."""
    ann, bob = both(two, provider, test_id)
    assert_miss(ann.ask(), 1)
    only = {"cache-control": "only-if-cached"}
    asked, never = bob.ask(fields=only), bob.ask(fields=only, content="What nobody has ever asked.")
    assert (asked.status, error_of(asked.message)) == (504, "not_cached")
    assert asked.body == never.body
    assert asked.message.end_to_end == never.message.end_to_end
    assert len(ann.calls) == 1


def header_attempts() -> Iterator[Tuple[str, str]]:
    """Everything by which a proxy, a cache or a provider might tell its clients apart, with Ann's name in it."""
    names = [
        "x-leo-tenant", "x-leo-user", "x-leo-scope", "x-leo-cache", "x-leo-cache-key", "x-leo-cache-scope", "x-leo-as",
        "x-leo-internal", "x-leo-policy", "x-leo-config", "leo-tenant", "tenant", "x-tenant", "x-tenant-id",
        "x-tenant-name", "x-user", "x-user-id", "x-remote-user", "remote-user", "x-forwarded-user",
        "x-authenticated-user", "x-auth-request-user", "x-webauth-user", "x-original-user", "x-proxy-user",
        "x-consumer-username", "x-account", "x-org", "x-organization", "x-team", "x-client-id", "x-service",
        "x-scope", "x-cache-key", "x-cache", "x-cache-scope", "cache-key", "surrogate-key", "x-ssl-client-cn",
        "ssl-client-cert", "x-client-cert", "x-forwarded-client-cert", "from", "via", "x-original-host",
        "x-rewrite-url", "x-original-url", "x-http-method-override", "cookie", "vary", "age", "etag", "if-match",
    ]  # fmt: skip
    for name in names:
        yield name, "ann"
    yield from (
        ("authorization", "Bearer ann"), ("authorization", basic("ann", "pw")), ("x-leo-cache", "hit"),
        ("if-none-match", "*"), ("if-modified-since", "Thu, 01 Jan 2032 00:00:00 GMT"), ("if-range", "x"),
        ("range", "bytes=0-"), ("cache-control", "max-age=999999999"), ("cache-control", "max-stale=999999999"),
        ("cache-control", "public, immutable"), ("cache-control", "only-if-cached, max-age=999999999"),
        ("pragma", "ann"), ("idempotency-key", "ann"), ("forwarded", "for=ann;by=ann;host=ann"),
        ("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("x-client-ip", "127.0.0.1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("baggage", "tenant=ann"),
        ("openai-organization", "ann"), ("openai-project", "ann"), ("x-request-id", "ann"), ("x-stainless-lang", "ann"),
        ("user-agent", "ann"), ("content-type", "application/json; tenant=ann"), ("accept", "ann"), ("te", "trailers"),
        ("api-key", "sk-test-one-0123456789"), ("x-api-key", "sk-test-one-0123456789"),
        ("x-goog-api-key", "sk-test-one-0123456789"), ("x-amz-security-token", "ann"), ("x-title", "ann"),
    )  # fmt: skip


def test_no_header_opens_another_tenants_answers(two, provider, test_id):
    """Ann has asked once, and has the answer of turn 1; Bob tries everything, and has it never."""
    ann, bob = both(two, provider, test_id)
    assert_miss(ann.ask(), 1)
    client = bob.connect()
    count = 0
    for name, value in header_attempts():
        answer = bob.over(client, fields={name: value})
        count += 1
        assert turn_of(answer.body) != 1, f"{name}: {value} opened Ann's answer"
        assert answer.status in (200, 504) and answer.complete, (name, answer)
        if not answer.first("connection") == "close":
            continue
        client.close()
        client = bob.connect()
    client.close()
    # As a stream, and joining what is under way, too.
    for name, value in header_attempts():
        if name in ("authorization", "x-tenant", "x-leo-tenant", "x-forwarded-user", "cookie", "idempotency-key"):
            assert bob.ask(True, {name: value}).turn != 1, name
    assert_hit(ann.ask(), 1)
    assert count > 80


def field_attempts() -> Iterator[Dict[str, Any]]:
    for name in (
        "tenant", "tenant_id", "scope", "user", "organization", "project", "account", "owner", "namespace", "cache",
        "cache_key", "cache_scope", "x-leo-tenant", "leo", "key", "api_key", "credential", "safety_identifier",
        "prompt_cache_key", "metadata", "store", "service_tier", "extra_headers", "headers", "labels", "__proto__", "",
        "\u0000", "\u0001", "ann",
    ):  # fmt: skip
        for value in ("ann", {"tenant": "ann"}, {"user_id": "ann"}, None):
            yield {name: value}


def test_no_member_of_the_body_opens_another_tenants_answers(two, provider, test_id):
    ann, bob = both(two, provider, test_id)
    assert_miss(ann.ask(), 1)
    with bob.connect() as client:
        for members in field_attempts():
            answer = bob.over(client, body=body_of({**document(CHAT), **members}))
            assert answer.status == 200 and turn_of(answer.body) != 1, members
    assert_hit(ann.ask(), 1)


def test_no_spelling_of_the_target_opens_another_tenants_answers(two, provider, test_id):
    ann, bob = both(two, provider, test_id)
    assert_miss(ann.ask(), 1)
    endings = ["?tenant=ann", "?", "?key=sk-test-one-0123456789", "?x-leo-tenant=ann", "/", "#ann", "?a=b%00ann"]
    paths = [CHAT.path + ending for ending in endings]
    paths += ["/v1//chat/completions", "/v1/./chat/completions", "/v1/a/../chat/completions", "/v1/chat/%63ompletions"]
    for path in paths:
        with bob.connect() as client:
            fields = {"content-type": "application/json", "x-test-id": test_id, **bob.fields}
            answer = client.exchange("POST", path, fields, body_of(document(CHAT)))
        assert turn_of(answer.body) != 1, path
    assert_hit(ann.ask(), 1)


def test_nothing_can_be_shifted_between_the_parts_of_a_key(two, provider, test_id):
    """What ends in one part and what begins the next are told apart: the same bytes in a row, cut elsewhere."""
    ann, bob = both(two, provider, test_id)
    for turn, fields in enumerate(({"x-a": "1", "x-b": "2"}, {"x-a": "1\tx-b: 2"}, {"x-a": "12"}, {"x-ax-b": "12"}), 1):
        assert_miss(ann.ask(fields=fields), turn)
    for fields in ({"x-a": "1", "x-b": "2"}, {"x-a": "12"}):
        assert bob.ask(fields=fields).turn > 4


def test_tenants_do_not_wait_for_each_other(two, provider, test_id):
    """Two identical questions at one time, of two tenants: two calls."""
    ann, bob = both(two, provider, test_id, fields={"x-test-hold": test_id})
    readers = [Reading(ann), Reading(ann), Reading(bob), Reading(bob)]
    provider.wait(test_id, 2)
    wait_open(two, 4)
    provider.gate(test_id).set()
    answers = [each.answer() for each in readers]
    found = [turn_of(answer.body) for answer in answers]
    assert found[0] == found[1] != found[2] == found[3], found
    assert len(ann.calls) == 2


def test_an_idempotency_key_of_another_tenant_joins_nothing(start, provider, test_id, leo_with):
    leo = leo_with(merged(cached(when="deterministic"), people("ann", "bob")))
    ann, bob = both(leo, provider, test_id, fields={"x-test-hold": test_id, "idempotency-key": "same"})
    readers = [Reading(ann), Reading(bob)]
    provider.wait(test_id, 2)
    provider.gate(test_id).set()
    assert sorted(turn_of(each.answer().body) for each in readers) == [1, 2]


def test_a_tenants_page_and_purge_touch_that_tenant_alone(two, provider, test_id):
    ann, bob = both(two, provider, test_id)
    assert_miss(ann.ask(), 1)
    assert_miss(bob.ask(), 2)
    host, port = two.admin
    done = harness.leo("cache", "purge", two.file, "--tenant", "ann", "--admin", f"{host}:{port}", binary=two.binary)
    assert done.returncode == 0, done.stderr
    assert_miss(ann.ask(), 3)
    assert_hit(bob.ask(), 2)
    text = json.dumps(statistics(two))
    assert '"ann"' in text and '"bob"' in text, text


def test_a_tenant_with_a_cache_beside_one_without(leo_with, provider, test_id):
    settings = people("ann", "bob")
    settings["tenants"]["ann"]["cache"] = {"mode": "enforce", "when": "always"}
    leo = leo_with(settings)
    ann, bob = both(leo, provider, test_id)
    assert_miss(ann.ask(), 1)
    assert_hit(ann.ask(), 1)
    for turn in (2, 3):
        seen = bob.ask()
        assert (seen.cache, seen.turn) == (None, turn), seen


# MARK: Keys


def test_two_keys_of_one_tenant_have_two_answers(two, provider, test_id):
    one, other = (Asker(two, provider, test_id, CHAT, user="ann", key=key) for key in ("one", "two"))
    assert_miss(one.ask(), 1)
    assert_miss(other.ask(), 2)
    assert_hit(one.ask(), 1)
    assert_hit(other.ask(), 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": "Bearer sk-wrong"}, {"authorization": None}, {"authorization": "Bearer "},
        {"authorization": "sk-test-one-0123456789"}, {"authorization": "Basic sk-test-one-0123456789"},
        {"authorization": "bearer sk-test-ONE-0123456789"}, {"authorization": "Bearer sk-test-one-0123456789x"},
        {"authorization": "Bearer sk-test-one-012345678"}, {"authorization": "Bearer sk-test-one-0123456789, x"},
        {"authorization": "Bearer sk-wrong", "x-api-key": "sk-test-one-0123456789"},
        {"authorization": "Bearer sk-wrong", "api-key": "sk-test-one-0123456789"},
        {"authorization": "Bearer sk-wrong", "x-goog-api-key": "sk-test-one-0123456789"},
        {"authorization": "Bearer sk-wrong", "x-authorization": "Bearer sk-test-one-0123456789"},
    ],
    ids=lambda fields: "+".join(f"{name}={value}" for name, value in fields.items())[:60],
)  # fmt: skip
def test_without_the_key_there_is_no_answer(two, provider, test_id, fields):
    """The provider refuses the wrong key; a kept answer must not be the way around that."""
    asker = Asker(two, provider, test_id, CHAT, user="ann")
    turns(provider, test_id, {}, {"status": "401"})
    assert_miss(asker.ask(), 1)
    with asker.connect() as client:
        every = {"content-type": "application/json", "x-test-id": test_id, **asker.fields, **fields}
        lines = [(name, value) for name, value in every.items() if value is not None]
        answer = client.exchange("POST", CHAT.path, lines, body_of(document(CHAT)))
    assert answer.status == 401, (answer, answer.body[:200])


def test_a_key_twice_in_one_request_is_no_way_either(two, provider, test_id):
    asker = Asker(two, provider, test_id, CHAT, user="ann")
    assert_miss(asker.ask(), 1)
    good, bad = ("authorization", "Bearer sk-test-one-0123456789"), ("authorization", "Bearer sk-wrong")
    for pair in ([good, bad], [bad, good]):
        with asker.connect() as client:
            rest = [(name, value) for name, value in asker.fields.items() if name != "authorization"]
            lines = [("content-type", "application/json"), ("x-test-id", test_id), *rest, *pair]
            answer = client.exchange("POST", CHAT.path, lines, body_of(document(CHAT)))
        assert answer.status in (200, 400) and turn_of(answer.body) != 1, answer


def test_geminis_key_in_the_query_is_a_key(two, provider, test_id):
    def asker(key: str) -> Asker:
        ending = f"?key=AIza-test-{key}-0123456789"
        path, stream_path = GENERATE.path + ending, GENERATE.stream_path.replace("?", ending + "&")
        kind = dataclasses.replace(GENERATE, path=path, stream_path=stream_path)
        return Asker(two, provider, test_id, kind, user="ann", fields={"x-goog-api-key": None})

    assert_miss(asker("one").ask(), 1)
    assert_hit(asker("one").ask(True), 1)
    assert_miss(asker("two").ask(), 2)
    assert_hit(asker("two").ask(), 2)


def test_the_scope_of_the_tenant_is_for_all_its_keys(leo_with, provider, test_id):
    leo = leo_with(merged(cached(scope="tenant"), people("ann", "bob")))
    one, other = (Asker(leo, provider, test_id, CHAT, user="ann", key=key) for key in ("one", "two"))
    bob = Asker(leo, provider, test_id, CHAT, user="bob")
    assert_miss(one.ask(), 1)
    assert_hit(other.ask(), 1)
    assert_miss(bob.ask(), 2)
    # Signatures and tokens that expire can be kept so, and only so.
    for kind, value in ((CONVERSE, SIGNATURE), (CHAT, "Bearer eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl")):
        signed = Asker(leo, provider, f"{test_id}-{kind.sdk}", kind, user="ann", fields={"authorization": value})
        assert_miss(signed.ask(), 1)
        other_value = value.replace("0000", "1111").replace("c2ln", "d2ln")
        assert_hit(signed.ask(fields={"authorization": other_value}), 1)


def test_the_scope_of_the_tenant_needs_one_who_proved_who_it_is(leo_with, settings, tmp_path, provider, test_id):
    """A tenant that is just whoever comes must not read with one key what another key paid for."""
    changes = cached(scope="tenant")
    file = tmp_path / "leo.toml"
    file.write_text(harness.toml(merged(settings, changes)), encoding="utf-8")
    checked = harness.leo("check", file)
    if checked.returncode != 0:
        assert "scope" in checked.stderr, checked.stderr
        return
    leo = leo_with(changes)
    one, other = (Asker(leo, provider, test_id, CHAT, key=key) for key in ("one", "two"))
    assert_miss(one.ask(), 1)
    assert other.ask().turn == 2
    signed = Asker(leo, provider, test_id, CHAT, fields={"authorization": SIGNATURE})
    assert_bypass(signed.ask(), 3, "credential")


def test_a_refused_key_of_one_tenant_leaves_the_others_answers(two, provider, test_id):
    ann, bob = both(two, provider, test_id, key=test_id)
    assert_miss(ann.ask(), 1)
    assert_miss(bob.ask(), 2)
    turns(provider, test_id, {}, {}, {"status": "401"}, {})
    assert ann.ask(content="Something else.").status == 401
    assert_hit(bob.ask(), 2)
    assert_miss(ann.ask(), 4)


def test_tenants_that_are_known_by_their_key(leo_with, provider, keys, tmp_path, test_id):  # noqa: F811
    keys = {"master_file": keys["master_file"]}
    file = key_file(tmp_path, keys)
    tenants = {
        name: {"match": [{"provider_key": fingerprint(file, f"sk-test-{name}-0123456789")}]} for name in ("ann", "bob")
    }
    leo = leo_with(merged(cached(), {"keys": keys, "tenants": tenants}))
    ann, bob = (Asker(leo, provider, test_id, CHAT, key=name) for name in ("ann", "bob"))
    assert_miss(ann.ask(), 1)
    assert_miss(bob.ask(), 2)
    # One connection, two keys in turn.
    with ann.connect() as client:
        for asker, turn in ((ann, 1), (bob, 2), (ann, 1)):
            answer = asker.over(client)
            assert (answer.first("x-leo-cache"), turn_of(answer.body)) == ("hit", turn)


def test_a_master_key_makes_other_keys_and_no_other_answers(leo_with, provider, keys, test_id):  # noqa: F811
    leo = leo_with(merged(cached(), {"keys": {"master_file": keys["master_file"]}}))
    asker = Asker(leo, provider, test_id, CHAT)
    assert_miss(asker.ask(), 1)
    assert_hit(asker.ask(), 1)


# MARK: Nothing secret where it could be read


def test_promise_3_neither_log_nor_metrics_nor_pages_tell_what_was_asked(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), people("ann")))
    secret = "Zebra-Quartett-4711"
    asker = Asker(leo, provider, test_id, CHAT, user="ann", key="verysecret")
    seen: List[Seen] = [asker.ask(content=secret) for _ in range(2)]
    seen.append(asker.ask(content=secret, fields={"cache-control": "no-store"}))
    assert [each.cache for each in seen] == ["miss", "hit", "bypass"]
    wait_until(lambda: len(leo.lines()) >= 3, "the lines")
    told = [leo.errors(), leo.log_path.read_text(), leo.get("/metrics")[1], leo.get("/v1/cache")[1]]
    told += [leo.get("/v1/tenants")[1]] + [str(each.message.fields) for each in seen]
    for text in told:
        for word in (secret, "verysecret", "turn-1", "Leo relays"):
            assert word not in text, (word, text[:500])
