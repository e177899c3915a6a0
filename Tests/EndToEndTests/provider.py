"""The test provider: a stand-in for OpenAI, Anthropic, Gemini, Cohere and Bedrock that sees and controls every byte.

A request chooses how it is answered by `x-test-…` fields (see KNOBS), or a test registers a script for its `x-test-id`
and drives the connection itself. Every request is recorded with its exact head bytes and the digest of its body.

Alone it runs as `python3 provider.py --folder DIR`: it makes its certificates there and prints the `[upstream]` part of
a configuration file that leads leo to it.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import answers
import codings
from answers import LEFT_OUT, ORDINARY, Answer, Used
from answers_others import bedrock_fields
from certificates import PROVIDER_HOSTS, Certificates
from h2wire import Link
from wires import Broken, Field, Message, Reader, Wire, chunk, fields_of, head

KNOBS = """
x-test-id        names the request in the records, and picks a registered script
x-test-status    answers this status; 400 and above in the dialect's error form
x-test-size      this many bytes of padding in the answer
x-test-delay-ms  between the events of a stream
x-test-gate      a stream waits after its first event until the gate of this name is opened
x-test-gate-at   it waits before the event of this number instead; -1 is the last, which has the usage
x-test-framing   length | chunked | close
x-test-cut       cut after this many events of a stream (-1: before the last), or bytes of a body
x-test-end       how the connection ends at a cut: fin (default, no close_notify) | notify | reset; over HTTP/2 also
                 rst (RST_STREAM, which leaves the other streams alone)
x-test-interim   sends "103 Early Hints" first
x-test-trailers  sends two trailer fields
x-test-echo      answers what arrived: head in base64, size and digest of the body
x-test-early     answers this status before reading the body, and closes
x-test-hang      head | middle: stops there until the client is gone
x-test-garbage   answers one of GARBAGE, then waits for the client to leave
x-test-cookies   several Set-Cookie fields, odd casing, repeated fields
x-test-used      what it cost, as Used.parse reads it
x-test-usage     this JSON in the place of the usage; "none" leaves it out
x-test-model     the model that answers
x-test-words     NUMBERxSIZE: so many pieces of text of so many bytes
x-test-tool      a tool call in the place of text
x-test-json      compact: no blanks in the JSON; usage-first: the members of include_usage stand before the choices
x-test-encoding  gzip | deflate | br | zstd: the answer is encoded so, each event flushed
x-test-fail      STATUSxNUMBER: the first so many requests of this test get that status
x-test-wait-ms   in errors, what Retry-After and retry-after-ms say; default 1000
x-test-native    the provider's own fields about its limits: how much is left of them
x-test-vary      each answer of this test says which one it is, in its ids and its text
x-test-hold      nothing is answered until the gate of this name is opened
x-test-form      another answer than a text, see answers_forms.py
"""

# Answers that no client may take for an answer.
GARBAGE: Dict[str, bytes] = {
    "not-http": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n",
    "version": b"HTTP/3.9 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-word": b"HTTP/1.1 2xx OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-short": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-long": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-zero": b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi",
    "length-and-chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "length-list": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nhi!",
    "length-negative": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    "length-plus": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
    "length-hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nhi",
    "length-overflow": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhi",
    "coding-unknown": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: cow\r\n\r\nhi",
    "coding-twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "obs-fold": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: a\r\n b\r\n\r\nhi",
    "space-before-colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi\r\n\r\n",
    "bare-cr": b"HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 2\r\n\r\nhi",
    "nul": b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nhi",
    "no-colon": b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nhi",
    "empty-name": b"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 2\r\n\r\nhi",
    "oversized-head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * (1024 * 1024) + b"\r\nContent-Length: 2\r\n\r\nhi",
    "endless-head": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200_000,
    "switching-unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: cow\r\nConnection: upgrade\r\n\r\n",
}

# Bodies that break after a good head: what was sent so far is relayed, then the client sees a cut.
BROKEN_BODIES: Dict[str, bytes] = {
    "chunk-size-word": b"5\r\nfirst\r\nxyz\r\n",
    "chunk-size-hex-prefix": b"5\r\nfirst\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-negative": b"5\r\nfirst\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow": b"5\r\nfirst\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-without-end": b"5\r\nfirst\r\n5\r\nhelloXX0\r\n\r\n",
    "chunk-bare-lf": b"5\r\nfirst\r\n5\nhello\n0\n\n",
    "trailer-broken": b"5\r\nfirst\r\n0\r\nno colon here\r\n\r\n",
}


class Exchange:
    """One request and whatever the provider does about it."""

    def __init__(self, provider: Provider, wire: Wire, reader: Reader, request: Message, connection: int) -> None:
        self.provider = provider
        self.wire = wire
        self.reader = reader
        self.request = request
        self.connection = connection
        self.id = request.first("x-test-id", "")
        # Set once the request's body is read to its end.
        self.received = threading.Event()
        # Set once this connection is over; `client_end` tells how the other side ended it, None if the provider did.
        self.over = threading.Event()
        self.client_end: Optional[str] = None
        # Set while the peer does not take more bytes.
        self.blocked = threading.Event()
        self.sent_bytes = 0
        self.closing = False
        self.framing = "length"
        # Which request of its test this is; the first is 1.
        self.turn = 0
        # Knobs that a script turns, before those of the request.
        self.turned: Dict[str, str] = {}
        # What a script makes of the text of an answer before it is encoded and framed.
        self.alter: Optional[Callable[[bytes], bytes]] = None

    @property
    def dialect(self) -> str:
        return answers.dialect_of(self.request.target)

    @property
    def document(self) -> Dict[str, Any]:
        """The JSON of the request."""
        return answers.document(self.request.body)

    @property
    def answer(self) -> Answer:
        """What the knobs want to be answered, once the request is read."""
        words = self.knob("words")
        usage = self.knob("usage")
        form = (self.knob("json") or "").split()
        pieces = answers.PIECES + ["x" * int(self.knob("size") or 0)]
        if words:
            number, size = map(int, words.split("x"))
            pieces = [("word%d " % place * size)[:size] for place in range(number)]
        varies = self.knob("vary") is not None
        if varies:
            pieces = [f"turn-{self.turn}: "] + pieces
        return Answer(
            dialect=self.dialect,
            asked=self.document,
            pieces=[piece for piece in pieces if piece],
            used=Used.parse(self.knob("used") or ""),
            usage=ORDINARY if usage is None else LEFT_OUT if usage == "none" else json.loads(usage),
            model=self.knob("model") or "test",
            flavour=answers.flavour_of(self.request.first("host", "")),
            calls_tool=self.knob("tool") is not None,
            compact="compact" in form,
            usage_first="usage-first" in form,
            turn=self.turn if varies else 0,
            form=self.knob("form") or "",
        )

    @property
    def name(self) -> str:
        """The provider's id of this request."""
        name = "req-" + (self.id or "none")
        return f"{name}-{self.turn}" if self.knob("vary") else name

    def knob(self, name: str) -> Optional[str]:
        return self.turned.get(name) or self.request.first("x-test-" + name)

    # MARK: Receiving

    def read_body(self) -> bytes:
        if self.request.first("expect", "").lower() == "100-continue":
            self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.reader.body(self.request)
        if not self.request.complete:
            raise Broken(f"the request ended early ({self.wire.end})")
        self.received.set()
        return self.request.body

    def wait_client_gone(self, seconds: float = 20.0) -> Optional[str]:
        """Waits until the client has left; returns how. The connection is of no use afterwards."""
        self.closing = True
        self.client_end = self.wire.wait_end(seconds)
        return self.client_end

    @property
    def is_left(self) -> bool:
        """Whether the other side is gone, as far as one can tell without reading what may be its next request."""
        self.wire.pending(0)
        return self.wire.end is not None

    def wait_gate(self, name: str, seconds: float) -> bool:
        """Waits until the gate of this name is opened; false when the client left before, or nobody opened it."""
        gate, deadline = self.provider.gate(name), time.monotonic() + seconds
        while not gate.wait(0.05):
            if self.is_left:
                self.closing = True
                return False
            if time.monotonic() > deadline:
                # Nobody saw what was sent so far: whoever held it back shall not get away with it.
                self.end("reset")
                return False
        return True

    # MARK: Answering

    def send(self, raw: bytes) -> None:
        self.wire.send(raw)
        self.sent_bytes += len(raw)

    def send_patiently(self, raw: bytes, seconds: float = 60.0) -> None:
        """Like send, but tells through `blocked` when the peer has taken nothing for half a second."""
        deadline = time.monotonic() + seconds
        for start in range(0, len(raw), 16384):
            while not self.wire.writable(0.5):
                self.blocked.set()
                if time.monotonic() > deadline:
                    raise socket.timeout("the peer does not read")
            self.blocked.clear()
            self.send(raw[start : start + 16384])

    def interim(self, status: int, fields=()) -> None:
        """Sends an answer that is not the last one."""
        self.send(head(f"HTTP/1.1 {status} Early", fields_of(fields)))

    def begin(self, status: int = 200, fields=(), framing: str = "chunked", length: int = 0) -> None:
        """Sends the head of an answer."""
        self.framing = framing
        lines: List[Field] = fields_of(fields)
        if framing == "chunked":
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif framing == "length":
            lines.append((b"Content-Length", b"%d" % length))
        elif framing == "close":
            lines.append((b"Connection", b"close"))
            self.closing = True
        self.send(head(f"HTTP/1.1 {status} Test", lines))

    def piece(self, data: bytes) -> None:
        if data:
            self.send(chunk(data) if self.framing == "chunked" else data)

    def finish(self, trailers: bytes = b"") -> None:
        if self.framing == "chunked":
            self.send(b"0\r\n" + trailers + b"\r\n")
        elif self.framing == "close":
            self.end("notify")

    def reply(self, status: int = 200, fields=(), body: bytes = b"", framing: str = "length") -> None:
        self.begin(status, fields, framing, len(body))
        if self.request.method != "HEAD":
            self.piece(body)
            self.finish()

    def end_early(self) -> None:
        """Ends what was answered before the request was read."""
        self.end("notify")

    def end(self, how: str = "fin") -> None:
        """Ends the connection: "fin" without close_notify, "notify" with it, "reset"."""
        self.closing = True
        if how == "reset":
            self.wire.reset()
            return
        if how == "notify":
            self.wire.notify()
        self.wire.linger(5)


Script = Callable[[Exchange], None]


class Listener:
    """A port of the provider. `serve` gets each accepted socket in a thread of its own."""

    def __init__(
        self, serve: Callable[[socket.socket], None], host: str = "127.0.0.1", backlog: int = 512, port: int = 0
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.create_server((host, port), family=family, backlog=backlog)
        self.host = host
        self.port: int = self.sock.getsockname()[1]
        self.accepted = 0
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._guarded, args=(sock,), daemon=True).start()

    def _guarded(self, sock: socket.socket) -> None:
        try:
            self._serve(sock)
        except Exception:  # noqa: BLE001 — the far side left, or a test's handler gave up: that test tells
            pass
        finally:
            sock.close()

    def close(self) -> None:
        # A blocked accept() keeps the port listening after close(); shutdown() wakes it.
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Provider:
    def __init__(self, certificates: Certificates, idle_seconds: float = 300.0) -> None:
        self.certificates = certificates
        self.idle_seconds = idle_seconds
        self.exchanges: List[Exchange] = []
        # What went wrong on a connection outside of any request: handshakes, broken heads.
        self.faults: List[str] = []
        self.scripts: Dict[str, Script] = {}
        # The HTTP/2 connections, for what happened on them outside of any request.
        self.links: List[Link] = []
        self._gates: Dict[str, threading.Event] = {}
        self._changed = threading.Condition()
        self._connections = 0
        self._turns: Dict[str, int] = {}
        self._listeners: List[Listener] = []

    # MARK: Listening

    def listen(
        self,
        certificate: Optional[str] = "good",
        host: str = "127.0.0.1",
        protocols: Sequence[str] = ("http/1.1",),
        settings: Optional[Dict[int, int]] = None,
        port: int = 0,
    ) -> Listener:
        """A port that shows this certificate; None: plain HTTP. `settings` are those of HTTP/2, where it is spoken."""
        context = self.certificates.context(certificate, protocols) if certificate else None
        only_h2 = list(protocols) == ["h2"]
        return self.listen_raw(lambda sock: self._serve(sock, context, only_h2, settings), host, port=port)

    def listen_raw(
        self, serve: Callable[[socket.socket], None], host: str = "127.0.0.1", backlog: int = 512, port: int = 0
    ) -> Listener:
        listener = Listener(serve, host, backlog, port)
        self._listeners.append(listener)
        return listener

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    # MARK: What tests ask

    def gate(self, name: str) -> threading.Event:
        with self._changed:
            return self._gates.setdefault(name, threading.Event())

    def of(self, test_id: str) -> List[Exchange]:
        with self._changed:
            return [exchange for exchange in self.exchanges if exchange.id == test_id]

    def wait(self, test_id: str, count: int = 1, seconds: float = 20.0) -> List[Exchange]:
        """Waits until this many requests of the test have arrived."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = [exchange for exchange in self.exchanges if exchange.id == test_id]
                left = deadline - time.monotonic()
                if len(found) >= count:
                    return found
                if left <= 0:
                    raise AssertionError(f"the provider saw {len(found)} of {count} requests of {test_id}")
                self._changed.wait(left)

    def forget(self) -> None:
        with self._changed:
            self.exchanges.clear()
            self._turns.clear()
            self.faults.clear()
            self.scripts.clear()

    # MARK: Serving

    def _serve(
        self,
        sock: socket.socket,
        context: Optional[ssl.SSLContext],
        only_h2: bool = False,
        settings: Optional[Dict[int, int]] = None,
    ) -> None:
        wire = Wire(sock, self.idle_seconds)
        mine: List[Exchange] = []
        with self._changed:
            self._connections += 1
            number = self._connections
        try:
            if context is not None:
                wire.start_tls(context, server=True)
                if wire.tls is not None and wire.tls.selected_alpn_protocol() == "h2":
                    # Here, because that file builds on this one.
                    from h2provider import H2Connection

                    H2Connection(self, wire, number, settings).serve()
                    return
                if only_h2:
                    raise Broken("the client does not speak HTTP/2")
            reader = Reader(wire)
            while True:
                request = reader.head()
                if request is None:
                    return
                reader.frame(request)
                exchange = Exchange(self, wire, reader, request, number)
                mine.append(exchange)
                self.enter(exchange)
                self.scripts.get(exchange.id, answer_as_asked)(exchange)
                if exchange.closing or request.first("connection", "").lower() == "close":
                    return
        except Exception as fault:  # noqa: BLE001 — the same
            self.note_fault(fault)
        finally:
            for exchange in mine:
                exchange.client_end = exchange.client_end or wire.end
                exchange.over.set()
            wire.close()

    def enter(self, exchange: Exchange) -> None:
        """Takes a request into the records."""
        with self._changed:
            self.exchanges.append(exchange)
            exchange.turn = self._turns[exchange.id] = self._turns.get(exchange.id, 0) + 1
            self._changed.notify_all()

    def note_fault(self, fault: BaseException) -> None:
        with self._changed:
            self.faults.append(f"{type(fault).__name__}: {fault}")


# MARK: The ordinary answers


def answer_as_asked(exchange: Exchange) -> None:
    """Answers by the request's knobs, in its dialect."""
    early = exchange.knob("early")
    if early:
        body = answers.error(exchange.dialect, int(early))
        exchange.reply(int(early), [("Content-Type", "application/json")], body)
        exchange.end_early()
        return
    body = exchange.read_body()
    if exchange.knob("hang") == "head":
        exchange.wait_client_gone(60)
        return
    hold = exchange.knob("hold")
    if hold and not exchange.wait_gate(hold, 60):
        return
    if exchange.knob("garbage"):
        exchange.send(GARBAGE[exchange.knob("garbage") or ""])
        exchange.wait_client_gone(60)
        return
    if exchange.knob("interim"):
        exchange.interim(103, [(b"Link", b"</style.css>; rel=preload"), (b"X-Hint", b"1")])
    status = int(exchange.knob("status") or 200)
    fail = exchange.knob("fail")
    if fail:
        failing, number = map(int, fail.split("x"))
        if len(exchange.provider.of(exchange.id)) <= number:
            status = failing
    answer = exchange.answer
    if status >= 400:
        fail_so(exchange, status)
    elif exchange.knob("echo"):
        exchange.reply(status, fields_for(exchange, "application/json"), echo(exchange))
    elif answer.streamed:
        stream(exchange, answer)
    else:
        reply_whole(exchange, status, answer)


def fail_so(exchange: Exchange, status: int) -> None:
    """An error with what its provider says about when to come again."""
    wait_ms = int(exchange.knob("wait-ms") or 1000)
    fields = fields_for(exchange, "application/json") + fields_of([("Retry-After", str(-(-wait_ms // 1000)))])
    if exchange.knob("wait-ms"):
        fields += fields_of([("retry-after-ms", str(wait_ms))])
    if exchange.dialect.startswith("bedrock"):
        kind = {429: "ThrottlingException", 503: "ServiceUnavailableException"}.get(status, "InternalServerException")
        fields += fields_of([("x-amzn-ErrorType", kind)])
    exchange.reply(status, fields, answers.error(exchange.dialect, status))


def fields_for(exchange: Exchange, content_type: str) -> List[Field]:
    fields = [
        ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("Content-Type", content_type),
        ("x-request-id", exchange.name),
        ("Server", "leo-test-provider"),
    ]
    if exchange.dialect.startswith("anthropic"):
        fields.append(("request-id", exchange.name))
    if exchange.dialect.startswith("bedrock"):
        fields.append(("x-amzn-RequestId", exchange.name))
    if exchange.knob("native"):
        remaining = int(exchange.knob("native") or 0)
        fields += list(answers.native_fields(exchange.dialect, remaining, 30).items())
    if exchange.knob("cookies"):
        fields += [
            ("Set-Cookie", "__cf_bm=one; Path=/; Secure"),
            ("sEt-cOOkie", "_cfuvid=two; Expires=Thu, 01 Jan 2032 00:00:00 GMT; Path=/"),
            ("X-ODD-casing", "First"),
            ("x-Odd-CASING", "second, third"),
            ("Set-Cookie", "third=3"),
        ]
    return fields_of(fields)


def echo(exchange: Exchange) -> bytes:
    request = exchange.request
    value = {
        "head": base64.b64encode(request.raw_head).decode(),
        "body_bytes": request.body_size,
        "body_sha256": request.sha256,
        "framing": request.framing,
        "trailers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.trailers],
    }
    return json.dumps(value).encode()


def reply_whole(exchange: Exchange, status: int, answer: Answer) -> None:
    fields = fields_for(exchange, "application/json") + fields_of(bedrock_fields(answer))
    encoder = codings.Encoder(exchange.knob("encoding"))
    text = answer.whole()
    content = encoder.whole(exchange.alter(text) if exchange.alter else text)
    fields += encoder.fields
    framing = exchange.knob("framing") or "length"
    if exchange.knob("trailers"):
        framing = "chunked"
        fields.append((b"Trailer", b"X-Sum, x-Done"))
    exchange.begin(status, fields, framing, len(content))
    if exchange.request.method == "HEAD":
        return
    if exchange.knob("cut"):
        # In two pieces, so that a chunked body is cut between chunks as well as in the middle of the message.
        exchange.piece(content[: int(exchange.knob("cut") or 0)])
        exchange.end(exchange.knob("end") or "fin")
        return
    if exchange.knob("hang") == "middle":
        exchange.piece(content[: len(content) // 2])
        exchange.wait_client_gone(60)
        return
    exchange.piece(content)
    exchange.finish(b"X-Sum: 1\r\nx-Done: yes\r\n" if exchange.knob("trailers") else b"")


def stream(exchange: Exchange, answer: Answer) -> None:
    encoder = codings.Encoder(exchange.knob("encoding"))
    texts = answer.events()
    if exchange.alter:
        texts = [exchange.alter(b"".join(texts))]
    events = encoder.pieces(texts)
    framing = exchange.knob("framing") or "chunked"
    fields = fields_for(exchange, answer.content_type) + encoder.fields
    exchange.begin(200, fields, framing, sum(map(len, events)))

    def place(knob: str) -> Optional[int]:
        text = exchange.knob(knob)
        number = int(text) if text else None
        return number if number is None or number >= 0 else len(events) + number

    cut, gate_at = place("cut"), place("gate-at")
    for number, event in enumerate(events):
        if number == cut:
            exchange.end(exchange.knob("end") or "fin")
            return
        gate = exchange.knob("gate")
        if gate and number == (1 if gate_at is None else gate_at) and not exchange.wait_gate(gate, 30):
            return
        exchange.piece(event)
        if number == 0 and exchange.knob("hang") == "middle":
            exchange.wait_client_gone(60)
            return
        time.sleep(int(exchange.knob("delay-ms") or 0) / 1000)
    exchange.finish()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog=KNOBS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the certificates are made")
    folder = parser.parse_args().folder.resolve()
    provider = Provider(Certificates(folder))
    listener = provider.listen()
    print(f'[upstream]\ntrust = "{provider.certificates.ca}"\n\n[upstream.resolve]')
    for host in PROVIDER_HOSTS:
        if "*" not in host:
            print(f'"{host}:443" = "{listener.address}"')
    print("\n# Serving; stop with Ctrl-C.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
