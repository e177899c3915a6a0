"""The test provider over HTTP/2: the same exchanges and scripts, each on a stream and in a thread of its own."""

from __future__ import annotations

import threading
from typing import Dict, List, Optional, Tuple

from hyperframe.frame import GoAwayFrame

import h2wire
from provider import Exchange, Provider, answer_as_asked
from wires import Broken, Field, Wire, fields_of

# Fields of HTTP/1 alone; a script that names them means the same answer over HTTP/2.
LEFT_OUT = frozenset(b"connection keep-alive proxy-connection transfer-encoding upgrade".split())


class H2Exchange(Exchange):
    """An exchange whose wire is a stream; `connection` is the number of the connection that it shares with others."""

    def __init__(self, provider: Provider, stream: h2wire.Stream, connection: int) -> None:
        assert stream.message is not None
        super().__init__(provider, stream.link.wire, None, stream.message, connection)  # type: ignore[arg-type]
        self.stream = stream
        self.link = stream.link
        self.ended = False

    # MARK: Receiving

    def read_body(self) -> bytes:
        self.stream.body(seconds=60)
        if not self.request.complete:
            raise Broken(f"the request ended early ({self.stream.how_it_ended})")
        self.received.set()
        return self.request.body

    def take(self, seconds: float = 20.0) -> bytes:
        """A piece of the request's body; its credit is given back only now."""
        return self.stream.take(seconds)

    def wait_client_gone(self, seconds: float = 20.0) -> Optional[str]:
        """Waits until the stream is reset or the connection is over; "rst 8" or the way the connection ended."""
        self.link.wait(lambda: self.stream.reset_code is not None or self.link.over.is_set(), "the client", seconds)
        self.client_end = self._how_it_ended()
        return self.client_end

    @property
    def is_left(self) -> bool:
        return self.stream.reset_code is not None or self.link.over.is_set()

    def _how_it_ended(self) -> Optional[str]:
        if self.stream.reset_code is not None:
            return f"rst {self.stream.reset_code}"
        return self.wire.end

    # MARK: Answering

    def send(self, raw: bytes) -> None:
        raise AssertionError("a script that writes HTTP/1 by hand met an HTTP/2 connection")

    def send_patiently(self, raw: bytes, seconds: float = 60.0) -> None:
        self.blocked = self.stream.blocked
        self.stream.send(raw, seconds=seconds)
        self.sent_bytes = self.stream.sent_bytes

    def interim(self, status: int, fields=()) -> None:
        self.stream.send_head([(b":status", b"%d" % status)] + lowered(fields))

    def begin(self, status: int = 200, fields=(), framing: str = "chunked", length: int = 0) -> None:
        self.framing = framing
        lines = lowered(fields)
        if framing == "length":
            lines.append((b"content-length", b"%d" % length))
        self.ended = self.request.method == "HEAD" or status in (204, 304)
        self.stream.send_head([(b":status", b"%d" % status)] + lines, end=self.ended)

    def piece(self, data: bytes) -> None:
        if data and not self.ended:
            self.stream.send(data)
            self.sent_bytes = self.stream.sent_bytes

    def finish(self, trailers: bytes = b"") -> None:
        if self.ended:
            return
        lines = [line.partition(b":") for line in trailers.split(b"\r\n") if line]
        self.stream.finish(lowered([(name, value.strip()) for name, _, value in lines]))
        self.ended = True

    def reply(self, status: int = 200, fields=(), body: bytes = b"", framing: str = "length") -> None:
        self.begin(status, fields, framing, len(body))
        self.piece(body)
        self.finish()

    def end(self, how: str = "fin") -> None:
        """ "rst" or "rst CODE" ends the stream alone, the other ways the connection with all its streams; after an
        answer is complete, "notify" is an orderly end of the connection."""
        word, _, code = how.partition(" ")
        if word == "rst":
            self.stream.reset(int(code or h2wire.INTERNAL_ERROR))
        else:
            self.link.end(how)

    def end_early(self) -> None:
        # RFC 9113 8.1: the answer is complete, and no more of the request is wanted.
        self.stream.reset(h2wire.NO_ERROR)

    def refuse(self) -> None:
        """REFUSED_STREAM: nothing was done, the client may try again."""
        self.stream.reset(h2wire.REFUSED_STREAM)

    def go_away(self, last: Optional[int] = None, code: int = 0) -> None:
        """Sends GOAWAY; streams up to `last` (default: this one) are still served, the others were not looked at."""
        self.link.send_frame(GoAwayFrame(0, last_stream_id=self.stream.id if last is None else last, error_code=code))


class H2Connection:
    def __init__(self, provider: Provider, wire: Wire, number: int, settings: Optional[Dict[int, int]]) -> None:
        self.provider = provider
        self.number = number
        self.link = h2wire.Link(wire, client_side=False, settings=settings, opened=self._opened)
        self.exchanges: List[H2Exchange] = []
        self._threads: List[threading.Thread] = []
        provider.links.append(self.link)

    def serve(self) -> None:
        self.link.run()
        if self.link.fault is not None:
            self.provider.note_fault(self.link.fault)
        for thread in self._threads:
            thread.join(5)
        for exchange in self.exchanges:
            self._conclude(exchange)

    def _opened(self, stream: h2wire.Stream) -> None:
        exchange = H2Exchange(self.provider, stream, self.number)
        self.exchanges.append(exchange)
        self.provider.enter(exchange)
        thread = threading.Thread(target=self._answer, args=(exchange,), daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _answer(self, exchange: H2Exchange) -> None:
        try:
            self.provider.scripts.get(exchange.id, answer_as_asked)(exchange)
            if not exchange.ended:
                exchange.stream.reset(h2wire.INTERNAL_ERROR)
        except Exception as fault:  # noqa: BLE001 — the far side left, or a test's script gave up: that test tells
            self.provider.note_fault(fault)
            exchange.stream.reset(h2wire.INTERNAL_ERROR)
        finally:
            self._conclude(exchange)

    def _conclude(self, exchange: H2Exchange) -> None:
        exchange.client_end = exchange.client_end or exchange._how_it_ended()
        exchange.over.set()


def lowered(fields) -> List[Field]:
    """Fields as HTTP/2 has them: lower-case names, and none about an HTTP/1 connection."""
    lines: List[Tuple[bytes, bytes]] = [(name.lower(), value) for name, value in fields_of(fields)]
    return [(name, value) for name, value in lines if name not in LEFT_OUT]
