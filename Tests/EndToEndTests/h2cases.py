"""HTTP/2 conformance: what a client may send wrongly, and what has to come of it (RFC 9113, RFC 7541, RFC 8441).

Each row: a name, the bytes after the preface (or with it, where `raw`), and the outcomes that the RFC allows:

    connection CODE   a connection error: GOAWAY with that code, then the end
    closed            the end without a GOAWAY, where the RFC lets it be left out
    stream CODE       RST_STREAM of the case's stream with that code; the connection goes on
    NUMBER            an answer with that status on the case's stream; the connection goes on
    alive             the connection goes on as if nothing had been; nothing is asked of the case's stream

`reaches`: whether a complete request may reach the provider. DEVIATIONS names where leo does otherwise, and why.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Tuple

from h2raw import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    RawH2,
    block,
    frame,
    integer,
    literal,
    reset,
    settings,
    window,
)

PROTOCOL, FLOW, CLOSED, SIZE = "1", "3", "5", "6"
COMPRESSION = "connection 9"
STREAM = "stream 1"
CONNECTION = "connection 1"
MALFORMED = (STREAM, "400", CONNECTION)
OK = ("200",)


class Case(NamedTuple):
    name: str
    bytes: Callable[[RawH2], bytes]
    expect: Tuple[str, ...]
    stream: int = 1
    reaches: bool = False
    raw: bool = False


def rows(group: str, *cases: tuple) -> List[Case]:
    return [Case(f"{group}: {name}", make, *more) for name, make, *more in cases]


def post(c: RawH2, length: object, body: bytes, *more: Tuple[str, str]) -> bytes:
    """A POST with this content-length and this much data."""
    extra = [("content-length", str(length))] + list(more)
    return c.request(end=False, method="POST", extra=extra) + frame(DATA, END_STREAM, 1, body)


def padded(kind: int, flags: int, stream: int, pad: int, payload: bytes, really: int = -1) -> bytes:
    rest = bytes([pad]) + payload + bytes(pad if really < 0 else really)
    return frame(kind, flags | PADDED, stream, rest)


PREFACES = rows(
    "preface",
    ("one byte wrong", lambda c: PREFACE[:-1] + b"X" + settings(), (CONNECTION, "closed"), 1, False, True),
    ("HTTP/1.1 instead", lambda c: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 4, (CONNECTION, "closed"), 1, False, True),
    ("TLS instead", lambda c: b"\x16\x03\x01\x00\x30" + bytes(48), (CONNECTION, "closed"), 1, False, True),
    ("no SETTINGS after it", lambda c: PREFACE + frame(PING, 0, 0, bytes(8)), (CONNECTION, "closed"), 1, False, True),
    ("a request after it", lambda c: PREFACE + c.request(), (CONNECTION, "closed"), 1, False, True),
    ("SETTINGS with ACK after it", lambda c: PREFACE + frame(SETTINGS, ACK, 0), (CONNECTION, "closed"), 1, False, True),
    ("twice", lambda c: PREFACE + settings() + PREFACE, (CONNECTION, "connection 6", "closed"), 1, False, True),
)

SIZES = rows(
    "frame size",
    ("SETTINGS of 5", lambda c: frame(SETTINGS, 0, 0, bytes(5)), ("connection 6",)),
    ("SETTINGS ACK with payload", lambda c: frame(SETTINGS, ACK, 0, bytes(6)), ("connection 6",)),
    ("PING of 7", lambda c: frame(PING, 0, 0, bytes(7)), ("connection 6",)),
    ("PING of 9", lambda c: frame(PING, 0, 0, bytes(9)), ("connection 6",)),
    ("RST_STREAM of 3", lambda c: c.request(end=False) + frame(RST_STREAM, 0, 1, bytes(3)), ("connection 6",)),
    ("RST_STREAM of 5", lambda c: c.request(end=False) + frame(RST_STREAM, 0, 1, bytes(5)), ("connection 6",)),
    ("PRIORITY of 4", lambda c: frame(PRIORITY, 0, 1, bytes(4)), ("stream 6", "connection 6")),
    ("PRIORITY of 6", lambda c: frame(PRIORITY, 0, 1, bytes(6)), ("stream 6", "connection 6")),
    ("WINDOW_UPDATE of 3", lambda c: frame(0x8, 0, 0, bytes(3)), ("connection 6",)),
    ("WINDOW_UPDATE of 5", lambda c: frame(0x8, 0, 0, bytes(5)), ("connection 6",)),
    ("GOAWAY of 7", lambda c: frame(0x7, 0, 0, bytes(7)), ("connection 6",)),
    ("DATA over the limit", lambda c: c.request(end=False, method="POST") + frame(DATA, 0, 1, bytes(16385)),
     ("stream 6", "connection 6")),
    ("HEADERS over the limit", lambda c: frame(HEADERS, END_HEADERS, 1, bytes(16385)), ("connection 6",)),
    ("unknown frame over the limit", lambda c: frame(0xBB, 0, 0, bytes(16385)), ("connection 6",)),
    ("SETTINGS over the limit", lambda c: settings(*[(0xAAAA, 1)] * 2731), ("connection 6",)),
    ("HEADERS without room for a priority", lambda c: frame(HEADERS, END_HEADERS | PRIORITIZED, 1, bytes(4)),
     ("connection 6", CONNECTION)),
    ("an empty PADDED frame", lambda c: c.request(end=False) + frame(DATA, PADDED, 1), ("connection 6", CONNECTION)),
)  # fmt: skip

STREAM_IDS = rows(
    "stream id",
    ("SETTINGS on a stream", lambda c: frame(SETTINGS, 0, 1), (CONNECTION,)),
    ("PING on a stream", lambda c: frame(PING, 0, 1, bytes(8)), (CONNECTION,)),
    ("GOAWAY on a stream", lambda c: frame(0x7, 0, 1, bytes(8)), (CONNECTION,)),
    ("DATA on 0", lambda c: frame(DATA, 0, 0, b"x"), (CONNECTION,)),
    ("HEADERS on 0", lambda c: c.request(0), (CONNECTION,)),
    ("PRIORITY on 0", lambda c: frame(PRIORITY, 0, 0, bytes(5)), (CONNECTION,)),
    ("RST_STREAM on 0", lambda c: reset(0), (CONNECTION,)),
    ("CONTINUATION on 0", lambda c: frame(CONTINUATION, END_HEADERS, 0), (CONNECTION,)),
    ("HEADERS on an even one", lambda c: c.request(2), (CONNECTION,)),
    ("HEADERS on a lower one", lambda c: c.request(9) + c.request(7), (CONNECTION, "connection 5"), 7, True),
    ("HEADERS on the same one again", lambda c: c.request(end=True) + c.request(end=True),
     ("stream 5", "connection 5", CONNECTION), 1, True),
    ("DATA on an idle one", lambda c: frame(DATA, END_STREAM, 5, b"x"), (CONNECTION,)),
    ("RST_STREAM on an idle one", lambda c: reset(5), (CONNECTION,)),
    ("WINDOW_UPDATE on an idle one", lambda c: window(5, 1), (CONNECTION,)),
    ("CONTINUATION on an idle one", lambda c: frame(CONTINUATION, END_HEADERS, 5), (CONNECTION,)),
    ("DATA after END_STREAM", lambda c: c.request() + frame(DATA, END_STREAM, 1, b"x"),
     ("stream 5", "connection 5"), 1, True),
    ("DATA after the client's RST_STREAM", lambda c: c.request(end=False) + reset(1) + frame(DATA, 0, 1, b"x"),
     ("stream 5", "connection 5", "alive")),
    ("HEADERS after the client's RST_STREAM", lambda c: c.request(end=False) + reset(1) + c.request(),
     ("stream 5", "connection 5", CONNECTION)),
    ("RST_STREAM twice", lambda c: c.request(end=False) + reset(1) + reset(1), ("alive",)),
    ("WINDOW_UPDATE after RST_STREAM", lambda c: c.request(end=False) + reset(1) + window(1, 1), ("alive",)),
    ("PRIORITY on an idle one", lambda c: frame(PRIORITY, 0, 7, bytes(5)), ("alive",)),
    ("the reserved bit", lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1 | 1 << 31, block(c.fields_for())),
     OK, 1, True),
    ("a gap", lambda c: c.request(77), OK, 77, True),
)  # fmt: skip


def open_block(c: RawH2, flags: int = END_STREAM) -> bytes:
    return frame(HEADERS, flags, 1, block(c.fields_for())[:20])


CONTINUATIONS = rows(
    "header block",
    ("in two frames", lambda c: open_block(c) + frame(CONTINUATION, END_HEADERS, 1, block(c.fields_for())[20:]),
     OK, 1, True),
    ("in four frames", lambda c: open_block(c) + frame(CONTINUATION, 0, 1, block(c.fields_for())[20:40])
     + frame(CONTINUATION, 0, 1) + frame(CONTINUATION, END_HEADERS, 1, block(c.fields_for())[40:]), OK, 1, True),
    ("interrupted by DATA", lambda c: open_block(c, 0) + frame(DATA, 0, 1, b"x"), (CONNECTION,)),
    ("interrupted by HEADERS", lambda c: open_block(c) + c.request(3), (CONNECTION,)),
    ("interrupted by HEADERS of its own", lambda c: open_block(c) + c.request(1), (CONNECTION,)),
    ("interrupted by PING", lambda c: open_block(c) + frame(PING, 0, 0, bytes(8)), (CONNECTION,)),
    ("interrupted by SETTINGS", lambda c: open_block(c) + settings(), (CONNECTION,)),
    ("interrupted by PRIORITY", lambda c: open_block(c) + frame(PRIORITY, 0, 1, bytes(5)), (CONNECTION,)),
    ("interrupted by RST_STREAM", lambda c: open_block(c) + reset(1), (CONNECTION,)),
    ("interrupted by WINDOW_UPDATE", lambda c: open_block(c) + window(0, 1), (CONNECTION,)),
    ("interrupted by an unknown frame", lambda c: open_block(c) + frame(0xBB, 0, 0, b"x"), (CONNECTION,)),
    ("continued elsewhere", lambda c: open_block(c) + frame(CONTINUATION, END_HEADERS, 3), (CONNECTION,)),
    ("continued after its end", lambda c: c.request(end=False) + frame(CONTINUATION, END_HEADERS, 1), (CONNECTION,)),
    ("continued after DATA", lambda c: c.request(end=False, method="POST") + frame(DATA, 0, 1, b"x")
     + frame(CONTINUATION, END_HEADERS, 1), (CONNECTION,)),
    ("too much padding", lambda c: padded(HEADERS, END_HEADERS, 1, 200, b"x", 0), (CONNECTION,)),
    ("with padding", lambda c: padded(HEADERS, END_HEADERS | END_STREAM, 1, 9, block(c.fields_for())), OK, 1, True),
    ("with a priority", lambda c: frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, bytes(4) + b"\x10"
     + block(c.fields_for())), OK, 1, True),
    ("that depends on itself", lambda c: frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1,
     bytes(3) + b"\x01\x10" + block(c.fields_for())), (STREAM, CONNECTION, "200"), 1, True),
    ("DATA with too much padding", lambda c: c.request(end=False, method="POST")
     + padded(DATA, 0, 1, 9, b"", 3), (CONNECTION,)),
    ("DATA with padding", lambda c: c.request(end=False, method="POST") + padded(DATA, END_STREAM, 1, 9, b"abc"),
     OK, 1, True),
)  # fmt: skip

CONTROL = rows(
    "control",
    ("PRIORITY of itself", lambda c: frame(PRIORITY, 0, 1, b"\x00\x00\x00\x01\x10"), ("alive", STREAM, CONNECTION)),
    ("PUSH_PROMISE", lambda c: c.request(end=False) + frame(PUSH_PROMISE, END_HEADERS, 1, bytes(3) + b"\x02"),
     (CONNECTION,)),
    ("unknown frame", lambda c: frame(0xBB, 0xFF, 0, b"hello") + frame(0xBC, 0, 99, b"hello"), ("alive",)),
    ("unknown flags", lambda c: frame(PING, 0xFE, 0, bytes(8)), ("alive",)),
    ("unknown setting", lambda c: settings((0xAAAA, 7)), ("alive",)),
    ("a setting twice", lambda c: settings((4, 1000), (4, 100_000)), ("alive",)),
    ("ENABLE_PUSH 2", lambda c: settings((2, 2)), (CONNECTION,)),
    ("INITIAL_WINDOW_SIZE 2^31", lambda c: settings((4, 1 << 31)), ("connection 3",)),
    ("MAX_FRAME_SIZE 16383", lambda c: settings((5, 16383)), (CONNECTION,)),
    ("MAX_FRAME_SIZE 2^24", lambda c: settings((5, 1 << 24)), (CONNECTION,)),
    ("ENABLE_CONNECT_PROTOCOL 2", lambda c: settings((8, 2)), (CONNECTION,)),
    ("SETTINGS ACK unasked", lambda c: frame(SETTINGS, ACK, 0) * 3, ("alive", CONNECTION)),
    ("PING ACK unasked", lambda c: frame(PING, ACK, 0, bytes(8)), ("alive",)),
    ("HEADER_TABLE_SIZE 0", lambda c: settings((1, 0)) + c.request(), OK, 1, True),
    ("MAX_CONCURRENT_STREAMS 0", lambda c: settings((3, 0)) + c.request(), OK, 1, True),
    ("GOAWAY, then a stream in flight", lambda c: c.request() + frame(0x7, 0, 0, bytes(8)), OK + ("closed",), 1, True),
    ("WINDOW_UPDATE of 0 on the connection", lambda c: window(0, 0), (CONNECTION,)),
    ("WINDOW_UPDATE of 0 on a stream", lambda c: c.request(end=False) + window(1, 0), (STREAM, CONNECTION)),
    ("WINDOW_UPDATE over the top on the connection", lambda c: window(0, 0x7FFFFFFF), ("connection 3",)),
    ("WINDOW_UPDATE over the top on a stream", lambda c: c.request(end=False) + window(1, 0x7FFFFFFF) * 2,
     ("stream 3", "connection 3")),
    ("windows over the top by SETTINGS", lambda c: c.request(end=False) + window(1, 0x7FFFFFFF - 65535)
     + settings((4, 70_000)), ("connection 3",)),
)  # fmt: skip


def with_block(c: RawH2, payload: bytes) -> bytes:
    return frame(HEADERS, END_HEADERS | END_STREAM, 1, payload)


COMPRESSIONS = rows(
    "HPACK",
    ("index 0", lambda c: with_block(c, b"\x80"), (COMPRESSION,)),
    ("index beyond the tables", lambda c: with_block(c, block(c.fields_for()) + b"\xfe"), (COMPRESSION,)),
    ("name index beyond the tables", lambda c: with_block(c, b"\x7f\x10\x01a"), (COMPRESSION,)),
    ("an integer without end", lambda c: with_block(c, b"\xff" + b"\xff" * 20 + b"\x7f"), (COMPRESSION,)),
    ("an integer that stops", lambda c: with_block(c, b"\xff\x80"), (COMPRESSION,)),
    ("a string that stops", lambda c: with_block(c, b"\x00\x05ab"), (COMPRESSION,)),
    ("a value that is missing", lambda c: with_block(c, b"\x00\x01a"), (COMPRESSION,)),
    ("Huffman with EOS", lambda c: with_block(c, b"\x00\x01a\x84\xff\xff\xff\xff"), (COMPRESSION,)),
    ("Huffman padded with zeros", lambda c: with_block(c, b"\x00\x01a\x81\x18"), (COMPRESSION,)),
    ("Huffman with a byte of padding", lambda c: with_block(c, b"\x00\x01a\x82\x1f\xff"), (COMPRESSION,)),
    ("a table larger than allowed", lambda c: with_block(c, integer(1 << 20, 5, 0x20)
     + block(c.fields_for())), (COMPRESSION,)),
    ("a table size after a field", lambda c: with_block(c, block(c.fields_for()) + b"\x20"), (COMPRESSION,)),
    ("a table size of 0 first", lambda c: with_block(c, b"\x20" + block(c.fields_for())), OK, 1, True),
    ("two table sizes first", lambda c: with_block(c, b"\x20\x3f\xe1\x1f" + block(c.fields_for())), OK, 1, True),
    ("never indexed", lambda c: with_block(c, block(c.fields_for()) + literal(b"x-key", b"1", 0x10)), OK, 1, True),
    ("an entry, then its index", lambda c: with_block(c, block(c.fields_for()) + literal(b"x-a", b"1", 0x40)
     + b"\xbe"), OK, 1, True),
    ("an entry too large for the table", lambda c: with_block(c, block(c.fields_for())
     + literal(b"x-a", b"1" * 5000, 0x40)),
     OK, 1, True),
    ("an index that was evicted", lambda c: with_block(c, block(c.fields_for()) + literal(b"x-a", b"1", 0x40)
     + literal(b"x-a", b"1" * 5000, 0x40) + b"\xbe"), (COMPRESSION,)),
    ("an error in trailers", lambda c: c.request(end=False, method="POST") + with_block(c, b"\x80"), (COMPRESSION,)),
    ("an error in a refused stream", lambda c: c.request(end=False) + reset(1)
     + frame(HEADERS, 5, 3, b"\x80"), (COMPRESSION,)),
    ("an empty block", lambda c: with_block(c, b""), MALFORMED),
)  # fmt: skip


def head(c: RawH2, *lines: Tuple[object, object]) -> bytes:
    return c.headers(1, list(lines))


def extra(name: object, value: object) -> Callable[[RawH2], bytes]:
    return lambda c: c.headers(1, c.fields_for() + [(name, value)])


PSEUDO = rows(
    "pseudo",
    ("no :method", lambda c: c.request(method=None), MALFORMED),
    ("no :scheme", lambda c: c.request(scheme=None), MALFORMED),
    ("no :path", lambda c: c.request(path=None), MALFORMED),
    ("no :authority, no Host", lambda c: c.request(authority=None), MALFORMED + ("421",)),
    ("no :authority but Host", lambda c: c.request(authority=None, extra=[("host", c.host)]), OK, 1, True),
    ("empty :path", lambda c: c.request(path=""), MALFORMED),
    ("empty :method", lambda c: c.request(method=""), MALFORMED),
    ("empty :authority", lambda c: c.request(authority=""), MALFORMED + ("421",)),
    ("two :method", lambda c: head(c, (b":method", b"GET"), *c.fields_for()), MALFORMED),
    ("two :path", lambda c: head(c, (b":path", b"/smuggled"), *c.fields_for()), MALFORMED),
    ("two :authority", lambda c: head(c, (b":authority", c.host.encode()), *c.fields_for()), MALFORMED),
    ("two :scheme", lambda c: head(c, (b":scheme", b"https"), *c.fields_for()), MALFORMED),
    ("after a field", lambda c: head(c, (b"x-a", b"1"), *c.fields_for()), MALFORMED),
    ("unknown", lambda c: head(c, (b":cow", b"1"), *c.fields_for()), MALFORMED),
    (":status in a request", lambda c: head(c, (b":status", b"200"), *c.fields_for()), MALFORMED),
    ("in upper case", lambda c: head(c, (b":METHOD", b"GET"), *c.fields_for(method=None)), MALFORMED),
    ("in trailers", lambda c: c.request(end=False, method="POST") + c.headers(1, [(":path", "/")]), MALFORMED),
    (":protocol without CONNECT", lambda c: head(c, (b":protocol", b"websocket"), *c.fields_for()), MALFORMED),
    (":protocol unknown", lambda c: head(c, (b":protocol", b"cow"), *c.fields_for(method="CONNECT")),
     MALFORMED + ("501", "403")),
    ("CONNECT", lambda c: c.request(method="CONNECT", scheme=None, path=None), MALFORMED + ("405", "501", "403")),
    ("CONNECT with :path", lambda c: c.request(method="CONNECT"), MALFORMED),
    (":scheme http", lambda c: c.request(scheme="http"), MALFORMED + ("421", "200"), 1, True),
    (":scheme with a path", lambda c: c.request(scheme="https://evil.example/?"), MALFORMED + ("200",), 1, True),
)  # fmt: skip

AUTHORITIES = rows(
    "authority",
    ("of another host", lambda c: c.request(authority="evil.example"), ("421",)),
    ("of another intercepted host", lambda c: c.request(authority="api.openai.com"), ("421",)),
    ("with another port", lambda c: c.request(authority=c.host + ":8443"), ("421",)),
    ("with port 443", lambda c: c.request(authority=c.host + ":443"), OK, 1, True),
    ("in upper case", lambda c: c.request(authority=c.host.upper()), OK, 1, True),
    ("with userinfo", lambda c: c.request(authority="a@" + c.host), MALFORMED + ("421",)),
    ("with a path", lambda c: c.request(authority=c.host + "/x"), MALFORMED + ("421",)),
    ("with a space", lambda c: c.request(authority=c.host + " x"), MALFORMED + ("421",)),
    ("with a comma", lambda c: c.request(authority=c.host + ",evil.example"), MALFORMED + ("421",)),
    ("and the same Host", lambda c: c.request(extra=[("host", c.host)]), OK, 1, True),
    ("and another Host", lambda c: c.request(extra=[("host", "evil.example")]), MALFORMED + ("421",)),
    ("and two Hosts", lambda c: c.request(extra=[("host", c.host), ("host", c.host)]), MALFORMED + ("421",)),
    ("that is Host's alone and another's", lambda c: c.request(authority=None, extra=[("host", "evil.example")]),
     ("421",) + MALFORMED),
)  # fmt: skip

TARGETS = rows(
    "target",
    ("without slash", lambda c: c.request(path="v1/x"), MALFORMED),
    ("absolute", lambda c: c.request(path="https://evil.example/x"), MALFORMED + ("421",)),
    ("asterisk with GET", lambda c: c.request(path="*"), MALFORMED),
    ("asterisk with OPTIONS", lambda c: c.request(path="*", method="OPTIONS"), OK, 1, True),
    ("with a space", lambda c: c.request(path="/x y"), MALFORMED),
    ("with a request in it", lambda c: c.request(path="/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled"), MALFORMED),
    ("with LF", lambda c: c.request(path="/x\ny"), MALFORMED),
    ("with NUL", lambda c: c.request(path="/x\x00"), MALFORMED),
    ("with a fragment", lambda c: c.request(path="/x#y"), MALFORMED),
    ("with a high byte", lambda c: c.request(path=b"/x\xff"), MALFORMED),
    ("method with a space", lambda c: c.request(method="GET /smuggled"), MALFORMED),
    ("method with a request in it", lambda c: c.request(method="GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), MALFORMED),
    ("method with a colon", lambda c: c.request(method="GET:"), MALFORMED),
    ("method in lower case", lambda c: c.request(method="get"), OK + MALFORMED, 1, True),
)  # fmt: skip

FIELDS = rows(
    "field",
    ("upper case", extra("X-A", "1"), MALFORMED),
    ("empty name", extra("", "1"), MALFORMED),
    ("space in the name", extra("x a", "1"), MALFORMED),
    ("colon in the name", extra("x:a", "1"), MALFORMED),
    ("CRLF in the name", extra("x\r\ny", "1"), MALFORMED),
    ("NUL in the name", extra("x\x00", "1"), MALFORMED),
    ("a high byte in the name", extra(b"x\xe9", "1"), MALFORMED),
    ("CR in the value", extra("x-a", "a\rb"), MALFORMED),
    ("LF in the value", extra("x-a", "a\nb"), MALFORMED),
    ("NUL in the value", extra("x-a", "a\x00b"), MALFORMED),
    ("a request in the value", extra("x-a", "b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"), MALFORMED),
    ("a field in the value", extra("x-a", "b\r\nTransfer-Encoding: chunked"), MALFORMED),
    ("space around the value", extra("x-a", " a "), MALFORMED + OK, 1, True),
    ("a high byte in the value", extra(b"x-a", b"caf\xe9"), OK, 1, True),
    ("an empty value", extra("x-a", ""), OK, 1, True),
    ("connection", extra("connection", "close"), MALFORMED),
    ("keep-alive", extra("keep-alive", "timeout=5"), MALFORMED),
    ("proxy-connection", extra("proxy-connection", "close"), MALFORMED),
    ("transfer-encoding", extra("transfer-encoding", "chunked"), MALFORMED),
    ("upgrade", extra("upgrade", "h2c"), MALFORMED),
    ("te: gzip", extra("te", "gzip"), MALFORMED),
    ("te: trailers, gzip", extra("te", "trailers, gzip"), MALFORMED),
    ("te: trailers", extra("te", "trailers"), OK, 1, True),
    ("a twin of transfer-encoding", extra("transfer_encoding", "chunked"), MALFORMED),
    ("a twin of content-length", extra("content_length", "5"), MALFORMED),
    ("cookie crumbs", lambda c: c.request(extra=[("cookie", "a=1"), ("cookie", "b=2")]), OK, 1, True),
    ("201 of them", lambda c: c.request(extra=[("x-a", "1")] * 201), MALFORMED + ("431",)),
)  # fmt: skip

LENGTHS = rows(
    "length",
    ("right", lambda c: post(c, 3, b"abc"), OK, 1, True),
    ("of nothing", lambda c: c.request(method="POST", extra=[("content-length", "0")]), OK, 1, True),
    ("too short", lambda c: post(c, 2, b"abc"), MALFORMED),
    ("too long", lambda c: post(c, 4, b"abc"), MALFORMED),
    ("without data", lambda c: c.request(method="POST", extra=[("content-length", "5")]), MALFORMED),
    ("twice", lambda c: post(c, 3, b"abc", ("content-length", "3")), MALFORMED),
    ("twice, another", lambda c: post(c, 3, b"abc", ("content-length", "9")), MALFORMED),
    ("a list", lambda c: post(c, "3, 3", b"abc"), MALFORMED),
    ("signed", lambda c: post(c, "+3", b"abc"), MALFORMED),
    ("negative", lambda c: post(c, "-3", b"abc"), MALFORMED),
    ("hexadecimal", lambda c: post(c, "0x3", b"abc"), MALFORMED),
    ("a word", lambda c: post(c, "three", b"abc"), MALFORMED),
    ("empty", lambda c: post(c, "", b"abc"), MALFORMED),
    ("beyond 64 bits", lambda c: post(c, "18446744073709551619", b"abc"), MALFORMED),
    ("too short in two frames", lambda c: c.request(end=False, method="POST", extra=[("content-length", "3")])
     + frame(DATA, 0, 1, b"ab") + frame(DATA, END_STREAM, 1, b"cd"), MALFORMED),
)  # fmt: skip


def upload(c: RawH2) -> bytes:
    return c.request(end=False, method="POST") + frame(DATA, 0, 1, b"abc")


TRAILERS = rows(
    "trailer",
    ("good", lambda c: upload(c) + c.headers(1, [("x-sum", "1")]), OK, 1, True),
    ("without END_STREAM", lambda c: upload(c) + c.headers(1, [("x-sum", "1")], end=False), MALFORMED),
    ("twice", lambda c: upload(c) + c.headers(1, [("x-sum", "1")]) + c.headers(1, [("x-sum", "1")]),
     MALFORMED + ("stream 5", "connection 5"), 1, True),
    ("upper case", lambda c: upload(c) + c.headers(1, [("X-Sum", "1")]), MALFORMED),
    ("connection", lambda c: upload(c) + c.headers(1, [("connection", "close")]), MALFORMED),
    ("transfer-encoding", lambda c: upload(c) + c.headers(1, [("transfer-encoding", "chunked")]), MALFORMED),
    ("content-length", lambda c: upload(c) + c.headers(1, [("content-length", "3")]), MALFORMED + ("alive",), 1, True),
    ("host", lambda c: upload(c) + c.headers(1, [("host", "evil.example")]), MALFORMED + ("alive",), 1, True),
    ("CRLF in the value", lambda c: upload(c) + c.headers(1, [("x-sum", "1\r\n\r\nGET /smuggled")]), MALFORMED),
)  # fmt: skip

CASES: List[Case] = (
    PREFACES
    + SIZES
    + STREAM_IDS
    + CONTINUATIONS
    + CONTROL
    + COMPRESSIONS
    + PSEUDO
    + AUTHORITIES
    + TARGETS
    + FIELDS
    + LENGTHS
    + TRAILERS
)

# nghttp2 does not remember which streams there were.
FORGOTTEN = (
    "nghttp2 remembers open streams alone and drops HEADERS for a stream id that was passed by: no request is made of "
    "them, and the connection's compression state stays right"
)

# Where leo, that is nghttp2 under it, does something else than the RFC says, and why that does no harm.
DEVIATIONS: Dict[str, Tuple[str, str]] = {
    "stream id: HEADERS on a lower one": ("alive", FORGOTTEN),
    "stream id: HEADERS after the client's RST_STREAM": ("alive", FORGOTTEN),
    "stream id: PRIORITY on 0": (
        "alive",
        "leo announces SETTINGS_NO_RFC7540_PRIORITIES, so PRIORITY frames are not even looked at (RFC 9113 5.3.2)",
    ),
    "control: windows over the top by SETTINGS": (
        "stream 3",
        "nghttp2 resets the one stream whose window would overflow; the others and the connection are sound",
    ),
}
