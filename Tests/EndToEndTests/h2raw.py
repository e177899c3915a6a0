"""HTTP/2 by hand: frames and header blocks as bytes, for clients that break every rule, and a reader of what comes.

Header blocks are written as literals without indexing, so any bytes can be a name or a value and no state is shared.
"""

from __future__ import annotations

import socket
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

import hpack

from h2wire import GOAWAY
from rawclient import RawClient
from wires import Field, fields_of

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, _, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """RFC 7541 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def literal(name: bytes, value: bytes, first: int = 0) -> bytes:
    """RFC 7541 6.2: `first` is 0 without indexing, 0x10 never indexed, 0x40 with incremental indexing."""
    return bytes([first]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(fields) -> bytes:
    return b"".join(literal(name, value) for name, value in fields_of(fields))


def settings(*pairs: Tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in pairs))


def window(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def reset(stream: int, code: int = 8) -> bytes:
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


class Received(NamedTuple):
    type: int
    flags: int
    stream: int
    payload: bytes


class RawH2:
    """A connection through leo to one host, and a reader that answers nothing by itself."""

    def __init__(self, raw: RawClient, host: str, test_id: str = "") -> None:
        answer = raw.connect(f"{host}:443")
        assert answer.status == 200, answer
        raw.start_tls(host, ["h2"])
        assert raw.wire.tls is not None and raw.wire.tls.selected_alpn_protocol() == "h2"
        self.raw = raw
        self.wire = raw.wire
        self.host = host
        self.test_id = test_id
        self._buffer = b""
        self._decoder = hpack.Decoder()
        self._decoder.max_allowed_table_size = 4096
        # What came, by stream.
        self.statuses: Dict[int, int] = {}
        self.fields: Dict[int, List[Field]] = {}
        self.bodies: Dict[int, bytes] = {}
        self.ended: Dict[int, bool] = {}
        self.resets: Dict[int, int] = {}
        self.goaway: Optional[int] = None
        self.pongs: List[bytes] = []
        self.settings_seen: Dict[int, int] = {}
        self.settings_acks = 0
        self.windows: Dict[int, int] = {}
        self.counts: Dict[int, int] = {}
        self._open_block: Optional[Tuple[int, int, bytes]] = None

    # MARK: Sending

    def start(self, *pairs: Tuple[int, int]) -> RawH2:
        """The preface with these settings."""
        self.send(PREFACE + settings(*pairs))
        return self

    def send(self, data: bytes) -> bool:
        """False when the peer is gone."""
        try:
            self.wire.send(data)
            return True
        except OSError:
            return False

    def fields_for(self, method: str = "GET", path: str = "/v1/x", extra=(), **pseudo) -> List[Field]:
        """A request's fields; `authority=None` leaves that one out."""
        values = {"method": method, "scheme": "https", "authority": self.host, "path": path, **pseudo}
        lines = [(":" + name, value) for name, value in values.items() if value is not None]
        if self.test_id:
            lines.append(("x-test-id", self.test_id))
        return fields_of(lines) + fields_of(extra)

    def request(self, stream: int = 1, end: bool = True, **more) -> bytes:
        return self.headers(stream, self.fields_for(**more), end)

    @staticmethod
    def headers(stream: int, fields, end: bool = True) -> bytes:
        return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(fields))

    # MARK: Receiving

    @property
    def over(self) -> bool:
        return self.wire.end is not None

    def read(self, seconds: float = 10.0) -> Optional[Received]:
        """The next frame, already taken note of; None at the end of the connection."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self._buffer) >= 9:
                length = int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) >= 9 + length:
                    head, payload = self._buffer[:9], self._buffer[9 : 9 + length]
                    self._buffer = self._buffer[9 + length :]
                    one = Received(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload)
                    self._note(one)
                    return one
            if not self.wire.pending(max(0.0, deadline - time.monotonic())):
                raise socket.timeout(f"no frame within {seconds} s")
            data = self.wire.receive()
            if not data:
                return None
            self._buffer += data

    def until(self, condition, seconds: float = 10.0) -> bool:
        """Reads until the condition holds; False when the connection ends before."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.over or self.read(max(0.0, deadline - time.monotonic())) is None:
                return bool(condition())
        return True

    def _note(self, one: Received) -> None:
        self.counts[one.type] = self.counts.get(one.type, 0) + 1
        if one.type == HEADERS:
            self._open_block = (one.stream, one.flags, one.payload)
        elif one.type == CONTINUATION and self._open_block is not None:
            stream, flags, payload = self._open_block
            self._open_block = (stream, flags | one.flags, payload + one.payload)
        if one.type in (HEADERS, CONTINUATION) and one.flags & END_HEADERS and self._open_block is not None:
            self._note_head(*self._open_block)
            self._open_block = None
        elif one.type == DATA:
            self.bodies[one.stream] = self.bodies.get(one.stream, b"") + one.payload
            self.ended[one.stream] = bool(one.flags & END_STREAM)
        elif one.type == RST_STREAM:
            self.resets[one.stream] = int.from_bytes(one.payload, "big")
        elif one.type == GOAWAY:
            code = int.from_bytes(one.payload[4:8], "big")
            self.goaway = code if code or self.goaway is None else self.goaway
        elif one.type == PING and one.flags & ACK:
            self.pongs.append(one.payload)
        elif one.type == WINDOW_UPDATE:
            self.windows[one.stream] = self.windows.get(one.stream, 0) + int.from_bytes(one.payload, "big")
        elif one.type == SETTINGS and one.flags & ACK:
            self.settings_acks += 1
        elif one.type == SETTINGS:
            for at in range(0, len(one.payload), 6):
                key = int.from_bytes(one.payload[at : at + 2], "big")
                self.settings_seen[key] = int.from_bytes(one.payload[at + 2 : at + 6], "big")

    def _note_head(self, stream: int, flags: int, payload: bytes) -> None:
        fields = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(payload, raw=True)]
        if flags & END_STREAM:
            self.ended[stream] = True
        for name, value in fields:
            if name == b":status" and int(value) >= 200:
                self.statuses[stream] = int(value)
                self.fields[stream] = fields

    def ping(self, payload: bytes = b"barrier!") -> bool:
        """Whether leo answers a PING: everything sent before it has been read."""
        before = len(self.pongs)
        return self.send(frame(PING, 0, 0, payload)) and self.until(lambda: len(self.pongs) > before)

    def close(self) -> None:
        self.wire.close()

    def __enter__(self) -> RawH2:
        return self

    def __exit__(self, *_) -> None:
        self.close()
