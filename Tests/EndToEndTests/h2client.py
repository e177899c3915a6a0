"""A client over HTTP/2 through leo: CONNECT and TLS by hand, ALPN h2, streams by python `h2` (see h2wire.py)."""

from __future__ import annotations

import ssl
from typing import Dict, List, Optional

from h2wire import Gone, H2Message, Link, Stream
from rawclient import RawClient, trusting
from wires import Field, fields_of


class H2Client:
    """One connection with many streams. `local` is its own "ip:port", by which the access log names it."""

    def __init__(
        self,
        raw: RawClient,
        host: str = "api.openai.com",
        port: int = 443,
        settings: Optional[Dict[int, int]] = None,
        protocols: Optional[List[str]] = None,
    ) -> None:
        self.raw = raw
        self.local = raw.local
        self.host = host
        answer = raw.connect(f"{host}:{port}")
        assert answer.status == 200, answer
        raw.start_tls(host, protocols or ["h2"])
        assert raw.wire.tls is not None and raw.wire.tls.selected_alpn_protocol() == "h2"
        self.link = Link(raw.wire, client_side=True, settings=settings).start()

    def head(self, method: str, path: str, fields=(), authority: Optional[str] = None) -> List[Field]:
        pseudo = [(":method", method), (":scheme", "https"), (":authority", authority or self.host), (":path", path)]
        return fields_of(pseudo) + fields_of(fields)

    def request(
        self,
        method: str,
        path: str,
        fields=(),
        body: Optional[bytes] = None,
        pieces: Optional[List[bytes]] = None,
        trailers: List[Field] = [],
        authority: Optional[str] = None,
        length: bool = True,
    ) -> Stream:
        """Sends a request. `body` goes with its length unless told otherwise, `pieces` without one."""
        lines = fields_of(fields)
        if body is not None and length:
            lines.append((b"content-length", b"%d" % len(body)))
        ends = body is None and pieces is None and not trailers
        stream = self.link.open_stream(self.head(method, path, lines, authority), ends)
        if ends:
            return stream
        sent = pieces if pieces is not None else [body or b""]
        try:
            for number, data in enumerate(sent, 1):
                stream.send(data, end=number == len(sent) and not trailers)
            if trailers or not sent:
                stream.finish(trailers)
        except Gone:
            # An early answer wants no more of the request; whoever reads the stream sees what became of it.
            pass
        return stream

    def exchange(self, method: str, path: str, fields=(), body: Optional[bytes] = None, **more) -> H2Message:
        return self.request(method, path, fields, body, **more).body()

    def begin(self, method: str, path: str, fields=(), authority: Optional[str] = None) -> Stream:
        """Sends the head of a request whose body follows."""
        return self.link.open_stream(self.head(method, path, fields, authority), False)

    def close(self) -> None:
        self.link.close()

    def reset(self) -> None:
        self.link.end("reset")

    def __enter__(self) -> H2Client:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def direct(address, host: str, root, settings: Optional[Dict[int, int]] = None) -> Link:
    """A link to a server without anything between: how these tools are checked against each other."""
    raw = RawClient(address, root)
    context: ssl.SSLContext = trusting(root)
    context.set_alpn_protocols(["h2"])
    raw.wire.start_tls(context, host)
    return Link(raw.wire, client_side=True, settings=settings).start()
