"""Bytes on a socket, with or without TLS, and the HTTP/1 messages in them.

Both ends of the tests stand on this file: the provider (provider.py) and the raw client (rawclient.py). It keeps what
ready-made libraries hide: the exact bytes, and how a connection ended (TLS close_notify, a bare FIN, a reset).
"""

from __future__ import annotations

import hashlib
import select
import socket
import ssl
import struct
import time
from typing import Callable, List, Optional, Tuple

Field = Tuple[bytes, bytes]

# ssl.OP_IGNORE_UNEXPECTED_EOF, which has a name since Python 3.10.
IGNORE_UNEXPECTED_EOF = 0x80

# Never compared end to end: RFC 9110 7.6.1, and the framing fields, which each hop chooses for itself.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authorization te upgrade expect"
    b" transfer-encoding content-length".split()
)


class Wire:
    """A blocking connection. `end` says how the peer finished: None (not yet), "notify", "fin", "reset" or "alert"."""

    def __init__(self, sock: socket.socket, timeout: float = 20.0) -> None:
        self.sock = sock
        self.sock.settimeout(timeout)
        self.timeout = timeout
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls: Optional[ssl.SSLObject] = None
        self.end: Optional[str] = None
        self.buffer = b""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    # MARK: TLS

    def start_tls(self, context: ssl.SSLContext, server_name: Optional[str] = None, server: bool = False) -> None:
        """Handshakes; an alert leaves before the error is raised."""
        # Python hides a missing close_notify by default; here it is the point.
        context.options &= ~IGNORE_UNEXPECTED_EOF
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=None if server else server_name
        )
        try:
            self._drive(self.tls.do_handshake)
        except BaseException:
            # What the peer still sends is plain bytes to us: wait_end sees how it ends.
            self.tls = None
            raise

    def _drive(self, operation: Callable):
        """Runs an OpenSSL operation, moving records between the BIOs and the socket until it is done."""
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                self._flush()
                self._read_socket()
                if self.end == "reset":
                    raise ConnectionResetError("reset by the peer") from None
            except ssl.SSLError:
                try:
                    self._flush()
                except OSError:
                    pass
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.sock.sendall(self._outgoing.read())

    # MARK: Bytes

    def send(self, data: bytes) -> None:
        """Sends everything; raises OSError when the peer is gone, socket.timeout when it does not read."""
        if self.tls is None:
            self.sock.sendall(data)
            return
        view = memoryview(data)
        while view:
            # One flush per piece keeps the memory of a 200 MB answer small.
            count = self._drive(lambda: self.tls.write(view[:65536]))
            view = view[count:]

    def receive(self) -> bytes:
        """Some bytes, or b"" at the end, with `end` set. A timeout is raised as socket.timeout."""
        if not self.pending(self.timeout):
            raise socket.timeout("nothing to read")
        data, self.buffer = self.buffer, b""
        return data

    def pending(self, seconds: float) -> bool:
        """Whether bytes of the application, or the end, arrive within the time. Records without any do not count."""
        deadline = time.monotonic() + seconds
        while not self.buffer and self.end is None:
            try:
                if self.tls is not None:
                    self.buffer = self.tls.read(262144)
                    if not self.buffer:
                        self.end = "notify"
                    break
            except ssl.SSLWantReadError:
                self._flush()
            except ssl.SSLZeroReturnError:
                self.end = "notify"
                break
            except ssl.SSLError as error:
                # Which class a missing close_notify raises depends on the version of Python.
                ragged = isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"
                self.end = "fin" if ragged else "alert"
                break
            if not self._ready(select.POLLIN, deadline - time.monotonic()):
                return False
            self._read_socket()
        return True

    def _read_socket(self) -> None:
        try:
            data = self.sock.recv(262144)
        except (ConnectionResetError, BrokenPipeError):
            self.end = "reset"
            return
        if self.tls is None:
            self.buffer = data
            self.end = None if data else "fin"
        elif data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def readable(self, seconds: float) -> bool:
        """Whether the socket has bytes, whatever they are."""
        return self._ready(select.POLLIN, seconds)

    def writable(self, seconds: float) -> bool:
        return self._ready(select.POLLOUT, seconds)

    def _ready(self, what: int, seconds: float) -> bool:
        # poll, because select knows no descriptor beyond 1023.
        poll = select.poll()
        poll.register(self.sock, what)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def wait_end(self, seconds: float) -> Optional[str]:
        """Reads and drops until the peer is gone; returns how, or None when it is still there after the time."""
        deadline = time.monotonic() + seconds
        while self.end is None and time.monotonic() < deadline:
            if self.pending(max(0.0, deadline - time.monotonic())):
                self.receive()
        return self.end

    # MARK: Ways to end

    def notify(self) -> None:
        """Sends close_notify without waiting for the peer's."""
        if self.tls is not None:
            try:
                self.tls.unwrap()
            except (ssl.SSLError, ValueError):
                pass
            self._flush()

    def half_close(self) -> None:
        self.notify()
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """A FIN and no close_notify: what a TLS peer must take for a cut."""
        self.sock.close()

    def linger(self, seconds: float) -> None:
        """Closes after the peer has: closing with unread bytes would turn the FIN into a reset, which overtakes what
        was sent. Raw bytes, because OpenSSL reads nothing more once close_notify is out."""
        self.sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + seconds
        try:
            while self._ready(select.POLLIN, deadline - time.monotonic()) and self.sock.recv(262144):
                pass
        except OSError:
            pass
        self.close()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class InnerSocket:
    """What a nested wire takes for a socket: the bytes inside of another wire's TLS."""

    def __init__(self, outer: Wire) -> None:
        self.outer = outer
        self.family = outer.sock.family

    def __getattr__(self, name: str):
        return getattr(self.outer.sock, name)

    def settimeout(self, _) -> None:
        """The outer wire has a timeout."""

    def sendall(self, data: bytes) -> None:
        self.outer.send(data)

    def recv(self, _: int) -> bytes:
        data = self.outer.receive()
        if not data and self.outer.end == "reset":
            raise ConnectionResetError("reset by the peer")
        return data

    def shutdown(self, _: int) -> None:
        self.outer.half_close()


class NestedWire(Wire):
    """TLS inside of another wire's TLS, as a client of an https:// proxy speaks it."""

    def __init__(self, outer: Wire) -> None:
        super().__init__(InnerSocket(outer), outer.timeout)  # type: ignore[arg-type]
        self.outer = outer

    def _ready(self, what: int, seconds: float) -> bool:
        return self.outer.pending(max(0.0, seconds)) if what == select.POLLIN else self.outer._ready(what, seconds)


# MARK: HTTP/1 messages


class Broken(Exception):
    """The peer's bytes are not a well-formed message."""


class Message:
    """A request or an answer as it arrived, strictly read: every oddity is kept in `violations`."""

    def __init__(self) -> None:
        self.raw_head = b""
        self.first_line = b""
        self.fields: List[Field] = []
        self._body = bytearray()
        self.body_size = 0
        self.body_digest = hashlib.sha256()
        self.trailers: List[Field] = []
        self.framing = "none"
        self.length = 0
        self.violations: List[str] = []
        self.complete = False
        self.end: Optional[str] = None
        self.interim: List[Message] = []

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    @property
    def sha256(self) -> str:
        return self.body_digest.hexdigest()

    @property
    def status(self) -> int:
        return int(self.first_line.split(b" ", 2)[1])

    @property
    def method(self) -> str:
        return self.first_line.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.first_line.split(b" ")[1].decode("latin-1")

    @property
    def version(self) -> str:
        words = self.first_line.split(b" ")
        return (words[0] if words[0].startswith(b"HTTP/") else words[-1]).decode("latin-1")

    def all(self, name: str) -> List[str]:
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.fields if key.lower() == wanted]

    def first(self, name: str, otherwise: Optional[str] = None) -> Optional[str]:
        found = self.all(name)
        return found[0] if found else otherwise

    @property
    def end_to_end(self) -> List[Field]:
        """The fields that a proxy may neither change, drop nor reorder."""
        named = {
            word.strip().lower().encode()
            for value in self.all("connection")
            for word in value.split(",")
            if word.strip()
        }
        return [(key, value) for key, value in self.fields if key.lower() not in HOP_BY_HOP | named]

    def __repr__(self) -> str:
        return f"<{self.first_line!r} {self.framing} {self.body_size} bytes complete={self.complete} end={self.end}>"


def parse_fields(lines: List[bytes], violations: List[str]) -> List[Field]:
    token = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    fields: List[Field] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            violations.append(f"obs-fold: {line!r}")
        name, colon, value = line.partition(b":")
        if not colon:
            violations.append(f"no colon: {line!r}")
        if not name or not set(name) <= token:
            violations.append(f"field name: {name!r}")
        value = value.strip(b" \t")
        if any(byte < 0x20 and byte != 0x09 or byte == 0x7F for byte in value):
            violations.append(f"control character in value: {line!r}")
        fields.append((name, value))
    return fields


class Reader:
    """Reads messages off a wire, one after another."""

    def __init__(self, wire: Wire, body_kept_bytes_max: int = 8 * 1024 * 1024) -> None:
        self.wire = wire
        self.buffer = b""
        self.body_kept_bytes_max = body_kept_bytes_max
        # Called with each piece of body data as it arrives.
        self.on_data: Optional[Callable[[bytes], None]] = None

    def _more(self) -> bool:
        data = self.wire.receive()
        self.buffer += data
        return bool(data)

    def _until(self, marker: bytes) -> Optional[bytes]:
        searched = 0
        while True:
            found = self.buffer.find(marker, searched)
            if found >= 0:
                piece, self.buffer = self.buffer[: found + len(marker)], self.buffer[found + len(marker) :]
                return piece
            searched = max(0, len(self.buffer) - len(marker) + 1)
            if not self._more():
                return None

    def head(self) -> Optional[Message]:
        """The next head, or None when the connection ended before a single byte of it. Half a head raises Broken."""
        raw = self._until(b"\r\n\r\n")
        if raw is None:
            if self.buffer:
                raise Broken(f"the connection ended ({self.wire.end}) inside a head: {self.buffer[:200]!r}")
            return None
        message = Message()
        message.raw_head = raw
        lines = raw[:-4].split(b"\r\n")
        message.first_line = lines[0]
        if b"\n" in raw.replace(b"\r\n", b"") or b"\r" in raw.replace(b"\r\n", b""):
            message.violations.append("bare CR or LF in the head")
        message.fields = parse_fields(lines[1:], message.violations)
        return message

    def frame(self, message: Message, answering: Optional[str] = None) -> None:
        """Decides the framing (RFC 9112 6.3) and notes every ambiguity. `answering`: the request's method."""
        lengths = message.all("content-length")
        codings = message.all("transfer-encoding")
        if lengths and codings:
            message.violations.append("Content-Length and Transfer-Encoding together")
        if len(lengths) > 1 or any(not value.isdigit() for value in lengths):
            message.violations.append(f"Content-Length: {lengths}")
        if codings and codings != ["chunked"]:
            message.violations.append(f"Transfer-Encoding: {codings}")
        if answering is not None and (
            message.status < 200
            or message.status in (204, 304)
            or answering == "HEAD"
            or (answering == "CONNECT" and message.status < 300)
        ):
            message.framing = "none"
        elif codings:
            message.framing = "chunked"
        elif lengths:
            message.framing = "length"
            message.length = int(lengths[0]) if lengths[0].isdigit() else 0
        else:
            message.framing = "none" if answering is None else "close"

    def body(self, message: Message) -> None:
        """Reads the body to its end, or to the end of the connection: then `complete` stays False."""
        if message.framing == "none":
            message.complete = True
        elif message.framing == "length":
            message.complete = self._data(message, message.length)
        elif message.framing == "close":
            while self.buffer or self._more():
                data, self.buffer = self.buffer, b""
                self._keep(message, data)
            # Without a length only close_notify (or, on plain TCP, a FIN) says that nothing is missing.
            message.complete = self.wire.end == ("notify" if self.wire.tls is not None else "fin")
        else:
            message.complete = self._chunks(message)
        message.end = self.wire.end

    def _keep(self, message: Message, data: bytes) -> None:
        message.body_size += len(data)
        message.body_digest.update(data)
        if message.body_size <= self.body_kept_bytes_max:
            message._body += data
        if self.on_data is not None:
            self.on_data(data)

    def _data(self, message: Message, count: int) -> bool:
        while count > 0:
            if not self.buffer and not self._more():
                return False
            data, self.buffer = self.buffer[:count], self.buffer[count:]
            count -= len(data)
            self._keep(message, data)
        return True

    def _chunks(self, message: Message) -> bool:
        while True:
            line = self._until(b"\r\n")
            if line is None:
                return False
            digits = line[:-2]
            if not digits or len(digits) > 16 or not set(digits) <= set(b"0123456789abcdefABCDEF"):
                message.violations.append(f"chunk size: {line!r}")
                return False
            size = int(digits, 16)
            if size == 0:
                break
            if not self._data(message, size):
                return False
            while len(self.buffer) < 2:
                if not self._more():
                    return False
            if self.buffer[:2] != b"\r\n":
                message.violations.append(f"after a chunk: {self.buffer[:2]!r}")
                return False
            self.buffer = self.buffer[2:]
        lines: List[bytes] = []
        while True:
            line = self._until(b"\r\n")
            if line is None:
                return False
            if line == b"\r\n":
                message.trailers = parse_fields(lines, message.violations)
                return True
            lines.append(line[:-2])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(pieces: List[bytes], trailers: bytes = b"") -> bytes:
    return b"".join(chunk(piece) for piece in pieces if piece) + b"0\r\n" + trailers + b"\r\n"


def head(first_line: str, fields: List[Field]) -> bytes:
    return first_line.encode("latin-1") + b"\r\n" + b"".join(b"%s: %s\r\n" % field for field in fields) + b"\r\n"


def fields_of(mapping) -> List[Field]:
    """[(str, str)] or {str: str} as bytes."""
    items = mapping.items() if hasattr(mapping, "items") else mapping
    return [
        (
            key if isinstance(key, bytes) else key.encode("latin-1"),
            value if isinstance(value, bytes) else value.encode("latin-1"),
        )
        for key, value in items
    ]
