"""Waits that providers ask for, upstreams that do not work, and retries of leo's own."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import Any, Dict, List, Tuple

import pytest

from harness import Leo, wait_until
from test_operations import POST
from wires import Message

KEY = [("Authorization", "Bearer sk-one")]
OTHER_KEY = [("Authorization", "Bearer sk-two")]
PLAIN = "plain.leo-test.example"


def ask(leo: Leo, test_id: str, fields: List[Tuple[str, str]], model: str = "gpt-5", **more) -> Message:
    """One request on a connection of its own."""
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": model}).encode()
    with leo.client().intercepted() as client:
        return client.exchange("POST", POST, [("x-test-id", test_id)] + fields, body, **more)


def refusing(status: int, wait_ms: int) -> List[Tuple[str, str]]:
    return [("x-test-status", str(status)), ("x-test-wait-ms", str(wait_ms))]


def metric(leo: Leo, name: str) -> float:
    found = re.search("^" + re.escape(name) + r" (\S+)$", leo.get("/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found.group(1))


# MARK: Promise: a provider that asks to be left alone is left alone


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_wait_holds_for_the_next_request_with_the_same_key_and_model(leo_with, provider, test_id, status):
    leo = leo_with()
    first = ask(leo, test_id, KEY + refusing(status, 30_000))
    assert (first.status, first.first("retry-after-ms"), first.first("x-leo-error")) == (status, "30000", None)
    second = ask(leo, test_id, KEY)
    assert (second.status, second.first("x-leo-error")) == (429, "provider_backoff")
    assert 20 < int(second.first("Retry-After")) <= 30
    assert 20_000 < int(second.first("retry-after-ms")) <= 30_000
    error = json.loads(second.body)["error"]
    assert error["message"].startswith("leo: ") and str(status) in error["message"]
    assert len(provider.of(test_id)) == 1
    assert metric(leo, 'leo_faults_total{error="provider_backoff"}') == 1
    assert "sk-one" not in leo.log_path.read_text() + leo.errors()


def test_a_wait_is_nobody_elses(leo_with, provider, test_id):
    leo = leo_with()
    assert ask(leo, test_id, KEY + refusing(429, 30_000)).status == 429
    assert ask(leo, test_id, OTHER_KEY).status == 200
    assert ask(leo, test_id, []).status == 200
    assert ask(leo, test_id, KEY, model="gpt-5-mini").status == 200
    with leo.client().intercepted("api.groq.com") as client:
        fields = [("x-test-id", test_id)] + KEY
        assert client.exchange("POST", "/openai/v1/chat/completions", fields, b"{}", host="api.groq.com").status == 200
    assert ask(leo, test_id, KEY).status == 429
    assert len(provider.of(test_id)) == 5


def test_requests_without_a_credential_teach_nothing(leo_with, provider, test_id):
    leo = leo_with()
    assert ask(leo, test_id, refusing(429, 30_000)).status == 429
    assert ask(leo, test_id, []).status == 200


def test_a_wait_is_believed_for_backoff_max_at_most(leo_with, provider, test_id):
    leo = leo_with({"upstream": {"backoff_max": "2s"}})
    assert ask(leo, test_id, KEY + refusing(429, 3_600_000)).status == 429
    refused = ask(leo, test_id, KEY)
    assert refused.first("x-leo-error") == "provider_backoff" and int(refused.first("retry-after-ms")) <= 2000
    wait_until(lambda: ask(leo, test_id, KEY).status == 200, "the end of the wait")


def test_a_provider_is_asked_every_time_where_the_file_says_so(leo_with, provider, test_id):
    leo = leo_with({"upstream": {"backoff_max": "0s"}})
    for _ in range(3):
        answer = ask(leo, test_id, KEY + refusing(429, 30_000))
        assert (answer.status, answer.first("x-leo-error")) == (429, None)
    assert len(provider.of(test_id)) == 3


# MARK: Promise: an upstream that does not work costs nobody a wait


def unreachable(port: int) -> Dict[str, Any]:
    return {"upstream": {"resolve": {f"{PLAIN}:8000": f"127.0.0.1:{port}"}}}


def ask_plain(leo: Leo) -> Message:
    with leo.client() as client:
        assert client.connect(f"{PLAIN}:8000").status == 200
        return client.exchange("POST", POST, [], b"{}", host=f"{PLAIN}:8000")


def test_an_upstream_that_cannot_be_reached_is_left_alone_and_tried_again(leo_with, provider):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        leo = leo_with(unreachable(port))
        for _ in range(5):
            answer = ask_plain(leo)
            assert (answer.status, answer.first("x-leo-error")) == (502, "connect_failed")
        answer = ask_plain(leo)
        assert (answer.status, answer.first("x-leo-error")) == (503, "circuit_open")
        assert 1 <= int(answer.first("Retry-After")) <= 6
        # What is left of the circuit's own time, and not the second that any 503 has.
        assert answer.first("retry-after-ms") != "1000"
        assert metric(leo, "leo_upstream_circuits_open") == 1
        # Others go on.
        with leo.client().intercepted() as client:
            assert client.exchange("POST", POST, [], b"{}").status == 200
        taken.listen(16)
        stop = threading.Event()

        def serve() -> None:
            taken.settimeout(0.1)
            while not stop.is_set():
                try:
                    peer, _ = taken.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.settimeout(20)
                    received = b""
                    while b"\r\n\r\n{}" not in received:
                        received += peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

        server = threading.Thread(target=serve)
        server.start()
        try:
            wait_until(lambda: ask_plain(leo).status == 200, "somebody to try")
            for _ in range(10):
                assert ask_plain(leo).status == 200
            assert metric(leo, "leo_upstream_circuits_open") == 0
        finally:
            stop.set()
            server.join()


def test_an_upstream_that_only_fails_is_left_alone(leo_with, provider, test_id):
    leo = leo_with()
    for _ in range(20):
        assert ask(leo, test_id, [("x-test-status", "500")]).status == 500
    answer = ask(leo, test_id, [])
    assert (answer.status, answer.first("x-leo-error")) == (503, "circuit_open")
    assert len(provider.of(test_id)) == 20


def test_answers_about_the_request_open_nothing(leo_with, provider, test_id):
    leo = leo_with()
    for status in [400, 401, 403, 404, 413, 429, 501] * 4:
        assert ask(leo, test_id, [("x-test-status", str(status))]).status == status
    assert ask(leo, test_id, []).status == 200


def test_every_request_tries_where_the_file_says_so(leo_with):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        changes = unreachable(taken.getsockname()[1])
        changes["upstream"]["circuit_breaker"] = False
        leo = leo_with(changes)
        for _ in range(8):
            assert ask_plain(leo).first("x-leo-error") == "connect_failed"


# MARK: Retries


def failing(number: int, status: int = 503, wait_ms: int = 10) -> List[Tuple[str, str]]:
    return [("x-test-fail", f"{status}x{number}"), ("x-test-wait-ms", str(wait_ms))]


@pytest.mark.parametrize("status", [429, 503, 529])
def test_leo_sends_a_request_again_where_the_file_says_so(leo_with, provider, test_id, status):
    leo = leo_with({"upstream": {"retries": 1}})
    assert ask(leo, test_id, KEY + failing(1, status)).status == 200
    first, second = provider.of(test_id)
    assert first.request.sha256 == second.request.sha256 and first.request.raw_head == second.request.raw_head
    line = leo.line_of_test(test_id)
    assert (line["status"], line["attempts"]) == (200, 2)


def test_leo_does_not_by_default(leo_with, provider, test_id):
    leo = leo_with()
    assert ask(leo, test_id, KEY + failing(1)).status == 503
    assert len(provider.of(test_id)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        [("x-stainless-retry-count", "1")],
        [("amz-sdk-request", "attempt=2; max=3")],
        [("x-test-wait-ms", "60000"), ("x-test-fail", "503x1")],
    ],
    ids=["an SDK of Stainless's", "an SDK of Amazon's", "a long wait"],
)
def test_leo_leaves_it_to_the_client(leo_with, provider, test_id, fields):
    leo = leo_with({"upstream": {"retries": 3}})
    more = [] if fields[0][0] == "x-test-wait-ms" else failing(1)
    assert ask(leo, test_id, KEY + fields + more).status == 503
    assert len(provider.of(test_id)) == 1


def test_other_statuses_are_not_for_leo_to_try_again(leo_with, provider, test_id):
    leo = leo_with({"upstream": {"retries": 3}})
    for status in (400, 408, 409, 500, 502, 504):
        assert ask(leo, f"{test_id}-{status}", KEY + failing(1, status)).status == status
        assert len(provider.of(f"{test_id}-{status}")) == 1


def test_retries_are_a_tenth_of_the_requests(leo_with, provider, test_id):
    # The waits would keep the requests from going out at all, and so would the circuit.
    leo = leo_with({"upstream": {"retries": 3, "backoff_max": "0s", "circuit_breaker": False}})
    for _ in range(40):
        assert ask(leo, test_id, KEY + refusing(503, 1)).status == 503
    sent = len(provider.of(test_id))
    assert 43 <= sent <= 45, sent
    assert metric(leo, "leo_upstream_retries_total") == sent - 40


def test_a_large_body_is_not_sent_again(leo_with, provider, test_id):
    leo = leo_with({"upstream": {"retries": 1}})
    body = json.dumps({"messages": [{"role": "user", "content": "x" * 400_000}]}).encode()
    with leo.client().intercepted() as client:
        assert client.exchange("POST", POST, [("x-test-id", test_id)] + KEY + failing(1), body).status == 503
    assert len(provider.of(test_id)) == 1
