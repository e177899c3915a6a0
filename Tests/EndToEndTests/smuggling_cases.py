"""Requests that two readers could understand differently. Each row: a name, the bytes inside TLS, what must happen.

    accept  answered with 200, and the provider got exactly this: so many complete requests
    reject  no complete request may reach the provider
    safe    refused, or forwarded in one canonical framing, as many requests at the provider as answers to the client

{HOST} and {PATH} are filled in. The expectations are RFC 9112 (sections 2.2, 3, 5, 6, 7, 11.2) and leo's promise to be
stricter where it may: what has two readings is refused.
"""

from __future__ import annotations

from typing import List, NamedTuple

POST = b"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
BODY = b'{"model":"m"}'
CHUNKED = b"d\r\n" + BODY + b"\r\n0\r\n\r\n"
# The same as a body, whose length must not depend on the host.
ASIDE = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"


SIZED = b"Content-Length: 13\r\n\r\n" + BODY


class Case(NamedTuple):
    name: str
    raw: bytes
    expect: str
    answers: int = 1
    shut: bool = False


def framed(*lines: bytes, body: bytes = BODY) -> bytes:
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def both_framings() -> List[Case]:
    """Content-Length and Transfer-Encoding together, both ways of disagreeing, with each disguise of the second."""
    disguises = {
        "plain": b"Transfer-Encoding: chunked",
        "lower": b"transfer-encoding: chunked",
        "shouting": b"TRANSFER-ENCODING: CHUNKED",
        "no-space": b"Transfer-Encoding:chunked",
        "tabs": b"Transfer-Encoding:\tchunked\t",
        "space-before-colon": b"Transfer-Encoding : chunked",
        "tab-before-colon": b"Transfer-Encoding\t: chunked",
        "space-first": b" Transfer-Encoding: chunked",
        "vertical-tab": b"Transfer-Encoding: \x0bchunked",
        "form-feed": b"Transfer-Encoding:\x0cchunked",
        "nul": b"Transfer-Encoding: chunked\x00",
        "cr-inside": b"Transfer-Encoding: chunked\rX: y",
        "lf-inside": b"X: y\nTransfer-Encoding: chunked",
        "folded": b"Transfer-Encoding:\r\n chunked",
        "folded-tab": b"Transfer-Encoding:\r\n\tchunked",
        "quoted": b'Transfer-Encoding: "chunked"',
        "comma-first": b"Transfer-Encoding: , chunked",
        "comma-last": b"Transfer-Encoding: chunked,",
        "list-identity": b"Transfer-Encoding: identity, chunked",
        "list-reversed": b"Transfer-Encoding: chunked, identity",
        "parameter": b"Transfer-Encoding: chunked;q=1",
        "unknown": b"Transfer-Encoding: xchunked",
        "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "twice-cow": b"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
        "empty": b"Transfer-Encoding:",
        "underscore": b"Transfer_Encoding: chunked",
        "high-byte": b"Transfer-Encoding: chunked\xa0",
        "accent": b"Transf\xc3\xa9r-Encoding: chunked",
    }
    # Two names that are no Transfer-Encoding at all may pass as what they are; everything else is one and is refused.
    other_names = ("underscore",)
    cases = []
    for name, line in disguises.items():
        expect = "safe" if name in other_names else "reject"
        length = b"Content-Length: %d" % len(b"0\r\n\r\n" + HIDDEN)
        cases.append(Case(f"clte-{name}", framed(length, line, body=b"0\r\n\r\n" + HIDDEN), expect))
        cases.append(Case(f"tecl-{name}", framed(line, b"Content-Length: 4", body=CHUNKED), expect))
    return cases


LENGTHS = [
    Case(f"length-{name}", framed(*lines), expect)
    for name, lines, expect in [
        ("twice", (b"Content-Length: 13", b"Content-Length: 13"), "reject"),
        ("two", (b"Content-Length: 13", b"Content-Length: 0"), "reject"),
        ("two-cased", (b"content-length: 0", b"Content-Length: 13"), "reject"),
        ("list-same", (b"Content-Length: 13, 13",), "reject"),
        ("list-other", (b"Content-Length: 13, 0",), "reject"),
        ("plus", (b"Content-Length: +13",), "reject"),
        ("minus", (b"Content-Length: -13",), "reject"),
        ("hex", (b"Content-Length: 0xd",), "reject"),
        ("exponent", (b"Content-Length: 13e0",), "reject"),
        ("point", (b"Content-Length: 13.0",), "reject"),
        ("space-inside", (b"Content-Length: 1 3",), "reject"),
        ("word", (b"Content-Length: thirteen",), "reject"),
        ("empty", (b"Content-Length:",), "reject"),
        ("quoted", (b'Content-Length: "13"',), "reject"),
        ("overflow", (b"Content-Length: 18446744073709551629",), "reject"),
        ("overflow-signed", (b"Content-Length: 9223372036854775821",), "safe"),
        ("fullwidth-digits", ("Content-Length: １３".encode(),), "reject"),
        ("vertical-tab", (b"Content-Length: \x0b13",), "reject"),
        ("nul", (b"Content-Length: 13\x00",), "reject"),
        ("space-before-colon", (b"Content-Length : 13",), "reject"),
        ("folded", (b"Content-Length:\r\n 13",), "reject"),
        ("leading-zeros", (b"Content-Length: 0013",), "safe"),
        ("padded", (b"Content-Length: \t 13 \t",), "accept"),
        ("none-but-a-body", (b"X-A: b",), "safe"),
    ]
]

CHUNKS = [
    Case(f"chunk-{name}", framed(b"Transfer-Encoding: chunked", body=body), expect)
    for name, body, expect in [
        ("plain", CHUNKED, "accept"),
        ("upper-hex", b"D\r\n" + BODY + b"\r\n0\r\n\r\n", "accept"),
        ("leading-zeros", b"000d\r\n" + BODY + b"\r\n000\r\n\r\n", "accept"),
        ("extension", b'd;a=b;c="d;\\"e"\r\n' + BODY + b"\r\n0;x\r\n\r\n", "accept"),
        ("trailer", b"d\r\n" + BODY + b"\r\n0\r\nX-Sum: 1\r\n\r\n", "accept"),
        ("size-0x", b"0xd\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-plus", b"+d\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-minus", b"-d\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-space-first", b" d\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-space-last", b"d \r\n" + BODY + b"\r\n0\r\n\r\n", "safe"),
        ("size-tab-last", b"d\t\r\n" + BODY + b"\r\n0\r\n\r\n", "safe"),
        ("size-empty", b"\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-word", b"thirteen\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-underscore", b"0_d\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-wraps-32", b"10000000d\r\n" + BODY + b"\r\n0\r\n\r\n", "safe"),
        ("size-wraps-64", b"1000000000000000d\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("size-top-bit", b"800000000000000d\r\n" + BODY + b"\r\n0\r\n\r\n", "safe"),
        ("size-nul", b"d\x00\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("lf-after-size", b"d\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("cr-after-size", b"d\r" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("lf-in-extension", b"d;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("cr-in-extension", b"d;a\rb\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("extension-hides-chunk", b"d;\n0\r\n\r\n" + HIDDEN, "reject"),
        ("extension-huge", b"d;" + b"a" * 100_000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("too-short", b"c\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("too-long", b"e\r\n" + BODY + b"\r\n0\r\n\r\n", "reject"),
        ("no-crlf-after-data", b"d\r\n" + BODY + b"XX0\r\n\r\n", "reject"),
        ("lf-after-data", b"d\r\n" + BODY + b"\n0\r\n\r\n", "reject"),
        ("lf-at-the-end", b"d\r\n" + BODY + b"\r\n0\n\n", "reject"),
        ("trailer-lf", b"d\r\n" + BODY + b"\r\n0\r\nX: y\n\r\n", "reject"),
        ("trailer-folded", b"d\r\n" + BODY + b"\r\n0\r\nX: y\r\n z\r\n\r\n", "reject"),
        ("trailer-no-colon", b"d\r\n" + BODY + b"\r\n0\r\nX\r\n\r\n", "reject"),
        ("trailer-length", b"d\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n", "safe"),
        ("trailer-coding", b"d\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "safe"),
        ("trailer-host", b"d\r\n" + BODY + b"\r\n0\r\nHost: evil.example\r\n\r\n", "safe"),
        ("trailer-endless", b"d\r\n" + BODY + b"\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", "reject"),
    ]
]

HEADS = [
    Case("lf-line-ends", b"POST {PATH} HTTP/1.1\nHost: {HOST}\nContent-Length: 13\n\n" + BODY + b"\r\n\r\n", "reject"),
    Case("one-lf-line-end", b"POST {PATH} HTTP/1.1\r\nHost: {HOST}\n" + SIZED, "reject"),
    Case("cr-line-ends", b"POST {PATH} HTTP/1.1\rHost: {HOST}\rContent-Length: 13\r\r" + BODY + b"\r\n\r\n", "reject"),
    Case("bare-cr-in-value", framed(b"X-A: a\rb", b"Content-Length: 13"), "reject"),
    Case("bare-cr-hides-field", framed(b"X-A: a\rTransfer-Encoding: chunked", b"Content-Length: 13"), "reject"),
    Case("obs-fold", framed(b"X-A: a", b" b", b"Content-Length: 13"), "reject"),
    Case("fold-first", b"POST {PATH} HTTP/1.1\r\n Host: {HOST}\r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("space-before-colon", framed(b"X-A : a", b"Content-Length: 13"), "reject"),
    Case("empty-name", framed(b": a", b"Content-Length: 13"), "reject"),
    Case("no-colon", framed(b"X-A", b"Content-Length: 13"), "reject"),
    Case("nul-in-name", framed(b"X\x00A: a", b"Content-Length: 13"), "reject"),
    Case("control-in-value", framed(b"X-A: a\x01b", b"Content-Length: 13"), "reject"),
    Case("high-byte-in-name", framed(b"X\xe9: a", b"Content-Length: 13"), "reject"),
    Case("obs-text-in-value", framed(b"X-A: caf\xe9", b"Content-Length: 13"), "accept"),
    Case("encoded-crlf-in-value", framed(b"X-A: a%0d%0aX-Evil: 1", b"Content-Length: 13"), "accept"),
    Case("two-hosts", framed(b"Host: {HOST}", b"Content-Length: 13"), "reject"),
    Case("two-hosts-other", framed(b"Host: evil.example", b"Content-Length: 13"), "reject"),
    Case("no-host", b"POST {PATH} HTTP/1.1\r\n" + SIZED, "reject"),
    Case("host-list", b"POST {PATH} HTTP/1.1\r\nHost: {HOST}, evil.example\r\n" + SIZED, "reject"),
    Case("host-userinfo", b"POST {PATH} HTTP/1.1\r\nHost: a@{HOST}\r\n" + SIZED, "reject"),
    Case("host-path", b"POST {PATH} HTTP/1.1\r\nHost: {HOST}/x\r\n" + SIZED, "reject"),
    Case("host-empty", b"POST {PATH} HTTP/1.1\r\nHost:\r\n" + SIZED, "reject"),
    Case("absolute-form", b"POST https://{HOST}{PATH} HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "accept"),
    Case("absolute-form-other", b"POST https://evil.example{PATH} HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("leading-crlf", b"\r\n" + framed(b"Content-Length: 13"), "accept"),
    Case("leading-lf", b"\n" + framed(b"Content-Length: 13"), "reject"),
    Case("two-spaces", b"POST  {PATH} HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("tab-in-line", b"POST\t{PATH}\tHTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("space-after-version", b"POST {PATH} HTTP/1.1 \r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("nul-in-target", b"POST {PATH}\x00 HTTP/1.1\r\nHost: {HOST}\r\n" + SIZED, "reject"),
    Case("no-version", b"GET {PATH}\r\n\r\n", "reject"),
    Case("version-1.2", b"GET {PATH} HTTP/1.2\r\nHost: {HOST}\r\n\r\n", "safe"),
    Case("version-0.9", b"GET {PATH} HTTP/0.9\r\nHost: {HOST}\r\n\r\n", "reject"),
    Case("lower-http", b"GET {PATH} http/1.1\r\nHost: {HOST}\r\n\r\n", "reject"),
    Case(
        "http10-chunked",
        b"POST {PATH} HTTP/1.0\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
        "reject",
    ),
    Case(
        "get-with-body",
        b"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: %d\r\n\r\n" % len(ASIDE) + ASIDE,
        "accept",
    ),
    Case("connection-names-length", framed(b"Connection: Content-Length", b"Content-Length: 13"), "safe"),
    Case(
        "connection-names-coding",
        framed(b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked", body=CHUNKED),
        "safe",
    ),
    Case("connection-names-host", framed(b"Connection: Host", b"Content-Length: 13"), "safe"),
    Case(
        "upgrade-h2c",
        framed(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA", b"Content-Length: 13"),
        "safe",
    ),
    Case("expect", framed(b"Expect: 100-continue", b"Content-Length: 13"), "accept"),
    Case("pipelined", framed(b"Content-Length: 13") * 2, "accept", 2),
    Case(
        "pipelined-chunked-first",
        framed(b"Transfer-Encoding: chunked", body=CHUNKED) + framed(b"Content-Length: 13"),
        "accept",
        2,
    ),
    Case(
        "good-then-bad",
        framed(b"Content-Length: 13") + framed(b"Content-Length: 13", b"Transfer-Encoding: chunked"),
        "safe",
    ),
    Case("nothing", b"", "reject", shut=True),
    Case("half-a-line", b"POST {PA", "reject", shut=True),
    Case("half-a-head", b"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Le", "reject", shut=True),
    Case("half-a-body", framed(b"Content-Length: 14"), "reject", shut=True),
]

CASES: List[Case] = both_framings() + LENGTHS + CHUNKS + HEADS
