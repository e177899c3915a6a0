"""HTTP/2 abuse: each attack bounded in count, on loopback alone, with an honest client beside it that keeps working,
and leo's memory measured. An attack that costs leo work ends in a connection error; one that merely waits is given up.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Callable, Iterator, List, Optional

import pytest

from h2client import H2Client
from h2raw import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    SETTINGS,
    RawH2,
    block,
    frame,
    integer,
    literal,
    reset,
    settings,
    window,
)
from harness import PLAIN_BINARY, sanitized, wait_until
from h2wire import ENHANCE_YOUR_CALM
from wires import Broken

HOST = "good.leo-test.example"
MEGABYTE = 1024 * 1024
# What an attack may cost while it lasts: one connection's windows and buffers are below two megabytes.
GROWTH_BYTES_MAX = 24 * MEGABYTE


@pytest.fixture(scope="module")
def besieged(start):
    """Short patience, so that what merely waits is over soon; without a sanitizer, so that memory means something."""
    limits = {"stall_timeout": "1s", "head_timeout": "1s", "idle_timeout": "2s", "handshake_timeout": "5s"}
    one = start("besieged", {"listen": limits, "upstream": {"idle_timeout": "30s"}}, binary=PLAIN_BINARY)
    for host in (HOST, "h2.leo-test.example"):
        with H2Client(one.client(), host) as client:
            for _ in range(5):
                assert client.exchange("POST", "/v1/x", [], b"{}" * 1000).status == 200
    return one


class Honest:
    """A client that goes on asking on its own connection, whatever happens beside it."""

    def __init__(self, leo, test_id: str) -> None:
        self.leo = leo
        self.test_id = test_id
        self.count = 0
        self.failures: List[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        client: Optional[H2Client] = None
        try:
            client = H2Client(self.leo.client(), "h2.leo-test.example")
            while not self._stop.is_set():
                answer = client.exchange("POST", "/v1/x", [("x-test-id", self.test_id + "-honest")], b"{}")
                if answer.status != 200 or not answer.complete:
                    self.failures.append(repr(answer))
                    return
                self.count += 1
        except Exception as error:  # noqa: BLE001 — any of them fails the test
            self.failures.append(repr(error))
        finally:
            if client is not None:
                client.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


@contextlib.contextmanager
def siege(leo, test_id: str) -> Iterator[Honest]:
    """An honest client that gets answers before, during and after, on the same connection; and memory stays bounded."""
    before = leo.resident_bytes()
    honest = Honest(leo, test_id)
    try:
        wait_until(lambda: honest.count > 2 or honest.failures, "the honest client's first answers")
        begun = honest.count
        yield honest
        grown = leo.resident_bytes() - before
        ended = honest.count
        wait_until(lambda: honest.count > max(begun, ended) + 2 or honest.failures, "the honest client's last answers")
    finally:
        honest.stop()
    assert not honest.failures, honest.failures
    assert grown < GROWTH_BYTES_MAX * (8 if sanitized(leo.binary) else 1), f"leo grew by {grown // 1024} KB"
    with leo.client() as client:
        assert client.intercepted(HOST).exchange("POST", "/v1/x", [], b"{}", host=HOST).status == 200


def pour(client: RawH2, pieces: Iterator[bytes], reads: bool = True) -> bool:
    """Sends the pieces, reading what comes back; False when the peer ended it before all was sent."""
    pending = bytearray()

    def push() -> bool:
        if not client.send(bytes(pending)):
            return False
        pending.clear()
        while reads and not client.over and client.wire.pending(0):
            try:
                if client.read(1) is None:
                    return False
            except OSError:
                return False
        return not client.over and not client.goaway

    for piece in pieces:
        pending += piece
        if len(pending) > 16384 and not push():
            return False
    return push()


def times(count: int, make: Callable[[int], bytes]) -> Iterator[bytes]:
    return (make(number) for number in range(count))


def request(c: RawH2, stream: int, end: bool = True, method: str = "POST") -> bytes:
    return c.request(stream, end, method=method)


def odd(number: int) -> int:
    return 2 * number + 1


def many_continuations(c: RawH2, payload: bytes, count: int) -> Iterator[bytes]:
    yield frame(HEADERS, END_STREAM, 1, block(c.fields_for())[:10])
    yield from times(count, lambda _: frame(CONTINUATION, 0, 1, payload))


def bomb(c: RawH2, references: int) -> Iterator[bytes]:
    """One large entry of the table, and a block that is nothing but references to it: 4 KB for each byte."""
    yield frame(HEADERS, END_HEADERS | END_STREAM, 1, block(c.fields_for()) + literal(b"x", b"v" * 4000, 0x40))
    for stream in range(3, 43, 2):
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream, block(c.fields_for()) + b"\xbe" * references)


# A name and what is sent; leo has to end the connection before all of it was taken.
FLOODS = [
    ("rapid reset", lambda c: times(20_000, lambda n: request(c, odd(n)) + reset(odd(n)))),
    ("rapid reset of uploads", lambda c: times(20_000, lambda n: request(c, odd(n), False) + reset(odd(n)))),
    ("reset by an empty window update", lambda c: times(
        20_000, lambda n: request(c, odd(n), False) + window(odd(n), 0))),
    ("reset by a window too large", lambda c: times(
        20_000, lambda n: request(c, odd(n), False) + window(odd(n), 0x7FFFFFFF))),
    ("reset by a wrong length", lambda c: times(20_000, lambda n: c.request(
        odd(n), False, method="POST", extra=[("content-length", "1")]) + frame(DATA, END_STREAM, odd(n), b"ab"))),
    ("reset by bad trailers", lambda c: times(20_000, lambda n: request(c, odd(n), False)
     + c.headers(odd(n), [(":path", "/")]))),
    ("reset by DATA after the end", lambda c: times(
        20_000, lambda n: request(c, odd(n)) + frame(DATA, 0, odd(n), b"x"))),
    ("malformed requests", lambda c: times(20_000, lambda n: c.headers(odd(n), [("X-UPPER", "1")]))),
    ("CONTINUATION without bytes", lambda c: many_continuations(c, b"", 50_000)),
    ("CONTINUATION of a byte", lambda c: many_continuations(c, b"\x00", 50_000)),
    ("CONTINUATION of 16 KB", lambda c: many_continuations(c, block([("x-a", "v" * 16_000)]), 2000)),
    ("SETTINGS without values", lambda c: times(50_000, lambda _: settings())),
    ("SETTINGS of windows", lambda c: times(50_000, lambda n: settings((4, 65535 + n % 2)))),
    ("SETTINGS of table sizes", lambda c: times(50_000, lambda n: settings((1, n % 4096)))),
    ("SETTINGS ACK", lambda c: times(50_000, lambda _: frame(SETTINGS, ACK, 0))),
    ("PING", lambda c: times(50_000, lambda _: frame(PING, 0, 0, bytes(8)))),
    ("PING ACK", lambda c: times(50_000, lambda _: frame(PING, ACK, 0, bytes(8)))),
    ("DATA without bytes", lambda c: (piece for part in (
        [request(c, 1, False)], times(50_000, lambda _: frame(DATA, 0, 1))) for piece in part)),
    ("DATA of padding", lambda c: (piece for part in (
        [request(c, 1, False)], times(20_000, lambda _: frame(DATA, PADDED, 1, b"\x01\x00"))) for piece in part)),
    ("PRIORITY", lambda c: times(100_000, lambda n: frame(PRIORITY, 0, odd(n % 1000), bytes(4) + b"\x10"))),
    ("WINDOW_UPDATE", lambda c: times(100_000, lambda _: window(0, 1))),
    ("WINDOW_UPDATE of a stream", lambda c: (piece for part in (
        [request(c, 1, False)], times(100_000, lambda _: window(1, 1))) for piece in part)),
    ("unknown frames", lambda c: times(100_000, lambda n: frame(0xBB, 0, 0, b"x"))),
    ("GOAWAY", lambda c: times(50_000, lambda _: frame(0x7, 0, 0, bytes(8)))),
    ("RST_STREAM of streams long over", lambda c: (piece for part in (
        [request(c, 1, False) + reset(1)], times(50_000, lambda _: reset(1))) for piece in part)),
    ("table size updates", lambda c: times(2000, lambda n: frame(
        HEADERS, END_HEADERS | END_STREAM, odd(n), b"\x20\x3f\xe1\x1f" * 4000))),
]  # fmt: skip


@pytest.mark.parametrize("name, make", FLOODS, ids=[name for name, _ in FLOODS])
def test_a_flood_ends_the_connection_and_nobody_else_feels_it(besieged, provider, test_id, name, make):
    """The peer gets GOAWAY(ENHANCE_YOUR_CALM), or the end where it did not even read that far."""
    arrived = len(provider.exchanges)
    with siege(besieged, test_id):
        with RawH2(besieged.client(5), HOST, test_id) as client:
            client.start()
            assert not pour(client, make(client)), "all of it was taken"
            assert ended(client), "the connection stays open"
            assert client.goaway in (None, 1, 5, 9, ENHANCE_YOUR_CALM), f"GOAWAY {client.goaway}"
    mine = [exchange for exchange in provider.exchanges[arrived:] if exchange.id == test_id]
    assert len(mine) < 2500, "the provider got the flood"


def ended(client: RawH2) -> bool:
    """Whether leo ends the connection, soon and by itself."""
    try:
        client.until(lambda: client.goaway is not None, 5)
        return client.wire.wait_end(5) is not None
    except (OSError, Broken):
        return False


@pytest.mark.parametrize("kind", ["PING", "SETTINGS"])
def test_promise_4_answers_that_nobody_reads_do_not_pile_up(besieged, test_id, kind):
    """Each frame asks for an answer, and the client reads none: leo has to stop, not to remember."""
    one = frame(PING, 0, 0, bytes(8)) if kind == "PING" else settings()
    with siege(besieged, test_id):
        with RawH2(besieged.client(3), HOST, test_id) as client:
            client.start()
            pour(client, times(300_000, lambda _: one), reads=False)
            assert ended(client), "leo keeps a peer that reads nothing"


@pytest.mark.parametrize("references", [100, 8000])
def test_promise_4_a_compression_bomb_is_not_unpacked(besieged, provider, test_id, references):
    """Twenty blocks that would unpack to 8 MB or 640 MB of fields."""
    with siege(besieged, test_id):
        with RawH2(besieged.client(5), HOST, test_id) as client:
            client.start()
            pour(client, bomb(client, references))
            done = {odd(number) for number in range(1, 21)}
            client.until(lambda: client.goaway or done <= set(client.statuses) | set(client.resets), 10)
            assert client.goaway or all(client.statuses.get(stream, 431) == 431 for stream in done)
    assert len(provider.of(test_id)) <= 1


def test_more_streams_than_announced_are_refused_and_those_within_are_served(besieged, provider, test_id):
    """The streams over the limit get REFUSED_STREAM: they may be sent again (RFC 9113 5.1.2)."""
    opened = threading.Event()

    def script(exchange) -> None:
        opened.wait(20)
        exchange.reply(200, [], b"late")

    provider.scripts[test_id] = script
    with siege(besieged, test_id):
        with RawH2(besieged.client(), "h2.leo-test.example", test_id) as client:
            client.start()
            assert client.ping()
            allowed = client.settings_seen[3]
            client.send(b"".join(client.request(odd(number)) for number in range(allowed + 20)))
            client.until(lambda: len(client.resets) == 20 or client.goaway)
            assert client.goaway is None
            assert sorted(client.resets) == [odd(number) for number in range(allowed, allowed + 20)]
            assert set(client.resets.values()) == {7}
            opened.set()
            client.until(lambda: len(client.statuses) == allowed)
            assert set(client.statuses.values()) == {200}


def test_streams_that_are_opened_and_left_are_given_up(besieged, provider, test_id):
    """A hundred requests whose bodies never come: after stall_timeout leo takes back what they hold."""
    with siege(besieged, test_id):
        with RawH2(besieged.client(), HOST, test_id) as client:
            client.start()
            streams = {odd(number) for number in range(90)}
            client.send(b"".join(request(client, stream, end=False) for stream in streams))
            client.until(lambda: streams <= set(client.resets) | set(client.statuses) or client.goaway is not None, 20)
            assert client.goaway is not None or all(client.statuses.get(each, 408) == 408 for each in streams)
    for exchange in provider.of(test_id):
        assert exchange.over.wait(20), "the provider is still kept waiting"


def test_a_header_block_that_is_never_finished_is_given_up(besieged, test_id):
    with siege(besieged, test_id):
        with RawH2(besieged.client(), HOST, test_id) as client:
            client.start()
            client.send(frame(HEADERS, END_STREAM, 1, block(client.fields_for())[:10]))
            assert client.wire.wait_end(20) is not None


@pytest.mark.parametrize(
    "sent", [b"", PREFACE[:10], PREFACE, PREFACE + settings()], ids=["none", "half", "all", "more"]
)
def test_a_connection_that_never_asks_for_anything_is_given_up(besieged, test_id, sent):
    with siege(besieged, test_id):
        with RawH2(besieged.client(), HOST, test_id) as client:
            client.send(sent)
            assert client.wire.wait_end(20) is not None


STALLS = {
    "no stream window": lambda: settings((4, 0)),
    "a stream window of one byte": lambda: settings((4, 1)),
    "no connection window": lambda: settings((4, 0x7FFFFFFF)),
}


@pytest.mark.parametrize("how", STALLS)
@pytest.mark.parametrize("host", [HOST, "h2.leo-test.example"])
def test_a_client_that_gives_no_window_is_given_up(besieged, provider, test_id, how, host):
    """Fifty large answers that nobody takes: after stall_timeout the provider is let go."""

    def script(exchange) -> None:
        exchange.read_body()
        exchange.begin(200, [], "length", 4 * MEGABYTE)
        exchange.send_patiently(bytes(4 * MEGABYTE))
        exchange.finish()

    provider.scripts[test_id] = script
    with siege(besieged, test_id):
        with RawH2(besieged.client(), host, test_id) as client:
            client.send(PREFACE + STALLS[how]())
            client.send(b"".join(client.request(odd(number)) for number in range(50)))
            streams = {odd(number) for number in range(50)}
            client.until(lambda: streams <= set(client.resets) or client.goaway is not None, 30)
            assert client.goaway is not None or client.over or streams <= set(client.resets)
    for exchange in provider.of(test_id):
        assert exchange.over.wait(20), "the provider is still kept waiting"


def test_a_client_that_reads_nothing_at_all_is_given_up(besieged, provider, test_id):
    """Every window is open, but nobody takes the bytes off the socket."""

    def script(exchange) -> None:
        exchange.read_body()
        exchange.begin(200, [], "length", 64 * MEGABYTE)
        exchange.send_patiently(bytes(64 * MEGABYTE))
        exchange.finish()

    provider.scripts[test_id] = script
    with siege(besieged, test_id):
        with RawH2(besieged.client(), "h2.leo-test.example", test_id) as client:
            client.send(PREFACE + settings((4, 0x7FFFFFFF)) + window(0, 0x7FFFFFFF - 65535))
            client.send(b"".join(client.request(odd(number)) for number in range(10)))
            for exchange in provider.wait(test_id, 10):
                assert exchange.over.wait(30), "the provider is still kept waiting"


def test_a_reader_of_one_byte_at_a_time_gets_its_answer(besieged, provider, test_id):
    """Slow, but not stalled: credit of a byte is credit."""
    provider.scripts[test_id] = lambda exchange: exchange.read_body() + exchange.reply(200, [], b"0123456789" * 20)
    with siege(besieged, test_id):
        with RawH2(besieged.client(), HOST, test_id) as client:
            client.send(PREFACE + settings((4, 1)) + client.request())
            while not client.ended.get(1):
                before = len(client.bodies.get(1, b""))
                assert client.until(lambda: client.ended.get(1) or len(client.bodies.get(1, b"")) > before)
                client.send(window(1, 1))
            assert client.bodies[1] == b"0123456789" * 20


def test_many_half_open_connections_leave_room_for_others(besieged, test_id):
    """Sixty connections, each with an open stream and nothing more."""
    with siege(besieged, test_id):
        crowd = [RawH2(besieged.client(), HOST, test_id) for _ in range(60)]
        for client in crowd:
            client.start()
            client.send(request(client, 1, end=False))
        for client in crowd:
            assert client.until(
                lambda: 1 in client.resets or 1 in client.statuses or client.goaway is not None, 20
            ) or (client.over)
            client.close()


# MARK: The same by a provider


def answered_by(frames: Callable[[object], bytes]) -> Callable[[object], None]:
    def script(exchange) -> None:
        exchange.read_body()
        try:
            exchange.link.send_raw(frames(exchange))
            exchange.wait_client_gone(20)
        except (OSError, AssertionError):
            pass
        exchange.ended = True

    return script


def status(stream: int, *fields, end: bool = True) -> bytes:
    return RawH2.headers(stream, [(":status", "200"), *fields], end)


HOSTILE = {
    "PING flood": lambda e: frame(PING, 0, 0, bytes(8)) * 50_000,
    "SETTINGS flood": lambda e: settings() * 50_000,
    "WINDOW_UPDATE flood": lambda e: window(0, 1) * 100_000,
    "CONTINUATION flood": lambda e: frame(HEADERS, 0, e.stream.id)
    + frame(CONTINUATION, 0, e.stream.id, b"\x00") * 50_000,
    "DATA flood without bytes": lambda e: status(e.stream.id, end=False) + frame(DATA, 0, e.stream.id) * 50_000,
    "interim flood": lambda e: RawH2.headers(e.stream.id, [(":status", "103"), ("x-a", "b")], False) * 20_000,
    "compression bomb": lambda e: frame(
        HEADERS, END_HEADERS | END_STREAM, e.stream.id,
        block([(":status", "200")]) + literal(b"x", b"v" * 4000, 0x40) + integer(62, 7, 0x80) * 10_000),
    "a head of a megabyte": lambda e: frame(HEADERS, 0, e.stream.id, block([(":status", "200")])) + frame(
        CONTINUATION, 0, e.stream.id, block([("x-a", "v" * 16_000)])) * 64,
    "DATA beyond the window": lambda e: status(e.stream.id, end=False)
    + frame(DATA, 0, e.stream.id, bytes(16384)) * 4000,
    "PUSH_PROMISE": lambda e: frame(0x5, END_HEADERS, e.stream.id, bytes(3) + b"\x02" + block([(":method", "GET")])),
    "DATA before the head": lambda e: frame(DATA, END_STREAM, e.stream.id, b"forged"),
    "DATA on a stream of nobody": lambda e: frame(DATA, 0, 9999, b"forged") + status(e.stream.id),
    "HEADERS on a stream of nobody": lambda e: status(9999),
    "two answers": lambda e: status(e.stream.id, end=False) + status(e.stream.id),
    "an answer after the end": lambda e: status(e.stream.id) + status(e.stream.id),
    "no :status": lambda e: RawH2.headers(e.stream.id, [("x-a", "b")]),
    ":status of a word": lambda e: RawH2.headers(e.stream.id, [(":status", "cow")]),
    ":status 101": lambda e: RawH2.headers(e.stream.id, [(":status", "101")], False),
    "a length that lies": lambda e: status(e.stream.id, ("content-length", "3"), end=False)
    + frame(DATA, END_STREAM, e.stream.id, b"forged"),
    "a field of HTTP/1": lambda e: status(e.stream.id, ("transfer-encoding", "chunked")),
    "an upper-case field": lambda e: status(e.stream.id, ("X-A", "b")),
    "CRLF in a value": lambda e: status(e.stream.id, ("x-a", "b\r\nx-forged: 1")),
    "SETTINGS that are wrong": lambda e: settings((4, 1 << 31)),
    "HPACK that is wrong": lambda e: frame(HEADERS, END_HEADERS, e.stream.id, b"\x80"),
    "a frame too large": lambda e: frame(DATA, 0, e.stream.id, bytes(20_000)),
}  # fmt: skip
# The client may well get its answer when what is wrong comes with it or after it.
MAY_SUCCEED = {
    "PING flood", "SETTINGS flood", "WINDOW_UPDATE flood", "DATA on a stream of nobody", "an answer after the end",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("client", ["h1", "h2"])
def test_a_hostile_http_2_provider_fails_its_own_exchange_alone(besieged, provider, test_id, name, client):
    """The client gets a 502 or a cut, never a forged byte; the honest client and the next exchange get their own."""
    provider.scripts[test_id] = answered_by(HOSTILE[name])
    host = "both.leo-test.example"
    body = b'{"model":"m"}'
    before = besieged.resident_bytes()
    if client == "h1":
        with besieged.client() as raw:
            raw.intercepted(host)
            try:
                answer = raw.exchange("POST", "/v1/x", [("x-test-id", test_id)], body, host=host)
            except (Broken, socket.timeout):
                answer = None
    else:
        with H2Client(besieged.client(), host) as h2:
            try:
                answer = h2.exchange("POST", "/v1/x", [("x-test-id", test_id)], body)
            except Broken:
                answer = None
    if answer is not None:
        assert b"forged" not in answer.body and answer.first("x-forged") is None
        assert answer.status == 502 or not answer.complete or name in MAY_SUCCEED, answer
        assert not answer.violations
    assert besieged.resident_bytes() - before < GROWTH_BYTES_MAX * (8 if sanitized(besieged.binary) else 1)
    for number in range(2):
        own = f"{test_id}-{number}"
        provider.scripts[own] = lambda exchange, own=own: exchange.read_body() and exchange.reply(200, [], own.encode())
        with H2Client(besieged.client(), host) as h2:
            assert h2.exchange("POST", "/v1/x", [("x-test-id", own)], body).body == own.encode()
    assert len(provider.of(test_id)) == 1
