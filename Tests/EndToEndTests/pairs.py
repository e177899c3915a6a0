"""The four pairings of protocols: one way of asking, whichever the client speaks, and what has to arrive on the other
side, whichever the provider speaks (RFC 9113 8: lower-case names, Host and :authority, cookie crumbs; nothing else)."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional

from h2client import H2Client
from h2wire import CANCEL, Stream
from rawclient import RawClient
from wires import Field, Message, chunk, fields_of, head


class Pairing(NamedTuple):
    client: int
    upstream: int

    @property
    def host(self) -> str:
        """A host of the test provider that speaks this protocol alone."""
        return "good.leo-test.example" if self.upstream == 1 else "h2.leo-test.example"

    def __str__(self) -> str:
        return f"{self.client}-{self.upstream}"

    def caller(self, leo, timeout: float = 20.0, **more) -> Caller:
        if self.client == 1:
            return Caller1(leo.client(timeout), self.host)
        return Caller2(H2Client(leo.client(timeout), self.host, **more), self.host)

    # MARK: What has to arrive

    def at_provider(self, fields: List[Field], host: Optional[str] = None) -> List[Field]:
        """The end-to-end fields of a request as the provider must see them, but for Host."""
        if (self.client, self.upstream) == (1, 1):
            return fields
        if self.client == 2 and self.upstream == 1:
            return joined_cookies(fields)
        return lowered(fields)

    def at_client(self, fields: List[Field]) -> List[Field]:
        """The end-to-end fields of an answer as the client must see them."""
        return fields if (self.client, self.upstream) == (1, 1) else lowered(fields)


PAIRINGS = [Pairing(client, upstream) for client in (1, 2) for upstream in (1, 2)]


def lowered(fields: List[Field]) -> List[Field]:
    return [(name.lower(), value) for name, value in fields]


def joined_cookies(fields: List[Field]) -> List[Field]:
    """RFC 9113 8.2.3: one cookie field, where the first crumb was."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    found: List[Field] = []
    for name, value in fields:
        if name != b"cookie":
            found.append((name, value))
        elif crumbs:
            found.append((name, b"; ".join(crumbs)))
            crumbs = []
    return found


class Asked:
    """A request that was sent, or is being sent."""

    def send(self, data: bytes) -> None:
        """More of the body of a request that was begun."""
        raise NotImplementedError

    def finish(self) -> None:
        raise NotImplementedError

    def head(self) -> Message:
        """The final head; its `interim` has what came before."""
        raise NotImplementedError

    def read(self, on_data: Optional[Callable[[bytes], None]] = None) -> Message:
        """The whole answer, or what there was of it."""
        raise NotImplementedError

    def take(self) -> bytes:
        """Some bytes of the answer's body or its framing; b"" at the end."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Leaves: the stream over HTTP/2, the connection over HTTP/1."""
        raise NotImplementedError


class Caller:
    """One connection of a client; `raw` is what the access log's lines are found by."""

    raw: RawClient

    def begin(self, method: str, path: str, fields=(), length: Optional[int] = None) -> Asked:
        """Sends a head; the body follows by `send`."""
        raise NotImplementedError

    def start(self, method: str, path: str, fields=(), body=None, pieces=None, trailers: List[Field] = []) -> Asked:
        raise NotImplementedError

    def ask(self, method: str, path: str, fields=(), body=None, pieces=None, trailers: List[Field] = []) -> Message:
        return self.start(method, path, fields, body, pieces, trailers).read()

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Asked1(Asked):
    def __init__(self, raw: RawClient, is_chunked: bool) -> None:
        self.raw = raw
        self.is_chunked = is_chunked
        self.message: Optional[Message] = None

    def send(self, data: bytes) -> None:
        self.raw.send(chunk(data) if self.is_chunked else data)

    def finish(self) -> None:
        if self.is_chunked:
            self.raw.send(b"0\r\n\r\n")

    def head(self) -> Message:
        if self.message is None:
            self.message = self.raw.answer_head()
        return self.message

    def read(self, on_data=None) -> Message:
        message = self.head()
        self.raw.reader.on_data = on_data
        self.raw.reader.body(message)
        self.raw.reader.on_data = None
        return message

    def take(self) -> bytes:
        data, self.raw.reader.buffer = self.raw.reader.buffer, b""
        return data or self.raw.wire.receive()

    def cancel(self) -> None:
        self.raw.close()


class Caller1(Caller):
    def __init__(self, raw: RawClient, host: str) -> None:
        self.raw = raw.intercepted(host)
        self.host = host

    def begin(self, method: str, path: str, fields=(), length: Optional[int] = None) -> Asked:
        framing = (b"Content-Length", b"%d" % length) if length is not None else (b"Transfer-Encoding", b"chunked")
        self.raw.expect_answer_to(method)
        lines = fields_of([("Host", self.host)]) + fields_of(fields) + [framing]
        self.raw.send(head(f"{method} {path} HTTP/1.1", lines))
        return Asked1(self.raw, length is None)

    def start(self, method: str, path: str, fields=(), body=None, pieces=None, trailers: List[Field] = []) -> Asked:
        lines = b"".join(b"%s: %s\r\n" % field for field in trailers)
        self.raw.request(method, path, fields, body, pieces=pieces, host=self.host, trailers=lines)
        return Asked1(self.raw, pieces is not None)

    def close(self) -> None:
        self.raw.close()


class Asked2(Asked):
    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def send(self, data: bytes) -> None:
        self.stream.send(data)

    def finish(self) -> None:
        self.stream.finish()

    def head(self) -> Message:
        message = self.stream.head()
        message.interim = list(self.stream.interim)
        return message

    def read(self, on_data=None) -> Message:
        return self.stream.body(on_data)

    def take(self) -> bytes:
        return self.stream.take()

    def cancel(self) -> None:
        self.stream.reset(CANCEL)


class Caller2(Caller):
    def __init__(self, client: H2Client, host: str) -> None:
        self.client = client
        self.raw = client.raw
        self.host = host

    def begin(self, method: str, path: str, fields=(), length: Optional[int] = None) -> Asked:
        lines = fields_of(fields) + ([(b"content-length", b"%d" % length)] if length is not None else [])
        return Asked2(self.client.begin(method, path, lines))

    def start(self, method: str, path: str, fields=(), body=None, pieces=None, trailers: List[Field] = []) -> Asked:
        return Asked2(self.client.request(method, path, fields, body if pieces is None else None, pieces, trailers))

    def close(self) -> None:
        self.client.close()
