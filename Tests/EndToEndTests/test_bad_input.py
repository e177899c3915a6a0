"""What bad clients do: each gets a status or close that it understands and one log line with one word, and leaves
nothing behind."""

from __future__ import annotations

import json
import socket
import ssl
import time
from typing import List, Optional

import pytest

from harness import PLAIN_BINARY, sanitized, wait_until
from rawclient import trusting
from wires import Broken, Message, fields_of, head


def refused(leo, client, raw: bytes, statuses, words) -> Message:
    """Sends the bytes; leo must answer with one of the statuses, close, and log one of the words."""
    client.send(raw)
    answer = client.answer()
    assert answer.status in statuses, answer
    assert answer.first("x-leo-error") in words
    assert answer.complete and answer.body.strip(), "a refusal says in words what is wrong"
    assert client.wire.wait_end(20) is not None, "the connection must end after a refusal"
    line = leo.line_of(client)
    assert (line["error"], line["status"]) == (answer.first("x-leo-error"), answer.status)
    return answer


def honest(leo) -> None:
    """leo still serves."""
    with leo.client().intercepted() as client:
        assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200


# MARK: CONNECT

BAD_CONNECT = [
    (b"CONNECT\r\n\r\n", {400}, {"bad_request"}),
    (b"CONNECT  HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_request", "bad_target"}),
    (b"CONNECT api.openai.com HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com: HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:0 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:65536 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:99999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:443:443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:-443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:0x1bb HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT :443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT user@api.openai.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT [::1:443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT ::1:443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT https://api.openai.com:443/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT * HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com\x00:443 HTTP/1.1\r\nHost: a\r\n\r\n", {400}, {"bad_target", "bad_request"}),
    (b"CONNECT api.openai.com:443 HTTP/2.0\r\nHost: a\r\n\r\n", {505, 400}, {"version_unsupported"}),
    (b"CONNECT api.openai.com:443 HTTP/1.1\nHost: a\n\n\r\n\r\n", {400}, {"bad_request"}),
    (b"CONNECT api.openai.com:443 HTTP/1.1\r\n folded\r\n\r\n", {400}, {"bad_request"}),
    (b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost : a\r\n\r\n", {400}, {"bad_request"}),
    (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", range(400, 502), {"not_connect"}),
    (b"GET http://api.openai.com/ HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"tls_required"}),
    (b"GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", {400}, {"tls_required"}),
    (b"GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", {400}, {"bad_request"}),
    (b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", {403}, {"address_refused"}),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n", {400}, {"bad_request"}),
    (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0CONNECT a:1 HTTP/1.1\r\n\r\n", {400}, {"bad_request"}),
    (b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", range(400, 502), {"not_connect"}),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", range(400, 502), {"not_connect"}),
    (b"\x05\x01\x00 socks \r\n\r\n", {400}, {"bad_request"}),
    (b"hello\r\n\r\n", {400}, {"bad_request"}),
]


@pytest.mark.parametrize(
    "raw, statuses, words", BAD_CONNECT, ids=lambda value: repr(value)[2:42] if isinstance(value, bytes) else ""
)
def test_a_malformed_connect_is_refused_in_words(quick, raw, statuses, words):
    with quick.client() as client:
        refused(quick, client, raw, statuses, words)


def test_tls_to_the_proxy_port_is_refused(quick):
    """A client configured with https://: its ClientHello is no HTTP head."""
    with quick.client() as client:
        with pytest.raises((ssl.SSLError, OSError)):
            client.start_tls("127.0.0.1")
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] in ("bad_request", "client_timeout", "not_connect")


@pytest.mark.parametrize(
    "raw",
    [
        b"CONNECT api.openai.com:443 HTTP/1.1\r\nX-A: " + b"a" * 1_000_000,
        b"CONNECT api.openai.com:443 HTTP/1.1\r\n" + b"X-A: b\r\n" * 100_000,
        b"CONNECT " + b"a" * 1_000_000,
    ],
    ids=["one field", "many fields", "target"],
)
def test_an_oversized_connect_head_is_refused(quick, raw):
    with quick.client() as client:
        try:
            client.send(raw)
        except OSError:
            pass  # leo answered and closed before it had all of it
        try:
            answer = client.answer()
            assert answer.status in (431, 400, 414)
            assert answer.first("x-leo-error") in ("head_too_large", "bad_request")
        except Broken:
            # The answer was lost to the reset that the unread rest of the head caused.
            assert client.wire.end == "reset"
        assert quick.line_of(client)["error"] in ("head_too_large", "bad_request")


@pytest.mark.parametrize(
    "sent", [b"", b"C", b"CONNECT api.openai.com:443 HT", b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\n"]
)
def test_a_client_that_stops_in_the_middle_of_connect_is_closed(quick, sent):
    with quick.client() as client:
        if sent:
            client.send(sent)
        client.wire.wait_end(20)
        assert client.wire.end is not None
        line = quick.line_of(client) if sent else None
        assert line is None or line["error"] == "client_timeout"


@pytest.mark.parametrize("sent", [b"", b"CONNECT api.openai.com:443 HTTP/1.1\r\nHo"])
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_that_leaves_in_the_middle_of_connect_leaves_nothing(quick, sent, how):
    with quick.client() as client:
        if sent:
            client.send(sent)
        client.reset() if how == "reset" else client.close()
    if sent:
        assert quick.line_of(client)["error"] in ("client_gone", "bad_request")


def test_a_connect_head_that_comes_byte_by_byte_is_understood(leo):
    with leo.client() as client:
        for byte in b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n":
            client.send(bytes([byte]))
        client.expect_answer_to("CONNECT")
        assert client.answer().status == 200
        client.start_tls("api.openai.com")
        assert client.exchange("GET", "/v1/models").status == 200


CONNECT_FORMS = {
    "requests and boto3: HTTP/1.0, no Host": b"CONNECT api.openai.com:443 HTTP/1.0\r\n\r\n",
    "undici: the proxy's own address, close": b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: 127.0.0.1:8889\r\n"
    b"connection: close\r\n\r\n",
    "aiohttp": b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n",
    "curl": b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\nProxy-Connection: Keep-Alive\r\n\r\n",
    "upper case, trailing dot": b"CONNECT API.OpenAI.com.:443 HTTP/1.1\r\nHost: API.OpenAI.com.:443\r\n\r\n",
    "with credentials": b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic YTpi\r\n\r\n",
}


@pytest.mark.parametrize("form", CONNECT_FORMS)
def test_every_form_of_connect_that_clients_send_is_accepted(leo, form):
    with leo.client() as client:
        client.send(CONNECT_FORMS[form])
        client.expect_answer_to("CONNECT")
        assert client.answer().status == 200
        client.start_tls("api.openai.com")
        for _ in range(2):
            assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200


# MARK: Where one may go


@pytest.mark.parametrize(
    "target",
    [
        "169.254.169.254:80", "169.254.169.254:443", "169.254.0.1:443", "[fe80::1]:443", "[fd00:ec2::254]:80",
        "[::ffff:169.254.169.254]:80",
    ],
)  # fmt: skip
def test_the_metadata_service_and_link_local_addresses_are_out_of_reach(leo, target):
    with leo.client() as client:
        answer = client.connect(target)
        assert answer.status == 403
        assert answer.first("x-leo-error") == "address_refused"
        text = answer.body.decode()
        assert len(text.split()) >= 4, "a person must understand why"
        line = leo.line_of(client)
        assert (line["kind"], line["error"], line["status"]) == ("refusal", "address_refused", 403)


@pytest.mark.parametrize("target", ["2852039166:80", "0xa9fea9fe:80", "0251.0376.0251.0376:80", "169.16689662:80"])
def test_other_spellings_of_the_metadata_address_are_out_of_reach(leo, target):
    """The C library reads such spellings as addresses: they are refused, or end as names that do not resolve."""
    with leo.client() as client:
        assert client.connect(target).status in (400, 403, 502, 504)
        assert leo.line_of(client)["error"] in (
            "address_refused", "bad_target", "bad_request", "dns_failed", "connect_timeout"
        )  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("which", ["proxy", "admin"])
def test_leo_does_not_connect_to_itself(leo, host, which):
    port = (leo.proxy if which == "proxy" else leo.admin)[1]
    with leo.client() as client:
        answer = client.connect(f"{host}:{port}")
        assert answer.status in (403, 502), answer
        assert leo.line_of(client)["error"] in ("address_refused", "connect_failed")
        if host in ("127.0.0.1", "localhost"):
            assert answer.status == 403


def test_other_hosts_are_refused_where_the_file_says_so(leo_with, provider):
    leo = leo_with({"intercept": {"other_hosts": "refuse"}})
    with leo.client() as client:
        answer = client.connect("www.example.com:443")
        assert (answer.status, answer.first("x-leo-error")) == (403, "host_refused")
        assert len(answer.body.split()) >= 4, "a person must understand why"
        line = leo.line_of(client)
        assert (line["kind"], line["error"], line["host"]) == ("refusal", "host_refused", "www.example.com:443")
    honest(leo)


def test_a_name_that_does_not_resolve_is_a_502_in_time(leo):
    with leo.client() as client:
        answer = client.connect("no-such-host.invalid:443")
        assert answer.status in (502, 504)
        assert leo.line_of(client)["error"] in ("dns_failed", "connect_timeout")


# MARK: TLS


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 64,
        b"\xff" * 4096,
        b"\x80\x2e\x01\x00\x02" + b"\x00" * 41,
        b"\x16\x09\x00\x00\x05hello",
        b"\x17\x03\x03\x00\x05hello",
    ],
    ids=["plain HTTP POST", "plain HTTP GET", "SSH", "zeros", "ones", "SSL 2", "version 9", "data record"],
)
def test_bytes_that_are_no_tls_after_connect(quick, provider, raw):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.send(raw)
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] in ("not_tls", "client_handshake")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01" + b"\x01" * 0x4001,
        b"\x16\x03\x01\xff\xff" + b"\x01" * 0xFFFF,
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"\x00" * 41,
        (b"\x16\x03\x01\x00\x04\x01\x00\xff\xff" + b"\x16\x03\x01\x00\x01\x00" * 70_000)[:200_000],
    ],
    ids=[
        "empty record",
        "record too long",
        "record far too long",
        "message too long",
        "ServerHello",
        "zeros",
        "dribble",
    ],
)
def test_a_broken_client_hello(quick, raw):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        try:
            client.send(raw)
        except OSError:
            pass
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] in ("client_handshake", "not_tls", "client_timeout")


def test_half_a_client_hello_is_waited_for_and_then_closed(quick):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.send(client_hello("api.openai.com")[:40])
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "client_timeout"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_that_leaves_before_its_hello(quick, how):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.reset() if how == "reset" else client.close()
    assert quick.line_of(client)["error"] in ("client_gone", "client_handshake")


def test_a_client_that_sends_nothing_after_connect_is_closed(quick):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "client_timeout"


def client_hello(name: Optional[str], context: Optional[ssl.SSLContext] = None) -> bytes:
    """The bytes of a ClientHello as OpenSSL writes it."""
    context = context or ssl.create_default_context()
    context.check_hostname = name is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_client_hello_in_many_packets_is_read(leo, size):
    with leo.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        sock = client.wire.sock
        context = trusting(leo.root)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="api.openai.com")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        for start in range(0, len(hello), size):
            sock.sendall(hello[start : start + size])
        while True:
            incoming.write(sock.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        assert ("DNS", "api.openai.com") in tls.getpeercert()["subjectAltName"]


def test_tls_without_sni_to_an_intercepted_host_gets_the_certificate_of_the_connect_target(leo, provider, test_id):
    with leo.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.start_tls(None)
        assert ("DNS", "api.openai.com") in client.wire.tls.getpeercert()["subjectAltName"]
        assert client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}").status == 200
        line = leo.line_of(client)
        assert (line["kind"], line["status"]) == ("exchange", 200)
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize("name", ["api.anthropic.com", "www.example.com", "openai.com", "xapi.openai.com"])
def test_a_wrong_sni_ends_in_the_alert_unrecognized_name(quick, provider, name):
    before = len(provider.exchanges)
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            client.start_tls(name)
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "sni_mismatch"
    assert len(provider.exchanges) == before


def legacy_context(leo, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = trusting(leo.root)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = version
    context.maximum_version = version
    return context


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_a_tls_1_0_client_gets_the_alert_protocol_version(quick, version):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|HANDSHAKE_FAILURE"):
            client.start_tls("api.openai.com", context=legacy_context(quick, getattr(ssl.TLSVersion, version)))
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "client_handshake"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_clients_are_served(leo, version):
    context = trusting(leo.root)
    context.minimum_version = context.maximum_version = version
    with leo.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.start_tls("api.openai.com", context=context)
        assert client.exchange("GET", "/v1/models").status == 200
        assert {ssl.TLSVersion.TLSv1_2: "1.2", ssl.TLSVersion.TLSv1_3: "1.3"}[version] in leo.line_of(client)["tls"]


def test_a_client_that_does_not_trust_leo_is_told_apart(quick, certificates):
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            client.start_tls("api.openai.com", context=trusting(certificates.ca))
        client.close()
        assert quick.line_of(client)["error"] == "client_distrust"


def test_a_client_without_a_common_cipher_is_refused(quick):
    context = trusting(quick.root)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    with quick.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        with pytest.raises(ssl.SSLError):
            client.start_tls("api.openai.com", context=context)
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "client_handshake"


@pytest.mark.parametrize("alpn", [None, ["http/1.1"], ["http/1.0", "http/1.1"]])
def test_http_1_1_is_spoken_with_a_client_that_offers_no_http_2(leo, alpn):
    with leo.client() as client:
        assert client.connect("api.openai.com:443").status == 200
        client.start_tls("api.openai.com", alpn=alpn)
        assert client.wire.tls.selected_alpn_protocol() in (None, "http/1.1")
        assert client.exchange("GET", "/v1/models").status == 200


# MARK: Heads inside TLS

ASK = b"POST /v1/x HTTP/1.1\r\nHost: api.openai.com\r\n"
BAD_HEADS = [
    (b"POST /v1/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", {400}, {"bad_request"}),
    (ASK + b"Host: api.openai.com\r\nContent-Length: 2\r\n\r\n{}", {400}, {"bad_request"}),
    (
        b"POST /v1/x HTTP/1.1\r\nHost: api.openai.com, b\r\nContent-Length: 2\r\n\r\n{}",
        {400, 421},
        {"bad_request", "misdirected"},
    ),
    (b"POST /v1/x\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_request"}),
    (b"POST /v1/x HTTP/9.1\r\nHost: api.openai.com\r\n\r\n", {505}, {"version_unsupported"}),
    (b"POST /v1/x HTTP/2.0\r\nHost: api.openai.com\r\n\r\n", {505}, {"version_unsupported"}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}, {"bad_request", "version_unsupported"}),
    (b"POST v1/x HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_request"}),
    (b"POST /v1 /x HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_request"}),
    (b"POST /v1/\xc3\xa9 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_request"}),
    (b"P@ST /v1/x HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400}, {"bad_request"}),
    (ASK + b"X-A: a\x00b\r\n\r\n", {400}, {"bad_request"}),
    (ASK + b"X-A\r\n\r\n", {400}, {"bad_request"}),
    (ASK + b"X-A : b\r\n\r\n", {400}, {"bad_request"}),
    (ASK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", {501, 400}, {"transfer_coding_unsupported", "bad_request"}),
    (ASK + b"Transfer-Encoding: cow\r\n\r\n", {501}, {"transfer_coding_unsupported"}),
    (ASK + b"Content-Length: 2\r\nExpect: cow\r\n\r\n{}", {417}, {"expectation_failed"}),
    (ASK + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", {431}, {"head_too_large"}),
    (ASK + b"X-A: b\r\n" * 1000 + b"\r\n", {431, 400}, {"head_too_large", "bad_request"}),
    (b"POST /v1/" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {431, 414}, {"head_too_large"}),
    (ASK + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", range(400, 502), {"websocket_handshake"}),
    (
        b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
        range(400, 502),
        {"bad_request", "bad_target", "misdirected"},
    ),
]


@pytest.mark.parametrize(
    "raw, statuses, words", BAD_HEADS, ids=lambda value: repr(value)[2:62] if isinstance(value, bytes) else ""
)
def test_a_malformed_request_is_refused_in_the_providers_shape(quick, provider, raw, statuses, words):
    before = len(provider.exchanges)
    with quick.client() as client:
        client.intercepted()
        answer = refused(quick, client, raw, statuses, words)
        assert answer.first("content-type", "").startswith("application/json")
        assert json.loads(answer.body)["error"]["message"]
    assert len(provider.exchanges) == before


@pytest.mark.parametrize(
    "api, host",
    [
        ("anthropic", "api.anthropic.com"),
        ("gemini", "generativelanguage.googleapis.com"),
        ("bedrock", "bedrock-runtime.us-east-1.amazonaws.com"),
    ],
)
def test_the_shape_of_a_refusal_follows_the_provider(quick, api, host):
    with quick.client() as client:
        client.intercepted(host)
        raw = b"POST /v1/x HTTP/1.1\r\nHost: " + host.encode() + b"\r\nX-A\r\n\r\n"
        value = json.loads(refused(quick, client, raw, {400}, {"bad_request"}).body)
        if api == "anthropic":
            assert value["type"] == "error" and value["error"]["message"]
        elif api == "gemini":
            assert value["error"]["code"] == 400 and value["error"]["message"]
        else:
            assert value.get("message") or value.get("Message")


@pytest.mark.parametrize(
    "host", ["api.anthropic.com", "api.openai.com.evil.example", "127.0.0.1", "api.openai.com:8443", "openai.com"]
)
def test_a_host_other_than_the_sni_is_misdirected(quick, provider, host):
    before = len(provider.exchanges)
    with quick.client() as client:
        client.intercepted()
        raw = f"POST /v1/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        refused(quick, client, raw, {421}, {"misdirected"})
    assert len(provider.exchanges) == before


def test_an_absolute_target_for_another_host_is_misdirected(quick, provider):
    before = len(provider.exchanges)
    with quick.client() as client:
        client.intercepted()
        raw = b"POST https://api.anthropic.com/v1/x HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 2\r\n\r\n{}"
        refused(quick, client, raw, {421, 400}, {"misdirected", "bad_request"})
    assert len(provider.exchanges) == before


@pytest.mark.parametrize("host", ["api.openai.com", "API.OpenAI.Com", "api.openai.com:443"])
def test_other_spellings_of_the_same_host_are_not_misdirected(leo, provider, test_id, host):
    with leo.client().intercepted() as client:
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}", host=host).status == 200
    assert provider.of(test_id)[0].request.first("host") == host


# MARK: Slow and absent clients


def test_half_a_request_head_is_closed_in_time(quick):
    with quick.client() as client:
        client.intercepted()
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.op")
        try:
            answer = client.answer()
            assert answer.status == 408
        except Broken:
            pass
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] == "client_timeout"


def test_a_head_that_dribbles_is_closed_in_time(quick):
    """One byte now and then is no progress: the limit runs from the first byte of the head to its last."""
    with quick.client() as client:
        client.intercepted()
        started = time.monotonic()
        try:
            for byte in b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nX-Long: " + b"a" * 200:
                client.send(bytes([byte]))
                if client.wire.pending(0.1):
                    break
        except OSError:
            pass
        assert client.wire.wait_end(20) is not None
        assert time.monotonic() - started < 15
        assert quick.line_of(client)["error"] == "client_timeout"


@pytest.mark.parametrize("raw", [b"Content-Length: 100\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
def test_promise_2_half_a_body_is_closed_in_time_and_never_becomes_a_whole_one(quick, provider, test_id, raw):
    with quick.client() as client:
        client.intercepted()
        client.send(
            head("POST /v1/x HTTP/1.1", fields_of([("Host", "api.openai.com"), ("x-test-id", test_id)]))[:-2] + raw
        )
        try:
            assert client.answer().status == 408
        except Broken:
            pass
        assert client.wire.wait_end(20) is not None
        assert quick.line_of(client)["error"] in ("client_timeout", "client_stalled")
    for exchange in provider.of(test_id):
        assert exchange.over.wait(20) and not exchange.request.complete


@pytest.mark.parametrize("raw", [b"Content-Length: 100\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
@pytest.mark.parametrize("how", ["fin", "notify", "reset"])
def test_a_client_that_leaves_in_the_middle_of_its_body_never_completes_it(quick, provider, test_id, raw, how):
    with quick.client() as client:
        client.intercepted()
        client.send(
            head("POST /v1/x HTTP/1.1", fields_of([("Host", "api.openai.com"), ("x-test-id", test_id)]))[:-2] + raw
        )
        provider.wait(test_id)
        if how == "notify":
            client.wire.notify()
        client.reset() if how == "reset" else client.close()
        assert quick.line_of(client)["error"] == "client_gone"
    for exchange in provider.of(test_id):
        assert exchange.over.wait(20) and not exchange.request.complete


def test_an_idle_connection_is_closed_gracefully_and_without_a_complaint(quick, test_id):
    with quick.client() as client:
        client.intercepted()
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}").status == 200
        assert client.wire.wait_end(20) == "notify", "an idle connection ends with close_notify"
        assert "error" not in quick.line_of(client)


def test_a_client_that_stops_reading_is_closed_in_time(quick, provider, test_id):
    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [], "length", 100_000_000)
        piece = bytes(1_000_000)
        for _ in range(100):
            exchange.send_patiently(piece)

    provider.scripts[test_id] = script
    with quick.client() as client:
        client.intercepted()
        client.request("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        line = quick.line_of(client)
        assert line["error"] == "client_stalled"
        assert provider.of(test_id)[0].over.wait(20)
        # What leo could not deliver is a cut, not an end.
        answer = client.answer_head()
        client.reader.body(answer)
        assert not answer.complete and answer.end in ("fin", "reset")


# MARK: Many idle connections

IDLE = 10_000


def test_10000_idle_connections_leave_room_for_an_honest_client(start, descriptor_limit):
    """Half of them silent from the start, half in the middle of a CONNECT head or after its 200."""
    if descriptor_limit < IDLE + 500:
        pytest.skip(f"the hard limit of open files is {descriptor_limit}; this test needs {IDLE + 500}")
    limits = {"handshake_timeout": "10m", "head_timeout": "10m"}
    leo = start("crowded", {"listen": limits}, binary=PLAIN_BINARY)
    honest(leo)
    # The honest client's upstream connection stays in the pool for a while; its own is gone when this settles.
    leo.settle(spare=1)
    baseline, before = leo.descriptors(), leo.resident_bytes()
    idle: List[socket.socket] = []
    try:
        for number in range(IDLE):
            sock = socket.create_connection(leo.proxy, timeout=20)
            idle.append(sock)
            if number % 4 == 1:
                sock.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api")
            elif number % 4 == 3:
                sock.sendall(b"CONNECT api.openai.com:443 HTTP/1.0\r\n\r\n")
        for sock in idle[3::4]:
            assert sock.recv(1024).startswith(b"HTTP/1.1 200")
        if baseline is not None:
            wait_until(lambda: leo.descriptors() >= baseline + IDLE, "leo to accept them all")
        honest(leo)
        assert leo.get("/healthz")[0] == 200
        per_connection = (leo.resident_bytes() - before) / IDLE
        print(f"{per_connection:.0f} bytes per idle connection")
        assert per_connection < 25_000 * (4 if sanitized(leo.binary) else 1), f"{per_connection:.0f} bytes each"
    finally:
        for sock in idle:
            sock.close()
    if baseline is not None:
        wait_until(lambda: leo.descriptors() <= baseline + 2, "the descriptors to be closed", 60)
    honest(leo)


def test_connections_beyond_the_limit_are_refused_or_wait_and_then_served(leo_with):
    leo = leo_with({"listen": {"connections_max": 16}})
    idle = [socket.create_connection(leo.proxy, timeout=20) for _ in range(16)]
    if leo.baseline is not None:
        wait_until(lambda: leo.descriptors() >= leo.baseline + 16, "leo to accept them")
    with leo.client() as client:
        client.send(b"CONNECT api.openai.com:443 HTTP/1.0\r\n\r\n")
        client.expect_answer_to("CONNECT")
        if client.wire.pending(2):
            try:
                answer = client.answer()
                assert (answer.status, answer.first("x-leo-error")) == (503, "overload")
                assert answer.first("retry-after")
            except Broken:
                pass
    for sock in idle:
        sock.close()

    def served() -> bool:
        try:
            honest(leo)
            return True
        except (AssertionError, Broken, OSError):
            return False

    wait_until(served, "leo to serve again")
