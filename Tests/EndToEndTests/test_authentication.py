"""Who a client is: users and passwords in the CONNECT, `leo hash`, and what is told of it."""

from __future__ import annotations

import base64
import os
import pty
import re
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Tuple

import pytest

import harness
from harness import Leo, wait_until
from rawclient import RawClient
from wires import Message

PASSWORD = "correct horse: Ä"
OLD_PASSWORD = "battery staple"
CHALLENGE = 'Basic realm="leo", charset="UTF-8"'
URL = "https://api.openai.com/v1/models"


def make_hash(password: str) -> str:
    done = subprocess.run(
        [str(harness.BINARY), "hash"], input=password + "\n", env=harness.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def with_credentials(user: str, password: str, target: str = "api.openai.com:443") -> List[Tuple[str, str]]:
    return [("Host", target), ("Proxy-Authorization", basic(user, password))]


@pytest.fixture(scope="session")
def tenants() -> Dict[str, Any]:
    """Two tenants, of which one is in the middle of a rotation."""
    return {
        "checkout": {
            "match": [{"proxy_user": "checkout", "password_hash": [make_hash(PASSWORD), make_hash(OLD_PASSWORD)]}]
        },
        "research": {"match": [{"proxy_user": "research", "password_hash": make_hash("research")}]},
    }


@pytest.fixture(scope="session")
def shared_asking(start, tenants) -> Leo:
    return start("asking", {"tenants": tenants, "access_log": {"labels": ["x-test-id"]}})


@pytest.fixture
def asking(shared_asking) -> Iterator[Leo]:
    """A leo that asks everybody, and that has not died when the test is over."""
    yield shared_asking
    assert shared_asking.alive()


def exchange(client: RawClient, test_id: str) -> Message:
    client.start_tls("api.openai.com")
    return client.exchange("POST", "/v1/chat/completions", [("x-test-id", test_id)], b"{}")


# MARK: In the CONNECT


def test_the_right_password_opens_the_way_and_the_line_names_the_tenant(asking, test_id):
    with asking.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("checkout", PASSWORD)).status == 200
        assert exchange(client, test_id).status == 200
    line = asking.line_of_test(test_id)
    assert (line["tenant"], line["matched_by"]) == ("checkout", "proxy_user")


def test_every_password_of_a_rotation_is_right(asking, test_id):
    with asking.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("checkout", OLD_PASSWORD)).status == 200
        assert exchange(client, test_id).status == 200


def test_without_credentials_the_proxy_asks_and_the_next_connect_on_the_same_connection_is_served(asking, test_id):
    with asking.client() as client:
        first = client.connect("api.openai.com:443")
        assert first.status == 407
        assert first.first("proxy-authenticate") == CHALLENGE
        assert first.first("x-leo-error") == "proxy_credentials"
        assert first.first("connection") is None
        wrong = client.connect("api.openai.com:443", fields=with_credentials("checkout", "wrong"))
        assert wrong.status == 407
        assert client.connect("api.openai.com:443", fields=with_credentials("research", "research")).status == 200
        assert exchange(client, test_id).status == 200
        lines = asking.lines_of(client, 3)
    assert [line["status"] for line in lines] == [407, 407, 200]
    assert [line.get("error") for line in lines] == ["proxy_credentials", "proxy_credentials", None]
    assert [line.get("tenant") for line in lines] == [None, None, "research"]
    assert len({line["connection"] for line in lines}) == 1 and len({line["id"] for line in lines}) == 3


@pytest.mark.parametrize(
    "value",
    [
        basic("checkout", "wrong"),
        basic("checkout", ""),
        basic("nobody", PASSWORD),
        basic("research", PASSWORD),
        basic("Checkout", PASSWORD),
        "Basic",
        "Basic !!!!",
        "Bearer abc",
        "Basic " + base64.b64encode(b"checkout").decode(),
        "",
    ],
)
def test_whatever_else_is_said_is_refused(asking, value):
    with asking.client() as client:
        answer = client.connect("api.openai.com:443", fields=[("Host", "a"), ("Proxy-Authorization", value)])
        assert (answer.status, answer.first("proxy-authenticate")) == (407, CHALLENGE)


def test_two_fields_are_refused_even_if_one_of_them_is_right(asking):
    right = ("Proxy-Authorization", basic("checkout", PASSWORD))
    with asking.client() as client:
        fields = [("Host", "a"), right, ("Proxy-Authorization", basic("checkout", "x"))]
        assert client.connect("api.openai.com:443", fields=fields).status == 407


def test_a_connection_may_be_asked_a_few_times_only(asking):
    with asking.client() as client:
        for number in range(5):
            answer = client.connect("api.openai.com:443")
            assert answer.status == 407
            assert answer.first("connection") == ("close" if number == 4 else None)
        assert client.wire.wait_end(20) is not None


def test_a_client_of_http_1_0_is_asked_once(asking):
    with asking.client() as client:
        answer = client.connect("api.openai.com:443", version="1.0")
        assert (answer.status, answer.first("connection")) == (407, "close")


def test_tunnels_are_asked_for_as_well(asking):
    with asking.client() as client:
        assert client.connect("other.elsewhere.example:443").status == 407
        fields = with_credentials("research", "research", "other.elsewhere.example:443")
        assert client.connect("other.elsewhere.example:443", fields=fields).status == 200
    lines = asking.lines_of(client, 2)
    assert (lines[1]["kind"], lines[1]["tenant"], lines[1]["matched_by"]) == ("tunnel", "research", "proxy_user")


def test_promise_3_nobody_upstream_sees_the_credentials(asking, provider, test_id):
    with asking.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("checkout", PASSWORD)).status == 200
        client.start_tls("api.openai.com")
        fields = [("x-test-id", test_id), ("Proxy-Authorization", basic("checkout", PASSWORD))]
        assert client.exchange("POST", "/v1/chat/completions", fields, b"{}").status == 200
    (seen,) = provider.wait(test_id)
    assert seen.request.first("proxy-authorization") is None


def test_wrong_credentials_are_no_way_into_the_default_tenant(leo_with, tenants, test_id):
    leo = leo_with({"tenants": dict(tenants, default={}), "access_log": {"labels": ["x-test-id"]}})
    with leo.client() as client:
        wrong = client.connect("api.openai.com:443", fields=with_credentials("checkout", "wrong"))
        assert wrong.status == 407
        assert client.connect("api.openai.com:443").status == 200
        assert exchange(client, test_id).status == 200
    line = leo.line_of_test(test_id)
    assert (line["tenant"], line["matched_by"]) == ("default", "default")


def test_without_tenants_nobody_is_asked_and_everybody_is_the_default_one(leo):
    with leo.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("anybody", "anything")).status == 200
        client.start_tls("api.openai.com")
        assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200
    line = leo.line_of(client)
    assert (line["tenant"], line["matched_by"]) == ("default", "default")


def test_many_wrong_ones_are_limited_by_address_and_those_at_work_go_on(leo_with, tenants):
    leo = leo_with({"tenants": tenants})
    with leo.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("research", "research")).status == 200

    def attempt(password: str) -> Message:
        with leo.client() as client:
            return client.connect("api.openai.com:443", fields=with_credentials("research", password))

    answers = [attempt(f"guess {number}") for number in range(30)]
    limited = [answer for answer in answers if answer.status == 429]
    # One more is let through every five seconds, however long the machine takes for this.
    assert [answer.status for answer in answers[:20]] == [407] * 20
    assert limited and {answer.status for answer in answers} == {407, 429}
    assert limited[0].first("x-leo-error") == "credentials_limited" and int(limited[0].first("retry-after")) > 0
    # The same wrong password once more costs nothing and is told the same.
    assert attempt("guess 0").status == 407
    assert attempt("research").status == 200
    metrics = leo.get("/metrics")[1]
    refused = dict(re.findall(r'leo_authentications_refused_total\{reason="(\w+)"\} (\d+)', metrics))
    assert int(refused["wrong"]) >= 21 and int(refused["limited"]) == len(limited)


def test_a_burst_of_clients_with_one_password_waits_for_one_check(asking, test_id):
    clients = [asking.client() for _ in range(50)]
    try:
        for client in clients:
            client.send(
                b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: "
                + basic("checkout", PASSWORD).encode()
                + b"\r\n\r\n"
            )
            client.expect_answer_to("CONNECT")
        assert [client.answer_head().status for client in clients] == [200] * 50
    finally:
        for client in clients:
            client.close()


def test_a_client_that_leaves_while_its_password_is_checked_leaves_nothing_behind(leo_with, tenants):
    leo = leo_with({"tenants": tenants})
    for number in range(10):
        with leo.client() as client:
            client.send(
                b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: "
                + basic("checkout", f"left {number}").encode()
                + b"\r\n\r\n"
            )
            client.reset()
    leo.settle()


def test_promise_3_no_password_is_told_to_anybody(leo_with, tenants):
    leo = leo_with({"tenants": tenants})
    secret = "a wrong secret"
    with leo.client() as client:
        assert client.connect("api.openai.com:443", fields=with_credentials("research", secret)).status == 407
        assert client.connect("api.openai.com:443", fields=with_credentials("nobody", secret)).status == 407
        leo.lines_of(client, 2)
    told = leo.errors() + leo.log_path.read_text() + leo.get("/metrics")[1]
    assert secret not in told
    assert base64.b64encode(f"research:{secret}".encode()).decode()[:20] not in told
    assert "nobody" not in told and "scrypt$" not in told


# MARK: Real clients


def curl(leo: Leo, *options: str) -> Tuple[int, str]:
    done = subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "-w", "%{http_connect} %{http_code} %{num_connects}", "--cacert", str(leo.root),
         "-x", f"http://{leo.proxy[0]}:{leo.proxy[1]}", *options, URL],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_curl_with_the_right_and_the_wrong_password_and_none(asking, program):
    program("curl")
    assert curl(asking, "-U", f"checkout:{PASSWORD}") == (0, "200 200 1")
    assert curl(asking, "-U", "checkout:wrong") == (56, "407 000 1")
    assert curl(asking) == (56, "407 000 1")


def test_curl_asks_first_and_answers_on_the_same_connection(asking, program):
    program("curl")
    assert curl(asking, "--proxy-anyauth", "-U", f"checkout:{PASSWORD}") == (0, "200 200 1")


PYTHON = """
import sys
kind, proxy, root, url = sys.argv[1:]
if kind == "requests":
    import requests
    try:
        print(requests.get(url, proxies={"https": proxy}, verify=root).status_code)
    except requests.exceptions.ProxyError as error:
        print("refused", "407" in str(error))
elif kind == "httpx":
    import httpx, ssl
    try:
        with httpx.Client(proxy=proxy, verify=ssl.create_default_context(cafile=root)) as client:
            print(client.get(url).status_code)
    except httpx.ProxyError as error:
        print("refused", "407" in str(error))
else:
    import urllib.request, ssl
    handlers = [urllib.request.ProxyHandler({"https": proxy}),
                urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=root))]
    try:
        print(urllib.request.build_opener(*handlers).open(url).status)
    except OSError as error:
        print("refused", "407" in str(error))
"""


@pytest.mark.parametrize("kind", ["requests", "httpx", "urllib"])
@pytest.mark.parametrize(
    "user, expected",
    [("checkout:battery%20staple@", "200"), ("checkout:wrong@", "refused True"), ("", "refused True")],
)
def test_python(asking, kind, user, expected):
    proxy = f"http://{user}{asking.proxy[0]}:{asking.proxy[1]}"
    done = subprocess.run(
        [sys.executable, "-c", PYTHON, kind, proxy, str(asking.root), URL],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == expected, done.stderr


def test_java_names_its_user_when_it_is_asked(asking, program, built, tmp_path):
    program("java")
    command = built(program("javac"), "JavaProxyUser.java")
    env = asking.client_environment(tmp_path)
    start = asking.log_path.stat().st_size
    done = subprocess.run(
        [*command, asking.proxy[0], str(asking.proxy[1]), "research", "research", URL],
        env={name: env[name] for name in ("PATH", "HOME", "JAVA_TOOL_OPTIONS")},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["200", "200"], done.stderr
    wait_until(lambda: len(asking.lines(None, start)) >= 4, "Java's lines")
    lines = asking.lines(None, start)
    assert sorted(line["status"] for line in lines) == [200, 200, 407, 407]
    assert [line.get("tenant") for line in lines if line["status"] == 200] == ["research", "research"]


# MARK: leo hash


def test_hash_reads_a_pipe_and_verifies(tmp_path):
    made = make_hash(PASSWORD)
    assert re.fullmatch(r"scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", made)
    assert make_hash(PASSWORD) != made

    def verify(password: str, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(harness.BINARY), "hash", "--verify", text], input=password, env=harness.environment(),
            capture_output=True, timeout=60, text=True,
        )  # fmt: skip

    assert verify(PASSWORD, made).returncode == 0
    assert verify(PASSWORD + "\r\n", "$" + made).returncode == 0
    assert verify(PASSWORD + " ", made).returncode == 1
    assert verify(PASSWORD, "scrypt$ln=30,r=8,p=1$AAAA$AAAA").returncode == 2
    assert verify("", made).returncode == 2


@pytest.mark.parametrize("password", ["", "\n", "tab\there\n", "x" * 1025 + "\n"])
def test_hash_takes_no_password_that_no_client_could_send(password):
    done = subprocess.run(
        [str(harness.BINARY), "hash"], input=password, env=harness.environment(),
        capture_output=True, timeout=60, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("leo: ")


class Terminal:
    """`leo hash` at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [str(harness.BINARY), "hash", *arguments], env=harness.environment(),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""

    def expect(self, text: str) -> None:
        while text not in self.text:
            self.text += os.read(self.ours, 1024).decode()

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def end(self) -> int:
        try:
            while True:
                piece = os.read(self.ours, 1024)
                if not piece:
                    break
                self.text += piece.decode()
        except OSError:
            pass  # the other end is closed
        code = self.process.wait(60)
        os.close(self.ours)
        return code


def test_hash_asks_twice_at_a_terminal_and_shows_nothing():
    terminal = Terminal()
    terminal.expect("Password: ")
    terminal.type("wromg\x7f\x7f\x7fong\x15Ä secret\x7ft\r")
    terminal.expect("Once more: ")
    terminal.type("Ä secret\r")
    assert terminal.end() == 0
    assert "secret" not in terminal.text and "wro" not in terminal.text
    (made,) = re.findall(r"scrypt\$\S+", terminal.text)
    again = Terminal("--verify", made)
    again.expect("Password: ")
    again.type("Ä secret\n")
    assert again.end() == 0 and "Once more" not in again.text


def test_hash_gives_up_when_the_two_differ_or_at_an_interrupt():
    terminal = Terminal()
    terminal.expect("Password: ")
    terminal.type("one\r")
    terminal.expect("Once more: ")
    terminal.type("other\r")
    assert terminal.end() == 2 and "scrypt" not in terminal.text
    interrupted = Terminal()
    interrupted.expect("Password: ")
    interrupted.type("one\x03")
    assert interrupted.end() == 2 and "scrypt" not in interrupted.text


# MARK: The file


def test_check_names_both_places_where_one_user_is_claimed(tmp_path, tenants):
    file = tmp_path / "leo.toml"
    made = tenants["research"]["match"][0]["password_hash"]
    row = f'match = [ {{ proxy_user = "u", password_hash = "{made}" }} ]'
    file.write_text(f"[tenants.a]\n{row}\n[tenants.b]\n{row}\n", encoding="utf-8")
    done = harness.leo("check", file)
    assert done.returncode == 1
    assert re.search(r':4:\d+: tenants\.b\.match\.proxy_user = "u" is tenant "a"\'s already, at line 2', done.stderr)
    assert made not in done.stderr


def test_check_refuses_a_listener_that_would_let_anybody_in(tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text('[listen]\nproxy = "0.0.0.0:8889"\n', encoding="utf-8")
    done = harness.leo("check", file)
    assert done.returncode == 1 and "a password must not travel to it in the clear" in done.stderr
    file.write_text('[listen]\nproxy_tls = "0.0.0.0:8443"\n', encoding="utf-8")
    done = harness.leo("check", file)
    assert done.returncode == 1 and "without asking who they are" in done.stderr


# MARK: The doctor


def test_the_doctor_uses_the_user_in_the_proxy_url_and_asks_for_one(asking, tmp_path):
    settings = harness.merged(
        asking.settings,
        {"listen": {"proxy": f"127.0.0.1:{asking.proxy[1]}", "admin": f"127.0.0.1:{asking.admin[1]}"}},
    )
    file = tmp_path / "leo.toml"
    file.write_text(harness.toml(settings), encoding="utf-8")
    env = dict(harness.environment(), PATH="/nonexistent")
    without = harness.leo("doctor", file, env=env)
    assert without.returncode == 1 and "put user and password into HTTPS_PROXY" in without.stdout, without.stdout
    env["HTTPS_PROXY"] = f"http://research:research@127.0.0.1:{asking.proxy[1]}"
    found = harness.leo("doctor", file, env=env)
    assert re.search(r"ok +proxy", found.stdout), found.stdout
    assert "research:research" not in found.stdout + found.stderr
