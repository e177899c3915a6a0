"""The promises that make leo worth trusting, each on the real binary with every byte in view."""

from __future__ import annotations

import hashlib
import random
import threading
from typing import Dict

import pytest

from answers import PIECES
from harness import PLAIN_BINARY, sanitized, wait_until
from samples import SEED, Sample
from wires import head

EXCHANGES = 200


# MARK: Promise 1: byte-exact unless touched


@pytest.mark.parametrize("part", range(4))
def test_promise_1_byte_exact_unless_touched(leo, provider, test_id, part):
    """50 exchanges per part, several to a connection: bodies and end-to-end fields are the same on both sides."""
    dice = random.Random(SEED + part)
    per_part = EXCHANGES // 4
    client, left_on_connection = None, 0
    for number in range(per_part):
        request, answer = Sample(dice), Sample(dice)
        name = f"{test_id}-{number}"
        status = dice.choice([200, 200, 201, 207, 400, 404, 429, 500])

        def script(exchange, answer=answer, status=status):
            exchange.read_body()
            fields = answer.fields + [(b"Set-Cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")]
            if answer.pieces is None:
                exchange.reply(status, fields, answer.body)
                return
            exchange.begin(status, fields, "chunked")
            for piece in answer.pieces:
                exchange.piece(piece)
            exchange.finish()

        provider.scripts[name] = script
        if left_on_connection == 0:
            if client is not None:
                client.close()
            client, left_on_connection = leo.client().intercepted(), dice.randrange(1, 12)
        left_on_connection -= 1
        path = f"/v1/{number}?q=%41%2F&empty=&=" + "".join(dice.choice("abc/;:@&=+$,-_.!~*'()") for _ in range(9))
        fields = [("x-test-id", name)] + request.fields
        seen = client.exchange("POST", path, fields, request.body, pieces=request.pieces)
        there = provider.of(name)
        context = f"exchange {number} of part {part}, seed {SEED}"
        assert len(there) == 1, context
        assert not there[0].request.violations and not seen.violations, context
        # Towards the provider.
        assert there[0].request.target == path, context
        assert (
            there[0].request.end_to_end
            == [(b"Host", b"api.openai.com"), (b"x-test-id", name.encode())] + request.fields
        ), context
        assert (there[0].request.body_size, there[0].request.sha256) == (len(request.body), request.sha256), context
        assert there[0].request.framing == ("chunked" if request.pieces is not None else "length"), context
        # Towards the client.
        assert seen.status == status and seen.first_line.endswith(b" Test"), context
        own = [(key, value) for key, value in seen.end_to_end if not key.lower().startswith(b"x-leo-")]
        assert own == answer.fields + [(b"Set-Cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")], context
        assert seen.complete and (seen.body_size, seen.sha256) == (len(answer.body), answer.sha256), context
        assert seen.framing == ("chunked" if answer.pieces is not None else "length"), context
        # No field of leo's own towards the provider, no Via anywhere.
        assert not [
            key for key, _ in there[0].request.fields if key.lower() in (b"via", b"x-forwarded-for", b"forwarded")
        ], context
        del provider.scripts[name]
    if client is not None:
        client.close()


def test_promise_1_hop_by_hop_fields_end_at_leo(openai, provider, test_id):
    fields = [
        ("x-test-id", test_id), ("Connection", "keep-alive, X-Secret-Hop"), ("X-Secret-Hop", "1"),
        ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic c2VjcmV0"),
        ("X-Stays", "1"),
    ]  # fmt: skip

    def script(exchange):
        exchange.read_body()
        hop = [("Connection", "X-Hop-Back"), ("X-Hop-Back", "1"), ("Keep-Alive", "timeout=5"), ("X-Stays-Too", "1")]
        exchange.reply(200, hop, b"{}")

    provider.scripts[test_id] = script
    answer = openai.exchange("POST", "/v1/chat/completions", fields, b"{}")
    sent = [key.lower() for key, _ in provider.of(test_id)[0].request.fields]
    for gone in (b"x-secret-hop", b"keep-alive", b"proxy-connection", b"proxy-authorization"):
        assert gone not in sent
    assert b"x-stays" in sent
    got = [key.lower() for key, _ in answer.fields]
    assert b"x-stays-too" in got and b"x-hop-back" not in got and b"keep-alive" not in got


# MARK: Promise 2: never silently wrong


# A close-delimited answer that ends with close_notify is a complete one: see the next test.
CUTS = [(framing, how) for framing in ("chunked", "length", "close") for how in ("fin", "reset", "notify")]
CUTS.remove(("close", "notify"))


@pytest.mark.parametrize("framing, how", CUTS)
def test_promise_2_a_stream_that_the_provider_cut_looks_cut(leo, provider, test_id, framing, how):
    with leo.client().intercepted() as client:
        fields = [("x-test-id", test_id), ("x-test-cut", "3"), ("x-test-framing", framing), ("x-test-end", how)]
        answer = client.exchange("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        assert answer.status == 200
        assert not answer.complete
        # Everything that the provider did send has arrived, unless its reset overtook it on the way.
        if how != "reset":
            assert answer.body.endswith(PIECES[2].encode() + b'"}, "finish_reason": null}]}\n\n')
        # A close_notify would say to a TLS client that this was meant to end here.
        assert answer.end in ("fin", "reset"), answer
        # A close-delimited answer is relayed chunked: the missing last chunk is what tells.
        assert answer.framing == ("length" if framing == "length" else "chunked")
        line = leo.line_of(client)
    assert (line["error"], line["status"], line["upstream_status"]) == ("upstream_cut", 200, 200)


def test_promise_2_a_close_delimited_answer_is_complete_only_after_close_notify(leo, provider, test_id):
    with leo.client().intercepted() as client:
        fields = [("x-test-id", test_id), ("x-test-framing", "close")]
        answer = client.exchange("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        assert answer.complete and answer.framing == "chunked"
        assert answer.body.endswith(b"data: [DONE]\n\n")
        assert "error" not in leo.line_of(client)


def test_promise_2_what_arrived_before_a_cut_reaches_the_client_first(leo, provider, test_id):
    """The whole of what the provider sent, also when it is much and the cut follows at once."""
    sent = random.Random(SEED).randbytes(3_000_000)

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "text/plain")], "length", len(sent) + 1)
        exchange.send(sent)
        exchange.end("fin")

    provider.scripts[test_id] = script
    with leo.client().intercepted() as client:
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert not answer.complete
        assert (answer.body_size, answer.sha256) == (len(sent), hashlib.sha256(sent).hexdigest())


# MARK: A client that leaves


@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_promise_cancel_stops_the_upstream(leo, provider, test_id, how):
    """The provider is between two events when the client leaves; it must see the disconnect without sending more."""
    gone = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        exchange.piece(b"data: 1\n\n")
        exchange.wait_client_gone(20)
        if exchange.client_end is not None:
            gone.set()

    provider.scripts[test_id] = script
    client = leo.client().intercepted()
    client.request("POST", "/v1/chat/completions", [("x-test-id", test_id)], b'{"stream":true}')
    assert client.answer_head().status == 200
    assert client.wire.receive()
    if how == "notify":
        client.wire.notify()
    client.reset() if how == "reset" else client.close()
    assert gone.wait(20), "the provider still has its connection"
    line = leo.line_of(client)
    assert (line["error"], line["upstream_status"]) == ("client_gone", 200)


def test_promise_cancel_stops_the_upstream_while_it_is_still_thinking(leo, provider, test_id):
    """No answer has begun: the client leaves, the provider sees it."""
    client = leo.client().intercepted()
    fields = [("x-test-id", test_id), ("x-test-hang", "head")]
    client.request("POST", "/v1/chat/completions", fields, b"{}")
    provider.wait(test_id)[0].received.wait(20)
    client.close()
    exchange = provider.of(test_id)[0]
    assert exchange.over.wait(20) and exchange.client_end is not None
    assert leo.line_of(client)["error"] == "client_gone"


# MARK: Promise 4: bounded

MEGABYTE = 1024 * 1024
# What 200 MB in flight may add. The buffers of one connection are far below a megabyte; the rest is the allocator's.
GROWTH_BYTES_MAX = 16 * MEGABYTE


@pytest.fixture(scope="module")
def measured(start):
    """A leo whose memory means something (without a sanitizer where scripts/test built both), warmed up."""
    one = start("measured", {"listen": {"stall_timeout": "10m"}}, binary=PLAIN_BINARY)
    for _ in range(3):
        with one.client().intercepted() as client:
            assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200
    return one


def growth_max(leo) -> int:
    # AddressSanitizer keeps freed memory in quarantine and shadows the rest.
    return GROWTH_BYTES_MAX * (8 if sanitized(leo.binary) else 1)


def test_promise_4_bounded_memory_with_a_client_that_never_reads(measured, provider, test_id):
    answer_bytes = 200 * MEGABYTE

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "application/octet-stream")], "length", answer_bytes)
        piece = bytes(MEGABYTE)
        for _ in range(answer_bytes // MEGABYTE):
            exchange.send_patiently(piece)

    provider.scripts[test_id] = script
    before = measured.resident_bytes()
    client = measured.client().intercepted()
    client.request("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}")
    exchange = provider.wait(test_id)[0]
    assert exchange.blocked.wait(60), "the provider could send everything although nobody reads"
    # What the sockets on the way may hold: the kernel's buffers, not leo's memory.
    assert exchange.sent_bytes < 32 * MEGABYTE
    assert measured.resident_bytes() - before < growth_max(measured)
    # Once the client reads, the rest flows.
    client.answer_head()
    received = len(client.reader.buffer)
    client.reader.buffer = b""
    while received < 64 * MEGABYTE:
        data = client.wire.receive()
        assert data, "the stream ended"
        received += len(data)
    assert exchange.sent_bytes >= 64 * MEGABYTE
    assert measured.resident_bytes() - before < growth_max(measured)
    client.close()
    assert exchange.over.wait(20)


def test_promise_4_bounded_memory_with_a_provider_that_never_reads(measured, provider, test_id):
    reading = threading.Event()

    def script(exchange):
        reading.wait(60)
        exchange.closing = True

    provider.scripts[test_id] = script
    before = measured.resident_bytes()
    client = measured.client().intercepted()
    upload_bytes = 200 * MEGABYTE
    fields = [("Host", "api.openai.com"), ("x-test-id", test_id), ("Content-Length", str(upload_bytes))]
    client.send(head("POST /v1/files HTTP/1.1", [(key.encode(), value.encode()) for key, value in fields]))
    sent = 0
    while sent < upload_bytes and client.wire.writable(1.0):
        client.send(bytes(16384))
        sent += 16384
    assert sent < 32 * MEGABYTE, "leo took everything although the provider does not read"
    assert measured.resident_bytes() - before < growth_max(measured)
    reading.set()
    client.close()
    wait_until(lambda: provider.of(test_id)[0].over.is_set(), "the provider's connection to end")


# MARK: Silence


@pytest.fixture(scope="module")
def impatient(start):
    """Everything that a client can do wrong times out after a second; the upstream may be silent as long as ever."""
    second = "1s"
    limits = {"handshake_timeout": second, "head_timeout": second, "idle_timeout": second, "stall_timeout": second}
    return start("impatient", {"listen": limits, "upstream": {"connect_timeout": second, "pool_idle_timeout": second}})


@pytest.mark.parametrize("where", ["before the head", "before the first event", "between two events"])
def test_promise_a_silent_upstream_is_tolerated(impatient, provider, test_id, where):
    """Silence three times as long as every other limit; the default for the upstream itself is a quarter of an hour."""
    silence = threading.Event()

    def script(exchange):
        exchange.read_body()
        if where == "before the head":
            silence.wait(3)
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        if where == "before the first event":
            silence.wait(3)
        exchange.piece(b"data: 1\n\n")
        if where == "between two events":
            silence.wait(3)
        exchange.piece(b"data: 2\n\n")
        exchange.finish()

    provider.scripts[test_id] = script
    with impatient.client().intercepted() as client:
        answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b'{"stream":true}')
        assert answer.complete and answer.body == b"data: 1\n\ndata: 2\n\n"
        assert "error" not in impatient.line_of(client)


def test_promise_4_streams_are_relayed_event_by_event(openai, provider, test_id):
    """The provider sends the next event only when the client has the one before: nothing is held back, ever."""
    arrived: Dict[int, threading.Event] = {number: threading.Event() for number in range(50)}

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        for number in range(50):
            exchange.piece(b"data: %d\n\n" % number)
            if not arrived[number].wait(20):
                exchange.end("reset")
                return
        exchange.finish()

    provider.scripts[test_id] = script
    openai.request("POST", "/v1/chat/completions", [("x-test-id", test_id)], b'{"stream":true}')
    message = openai.answer_head()
    seen = bytearray()

    def note(data: bytes) -> None:
        seen.extend(data)
        for number in range(seen.count(b"\n\n")):
            arrived[number].set()

    openai.reader.on_data = note
    openai.reader.body(message)
    assert message.complete and bytes(seen) == b"".join(b"data: %d\n\n" % number for number in range(50))
