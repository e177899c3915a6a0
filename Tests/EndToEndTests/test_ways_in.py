"""Requests by every way in: what the provider gets and what the client gets must not depend on it."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import socket
import ssl
import struct
import subprocess
import threading
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import pytest

import harness
from answers import PIECES
from harness import merged, toml
from rawclient import RawClient, connect, trusting
from samples import SEED, Sample
from test_authentication import basic, make_hash
from wires import Wire

PROXY_NAME = "proxy.leo-test.example"
PLAIN = "plain.leo-test.example:8000"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def announcement(client: str = "192.0.2.7", port: int = 5555, command: int = 1, extensions: bytes = b"") -> bytes:
    """A PROXY protocol header of version 2."""
    body = socket.inet_aton(client) + socket.inet_aton("198.51.100.1") + struct.pack("!HH", port, 443) + extensions
    return SIGNATURE + bytes([0x20 | command, 0x11]) + struct.pack("!H", len(body)) + body


@pytest.fixture(scope="module")
def ways(start, tmp_path_factory, certificates) -> harness.Leo:
    """A leo that listens in every way that needs no packet filter."""
    path = tmp_path_factory.mktemp("unix") / "proxy.sock"
    changes = {
        "listen": {
            "proxy_tls": "127.0.0.1:0", "proxy_unix": str(path), "reverse": "127.0.0.1:0",
        }
    }  # fmt: skip
    leo = start("ways", changes)
    leo.unix_path = str(path)
    return leo


@pytest.fixture(scope="module")
def announced(start) -> harness.Leo:
    """A leo behind a load balancer: whoever connects from this machine says for whom."""
    listen = {"proxy_tls": "127.0.0.1:0", "reverse": "127.0.0.1:0", "proxy_protocol_from": ["127.0.0.0/8"]}
    return start("announced", {"listen": listen})


def over_tls(leo: harness.Leo, name: str = PROXY_NAME, preamble: bytes = b"", alpn: Optional[List[str]] = None) -> Wire:
    wire = connect(leo.address("proxy_tls"))
    wire.send(preamble)
    context = trusting(leo.root)
    if alpn:
        context.set_alpn_protocols(alpn)
    wire.start_tls(context, name)
    return wire


def over_unix(leo: harness.Leo) -> Wire:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(leo.unix_path)
    return Wire(sock)


class Way(NamedTuple):
    """How a request is sent: a connection, what stands before its path, and the two Hosts."""

    client: RawClient
    prefix: str
    host: str
    host_there: str


def ways_in(leo: harness.Leo, announced: harness.Leo) -> Dict[str, Callable[[], Way]]:
    host = "api.openai.com"

    def announced_client() -> RawClient:
        wire = connect(announced.address("proxy"))
        wire.send(announcement())
        return announced.client(way=wire).intercepted()

    return {
        "proxy": lambda: Way(leo.client().intercepted(), "", host, host),
        "proxy_tls": lambda: Way(leo.client(way=over_tls(leo)).intercepted(), "", host, host),
        "proxy_unix": lambda: Way(leo.client(way=over_unix(leo)).intercepted(), "", host, host),
        "whole URL": lambda: Way(leo.client(), "http://" + PLAIN, PLAIN, PLAIN),
        "whole URL in TLS": lambda: Way(leo.client(way=over_tls(leo)), "http://" + PLAIN, PLAIN, PLAIN),
        "whole URL over Unix": lambda: Way(leo.client(way=over_unix(leo)), "http://" + PLAIN, PLAIN, PLAIN),
        "reverse by path": lambda: Way(leo.client(way=connect(leo.address("reverse"))), "/openai", "localhost", host),
        "reverse by Host": lambda: Way(leo.client(way=connect(leo.address("reverse"))), "", host, host),
        "reverse to plain": lambda: Way(leo.client(way=connect(leo.address("reverse"))), "/plain", "x:1", PLAIN),
        "PROXY protocol": lambda: Way(announced_client(), "", host, host),
    }


NAMES = [
    "proxy", "proxy_tls", "proxy_unix", "whole URL", "whole URL in TLS", "whole URL over Unix", "reverse by path",
    "reverse by Host", "reverse to plain", "PROXY protocol",
]  # fmt: skip


@pytest.fixture(params=NAMES)
def way(request, ways, announced) -> Iterator[Callable[[], Way]]:
    opened: List[Way] = []

    def begin() -> Way:
        opened.append(ways_in(ways, announced)[request.param]())
        return opened[-1]

    yield begin
    for each in opened:
        each.client.close()


def test_promise_1_bodies_and_fields_are_byte_exact_by_every_way(way, provider, test_id):
    """25 exchanges with random bodies, fields and framings, several to a connection."""
    dice = random.Random(SEED)
    open_way: Optional[Way] = None
    for number in range(25):
        request, answer = Sample(dice), Sample(dice)
        name = f"{test_id}-{number}"
        status = dice.choice([200, 200, 201, 400, 429, 500])

        def script(exchange, answer=answer, status=status):
            exchange.read_body()
            if answer.pieces is None:
                exchange.reply(status, answer.fields, answer.body)
                return
            exchange.begin(status, answer.fields, "chunked")
            for piece in answer.pieces:
                exchange.piece(piece)
            exchange.finish()

        provider.scripts[name] = script
        if open_way is None or number % 7 == 0:
            open_way = way()
        path = f"/v1/{number}?q=%41%2F&empty=&=" + "".join(dice.choice("abc/;:@&=+$,-_.!~*'()") for _ in range(9))
        fields = [("x-test-id", name)] + request.fields
        seen = open_way.client.exchange(
            "POST", open_way.prefix + path, fields, request.body, pieces=request.pieces, host=open_way.host
        )
        there = provider.of(name)
        context = f"exchange {number}, seed {SEED}"
        assert len(there) == 1, (context, seen)
        assert not there[0].request.violations and not seen.violations, context
        assert there[0].request.target == path, context
        expected = [(b"Host", open_way.host_there.encode()), (b"x-test-id", name.encode())] + request.fields
        assert there[0].request.end_to_end == expected, context
        assert (there[0].request.body_size, there[0].request.sha256) == (len(request.body), request.sha256), context
        assert seen.status == status, context
        own = [(key, value) for key, value in seen.end_to_end if not key.lower().startswith(b"x-leo-")]
        assert own == answer.fields, context
        assert seen.complete and (seen.body_size, seen.sha256) == (len(answer.body), answer.sha256), context
        del provider.scripts[name]


def test_streams_come_event_by_event_by_every_way(way, provider, test_id):
    """The provider holds its second event back until the client has the first."""
    one = way()
    fields = [("x-test-id", test_id), ("x-test-gate", test_id)]
    one.client.request("POST", one.prefix + "/v1/chat/completions", fields, b'{"stream":true}', host=one.host)
    head = one.client.answer_head()
    assert head.status == 200
    one.client.reader.on_data = lambda _: provider.gate(test_id).set()
    one.client.reader.body(head)
    assert head.complete and head.body.endswith(b"data: [DONE]\n\n")
    assert PIECES[2].encode() in head.body


def test_promise_2_a_cut_looks_cut_by_every_way(way, provider, test_id):
    one = way()
    fields = [("x-test-id", test_id), ("x-test-cut", "3")]
    answer = one.client.exchange(
        "POST", one.prefix + "/v1/chat/completions", fields, b'{"stream":true}', host=one.host
    )
    assert answer.status == 200 and not answer.complete


def test_a_client_that_leaves_stops_the_upstream_by_every_way(way, provider, test_id):
    one = way()
    fields = [("x-test-id", test_id), ("x-test-hang", "head")]
    one.client.request("POST", one.prefix + "/v1/chat/completions", fields, b"{}", host=one.host)
    exchange = provider.wait(test_id)[0]
    exchange.received.wait(20)
    one.client.close()
    assert exchange.over.wait(20) and exchange.client_end is not None


# MARK: proxy_tls


def test_the_log_names_the_client_and_both_sides_of_a_connect_in_tls(ways, test_id):
    with ways.client(way=over_tls(ways)).intercepted() as client:
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 200
        line = ways.line_of(client)
    assert (line["kind"], line["host"], line["sni"], line["tls"]) == (
        "exchange", "api.openai.com:443", "api.openai.com", "1.3",
    )  # fmt: skip


def test_a_tunnel_leads_through_tls_to_the_proxy(ways, provider):
    """Both directions at once, more than any buffer holds, and each end passed on."""
    sent = random.Random(7).randbytes(3_000_000)

    def echo(sock: socket.socket) -> None:
        wire = Wire(sock)
        for data in iter(wire.receive, b""):
            wire.send(data)
        wire.send(b"the end")

    with ways.client(way=over_tls(ways)) as client:
        assert client.connect(provider.listen_raw(echo).address).status == 200
        # One thread, because a TLS object may be used by one at a time; what has come is always taken before more is sent.
        got = bytearray()
        for start_of_piece in range(0, len(sent), 16384):
            client.send(sent[start_of_piece : start_of_piece + 16384])
            while client.wire.pending(0):
                got += client.wire.receive()
        while len(got) < len(sent):
            data = client.wire.receive()
            assert data, "the tunnel ended"
            got += data
        assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
        client.wire.notify()
        # After close_notify Python's OpenSSL reads no more; the log's line tells the rest.
        line = ways.line_of(client)
    assert (line["kind"], line.get("error")) == ("tunnel", None)
    assert (line["request_bytes"], line["response_bytes"]) == (len(sent), len(sent) + len(b"the end"))


def test_a_server_that_speaks_first_is_heard_through_tls_to_the_proxy(ways, provider):
    def greet(sock: socket.socket) -> None:
        sock.sendall(b"220 mail.example ESMTP\r\n")
        assert sock.recv(100) == b"EHLO me\r\n"
        sock.sendall(b"250 mail.example\r\n")

    with ways.client(way=over_tls(ways)) as client:
        assert client.connect(provider.listen_raw(greet).address).status == 200
        assert client.wire.receive() == b"220 mail.example ESMTP\r\n"
        client.send(b"EHLO me\r\n")
        assert client.wire.receive() == b"250 mail.example\r\n"
        assert client.wire.wait_end(20) == "notify"


def test_promise_2_a_tunnel_that_the_upstream_resets_looks_cut_through_tls_to_the_proxy(ways, provider):
    def reset(sock: socket.socket) -> None:
        wire = Wire(sock)
        wire.receive()
        wire.reset()

    with ways.client(way=over_tls(ways)) as client:
        assert client.connect(provider.listen_raw(reset).address).status == 200
        client.send(b"hello")
        assert client.wire.wait_end(20) in ("reset", "fin")
        assert ways.line_of(client)["error"] == "upstream_cut"


def test_end_to_end_tls_goes_through_a_tunnel_in_tls(ways, certificates, provider, test_id):
    name = "other.elsewhere.example"
    with ways.client(way=over_tls(ways)) as client:
        assert client.connect(f"{name}:443").status == 200
        client.start_tls(name, context=trusting(certificates.ca))
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)], host=name).status == 200
    assert len(provider.of(test_id)) == 1


def test_a_tunnel_through_tls_is_no_way_around_policy(ways):
    with ways.client(way=over_tls(ways)) as client:
        assert client.connect("other.elsewhere.example:443").status == 200
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            client.start_tls("api.openai.com")
        assert ways.line_of(client)["error"] == "sni_mismatch"


def test_an_https_proxy_refuses_plain_http_in_words(ways):
    with ways.client(way=connect(ways.address("proxy_tls"))) as client:
        answer = client.connect("api.openai.com:443")
        assert answer.status == 400 and b"https://" in answer.body
        assert ways.line_of(client)["error"] == "not_tls"


def test_an_https_proxy_speaks_http_1_alone(ways):
    assert over_tls(ways, alpn=["h2", "http/1.1"]).tls.selected_alpn_protocol() == "http/1.1"
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        over_tls(ways, alpn=["h2"])


def test_a_client_that_does_not_trust_the_https_proxy_is_told_of(ways, certificates):
    client = ways.client(way=connect(ways.address("proxy_tls")))
    with pytest.raises(ssl.SSLError):
        client.wire.start_tls(trusting(certificates.ca), PROXY_NAME)
    line = ways.line_of(client)
    assert line["error"] == "client_distrust" and "listen.proxy_tls" in line["error_detail"]


def test_a_certificate_of_ones_own_is_shown(leo_with, certificates, test_id):
    """An RSA one, and with TLS 1.2: leo's own leaves are P-256."""
    key = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    certificates.leaf("own-proxy", ["proxy.corp.example"], key=key)
    pem, key_file = certificates.path("own-proxy.pem"), certificates.path("own-proxy.key")
    key_file.chmod(0o600)
    tls = {"certificate": str(pem), "key": str(key_file)}
    leo = leo_with({"listen": {"proxy_tls": "127.0.0.1:0", "tls": tls}})
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        wire = connect(leo.address("proxy_tls"))
        context = trusting(certificates.ca)
        context.maximum_version = version
        wire.start_tls(context, "proxy.corp.example")
        with leo.client(way=wire).intercepted() as client:
            assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 200


@pytest.mark.parametrize(
    "tls, said",
    [
        ({"names": ["proxy.nowhere.example"]}, "leo's CA may not sign for proxy.nowhere.example"),
        ({"certificate": "/nowhere.pem", "key": "/nowhere.key"}, "/nowhere.pem"),
    ],
)
def test_an_https_proxy_that_has_nothing_to_show_does_not_start(settings, tmp_path, tls, said):
    file = tmp_path / "leo.toml"
    file.write_text(toml(merged(settings, {"listen": {"proxy_tls": "127.0.0.1:0", "tls": tls}})), encoding="utf-8")
    done = harness.leo("serve", file)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    if "certificate" in tls:
        done = harness.leo("check", file)
        assert done.returncode == 1 and f": listen.tls: {said}" in done.stderr, done.stderr


def test_a_ca_made_for_the_default_name_signs_for_localhost(start, tmp_path, settings):
    folder = tmp_path
    authority = {name: str(folder / name) for name in ("certificate", "key", "root")}
    changes = {"listen": {"proxy_tls": "127.0.0.1:0", "tls": {"names": ["localhost"]}}, "ca": authority}
    file = folder / "leo.toml"
    file.write_text(toml(merged(settings, changes)), encoding="utf-8")
    assert harness.leo("ca", "init", file).returncode == 0
    leo = start("localhost", changes)
    leo.root = folder / "root"
    with leo.client(way=over_tls(leo, "localhost")).intercepted() as client:
        assert client.exchange("GET", "/v1/models").status == 200
    leo.stop()


@pytest.mark.parametrize("listener", ["proxy_tls", "reverse"])
def test_a_client_that_says_nothing_is_let_go_without_a_line(leo_with, listener):
    leo = leo_with({"listen": {listener: "127.0.0.1:0"}})
    with leo.client(way=connect(leo.address(listener))) as silent, leo.client() as other:
        # Connections are accepted in their order, and this one is answered.
        assert other.connect("api.openai.com:443").status == 200
        leo.signal(signal.SIGTERM)
        assert silent.wire.wait_end(20) == "fin"
        other.close()
        assert leo.all_lines_of(silent) == []


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_curl_goes_through_an_https_proxy(ways, program, test_id, tmp_path, version):
    """The proxy speaks HTTP/1.1; inside of the tunnel the client has what it wants."""
    host, port = ways.address("proxy_tls")
    done = subprocess.run(
        [
            program("curl"), "-sS", f"--http{version}", "--noproxy", "", "--resolve", f"{PROXY_NAME}:{port}:{host}",
            "--proxy", f"https://{PROXY_NAME}:{port}", "--proxy-cacert", str(ways.root), "--cacert", str(ways.root),
            "-H", f"x-test-id: {test_id}", "https://api.openai.com/v1/models", "-o", str(tmp_path / "out"),
            "-w", "%{http_connect} %{http_code} %{http_version}",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True, env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"200 200 {version}", "")
    assert ways.line_of_test(test_id)["provider"] == "openai"


def test_many_streams_share_one_connection_inside_of_an_https_proxy(ways, provider, program, test_id, tmp_path):
    """HTTP/2 in TLS in TLS: twenty answers at once."""
    host, port = ways.address("proxy_tls")
    outputs = [tmp_path / f"out-{number}" for number in range(20)]
    requests = [word for out in outputs for word in ("-o", str(out), "https://api.openai.com/v1/chat/completions")]
    done = subprocess.run(
        [
            program("curl"), "-sS", "--http2", "--parallel", "--parallel-max", "20", "--noproxy", "",
            "--resolve", f"{PROXY_NAME}:{port}:{host}", "--proxy", f"https://{PROXY_NAME}:{port}",
            "--proxy-cacert", str(ways.root), "--cacert", str(ways.root), "-H", f"x-test-id: {test_id}",
            "-H", "x-test-size: 300000", "-d", "{}", *requests,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, text=True, env={"HOME": str(tmp_path)},
    )  # fmt: skip
    # Old versions of curl show progress here whatever they are told.
    assert done.returncode == 0, done.stderr
    bodies = [out.read_bytes() for out in outputs]
    assert len(set(bodies)) == 1 and len(bodies[0]) > 300_000 and json.loads(bodies[0])
    lines = ways.lines(lambda line: line.get("labels", {}).get("x-test-id") == test_id)
    assert {line["protocol"] for line in lines} == {"h2"}


# MARK: Whole URLs


def test_requests_of_one_connection_may_have_different_targets(ways, provider, test_id):
    other = provider.listen(None).address
    with ways.client() as client:
        for number, host in enumerate([PLAIN, other, other, PLAIN]):
            answer = client.exchange(
                "POST", f"http://{host}/v1/chat/completions", [("x-test-id", f"{test_id}-{number}")], b"{}", host=host
            )
            assert answer.status == 200
        lines = ways.lines_of(client, 4)
    assert [line["provider"] for line in lines] == ["plain", "other", "other", "plain"]
    assert [line["host"] for line in lines] == [PLAIN, other, other, PLAIN]
    assert [line.get("api") for line in lines] == ["openai", None, None, "openai"]
    assert lines[2]["reused"] and lines[0]["kind"] == "exchange"


def test_a_provider_that_is_reached_by_tls_is_not_asked_in_the_clear(ways, provider):
    before = len(provider.exchanges)
    with ways.client() as client:
        answer = client.exchange("GET", "http://api.openai.com/v1/models")
        assert answer.status == 400 and b"https://" in answer.body
        line = ways.line_of(client)
    assert (line["kind"], line["error"], line["path"]) == ("refusal", "tls_required", "/v1/models")
    assert len(provider.exchanges) == before


def test_other_hosts_are_refused_where_the_file_says_so(leo_with, provider, test_id):
    allowed, refused = provider.listen(None).address, provider.listen(None).address
    leo = leo_with({"intercept": {"other_hosts": "refuse", "allow": [allowed]}})
    with leo.client() as client:
        fields = [("x-test-id", test_id)]
        assert client.exchange("POST", f"http://{allowed}/", fields, b"{}", host=allowed).status == 200
        assert client.exchange("POST", f"http://{PLAIN}/v1/x", fields, b"{}", host=PLAIN).status == 200
        assert client.exchange("POST", f"http://{refused}/", fields, b"{}", host=refused).status == 403
        assert leo.lines_of(client, 3)[2]["error"] == "host_refused"


def test_a_forwarded_request_never_reaches_leo_itself(ways):
    with ways.client() as client:
        own = f"127.0.0.1:{ways.admin[1]}"
        assert client.exchange("GET", f"http://{own}/metrics", host=own).status == 403
        assert ways.line_of(client)["error"] == "address_refused"


def test_an_error_about_another_host_is_plain_text(ways):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    with ways.client() as client:
        answer = client.exchange("GET", f"http://{host}/", host=host)
    assert answer.status == 502 and (answer.first("content-type") or "").startswith("text/plain")


def test_old_clients_may_leave_host_out(ways, provider, test_id):
    with ways.client() as client:
        client.expect_answer_to("GET")
        client.send(f"GET http://{PLAIN}/v1/models HTTP/1.0\r\nx-test-id: {test_id}\r\n\r\n".encode())
        assert client.answer().status == 200
    assert provider.of(test_id)[0].request.first("host") == PLAIN


def test_curl_uses_leo_as_http_proxy(ways, program, provider, test_id, tmp_path):
    done = subprocess.run(
        [program("curl"), "-sS", "-H", f"x-test-id: {test_id}", "-d", "{}", f"http://{PLAIN}/v1/chat/completions",
         "-o", str(tmp_path / "out"), "-w", "%{http_code}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True,
        env={"HOME": str(tmp_path), "http_proxy": f"http://{ways.proxy[0]}:{ways.proxy[1]}"},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("200", "")
    line = ways.line_of_test(test_id)
    assert (line["provider"], line["path"]) == ("plain", "/v1/chat/completions")


def test_each_request_with_a_whole_url_has_credentials_of_its_own(leo_with, provider, test_id):
    hashed = make_hash("open sesame")
    tenants = {"checkout": {"match": [{"proxy_user": "checkout", "password_hash": [hashed]}]}}
    leo = leo_with({"tenants": tenants})
    url = f"http://{PLAIN}/v1/chat/completions"
    with leo.client() as client:
        answer = client.exchange("POST", url, [("x-test-id", test_id)], b"{}", host=PLAIN)
        assert answer.status == 407 and (answer.first("proxy-authenticate") or "").startswith("Basic ")
        assert leo.line_of(client)["error"] == "proxy_credentials"
    fields = [("x-test-id", test_id), ("Proxy-Authorization", basic("checkout", "open sesame"))]
    with leo.client() as client:
        for _ in range(2):
            assert client.exchange("POST", url, fields, b"{}", host=PLAIN).status == 200
        wrong = [("x-test-id", test_id), ("Proxy-Authorization", basic("checkout", "shut"))]
        assert client.exchange("POST", url, wrong, b"{}", host=PLAIN).status == 407
        lines = leo.lines_of(client, 3)
    assert [line.get("tenant") for line in lines] == ["checkout", "checkout", None]
    assert len(provider.of(test_id)) == 2
    assert not provider.of(test_id)[0].request.first("proxy-authorization")


# MARK: reverse


def test_the_reverse_listener_lists_what_there_is(ways):
    with ways.client(way=connect(ways.address("reverse"))) as client:
        answer = client.exchange("GET", "/v1/models", host="localhost")
        assert answer.status == 404
        message = json.loads(answer.body)["error"]["message"]
        assert "/openai, " in message and "/anthropic, " in message
        line = ways.line_of(client)
    assert (line["kind"], line["error"], line["path"]) == ("refusal", "route_unknown", "/v1/models")


def test_requests_to_the_reverse_listener_may_be_for_different_providers(ways, provider, test_id):
    with ways.client(way=connect(ways.address("reverse"))) as client:
        for number, prefix in enumerate(["openai", "anthropic", "plain", "openai"]):
            path = "/v1/messages" if prefix == "anthropic" else "/v1/chat/completions"
            fields = [("x-test-id", f"{test_id}-{number}")]
            answer = client.exchange("POST", f"/{prefix}{path}", fields, b"{}", host="localhost")
            assert answer.status == 200, prefix
        lines = ways.lines_of(client, 4)
    assert [line["provider"] for line in lines] == ["openai", "anthropic", "plain", "openai"]
    hosts = [provider.of(f"{test_id}-{number}")[0].request.first("host") for number in range(4)]
    assert hosts == ["api.openai.com", "api.anthropic.com", PLAIN, "api.openai.com"]


def test_a_wrong_way_to_the_reverse_listener_is_refused(ways):
    for line, host in [("GET http://api.openai.com/", "api.openai.com"), ("CONNECT a.example:443", "a.example:443")]:
        with ways.client(way=connect(ways.address("reverse"))) as client:
            client.expect_answer_to("GET")
            client.send(f"{line} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert client.answer().status == 400


def test_an_sdk_with_a_base_url_goes_through_the_reverse_listener(ways, test_id):
    openai = pytest.importorskip("openai")
    host, port = ways.address("reverse")
    client = openai.OpenAI(base_url=f"http://{host}:{port}/openai/v1", api_key="sk-test")
    pieces = client.chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "hi"}], stream=True,
        extra_headers={"x-test-id": test_id},
    )  # fmt: skip
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == "".join(PIECES)
    with pytest.raises(openai.NotFoundError, match="no provider is named"):
        openai.OpenAI(base_url=f"http://{host}:{port}/v1", api_key="sk-test").models.list()


def test_a_websocket_goes_through_the_reverse_listener(leo_with, certificates):
    pytest.importorskip("websockets")
    from websockets.sync.client import connect as open_websocket
    from websockets.sync.server import serve

    def echo(socket_there) -> None:
        for message in socket_there:
            socket_there.send(f"{socket_there.request.path} {socket_there.request.headers['Host']} {message}")

    with serve(echo, "127.0.0.1", 0, ssl=certificates.context("good")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = f"127.0.0.1:{server.socket.getsockname()[1]}"
        leo = leo_with(
            {"listen": {"reverse": "127.0.0.1:0"}, "upstream": {"resolve": {"api.openai.com:443": there}}}
        )
        host, port = leo.address("reverse")
        with open_websocket(f"ws://{host}:{port}/openai/v1/realtime?model=x", proxy=None) as client:
            client.send("hello")
            assert client.recv(20) == "/v1/realtime?model=x api.openai.com hello"
        server.shutdown()


# MARK: PROXY protocol


@pytest.mark.parametrize("listener", ["proxy", "proxy_tls"])
def test_the_log_has_the_client_that_is_announced(announced, listener, test_id):
    # An extension that load balancers add, of which leo makes nothing.
    preamble = announcement("192.0.2.33", 40000, extensions=b"\x02\x00\x03abc")
    if listener == "proxy":
        wire = connect(announced.address("proxy"))
        wire.send(preamble)
    else:
        wire = over_tls(announced, preamble=preamble)
    with announced.client(way=wire).intercepted() as client:
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 200
    assert announced.line_of_test(test_id)["client"] == "192.0.2.33:40000"


def test_an_announcement_may_arrive_byte_by_byte(announced, test_id):
    wire = connect(announced.address("reverse"))
    for byte in announcement("192.0.2.34", 1):
        wire.send(bytes([byte]))
    with announced.client(way=wire) as client:
        answer = client.exchange("GET", "/openai/v1/models", [("x-test-id", test_id)], host="x")
        assert answer.status == 200
    assert announced.line_of_test(test_id)["client"] == "192.0.2.34:1"


@pytest.mark.parametrize("client, status", [("192.0.2.35", 403), ("127.0.0.9", 502)])
def test_an_announced_client_goes_where_its_own_address_may(announced, client, status):
    wire = connect(announced.address("proxy"))
    wire.send(announcement(client))
    with announced.client(way=wire) as raw:
        # Nobody listens there; a client of another machine is not even told so.
        raw.expect_answer_to("GET")
        raw.send(b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
        assert raw.answer().status == status


def test_a_load_balancer_may_speak_for_itself(announced, test_id):
    wire = connect(announced.address("proxy"))
    wire.send(announcement(command=0))
    with announced.client(way=wire).intercepted() as client:
        assert client.exchange("GET", "/v1/models", [("x-test-id", test_id)]).status == 200
        assert announced.line_of_test(test_id)["client"] == client.local


@pytest.mark.parametrize(
    "sent, said",
    [
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", "there is no PROXY protocol header"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nCONNECT a:1 HTTP/1.1\r\n\r\n", "of version 1"),
        (SIGNATURE + b"\x31\x11\0\0", "unknown version"),
        (SIGNATURE + b"\x21\x12\0\x0c" + bytes(12), "another transport"),
        (SIGNATURE + b"\x21\x11\xff\xff", "longer than 4096 bytes"),
    ],
)
def test_a_missing_or_broken_announcement_is_refused(announced, sent, said):
    with announced.client(way=connect(announced.address("proxy"))) as client:
        client.expect_answer_to("GET")
        client.send(sent)
        answer = client.answer()
        assert answer.status == 400 and said.encode() in answer.body
        assert said in announced.line_of(client)["error_detail"]


def test_an_announcement_from_elsewhere_is_not_believed(leo_with):
    leo = leo_with({"listen": {"proxy_protocol_from": ["192.0.2.0/24"]}})
    with leo.client() as client:
        client.expect_answer_to("GET")
        client.send(announcement() + b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = client.answer()
        assert answer.status == 400 and b"listen.proxy_protocol_from" in answer.body
        assert leo.line_of(client)["client"] == client.local
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models").status == 200
