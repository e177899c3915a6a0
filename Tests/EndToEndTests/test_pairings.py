"""The promises in all four pairings of HTTP/1.1 and HTTP/2: 1-2 is a client of HTTP/1.1 and a provider of HTTP/2."""

from __future__ import annotations

import hashlib
import random
import threading
from typing import Dict, List

import pytest

from harness import PLAIN_BINARY, sanitized, wait_until
from h2wire import INTERNAL_ERROR
from pairs import PAIRINGS, Pairing, lowered
from samples import SEED, Sample
from wires import Broken, Field, fields_of

EXCHANGES = 40
MEGABYTE = 1024 * 1024

pytestmark = pytest.mark.parametrize("pair", PAIRINGS, ids=str)


@pytest.fixture
def pair(request) -> Pairing:
    return request.param


@pytest.fixture
def caller(leo, pair):
    with pair.caller(leo) as one:
        yield one


def host_of(pair: Pairing, request) -> str:
    """The host as the provider saw it: Host in HTTP/1, :authority in HTTP/2, and never both."""
    if pair.upstream == 1:
        assert len(request.all("host")) == 1
        return request.first("host")
    assert not request.all("host")
    assert request.pseudo[b":scheme"] == b"https"
    return request.pseudo[b":authority"].decode()


def without_host(fields: List[Field]) -> List[Field]:
    return [(name, value) for name, value in fields if name.lower() != b"host"]


def own(fields: List[Field]) -> List[Field]:
    """Without what leo may add to an answer."""
    return [(name, value) for name, value in fields if not name.lower().startswith(b"x-leo-")]


# MARK: Promise 1


@pytest.mark.parametrize("part", range(2))
def test_promise_1_byte_exact_unless_touched(leo, provider, test_id, pair, part):
    """Bodies octet for octet; names, values and their order as RFC 9113 8 maps them, and nothing added."""
    dice = random.Random(SEED + part * 17 + pair.client * 3 + pair.upstream)
    caller, left_on_connection = None, 0
    for number in range(EXCHANGES // 2):
        request, answer = Sample(dice), Sample(dice)
        sent = lowered(request.fields) if pair.client == 2 else request.fields
        if pair.client == 2:
            crumbs = [(b"cookie", b"c%d=%d" % (each, number)) for each in range(dice.randrange(4))]
            sent = [field for field in sent if field[0] != b"cookie"] + crumbs
            dice.shuffle(sent)
        back = lowered(answer.fields) if pair.upstream == 2 else answer.fields
        back = [field for field in back if field[0].lower() != b"cookie"]
        back += [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")]
        name = f"{test_id}-{number}"
        status = dice.choice([200, 200, 201, 207, 400, 404, 429, 500])

        def script(exchange, answer=answer, back=back, status=status):
            exchange.read_body()
            if answer.pieces is None:
                exchange.reply(status, back, answer.body)
                return
            exchange.begin(status, back, "chunked")
            for piece in answer.pieces:
                exchange.piece(piece)
            exchange.finish()

        provider.scripts[name] = script
        if left_on_connection == 0:
            if caller is not None:
                caller.close()
            caller, left_on_connection = pair.caller(leo), dice.randrange(1, 12)
        left_on_connection -= 1
        path = f"/v1/{number}?q=%41%2F&empty=&=" + "".join(dice.choice("abc/;:@&=+$,-_.!~*'()") for _ in range(9))
        seen = caller.ask("POST", path, [(b"x-test-id", name.encode())] + sent, request.body, request.pieces)
        there = provider.of(name)
        context = f"exchange {number} of part {part}, seed {SEED}, {pair}"
        assert len(there) == 1, context
        got = there[0].request
        assert not got.violations and not seen.violations, context
        # Towards the provider.
        assert (got.method, got.target, host_of(pair, got)) == ("POST", path, pair.host), context
        wanted = pair.at_provider([(b"x-test-id", name.encode())] + sent)
        assert without_host(got.end_to_end) == wanted, context
        assert (got.body_size, got.sha256) == (len(request.body), request.sha256), context
        length = str(len(request.body)) if request.pieces is None else None
        assert got.first("content-length") == length, context
        # Towards the client.
        assert seen.status == status, context
        assert own(seen.end_to_end) == pair.at_client(back), context
        assert seen.complete and (seen.body_size, seen.sha256) == (len(answer.body), answer.sha256), context
        length = str(len(answer.body)) if answer.pieces is None else None
        assert seen.first("content-length") == length, context
        assert not [name for name, _ in got.fields if name.lower() in (b"via", b"x-forwarded-for", b"forwarded")], (
            context
        )
        del provider.scripts[name]
    if caller is not None:
        caller.close()


def test_promise_1_large_bodies_in_both_directions_at_once(caller, provider, test_id):
    """The answer begins before the request has ended, and both are larger than every window and buffer."""
    up, down = random.Random(SEED).randbytes(5 * MEGABYTE + 1), random.Random(SEED + 1).randbytes(5 * MEGABYTE + 3)

    def script(exchange):
        exchange.begin(200, [("content-type", "application/octet-stream")], "chunked")
        sender = threading.Thread(target=exchange.piece, args=(down,))
        exchange.piece(b"first")
        if not hasattr(exchange, "stream"):
            # One wire for both directions: TLS by one thread at a time.
            exchange.read_body()
            exchange.piece(down)
        else:
            sender.start()
            exchange.read_body()
            sender.join(60)
        exchange.finish()

    provider.scripts[test_id] = script
    asked = caller.begin("POST", "/v1/x", [("x-test-id", test_id)], len(up))
    asked.send(up[:MEGABYTE])
    assert asked.head().status == 200
    rest = threading.Thread(target=lambda: (asked.send(up[MEGABYTE:]), asked.finish()))
    if hasattr(asked, "stream"):
        rest.start()
        seen = asked.read()
        rest.join(60)
    else:
        rest.run()
        seen = asked.read()
    assert seen.complete and seen.sha256 == hashlib.sha256(b"first" + down).hexdigest()
    request = provider.of(test_id)[0].request
    assert request.complete and request.sha256 == hashlib.sha256(up).hexdigest()


def test_promise_1_trailers_pass_in_both_directions(caller, pair, provider, test_id):
    fields = [("x-test-id", test_id), ("x-test-trailers", "1"), ("te", "trailers")]
    answer = caller.ask(
        "POST",
        "/v1/chat/completions",
        fields,
        pieces=[b"{", b"}"],
        trailers=[(b"x-checksum", b"abc"), (b"x-two", b"2")],
    )
    assert answer.status == 200 and answer.complete
    assert lowered(answer.trailers) == [(b"x-sum", b"1"), (b"x-done", b"yes")]
    request = provider.of(test_id)[0].request
    assert request.trailers == [(b"x-checksum", b"abc"), (b"x-two", b"2")]
    assert request.first("te") == "trailers"


def test_promise_1_interim_answers_pass_while_the_provider_still_thinks(caller, pair, provider, test_id):
    seen = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.interim(103, [("link", "</style.css>; rel=preload"), ("x-hint", "1")])
        assert seen.wait(20)
        exchange.interim(102)
        exchange.reply(200, [], b"{}")

    provider.scripts[test_id] = script
    asked = caller.start("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
    if pair.client == 1:
        first = caller.raw.reader.head()
    else:
        asked.stream.wait(lambda: asked.stream.interim, "an interim answer")
        first = asked.stream.interim[0]
    assert first.status == 103
    assert first.fields == [(b"link", b"</style.css>; rel=preload"), (b"x-hint", b"1")]
    seen.set()
    answer = asked.read()
    assert answer.status == 200 and answer.body == b"{}"
    assert [each.status for each in answer.interim] == ([102] if pair.client == 1 else [103, 102])


def test_promise_1_head_204_and_304_have_no_body_and_keep_their_fields(caller, pair, provider, test_id):
    def script(exchange):
        exchange.read_body()
        if exchange.request.method == "HEAD":
            exchange.begin(200, [("etag", '"x"')], "length", 1234)
        else:
            status = int(exchange.request.target[1:])
            exchange.begin(status, [("etag", '"x"')] + ([("content-length", "1234")] if status == 304 else []), "none")
        exchange.ended = True

    provider.scripts[test_id] = script
    for turn in range(2):
        for method, path, status, length in (
            ("HEAD", "/", 200, "1234"), ("POST", "/204", 204, None), ("POST", "/304", 304, "1234"),
        ):  # fmt: skip
            answer = caller.ask(method, path, [("x-test-id", test_id)], b"{}" if method == "POST" else None)
            assert (answer.status, answer.first("etag"), answer.first("content-length")) == (status, '"x"', length)
            assert answer.complete and answer.body_size == 0, (turn, method, path)


def test_promise_1_a_request_without_body_gets_none(caller, pair, provider, test_id):
    for method in ("GET", "DELETE", "OPTIONS"):
        assert caller.ask(method, "/v1/x", [("x-test-id", test_id)]).status == 200
    for exchange in provider.of(test_id):
        exchange.received.wait(5)
        assert exchange.request.complete and exchange.request.body_size == 0
        assert exchange.request.first("content-length") is None
        assert exchange.request.first("transfer-encoding") is None


def test_promise_1_hop_by_hop_fields_end_at_leo(caller, pair, provider, test_id):
    fields = [("x-test-id", test_id), ("x-stays", "1"), ("proxy-authorization", "Basic c2VjcmV0")]
    if pair.client == 1:
        fields += [("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5")]

    def script(exchange):
        exchange.read_body()
        hop = [("Connection", "X-Back"), ("X-Back", "1"), ("Keep-Alive", "timeout=5")] if pair.upstream == 1 else []
        exchange.reply(200, hop + [("x-stays-too", "1")], b"{}")

    provider.scripts[test_id] = script
    answer = caller.ask("POST", "/v1/x", fields, b"{}")
    assert own(answer.end_to_end) == [(b"x-stays-too", b"1")]
    sent = without_host(provider.of(test_id)[0].request.end_to_end)
    assert sent == [(b"x-test-id", test_id.encode()), (b"x-stays", b"1")]


def test_promise_3_credentials_are_never_indexed_towards_an_http_2_provider(caller, pair, provider, test_id):
    """RFC 7541 7.1.3: neither leo nor anything behind it may keep them in a compression table."""
    secrets = [("authorization", "Bearer sk-1"), ("x-api-key", "k"), ("api-key", "k"), ("x-goog-api-key", "k")]
    assert caller.ask("POST", "/v1/x", [("x-test-id", test_id)] + secrets, b"{}").status == 200
    request = provider.of(test_id)[0].request
    for name, value in secrets:
        assert request.first(name) == value
    if pair.upstream == 2:
        assert {name.encode() for name, _ in secrets} <= set(request.never_indexed)


# MARK: Promise 2


CUTS = {1: ["fin", "notify", "reset"], 2: ["rst", "rst 8", "rst 0", "fin", "notify", "reset"]}


@pytest.mark.parametrize("how", sorted(set(CUTS[1] + CUTS[2])))
def test_promise_2_a_stream_that_the_provider_cut_looks_cut(leo, provider, test_id, pair, how):
    if how not in CUTS[pair.upstream]:
        return
    with pair.caller(leo) as caller:
        fields = [("x-test-id", test_id), ("x-test-cut", "3"), ("x-test-end", how)]
        if " " in how:
            fields.remove(("x-test-end", how))
            provider.scripts[test_id] = cutting(how)
        answer = caller.ask("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        assert answer.status == 200 and not answer.complete, answer
        if pair.client == 2:
            # Node takes the end of a connection for the end of a body; only RST_STREAM is an error everywhere.
            assert answer.reset_code == INTERNAL_ERROR and answer.end is None
            assert caller.ask("POST", "/v1/x", [("x-test-id", test_id + "-next")], b"{}").status == 200
        else:
            assert answer.end in ("fin", "reset")
        line = leo.lines_of(caller.raw, 2 if pair.client == 2 else 1)[0]
    assert (line["error"], line["status"], line["upstream_status"]) == ("upstream_cut", 200, 200)


def cutting(how: str):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("content-type", "text/event-stream")])
        exchange.piece(b"data: 1\n\n")
        exchange.end(how)

    return script


def test_promise_2_an_answer_shorter_than_its_length_looks_cut(caller, pair, provider, test_id):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [], "length", 100)
        exchange.piece(b"short")
        if pair.upstream == 2:
            exchange.finish()
        else:
            exchange.end("notify")

    provider.scripts[test_id] = script
    answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
    assert (answer.status == 502 and answer.complete) or not answer.complete, answer


# MARK: Cancelling and early answers


def test_promise_cancel_stops_the_upstream(leo, provider, test_id, pair):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("content-type", "text/event-stream")])
        exchange.piece(b"data: 1\n\n")
        exchange.wait_client_gone(20)

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        asked = caller.start("POST", "/v1/x", [("x-test-id", test_id)], b'{"stream":true}')
        assert asked.head().status == 200 and asked.take()
        asked.cancel()
        exchange = provider.of(test_id)[0]
        assert exchange.over.wait(20), "the provider still sends"
        assert exchange.client_end is not None
        if pair.upstream == 2:
            assert exchange.client_end == "rst 8", "a stream is cancelled, its connection stays"
        line = leo.line_of(caller.raw)
        assert line["error"] == "client_gone"
        if pair.client == 2:
            assert caller.ask("POST", "/v1/x", [("x-test-id", test_id + "-next")], b"{}").status == 200


@pytest.mark.parametrize("framing", ["length", "open"])
def test_a_final_answer_that_comes_before_the_upload_ends_is_relayed(leo, provider, test_id, pair, framing):
    with pair.caller(leo) as caller:
        fields = [("x-test-id", test_id), ("x-test-early", "413")]
        asked = caller.begin("POST", "/v1/chat/completions", fields, 10_000_000 if framing == "length" else None)
        asked.send(b"x" * 1000)
        answer = asked.read()
        assert answer.status == 413 and b"was asked to answer 413" in answer.body
        if pair.client == 1:
            assert answer.complete
        else:
            # RFC 9113 8.1: the answer is whole, and NO_ERROR asks for no more of the request.
            assert asked.stream.ended and answer.reset_code in (None, 0, 8)
            assert caller.ask("POST", "/v1/x", [("x-test-id", test_id + "-next")], b"{}").status == 200
        line = leo.lines_of(caller.raw, 2 if pair.client == 2 else 1)[0]
        assert (line["status"], line["upstream_status"]) == (413, 413)
    assert not provider.of(test_id)[0].request.complete


def test_promise_4_streams_are_relayed_event_by_event(caller, provider, test_id):
    """The provider sends the next event only when the client has the one before."""
    count = 30
    arrived: Dict[int, threading.Event] = {number: threading.Event() for number in range(count)}

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("content-type", "text/event-stream")])
        for number in range(count):
            exchange.piece(b"data: %d\n\n" % number)
            if not arrived[number].wait(20):
                exchange.end("reset")
                return
        exchange.finish()

    provider.scripts[test_id] = script
    seen = bytearray()

    def note(data: bytes) -> None:
        seen.extend(data)
        for number in range(seen.count(b"\n\n")):
            arrived[number].set()

    message = caller.start("POST", "/v1/x", [("x-test-id", test_id)], b'{"stream":true}').read(note)
    assert message.complete and bytes(seen) == b"".join(b"data: %d\n\n" % number for number in range(count))


def test_promise_4_an_upload_is_relayed_piece_by_piece(caller, pair, provider, test_id):
    """The client sends the next piece only when the provider has the one before."""
    received = [threading.Event() for _ in range(10)]

    def script(exchange):
        for number in range(10):
            if pair.upstream == 2:
                assert exchange.take() == b"piece %d;" % number
            else:
                reader = exchange.reader
                while b"piece %d;" % number not in reader.buffer:
                    assert reader._more()
            received[number].set()
        exchange.read_body()
        exchange.reply(200, [], b"{}")

    provider.scripts[test_id] = script
    asked = caller.begin("POST", "/v1/x", [("x-test-id", test_id)])
    for number in range(10):
        asked.send(b"piece %d;" % number)
        assert received[number].wait(20), "a piece of the upload is held back"
    asked.finish()
    assert asked.read().status == 200


# MARK: Promise 4


@pytest.fixture(scope="module")
def measured(start):
    """A leo whose memory means something, warmed up in both protocols."""
    one = start("measured-pairs", {"listen": {"stall_timeout": "10m"}}, binary=PLAIN_BINARY)
    for pair in PAIRINGS:
        with pair.caller(one) as caller:
            assert caller.ask("POST", "/v1/x", [], b"{}").status == 200
    return one


def growth_max(leo) -> int:
    return 16 * MEGABYTE * (8 if sanitized(leo.binary) else 1)


def test_promise_4_a_client_that_never_reads_holds_the_provider(measured, provider, test_id, pair):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [], "length", 100 * MEGABYTE)
        for _ in range(100):
            exchange.send_patiently(bytes(MEGABYTE))
        exchange.finish()

    provider.scripts[test_id] = script
    before = measured.resident_bytes()
    with pair.caller(measured) as caller:
        asked = caller.start("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        exchange = provider.wait(test_id)[0]
        wait_until(lambda: exchange.blocked.is_set(), "the provider to be held", 60)
        assert exchange.sent_bytes < 32 * MEGABYTE
        assert measured.resident_bytes() - before < growth_max(measured)
        if pair.client == 2:
            # The other streams of the connection are nobody's hostages.
            assert caller.ask("POST", "/v1/x", [("x-test-id", test_id + "-beside")], b"{}").status == 200
        # Once the client reads, the rest flows.
        received = 0
        asked.head()
        while received < 64 * MEGABYTE:
            data = asked.take()
            assert data, "the stream ended"
            received += len(data)
        assert measured.resident_bytes() - before < growth_max(measured)
        asked.cancel()
        assert exchange.over.wait(20)


def test_promise_4_a_provider_that_never_reads_holds_the_client(measured, provider, test_id, pair):
    reading = threading.Event()

    def script(exchange):
        reading.wait(60)
        exchange.closing = True

    provider.scripts[test_id] = script
    before = measured.resident_bytes()
    with pair.caller(measured) as caller:
        asked = caller.begin("POST", "/v1/files", [("x-test-id", test_id)], 200 * MEGABYTE)
        sent = 0
        try:
            if pair.client == 1:
                while sent < 200 * MEGABYTE and caller.raw.wire.writable(1.0):
                    asked.send(bytes(16384))
                    sent += 16384
            else:
                sender = threading.Thread(target=lambda: quietly(asked.send, bytes(64 * MEGABYTE)), daemon=True)
                sender.start()
                assert asked.stream.blocked.wait(60), "leo took everything although the provider does not read"
                sent = asked.stream.sent_bytes
                beside = [("x-test-id", test_id + "-beside")]
                assert caller.ask("POST", "/v1/x", beside, b"{}").status == 200
            assert sent < 32 * MEGABYTE
            assert measured.resident_bytes() - before < growth_max(measured)
        finally:
            reading.set()
            asked.cancel()
        wait_until(lambda: provider.of(test_id)[0].over.is_set(), "the provider's side to end")


def quietly(action, *arguments) -> None:
    try:
        action(*arguments)
    except (OSError, Broken):
        pass


# MARK: Errors of leo's own


def test_an_error_of_leo_looks_the_same_in_both_protocols(leo, provider, test_id, pair):
    """The provider ends the connection instead of answering."""

    def script(exchange):
        exchange.read_body()
        exchange.end("fin")

    provider.scripts[test_id] = script
    with pair.caller(leo) as caller:
        answer = caller.ask("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert (answer.status, answer.first("x-leo-error")) == (502, "upstream_closed")
        assert answer.complete and b'"error"' in answer.body and answer.first("content-type") == "application/json"
        assert leo.line_of(caller.raw)["error"] == "upstream_closed"
    # LLM calls are not idempotent: what was sent is not sent again.
    assert len(provider.of(test_id)) == 1


def test_the_log_says_of_both_protocols_the_same(leo, provider, test_id, pair):
    with pair.caller(leo) as caller:
        fields = [("x-test-id", test_id), ("user-agent", "tests/1")]
        assert caller.ask("POST", "/v1/chat/completions?key=secret", fields, b"{}").status == 200
        line = leo.line_of(caller.raw)
    assert (line["method"], line["path"], line["status"], line["upstream_status"]) == (
        "POST", "/v1/chat/completions", 200, 200,
    )  # fmt: skip
    assert line["host"] == pair.host + ":443" and line["sni"] == pair.host
    assert line["user_agent"] == "tests/1" and line["request_bytes"] == 2 and line["response_bytes"] > 0
    assert line["attempts"] == 1 and "error" not in line


def test_promise_1_fields_with_every_allowed_character_pass(caller, pair, provider, test_id):
    token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
    value = bytes(range(0x21, 0x7F)) + b" \t " + bytes(range(0x80, 0x100))
    odd = fields_of([(token, value), ("x-empty", ""), ("x-comma", "a, b"), ("x-comma", "c")])
    seen = caller.ask("POST", "/v1/x", [(b"x-test-id", test_id.encode())] + odd, b"{}")
    assert seen.status == 200
    assert without_host(provider.of(test_id)[0].request.end_to_end)[1:] == odd
