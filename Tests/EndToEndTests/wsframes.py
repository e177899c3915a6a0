"""WebSocket frames by hand (RFC 6455 5), and both handshakes: over HTTP/1.1, and over HTTP/2 (RFC 8441)."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from typing import Callable, List, NamedTuple, Optional

from wires import Field, fields_of

CONTINUATION, TEXT, BINARY = 0, 1, 2
CLOSE, PING, PONG = 8, 9, 10
KEY = base64.b64encode(b"sixteen bytes 16").decode()


class Frame(NamedTuple):
    opcode: int
    data: bytes
    fin: bool
    masked: bool
    raw: bytes


def encode(opcode: int, data: bytes = b"", fin: bool = True, mask: Optional[bytes] = None, reserved: int = 0) -> bytes:
    out = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if mask is not None else 0
    if len(data) < 126:
        out += bytes([bit | len(data)])
    elif len(data) < 65536:
        out += bytes([bit | 126]) + struct.pack("!H", len(data))
    else:
        out += bytes([bit | 127]) + struct.pack("!Q", len(data))
    return out + (mask + masked(data, mask) if mask is not None else data)


def masked(data: bytes, mask: bytes) -> bytes:
    if not data:
        return data
    stream = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def client_frame(opcode: int, data: bytes = b"", fin: bool = True, reserved: int = 0) -> bytes:
    return encode(opcode, data, fin, os.urandom(4), reserved)


def close_frame(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


class FrameReader:
    """Frames from a source of bytes; `more` returns b"" at the end."""

    def __init__(self, more: Callable[[], bytes], buffer: bytes = b"") -> None:
        self.more = more
        self.buffer = buffer

    def _need(self, count: int) -> bool:
        while len(self.buffer) < count:
            data = self.more()
            if not data:
                return False
            self.buffer += data
        return True

    def read(self) -> Optional[Frame]:
        """The next frame; None at the end."""
        if not self._need(2):
            return None
        length, at = self.buffer[1] & 0x7F, 2
        if length == 126:
            if not self._need(4):
                return None
            length, at = struct.unpack("!H", self.buffer[2:4])[0], 4
        elif length == 127:
            if not self._need(10):
                return None
            length, at = struct.unpack("!Q", self.buffer[2:10])[0], 10
        is_masked = bool(self.buffer[1] & 0x80)
        mask_bytes = 4 if is_masked else 0
        if not self._need(at + mask_bytes + length):
            return None
        mask = self.buffer[at : at + mask_bytes]
        data = self.buffer[at + mask_bytes : at + mask_bytes + length]
        frame = Frame(
            self.buffer[0] & 0x0F,
            masked(data, mask) if is_masked else data,
            bool(self.buffer[0] & 0x80),
            is_masked,
            self.buffer[: at + mask_bytes + length],
        )
        self.buffer = self.buffer[at + mask_bytes + length :]
        return frame


def accept_of(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def upgrade_fields(*more) -> List[Field]:
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    return fields_of(lines + [("Sec-WebSocket-Key", KEY), *more])


# MARK: A server of these frames, as a script of the test provider


class Socket:
    """The provider's end of a WebSocket, by an upgrade or by an extended CONNECT."""

    def __init__(self, exchange, fields=()) -> None:
        self.exchange = exchange
        if exchange.request.version == "HTTP/2":
            assert exchange.request.method == "CONNECT"
            assert exchange.request.pseudo[b":protocol"] == b"websocket"
            exchange.begin(200, fields, "none")
            self.frames = FrameReader(exchange.take)
        else:
            key = exchange.request.first("sec-websocket-key", "")
            lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_of(key))]
            exchange.begin(101, lines + list(fields), "none")
            exchange.closing = True
            self.frames = FrameReader(exchange.wire.receive, exchange.reader.buffer)

    def send(self, raw: bytes) -> None:
        if self.exchange.request.version == "HTTP/2":
            self.exchange.stream.send(raw)
        else:
            self.exchange.send(raw)

    def end(self, how: str = "notify") -> None:
        """ "notify" is an orderly end, the others cuts."""
        if self.exchange.request.version == "HTTP/2":
            if how == "notify":
                self.exchange.stream.finish()
                self.exchange.ended = True
            else:
                self.exchange.end("rst")
        else:
            self.exchange.end(how)


def echo(exchange) -> None:
    """Sends each frame back, as it was but for the mask; a Close is answered, and ends it."""
    socket = Socket(exchange)
    while True:
        frame = socket.frames.read()
        if frame is None:
            break
        assert frame.masked
        socket.send(encode(PONG if frame.opcode == PING else frame.opcode, frame.data, frame.fin))
        if frame.opcode == CLOSE:
            break
    socket.end()
