"""Identical requests at the same time: one call to the provider, whoever leaves and whatever breaks."""

from __future__ import annotations

import dataclasses
import json
import signal
from typing import Any, List

import pytest

from answers import PIECES
from caching import (
    EMBEDDINGS, LEFT_OUT, Asker, Reading, Seen, assert_bypass, assert_hit, assert_miss, assert_whole, body_of, cached,
    crowd, document, labels_of, lines_of, replaced, statistics, turn_of, turns, wait_open,
)  # fmt: skip
from harness import merged, toml, wait_until
from limiting import (
    ASKS, CHAT, CONVERSE, GENERATE_ARRAY, MESSAGES, NAMES, RESPONSES, at_once, error_of, limited, metric, price_file,
    reload, used_of,
)  # fmt: skip
from provider import answer_as_asked

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
# In the first event of each stream.
FIRST = b"turn-1"
CROWD = 100


# MARK: One call for all


@pytest.mark.parametrize("kind", [CHAT, MESSAGES, RESPONSES], ids=["chat", "messages", "responses"])
def test_a_hundred_identical_requests_make_one_call(keeping, provider, test_id, kind):
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-hold": test_id})
    with crowd(asker, CROWD) as readers:
        wait_open(keeping, CROWD)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert len({answer.body for answer in answers}) == 1, "not all have the same"
    assert len(asker.calls) == 1
    labels = labels_of(answers)
    # Who came when it was over has a hit; next to nobody can have.
    assert labels.count("miss") == 1 and labels.count("coalesced") >= CROWD // 2, labels
    assert labels.count("miss") + labels.count("coalesced") + labels.count("hit") == CROWD
    lines = lines_of(keeping, test_id, CROWD)
    assert sorted(line["cache"] for line in lines) == sorted(map(str, labels))
    assert sum("upstream_status" in line for line in lines) == 1


@pytest.mark.parametrize("kind", [CHAT, MESSAGES, RESPONSES], ids=["chat", "messages", "responses"])
def test_a_hundred_identical_streams_make_one_call(keeping, provider, test_id, kind):
    """All have the first event before the provider sends the second: nobody waits for the end."""
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-gate": test_id, "x-test-gate-at": "2"})
    with crowd(asker, CROWD, True, until=b"turn-1") as readers:
        for reader in readers:
            assert reader.reached.wait(60), "a follower waits for the end of the answer"
        assert len(asker.calls) == 1
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert len({answer.body for answer in answers}) == 1
    assert len(asker.calls) == 1
    labels = labels_of(answers)
    assert sorted(map(str, labels)) == ["coalesced"] * (CROWD - 1) + ["miss"]
    assert_hit(asker.ask(True), 1)


@pytest.mark.parametrize("kind", ASKS, ids=NAMES)
def test_streams_of_every_dialect_are_followed_byte_for_byte(keeping, provider, test_id, kind):
    asker = Asker(keeping, provider, test_id, kind, fields={"x-test-gate": test_id, "x-test-gate-at": "2"})
    with crowd(asker, 4, True, until=b"turn-1") as readers:
        for reader in readers:
            assert reader.reached.wait(30)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.first("content-type") for answer in answers}) == 1
    assert sorted(map(str, labels_of(answers))) == ["coalesced"] * 3 + ["miss"]
    assert len(asker.calls) == 1


def test_a_hundred_streams_over_http2_make_one_call(keeping, provider, h2, test_id):
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    clients = [h2(keeping, CHAT.host) for _ in range(4)]
    readers = [Reading(asker, True, clients[number % 4], until=b"turn-1") for number in range(CROWD)]
    for reader in readers:
        assert reader.reached.wait(60)
    provider.gate(test_id).set()
    answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert len(asker.calls) == 1
    assert sorted(map(str, labels_of(answers))) == ["coalesced"] * (CROWD - 1) + ["miss"]


def test_a_late_joiner_gets_what_was_and_then_what_comes(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id, "x-test-gate-at": "5"})
    leader = Reading(asker, True, until=PIECES[3].encode())
    assert leader.reached.wait(30)
    late = Reading(asker, True, until=PIECES[3].encode())
    assert late.reached.wait(30), "what had been sent before is not there"
    assert not late.message
    provider.gate(test_id).set()
    assert_whole([leader.answer(), late.answer()], 1)
    assert leader.answer().body == late.answer().body
    assert late.answer().first("x-leo-cache") == "coalesced"
    assert late.answer().first("x-request-id") == leader.answer().first("x-request-id")


@pytest.mark.parametrize("kind", [CHAT, MESSAGES, RESPONSES, GENERATE_ARRAY, CONVERSE], ids=lambda kind: kind.dialect)
@BOTH
def test_followers_that_want_the_other_form_get_it_from_the_same_call(keeping, provider, test_id, kind, stream):
    """Who leads has the provider's own bytes, the others have theirs once it is whole."""
    gate = "x-test-gate" if stream else "x-test-hold"
    asker = Asker(keeping, provider, test_id, kind, fields={gate: test_id})
    leader = Reading(asker, stream)
    provider.wait(test_id)
    with crowd(asker, 5, not stream) as others, crowd(asker, 5, stream) as same:
        wait_open(keeping, 11)
        provider.gate(test_id).set()
        answers = [each.answer() for each in [leader, *others, *same]]
    assert_whole(answers, 1)
    assert len(asker.calls) == 1
    assert labels_of(answers)[0] == "miss" and set(labels_of(answers)[1:]) <= {"coalesced", "hit"}
    assert len({answer.body for answer in answers[1:6]}) == 1 and answers[1].body != answers[0].body


def test_streams_that_differ_in_their_usage_each_get_what_they_asked_for(keeping, provider, test_id):
    """stream_options is no part of the question, and a part of the answer."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    leader = Reading(asker, True, until=b"turn-1")
    assert leader.reached.wait(30)
    plain, same = Reading(asker, True, stream_options=LEFT_OUT), Reading(asker, True)
    wait_open(keeping, 3)
    provider.gate(test_id).set()
    assert_whole([leader.answer(), plain.answer(), same.answer()], 1)
    assert b'"total_tokens"' in leader.answer().body and b'"total_tokens"' in same.answer().body
    assert b'"total_tokens"' not in plain.answer().body and b'"usage"' not in plain.answer().body
    assert len(asker.calls) == 1


def test_followers_that_need_usage_do_not_go_without(keeping, provider, test_id):
    """Who leads did not ask for it: its stream cannot be made into what the others want, so they ask for themselves."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    plain = {"stream_options": LEFT_OUT}
    leader = Reading(asker, True, until=b"turn-1", **plain)
    assert leader.reached.wait(30)
    same = Reading(asker, True, until=b"turn-1", **plain)
    assert same.reached.wait(30)
    wholes, askings = [Reading(asker) for _ in range(3)], [Reading(asker, True) for _ in range(3)]
    wait_open(keeping, 8)
    provider.gate(test_id).set()
    assert_whole([leader.answer(), same.answer()], 1)
    for answer in [each.answer() for each in wholes + askings]:
        assert answer.status == 200 and answer.complete and turn_of(answer.body) > 1, answer
        assert b'"total_tokens"' in answer.body
    assert 2 <= len(asker.calls) <= 7


@BOTH
def test_an_encoded_answer_is_plain_to_followers(keeping, provider, test_id, stream):
    gate = "x-test-gate" if stream else "x-test-hold"
    asker = Asker(keeping, provider, test_id, CHAT, fields={gate: test_id, "x-test-encoding": "gzip"})
    leader = Reading(asker, stream, fields={"accept-encoding": "gzip"})
    provider.wait(test_id)
    follower = Reading(asker, stream, fields={"accept-encoding": "identity"})
    wait_open(keeping, 2)
    provider.gate(test_id).set()
    assert leader.answer().complete and leader.answer().first("content-encoding") == "gzip"
    assert follower.answer().first("content-encoding") is None
    assert_whole([follower.answer()], 1)
    assert len(asker.calls) == 1


def test_the_line_of_a_follower(leo_with, provider, test_id, tmp_path):
    leo = leo_with({**cached(), "prices": {"file": price_file(tmp_path)}})
    used = {"x-test-used": "input=1000 output=400", "x-test-model": "gpt-test"}
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id, **used})
    with crowd(asker, 3) as readers:
        wait_open(leo, 3)
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in readers], 1)
    lines = sorted(lines_of(leo, test_id, 3), key=lambda line: line["cache"])
    assert [line["cache"] for line in lines] == ["coalesced", "coalesced", "miss"], lines
    for line in lines[:2]:
        assert (line["status"], line["saved_tokens"], line["saved_cost"]) == (200, 1400, 0.009)
        assert "cost" not in line and "tokens" not in line and "upstream_status" not in line
    assert lines[2]["cost"] == 0.009 and lines[2]["tokens"] == {"in": 1000, "out": 400}
    assert metric(leo, "leo_cache_requests_total") == 3


# MARK: The leader's client leaves


LEAVING = [("h1", "close"), ("h1", "reset"), ("h2", "rst"), ("h2", "close"), ("h2", "reset")]


@pytest.mark.parametrize("protocol, how", LEAVING)
@BOTH
def test_a_leader_that_leaves_changes_nothing_for_its_followers(keeping, provider, h2, test_id, protocol, how, stream):
    gate = "x-test-gate" if stream else "x-test-hold"
    asker = Asker(keeping, provider, test_id, CHAT, fields={gate: test_id})
    leader = Reading(asker, stream, h2(keeping, CHAT.host) if protocol == "h2" else None, until=FIRST)
    provider.wait(test_id)
    if stream:
        assert leader.reached.wait(30)
    with crowd(asker, 5, stream, until=FIRST) as same, crowd(asker, 3, not stream) as others:
        wait_open(keeping, 9)
        for reader in same if stream else []:
            assert reader.reached.wait(30)
        leader.leave(how)
        assert not asker.calls[0].over.wait(0.5), "the call was given up although others wait for it"
        provider.gate(test_id).set()
        answers = [each.answer() for each in same + others]
    assert_whole(answers, 1)
    assert len(asker.calls) == 1
    # And it is kept.
    wait_until(lambda: len(mine(keeping, test_id)) == 9, "the lines")
    assert [line.get("error") for line in mine(keeping, test_id)].count("client_gone") == 1
    assert_hit(asker.ask(stream), 1)


def mine(leo, test_id: str) -> List[Any]:
    return leo.lines(lambda line: line.get("labels", {}).get("x-test-id") == test_id)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_leader_that_leaves_alone_stops_the_call(keeping, provider, test_id, how):
    """The promise holds with a cache as without one: nobody pays for what nobody reads."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    leader = Reading(asker, True, until=b"turn-1")
    assert leader.reached.wait(30)
    leader.leave(how)
    assert asker.calls[0].over.wait(20) and asker.calls[0].client_end is not None
    provider.gate(test_id).set()
    assert_miss(asker.ask(True), 2)


def test_the_last_one_to_leave_stops_the_call(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    leader = Reading(asker, True, until=b"turn-1")
    assert leader.reached.wait(30)
    followers = [Reading(asker, True, until=b"turn-1") for _ in range(3)]
    for each in followers:
        assert each.reached.wait(30)
    leader.leave("reset")
    for each in followers[:2]:
        each.leave("close")
    assert not asker.calls[0].over.wait(0.5), "one still reads"
    followers[2].leave("reset")
    assert asker.calls[0].over.wait(20) and asker.calls[0].client_end is not None
    provider.gate(test_id).set()
    lines_of(keeping, test_id, 4)


@BOTH
def test_a_follower_that_leaves_disturbs_nobody(keeping, provider, test_id, stream):
    gate = "x-test-gate" if stream else "x-test-hold"
    asker = Asker(keeping, provider, test_id, CHAT, fields={gate: test_id})
    leader = Reading(asker, stream)
    provider.wait(test_id)
    leaving, staying = [Reading(asker, stream) for _ in range(4)], [Reading(asker, stream) for _ in range(4)]
    wait_open(keeping, 9)
    for number, each in enumerate(leaving):
        each.leave("reset" if number % 2 else "close")
    provider.gate(test_id).set()
    assert_whole([each.answer() for each in [leader, *staying]], 1)
    assert len(asker.calls) == 1


# MARK: The leader's upstream breaks


@pytest.mark.parametrize("how", ["fin", "reset", "notify"])
@BOTH
def test_when_the_call_dies_before_its_answer_a_follower_makes_another(keeping, provider, test_id, how, stream):
    def script(exchange) -> None:
        exchange.turned = {"vary": "1"}
        if exchange.turn > 1:
            answer_as_asked(exchange)
            return
        exchange.read_body()
        if exchange.wait_gate(test_id, 60):
            exchange.end(how)

    provider.scripts[test_id] = script
    asker = Asker(keeping, provider, test_id, CHAT)
    leader = Reading(asker, stream)
    provider.wait(test_id)
    with crowd(asker, 6, stream) as same, crowd(asker, 3, not stream) as others:
        wait_open(keeping, 10)
        provider.gate(test_id).set()
        answers = [each.answer() for each in same + others]
    assert leader.answer().status == 502, leader.answer()
    assert_whole(answers, 2)
    assert len(asker.calls) == 2
    # The one that was promoted has it from the provider.
    assert labels_of(answers).count("miss") == 1 and set(labels_of(answers)) <= {"miss", "coalesced", "hit"}
    assert_hit(asker.ask(stream), 2)


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_when_a_stream_dies_in_the_middle_who_has_a_part_sees_a_cut_and_the_others_a_whole(
    keeping, provider, test_id, how
):
    """A second sample cannot go on where the first ended."""
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"gate": test_id, "gate-at": "3", "cut": "4", "end": how}, {})
    leader = Reading(asker, True, until=FIRST)
    assert leader.reached.wait(30)
    with crowd(asker, 5, True, until=FIRST) as same, crowd(asker, 5) as others:
        for each in same:
            assert each.reached.wait(30)
        wait_open(keeping, 11)
        provider.gate(test_id).set()
        cut, whole = [each.answer() for each in [leader, *same]], [each.answer() for each in others]
    for answer in cut:
        assert (answer.status, answer.complete) == (200, False), answer
        assert turn_of(answer.body) == 1 and b"[DONE]" not in answer.body
    assert_whole(whole, 2)
    assert len(asker.calls) == 2
    lines = lines_of(keeping, test_id, 11)
    assert sum(line.get("error") == "upstream_cut" for line in lines) == 6, lines
    assert_hit(asker.ask(True), 2)


def test_a_stream_that_dies_over_http2_is_cut_for_all_its_readers(keeping, provider, h2, test_id):
    kind = dataclasses.replace(CHAT, host="h2.leo-test.example")
    asker = Asker(keeping, provider, test_id, kind)
    turns(provider, test_id, {"gate": test_id, "gate-at": "3", "cut": "4", "end": "rst"}, {})
    client = h2(keeping, kind.host)
    readers = [Reading(asker, True, client, until=FIRST) for _ in range(5)]
    readers += [Reading(asker, True, until=FIRST) for _ in range(2)]
    for each in readers:
        assert each.reached.wait(30)
    provider.gate(test_id).set()
    for each in readers:
        answer = each.answer()
        assert not answer.complete and turn_of(answer.body) == 1, answer
    assert len(asker.calls) == 1
    assert_miss(asker.ask(True), 2)


@BOTH
def test_a_failure_of_the_provider_is_the_leaders_alone(keeping, provider, test_id, stream):
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"hold": test_id, "status": "500"}, {})
    leader = Reading(asker, stream)
    provider.wait(test_id)
    with crowd(asker, 6, stream) as followers:
        wait_open(keeping, 7)
        provider.gate(test_id).set()
        answers = [each.answer() for each in followers]
    assert leader.answer().status == 500
    assert_whole(answers, 2)
    assert len(asker.calls) == 2


@pytest.mark.parametrize("status", [401, 408, 429, 500, 503, 529])
def test_when_the_provider_fails_again_everybody_asks_for_themselves(keeping, provider, test_id, status):
    """Nobody is held up by a chain of failures, and nobody gets an error that was another's."""
    asker = Asker(keeping, provider, test_id, CHAT, key=test_id)
    turns(provider, test_id, {"hold": test_id, "status": str(status)}, {"status": str(status)})
    with crowd(asker, 6) as readers:
        wait_open(keeping, 6)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert [answer.status for answer in answers] == [status] * 6
    assert len(asker.calls) == 6


@pytest.mark.parametrize("status", [400, 404, 413, 422])
@BOTH
def test_a_mistake_in_the_request_is_everybodys(keeping, provider, test_id, status, stream):
    """The provider would say the same to each of them."""
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"hold": test_id, "status": str(status)})
    with crowd(asker, 6, stream) as readers:
        wait_open(keeping, 6)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert [answer.status for answer in answers] == [status] * 6
    assert len({answer.body for answer in answers}) == 1
    assert all((answer.first("content-type") or "").startswith("application/json") for answer in answers)
    assert len(asker.calls) == 1
    # It is not kept.
    assert asker.ask(stream).status == status and len(asker.calls) == 2


@BOTH
def test_an_answer_that_is_not_kept_still_reaches_those_who_wait(keeping, provider, test_id, stream):
    def script(exchange) -> None:
        exchange.turned = {"vary": "1", "hold": test_id}
        exchange.alter = replaced(b'"finish_reason": "stop"', b'"finish_reason": "length"')
        answer_as_asked(exchange)

    provider.scripts[test_id] = script
    asker = Asker(keeping, provider, test_id, CHAT)
    with crowd(asker, 4, stream) as same, crowd(asker, 2, not stream) as others:
        wait_open(keeping, 6)
        provider.gate(test_id).set()
        answers = [each.answer() for each in same + others]
    for answer in answers:
        assert (answer.status, answer.complete) == (200, True) and b'"length"' in answer.body, answer
    calls = len(asker.calls)
    assert calls <= 6
    assert_miss(asker.ask(stream), calls + 1)


# MARK: Slow ones


LARGE = {"x-test-words": "4000x3000"}


def test_a_slow_follower_holds_nobody_up(keeping, provider, test_id):
    """12 MB, of which one follower reads the first bytes alone until all others are done."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={**LARGE, "x-test-gate": test_id})
    leader = Reading(asker, True, until=b"turn-1")
    assert leader.reached.wait(30)
    slow = asker.connect()
    message = asker.over(slow, True, begun=True)
    assert message.first("x-leo-cache") == "coalesced"
    quick = [Reading(asker, True, until=b"turn-1") for _ in range(3)]
    for each in quick:
        assert each.reached.wait(30)
    provider.gate(test_id).set()
    answers = [each.answer(100) for each in [leader, *quick]]
    assert_whole(answers, 1)
    # What it gets is either the whole or a cut that it can see.
    slow.reader.body(message)
    assert turn_of(message.body) == 1 and answers[0].body.startswith(message.body)
    assert message.complete == (message.sha256 == answers[0].sha256)
    slow.close()
    assert len(asker.calls) == 1


def test_followers_of_a_leader_that_does_not_read_get_the_whole_once_it_has_left(keeping, provider, test_id):
    """It may slow the provider down for others as long as it is there; once it has left, they get the whole."""
    asker = Asker(keeping, provider, test_id, CHAT, fields={**LARGE, "x-test-gate": test_id})
    lazy = asker.connect()
    message = asker.over(lazy, True, begun=True)
    assert message.first("x-leo-cache") == "miss"
    follower = Reading(asker, True, until=b"turn-")
    assert follower.reached.wait(30)
    provider.gate(test_id).set()
    wait_until(lambda: asker.calls[0].sent_bytes > 1_000_000, "the provider to go on")
    lazy.reset()
    answer = follower.answer(100)
    assert answer.complete, "the leader's leaving cut its follower"


def test_who_comes_when_much_has_passed_gets_the_whole_too(keeping, provider, test_id):
    """More than is kept for late joiners is on its way already."""
    fields = {**LARGE, "x-test-gate": test_id, "x-test-gate-at": "3000"}
    asker = Asker(keeping, provider, test_id, CHAT, fields=fields)
    leader = Reading(asker, True, until=b"word2990")
    assert leader.reached.wait(60)
    late = Reading(asker, True)
    wait_open(keeping, 2)
    provider.gate(test_id).set()
    answers = [leader.answer(100), late.answer(100)]
    for answer in answers:
        # Only the first part of so much is kept here.
        assert answer.complete and answer.body_size == answers[0].body_size > 12_000_000
    assert len(asker.calls) <= 2


@BOTH
def test_a_provider_that_fails_is_asked_once_for_all_who_have_a_stale_answer(leo_with, provider, test_id, stream):
    settings = {**cached(ttl="1s", stale_if_error="1h"), "upstream": {"circuit_breaker": False, "backoff_max": "0s"}}
    leo = leo_with(settings)
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    provider.gate(test_id).set()
    turns(provider, test_id, {}, {"status": "503"}, {"status": "503"}, {"status": "503"})
    body = {"stream_options": {"include_usage": True}} if stream else {}
    assert_miss(asker.ask(stream, **body), 1)
    wait_until(lambda: asker.ask(stream, **body).cache == "stale", "the end of the answer's time")
    asked = len(asker.calls)
    provider.gate(test_id).clear()
    with crowd(asker, 6, stream, **body) as readers:
        provider.wait(test_id, asked + 1)
        wait_open(leo, 6)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert set(labels_of(answers)) == {"stale"}
    # An exchange that is open need not have joined yet when the provider fails; then it asks for itself.
    assert asked + 1 <= len(asker.calls) < asked + 6


# MARK: Where it does not apply


@pytest.fixture(scope="module")
def shared_sampling(start):
    return start("sampling", cached(when="deterministic"))


@pytest.fixture
def sampling(shared_sampling):
    """A leo that keeps only what has no luck in it."""
    assert shared_sampling.alive()
    return shared_sampling


def test_two_samples_are_two_samples(sampling, provider, test_id):
    asker = Asker(sampling, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    with crowd(asker, 5) as readers:
        provider.wait(test_id, 5)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert sorted(turn_of(answer.body) for answer in answers) == [1, 2, 3, 4, 5]
    assert set(labels_of(answers)) == {"bypass"}


@BOTH
def test_the_same_idempotency_key_makes_them_one(sampling, provider, test_id, stream):
    """It is what a client sends that asks again because it lost its connection."""
    fields = {"x-test-hold": test_id, "idempotency-key": "stainless-python-retry-1"}
    asker = Asker(sampling, provider, test_id, CHAT, fields=fields)
    leader = Reading(asker, stream)
    provider.wait(test_id)
    with crowd(asker, 4, stream) as readers:
        wait_open(sampling, 5)
        provider.gate(test_id).set()
        answers = [each.answer() for each in [leader, *readers]]
    assert_whole(answers, 1)
    assert len(asker.calls) == 1
    assert labels_of(answers)[1:] == ["coalesced"] * 4
    # While it runs; a sample is not kept.
    late = asker.ask(stream)
    assert (late.turn, len(asker.calls)) == (2, 2) and late.cache != "hit", late


def test_other_idempotency_keys_and_other_bodies_are_others(sampling, provider, test_id):
    askers = [
        Asker(sampling, provider, test_id, CHAT, fields={"x-test-hold": test_id, "idempotency-key": key})
        for key in ("one", "two", "one")
    ]
    first, second = Reading(askers[0]), Reading(askers[1])
    third = Reading(askers[2], content="Other words under the first key.")
    provider.wait(test_id, 3)
    provider.gate(test_id).set()
    answers = [each.answer() for each in (first, second, third)]
    assert sorted(turn_of(answer.body) for answer in answers) == [1, 2, 3]


def test_deterministic_requests_are_one_without_a_key(sampling, provider, test_id):
    asker = Asker(sampling, provider, test_id, EMBEDDINGS, fields={"x-test-hold": test_id})
    with crowd(asker, 5) as readers:
        wait_open(sampling, 5)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert_whole(answers, 1)
    assert len(asker.calls) == 1


def test_it_can_be_switched_off(leo_with, provider, test_id):
    leo = leo_with(cached(coalesce=False))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    with crowd(asker, 4) as readers:
        provider.wait(test_id, 4)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert sorted(turn_of(answer.body) for answer in answers) == [1, 2, 3, 4]
    assert set(labels_of(answers)) == {"miss"}
    wait_until(lambda: len(mine(leo, test_id)) == 4, "the lines")
    assert asker.ask().cache == "hit"


@pytest.mark.parametrize("mode", ["off", "observe"])
def test_without_enforcement_everybody_asks_for_themselves(leo_with, provider, test_id, mode):
    leo = leo_with(cached(mode=mode))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    with crowd(asker, 4) as readers:
        provider.wait(test_id, 4)
        provider.gate(test_id).set()
        answers = [each.answer() for each in readers]
    assert sorted(turn_of(answer.body) for answer in answers) == [1, 2, 3, 4]
    assert set(labels_of(answers)) == {None}


def test_no_store_joins_nobody(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"hold": test_id}, {})
    leader = Reading(asker)
    provider.wait(test_id)
    assert_bypass(asker.ask(fields={"cache-control": "no-store"}), 2, "no_store")
    provider.gate(test_id).set()
    assert_whole([leader.answer()], 1)


def test_different_questions_do_not_wait_for_each_other(keeping, provider, test_id):
    asker = Asker(keeping, provider, test_id, CHAT)
    turns(provider, test_id, {"hold": test_id}, {})
    leader = Reading(asker)
    provider.wait(test_id)
    assert_miss(asker.ask(content="Another question."), 2)
    provider.gate(test_id).set()
    assert_whole([leader.answer()], 1)


# MARK: Limits, reloads and the end of leo


def test_followers_are_requests_and_no_tokens(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), limited(tokens=at_once(100_000))))
    used = {"x-test-used": "input=1000 output=400", "x-test-hold": test_id}
    asker = Asker(leo, provider, test_id, CHAT, fields=used)
    with crowd(asker, 8) as readers:
        wait_open(leo, 8)
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in readers], 1)
    lines_of(leo, test_id, 8)
    assert 1390 <= used_of(leo) <= 1400


def test_followers_are_requests(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), limited(requests="3/day burst 3")))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    with crowd(asker, 3) as readers:
        wait_open(leo, 3)
        assert error_of(asker.ask().message) == "rate_limited"
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in readers], 1)


def test_followers_are_concurrent_requests(leo_with, provider, test_id):
    leo = leo_with(merged(cached(), limited(concurrent=3)))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-hold": test_id})
    with crowd(asker, 3) as readers:
        wait_open(leo, 3)
        assert error_of(asker.ask().message) == "concurrency_limited"
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in readers], 1)
    lines_of(leo, test_id, 4)
    assert asker.ask().cache == "hit"


def test_a_reload_in_the_middle_changes_nothing_for_those_who_wait(leo_with, provider, test_id):
    leo = leo_with(cached())
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-gate": test_id})
    with crowd(asker, 4, True, until=b"turn-1") as readers:
        for each in readers:
            assert each.reached.wait(30)
        reload(leo, toml(merged(leo.settings, cached(mode="off"))), "reload")
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in readers], 1)
    assert len(asker.calls) == 1
    assert asker.ask(True).cache is None and len(asker.calls) == 2


@BOTH
def test_a_leo_that_is_told_to_end_brings_everybody_their_answer(leo_with, provider, test_id, stream):
    leo = leo_with(cached())
    gate = "x-test-gate" if stream else "x-test-hold"
    asker = Asker(leo, provider, test_id, CHAT, fields={gate: test_id})
    leader = Reading(asker, stream)
    provider.wait(test_id)
    with crowd(asker, 4, stream) as readers, crowd(asker, 2, not stream) as others:
        wait_open(leo, 7)
        leo.signal(signal.SIGTERM)
        wait_until(lambda: not is_ready(leo), "leo to say that it is not ready")
        provider.gate(test_id).set()
        assert_whole([each.answer() for each in [leader, *readers, *others]], 1)
    assert len(asker.calls) == 1
    assert leo.process.wait(30) == 0


def is_ready(leo) -> bool:
    try:
        return leo.get("/readyz")[0] == 200
    except OSError:
        return False  # the admin listener may have gone first


def test_nothing_is_left_of_flights_that_are_over(leo_with, provider, test_id):
    """Leaders and followers that end in every way; afterwards there is no exchange, and no descriptor more."""
    leo = leo_with(cached(ttl="1s"))
    asker = Asker(leo, provider, test_id, CHAT, fields={"x-test-delay-ms": "5"})
    for round_number in range(5):
        readers: List[Any] = [Reading(asker, number % 2 == 0, content=f"Round {round_number}") for number in range(10)]
        for number, each in enumerate(readers):
            if number % 3 == 0:
                each.leave("reset" if number % 2 else "close")
        for each in readers:
            each._thread.join(60)
            each.close()
    wait_until(lambda: metric(leo, "leo_exchanges_open") == 0, "all exchanges to end")
    leo.settle(spare=8)
    assert statistics(leo)["bytes"] < 1024 * 1024
    body = body_of(document(CHAT, content="After all."))
    seen: Seen = asker.ask(body=body)
    assert_miss(seen, len(asker.calls))
    json.loads(seen.body)
