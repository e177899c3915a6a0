"""What leo does with providers of HTTP/2: reuse, limits, refusals, shutdown; and how it ends its own connections."""

from __future__ import annotations

import collections
import signal
import socket
import threading
from typing import List

import pytest

import h2wire
from h2client import H2Client
from h2raw import SETTINGS
from h2wire import Gone
from harness import wait_until
from pairs import PAIRINGS, Pairing
from wires import Broken

FROM_1, FROM_2 = Pairing(1, 2), Pairing(2, 2)
HOST = FROM_2.host


def ask_many(client: H2Client, names: List[str]) -> List[h2wire.Stream]:
    return [client.request("POST", "/v1/x", [("x-test-id", name)], b"{}") for name in names]


# MARK: Reuse


def test_streams_of_one_client_share_one_upstream_connection(leo, provider, h2, test_id):
    """All at once: each stream waits until every one has arrived."""
    count = 20
    names = [f"{test_id}-{number}" for number in range(count)]
    barrier = threading.Barrier(count)

    def script(exchange) -> None:
        exchange.read_body()
        barrier.wait(20)
        exchange.reply(200, [], exchange.id.encode())

    provider.scripts.update({name: script for name in names})
    client = h2(leo, HOST)
    # The first exchange tells leo what the provider speaks.
    assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
    assert [stream.body().body.decode() for stream in ask_many(client, names)] == names
    assert len({provider.of(name)[0].connection for name in names}) == 1


def test_an_upstream_connection_is_used_again_by_other_clients(leo_with, provider, test_id):
    leo = leo_with({"listen": {"workers": 1}})
    for pair in (FROM_2, FROM_1, FROM_2):
        with pair.caller(leo) as caller:
            assert caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
    assert len({exchange.connection for exchange in provider.of(test_id)}) == 1


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_streams_than_the_provider_allows_are_opened(leo_with, provider, test_id, limit):
    """SETTINGS_MAX_CONCURRENT_STREAMS of the provider: the others wait or get connections of their own. What leo sends
    before it has seen the SETTINGS is refused, as servers do, and sent again."""
    few = provider.listen(protocols=["h2"], settings={3: limit})
    leo = leo_with({"upstream": {"resolve": {"few.leo-test.example:443": few.address}}})
    lock, open_now, too_many = threading.Lock(), collections.Counter(), []

    def script(exchange) -> None:
        with lock:
            open_now[exchange.connection] += 1
            is_too_many = open_now[exchange.connection] > limit
            # leo acknowledges the SETTINGS when it has read them: the second ones hold the limit.
            is_known = exchange.link.counts[SETTINGS] > 2
        if is_too_many:
            with lock:
                open_now[exchange.connection] -= 1
                too_many.append(is_known)
            exchange.refuse()
            return
        exchange.read_body()
        with lock:
            open_now[exchange.connection] -= 1
        exchange.reply(200, [], exchange.id.encode())

    names = [f"{test_id}-{number}" for number in range(12)]
    provider.scripts.update({name: script for name in names})
    with H2Client(leo.client(), "few.leo-test.example") as client:
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
        answers = [stream.body() for stream in ask_many(client, names)]
    served = [answer.body.decode() for answer in answers if answer.status == 200]
    # A stream that was refused twice is given up, which is an honest error.
    assert served == [name for name, answer in zip(names, answers) if answer.status == 200] and len(served) >= 6
    assert all(answer.status == 200 or answer.first("x-leo-error") == "upstream_closed" for answer in answers)
    assert not any(too_many), "leo knew the limit"


def test_a_provider_with_tiny_windows_gets_the_whole_request(leo_with, provider, test_id):
    tiny = provider.listen(protocols=["h2"], settings={4: 100})
    leo = leo_with({"upstream": {"resolve": {"tiny.leo-test.example:443": tiny.address}}})

    def script(exchange) -> None:
        body = exchange.read_body()
        exchange.reply(200, [], b"%d" % len(body))

    provider.scripts[test_id] = script
    with H2Client(leo.client(), "tiny.leo-test.example") as client:
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"x" * 200_000)
        assert answer.body == b"200000"


# MARK: ALPN


def offered(sock: socket.socket) -> List[str]:
    """The protocols of the ClientHello on this socket."""
    record = b""
    while len(record) < 5 or len(record) < 5 + int.from_bytes(record[3:5], "big"):
        record += sock.recv(65536)
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2], "big")
    at += 1 + record[at] + 2
    while at < len(record):
        kind, size = int.from_bytes(record[at : at + 2], "big"), int.from_bytes(record[at + 2 : at + 4], "big")
        if kind == 16:
            names, inside = [], record[at + 6 : at + 4 + size]
            while inside:
                names.append(inside[1 : 1 + inside[0]].decode())
                inside = inside[1 + inside[0] :]
            return names
        at += 4 + size
    return []


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_clients_protocol_is_offered_first_to_the_provider(leo_with, provider, test_id, protocol):
    seen: List[List[str]] = []
    listener = provider.listen_raw(lambda sock: seen.append(offered(sock)))
    leo = leo_with({"upstream": {"resolve": {"good.leo-test.example:443": listener.address}}})
    with Pairing(protocol, 1).caller(leo) as caller:
        assert caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 502
    assert seen and seen[0][0] == ("http/1.1" if protocol == 1 else "h2")
    assert set(seen[0]) == {"http/1.1", "h2"}


@pytest.mark.parametrize(
    "offer, chosen",
    [(["h2"], "h2"), (["http/1.1", "h2"], "h2"), (["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None)],
)
def test_leo_prefers_http_2_whatever_the_clients_order(leo, offer, chosen):
    """httpx lists http/1.1 first."""
    with leo.client() as client:
        assert client.connect("good.leo-test.example:443").status == 200
        client.start_tls("good.leo-test.example", offer)
        assert client.wire.tls.selected_alpn_protocol() == chosen


# MARK: Refusals, resets, shutdown of the provider


@pytest.mark.parametrize("pair", [FROM_1, FROM_2], ids=str)
@pytest.mark.parametrize("body", [b"{}", b"x" * 300_000], ids=["small", "large"])
def test_a_refused_stream_is_sent_again_once(leo, provider, test_id, pair, body):
    """REFUSED_STREAM says that nothing was done (RFC 9113 8.7): even an LLM call may go out again, while leo has it."""

    def script(exchange) -> None:
        if len(provider.of(test_id)) == 1:
            exchange.refuse()
            return
        exchange.reply(200, [], exchange.read_body()[:2])

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], body)
        line = leo.line_of(caller.raw)
        if body == b"{}" or answer.status == 200:
            assert (answer.status, answer.body) == (200, body[:2])
            assert line["attempts"] == 2 and "error" not in line
            assert len(provider.of(test_id)) == 2
            assert provider.of(test_id)[1].request.body_size == len(body)
        else:
            # What leo has passed on it does not have any more.
            assert answer.status in (502, 503) and answer.first("x-leo-error") and line["error"]


@pytest.mark.parametrize("pair", [FROM_1, FROM_2], ids=str)
def test_a_provider_that_refuses_for_ever_is_an_error(leo, provider, test_id, pair):
    provider.scripts[test_id] = lambda exchange: exchange.refuse()
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert answer.status in (502, 503) and answer.complete and answer.first("x-leo-error")
    assert 1 < len(provider.of(test_id)) <= 4


@pytest.mark.parametrize("pair", [FROM_1, FROM_2], ids=str)
@pytest.mark.parametrize("code", [h2wire.NO_ERROR, h2wire.INTERNAL_ERROR, h2wire.CANCEL, h2wire.ENHANCE_YOUR_CALM])
def test_a_stream_that_is_reset_without_an_answer_is_a_502_and_not_sent_again(leo, provider, test_id, pair, code):
    def script(exchange) -> None:
        exchange.read_body()
        exchange.stream.reset(code)

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert (answer.status, answer.first("x-leo-error")) == (502, "upstream_closed")
        assert leo.line_of(caller.raw)["error"] == "upstream_closed"
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("pair", [FROM_1, FROM_2], ids=str)
def test_a_request_behind_a_goaway_is_sent_again_elsewhere(leo, provider, test_id, pair):
    """GOAWAY with a lower last stream: the provider has not looked at this one, and never will."""

    def script(exchange) -> None:
        if len(provider.of(test_id)) == 1:
            exchange.go_away(last=0)
            exchange.wait_client_gone(20)
            exchange.ended = True
            return
        exchange.reply(200, [], exchange.read_body())

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert (answer.status, answer.body) == (200, b"{}")
        assert leo.line_of(caller.raw)["attempts"] == 2
    first, second = provider.of(test_id)
    assert first.connection != second.connection


@pytest.mark.parametrize("pair", [FROM_1, FROM_2], ids=str)
def test_a_stream_in_flight_outlives_a_goaway_and_the_next_one_goes_elsewhere(leo, provider, test_id, pair):
    def script(exchange) -> None:
        exchange.read_body()
        if len(provider.of(test_id)) == 1:
            exchange.begin(200, [])
            exchange.go_away()
            exchange.piece(b"still ")
            exchange.piece(b"here")
            exchange.finish()
            return
        exchange.reply(200, [], b"next")

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert answer.complete and answer.body == b"still here"
        assert caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}").body == b"next"
    first, second = provider.of(test_id)
    assert first.connection != second.connection


@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_an_idle_upstream_connection_that_ends_is_replaced(leo, provider, h2, test_id, how):
    client = h2(leo, HOST)
    for turn in range(3):
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
        exchange = provider.of(test_id)[turn]
        exchange.link.end(how)
        wait_until(exchange.link.over.is_set, "the end")
        # leo has to see the end; there is nothing to see it by from here but the next request's fate.
        for _ in range(100):
            answer = client.exchange("POST", "/v1/x", [("x-test-id", f"{test_id}-{turn}")], b"{}")
            if answer.status == 200:
                break
            assert answer.first("x-leo-error") == "upstream_closed"
        assert answer.status == 200


def test_one_broken_connection_fails_its_own_streams_alone(leo, provider, h2, test_id):
    """Three streams to two hosts; the connection of two of them is cut."""
    names = [f"{test_id}-{number}" for number in range(3)]
    go_on = threading.Event()

    def script(exchange) -> None:
        exchange.read_body()
        exchange.begin(200, [])
        exchange.piece(b"one")
        go_on.wait(20)
        exchange.piece(b"two")
        exchange.finish()

    provider.scripts.update({name: script for name in names})
    client, other = h2(leo, HOST), h2(leo, "both.leo-test.example")
    cut = ask_many(client, names[:2])
    kept = ask_many(other, names[2:])[0]
    for stream in [*cut, kept]:
        assert stream.head().status == 200 and stream.take() == b"one"
    for exchange in provider.of(names[0]) + provider.of(names[1]):
        exchange.link.end("fin")
    for stream in cut:
        assert not stream.body().complete and stream.reset_code == h2wire.INTERNAL_ERROR
    go_on.set()
    assert kept.body().complete
    assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200


# MARK: The client's connection


def test_cancelling_a_stream_leaves_the_others_alone(leo, provider, h2, test_id):
    names = [f"{test_id}-{number}" for number in range(20)]
    go_on = threading.Event()

    def script(exchange) -> None:
        exchange.read_body()
        exchange.begin(200, [])
        exchange.piece(b"one")
        if exchange.id in names[5:8]:
            exchange.wait_client_gone(20)
            return
        go_on.wait(20)
        exchange.piece(b"two")
        exchange.finish()

    provider.scripts.update({name: script for name in names})
    client = h2(leo, HOST)
    streams = ask_many(client, names)
    for stream in streams:
        assert stream.take() == b"one"
    for stream in streams[5:8]:
        stream.reset()
    for name in names[5:8]:
        exchange = provider.of(name)[0]
        assert exchange.over.wait(20) and exchange.client_end == "rst 8"
        assert leo.line_of_test(name)["error"] == "client_gone"
    go_on.set()
    for stream in streams[:5] + streams[8:]:
        message = stream.body()
        assert message.complete and message.body.endswith(b"two")


def test_priority_is_ignored_and_order_is_whoever_is_ready(leo, provider, h2, test_id):
    """A stream that depends on one that never ends is answered all the same."""
    stuck = test_id + "-stuck"
    provider.scripts[stuck] = lambda exchange: exchange.read_body() and exchange.wait_client_gone(20)
    client = h2(leo, HOST)
    first = client.request("POST", "/v1/x", [("x-test-id", stuck)], b"{}")
    second = client.link.h2.get_next_available_stream_id()
    client.link.act(None, lambda: client.link.h2.prioritize(second, weight=1, depends_on=first.id, exclusive=True))
    assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
    first.reset()


@pytest.mark.parametrize("pair", [pair for pair in PAIRINGS if pair.client == 2], ids=str)
def test_shutdown_says_goaway_and_finishes_what_is_in_flight(leo_with, provider, test_id, pair):
    leo = leo_with({"listen": {"drain_timeout": "20s"}})
    go_on = threading.Event()

    def script(exchange) -> None:
        exchange.read_body()
        exchange.begin(200, [])
        exchange.piece(b"one")
        go_on.wait(20)
        exchange.piece(b"two")
        exchange.finish()

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        asked = caller.start("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert asked.take() == b"one"
        leo.signal(signal.SIGTERM)
        link = caller.client.link
        link.wait(lambda: link.goaways, "GOAWAY")
        assert link.goaways[0] == ((1 << 31) - 1, 0)
        go_on.set()
        message = asked.read()
        assert message.complete and message.body.endswith(b"two")
        link.wait(link.over.is_set, "the end of the connection")
        assert link.goaways[-1] == (asked.stream.id, 0)
        assert link.wire.end == "notify"
    leo.stop()


def test_an_idle_connection_is_closed_by_goaway(hasty, h2, test_id):
    client = h2(hasty, HOST)
    assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
    client.link.wait(client.link.over.is_set, "the end of the idle connection")
    assert client.link.goaways and client.link.goaways[-1] == (1, 0) and client.link.wire.end == "notify"


def test_a_connection_with_an_open_stream_is_not_idle(hasty, provider, h2, test_id):
    """Silence is the provider's right, longer than every limit that is the client's."""

    def script(exchange) -> None:
        exchange.read_body()
        threading.Event().wait(1.8)
        exchange.reply(200, [], b"late")

    provider.scripts[test_id] = script
    answer = h2(hasty, HOST).exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
    assert answer.complete and answer.body == b"late"


@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_a_client_that_leaves_ends_all_its_streams(leo, provider, test_id, how):
    names = [f"{test_id}-{number}" for number in range(5)]
    provider.scripts.update({name: (lambda exchange: exchange.wait_client_gone(20)) for name in names})
    with H2Client(leo.client(), HOST) as client:
        ask_many(client, names)
        for name in names:
            provider.wait(name)
        client.link.end(how)
        for name in names:
            exchange = provider.of(name)[0]
            assert exchange.over.wait(20) and exchange.client_end == "rst 8"
            assert leo.line_of_test(name)["error"] == "client_gone"


def test_a_large_upload_does_not_hold_up_small_requests(leo, provider, h2, test_id):
    """The upload's provider reads nothing; everything else on the connection goes on."""
    release = threading.Event()
    provider.scripts[test_id + "-slow"] = lambda exchange: release.wait(30)
    client = h2(leo, HOST)
    slow = client.begin("POST", "/v1/files", [("x-test-id", test_id + "-slow")])

    def upload() -> None:
        try:
            slow.send(bytes(8 * 1024 * 1024))
        except (Gone, OSError, Broken):
            pass

    sender = threading.Thread(target=upload, daemon=True)
    sender.start()
    try:
        assert slow.blocked.wait(20), "leo took all of it"
        for _ in range(10):
            assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}" * 1000).status == 200
    finally:
        slow.reset()
        release.set()
        sender.join(20)
