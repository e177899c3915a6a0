"""WebSockets through leo: the `websockets` package on both ends, frames by hand, RFC 8441, and the openai SDK."""

from __future__ import annotations

import contextlib
import json
import random
import ssl
import threading
from typing import Any, Dict, Iterator, List

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import Server, serve

import programs
import wsframes
from answers import PIECES, TEXT, Answer
from h2client import H2Client
from h2wire import Gone
from harness import wait_until
from rawclient import trusting
from wires import fields_of
from wsframes import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT as TEXT_FRAME,
    FrameReader,
    Socket,
    client_frame,
    encode,
)

HOST = "good.leo-test.example"
MEGABYTE = 1024 * 1024
SIZES = [0, 1, 125, 126, 127, 65535, 65536, MEGABYTE]


class Far:
    """A server of the `websockets` package. `handler` is the test's; `requests` are the handshakes that arrived."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.requests: List[Any] = []
        self.handler = lambda connection: None
        self.refusal = None
        self.closed: List[ConnectionClosed] = []
        self.server: Server = serve(
            self._handle, "127.0.0.1", 0, ssl=context, process_request=self._request, max_size=4 * MEGABYTE,
            subprotocols=["realtime"],
            select_subprotocol=lambda connection, offered: "realtime" if "realtime" in offered else None,
        )  # fmt: skip
        self.address = "127.0.0.1:%d" % self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _request(self, connection, request):
        self.requests.append(request)
        if self.refusal is not None:
            return connection.respond(*self.refusal)
        return None

    def _handle(self, connection) -> None:
        try:
            self.handler(connection)
        except ConnectionClosed as closed:
            self.closed.append(closed)


@pytest.fixture(scope="module")
def far_server(certificates) -> Iterator[Far]:
    far = Far(certificates.context("good"))
    yield far
    far.server.shutdown()


@pytest.fixture(scope="module")
def sockets_leo(start, far_server, provider):
    """api.openai.com is the server of the `websockets` package, h2.… one that announces extended CONNECT."""
    announces = provider.listen(protocols=["h2", "http/1.1"], settings={8: 1})
    resolve = {"api.openai.com:443": far_server.address, "extended.leo-test.example:443": announces.address}
    # One worker, because what an upstream announced is known to the worker that it told.
    changes = {"listen": {"workers": 1}, "upstream": {"resolve": resolve, "pool_idle_timeout": "10m"}}
    return start("sockets", changes)


@pytest.fixture
def far(far_server) -> Far:
    far_server.requests.clear()
    far_server.closed.clear()
    far_server.refusal = None
    return far_server


@pytest.fixture
def open_socket(sockets_leo):
    """open_socket(path): a client of the `websockets` package through leo."""
    with contextlib.ExitStack() as opened:

        def begin(path: str = "/v1/realtime", **more):
            more.setdefault("max_size", 4 * MEGABYTE)
            return opened.enter_context(dialled(sockets_leo, "wss://api.openai.com" + path, **more))

        yield begin


def dialled(leo, uri: str, **more):
    """A client of the `websockets` package through this leo, which trusts leo's CA alone."""
    more.setdefault("close_timeout", 10)
    context = trusting(leo.root)
    # The package reads and writes one TLS connection from two threads. Before Python 3.13 nothing keeps them apart, and
    # a session ticket of TLS 1.3 that comes while the request is being written can hang the client for good.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return connect(uri, proxy="http://%s:%d" % leo.proxy, ssl=context, **more)


def echo(connection) -> None:
    for message in connection:
        connection.send(message)


def last_line(leo, path: str) -> Dict[str, Any]:
    """The one line about this path."""
    wait_until(lambda: leo.lines(lambda line: line.get("path") == path), f"a line about {path}")
    found = leo.lines(lambda line: line.get("path") == path)
    assert len(found) == 1, found
    return found[0]


# MARK: The `websockets` package on both ends


@pytest.mark.parametrize("size", SIZES)
def test_messages_of_every_size_are_echoed(far, open_socket, size):
    far.handler = echo
    socket = open_socket()
    for message in ("ü" * (size // 2) + "x" * (size % 2), random.Random(size).randbytes(size)):
        socket.send(message)
        assert socket.recv(timeout=20) == message
    pieces = [b"a" * (size // 3), b"", b"b" * (size // 3)]
    socket.send(pieces)
    assert socket.recv(timeout=20) == b"".join(pieces)


def test_the_server_pushes_while_the_client_says_nothing(far, open_socket):
    """Each push is sent only when the client has the one before."""
    arrived = [threading.Event() for _ in range(30)]

    def push(connection) -> None:
        for number, event in enumerate(arrived):
            connection.send(f"push {number}")
            assert event.wait(20), "a push is held back"

    far.handler = push
    socket = open_socket()
    for number, event in enumerate(arrived):
        assert socket.recv(timeout=20) == f"push {number}"
        event.set()


def test_pings_are_answered_by_the_other_end_in_both_directions(far, open_socket):
    ponged = threading.Event()

    def ping(connection) -> None:
        assert connection.ping(b"from the server").wait(20)
        ponged.set()
        echo(connection)

    far.handler = ping
    socket = open_socket()
    # Receiving is what lets the package answer pings.
    assert socket.ping(b"from the client").wait(20)
    socket.send("still open")
    assert socket.recv(timeout=20) == "still open"
    assert ponged.wait(20)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4001, 4999])
@pytest.mark.parametrize("who", ["client", "server"])
def test_close_codes_and_reasons_pass(far, sockets_leo, open_socket, test_id, who, code):
    if who == "server":
        far.handler = lambda connection: connection.close(code, "because ü")
    else:
        far.handler = echo
    path = f"/v1/realtime/{test_id}"
    socket = open_socket(path)
    if who == "server":
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "because ü")
        assert closed.value.rcvd_then_sent
    else:
        socket.close(code, "because ü")
        assert (socket.close_code, socket.close_reason) == (code, "because ü")
    line = last_line(sockets_leo, path)
    assert line["status"] == line["upstream_status"] == 101 and "error" not in line, line


def test_the_server_sees_the_close_code_of_the_client(far, open_socket):
    ended: List[Any] = []

    def wait(connection) -> None:
        try:
            connection.recv(timeout=20)
        except ConnectionClosed as closed:
            ended.append(closed)

    far.handler = wait
    open_socket().close(4001, "enough")
    wait_until(lambda: ended, "the server's end")
    assert (ended[0].rcvd.code, ended[0].rcvd.reason) == (4001, "enough")


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_promise_2_a_cut_by_the_server_looks_abnormal_to_the_client(provider, sockets_leo, test_id, how):
    def script(exchange) -> None:
        socket = Socket(exchange)
        socket.send(encode(TEXT_FRAME, b"one"))
        socket.end(how)

    provider.scripts[test_id] = script
    with dialled(sockets_leo, f"wss://{HOST}/{test_id}", additional_headers={"x-test-id": test_id}) as socket:
        assert socket.recv(timeout=20) == "one" or how == "reset"
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=20)
        assert socket.close_code == 1006
    assert last_line(sockets_leo, f"/{test_id}")["error"] == "upstream_cut"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_promise_2_a_client_that_vanishes_looks_abnormal_to_the_server(far, sockets_leo, test_id, how):
    ended: List[Any] = []

    def wait(connection) -> None:
        try:
            connection.recv(timeout=20)
        except ConnectionClosed as closed:
            ended.append(closed)

    far.handler = wait
    with sockets_leo.client() as client:
        client.intercepted()
        client.request("GET", f"/{test_id}", wsframes.upgrade_fields())
        assert client.answer_head().status == 101
        client.reset() if how == "reset" else client.close()
        wait_until(lambda: ended, "the server's end")
        assert ended[0].rcvd is None, "the server was told that the client closed"
        assert last_line(sockets_leo, f"/{test_id}")["error"] == "client_gone"


def test_subprotocol_query_and_fields_are_kept(far, open_socket):
    far.handler = echo
    fields = {"Authorization": "Bearer sk-1", "OpenAI-Beta": "realtime=v1"}
    socket = open_socket(
        "/v1/realtime?model=a%2Fb&x=", subprotocols=["realtime", "openai-x"], additional_headers=fields
    )
    assert socket.subprotocol == "realtime"
    request = far.requests[0]
    assert request.path == "/v1/realtime?model=a%2Fb&x="
    assert request.headers["Authorization"] == "Bearer sk-1" and request.headers["OpenAI-Beta"] == "realtime=v1"
    assert request.headers["Host"] == "api.openai.com"
    assert request.headers["Sec-WebSocket-Protocol"].replace(" ", "") == "realtime,openai-x"
    assert not [name for name in request.headers if name.lower().startswith(("via", "x-forwarded", "proxy-"))]


def test_compression_is_declined(far, open_socket):
    """A frame that leo shall be able to read is not compressed: the offer ends at leo."""
    far.handler = echo
    socket = open_socket(compression="deflate")
    assert "Sec-WebSocket-Extensions" not in far.requests[0].headers
    assert "Sec-WebSocket-Extensions" not in socket.response.headers
    socket.send("x" * 10_000)
    assert socket.recv(timeout=20) == "x" * 10_000


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_rejected_handshake_passes_as_it_is(far, sockets_leo, open_socket, test_id, status):
    far.refusal = (status, "not today\n")
    with pytest.raises(InvalidStatus) as refused:
        open_socket(f"/{test_id}")
    assert refused.value.response.status_code == status
    assert refused.value.response.body == b"not today\n"
    line = last_line(sockets_leo, f"/{test_id}")
    assert line["status"] == line["upstream_status"] == status and "error" not in line


def test_many_sockets_at_once_keep_apart(far, open_socket):
    far.handler = echo
    sockets = [open_socket(f"/v1/realtime?n={number}") for number in range(20)]
    for turn in range(5):
        for number, socket in enumerate(sockets):
            socket.send(f"{number}/{turn}" * (turn * 1000 + 1))
        for number, socket in enumerate(sockets):
            assert socket.recv(timeout=20) == f"{number}/{turn}" * (turn * 1000 + 1)


def test_promise_4_a_server_that_floods_a_client_that_does_not_read_is_held(far, sockets_leo, open_socket):
    stuck = threading.Event()

    def flood(connection) -> None:
        done = threading.Timer(1.5, stuck.set)
        for _ in range(200):
            done.cancel()
            done = threading.Timer(1.5, stuck.set)
            done.start()
            connection.send(b"x" * MEGABYTE)
        done.cancel()

    far.handler = flood
    before = sockets_leo.resident_bytes()
    open_socket(max_queue=1, close_timeout=0.1)
    assert stuck.wait(60), "200 MB went through to a client that reads nothing"
    assert sockets_leo.resident_bytes() - before < 64 * MEGABYTE


# MARK: Frames by hand


FLAWS = {
    "not masked": encode(TEXT_FRAME, b"hello"),
    "a reserved bit": client_frame(TEXT_FRAME, b"hello", reserved=4),
    "a reserved opcode": client_frame(3, b"hello"),
    "a reserved control opcode": client_frame(11, b"hello"),
    "a fragmented ping": client_frame(PING, b"hello", fin=False),
    "a ping of 126 bytes": client_frame(PING, b"x" * 126),
    "a continuation of nothing": client_frame(CONTINUATION, b"hello"),
    "a text inside of a text": client_frame(TEXT_FRAME, b"a", fin=False) + client_frame(TEXT_FRAME, b"b"),
    "a close of one byte": client_frame(CLOSE, b"\x03"),
    "a close with a forbidden code": client_frame(CLOSE, b"\x03\xee"),
    "a length with its top bit": b"\x82\xff" + b"\xff" * 8 + b"mask",
    "a length that could be shorter": b"\x82\xfe\x00\x05mask" + b"hello",
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_is_no_frame_does_not_reach_the_provider(provider, sockets_leo, test_id, flaw):
    seen: List[Any] = []

    def script(exchange) -> None:
        socket = Socket(exchange)
        while True:
            frame = socket.frames.read()
            if frame is None:
                return
            seen.append(frame)

    provider.scripts[test_id] = script
    with sockets_leo.client() as client:
        client.intercepted(HOST)
        client.request("GET", "/v1/realtime", wsframes.upgrade_fields(("x-test-id", test_id)), host=HOST)
        assert client.answer_head().status == 101
        client.send(client_frame(TEXT_FRAME, b"good") + FLAWS[flaw] + client_frame(TEXT_FRAME, b"smuggled"))
        reader = FrameReader(client.wire.receive, client.reader.buffer)
        answer = reader.read()
        assert answer is not None and answer.opcode == CLOSE and not answer.masked
        assert int.from_bytes(answer.data[:2], "big") in (1002, 1007, 1009)
        assert reader.read() is None and client.wire.end is not None
        assert sockets_leo.line_of(client)["error"] == "websocket_frame"
    assert provider.of(test_id)[0].over.wait(20)
    # What was good before it may pass or not: the connection is over either way.
    assert [frame.data for frame in seen] in ([], [b"good"])


def test_promise_1_frames_pass_byte_for_byte_in_both_directions(provider, sockets_leo, test_id):
    """Masks, fragments, empty frames and controls between fragments: not re-framed, not re-masked."""
    dice = random.Random(7)
    up = [
        encode(TEXT_FRAME, b"a" * 200, False, b"\x01\x02\x03\x04"), encode(PING, b"between", True, b"\x00\x00\x00\x00"),
        encode(CONTINUATION, b"", False, b"mask"), encode(CONTINUATION, b"end", True, b"\xff\xff\xff\xff"),
        encode(BINARY, dice.randbytes(70_000), True, b"mask"), encode(PONG, b"", True, b"mask"),
    ]  # fmt: skip
    down = [
        encode(BINARY, dice.randbytes(100), False),
        encode(PONG, b"x"),
        encode(CONTINUATION, dice.randbytes(70_000)),
    ]
    got: List[bytes] = []

    def script(exchange) -> None:
        socket = Socket(exchange)
        for raw in down:
            socket.send(raw)
        while len(got) < len(up):
            frame = socket.frames.read()
            if frame is None:
                return
            got.append(frame.raw)
        socket.send(encode(CLOSE, wsframes.close_frame(1000)))
        socket.frames.read()
        socket.end()

    provider.scripts[test_id] = script
    with sockets_leo.client() as client:
        client.intercepted(HOST)
        # Frames may follow the handshake at once.
        client.request("GET", "/v1/realtime", wsframes.upgrade_fields(("x-test-id", test_id)), host=HOST)
        answer = client.answer_head()
        assert answer.status == 101 and answer.first("sec-websocket-accept") == wsframes.accept_of(wsframes.KEY)
        assert (
            answer.first("upgrade", "").lower() == "websocket" and answer.first("connection", "").lower() == "upgrade"
        )
        for raw in up:
            client.send(raw)
        reader = FrameReader(client.wire.receive, client.reader.buffer)
        assert [reader.read().raw for _ in down] == down
        assert reader.read().opcode == CLOSE
        client.send(client_frame(CLOSE, wsframes.close_frame(1000)))
        assert client.wire.wait_end(20) == "notify"
    assert got == up


BAD_ANSWERS = {
    "a wrong accept": [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", "AAAA")],
    "no accept": [("Upgrade", "websocket"), ("Connection", "Upgrade")],
    "another protocol": [
        ("Upgrade", "h2c"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", wsframes.accept_of(wsframes.KEY)),
    ],
    "no upgrade": [("Connection", "Upgrade"), ("Sec-WebSocket-Accept", wsframes.accept_of(wsframes.KEY))],
    "an extension nobody offered": [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", wsframes.accept_of(wsframes.KEY)),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ],
    "a subprotocol nobody offered": [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", wsframes.accept_of(wsframes.KEY)),
        ("Sec-WebSocket-Protocol", "cow"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_does_not_fit_the_handshake_is_a_502(provider, sockets_leo, test_id, name):
    def script(exchange) -> None:
        exchange.begin(101, BAD_ANSWERS[name], "none")
        exchange.send(encode(TEXT_FRAME, b"forged"))
        exchange.wait_client_gone(20)

    provider.scripts[test_id] = script
    with sockets_leo.client() as client:
        client.intercepted(HOST)
        fields = wsframes.upgrade_fields(("x-test-id", test_id))
        answer = client.exchange("GET", "/v1/realtime", fields, host=HOST)
        assert (answer.status, answer.first("x-leo-error")) == (502, "bad_answer")
        assert b"forged" not in answer.body
    assert provider.of(test_id)[0].over.wait(20), "the connection must not be used again"


def test_an_upgrade_that_the_provider_ignores_is_an_ordinary_exchange(provider, sockets_leo, test_id):
    provider.scripts[test_id] = lambda exchange: exchange.reply(200, [], b"no sockets here")
    with sockets_leo.client() as client:
        client.intercepted(HOST)
        for _ in range(2):
            fields = wsframes.upgrade_fields(("x-test-id", test_id))
            answer = client.exchange("GET", "/v1/realtime", fields, host=HOST)
            assert (answer.status, answer.body) == (200, b"no sockets here")


# MARK: RFC 8441


def extended(client: H2Client, path: str, *more):
    """Opens a WebSocket on a stream; returns the stream."""
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https")]
    pseudo += [(":authority", client.host), (":path", path), ("sec-websocket-version", "13")]
    return client.link.open_stream(fields_of(pseudo + list(more)), False)


def learn(leo, provider, host: str, test_id: str) -> None:
    """An exchange from which leo learns what this upstream announces."""
    with H2Client(leo.client(), host) as client:
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id + "-first")], b"{}").status == 200
        assert provider.of(test_id + "-first")[0].request.version == "HTTP/2"


@pytest.mark.parametrize("upstream", [1, 2])
def test_a_socket_on_a_stream_beside_other_streams(provider, sockets_leo, test_id, upstream):
    host = HOST if upstream == 1 else "extended.leo-test.example"
    if upstream == 2:
        learn(sockets_leo, provider, host, test_id)
    provider.scripts[test_id] = wsframes.echo
    with H2Client(sockets_leo.client(), host) as client:
        client.link.wait(lambda: client.link.peer_settings.get(8) == 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL")
        stream = extended(
            client, "/v1/realtime?model=x", ("x-test-id", test_id), ("sec-websocket-protocol", "realtime")
        )
        head = stream.head()
        assert head.status == 200 and not head.violations
        assert head.first("sec-websocket-accept") is None and head.first("sec-websocket-extensions") is None
        reader = FrameReader(stream.take)
        for size in SIZES:
            data = random.Random(size).randbytes(size)
            stream.send(client_frame(BINARY, data))
            frame = reader.read()
            assert frame is not None and (frame.opcode, frame.data, frame.masked) == (BINARY, data, False)
            assert client.exchange("POST", "/v1/x", [("x-test-id", test_id + "-beside")], b"{}").status == 200
        stream.send(client_frame(PING, b"x"))
        assert reader.read()[:2] == (PONG, b"x")
        stream.send(client_frame(CLOSE, wsframes.close_frame(4001, "enough")))
        frame = reader.read()
        assert frame is not None and frame.data == wsframes.close_frame(4001, "enough")
        with contextlib.suppress(Gone):
            # The other side has closed already: what is left of this one is of no interest to it.
            stream.finish()
        stream.wait(lambda: stream.over, "the end")
        assert stream.ended and stream.reset_code in (None, 0, 8)
    request = provider.of(test_id)[0].request
    assert request.target == "/v1/realtime?model=x" and not request.violations
    assert request.first("sec-websocket-protocol") == "realtime"
    if upstream == 1:
        assert request.method == "GET" and request.first("upgrade", "").lower() == "websocket"
        assert len(request.first("sec-websocket-key", "")) == 24
    else:
        assert request.method == "CONNECT" and request.first("sec-websocket-key") is None
    line = sockets_leo.line_of_test(test_id)
    assert "error" not in line and line["host"] == host + ":443"


def test_a_socket_over_http_1_reaches_an_upstream_of_extended_connect(provider, sockets_leo, test_id):
    """Either way is right: by a stream, or by a connection of HTTP/1.1 of its own; the client sees no difference."""
    host = "extended.leo-test.example"
    learn(sockets_leo, provider, host, test_id)
    provider.scripts[test_id] = wsframes.echo
    with sockets_leo.client() as client:
        client.intercepted(host)
        client.request("GET", "/v1/realtime", wsframes.upgrade_fields(("x-test-id", test_id)), host=host)
        answer = client.answer_head()
        assert answer.status == 101 and answer.first("sec-websocket-accept") == wsframes.accept_of(wsframes.KEY)
        client.send(client_frame(TEXT_FRAME, b"hello"))
        reader = FrameReader(client.wire.receive, client.reader.buffer)
        assert reader.read().data == b"hello"
        client.send(client_frame(CLOSE, wsframes.close_frame(1000)))
        assert reader.read().opcode == CLOSE
        assert client.wire.wait_end(20) == "notify"


@pytest.mark.parametrize("upstream", [1, 2])
def test_promise_2_a_socket_on_a_stream_that_is_cut_is_reset(provider, sockets_leo, test_id, upstream):
    host = HOST if upstream == 1 else "extended.leo-test.example"
    if upstream == 2:
        learn(sockets_leo, provider, host, test_id)

    def script(exchange) -> None:
        socket = Socket(exchange)
        socket.send(encode(TEXT_FRAME, b"one"))
        socket.end("fin")

    provider.scripts[test_id] = script
    with H2Client(sockets_leo.client(), host) as client:
        stream = extended(client, "/v1/realtime", ("x-test-id", test_id))
        assert stream.head().status == 200
        assert FrameReader(stream.take).read().data == b"one"
        stream.wait(lambda: stream.over, "the end")
        assert stream.reset_code is not None and not stream.ended
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id + "-next")], b"{}").status == 200
    assert sockets_leo.line_of_test(test_id)["error"] == "upstream_cut"


@pytest.mark.parametrize("upstream", [1, 2])
def test_a_client_that_resets_its_socket_ends_the_upstreams(provider, sockets_leo, test_id, upstream):
    host = HOST if upstream == 1 else "extended.leo-test.example"
    if upstream == 2:
        learn(sockets_leo, provider, host, test_id)

    def script(exchange) -> None:
        Socket(exchange)
        exchange.wait_client_gone(20)

    provider.scripts[test_id] = script
    with H2Client(sockets_leo.client(), host) as client:
        stream = extended(client, "/v1/realtime", ("x-test-id", test_id))
        assert stream.head().status == 200
        stream.reset()
        exchange = provider.of(test_id)[0]
        assert exchange.over.wait(20) and exchange.client_end is not None
        assert client.exchange("POST", "/v1/x", [("x-test-id", test_id + "-next")], b"{}").status == 200
    assert sockets_leo.line_of_test(test_id)["error"] == "client_gone"


@pytest.mark.parametrize("upstream", [1, 2])
@pytest.mark.parametrize("status", [401, 404])
def test_a_rejected_handshake_on_a_stream_passes_as_it_is(provider, sockets_leo, test_id, status, upstream):
    host = HOST if upstream == 1 else "extended.leo-test.example"
    if upstream == 2:
        learn(sockets_leo, provider, host, test_id)
    provider.scripts[test_id] = lambda exchange: exchange.reply(status, [("x-why", "no")], b"not today")
    with H2Client(sockets_leo.client(), host) as client:
        stream = extended(client, "/v1/realtime", ("x-test-id", test_id))
        answer = stream.body()
        assert (answer.status, answer.body, answer.first("x-why")) == (status, b"not today", "no")


def test_an_http_2_upstream_that_announces_nothing_is_dialled_over_http_1(provider, sockets_leo, test_id):
    host = "both.leo-test.example"
    learn(sockets_leo, provider, host, test_id)
    provider.scripts[test_id] = wsframes.echo
    with H2Client(sockets_leo.client(), host) as client:
        stream = extended(client, "/v1/realtime", ("x-test-id", test_id))
        assert stream.head().status == 200
        stream.send(client_frame(TEXT_FRAME, b"hello"))
        assert FrameReader(stream.take).read().data == b"hello"
        stream.reset()
    assert provider.of(test_id)[0].request.version == "HTTP/1.1"


# MARK: The openai SDK


def realtime(connection) -> None:
    """What a Realtime session says, as far as the SDK reads it."""
    session = {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "gpt-realtime"}
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}

    def say(kind: str, **more) -> None:
        connection.send(json.dumps({"type": kind, "event_id": "event_1", **more}))

    say("session.created", session=session)
    for message in connection:
        event = json.loads(message)
        if event["type"] == "session.update":
            assert event["session"]["instructions"] == "schön"
            say("session.updated", session=session)
        elif event["type"] == "response.create":
            for piece in PIECES:
                say("response.output_text.delta", delta=piece, **where)
            say("response.done", response={"id": "resp_1", "object": "realtime.response", "status": "completed"})


def responses(connection) -> None:
    for message in connection:
        assert json.loads(message)["type"] == "response.create"
        for event in b"".join(Answer("openai-responses").events()).split(b"\n\n"):
            if event:
                connection.send(event.split(b"data: ", 1)[1].decode())


@pytest.mark.parametrize(
    "mode, path, handler", [("realtime", "/v1/realtime", realtime), ("responses", "/v1/responses", responses)]
)
def test_the_openai_sdk_over_websocket(far, sockets_leo, environments, test_id, mode, path, handler):
    far.handler = handler
    run = programs.python("openai_socket.py", mode, test_id, {}, environments(sockets_leo))
    assert run.result.get("text") == TEXT, run.result
    assert far.requests[0].path.split("?")[0] == path
    assert far.requests[0].headers["Authorization"] == "Bearer sk-test"
    line = sockets_leo.line_of_test(test_id)
    assert line["status"] == 101 and line["provider"] == "openai" and "error" not in line
