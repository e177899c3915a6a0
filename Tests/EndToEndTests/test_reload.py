"""The file is read again while leo runs: SIGHUP, `leo reload`, and what both leave alone."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import signal
import socket
import threading
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

import harness
from harness import Leo, merged, toml, wait_until
from test_authentication import PASSWORD, make_hash, with_credentials
from test_operations import POST, streaming


def write(leo: Leo, changes: Dict[str, Any]) -> None:
    """Puts the file in place as operators should: whole, or not at all."""
    new = leo.file.with_suffix(".new")
    new.write_text(toml(merged(leo.settings, changes)), encoding="utf-8")
    os.replace(new, leo.file)


def reload(leo: Leo, file=None):
    """`leo reload`, to its end."""
    host, port = leo.admin
    return harness.leo("reload", file or leo.file, "--admin", f"{host}:{port}", binary=leo.binary)


def reloaded(leo: Leo, changes: Dict[str, Any]) -> None:
    write(leo, changes)
    done = reload(leo)
    assert done.returncode == 0, done.stdout + done.stderr


def metric(leo: Leo, name: str) -> float:
    found = re.search("^" + re.escape(name) + r" (\S+)$", leo.get("/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found.group(1))


def connect_status(leo: Leo, target: str = "api.openai.com:443", fields=()) -> int:
    with leo.client() as client:
        return client.connect(target, fields=fields).status


def post(leo: Leo, fields: Dict[str, str], method: str = "POST") -> Tuple[int, str]:
    connection = http.client.HTTPConnection(*leo.admin, timeout=20)
    connection.request(method, "/v1/reload", headers=fields)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def place_of(leo: Leo, text: str) -> str:
    """FILE:LINE:COLUMN of the value in the one line that begins so."""
    for number, line in enumerate(leo.file.read_text().splitlines(), 1):
        if line.startswith(text):
            return f"{leo.file}:{number}:{len(text) + 1}"
    raise AssertionError(text)


# MARK: What counts at once


def test_leo_reload_puts_the_changed_file_in_force(leo_with):
    leo = leo_with()
    assert connect_status(leo) == 200
    write(leo, {"intercept": {"refuse": ["api.openai.com"]}})
    done = reload(leo)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{leo.file}: revision 2 is in force\n"
    assert connect_status(leo) == 403
    assert f"leo: reload: {leo.file}: revision 2 is in force\n" in leo.errors()
    assert metric(leo, 'leo_reloads_total{result="applied"}') == 1
    assert metric(leo, "leo_config_revision") == 2


def test_a_sighup_does_the_same(leo_with):
    leo = leo_with()
    write(leo, {"intercept": {"refuse": ["api.openai.com"]}})
    leo.signal(signal.SIGHUP)
    wait_until(lambda: "revision 2 is in force" in leo.errors(), "the reload")
    assert connect_status(leo) == 403


def test_a_tunnel_opened_after_a_reload_goes_by_it(leo_with):
    leo = leo_with({"intercept": {"other_hosts": "refuse"}})
    assert connect_status(leo, "other.elsewhere.example:443") == 403
    reloaded(leo, {"intercept": {"other_hosts": "tunnel"}})
    assert connect_status(leo, "other.elsewhere.example:443") == 200


def test_labels_change_with_the_next_exchange_of_an_open_connection(leo_with):
    leo = leo_with({"access_log": {"labels": ["x-one"]}})
    fields = [("x-one", "1"), ("x-two", "2")]
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models", fields).status == 200
        reloaded(leo, {"access_log": {"labels": ["x-two"]}})
        assert client.exchange("GET", "/v1/models", fields).status == 200
    lines = leo.lines_of(client, 2)
    assert [line["labels"] for line in lines] == [{"x-one": "1"}, {"x-two": "2"}]


def test_a_password_that_was_taken_out_opens_nothing_any_more(leo_with):
    tenants = {"one": {"match": [{"proxy_user": "one", "password_hash": make_hash(PASSWORD)}]}}
    leo = leo_with({"tenants": tenants})
    fields = with_credentials("one", PASSWORD)
    assert connect_status(leo, fields=fields) == 200
    new = {"one": {"match": [{"proxy_user": "one", "password_hash": make_hash("another")}]}}
    reloaded(leo, {"tenants": new})
    assert connect_status(leo, fields=fields) == 407
    assert connect_status(leo, fields=with_credentials("one", "another")) == 200


def test_tenants_that_come_with_a_reload_are_asked_for(leo_with):
    leo = leo_with()
    assert connect_status(leo) == 200
    tenants = {"one": {"match": [{"proxy_user": "one", "password_hash": make_hash(PASSWORD)}]}}
    reloaded(leo, {"tenants": tenants})
    assert connect_status(leo) == 407
    assert connect_status(leo, fields=with_credentials("one", PASSWORD)) == 200
    write(leo, {})
    assert reload(leo).returncode == 0
    assert connect_status(leo) == 200


# MARK: Promise: exchanges in flight keep their policy


def test_an_exchange_in_flight_ends_as_it_began(leo_with, provider, test_id):
    leo = leo_with({"access_log": {"labels": ["x-test-id"]}})
    rest = streaming(provider, test_id)
    with leo.client().intercepted() as client:
        client.request("POST", POST, [("x-test-id", test_id)], b'{"stream":true}')
        message = client.answer_head()
        reloaded(leo, {"intercept": {"refuse": ["api.openai.com"]}, "access_log": {"labels": []}})
        assert connect_status(leo) == 403
        rest.set()
        client.reader.body(message)
        assert message.complete and message.body == b"data: 1\n\ndata: 2\n\n"
    assert leo.line_of(client)["labels"] == {"x-test-id": test_id}


def test_a_reload_under_traffic_loses_no_request(leo_with):
    leo = leo_with()
    stop = threading.Event()
    problems: List[str] = []
    counts: List[int] = []

    def keep_asking(kept: bool) -> None:
        count = 0
        try:
            while not stop.is_set():
                with leo.client().intercepted() as client:
                    for _ in range(20 if kept else 1):
                        status = client.exchange("POST", POST, [], b'{"model":"m"}').status
                        if status != 200:
                            problems.append(f"status {status}")
                        count += 1
        except Exception as problem:  # noqa: BLE001
            problems.append(repr(problem))
        counts.append(count)

    threads = [threading.Thread(target=keep_asking, args=(number % 2 == 0,)) for number in range(4)]
    for each in threads:
        each.start()
    for number in range(25):
        # Each is a change that lets every idle upstream connection go.
        reloaded(leo, {"intercept": {"refuse": [f"refused-{number}.example"]}})
    stop.set()
    for each in threads:
        each.join()
    assert problems == [] and all(count > 0 for count in counts)
    assert metric(leo, "leo_config_revision") == 26
    assert metric(leo, 'leo_faults_total{error="upstream_closed"}') == 0


# MARK: A bad file changes nothing


def test_promise_6_an_invalid_file_changes_nothing_and_says_where(leo_with):
    leo = leo_with({"intercept": {"refuse": ["api.openai.com"]}})
    good = leo.file.read_text()
    leo.file.write_text(toml(merged(leo.settings, {"intercept": {"refuse": [], "splize": []}})), encoding="utf-8")
    done = reload(leo)
    assert done.returncode == 1 and done.stdout == ""
    lines = done.stderr.splitlines()
    place = place_of(leo, "splize = ").rsplit(":", 1)[0]
    assert lines[0].startswith(f"{place}:1: unknown key") and "did you mean" in lines[0], lines
    assert lines[1] == "leo: nothing was changed: revision 1 stays in force"
    assert connect_status(leo) == 403
    assert f"leo: error: reload: {lines[0]}\n" in leo.errors()
    assert metric(leo, 'leo_reloads_total{result="invalid"}') == 1
    assert metric(leo, "leo_config_last_reload_successful") == 0
    assert metric(leo, "leo_config_revision") == 1
    leo.file.write_text(good, encoding="utf-8")
    assert reload(leo).returncode == 0
    assert metric(leo, "leo_config_last_reload_successful") == 1


@pytest.mark.parametrize("text", ["[listen", "\x00", "listen = 3\n", "[tenants.a]\n"], ids=repr)
def test_promise_6_no_text_of_the_file_stops_leo(leo_with, text):
    leo = leo_with()
    leo.file.write_text(text, encoding="utf-8")
    leo.signal(signal.SIGHUP)
    wait_until(lambda: "stays in force" in leo.errors(), "the refusal")
    assert connect_status(leo) == 200


def test_promise_6_a_file_that_names_an_unusable_file_is_refused_whole(leo_with, tmp_path):
    leo = leo_with()
    row = {"hosts": ["api.openai.com"], "trust": str(tmp_path / "none.pem")}
    write(leo, {"intercept": {"refuse": ["api.openai.com"]}, "upstream": {"tls": [row]}})
    done = reload(leo)
    assert done.returncode == 1 and "none.pem" in done.stderr
    assert connect_status(leo) == 200


def test_promise_6_a_file_that_is_gone_changes_nothing(leo_with):
    leo = leo_with()
    leo.file.rename(leo.folder / "elsewhere")
    leo.signal(signal.SIGHUP)
    wait_until(lambda: "stays in force" in leo.errors(), "the refusal")
    assert f"leo: error: reload: {leo.file}: No such file or directory\n" in leo.errors()
    assert metric(leo, 'leo_reloads_total{result="unreadable"}') == 1
    assert reload(leo).returncode == 2
    (leo.folder / "elsewhere").rename(leo.file)
    assert reload(leo).returncode == 0


# MARK: What needs a restart


def test_what_needs_a_restart_is_named_and_the_rest_counts(leo_with):
    leo = leo_with()
    changes = {
        "listen": {"workers": 1},
        "upstream": {"connect_timeout": "3s"},
        "intercept": {"refuse": ["api.openai.com"], "providers": ["openai", "stand-in"]},
    }
    for _ in range(2):
        # As long as it waits for the restart, it is told of.
        write(leo, changes)
        done = reload(leo)
        assert done.returncode == 0
        told = done.stderr.splitlines()
        for key, text in [
            ("listen.workers", "workers = "),
            ("upstream.connect_timeout", "connect_timeout = "),
            ("intercept.providers", 'providers = ["openai", '),
        ]:
            value = place_of(leo, text.split("=")[0] + "= ")
            line = value.rsplit(":", 1)[0]
            assert any(each.startswith(line + ":") and f" {key} has changed" in each for each in told), (key, told)
        assert len(told) == 3, told
        assert connect_status(leo) == 403
    # Not intercepted according to the file, which counts after a restart.
    with leo.client().intercepted("api.anthropic.com") as client:
        assert client.exchange("GET", "/v1/models", host="api.anthropic.com").status == 200


def test_a_key_that_is_gone_is_named_too(leo_with):
    leo = leo_with({"listen": {"head_timeout": "20s"}})
    write(leo, {})
    leo.file.write_text(leo.file.read_text().replace('head_timeout = "20s"\n', ""), encoding="utf-8")
    done = reload(leo)
    assert done.returncode == 0
    assert done.stderr == f"{leo.file}: listen.head_timeout is gone, which counts after a restart of leo\n"


def test_a_listener_that_is_still_open_is_not_left_without_its_tenants(leo_with):
    tenants = {"one": {"match": [{"proxy_user": "one", "password_hash": make_hash(PASSWORD)}]}}
    leo = leo_with({"listen": {"proxy_tls": "0.0.0.0:0"}, "tenants": tenants})
    leo.settings = {name: value for name, value in leo.settings.items() if name != "tenants"}
    leo.settings["listen"] = {name: value for name, value in leo.settings["listen"].items() if name != "proxy_tls"}
    write(leo, {})
    assert harness.leo("check", leo.file).returncode == 0
    done = reload(leo)
    assert done.returncode == 1
    assert "leo still listens at 0.0.0.0:" in done.stderr and "(proxy_tls)" in done.stderr
    assert connect_status(leo) == 407


# MARK: Who may ask


def test_promise_3_whoever_cannot_read_the_file_changes_and_learns_nothing(leo_with):
    leo = leo_with()
    write(leo, {"intercept": {"refuse": ["api.openai.com"]}})
    assert post(leo, {})[0] == 403
    assert post(leo, {"x-leo-config-digest": "abc"})[0] == 403
    status, body = post(leo, {"x-leo-config-digest": "0" * 64})
    assert status == 403 and str(leo.file) not in body
    assert post(leo, {"x-leo-config-digest": "0" * 64}, method="PUT")[0] == 405
    assert leo.get("/v1/reload")[0] == 404
    assert metric(leo, 'leo_reloads_total{result="denied"}') == 1
    assert metric(leo, "leo_config_revision") == 1 and connect_status(leo) == 200
    digest = hashlib.sha256(leo.file.read_bytes()).hexdigest()
    status, body = post(leo, {"x-leo-config-digest": digest})
    assert (status, body) == (200, f"{leo.file}: revision 2 is in force\n")


def test_leo_reload_of_another_file_changes_nothing(leo_with, tmp_path):
    leo = leo_with()
    other = tmp_path / "other.toml"
    other.write_text(leo.file.read_text() + "# another\n", encoding="utf-8")
    done = reload(leo, other)
    assert done.returncode == 2 and "runs on another file" in done.stderr
    assert metric(leo, "leo_config_revision") == 1


def test_leo_reload_says_when_nobody_is_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        file = tmp_path / "leo.toml"
        for admin, said in [
            (f"127.0.0.1:{taken.getsockname()[1]}", "was not reached"),
            ("off", "listen.admin is off"),
            ("127.0.0.1:0", "--admin"),
        ]:
            file.write_text(toml({"listen": {"admin": admin}}), encoding="utf-8")
            done = harness.leo("reload", file)
            assert done.returncode == 2 and said in done.stderr, (admin, done.stderr)
    assert harness.leo("reload", tmp_path / "none.toml").returncode == 2
    assert harness.leo("reload").returncode == 64
    file.write_text("[listen\n", encoding="utf-8")
    done = harness.leo("reload", file)
    assert done.returncode == 1 and done.stderr.startswith(f"{file}:1:")


# MARK: Many


def test_many_reloads_in_a_row_leave_nothing_behind(leo_with):
    leo = leo_with()
    status = Path(f"/proc/{leo.process.pid}/status")
    hashes = [make_hash("a"), make_hash("b")]

    def some(count: int) -> Tuple[int, int]:
        for number in range(count):
            row = {"proxy_user": f"user{number}", "password_hash": hashes[number % 2]}
            tenants = {f"tenant{number}": {"match": [row]}, "default": {}}
            write(leo, {"tenants": tenants, "intercept": {"refuse": [f"host{number}.example"]}})
            digest = hashlib.sha256(leo.file.read_bytes()).hexdigest()
            assert post(leo, {"x-leo-config-digest": digest})[0] == 200
            if number % 10 == 0:
                fields = with_credentials(f"user{number}", "ab"[number % 2])
                assert connect_status(leo, fields=fields) == 200
        threads = int(re.search(r"Threads:\s+(\d+)", status.read_text()).group(1))
        return leo.resident_bytes(), threads

    _, threads_before = some(60)
    memory_before, _ = some(60)
    memory_after, threads_after = some(240)
    assert threads_after <= threads_before
    if not harness.sanitized(leo.binary):
        assert memory_after - memory_before < 4 << 20, (memory_before, memory_after)
    leo.settle()
    assert metric(leo, "leo_config_revision") == 361


def test_reloads_all_at_once_end_in_the_last_file(leo_with):
    leo = leo_with()
    for number in range(50):
        write(leo, {"intercept": {"refuse": ["api.openai.com"] if number == 49 else []}})
        leo.signal(signal.SIGHUP)
    assert reload(leo).returncode == 0 or wait_until(lambda: reload(leo).returncode == 0, "a place in the queue")
    assert connect_status(leo) == 403


# MARK: systemd


def test_systemd_is_told_of_the_reload_and_of_its_end(leo_with, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        leo = leo_with(prefix=("env", f"NOTIFY_SOCKET={path}"))
        assert notify.recv(4096).startswith(b"READY=1\n")
        for refuse, said in [(["api.openai.com"], "revision 2 is in force"), (3, "nothing was changed")]:
            write(leo, {"intercept": {"refuse": refuse}})
            leo.signal(signal.SIGHUP)
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", notify.recv(4096))
            message = notify.recv(4096).decode()
            assert message.startswith("READY=1\nSTATUS=proxy http://") and said in message
