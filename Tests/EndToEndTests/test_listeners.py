"""Ways in besides the proxy listener: what each is, and how it begins and ends. test_ways_in.py sends requests."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import harness
from harness import toml
from wires import Wire


def unix(path) -> Wire:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return Wire(sock)


def failure(file: Path, settings, env=None, **more) -> str:
    """What `leo serve` says when it does not start."""
    file.write_text(toml(settings), encoding="utf-8")
    done = harness.leo("serve", file, env=env, **more)
    assert done.returncode == 2, done
    return done.stderr


def test_the_ready_line_names_every_listener(leo_with, tmp_path):
    path = tmp_path / "proxy.sock"
    leo = leo_with(
        {"listen": {"proxy_unix": str(path), "transparent": ["127.0.0.1:0", "[::1]:0"], "reverse": "127.0.0.1:0"}}
    )
    names = [part.split()[0] for part in leo.ready.removeprefix("leo: ready, ").split(", ")]
    assert names == ["proxy", "proxy_unix", "transparent", "transparent", "reverse", "admin"]
    assert f"proxy_unix {path}," in leo.ready
    assert leo.address("reverse")[1] != leo.address("proxy")[1]


def test_no_listener_is_dialled(leo_with):
    """leo through leo would be a loop."""
    leo = leo_with({"listen": {"reverse": "127.0.0.1:0", "transparent": "127.0.0.1:0"}})
    for name in ("proxy", "reverse", "transparent", "admin"):
        with leo.client() as client:
            assert client.connect(f"127.0.0.1:{leo.address(name)[1]}").status == 403
            assert leo.line_of(client)["error"] == "address_refused"


# MARK: The Unix socket


def test_a_unix_socket_is_a_proxy_too(leo_with, provider, tmp_path, test_id):
    path = tmp_path / "proxy.sock"
    leo = leo_with({"listen": {"proxy_unix": str(path)}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with leo.client(way=unix(path)).intercepted() as client:
        answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}")
        assert answer.status == 200
        line = leo.line_of(client)
    assert (line["kind"], line["client"]) == ("exchange", f"unix:uid={os.getuid()}")
    assert len(provider.of(test_id)) == 1
    leo.stop()
    assert not path.exists()


def test_a_tunnel_leads_through_a_unix_socket(leo_with, provider, tmp_path):
    path = tmp_path / "proxy.sock"
    leo = leo_with({"listen": {"proxy_unix": str(path)}})
    listener = provider.listen_raw(lambda sock: sock.sendall(sock.recv(5)))
    with leo.client(way=unix(path)) as client:
        assert client.connect(listener.address).status == 200
        client.send(b"hello")
        assert client.wire.receive() == b"hello"
        client.wire.half_close()
        assert client.wire.wait_end(20) == "fin"
        assert leo.line_of(client)["kind"] == "tunnel"


def test_a_unix_socket_left_over_is_replaced_and_a_live_one_is_not(leo_with, settings, tmp_path):
    path = tmp_path / "proxy.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    leo = leo_with({"listen": {"proxy_unix": str(path)}})
    second = harness.merged(settings, {"listen": {"proxy_unix": str(path)}})
    assert f'listen.proxy_unix = "{path}": somebody listens there already' in failure(tmp_path / "b.toml", second)
    assert leo.client(way=unix(path)).connect("127.0.0.1:1").status in (200, 502)
    path_of_a_file = tmp_path / "file"
    path_of_a_file.write_text("precious")
    third = harness.merged(settings, {"listen": {"proxy_unix": str(path_of_a_file)}})
    assert "something else than a socket is there" in failure(tmp_path / "c.toml", third)
    assert path_of_a_file.read_text() == "precious"


# MARK: systemd's sockets


def test_sockets_are_taken_over_from_systemd(start, tmp_path, provider, test_id):
    path = str(tmp_path / "given.sock")
    given = [
        ("proxy", socket.create_server(("127.0.0.1", 0))),
        ("proxy", socket.create_server(("::1", 0), family=socket.AF_INET6)),
        ("admin", socket.create_server(("127.0.0.1", 0))),
    ]
    local = socket.socket(socket.AF_UNIX)
    local.bind(path)
    local.listen()
    given.append(("proxy_unix", local))
    # The addresses of the file are in use: whoever opened them would fail.
    taken = given[0][1].getsockname()[1]
    changes = {"listen": {"proxy": f"127.0.0.1:{taken}", "proxy_unix": path}}
    leo = start("given", changes, sockets=given)
    try:
        assert leo.proxy == given[0][1].getsockname()[:2] and leo.admin == given[2][1].getsockname()[:2]
        assert f"proxy http://[::1]:{given[1][1].getsockname()[1]}" in leo.ready
        ways = [None, Wire(socket.create_connection(given[1][1].getsockname()[:2])), unix(path)]
        for way in ways:
            with leo.client(way=way).intercepted() as client:
                answer = client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}")
                assert answer.status == 200
        assert leo.get("/healthz")[0] == 200
        assert len(provider.of(test_id)) == 3
        environ = Path(f"/proc/{leo.process.pid}/environ")
        assert leo.alive() and environ.exists()
    finally:
        leo.stop()
        for _, each in given:
            each.close()
    # systemd's file is systemd's to remove.
    assert Path(path).exists()


@pytest.mark.parametrize(
    "name, make, said",
    [
        ("porxy", lambda: socket.create_server(("127.0.0.1", 0)), 'with the name "porxy"'),
        ("proxy_unix", lambda: socket.create_server(("127.0.0.1", 0)), "proxy_unix is a path"),
        ("proxy", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "does not listen for connections"),
        ("proxy", lambda: socket.socket(socket.AF_INET), "does not listen for connections"),
        ("proxy", lambda: socket.create_server(("0.0.0.0", 0)), "would let other machines use leo"),
    ],
)
def test_a_wrong_socket_from_systemd_is_named(settings, tmp_path, name, make, said):
    file = tmp_path / "leo.toml"
    file.write_text(toml(settings), encoding="utf-8")
    with make() as given:
        command, more = harness.handing_over([given], [str(harness.BINARY), "serve", str(file)])
        done = subprocess.run(
            command, env={**harness.environment(), "LISTEN_FDS": "1", "LISTEN_FDNAMES": name}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True, **more,
        )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
