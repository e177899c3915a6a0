"""A client that writes its own bytes: CONNECT, TLS and HTTP/1 by hand, with every way of misbehaving."""

from __future__ import annotations

import os
import socket
import ssl
from typing import List, Optional, Tuple, Union

from wires import Broken, Message, NestedWire, Reader, Wire, chunk, fields_of, head


def connect(address: Tuple[str, int], timeout: float = 20.0) -> Wire:
    return Wire(socket.create_connection(address, timeout=timeout), timeout)


def trusting(root, check_host: bool = True) -> ssl.SSLContext:
    """A client context that trusts this root alone."""
    context = ssl.create_default_context(cafile=str(root))
    context.check_hostname = check_host
    return context


def local_name(sock) -> str:
    """How leo's access log names the client at this end."""
    if sock.family == socket.AF_UNIX:
        return f"unix:uid={os.getuid()}"
    name = sock.getsockname()
    return f"[{name[0]}]:{name[1]}" if sock.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


class RawClient:
    """One connection to leo. `local` is how the access log names it: its own "ip:port", or the user's number."""

    def __init__(self, proxy: Union[Tuple[str, int], Wire], root, timeout: float = 20.0) -> None:
        self.wire = proxy if isinstance(proxy, Wire) else connect(proxy, timeout)
        self.root = root
        self.reader = Reader(self.wire)
        self.local = local_name(self.wire.sock)
        self._methods: List[str] = []

    # MARK: Ways in

    def connect(self, target: str, version: str = "1.1", fields=()) -> Message:
        """Sends a CONNECT and returns its answer, with the body of a refusal."""
        self.wire.send(head(f"CONNECT {target} HTTP/{version}", fields_of(fields or [("Host", target)])))
        self._methods.append("CONNECT")
        return self.answer()

    def start_tls(
        self, server_name: Optional[str], alpn: Optional[List[str]] = None, context: Optional[ssl.SSLContext] = None
    ) -> None:
        assert not self.reader.buffer, f"bytes before the handshake: {self.reader.buffer!r}"
        if context is None:
            context = trusting(self.root, check_host=server_name is not None)
            if alpn:
                context.set_alpn_protocols(alpn)
        if self.wire.tls is not None:
            # The way in is TLS itself: this goes inside.
            self.wire = NestedWire(self.wire)
            self.reader = Reader(self.wire)
        self.wire.start_tls(context, server_name)

    def intercepted(self, host: str = "api.openai.com", port: int = 443) -> RawClient:
        """CONNECT and TLS to a host that leo intercepts: ready for requests."""
        answer = self.connect(f"{host}:{port}")
        assert answer.status == 200, answer
        self.start_tls(host)
        return self

    # MARK: Messages

    def send(self, raw: bytes) -> None:
        self.wire.send(raw)

    def request(
        self,
        method: str,
        path: str,
        fields=(),
        body: Optional[bytes] = None,
        pieces: Optional[List[bytes]] = None,
        host: str = "api.openai.com",
        trailers: bytes = b"",
    ) -> None:
        """Sends a request; `pieces` sends them chunked instead of `body` with its length."""
        lines = fields_of([("Host", host)]) + fields_of(fields)
        if pieces is not None:
            lines.append((b"Transfer-Encoding", b"chunked"))
        elif body is not None:
            lines.append((b"Content-Length", b"%d" % len(body)))
        self.expect_answer_to(method)
        self.send(head(f"{method} {path} HTTP/1.1", lines))
        if pieces is not None:
            for data in pieces:
                self.send(chunk(data))
            self.send(b"0\r\n" + trailers + b"\r\n")
        elif body:
            self.send(body)

    def expect_answer_to(self, method: str) -> None:
        self._methods.append(method)

    def answer_head(self) -> Message:
        """The next final head; interim answers are collected in its `interim`."""
        interim: List[Message] = []
        while True:
            message = self.reader.head()
            if message is None:
                raise Broken(f"the connection ended ({self.wire.end}) where an answer should begin")
            method = self._methods[0] if self._methods else "GET"
            self.reader.frame(message, answering=method)
            if 100 <= message.status < 200 and message.status != 101:
                interim.append(message)
                continue
            if self._methods:
                self._methods.pop(0)
            message.interim = interim
            return message

    def answer(self) -> Message:
        message = self.answer_head()
        self.reader.body(message)
        return message

    def exchange(self, method: str, path: str, fields=(), body: Optional[bytes] = None, **more) -> Message:
        self.request(method, path, fields, body, **more)
        return self.answer()

    def close(self) -> None:
        self.wire.close()

    def reset(self) -> None:
        self.wire.reset()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_) -> None:
        self.close()
