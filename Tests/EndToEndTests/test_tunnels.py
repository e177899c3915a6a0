"""Hosts that leo does not intercept: bytes pass unseen in both directions, but a tunnel is no way around policy."""

from __future__ import annotations

import hashlib
import random
import socket
import ssl
import threading
from typing import Callable

import pytest

from rawclient import trusting
from wires import Wire

# leo looks this name up in [upstream.resolve] and at nothing else: it exists nowhere.
NAME = "other.elsewhere.example"


@pytest.fixture
def serve(provider) -> Callable:
    """serve(handler): the address of a plain TCP server whose connections the handler gets as wires."""
    return lambda handler: provider.listen_raw(lambda sock: handler(Wire(sock))).address


def echo(wire: Wire) -> None:
    for data in iter(wire.receive, b""):
        wire.send(data)


def tunnelled(leo, address: str):
    client = leo.client()
    answer = client.connect(address)
    assert answer.status == 200, answer
    return client


def test_promise_1_bytes_pass_unchanged_in_both_directions(leo, serve):
    sent = random.Random(7).randbytes(3_000_000)
    with tunnelled(leo, serve(echo)) as client:
        threading.Thread(target=client.send, args=(sent,), daemon=True).start()
        got = bytearray()
        while len(got) < len(sent):
            data = client.wire.receive()
            assert data, "the tunnel ended"
            got += data
        assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
        client.wire.half_close()
        assert client.wire.wait_end(20) == "fin"
        line = leo.line_of(client)
    assert (line["kind"], line["status"]) == ("tunnel", 200)
    assert "error" not in line and "policy" not in line and "provider" not in line
    assert line["request_bytes"] >= len(sent) and line["response_bytes"] >= len(sent)


def test_tls_through_a_tunnel_is_end_to_end(leo, provider, certificates, test_id):
    """The client sees the far side's own certificate, not one of leo's."""
    with leo.client() as client:
        assert client.connect(f"{NAME}:443").status == 200
        client.start_tls(NAME, context=trusting(certificates.ca))
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)], host=NAME).status == 200
        client.wire.notify()
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["host"], line["sni"]) == ("tunnel", f"{NAME}:443", NAME)
    assert len(provider.of(test_id)) == 1


def test_a_server_that_speaks_first_is_heard(leo, serve):
    def greet(wire: Wire) -> None:
        wire.send(b"220 mail.example ESMTP\r\n")
        assert wire.receive() == b"EHLO me\r\n"
        wire.send(b"250 mail.example\r\n")

    with tunnelled(leo, serve(greet)) as client:
        assert client.wire.receive() == b"220 mail.example ESMTP\r\n"
        client.send(b"EHLO me\r\n")
        assert client.wire.receive() == b"250 mail.example\r\n"
        assert client.wire.wait_end(20) == "fin"
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"


def test_a_name_with_several_addresses_is_tried_to_the_end(leo, serve):
    """localhost is often ::1 first, where nobody listens."""
    port = serve(echo).rsplit(":", 1)[1]
    with tunnelled(leo, f"localhost:{port}") as client:
        client.send(b"hello")
        assert client.wire.receive() == b"hello"


@pytest.mark.parametrize("when", ["at once", "once the tunnel is in use"])
def test_half_closing_reaches_the_other_side_and_leaves_the_way_back_open(leo, serve, when):
    """At once is what `printf … | nc -N` does: the client's end may arrive before leo has connected."""

    def count(wire: Wire) -> None:
        wire.send(b"hello\n")
        got = b"".join(iter(wire.receive, b""))
        wire.send(b"%d bytes, then your end\n" % len(got))
        wire.send(b"x" * 100_000)

    with tunnelled(leo, serve(count)) as client:
        client.send(b"hello")
        if when != "at once":
            assert client.wire.receive() == b"hello\n"
        client.wire.half_close()
        got = b"".join(iter(client.wire.receive, b""))
        assert got.removeprefix(b"hello\n") == b"5 bytes, then your end\n" + b"x" * 100_000
        assert client.wire.end == "fin"


def test_the_server_may_half_close_first(leo, serve):
    heard = threading.Event()

    def say_and_listen(wire: Wire) -> None:
        wire.send(b"that is all")
        wire.half_close()
        if b"".join(iter(wire.receive, b"")) == b"thanks":
            heard.set()

    with tunnelled(leo, serve(say_and_listen)) as client:
        assert b"".join(iter(client.wire.receive, b"")) == b"that is all"
        client.send(b"thanks")
        client.wire.half_close()
        assert heard.wait(20)


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_reset_ends_the_tunnel_on_the_other_side(leo, serve, side):
    ended = threading.Event()

    def handler(wire: Wire) -> None:
        wire.receive()
        if side == "upstream":
            wire.reset()
        else:
            wire.send(b"seen")
            wire.wait_end(20)
        ended.set()

    with tunnelled(leo, serve(handler)) as client:
        client.send(b"hello")
        if side == "client":
            assert client.wire.receive() == b"seen"
            client.reset()
        else:
            assert client.wire.wait_end(20) is not None
            client.close()
        assert ended.wait(20)
        assert leo.line_of(client)["kind"] == "tunnel"


def test_a_tunnel_to_a_port_where_nobody_listens_ends(leo):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with leo.client() as client:
        answer = client.connect(address)
        if answer.status == 200:
            client.send(b"hello")
            assert client.wire.wait_end(20) is not None
        else:
            assert answer.status in (502, 503)
        assert leo.line_of(client)["error"] == "connect_failed"


def test_promise_4_a_tunnel_holds_back_what_the_other_side_does_not_read(leo, provider):
    """Back-pressure: a reader that stops makes the writer stop."""
    release, sent = threading.Event(), [0]

    def deaf(sock: socket.socket) -> None:
        release.wait(60)

    address = provider.listen_raw(deaf).address
    with tunnelled(leo, address) as client:
        while sent[0] < 200_000_000 and client.wire.writable(1.0):
            client.send(bytes(65536))
            sent[0] += 65536
        assert sent[0] < 64_000_000
        release.set()
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"


# MARK: No way around policy


def test_the_sni_of_a_provider_in_a_tunnel_to_an_address_is_intercepted(leo_with, provider, upstreams, test_id):
    """CONNECT to an IP address, as clients do that resolve for themselves."""
    good = upstreams["api.openai.com:443"].address
    leo = leo_with({"upstream": {"resolve": {"127.0.0.77:443": good}}})
    with leo.client() as client:
        assert client.connect("127.0.0.77:443").status == 200
        client.start_tls("api.openai.com")
        answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}")
        line = leo.line_of(client)
        # leo connects to the address that the client asked for; nobody listens there on the test's machine.
        assert answer.status in (200, 502)
        assert line["kind"] == "exchange"
        assert (line["provider"], line["sni"]) == ("openai", "api.openai.com")
        assert (line.get("error"), answer.status) in ((None, 200), ("connect_failed", 502), ("certificate_name", 502))


def test_the_sni_of_a_provider_in_a_tunnel_to_another_name_is_refused(leo, provider):
    before = len(provider.exchanges)
    with leo.client() as client:
        assert client.connect(f"{NAME}:443").status == 200
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            client.start_tls("api.openai.com")
        assert client.wire.wait_end(20) is not None
        assert leo.line_of(client)["error"] == "sni_mismatch"
    assert len(provider.exchanges) == before


def test_a_late_hello_for_a_provider_is_refused_in_a_tunnel_already_in_use(leo, provider):
    """STARTTLS as a trick: the far side spoke first, then comes the ClientHello of an intercepted host."""
    listener = provider.listen_raw(lambda sock: sock.sendall(b"220 ready\r\n") or sock.recv(65536))
    with tunnelled(leo, listener.address) as client:
        assert client.wire.receive() == b"220 ready\r\n"
        # Only port 443 of a provider's host is intercepted, so this name is a stranger's on any other port.
        context = trusting(leo.root)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            context.wrap_bio(incoming, outgoing, server_hostname="api.openai.com").do_handshake()
        client.send(outgoing.read())
        assert client.wire.wait_end(20) is not None
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"


def test_a_tunnel_without_sni_is_logged_as_such(leo, provider, upstreams, certificates):
    address = upstreams["api.openai.com:443"].address
    context = trusting(certificates.ca, check_host=False)
    with leo.client() as client:
        assert client.connect(address).status == 200
        client.start_tls(None, context=context)
        assert client.exchange("GET", "/v1/models").status == 200
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["sni"]) == ("tunnel", "none")


@pytest.mark.parametrize("what", ["TLS without SNI", "plain text"])
def test_a_tunnel_without_sni_is_refused_where_the_file_says_so(leo_with, serve, certificates, what):
    leo = leo_with({"intercept": {"tunnel_without_sni": "refuse"}})
    with leo.client() as client:
        assert client.connect(serve(echo)).status == 200
        if what == "plain text":
            client.send(b"EHLO me\r\n")
        else:
            with pytest.raises(ssl.SSLError):
                client.start_tls(None, context=trusting(certificates.ca, check_host=False))
        assert client.wire.wait_end(20) is not None
        assert leo.line_of(client)["error"] == "sni_missing"


def test_a_spliced_host_is_tunnelled_and_logged_as_bypassed(leo_with, provider, certificates, test_id):
    leo = leo_with({"intercept": {"splice": ["api.groq.com"]}})
    with leo.client() as client:
        assert client.connect("api.groq.com:443").status == 200
        client.start_tls("api.groq.com", context=trusting(certificates.ca))
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)], host="api.groq.com").status == 200
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["policy"], line["host"]) == ("tunnel", "bypassed", "api.groq.com:443")
    assert len(provider.of(test_id)) == 1


def test_a_provider_that_is_not_listed_is_tunnelled(leo_with, certificates):
    leo = leo_with({"intercept": {"providers": ["openai"]}})
    with leo.client() as client:
        assert client.connect("api.anthropic.com:443").status == 200
        client.start_tls("api.anthropic.com", context=trusting(certificates.ca))
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models").status == 200


# MARK: Plain HTTP providers


def test_a_provider_on_plain_http_is_relayed_inside_its_connect(leo, provider, test_id):
    host = "plain.leo-test.example:8000"
    with leo.client() as client:
        assert client.connect(host).status == 200
        answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}", host=host)
        assert answer.status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["provider"], line["host"]) == ("exchange", "plain", host)
    assert len(provider.of(test_id)) == 1


def test_promise_2_a_cut_looks_cut_on_plain_http_too(leo, provider, test_id):
    """Without TLS only the length, the last chunk or a reset can tell."""
    host = "plain.leo-test.example:8000"
    with leo.client() as client:
        assert client.connect(host).status == 200
        fields = [("x-test-id", test_id), ("x-test-cut", "3")]
        answer = client.exchange("POST", "/v1/chat/completions", fields, b'{"stream":true}', host=host)
        assert answer.status == 200 and not answer.complete
        assert leo.line_of(client)["error"] == "upstream_cut"
