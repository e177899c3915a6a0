"""What bad upstreams do: the client gets a status in its provider's shape, the log one word, and no request is sent
twice."""

from __future__ import annotations

import json
import socket
import struct

import pytest

from provider import BROKEN_BODIES, GARBAGE
from wires import Broken


def failed(leo, client, test_id: str, status, words, host: str = "api.openai.com"):
    """One request that must fail: in the provider's shape, with x-leo-error, and the same word in the log."""
    answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b'{"model":"m"}', host=host)
    assert answer.status in status, answer
    assert answer.first("x-leo-error") in words, answer.fields
    assert json.loads(answer.body)["error"]["message"]
    assert answer.complete
    line = leo.line_of(client)
    assert (line["error"], line["status"]) == (answer.first("x-leo-error"), answer.status)
    assert line.get("upstream_status") is None
    return answer, line


CERTIFICATES = [
    ("expired", {"certificate_expired"}),
    ("future", {"certificate_expired"}),
    ("wrong-name", {"certificate_name"}),
    ("self-signed", {"certificate_self_signed"}),
    ("untrusted", {"certificate_untrusted"}),
    ("weak-key", {"certificate_untrusted"}),
]


@pytest.mark.parametrize("kind, words", CERTIFICATES)
def test_promise_6_a_bad_certificate_of_the_upstream_is_a_502_and_no_byte_of_the_request_is_sent(
    quick, provider, test_id, kind, words
):
    before = len(provider.exchanges)
    host = f"{kind}.leo-test.example"
    with quick.client() as client:
        client.intercepted(host)
        answer, line = failed(quick, client, test_id, {502}, words, host)
        assert line["provider"] == "stand-in"
        assert "certificate" in json.loads(answer.body)["error"]["message"].lower()
    assert len(provider.exchanges) == before


def test_a_good_certificate_beside_the_bad_ones_is_accepted(quick, test_id):
    with quick.client() as client:
        client.intercepted("good.leo-test.example")
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}", host="good.leo-test.example")
        assert answer.status == 200


@pytest.fixture
def sick(quick, provider, start):
    """sick(serve): a hasty leo whose api.openai.com is this raw listener; None: a port where nobody listens."""
    from conftest import HASTY
    from harness import merged

    mine = []

    def begin(serve):
        if serve is None:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                address = f"127.0.0.1:{closed.getsockname()[1]}"
        else:
            address = provider.listen_raw(serve).address
        mine.append(start("sick", merged(HASTY, {"upstream": {"resolve": {"api.openai.com:443": address}}})))
        return mine[-1]

    yield begin
    for leo in mine:
        leo.settle()


def test_a_refusing_upstream_is_a_502(sick, test_id):
    leo = sick(None)
    with leo.client() as client:
        failed(leo, client.intercepted(), test_id, {502}, {"connect_failed"})


def test_an_upstream_that_accepts_and_says_nothing_is_a_timeout(sick, test_id):
    leo = sick(lambda sock: sock.settimeout(30) or sock.recv(65536) and sock.recv(65536))
    with leo.client() as client:
        failed(leo, client.intercepted(), test_id, {504, 502}, {"connect_timeout", "upstream_handshake"})


def test_an_upstream_that_does_not_even_accept_is_a_timeout(quick, provider, start, test_id):
    """A full backlog: the kernel drops the SYN, as an address in a black hole does."""
    from conftest import HASTY
    from harness import merged

    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    filling = []
    try:
        while True:
            sock = socket.socket()
            sock.settimeout(0.3)
            filling.append(sock)
            try:
                sock.connect(server.getsockname())
            except socket.timeout:
                break
        address = "127.0.0.1:%d" % server.getsockname()[1]
        leo = start("black-hole", merged(HASTY, {"upstream": {"resolve": {"api.openai.com:443": address}}}))
        with leo.client() as client:
            failed(leo, client.intercepted(), test_id, {504}, {"connect_timeout"})
        leo.settle()
    finally:
        for sock in filling:
            sock.close()
        server.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize(
    "serve",
    [
        lambda sock: None,
        reset,
        lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") or sock.recv(65536),
        lambda sock: sock.recv(65536) and sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28"),
        lambda sock: sock.recv(65536) and sock.sendall(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00" * 4),
        lambda sock: sock.recv(65536) and sock.sendall(b"\xff" * 1000) or sock.recv(65536),
    ],
    ids=["closes", "resets", "speaks plain HTTP", "sends an alert", "sends half a ServerHello", "sends garbage"],
)
def test_an_upstream_that_cannot_do_tls_is_a_502(sick, test_id, serve):
    leo = sick(serve)
    with leo.client() as client:
        words = {"upstream_handshake", "upstream_closed", "connect_failed", "connect_timeout"}
        failed(leo, client.intercepted(), test_id, {502, 504}, words)


@pytest.mark.parametrize("name", GARBAGE)
def test_an_answer_that_is_not_http_is_a_502(quick, provider, test_id, name):
    def script(exchange):
        exchange.read_body()
        try:
            exchange.send(GARBAGE[name])
        finally:
            exchange.wait_client_gone(30)

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        failed(quick, client, test_id, {502}, {"bad_answer", "head_too_large"})
    # leo must not keep such a connection for anybody else, nor try again.
    assert len(provider.of(test_id)) == 1
    assert provider.of(test_id)[0].over.wait(20)


@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_promise_2_a_body_whose_chunks_are_broken_looks_cut(quick, provider, test_id, name):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [], "chunked")
        exchange.send(BROKEN_BODIES[name])
        exchange.wait_client_gone(30)

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert answer.status in (200, 502)
        if answer.status == 200:
            assert not answer.complete and b"first".startswith(answer.body[:5])
            assert answer.end in ("fin", "reset")
        assert quick.line_of(client)["error"] in ("bad_answer", "upstream_cut")
    assert provider.of(test_id)[0].over.wait(20)


@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_an_upstream_that_closes_instead_of_answering_is_a_502_and_the_request_is_not_repeated(
    quick, provider, test_id, how
):
    """LLM calls are not idempotent: once a byte of the request was written, leo does not send it again."""

    def script(exchange):
        exchange.read_body()
        exchange.end(how)

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        failed(quick, client, test_id, {502}, {"upstream_closed"})
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_an_upstream_that_closes_inside_its_head_is_a_502(quick, provider, test_id, how):
    def script(exchange):
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        exchange.end(how)

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        failed(quick, client, test_id, {502}, {"upstream_closed", "bad_answer", "upstream_cut"})
    assert len(provider.of(test_id)) == 1


def test_an_upstream_that_hangs_before_its_answer_is_a_timeout(quick, provider, test_id):
    provider.scripts[test_id] = lambda exchange: exchange.read_body() and exchange.wait_client_gone(60)
    with quick.client() as client:
        client.intercepted()
        failed(quick, client, test_id, {504}, {"upstream_timeout"})
    assert provider.of(test_id)[0].over.wait(20)


def test_promise_2_an_upstream_that_hangs_in_the_middle_of_its_answer_is_a_cut(quick, provider, test_id):
    with quick.client() as client:
        client.intercepted()
        fields = [("x-test-id", test_id), ("x-test-hang", "middle")]
        answer = client.exchange("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        assert answer.status == 200 and not answer.complete and answer.end in ("fin", "reset")
        assert quick.line_of(client)["error"] in ("upstream_timeout", "upstream_cut")
    assert provider.of(test_id)[0].over.wait(20)


def test_a_second_answer_that_nobody_asked_for_reaches_nobody(quick, provider, test_id):
    """The bytes after a complete answer poison the connection: the next request must not get them."""
    bad, good = test_id + "-bad", test_id + "-good"

    def script(exchange):
        exchange.read_body()
        forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue" + forged)

    provider.scripts[bad] = script
    with quick.client() as client:
        client.intercepted()
        first = client.exchange("POST", "/v1/x", [("x-test-id", bad)], b"{}")
        assert first.body == b"true"
        try:
            second = client.exchange("POST", "/v1/x", [("x-test-id", good)], b"{}")
        except (Broken, OSError):
            return  # closing the client's connection is an answer, too
        assert b"forged" not in second.body and second.status == 200
    exchanges = provider.of(bad) + provider.of(good)
    assert len({exchange.connection for exchange in exchanges}) == 2


def test_an_endless_row_of_interim_answers_ends(quick, provider, test_id):
    def script(exchange):
        exchange.read_body()
        try:
            for _ in range(200_000):
                exchange.send(b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n")
        except OSError:
            pass
        exchange.closing = True

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        client.request("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        try:
            answer = client.answer()
            assert answer.status == 502
        except Broken:
            pass
        assert quick.line_of(client, 60)["error"] in ("bad_answer", "upstream_closed", "upstream_cut")
