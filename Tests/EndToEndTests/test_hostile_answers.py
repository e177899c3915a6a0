"""Answers made to desynchronise a connection: whatever comes of them, the next exchanges get their own answers.

Each row: a name, the bytes that the provider sends once it has the request, what the client gets, how the provider's
connection ends ("stay" or a way of `Exchange.end`), and the method. The client gets "whole" (200 and the body `true`,
or the row's own status), "refuse" (a 502 of leo's) or "cut" (a head, then an end that looks like a cut). No byte of
`forged` may reach anybody.
"""

from __future__ import annotations

import threading
from typing import NamedTuple, Optional

import pytest

from provider import Exchange
from wires import Broken, Message

FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
TRUE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Row(NamedTuple):
    name: str
    raw: bytes
    expect: str = "whole"
    end: str = "stay"
    method: str = "POST"
    status: int = 200


def ok(*lines: bytes, body: bytes = b"true", version: bytes = b"1.1", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/%s %s\r\n" % (version, status) + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


INTERIM = [
    Row("100 once", b"HTTP/1.1 100 Continue\r\n\r\n" + TRUE),
    Row("100 ten times", b"HTTP/1.1 100 Continue\r\n\r\n" * 10 + TRUE),
    Row("102 and 103 and 199", b"".join(ok(status=b"%d X" % code, body=b"") for code in (102, 103, 199)) + TRUE),
    Row("100 flood", b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000 + FORGED, "refuse"),
    Row("103 flood", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 20_000 + FORGED, "cut or refuse"),
    Row(
        "103 with great fields", ok(b"X-A: " + b"a" * 60_000, status=b"103 E", body=b"") * 60 + FORGED, "cut or refuse"
    ),
    Row("100 with a length", ok(b"Content-Length: 6", status=b"100 C", body=b"forged") + FORGED, "refuse"),
    Row(
        "100 with chunks",
        ok(b"Transfer-Encoding: chunked", status=b"100 C", body=b"6\r\nforged\r\n0\r\n\r\n"),
        "refuse",
    ),
    Row("100 with length zero", ok(b"Content-Length: 0", status=b"100 C", body=b"") + TRUE, "whole or refuse"),
    Row("100 and a body", ok(status=b"100 C", body=b"forged") + FORGED, "refuse"),
    Row("100 that closes", ok(b"Connection: close", status=b"100 C", body=b"") + TRUE, "whole or refuse"),
    Row("100 and nothing", ok(status=b"100 C", body=b""), "refuse", "notify"),
    Row("101 unasked", ok(b"Connection: upgrade", b"Upgrade: websocket", status=b"101 S", body=b"forged"), "refuse"),
    Row("101 without fields", ok(status=b"101 S", body=b"") + FORGED, "refuse"),
    Row("101 in HTTP/1.0", ok(b"Upgrade: x", version=b"1.0", status=b"101 S", body=b"") + FORGED, "refuse"),
]
BODILESS = [
    Row("204 with a body", ok(status=b"204 N", body=b"forged" + FORGED), status=204),
    Row("204 and an answer", ok(status=b"204 N", body=FORGED), status=204),
    Row("204 with a length", ok(b"Content-Length: 6", status=b"204 N", body=b"forged"), "refuse"),
    Row(
        "204 with chunks",
        ok(b"Transfer-Encoding: chunked", status=b"204 N", body=b"6\r\nforged\r\n0\r\n\r\n"),
        "refuse",
    ),
    Row("304 with a body", ok(b"Content-Length: 6", status=b"304 N", body=b"forged"), status=304),
    Row(
        "304 with chunks",
        ok(b"Transfer-Encoding: chunked", status=b"304 N", body=b"6\r\nforged\r\n0\r\n\r\n"),
        status=304,
    ),
    Row("304 and an answer", ok(status=b"304 N", body=FORGED), status=304),
    Row("HEAD with a body", ok(b"Content-Length: 6", body=b"forged"), method="HEAD"),
    Row("HEAD with chunks", CHUNKED + b"6\r\nforged\r\n0\r\n\r\n", method="HEAD"),
    Row("HEAD and an answer", ok(b"Content-Length: 0", body=FORGED), method="HEAD"),
    Row("205 with a body", ok(b"Content-Length: 4", status=b"205 R"), status=205),
]
AFTERWARDS = [
    Row("an answer more", TRUE + FORGED),
    Row("three answers more", TRUE + FORGED * 3),
    Row("an answer more after no body", ok(b"Content-Length: 0", body=FORGED), "empty"),
    Row("an answer more after chunks", CHUNKED + b"4\r\ntrue\r\n0\r\n\r\n" + FORGED),
    Row("an answer more after trailers", CHUNKED + b"4\r\ntrue\r\n0\r\nX-A: b\r\n\r\n" + FORGED),
    Row("a byte more", TRUE + b"\x00"),
    Row("a line end more", TRUE + b"\r\n"),
    Row("half an answer more", TRUE + FORGED[:20]),
    Row("a megabyte more", TRUE + b"forged" * 170_000),
    Row("an interim answer more", TRUE + ok(status=b"103 E", body=b"")),
    Row("a last chunk more", CHUNKED + b"4\r\ntrue\r\n0\r\n\r\n0\r\n\r\n"),
    Row("more after close", ok(b"Connection: close", b"Content-Length: 4") + FORGED),
    Row("close and keep-alive", ok(b"Connection: keep-alive, close", b"Content-Length: 4") + FORGED),
]
FRAMINGS = [
    Row("both, length first", ok(b"Content-Length: 4", b"Transfer-Encoding: chunked") + FORGED, "refuse"),
    Row(
        "both, coding first",
        ok(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n") + FORGED,
        "refuse",
    ),
    Row("both, length of nothing", ok(b"Content-Length: 0", b"Transfer-Encoding: chunked") + FORGED, "refuse"),
    Row("two lengths", ok(b"Content-Length: 4", b"Content-Length: 50") + FORGED, "refuse"),
    Row("the same length twice", ok(b"Content-Length: 4", b"Content-Length: 4") + FORGED, "refuse"),
    Row("a length list", ok(b"Content-Length: 4, 4") + FORGED, "refuse"),
    Row("a twin length", ok(b"Content-Length: 4", b"Content_Length: 50") + FORGED, "refuse"),
    Row("a twin coding", ok(b"Content-Length: 4", b"Transfer_Encoding: chunked") + FORGED, "refuse"),
    Row("a signed length", ok(b"Content-Length: +4") + FORGED, "refuse"),
    Row("a hexadecimal length", ok(b"Content-Length: 0x4") + FORGED, "refuse"),
    Row("a length named in Connection", ok(b"Connection: content-length", b"Content-Length: 4") + FORGED, "refuse"),
    Row("an unknown coding", ok(b"Transfer-Encoding: gzip, chunked", body=b"4\r\ntrue\r\n0\r\n\r\n"), "refuse"),
    Row("identity", ok(b"Transfer-Encoding: identity", b"Content-Length: 4") + FORGED, "refuse"),
    Row("chunked in HTTP/1.0", ok(b"Transfer-Encoding: chunked", version=b"1.0", body=b"0\r\n\r\n") + FORGED, "refuse"),
    Row("too long a length, orderly", ok(b"Content-Length: 99"), "cut", "notify"),
    Row("too long a length, cut", ok(b"Content-Length: 99"), "cut", "fin"),
    Row("too long a length, reset", ok(b"Content-Length: 99"), "cut or refuse", "reset"),
    Row("no last chunk", CHUNKED + b"4\r\ntrue\r\n", "cut", "notify"),
    Row("half a last chunk", CHUNKED + b"4\r\ntrue\r\n0\r\n", "cut", "notify"),
    Row("a chunk too long", CHUNKED + b"4\r\ntrueX\r\n0\r\n\r\n" + FORGED, "cut"),
    Row("a chunk size with a sign", CHUNKED + b"4\r\ntrue\r\n-1\r\n\r\n" + FORGED, "cut"),
    Row("a chunk size of 17 digits", CHUNKED + b"4\r\ntrue\r\n1" + b"0" * 16 + b"\r\n\r\n" + FORGED, "cut"),
    Row("a length in the trailer", CHUNKED + b"4\r\ntrue\r\n0\r\nContent-Length: 9\r\n\r\n" + FORGED, "cut"),
    Row("a coding in the trailer", CHUNKED + b"4\r\ntrue\r\n0\r\nTransfer-Encoding: x\r\n\r\n" + FORGED, "cut"),
    Row("a trailer without end", CHUNKED + b"4\r\ntrue\r\n0\r\n" + b"X: y\r\n" * 20_000, "cut"),
]
HEADS = [
    Row("a blank line first", b"\r\n" + TRUE, "refuse"),
    Row("a NUL first", b"\x00" + TRUE, "refuse"),
    Row("a folded length", ok(b"X-A: b", b" Content-Length: 9", b"Content-Length: 4") + FORGED, "refuse"),
    Row("a bare LF field", ok(b"X-A: b\nContent-Length: 9", b"Content-Length: 4") + FORGED, "refuse"),
    Row("a bare CR field", ok(b"X-A: b\rContent-Length: 9", b"Content-Length: 4") + FORGED, "refuse"),
    Row("status 000", ok(b"Content-Length: 4", status=b"000 X") + FORGED, "refuse"),
    Row("status 1000", ok(b"Content-Length: 4", status=b"1000 X") + FORGED, "refuse"),
    Row("status -1", ok(b"Content-Length: 4", status=b"-1 X") + FORGED, "refuse"),
    Row("status 999", ok(b"Content-Length: 4", status=b"999 X"), status=999),
    Row("HTTP/1.0 that keeps alive", ok(b"Connection: keep-alive", b"Content-Length: 4", version=b"1.0")),
    Row("HTTP/1.0 with a length and more", ok(b"Content-Length: 4", version=b"1.0") + FORGED),
    Row("HTTP/1.0 until the end", ok(version=b"1.0"), "whole", "notify"),
    Row("HTTP/1.0 that keeps alive until the end", ok(b"Connection: keep-alive", version=b"1.0"), "whole", "notify"),
    Row("until the end, cut", ok(), "cut", "fin"),
    Row("HTTP/0.9", b"true", "refuse", "notify"),
    Row("HTTP/2", ok(b"Content-Length: 4", version=b"2.0") + FORGED, "refuse"),
    Row("an HTTP/2 preface", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + FORGED, "refuse"),
    Row("a request", b"GET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n" + FORGED, "refuse"),
    Row("upgrade fields in a 200", ok(b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 4")),
    Row("Proxy-Connection: close", ok(b"Proxy-Connection: close", b"Content-Length: 4")),
    Row("an Alt-Svc", ok(b'Alt-Svc: h3=":443"', b"Content-Length: 4")),
]
ROWS = INTERIM + BODILESS + AFTERWARDS + FRAMINGS + HEADS


def own_answer(exchange: Exchange) -> None:
    exchange.reply(200, [], exchange.id.encode() + b":" + exchange.read_body())


def get_own_answer(client, provider, name: str) -> None:
    """A later exchange: its own answer, or the client's connection is over. Nothing else."""
    provider.scripts[name] = own_answer
    answer = client.exchange("POST", "/v1/x", [("x-test-id", name)], name[::-1].encode())
    assert (answer.status, answer.body) == (200, f"{name}:{name[::-1]}".encode()), answer


def check_first(row: Row, answer: Optional[Message]) -> None:
    allowed = row.expect.split(" or ")
    if answer is None:
        assert "cut" in allowed, "the connection ended without an answer"
        return
    assert b"forged" not in answer.body and b"forged" not in answer.raw_head, answer
    if answer.first("x-leo-error") is not None:
        assert "refuse" in allowed and answer.status == 502 and answer.complete, answer
    elif not answer.complete:
        assert "cut" in allowed and answer.end in ("fin", "reset"), answer
    else:
        assert ("whole" in allowed or "empty" in allowed) and answer.status == row.status, answer
        bodiless = row.method == "HEAD" or row.status in (204, 304) or "empty" in allowed
        assert answer.body == (b"" if bodiless else b"true"), answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_hostile_answer_never_becomes_the_answer_to_the_next_request(hasty, provider, test_id, row):
    """The next exchange on the client's connection, and others that share the pool, get their own."""

    def script(exchange: Exchange) -> None:
        exchange.read_body()
        try:
            exchange.send(row.raw)
        except OSError:
            # A flood is refused before its end.
            exchange.closing = True
            return
        if row.end != "stay":
            exchange.end(row.end)

    provider.scripts[test_id] = script
    with hasty.client() as client:
        client.intercepted()
        client.request(row.method, "/v1/x", [("x-test-id", test_id)], b"{}" if row.method == "POST" else None)
        try:
            answer: Optional[Message] = client.answer()
        except (Broken, OSError):
            answer = None
        check_first(row, answer)
        usable = answer is not None and answer.complete and answer.first("connection", "").lower() != "close"
        if usable and not client.wire.pending(0):
            get_own_answer(client, provider, test_id + "-same")
    for number in range(2):
        with hasty.client() as client:
            get_own_answer(client.intercepted(), provider, f"{test_id}-{number}")
    assert len(provider.of(test_id)) == 1


def test_an_answer_that_comes_before_any_request_is_never_used(leo, provider, test_id):
    """Sent while the connection waits in the pool: leo has to drop the connection before somebody gets it."""
    send = threading.Event()

    def script(exchange: Exchange) -> None:
        own_answer(exchange)
        send.wait(20)
        exchange.send(FORGED)
        exchange.wait_client_gone(20)

    provider.scripts[test_id] = script
    with leo.client() as client:
        client.intercepted()
        answer = client.exchange("POST", "/v1/x", [("x-test-id", test_id)], b"{}")
        assert answer.body == test_id.encode() + b":{}"
        send.set()
        assert provider.of(test_id)[0].over.wait(20), "leo kept a connection that spoke unasked"
        for number in range(3):
            get_own_answer(client, provider, f"{test_id}-{number}")
