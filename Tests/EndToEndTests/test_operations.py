"""What operators do: stop, drain, rotate the log, ask the admin listener."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time

import pytest

from harness import wait_until
from wires import fields_of, head

POST = "/v1/chat/completions"


def streaming(provider, test_id: str) -> threading.Event:
    """A stream of two events, the second after the returned event is set."""
    rest = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.begin(200, [("Content-Type", "text/event-stream")])
        exchange.piece(b"data: 1\n\n")
        assert rest.wait(60)
        exchange.piece(b"data: 2\n\n")
        exchange.finish()

    provider.scripts[test_id] = script
    return rest


def refuses(address) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
        return False
    except OSError:
        return True


def test_sigterm_lets_a_running_stream_finish(leo_with, provider, test_id):
    leo = leo_with({"listen": {"drain_timeout": "60s"}})
    rest = streaming(provider, test_id)
    with leo.client().intercepted() as client:
        client.request("POST", POST, [("x-test-id", test_id)], b'{"stream":true}')
        message = client.answer_head()
        leo.signal(signal.SIGTERM)
        wait_until(lambda: refuses(leo.proxy), "leo to stop accepting")
        assert leo.alive()
        rest.set()
        client.reader.body(message)
        assert message.complete and message.body == b"data: 1\n\ndata: 2\n\n"
        assert client.wire.wait_end(20) == "notify"
    wait_until(lambda: not leo.alive(), "leo to end")
    assert leo.process.returncode == 0
    # The line was written although leo was already on its way out.
    assert "error" not in leo.line_of(client)


def test_sigterm_closes_idle_connections_at_once(leo_with):
    leo = leo_with({"listen": {"drain_timeout": "60s"}})
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models").status == 200
        silent = leo.client()
        started = time.monotonic()
        leo.signal(signal.SIGTERM)
        assert client.wire.wait_end(20) == "notify"
        assert silent.wire.wait_end(20) is not None
        wait_until(lambda: not leo.alive(), "leo to end")
        assert time.monotonic() - started < 20
        assert leo.process.returncode == 0


def test_the_drain_ends_at_its_deadline_and_what_still_runs_is_cut(leo_with, provider, test_id):
    leo = leo_with({"listen": {"drain_timeout": "1s"}})
    rest = streaming(provider, test_id)
    try:
        with leo.client().intercepted() as client:
            client.request("POST", POST, [("x-test-id", test_id)], b'{"stream":true}')
            message = client.answer_head()
            leo.signal(signal.SIGTERM)
            client.reader.body(message)
            assert not message.complete and message.end in ("fin", "reset")
        wait_until(lambda: not leo.alive(), "leo to end")
        assert leo.process.returncode == 0
        assert leo.line_of(client)["error"] == "draining"
    finally:
        rest.set()


def test_sigusr1_opens_the_log_anew(leo_with, tmp_path):
    path = tmp_path / "access.log"
    leo = leo_with({"access_log": {"path": str(path)}})

    def one():
        with leo.client().intercepted() as client:
            assert client.exchange("GET", "/v1/models").status == 200
            return client

    leo.line_of(one())
    moved = tmp_path / "access.log.1"
    os.rename(path, moved)
    leo.signal(signal.SIGUSR1)
    wait_until(path.exists, "the new log")
    leo.line_of(one())
    assert len(moved.read_text().splitlines()) == 1
    assert len(path.read_text().splitlines()) == 1
    assert path.stat().st_mode & 0o007 == 0, "others may not read the log"


def test_every_line_of_a_busy_time_is_whole(leo_with, tmp_path):
    path = tmp_path / "access.log"
    leo = leo_with({"access_log": {"path": str(path)}})

    def many():
        with leo.client().intercepted() as client:
            for _ in range(20):
                assert client.exchange("GET", "/v1/models").status == 200

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    wait_until(lambda: len(leo.lines()) == 160, "160 lines")
    assert len({line["id"] for line in leo.lines()}) == 160


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told(leo, path):
    assert leo.get(path)[0] == 200


def test_readyz_is_told_no_while_leo_drains(leo_with, provider, test_id):
    leo = leo_with({"listen": {"drain_timeout": "60s"}})
    rest = streaming(provider, test_id)
    with leo.client().intercepted() as client:
        client.request("POST", POST, [("x-test-id", test_id)], b'{"stream":true}')
        message = client.answer_head()
        leo.signal(signal.SIGTERM)

        def not_ready() -> bool:
            try:
                return leo.get("/readyz")[0] == 503
            except OSError:
                return True  # the admin listener may have gone first

        wait_until(not_ready, "leo to say that it is not ready")
        rest.set()
        client.reader.body(message)
        assert message.complete


def test_metrics_count_what_happened(leo, provider, test_id):
    def total(text: str) -> float:
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("leo_faults_total") and "misdirected" in line
        )

    before = leo.get("/metrics")[1]
    with leo.client().intercepted() as client:
        assert client.exchange("POST", POST, [("x-test-id", test_id)], b"{}", host="api.anthropic.com").status == 421
    status, after = leo.get("/metrics")
    assert status == 200
    assert total(after) == total(before) + 1
    for line in after.splitlines():
        # The exposition format: a comment, or a name, labels and a number.
        if line and not line.startswith("#"):
            name, number = line.rsplit(" ", 1)
            float(number)
            assert name.startswith(("leo_", "process_")), line
    assert test_id not in after


@pytest.mark.parametrize(
    "method, path, status", [("GET", "/nothing", 404), ("POST", "/healthz", 405), ("HEAD", "/healthz", 200)]
)
def test_the_admin_listener_knows_its_manners(leo, method, path, status):
    with socket.create_connection(leo.admin, timeout=20) as sock:
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert int(answer.split(b" ", 2)[1]) == status


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000, b"GET /heal"]
)
def test_bad_input_to_the_admin_listener_does_no_harm(hasty, raw):
    sock = socket.create_connection(hasty.admin, timeout=20)
    try:
        sock.sendall(raw)
        # Half a request is answered by nobody; everything else ends with an answer or a close.
        while b"\r\n" in raw and sock.recv(65536):
            pass
    except OSError:
        pass
    sock.close()
    assert hasty.get("/healthz")[0] == 200


def test_promise_6_a_full_log_pipe_does_not_stop_the_work(leo_with, tmp_path):
    """on_full = "drop": the reader of the pipe is stuck, the exchanges go on."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        leo = leo_with({"access_log": {"path": str(path), "on_full": "drop"}})
        with leo.client().intercepted() as client:
            for _ in range(400):
                assert client.exchange("GET", "/v1/models", [("User-Agent", "x" * 200)]).status == 200
        taken = os.read(reader, 1 << 20)
        assert json.loads(taken.splitlines()[0])["kind"] == "exchange"
    finally:
        # The stop in the fixture must not hang on the pipe either.
        os.close(reader)


def test_promise_6_a_pipe_whose_reader_left_does_not_end_leo(leo_with, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    leo = leo_with({"access_log": {"path": str(path), "on_full": "drop"}})
    os.close(reader)
    with leo.client().intercepted() as client:
        for _ in range(3):
            assert client.exchange("GET", "/v1/models").status == 200
    assert leo.alive()


def test_promise_6_a_blocked_log_refuses_new_work_where_the_file_says_so(leo_with, provider, test_id):
    """on_full = "block" on a device that is always full: once the queue is full of unwritten lines, no work is done."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    names = [f"x-label-{number}" for number in range(8)]
    log = {"path": "/dev/full", "on_full": "block", "block_timeout": "100ms", "labels": names}
    leo = leo_with({"access_log": log})
    # The queue is bounded in lines and in bytes; long lines fill it sooner.
    request = head(
        "GET /v1/" + "x" * 1000 + " HTTP/1.1",
        fields_of([("Host", "api.openai.com"), ("User-Agent", "u" * 250), *((name, "l" * 250) for name in names)]),
    )
    with leo.client().intercepted() as client:
        for _ in range(40_000):
            client.expect_answer_to("GET")
            client.send(request)
            answer = client.answer()
            if answer.status != 200:
                break
    assert (answer.status, answer.first("x-leo-error")) == (503, "audit")
    assert leo.alive()
