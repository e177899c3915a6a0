"""The ways out: a parent proxy, the source address, IPv6, and what TLS with some hosts has of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from certificates import openssl
from conftest import HASTY
from harness import leo as run
from harness import merged, toml, wait_until
from parent import ESTABLISHED, Parent, relay
from provider import Listener
from rawclient import trusting
from wires import Wire

# A provider's host, and one that leo tunnels; neither exists anywhere: only the parent knows where they lead.
PROVIDER = "beyond.leo-test.example"
OTHER = "beyond.elsewhere.example"
PASSWORD = "correct horse:battery"


@pytest.fixture(params=["http", "https"])
def parent(request, upstreams, certificates):
    one = Parent(certificates.context("good") if request.param == "https" else None)
    one.routes[f"{PROVIDER}:443"] = upstreams["good.leo-test.example:443"].address
    one.routes[f"{OTHER}:443"] = upstreams["other.elsewhere.example:443"].address
    for kind in ("expired", "wrong-name", "untrusted"):
        one.routes[f"{kind}-beyond.leo-test.example:443"] = upstreams[f"{kind}.leo-test.example:443"].address
    yield one
    one.close()


@pytest.fixture
def behind(leo_with, parent) -> Callable:
    """behind(changes): a hasty leo that goes through the parent."""

    def begin(changes: Dict[str, Any] = {}):
        via = {"upstream": {**parent.settings, "connect_timeout": "2s"}}
        return leo_with(merged(merged(HASTY, via), changes))

    return begin


def ask(leo, test_id: str = "", host: str = PROVIDER):
    """One request to a provider's host; the answer and the line."""
    with leo.client() as client:
        client.intercepted(host)
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}", host=host)
        return answer, leo.line_of(client)


def refused(leo, fault: str, status: int = 502, host: str = PROVIDER) -> Dict[str, Any]:
    """One request that fails with this word; the line."""
    answer, line = ask(leo, host=host)
    assert (answer.status, answer.first("x-leo-error")) == (status, fault), (answer, line)
    assert (line["error"], line["status"]) == (fault, status)
    assert line["error_detail"] in json.loads(answer.body)["error"]["message"]
    return line


# MARK: The parent proxy


def test_a_provider_is_reached_through_the_parent_by_name_alone(behind, parent, provider, test_id):
    leo = behind()
    with leo.client() as client:
        client.intercepted(PROVIDER)
        for _ in range(2):
            assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}", host=PROVIDER).status == 200
        first, second = leo.lines_of(client, 2)
    assert [request.raw_head for request in parent.asked] == [
        f"CONNECT {PROVIDER}:443 HTTP/1.1\r\nHost: {PROVIDER}:443\r\n\r\n".encode()
    ]
    assert len(provider.of(test_id)) == 2
    for line in (first, second):
        assert (line["via"], line["upstream_addr"]) == (parent.name, parent.address)
        assert "error" not in line
    assert (first["reused"], second["reused"]) == (False, True)


def test_a_tunnel_goes_through_the_parent_and_its_tls_is_end_to_end(behind, parent, provider, certificates, test_id):
    leo = behind()
    with leo.client() as client:
        assert client.connect(f"{OTHER}:443").status == 200
        client.start_tls(OTHER, context=trusting(certificates.ca))
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)], host=OTHER).status == 200
        client.wire.notify()
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["via"]) == ("tunnel", parent.name)
    assert parent.targets == [f"{OTHER}:443"] and len(provider.of(test_id)) == 1


@pytest.mark.parametrize(
    "kind, fault",
    [
        ("expired", "certificate_expired"),
        ("wrong-name", "certificate_name"),
        ("untrusted", "certificate_untrusted"),
    ],
)
def test_the_provider_is_verified_through_the_parent(behind, parent, provider, kind, fault):
    before = len(provider.exchanges)
    line = refused(behind(), fault, host=f"{kind}-beyond.leo-test.example")
    assert line["via"] == parent.name
    assert parent.targets == [f"{kind}-beyond.leo-test.example:443"] and len(provider.exchanges) == before


@pytest.fixture
def credentials(tmp_path) -> Path:
    file = tmp_path / "parent-credentials"
    file.touch(mode=0o600)
    file.write_text(f"üser:{PASSWORD}\n", encoding="utf-8")
    return file


def test_promise_3_credentials_are_sent_and_never_shown(behind, parent, credentials):
    token = base64.b64encode(f"üser:{PASSWORD}".encode()).decode()
    parent.authorization = f"Basic {token}"
    leo = behind({"upstream": {"via_credentials_file": str(credentials)}})
    assert ask(leo)[0].status == 200
    parent.authorization = "Basic something-else"
    line = refused(leo, "via_credentials", host="expired-beyond.leo-test.example")
    assert "does not accept the credentials in upstream.via_credentials_file (407)" in line["error_detail"]
    status, metrics = leo.get("/metrics")
    assert status == 200 and 'leo_faults_total{error="via_credentials"} 1' in metrics
    for text in (leo.errors(), leo.log_path.read_text(), metrics):
        assert token not in text and PASSWORD not in text and "üser" not in text


def test_a_parent_that_asks_for_credentials_is_named_with_the_key_that_is_missing(behind, parent):
    parent.authorization = "Basic eDp5"
    line = refused(behind(), "via_credentials")
    assert "name a file in upstream.via_credentials_file" in line["error_detail"]
    assert line["via"] == parent.name


@pytest.mark.parametrize(
    "status, fault",
    [(302, "via_refused"), (403, "via_refused"), (404, "via_refused"), (500, "via_failed"), (502, "via_failed"),
     (503, "via_failed"), (504, "via_failed")],
)  # fmt: skip
def test_the_status_of_a_parent_that_says_no_is_named(behind, parent, status, fault):
    def refuse(wire: Wire, _) -> None:
        wire.send(b"HTTP/1.1 %d secret words\r\nContent-Length: 6\r\n\r\nsecret" % status)
        wire.linger(5)

    parent.answers[f"{PROVIDER}:443"] = refuse
    leo = behind()
    line = refused(leo, fault)
    assert line["error_detail"] == f"the parent proxy {parent.name} answered {status} to CONNECT {PROVIDER}:443"
    assert len(parent.asked) == 1
    assert "secret" not in leo.log_path.read_text()


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"\x15\x03\x01\x00\x02\x02\x46",
     b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad field\r\n\r\n", b"",
     b"HTTP/1.1 200 OK\r\nX: 1\r\n", b"HTTP/1.1 102 Processing\r\n\r\n" * 9,
     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ids=["not-http", "no-status", "bare-lf", "tls-alert", "large-head", "no-colon", "nothing", "half", "interim-flood",
         "switching"],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_failed_parent(behind, parent, said):
    def talk(wire: Wire, _) -> None:
        wire.send(said)
        wire.linger(5)

    parent.answers[f"{PROVIDER}:443"] = talk
    answer, line = ask(behind())
    assert (answer.status, line["error"]) in [(502, "via_failed"), (502, "via_refused")], line
    assert f"the parent proxy {parent.name}" in line["error_detail"]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 Connection es"], ids=["silent", "half a head"])
def test_a_parent_that_hangs_is_a_timeout(behind, parent, said):
    def hang(wire: Wire, _) -> None:
        if said:
            wire.send(said)
        wire.wait_end(30)

    parent.answers[f"{PROVIDER}:443"] = hang
    line = refused(behind({"upstream": {"connect_timeout": "500ms"}}), "connect_timeout", status=504)
    assert f"the parent proxy {parent.name} did not answer CONNECT" in line["error_detail"]


def test_a_client_that_leaves_while_the_parent_thinks_takes_its_connection_along(behind, parent):
    ended = []
    here = threading.Event()

    def hang(wire: Wire, _) -> None:
        here.set()
        ended.append(wire.wait_end(30))
        here.set()

    parent.answers[f"{PROVIDER}:443"] = hang
    leo = behind({"upstream": {"connect_timeout": "30s"}})
    with leo.client() as client:
        client.intercepted(PROVIDER)
        client.request("POST", "/v1/x", body=b"{}", host=PROVIDER)
        assert here.wait(20)
        here.clear()
        client.reset()
        assert here.wait(20)
        assert leo.line_of(client)["error"] == "client_gone"
    assert ended[0] is not None
    leo.settle()


def test_a_parent_that_nobody_runs_is_named(behind, parent):
    parent.close()
    line = refused(behind(), "connect_failed")
    assert line["error_detail"].startswith(f"the parent proxy {parent.name}: connect to {parent.address}: ")


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
)  # fmt: skip
def test_every_form_of_yes_is_understood(behind, parent, head):
    parent.established = head
    answer, line = ask(behind())
    assert answer.status == 200 and "error" not in line, line


def test_an_answer_in_single_bytes_is_understood(behind, parent):
    parent.established = b""

    def dribble(wire: Wire, request) -> None:
        for byte in ESTABLISHED:
            wire.send(bytes([byte]))
        del parent.answers[request.target]
        host, port = parent.routes[request.target].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as onward:
            relay(wire, b"", onward)

    parent.answers[f"{PROVIDER}:443"] = dribble
    assert ask(behind())[0].status == 200


def test_a_tunnel_keeps_what_the_server_said_along_with_the_answer(behind, parent):
    def greet(wire: Wire, _) -> None:
        wire.send(ESTABLISHED + b"220 mail.example ESMTP\r\n")
        assert wire.receive() == b"EHLO me\r\n"
        wire.send(b"250 mail.example\r\n")
        wire.half_close()
        wire.wait_end(20)

    parent.answers["mail.elsewhere.example:25"] = greet
    leo = behind()
    with leo.client() as client:
        assert client.connect("mail.elsewhere.example:25").status == 200
        assert client.wire.receive() == b"220 mail.example ESMTP\r\n"
        client.send(b"EHLO me\r\n")
        assert client.wire.receive() == b"250 mail.example\r\n"
        assert client.wire.wait_end(20) == "fin"
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["via"], line["response_bytes"]) == ("tunnel", parent.name, 24 + 18)


def test_a_tunnel_that_the_parent_refuses_ends_with_an_alert(behind, parent):
    parent.authorization = "Basic eDp5"
    leo = behind()
    with leo.client() as client:
        assert client.connect(f"{OTHER}:443").status == 200
        with pytest.raises(ssl.SSLError) as failure:
            client.start_tls(OTHER)
        assert "ALERT_INTERNAL_ERROR" in str(failure.value)
        client.close()
        line = leo.line_of(client)
    assert (line["kind"], line["error"], line["via"]) == ("tunnel", "via_credentials", parent.name)


def test_exceptions_this_machine_and_fixed_addresses_go_direct(behind, parent, provider, serve_echo):
    leo = behind({"upstream": {"via_except": ["excepted.leo-test.example", ".direct.leo-test.example", "192.0.2.0/24",
                                             f"{PROVIDER}:8443"], "connect_timeout": "500ms"}})  # fmt: skip
    # Nobody but the parent knows these names: looking them up fails.
    refused(leo, "dns_failed", host="excepted.leo-test.example")
    refused(leo, "dns_failed", host="a.direct.leo-test.example")
    for target in ("192.0.2.1:443", f"localhost:{serve_echo.rsplit(':', 1)[1]}", serve_echo):
        with leo.client() as client:
            assert client.connect(target).status == 200
            client.send(b"hello")
            if not target.startswith("192"):
                assert client.wire.receive() == b"hello"
            client.wire.half_close()
            client.wire.wait_end(20)
            client.close()
            assert "via" not in leo.line_of(client)
    # [upstream.resolve] says where this one is.
    answer, line = ask(leo, host="good.leo-test.example")
    assert answer.status == 200 and "via" not in line
    assert parent.targets == []
    assert ask(leo)[1]["via"] == parent.name


@pytest.fixture
def serve_echo(provider) -> str:
    def echo(sock: socket.socket) -> None:
        wire = Wire(sock)
        for data in iter(wire.receive, b""):
            wire.send(data)

    return provider.listen_raw(echo).address


def test_an_address_is_asked_for_as_an_address(behind, parent, upstreams):
    parent.routes["[2001:db8::7]:443"] = upstreams["good.leo-test.example:443"].address
    leo = behind()
    with leo.client() as client:
        assert client.connect("[2001:db8:0::7]:443").status == 200
        # The name in the ClientHello makes it an interception, which takes the same way.
        client.start_tls(PROVIDER)
        assert client.exchange("GET", "/v1/models", host=PROVIDER).status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["via"]) == ("exchange", parent.name)
    assert parent.targets == ["[2001:db8::7]:443"]


@pytest.mark.parametrize(
    "target, fault",
    [("secret.elsewhere.example:443", "host_refused"), ("169.254.169.254:80", "address_refused"),
     ("metadata.google.internal:80", "address_refused"), ("[fe80::1]:443", "address_refused"),
     ("203.0.113.7:443", "address_refused")],
)  # fmt: skip
def test_what_is_refused_is_not_asked_of_the_parent(behind, parent, target, fault):
    leo = behind({"intercept": {"refuse": ["secret.elsewhere.example", "203.0.113.0/24"]}})
    with leo.client() as client:
        answer = client.connect(target)
        assert (answer.status, answer.first("x-leo-error")) == (403, fault), answer
    assert parent.targets == []


def test_a_network_cannot_allow_a_name_that_nobody_looks_up(behind, parent):
    leo = behind({"intercept": {"other_hosts": "refuse", "allow": ["10.0.0.0/8", OTHER]}})
    for target, status in ((f"{OTHER}:443", 200), ("another.elsewhere.example:443", 403)):
        with leo.client() as client:
            assert client.connect(target).status == status


def test_the_parents_own_name_is_resolved_here(leo_with, upstreams, test_id):
    parent = Parent()
    parent.routes[f"{PROVIDER}:443"] = upstreams["good.leo-test.example:443"].address
    port = parent.address.rsplit(":", 1)[1]
    named = f"proxy.elsewhere.example:{port}"
    leo = leo_with({"upstream": {"via": f"http://{named}/", "resolve": {named: parent.address}}})
    answer, line = ask(leo, test_id)
    assert answer.status == 200 and (line["via"], line["upstream_addr"]) == (named, parent.address)
    unknown = leo_with({"upstream": {"via": "http://nobody.elsewhere.example:3128"}})
    line = refused(unknown, "dns_failed")
    assert line["error_detail"].startswith("the parent proxy: nobody.elsewhere.example: ")
    parent.close()


@pytest.fixture
def secret_parent(certificates):
    """secret_parent(kind): an https:// parent that shows this certificate."""
    made = []

    def begin(kind: str) -> Parent:
        made.append(Parent(certificates.context(kind)))
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.mark.parametrize(
    "kind, fault",
    [
        ("expired", "certificate_expired"),
        ("wrong-name", "certificate_name"),
        ("untrusted", "certificate_untrusted"),
        ("self-signed", "certificate_self_signed"),
    ],
)
def test_a_parent_that_is_not_to_be_trusted_is_asked_nothing(leo_with, secret_parent, kind, fault):
    parent = secret_parent(kind)
    line = refused(leo_with({"upstream": parent.settings}), fault)
    assert line["error_detail"].startswith(f"the parent proxy {parent.name}: the certificate of proxy.leo-test.example")
    assert parent.asked == []


def test_a_row_of_its_own_is_for_the_parent_too(leo_with, secret_parent, upstreams, certificates):
    parent = secret_parent("untrusted")
    parent.routes[f"{PROVIDER}:443"] = upstreams["good.leo-test.example:443"].address
    host = parent.name.split(":")[0]
    row = {"hosts": [host], "trust": str(certificates.path("strangers-ca.pem")),
           "pins": [pin(certificates, "untrusted.pem")]}  # fmt: skip
    assert ask(leo_with({"upstream": {**parent.settings, "tls": [row]}}))[0].status == 200
    row["pins"] = [pin(certificates, "good.pem")]
    line = refused(leo_with({"upstream": {**parent.settings, "tls": [row]}}), "certificate_pin")
    assert line["error_detail"].startswith(f"the parent proxy {parent.name}: ")
    assert len(parent.asked) == 1


def test_a_parent_that_speaks_no_tls_is_a_failed_handshake(leo_with):
    def talk(wire: Wire) -> None:
        wire.receive()
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        wire.linger(5)

    listener = Listener(lambda sock: talk(Wire(sock)))
    leo = leo_with({"upstream": {"via": f"https://{listener.address}"}})
    assert "the parent proxy" in refused(leo, "upstream_handshake")["error_detail"]
    listener.close()


def test_http_2_shares_one_way_through_the_parent(behind, parent, upstreams, h2, provider, test_id):
    host = "h2-beyond.leo-test.example"
    parent.routes[f"{host}:443"] = upstreams["h2.leo-test.example:443"].address
    leo = behind({"upstream": {"idle_timeout": "20s", "pool_idle_timeout": "20s"}})
    client = h2(leo, host)
    for _ in range(3):
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
    assert len(provider.of(test_id)) == 3
    assert parent.targets == [f"{host}:443"]
    for line in leo.lines_of(client.raw, 3):
        assert (line["via"], line["upstream_protocol"]) == (parent.name, "h2")


def test_large_bodies_pass_the_parent_in_both_directions(behind, parent, provider, test_id):
    body = random.Random(3).randbytes(3_000_000)
    leo = behind({"upstream": {"idle_timeout": "20s"}})
    with leo.client() as client:
        client.intercepted(PROVIDER)
        fields = [("x-test-id", test_id), ("x-test-size", "3000000")]
        answer = client.exchange("POST", "/v1/chat/completions", fields, body, host=PROVIDER)
        assert answer.status == 200 and answer.complete and answer.body_size > 3_000_000
    assert provider.of(test_id)[0].request.sha256 == hashlib.sha256(body).hexdigest()


def test_large_tunnels_pass_the_parent_in_both_directions(behind, parent, serve_echo):
    sent = random.Random(5).randbytes(3_000_000)
    parent.routes["echo.elsewhere.example:7"] = serve_echo
    leo = behind({"upstream": {"idle_timeout": "20s"}})
    with leo.client() as client:
        assert client.connect("echo.elsewhere.example:7").status == 200
        threading.Thread(target=client.send, args=(sent,), daemon=True).start()
        got = bytearray()
        while len(got) < len(sent):
            data = client.wire.receive()
            assert data, "the tunnel ended"
            got += data
        assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
        client.wire.half_close()
        assert client.wire.wait_end(20) == "fin"
        client.close()
        line = leo.line_of(client)
    assert "error" not in line and (line["request_bytes"], line["response_bytes"]) == (len(sent), len(sent))


def test_promise_2_a_tunnel_that_breaks_off_behind_the_parent_looks_broken(behind, parent):
    def break_off(wire: Wire, _) -> None:
        wire.send(ESTABLISHED + b"half of")
        wire.receive()
        wire.reset()

    parent.answers["cut.elsewhere.example:7"] = break_off
    leo = behind()
    with leo.client() as client:
        assert client.connect("cut.elsewhere.example:7").status == 200
        assert client.wire.receive() == b"half of"
        client.send(b"go on")
        assert client.wire.wait_end(20) == "reset"
        client.close()
        assert leo.line_of(client)["error"] == "upstream_cut"


# MARK: Source address and IPv6


def peer_of(provider, found: list):
    def note(sock: socket.socket) -> None:
        found.append(sock.getpeername()[0])
        provider._serve(sock, provider.certificates.context("good"))

    return note


@pytest.fixture
def ipv6() -> str:
    """This machine's own address, where it has one."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    return "::1"


@pytest.mark.parametrize("host, source", [("127.0.0.1", "127.0.0.77"), ("::1", "::1")])
def test_upstreams_are_dialled_from_the_source_address(leo_with, provider, request, host, source):
    if ":" in host:
        request.getfixturevalue("ipv6")
    peers: list = []
    address = provider.listen_raw(peer_of(provider, peers), host).address
    leo = leo_with({"upstream": {"source": [source], "resolve": {f"{PROVIDER}:443": address}}})
    answer, line = ask(leo)
    assert answer.status == 200 and line["upstream_addr"] == address
    assert peers == [source]
    # Tunnels come from there, too.
    with leo.client() as client:
        assert client.connect(address).status == 200
        client.send(b"no TLS")
        wait_until(lambda: len(peers) == 2, "the second connection")
    assert peers == [source, source]


def test_a_source_address_of_the_other_family_changes_nothing(leo_with, provider, ipv6):
    peers: list = []
    address = provider.listen_raw(peer_of(provider, peers), ipv6).address
    leo = leo_with({"upstream": {"source": ["127.0.0.77"], "resolve": {f"{PROVIDER}:443": address}}})
    assert ask(leo)[0].status == 200
    assert peers == ["::1"]


def test_a_source_address_that_is_not_on_this_machine_stops_leo_at_once(settings, tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text(toml(merged(settings, {"upstream": {"source": ["192.0.2.55"]}})))
    done = run("serve", file)
    assert done.returncode == 2
    assert "upstream.source 192.0.2.55 is no address of this machine" in done.stderr


def test_an_ipv6_upstream_is_reached_and_named_with_brackets(leo_with, provider, ipv6, test_id):
    address = provider.listen(host=ipv6).address
    leo = leo_with({"upstream": {"resolve": {f"{PROVIDER}:443": address}}})
    answer, line = ask(leo, test_id)
    assert answer.status == 200 and line["upstream_addr"] == address and address.startswith("[::1]:")
    assert len(provider.of(test_id)) == 1


# MARK: Certificates and pins


@pytest.fixture
def demanding(provider, certificates, upstreams) -> str:
    """The address of a provider that asks for a client certificate of its own CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path("good.pem"), certificates.path("good.key"))
    context.load_verify_locations(certificates.path("strangers-ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    return provider.listen_raw(lambda sock: provider._serve(sock, context)).address


@pytest.fixture(scope="session")
def client_certificate(certificates) -> Dict[str, str]:
    certificates.leaf("client", ["leo-client.example"], issuer="strangers-ca", usage="clientAuth")
    return {"certificate": str(certificates.path("client.pem")), "key": str(certificates.path("client.key"))}


def test_a_client_certificate_is_shown_to_its_hosts_alone(leo_with, provider, demanding, client_certificate, test_id):
    hosts = [PROVIDER, "other-" + PROVIDER]
    leo = leo_with({"upstream": {"resolve": {f"{host}:443": demanding for host in hosts},
                                 "tls": [{"hosts": [PROVIDER], **client_certificate}]}})  # fmt: skip
    for _ in range(2):
        answer, line = ask(leo, test_id)
        assert answer.status == 200, line
    assert len(provider.of(test_id)) == 2
    # Under TLS 1.3 a server says what it misses after the handshake; either way it is no answer.
    assert ask(leo, host="other-" + PROVIDER)[0].status == 502


def pin(certificates, name: str) -> str:
    """As docs/upstream.md has it."""
    done = subprocess.run(
        f"openssl x509 -in {certificates.path(name)} -pubkey -noout | openssl pkey -pubin -outform DER"
        " | openssl dgst -sha256 -binary | openssl base64",
        shell=True, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    return "sha256/" + done.stdout.strip()


@pytest.mark.parametrize("held", ["good.pem", "ca.pem"])
def test_a_pinned_key_anywhere_in_the_chain_is_accepted(leo_with, upstreams, certificates, held):
    pins = [pin(certificates, "untrusted.pem"), pin(certificates, held)]
    leo = leo_with({"upstream": {"resolve": {f"{PROVIDER}:443": upstreams["good.leo-test.example:443"].address},
                                 "tls": [{"hosts": ["*.leo-test.example"], "pins": pins}]}})  # fmt: skip
    for _ in range(3):
        assert ask(leo)[0].status == 200


def test_another_key_than_the_pinned_is_refused_before_anything_is_shown(
    leo_with, provider, certificates, client_certificate, demanding, test_id
):
    """Not a byte of the request, nor leo's own certificate; and it is not tried again."""
    row = {"hosts": [PROVIDER], "pins": [pin(certificates, "strangers-ca.pem")], **client_certificate}
    leo = leo_with({"upstream": {"resolve": {f"{PROVIDER}:443": demanding}, "tls": [row]}})
    before = len(provider.faults)
    line = refused(leo, "certificate_pin")
    assert "no key of its chain is pinned in upstream.tls" in line["error_detail"]
    assert len(provider.exchanges) == len([e for e in provider.exchanges if e.id != test_id])
    assert provider.of(test_id) == []
    assert len(provider.faults) == before + 1 and "HANDSHAKE_FAILURE" in provider.faults[-1]


def test_a_pin_excuses_nothing(leo_with, upstreams, certificates):
    """A pinned certificate that is expired, or of a CA that nobody trusts, is refused for that."""
    tls = [{"hosts": [f"{kind}.leo-test.example"], "pins": [pin(certificates, f"{kind}.pem")]} for kind in
           ("expired", "untrusted", "self-signed")]  # fmt: skip
    leo = leo_with({"upstream": {"tls": tls}})
    refused(leo, "certificate_expired", host="expired.leo-test.example")
    refused(leo, "certificate_untrusted", host="untrusted.leo-test.example")
    refused(leo, "certificate_self_signed", host="self-signed.leo-test.example")


def test_a_trust_of_its_own_takes_the_place_of_the_common_one(leo_with, certificates):
    strangers = str(certificates.path("strangers-ca.pem"))
    hosts = ["untrusted.leo-test.example", "good.leo-test.example"]
    leo = leo_with({"upstream": {"tls": [{"hosts": hosts, "trust": strangers}]}})
    assert ask(leo, host="untrusted.leo-test.example")[0].status == 200
    refused(leo, "certificate_untrusted", host="good.leo-test.example")
    assert ask(leo, host="api.groq.com")[0].status == 200


# MARK: Files


def checked(settings, tmp_path, upstream: Dict[str, Any]) -> str:
    """What `leo check` and `leo serve` say alike about a file that has one mistake."""
    file = tmp_path / "leo.toml"
    file.write_text(toml(merged(settings, {"upstream": upstream})))
    lines = []
    for command in ("check", "serve"):
        done = run(command, file)
        assert done.returncode == 1, done.stdout + done.stderr
        lines.append(done.stderr.strip().splitlines()[-1].split(f"{file}:", 1)[1])
    assert lines[0] == lines[1]
    number = int(lines[0].split(":")[0])
    assert file.read_text().splitlines()[number - 1].split(" = ")[0] in lines[0]
    return lines[0]


def test_files_that_do_not_do_are_named_with_the_line_that_names_them(
    settings, tmp_path, certificates, client_certificate, credentials
):
    def row(**more):
        return {"tls": [{"hosts": ["api.openai.com"], **client_certificate, **more}]}

    def said(upstream):
        return checked(settings, tmp_path, upstream)

    missing = str(tmp_path / "missing")
    assert f"{missing}: cannot be read: No such file" in said(row(key=missing))
    assert f"{missing}: cannot be read: No such file" in said(row(certificate=missing))
    assert "upstream.tls.trust: " in said(row(trust=missing))
    assert "is not the key of the first certificate in" in said(row(key=str(certificates.path("good.key"))))
    no_key = tmp_path / "no.key"
    no_key.touch(mode=0o600)
    assert "holds no PEM private key" in said(row(key=str(no_key)))
    assert "holds no PEM certificate" in said(row(certificate=client_certificate["key"]))
    exposed = tmp_path / "exposed.key"
    exposed.write_bytes(Path(client_certificate["key"]).read_bytes())
    exposed.chmod(0o644)
    assert "others than its owner may use the private key (mode 644)" in said(row(key=str(exposed)))
    encrypted = tmp_path / "encrypted.key"
    openssl("pkey", "-in", client_certificate["key"], "-aes256", "-passout", "pass:x", "-out", encrypted)
    encrypted.chmod(0o600)
    assert "the private key is encrypted" in said(row(key=str(encrypted)))

    def via():
        return said({"via": "http://127.0.0.1:3128", "via_credentials_file": str(credentials)})

    credentials.write_text("one\ntwo\n")
    assert "has more than one line" in via()
    credentials.write_text("no colon")
    assert "has no colon; it holds one line, user:password" in via()
    credentials.write_text("")
    assert "is empty" in via()
    credentials.write_text(f"user:{PASSWORD}")
    credentials.chmod(0o640)
    text = via()
    assert "others than its owner may use the password in it (mode 640); make it 0600" in text
    assert PASSWORD not in text
