"""A client of few lines: TLS with or without a CONNECT before it, and one exchange."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from pathlib import Path
from typing import Dict

from stand import HOST, PATH


def tls_context(root: Path) -> ssl.SSLContext:
    """Trusts `root` alone, and offers what an SDK for HTTP/1.1 does."""
    context = ssl.create_default_context(cafile=str(root))
    context.set_alpn_protocols(["http/1.1"])
    return context


def say_connect(plain: socket.socket, host: str) -> None:
    """Asks a proxy for a tunnel to port 443 of `host`."""
    plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # Nothing follows the head before the client has spoken, so that bytewise reading is not needed.
        piece = plain.recv(4096)
        if not piece:
            break
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"CONNECT was answered {answer[:200]!r}")


def open_tls(port: int, context: ssl.SSLContext, through_proxy: bool, host: str = HOST) -> ssl.SSLSocket:
    """A TLS connection to `host` by way of a port of this machine."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if through_proxy:
            say_connect(plain, host)
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def send_request(connection: ssl.SSLSocket, body: bytes) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {'k' * 60}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)


def exchange(connection: ssl.SSLSocket, body: bytes) -> bytes:
    """One request and its answer, which must be a 200 with a Content-Length; returns the answer's body."""
    send_request(connection, body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += receive(connection)
    head, _, content = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"answered {head!r}")
    while len(content) < int(fields[b"content-length"]):
        content += receive(connection)
    return content


def receive(connection: ssl.SSLSocket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionError("the connection was closed")
    return piece


def metrics(admin_port: int) -> Dict[str, float]:
    """leo's metrics, by name and labels as they are written."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{admin_port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}
