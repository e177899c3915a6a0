"""HTTP/2 on a wire, for both ends of the tests: python `h2` keeps the protocol, this file keeps what it would hide.

A link has a thread that reads; any thread may send, and waits for windows there. Kept are the header blocks as they
came, in their order and with their never-indexed marks, every frame's header, and how streams and connections ended.
The peer's mistakes end the link as `fault`: `h2` is strict, so what it accepts is well-formed HTTP/2.
"""

from __future__ import annotations

import collections
import os
import select
import socket
import ssl
import threading
import time
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Tuple

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import Frame

from wires import HOP_BY_HOP, Broken, Field, Message, Wire

PREFACE_BYTES = 24
GOAWAY = 0x7
# Frames whose headers are kept; a flood is counted beyond that.
FRAMES_KEPT_MAX = 20_000
# Encrypted bytes that wait for the socket before a sender has to wait as well.
WAITING_BYTES_MAX = 256 * 1024

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR = range(
    7
)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = (
    range(7, 14)
)


class Gone(ConnectionError):
    """The stream or its connection is over, so nothing can be sent on it."""


class Seen(NamedTuple):
    """A frame's header as it arrived."""

    type: int
    flags: int
    stream: int
    length: int


class H2Message(Message):
    """A head from header blocks; `headers` has everything in its order, `pseudo` the pseudo-header fields."""

    def __init__(self, headers: List[Field]) -> None:
        super().__init__()
        self.headers = list(headers)
        self.framing = "h2"
        self.pseudo: Dict[bytes, bytes] = {}
        self.reset_code: Optional[int] = None
        self.has_trailers = False
        for name, value in headers:
            self._note(bytes(name), bytes(value))
        self.first_line = self._first_line()

    def _note(self, name: bytes, value: bytes) -> None:
        if name != name.lower():
            self.violations.append(f"upper case: {name!r}")
        if value != value.strip(b" \t") or any(byte in value for byte in b"\r\n\x00"):
            self.violations.append(f"value: {name!r}: {value!r}")
        if not name.startswith(b":"):
            if name in HOP_BY_HOP - {b"content-length", b"expect"} and (name, value) != (b"te", b"trailers"):
                self.violations.append(f"connection-specific: {name!r}: {value!r}")
            self.fields.append((name, value))
            return
        if self.fields:
            self.violations.append(f"{name!r} after a regular field")
        if name in self.pseudo:
            self.violations.append(f"{name!r} twice")
        self.pseudo[name] = value

    def _first_line(self) -> bytes:
        if b":status" in self.pseudo:
            return b"HTTP/2 " + self.pseudo[b":status"]
        return b" ".join((self.pseudo.get(b":method", b""), self.pseudo.get(b":path", b""), b"HTTP/2"))

    @property
    def status(self) -> int:
        return int(self.pseudo[b":status"])

    @property
    def never_indexed(self) -> List[bytes]:
        """The names of the fields that no hop may put into a compression table."""
        return [bytes(header[0]) for header in self.headers if not getattr(header, "indexable", True)]


class Stream:
    """One stream of a link, seen from this end."""

    def __init__(self, link: Link, number: int) -> None:
        self.link = link
        self.id = number
        self.message: Optional[H2Message] = None
        self.interim: List[H2Message] = []
        self.inbound: Deque[Tuple[bytes, int]] = collections.deque()
        self.ended = False
        self.reset_code: Optional[int] = None
        self.reset_by_peer = False
        # Whether credit is given back as soon as bytes arrive; else when they are taken.
        self.reads_at_once = False
        # Set while a sender has no window.
        self.blocked = threading.Event()
        self.sent_bytes = 0
        self.received_bytes = 0

    @property
    def over(self) -> bool:
        """Nothing more can come."""
        return self.ended or self.reset_code is not None or self.link.over.is_set()

    # MARK: Receiving

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        self.link.wait(condition, f"{what} on stream {self.id}", seconds)

    def head(self, seconds: float = 20.0) -> H2Message:
        self.wait(lambda: self.message or self.over, "a head", seconds)
        if self.message is None:
            raise Broken(f"stream {self.id} ended without a head: {self.how_it_ended}")
        return self.message

    def take(self, seconds: float = 20.0) -> bytes:
        """Some bytes of the body with their credit given back; b"" when there are no more."""
        self.wait(lambda: self.inbound or self.over, "data", seconds)
        with self.link.lock:
            if not self.inbound:
                return b""
            data, credit = self.inbound.popleft()
            if credit and not self.reads_at_once:
                self.link.give_credit(self.id, credit)
        return data

    def body(self, on_data: Optional[Callable[[bytes], None]] = None, seconds: float = 20.0) -> H2Message:
        """Reads to the end, orderly or not; `complete`, `reset_code` and `end` tell how it was."""
        message = self.head(seconds)
        while True:
            data = self.take(seconds)
            if not data and self.over and not self.inbound:
                break
            message.body_size += len(data)
            message.body_digest.update(data)
            message._body += data
            if on_data is not None:
                on_data(data)
        message.complete = self.ended and self.reset_code is None
        message.reset_code = self.reset_code
        message.end = self.link.wire.end
        message.interim = list(self.interim)
        return message

    @property
    def how_it_ended(self) -> str:
        if self.reset_code is not None:
            return f"RST_STREAM {self.reset_code}"
        return "END_STREAM" if self.ended else f"the connection: {self.link.wire.end}, {self.link.fault}"

    # MARK: Sending

    def send_head(self, headers: List[Field], end: bool = False) -> None:
        self.link.act(self, lambda: self.link.h2.send_headers(self.id, headers, end_stream=end))

    def send(self, data: bytes, end: bool = False, seconds: float = 60.0) -> None:
        """Sends DATA as the windows allow; `blocked` is set while they do not."""
        view = memoryview(data)
        deadline = time.monotonic() + seconds
        while True:
            with self.link.lock:
                count = min(len(view), self._room())
                if count > 0 or not view:
                    last = end and count == len(view)
                    piece = bytes(view[:count])
                    self.link.act(self, lambda: self.link.h2.send_data(self.id, piece, end_stream=last))
                    self.sent_bytes += count
                    view = view[count:]
                    self.blocked.clear()
                    if not view:
                        return
                    continue
                left = deadline - time.monotonic()
                if left <= 0:
                    raise socket.timeout(f"the peer gives no window for stream {self.id}")
                if not self.link.changed.wait(min(left, 0.5)):
                    self.blocked.set()

    def _room(self) -> int:
        self.link.check(self)
        if self.link.waiting_bytes > WAITING_BYTES_MAX:
            return 0
        window = self.link.h2.local_flow_control_window(self.id)
        return max(0, min(window, self.link.h2.max_outbound_frame_size))

    def finish(self, trailers: List[Field] = []) -> None:
        if trailers:
            self.send_head(trailers, end=True)
        else:
            self.link.act(self, lambda: self.link.h2.end_stream(self.id))

    def reset(self, code: int = CANCEL) -> None:
        try:
            self.link.act(self, lambda: self.link.h2.reset_stream(self.id, code))
        except Gone:
            return
        with self.link.changed:
            if self.reset_code is None:
                self.reset_code = code
            self.link.changed.notify_all()


class Link:
    """A connection. `opened` is called, on the reading thread, with each stream that the peer opens."""

    def __init__(
        self,
        wire: Wire,
        client_side: bool,
        settings: Optional[Dict[int, int]] = None,
        opened: Optional[Callable[[Stream], None]] = None,
    ) -> None:
        self.wire = wire
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=client_side,
                header_encoding=None,
                # Tests send what they like, and see what came.
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        self.opened = opened
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.streams: Dict[int, Stream] = {}
        self.frames: Deque[Seen] = collections.deque(maxlen=FRAMES_KEPT_MAX)
        self.counts: Dict[int, int] = collections.Counter()
        # (last stream, code) of each GOAWAY.
        self.goaways: List[Tuple[int, int]] = []
        self.peer_settings: Dict[int, int] = {}
        self.fault: Optional[Exception] = None
        self.over = threading.Event()
        # Cleared: nothing is read from the socket, as a peer that hangs does.
        self.reading = threading.Event()
        self.reading.set()
        # Set by an end of ours: the peer has to see it before the socket is closed.
        self._lingers = False
        self._preface_left = 0 if client_side else PREFACE_BYTES
        self._partial = b""
        self._waiting = bytearray()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._settings = settings or {}
        self._client_side = client_side
        self._thread: Optional[threading.Thread] = None

    @property
    def waiting_bytes(self) -> int:
        return len(self._waiting)

    def start(self) -> Link:
        """Sends the preface and reads in a thread of its own."""
        self._open()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()
        return self

    def run(self) -> None:
        """The same on the caller's thread, until the connection is over."""
        self._open()
        self._loop()

    def _open(self) -> None:
        with self.lock:
            # What the peer may send before it has acknowledged these settings is bounded by the defaults.
            self.h2.initiate_connection()
            if self._settings:
                self.h2.update_settings(self._settings)
            self.wire.sock.setblocking(False)
            self.flush()

    # MARK: For streams and tests

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"waited {seconds} s for: {what}; fault: {self.fault}, streams: {len(self.streams)}"
                self.changed.wait(left)

    def open_stream(self, headers: List[Field], end: bool) -> Stream:
        with self.lock:
            if self.over.is_set():
                raise Gone(f"the connection is over: {self.wire.end}, {self.fault}")
            stream = Stream(self, self.h2.get_next_available_stream_id())
            self.streams[stream.id] = stream
            stream.send_head(headers, end)
            return stream

    def check(self, stream: Optional[Stream]) -> None:
        if self.over.is_set():
            raise Gone(f"the connection is over: {self.wire.end}, {self.fault}")
        if stream is not None and stream.reset_code is not None:
            raise Gone(f"RST_STREAM {stream.reset_code}")

    def act(self, stream: Optional[Stream], action: Callable[[], object]) -> None:
        """Does something to the protocol's state and sends what comes of it."""
        with self.lock:
            self.check(stream)
            try:
                action()
            except h2.exceptions.StreamClosedError as error:
                raise Gone(str(error)) from None
            self.flush()

    def give_credit(self, number: int, count: int) -> None:
        with self.lock:
            try:
                self.h2.increment_flow_control_window(count, number)
            except (h2.exceptions.ProtocolError, KeyError):
                # The stream is over: nobody needs its window any more.
                pass
            self.flush()

    def send_raw(self, data: bytes) -> None:
        """Bytes between the frames that `h2` writes, past its state."""
        with self.lock:
            self.check(None)
            self.flush()
            self._encrypt(data)

    def send_frame(self, frame: Frame) -> None:
        self.send_raw(frame.serialize())

    # MARK: Ending

    def end(self, how: str = "notify") -> None:
        """Ends the connection: "fin" without close_notify, "notify" with it, "reset"."""
        with self.lock:
            if self.over.is_set():
                return
            self.wire.sock.settimeout(5)
            try:
                self.wire.sock.sendall(self._waiting)
                self._waiting.clear()
                if how == "reset":
                    self.wire.reset()
                elif how == "notify":
                    self.wire.notify()
            except OSError:
                pass
            self._lingers = how != "reset"
            self._conclude(None)

    def close(self) -> None:
        """An orderly end and the reading thread's."""
        self.end("notify")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        self.wire.close()

    def _conclude(self, fault: Optional[Exception]) -> None:
        with self.changed:
            self.fault = self.fault or fault
            self.over.set()
            self.changed.notify_all()
        self._wake()

    # MARK: Bytes

    def flush(self) -> None:
        """Encrypts what the protocol wants to send and writes as much as the socket takes."""
        data = self.h2.data_to_send()
        if data:
            self._encrypt(data)
        elif self._waiting:
            self._write()

    def _encrypt(self, data: bytes) -> None:
        tls = self.wire.tls
        if tls is None:
            self._waiting += data
        else:
            view = memoryview(data)
            while view:
                view = view[tls.write(view[:16384]) :]
            self._waiting += self.wire._outgoing.read()
        self._write()

    def _write(self) -> None:
        try:
            while self._waiting:
                count = self.wire.sock.send(self._waiting)
                del self._waiting[:count]
        except BlockingIOError:
            self._wake()
        except OSError:
            # The reading side tells how the peer has gone.
            self._waiting.clear()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except OSError:
            pass

    def _loop(self) -> None:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        sock = self.wire.sock
        try:
            with self.lock:
                # What came with the end of the handshake.
                if self.wire.buffer:
                    self._received(self.wire.buffer)
                self._read_decrypted()
                if self.wire.end is not None:
                    self._conclude(None)
            while not self.over.is_set():
                with self.lock:
                    wanted = (select.POLLIN if self.reading.is_set() else 0) | (select.POLLOUT if self._waiting else 0)
                poll.register(sock, wanted)
                # Now and then a look at `reading`, which has no wake-up of its own.
                for number, what in poll.poll(200):
                    if number == self._wake_read:
                        os.read(self._wake_read, 65536)
                    elif what & (select.POLLHUP | select.POLLERR):
                        self.reading.set()
                with self.lock:
                    if self.over.is_set():
                        break
                    if self._waiting:
                        self._write()
                        self.changed.notify_all()
                    if self.reading.is_set():
                        self._read()
        except Exception as fault:  # noqa: BLE001 — h2's verdict on the peer, or a test's own mistake: the test asks
            try:
                with self.lock:
                    self.flush()
            except Exception:  # noqa: BLE001
                pass
            self._conclude(None if self.over.is_set() else fault)
        finally:
            self._conclude(None)
            os.close(self._wake_read)
            wake, self._wake_write = self._wake_write, -1
            os.close(wake)
            if self._lingers:
                try:
                    self.wire.linger(5)
                except OSError:
                    pass

    def _read(self) -> None:
        try:
            data = self.wire.sock.recv(262144)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.wire.end = "reset"
            self._conclude(None)
            return
        if self.wire.tls is None:
            if data:
                self._received(data)
            else:
                self.wire.end = "fin"
        elif data:
            self.wire._incoming.write(data)
        else:
            self.wire._incoming.write_eof()
        if self.wire.tls is not None:
            self._read_decrypted()
        if self.wire.end is not None:
            self._conclude(None)

    def _read_decrypted(self) -> None:
        if self.wire.tls is None:
            return
        try:
            while True:
                data = self.wire.tls.read(262144)
                if not data:
                    self.wire.end = "notify"
                    break
                self._received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.wire.end = "notify"
        except ssl.SSLError as error:
            ragged = isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"
            self.wire.end = "fin" if ragged else "alert"
        if self.wire._outgoing.pending:
            self._waiting += self.wire._outgoing.read()
            self._write()

    def _received(self, data: bytes) -> None:
        """Notes each frame's header and hands the frames to `h2`, but for GOAWAY: `h2` would accept nothing after it,
        though the streams in flight go on."""
        self._partial += data
        if self._preface_left:
            count = min(self._preface_left, len(self._partial))
            self._preface_left -= count
            self._feed(self._partial[:count])
            self._partial = self._partial[count:]
        while len(self._partial) >= 9:
            length = int.from_bytes(self._partial[:3], "big")
            if len(self._partial) < 9 + length:
                break
            frame, self._partial = self._partial[: 9 + length], self._partial[9 + length :]
            seen = Seen(frame[3], frame[4], int.from_bytes(frame[5:9], "big") & 0x7FFFFFFF, length)
            self.frames.append(seen)
            self.counts[seen.type] += 1
            if seen.type == GOAWAY and length >= 8:
                last = int.from_bytes(frame[9:13], "big") & 0x7FFFFFFF
                self.goaways.append((last, int.from_bytes(frame[13:17], "big")))
                self.changed.notify_all()
            else:
                self._feed(frame)

    def _feed(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self._note(event)
        self.flush()
        self.changed.notify_all()

    # MARK: Events

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[event.stream_id] = Stream(self, event.stream_id)
            stream.message = H2Message(event.headers)
            if self.opened is not None:
                self.opened(stream)
            return
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.peer_settings.update({int(key): change.new_value for key, change in event.changed_settings.items()})
            return
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, h2.events.DataReceived):
            # The connection's window is nobody's in particular: one stream that is not read must not stop the others.
            credit = event.flow_controlled_length
            if credit:
                self.h2.increment_flow_control_window(credit)
            if stream is not None:
                stream.received_bytes += len(event.data)
                stream.inbound.append((event.data, credit))
                if credit and stream.reads_at_once:
                    self.give_credit(stream.id, credit)
        elif stream is None:
            return
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(H2Message(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.message = H2Message(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            if stream.message is not None:
                trailers = H2Message(event.headers)
                stream.message.trailers = trailers.fields
                stream.message.has_trailers = True
                stream.message.violations += trailers.violations
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset_code = int(event.error_code)
            stream.reset_by_peer = bool(event.remote_reset)
