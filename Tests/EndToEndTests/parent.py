"""A parent proxy: answers CONNECT as a company's proxy does, or as badly as a test asks, and remembers what it was asked.

It leads every target to the address that the test named for it, so that a name which exists nowhere else shows that leo
itself looked nothing up.
"""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Callable, Dict, List, Optional

from provider import Listener
from wires import Message, Reader, Wire

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Parent:
    """`routes` has the address for each target, `answers` what is done with a CONNECT in place of connecting. With a
    context it speaks TLS, and `name` is one that its certificate is good for."""

    def __init__(self, context: Optional[ssl.SSLContext] = None, host: str = "127.0.0.1") -> None:
        self.routes: Dict[str, str] = {}
        self.answers: Dict[str, Callable[[Wire, Message], None]] = {}
        self.asked: List[Message] = []
        self.established = ESTABLISHED
        # The value of Proxy-Authorization that is asked for; None: anybody may come.
        self.authorization: Optional[str] = None
        self._context = context
        self._listener = Listener(self._serve, host)

    @property
    def address(self) -> str:
        return self._listener.address

    @property
    def name(self) -> str:
        return self.address if self._context is None else f"proxy.leo-test.example:{self._listener.port}"

    @property
    def settings(self) -> Dict[str, object]:
        """The part of `[upstream]` that leads leo through it."""
        if self._context is None:
            return {"via": f"http://{self.name}"}
        return {"via": f"https://{self.name}", "resolve": {self.name: self.address}}

    @property
    def targets(self) -> List[str]:
        return [request.target for request in self.asked]

    def close(self) -> None:
        self._listener.close()

    def _serve(self, sock: socket.socket) -> None:
        wire = Wire(sock, 60)
        if self._context is not None:
            wire.start_tls(self._context, server=True)
        reader = Reader(wire)
        request = reader.head()
        if request is None:
            return
        # What a test waits for is what was asked; it must be there when the answer arrives.
        self.asked.append(request)
        if self.authorization is not None and request.all("proxy-authorization") != [self.authorization]:
            wire.send(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n"
                b"Content-Length: 4\r\n\r\nnope"
            )
            wire.linger(5)
            return
        special = self.answers.get(request.target)
        if special is not None:
            special(wire, request)
            return
        host, port = self.routes[request.target].rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port)), timeout=60) as onward:
            wire.send(self.established)
            relay(wire, reader.buffer, onward)


def relay(wire: Wire, first: bytes, onward: socket.socket) -> None:
    """Bytes in both directions until both have ended. The wire may be TLS, so one thread has it to itself for reading."""
    far = Wire(onward, 60)
    lock = threading.Lock()

    def back() -> None:
        try:
            for data in iter(far.receive, b""):
                with lock:
                    wire.send(data)
            with lock:
                wire.half_close()
        except OSError:
            pass

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    if first:
        far.send(first)
    while wire.end is None:
        # OpenSSL's object is not for two threads at once: wait for bytes without the lock, take them with it.
        with lock:
            wire.pending(0)
            data, wire.buffer = wire.buffer, b""
        if data:
            far.send(data)
        elif wire.end is None and not wire.readable(60):
            break
    try:
        far.half_close()
    except OSError:
        pass
    thread.join(60)
