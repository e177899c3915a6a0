"""Too much and too slow: what is shed, what is told, and that honest clients go on."""

from __future__ import annotations

import re
import socket
import threading
from typing import Dict, List

import pytest

from harness import Leo, wait_until
from rawclient import RawClient
from wires import Broken

# Enough to be a flood to limits that are set low, and few enough for any machine.
FLOOD = 2000


def honest(leo: Leo) -> None:
    with leo.client().intercepted() as client:
        assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200


def counts(leo: Leo, metric: str) -> Dict[str, int]:
    found = re.findall(metric + r'\{\w+="(\w+)"\} (\d+)', leo.get("/metrics")[1])
    return {label: int(value) for label, value in found}


def gauge(leo: Leo, metric: str) -> int:
    found = re.search(metric + r" (\d+)", leo.get("/metrics")[1])
    assert found
    return int(found.group(1))


def hello(host: str = "api.openai.com") -> bytes:
    """A ClientHello as Python's OpenSSL writes it."""
    import ssl

    outgoing = ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def stall_in_handshake(leo: Leo) -> RawClient:
    """A client that has said hello and says no more."""
    client = leo.client()
    assert client.connect("api.openai.com:443").status == 200
    client.send(hello())
    return client


# MARK: Connections


def test_promise_6_a_connection_beyond_the_limit_hears_why_and_finds_room_later(leo_with):
    leo = leo_with({"listen": {"connections_max": 4, "idle_timeout": "1h", "handshake_timeout": "10m"}})
    busy = [leo.client() for _ in range(4)]
    try:
        for client in busy:
            # In the middle of a CONNECT: none of these is idle, so none makes room.
            client.send(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost:")
        wait_until(lambda: gauge(leo, "leo_connections_open") == 4, "leo to accept them")
        with leo.client() as one_more:
            answer = one_more.connect("api.openai.com:443")
            assert (answer.status, answer.first("x-leo-error")) == (503, "overload")
            assert answer.first("retry-after") and answer.first("connection") == "close"
            line = leo.line_of(one_more)
            assert (line["kind"], line["status"], line["error"]) == ("refusal", 503, "overload")
            assert "listen.connections_max" in line["error_detail"]
        assert counts(leo, "leo_overload_total")["connections"] >= 1
        busy.pop().close()
        wait_until(lambda: gauge(leo, "leo_connections_open") <= 3, "leo to notice")
        honest(leo)
    finally:
        for client in busy:
            client.close()


def test_beyond_the_connections_that_are_told_so_the_others_are_closed(leo_with):
    leo = leo_with({"listen": {"connections_max": 1, "handshake_timeout": "10m"}})
    clients: List[RawClient] = []
    try:
        for _ in range(1 + 64 + 16):
            clients.append(leo.client())
            clients[-1].send(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost:")
        wait_until(lambda: counts(leo, "leo_overload_total")["connections"] >= 1, "leo to turn some away")
        # Those that were accepted to be told so have two seconds; then there is room for others.
        wait_until(lambda: gauge(leo, "leo_connections_open") == 1, "leo to end those that say nothing")
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: gauge(leo, "leo_connections_open") == 0, "leo to notice")
    honest(leo)


def test_idle_connections_make_room(leo_with):
    leo = leo_with({"listen": {"connections_max": 8, "idle_timeout": "1h", "handshake_timeout": "10m"}})
    silent = [socket.create_connection(leo.proxy, timeout=20) for _ in range(8)]
    try:
        wait_until(lambda: gauge(leo, "leo_connections_open") == 8, "leo to accept them")

        def served() -> bool:
            try:
                honest(leo)
                return True
            except (AssertionError, Broken, OSError):
                return False

        # Nothing but a client that comes back ends the silent ones: their deadlines are far away.
        wait_until(served, "an honest client to find room")
    finally:
        for sock in silent:
            sock.close()


def test_promise_6_connections_beyond_the_limit_may_be_tunnelled(leo_with, provider, certificates, test_id):
    changes = {"listen": {"connections_max": 1, "handshake_timeout": "10m"}, "intercept": {"on_overload": "tunnel"}}
    leo = leo_with(changes)
    with leo.client() as busy:
        busy.send(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost:")
        wait_until(lambda: gauge(leo, "leo_connections_open") == 1, "leo to accept it")
        with leo.client() as client:
            assert client.connect("api.openai.com:443").status == 200
            # The provider's own certificate: nobody is in between.
            client.root = certificates.ca
            client.start_tls("api.openai.com")
            assert client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}").status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["policy"], line["provider"]) == ("tunnel", "bypassed", "openai")
    assert line["reason"].startswith("overload: listen.connections_max is reached")


# MARK: Handshakes


def test_promise_6_at_the_limit_of_handshakes_a_connect_is_refused_before_its_200(leo_with):
    leo = leo_with({"listen": {"handshakes_max": 2}})
    stalled = [stall_in_handshake(leo) for _ in range(2)]
    try:
        wait_until(lambda: gauge(leo, "leo_client_handshakes_open") == 2, "the handshakes")
        with leo.client() as client:
            answer = client.connect("api.openai.com:443")
            assert (answer.status, answer.first("x-leo-error")) == (503, "overload")
            assert answer.first("retry-after")
            assert "listen.handshakes_max" in leo.line_of(client)["error_detail"]
        with leo.client() as client:
            assert client.connect("other.elsewhere.example:443").status == 200, "a tunnel takes no handshake"
        assert counts(leo, "leo_overload_total")["handshakes"] == 1
    finally:
        for client in stalled:
            client.close()
    wait_until(lambda: gauge(leo, "leo_client_handshakes_open") == 0, "the handshakes to end")
    honest(leo)


def test_promise_6_at_the_limit_of_handshakes_a_connect_may_be_tunnelled(leo_with, certificates, test_id):
    leo = leo_with({"listen": {"handshakes_max": 1}, "intercept": {"on_overload": "tunnel"}})
    with stall_in_handshake(leo):
        wait_until(lambda: gauge(leo, "leo_client_handshakes_open") == 1, "the handshake")
        with leo.client() as client:
            assert client.connect("api.openai.com:443").status == 200
            client.root = certificates.ca
            client.start_tls("api.openai.com")
            assert client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}").status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["policy"]) == ("tunnel", "bypassed")
    assert "listen.handshakes_max" in line["reason"]
    wait_until(lambda: gauge(leo, "leo_client_handshakes_open") == 0, "the handshake to end")
    with leo.client().intercepted() as client:
        assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200


# MARK: Slow clients


def test_an_honest_client_works_beside_thousands_that_never_come_to_the_point(leo_with):
    leo = leo_with({"listen": {"handshake_timeout": "1m", "handshakes_max": 64, "connections_max": FLOOD + 200}})
    flood: List[socket.socket] = []
    try:
        for number in range(FLOOD):
            sock = socket.create_connection(leo.proxy, timeout=20)
            flood.append(sock)
            if number % 4 == 1:
                sock.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api")
            elif number % 4 == 2:
                sock.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n")
            elif number % 4 == 3:
                sock.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n" + hello()[:40])
            if number % 500 == 499:
                honest(leo)
        wait_until(lambda: gauge(leo, "leo_connections_open") >= FLOOD, "leo to accept them all")
        for _ in range(20):
            honest(leo)
        assert counts(leo, "leo_overload_total") == {
            "connections": 0, "handshakes": 0, "body_memory": 0, "descriptors": 0,
        }  # fmt: skip
    finally:
        for sock in flood:
            sock.close()
    wait_until(lambda: gauge(leo, "leo_connections_open") == 0, "leo to see them go", 60)


def test_clients_that_stall_in_the_handshake_give_way_to_honest_ones(leo_with):
    # Of eight handshakes six may take their time; with more under way each has two seconds.
    leo = leo_with({"listen": {"handshakes_max": 8, "handshake_timeout": "10m"}})
    stalled: List[RawClient] = []
    stop = threading.Event()

    def stall() -> None:
        while not stop.is_set():
            try:
                stalled.append(stall_in_handshake(leo))
            except (AssertionError, Broken, OSError):
                stop.wait(0.05)

    thread = threading.Thread(target=stall)
    thread.start()
    try:
        wait_until(lambda: gauge(leo, "leo_client_handshakes_open") >= 6, "the handshakes")

        def served() -> bool:
            try:
                honest(leo)
                return True
            except (AssertionError, Broken, OSError):
                return False

        for _ in range(3):
            wait_until(served, "an honest client to be served", 60)
    finally:
        stop.set()
        thread.join()
        for client in stalled:
            client.close()


# MARK: The rate of bodies

# A tenth of the real span, so that a test takes seconds: 3,000 bytes per second on average over two seconds.
SLOW = {"listen": {"stall_timeout": "2s", "body_rate_min": "3000B"}, "upstream": {"idle_timeout": "1m"}}


def trickle(client: RawClient, pieces: int, size: int, seconds: float) -> None:
    """Sends a body in pieces, one after each pause; stops when leo has enough of it."""
    for _ in range(pieces):
        try:
            client.send(b"x" * size)
        except (Broken, OSError):
            return
        if client.wire.pending(seconds):
            return


def test_a_body_that_comes_a_byte_now_and_then_is_ended(leo_with):
    leo = leo_with(SLOW)
    with leo.client().intercepted() as client:
        client.request("POST", "/v1/chat/completions", [("Content-Length", "1000000")])
        # Never silent for the two seconds, and far below the rate.
        trickle(client, 200, 10, 0.1)
        answer = client.answer()
        assert (answer.status, answer.first("x-leo-error")) == (408, "client_timeout")
        assert "listen.body_rate_min" in leo.line_of(client)["error_detail"]


def test_a_body_above_the_rate_may_take_longer_than_the_span(leo_with, test_id):
    leo = leo_with(SLOW)
    with leo.client().intercepted() as client:
        client.request("POST", "/v1/chat/completions", [("x-test-id", test_id), ("Content-Length", "40000")])
        trickle(client, 40, 1000, 0.1)
        assert client.answer().status == 200


def test_a_slow_provider_never_counts_against_its_client(leo_with, test_id):
    leo = leo_with(SLOW)
    with leo.client().intercepted() as client:
        fields = [("x-test-id", test_id), ("x-test-delay-ms", "700")]
        answer = client.exchange("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        assert answer.status == 200 and b"[DONE]" in answer.body
    assert "error" not in leo.line_of_test(test_id)


# MARK: Memory

BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"


def test_promise_6_new_work_is_refused_while_memory_is_full_of_bodies(leo_with):
    leo = leo_with({"listen": {"body_memory_max": "1MB"}})
    waiting: List[RawClient] = []
    with leo.client().intercepted() as kept:
        assert kept.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200
        try:
            # Answers that leo holds back until they are complete, which they never are.
            for _ in range(4):
                client = leo.client().intercepted(BEDROCK)
                waiting.append(client)
                fields = [("x-test-size", "900000"), ("x-test-hang", "middle")]
                client.request("POST", "/model/one/converse", fields, b"{}", host=BEDROCK)
            wait_until(lambda: gauge(leo, "leo_body_memory_bytes") >= 1 << 20, "the memory to be full")
            with leo.client() as client:
                answer = client.connect("api.openai.com:443")
                assert (answer.status, answer.first("x-leo-error")) == (503, "overload")
                assert "listen.body_memory_max" in leo.line_of(client)["error_detail"]
            answer = kept.exchange("POST", "/v1/chat/completions", [], b"{}")
            assert (answer.status, answer.first("x-leo-error")) == (503, "overload")
            assert answer.first("retry-after") and b'"error"' in answer.body
        finally:
            for client in waiting:
                client.close()
    # What less than one read leaves is not told.
    wait_until(lambda: gauge(leo, "leo_body_memory_bytes") < 1 << 19, "the memory to be given back")
    honest(leo)
