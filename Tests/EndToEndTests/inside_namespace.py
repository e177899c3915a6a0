"""Connections that nftables redirects to leo. Run by test_transparent.py in a network namespace: pytest does not collect
this file by itself. The addresses are those that RFC 5737 and RFC 3849 keep for documentation."""

from __future__ import annotations

import os
import random
import socket
import ssl
import subprocess
import sys
import threading
from typing import Dict, List, Tuple

import pytest

from harness import Leo, wait_until
from rawclient import RawClient, connect, trusting
from wires import Wire

MARK = 4711
# One address per leo whose traffic is redirected, so that each test has its own rules.
FAR = "203.0.113.10"
FAR6 = "2001:db8::10"
STRICT = "203.0.113.20"
LOOPY = "203.0.113.30"
SHARED = "203.0.113.60"
OTHER = "other.elsewhere.example"
PLAIN = "plain.leo-test.example:8000"


def nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=20)


def redirect(leo: Leo, address: str, exempt: str) -> None:
    """All TCP to an address goes to this leo, except what `exempt` matches."""
    family = "ip6" if ":" in address else "ip"
    wanted = "::1" if ":" in address else "127.0.0.1"
    port = next(port for host, port in transparent(leo) if host == wanted)
    nft(
        "table inet leo {\n chain output {\n  type nat hook output priority -100; policy accept;\n"
        f"  {family} daddr {address} {exempt} tcp dport != 0 redirect to :{port}\n }}\n}}\n"
    )


def add(address: str) -> None:
    """One more address of the far side, on lo."""
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True, timeout=20)


def transparent(leo: Leo) -> List[Tuple[str, int]]:
    """Where the transparent listeners are."""
    found = []
    for part in leo.ready.split(", "):
        if part.startswith("transparent "):
            host, port = part.split(" ", 1)[1].rsplit(":", 1)
            found.append((host.strip("[]"), int(port)))
    return found


@pytest.fixture(scope="session")
def far(provider) -> None:
    """The far side: providers at addresses of their own, all on lo."""
    for address in (FAR, STRICT, LOOPY, SHARED):
        add(address)
        provider.listen(host=address, port=443)
    subprocess.run(["ip", "address", "add", f"{FAR6}/128", "dev", "lo", "nodad"], check=True, timeout=20)
    provider.listen(host=FAR6, port=443)
    provider.listen(None, host=FAR, port=8000)


@pytest.fixture(scope="session")
def leo(start, far) -> Leo:
    """A leo that is exempt by the mark of its own connections."""
    one = start("transparent", {"listen": {"transparent": ["127.0.0.1:0", "[::1]:0"], "mark": MARK}})
    for address in (FAR, FAR6, "169.254.169.254"):
        redirect(one, address, f"meta mark != {MARK}")
    return one


@pytest.fixture(params=[FAR, FAR6], ids=["IPv4", "IPv6"])
def address(request) -> str:
    return request.param


def reach(leo: Leo, host: str, port: int = 443) -> RawClient:
    """A client that knows of no proxy."""
    return leo.client(way=connect((host, port)))


def named(host: str, port: int = 443) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def test_a_provider_is_intercepted_by_its_name(leo, provider, address, test_id):
    body = random.Random(1).randbytes(300_000)
    with reach(leo, address) as client:
        client.start_tls("api.openai.com")
        for number in range(2):
            fields = [("x-test-id", f"{test_id}-{number}"), ("X-ODD", " a  b ".strip())]
            answer = client.exchange("POST", "/v1/chat/completions?q=%41", fields, body)
            assert answer.status == 200 and answer.complete
            there = provider.of(f"{test_id}-{number}")
            assert len(there) == 1 and there[0].request.body == body
            assert there[0].request.target == "/v1/chat/completions?q=%41"
        lines = leo.lines_of(client, 2)
    assert [line["kind"] for line in lines] == ["exchange", "exchange"]
    assert lines[0]["host"] == lines[0]["upstream_addr"] == named(address)
    assert (lines[0]["sni"], lines[0]["provider"]) == ("api.openai.com", "openai")
    assert lines[1]["reused"]


def test_a_stream_comes_event_by_event(leo, provider, address, test_id):
    with reach(leo, address) as client:
        client.start_tls("api.openai.com")
        fields = [("x-test-id", test_id), ("x-test-gate", test_id)]
        client.request("POST", "/v1/chat/completions", fields, b'{"stream":true}')
        head = client.answer_head()
        client.reader.on_data = lambda _: provider.gate(test_id).set()
        client.reader.body(head)
        assert head.complete and head.body.endswith(b"data: [DONE]\n\n")


def test_another_host_is_tunnelled_to_where_it_was_going(leo, provider, certificates, address, test_id):
    with reach(leo, address) as client:
        client.start_tls(OTHER, context=trusting(certificates.ca))
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)], host=OTHER).status == 200
        client.wire.notify()
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["host"], line["sni"]) == ("tunnel", named(address), OTHER)
    assert "status" not in line and len(provider.of(test_id)) == 1


def test_tls_without_a_name_is_tunnelled(leo, certificates, address):
    with reach(leo, address) as client:
        client.start_tls(None, context=trusting(certificates.ca, check_host=False))
        assert client.exchange("GET", "/v1/models").status == 200
        client.close()
        assert (leo.line_of(client)["kind"], leo.line_of(client)["sni"]) == ("tunnel", "none")


def test_a_server_that_speaks_first_is_heard(leo, provider):
    def greet(sock: socket.socket) -> None:
        sock.sendall(b"220 mail.example ESMTP\r\n")
        assert sock.recv(100) == b"EHLO me\r\n"
        sock.sendall(b"250 mail.example\r\n")

    provider.listen_raw(greet, host=FAR, port=25)
    with reach(leo, FAR, 25) as client:
        assert client.wire.receive() == b"220 mail.example ESMTP\r\n"
        client.send(b"EHLO me\r\n")
        assert client.wire.receive() == b"250 mail.example\r\n"
        assert client.wire.wait_end(20) == "fin"
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"


def test_both_directions_of_a_tunnel_end_by_themselves(leo, provider):
    def count(sock: socket.socket) -> None:
        wire = Wire(sock)
        got = b"".join(iter(wire.receive, b""))
        wire.send(b"%d bytes" % len(got))

    provider.listen_raw(count, host=FAR, port=26)
    with reach(leo, FAR, 26) as client:
        threading.Thread(target=lambda: (client.send(bytes(2_000_000)), client.wire.half_close()), daemon=True).start()
        assert b"".join(iter(client.wire.receive, b"")) == b"2000000 bytes"


def test_a_provider_of_plain_http_is_intercepted_by_its_host(leo, provider, test_id):
    with reach(leo, FAR, 8000) as client:
        answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}", host=PLAIN)
        assert answer.status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["provider"], line["host"]) == ("exchange", "plain", named(FAR, 8000))
    assert provider.of(test_id)[0].request.first("host") == PLAIN


def test_another_host_of_plain_http_is_tunnelled(leo, provider, test_id):
    with reach(leo, FAR, 8000) as client:
        fields = [("x-test-id", test_id), ("Connection", "close")]
        assert client.exchange("GET", "/v1/models", fields, host="other.example:8000").status == 200
        client.close()
        assert leo.line_of(client)["kind"] == "tunnel"


def test_a_metadata_service_is_never_reached(leo):
    with reach(leo, "169.254.169.254", 80) as client:
        client.send(b"GET /latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n")
        assert client.wire.wait_end(20) is not None
        assert leo.line_of(client)["error"] == "address_refused"


def test_an_upstream_that_is_not_there_ends_the_connection(leo):
    with reach(leo, FAR, 9) as client:
        client.send(b"hello")
        assert client.wire.wait_end(20) is not None
        assert leo.line_of(client)["error"] == "connect_failed"


def test_a_connection_made_to_the_listener_itself_is_refused(leo):
    """Nothing was redirected, or leo was: either way there is nowhere to go."""
    for host, port in transparent(leo):
        with reach(leo, host, port) as client:
            assert client.wire.wait_end(20) is not None
            assert leo.line_of(client)["error"] == "address_refused"


def test_a_wrong_certificate_is_noticed_behind_the_packet_filter(leo, provider, test_id):
    """The original address proves nothing: the provider's certificate does."""
    address = "203.0.113.11"
    add(address)
    provider.listen("wrong-name", host=address, port=443)
    redirect(leo, address, f"meta mark != {MARK}")
    with reach(leo, address) as client:
        client.start_tls("api.openai.com")
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 502
        assert leo.line_of(client)["error"] == "certificate_name"


def test_rules_about_names_hold_for_redirected_connections(start, far, certificates, test_id):
    changes: Dict = {
        "listen": {"transparent": "127.0.0.1:0", "mark": MARK},
        "intercept": {
            "other_hosts": "refuse", "allow": ["good.elsewhere.example"], "tunnel_without_sni": "refuse",
            "splice": ["api.groq.com"],
        },
    }  # fmt: skip
    leo = start("strict", changes)
    redirect(leo, STRICT, f"meta mark != {MARK}")
    for name, outcome in [(OTHER, "host_refused"), (None, "sni_missing")]:
        with reach(leo, STRICT) as client:
            with pytest.raises((ssl.SSLError, OSError)):
                client.start_tls(name, context=trusting(certificates.ca, check_host=False))
            assert leo.line_of(client)["error"] == outcome
    for name, policy in [("good.elsewhere.example", None), ("api.groq.com", "bypassed")]:
        with reach(leo, STRICT) as client:
            client.start_tls(name, context=trusting(certificates.ca))
            assert client.exchange("GET", "/v1/models", host=name).status == 200
            client.close()
            line = leo.line_of(client)
            assert (line["kind"], line.get("policy")) == ("tunnel", policy)
    with reach(leo, STRICT) as client:
        client.start_tls("api.openai.com")
        assert client.exchange("GET", "/v1/models").status == 200


def test_leo_notices_that_its_own_connections_are_redirected_to_it(start, far, provider, test_id):
    """Nothing is exempt: leo's connection to the provider comes back to leo, once."""
    leo = start("loopy", {"listen": {"transparent": "127.0.0.1:0"}})
    redirect(leo, LOOPY, "")
    before = len(provider.exchanges)
    with reach(leo, LOOPY) as client:
        client.start_tls("api.openai.com")
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 502
        mine = leo.line_of(client)
    assert mine["error"] == "upstream_handshake"
    loops = leo.lines(lambda line: line.get("error") == "address_refused")
    assert len(loops) == 1 and "leo's own connection" in loops[0]["error_detail"]
    assert "exempt leo in the packet filter" in leo.errors()
    assert len(provider.exchanges) == before
    leo.settle(spare=2)


def test_leo_may_be_exempt_by_its_user_instead(start, far):
    """`meta skuid`: for a leo without the capability to mark its packets. Here the client is another user."""
    address = "203.0.113.40"
    add(address)
    leo = start("by-user", {"listen": {"transparent": "127.0.0.1:0"}})
    # leo runs as this test does.
    redirect(leo, address, f"meta skuid != {os.getuid()}")
    script = (
        "import os, socket, sys\nos.setuid(12345)\nsock = socket.socket()\nsock.settimeout(20)\n"
        f"sock.connect(('{address}', 443))\nsock.sendall(b'hello')\n"
        "sys.exit(0 if sock.recv(10) == b'hello' else 1)"
    )
    with socket.create_server((address, 443)) as server:

        def echo() -> None:
            sock, _ = server.accept()
            sock.sendall(sock.recv(10))

        threading.Thread(target=echo, daemon=True).start()
        done = subprocess.run([sys.executable, "-c", script], timeout=60, stderr=subprocess.PIPE, text=True)
    if "setuid" in done.stderr:
        pytest.skip("this namespace has one user only")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: leo.lines(lambda line: line.get("host") == f"{address}:443"), "the tunnel's line")
    assert leo.lines(lambda line: line.get("host") == f"{address}:443")[0]["kind"] == "tunnel"


def as_user(uid: int, leo: Leo, host: str) -> RawClient:
    """A client whose socket is this user's."""
    os.seteuid(uid)
    try:
        way = connect((host, 443))
    finally:
        os.seteuid(0)
    return leo.client(way=way)


def test_users_of_one_machine_are_told_apart_though_they_know_of_no_proxy(start, far, certificates):
    try:
        os.seteuid(1)
        os.seteuid(0)
    except OSError:
        pytest.skip("there is one user here alone")
    leo = start(
        "users",
        {
            "listen": {"transparent": "127.0.0.1:0", "mark": MARK},
            "tenants": {"checkout": {"match": [{"uid": 1}]}, "research": {"match": [{"uid": 8}]}},
        },
    )
    redirect(leo, SHARED, f"meta mark != {MARK}")
    for uid, tenant in ((1, "checkout"), (8, "research")):
        with as_user(uid, leo, SHARED) as client:
            client.start_tls("api.openai.com")
            assert client.exchange("GET", "/v1/models").status == 200
            assert (leo.line_of(client)["tenant"], leo.line_of(client)["matched_by"]) == (tenant, "uid")
        with as_user(uid, leo, SHARED) as client:
            client.start_tls(OTHER, context=trusting(certificates.ca))
            client.close()
            assert (leo.line_of(client)["kind"], leo.line_of(client)["tenant"]) == ("tunnel", tenant)
    with as_user(9, leo, SHARED) as client:
        assert client.wire.wait_end(20) is not None
        assert leo.line_of(client)["error"] == "unidentified"
