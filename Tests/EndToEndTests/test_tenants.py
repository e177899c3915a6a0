"""Whose a client is without a word from it: its user, its unit, the key it has for its provider, its address."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import harness
from harness import Leo
from test_reload import reloaded, write
from wires import Wire

URL = "https://api.openai.com/v1/models"
# Two users that every Linux has, and that nobody works as.
FIRST, SECOND = "daemon", "mail"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


def number(user: str) -> int:
    return pwd.getpwnam(user).pw_uid


@pytest.fixture(scope="session")
def public_root(settings) -> Iterator[Path]:
    """leo's root where every user may read it."""
    folder = Path(tempfile.mkdtemp(prefix="leo-root-"))
    folder.chmod(0o755)
    file = folder / "root.pem"
    shutil.copy(settings["ca"]["root"], file)
    file.chmod(0o644)
    yield file
    shutil.rmtree(folder)


@pytest.fixture
def app(public_root, program) -> Callable[..., str]:
    """app(proxy, user, …): an application of this user that knows of HTTPS_PROXY alone; returns the status it got."""
    path = program("curl")

    def run(proxy: str, user: Optional[str] = None, *options: str, into: Optional[Path] = None) -> str:
        def enter() -> None:
            # While it is still root: a service manager moves its children, too.
            if into is not None:
                (into / "cgroup.procs").write_text(str(os.getpid()))
            if user is not None:
                os.setgroups([])
                os.setgid(number(user))
                os.setuid(number(user))

        done = subprocess.run(
            [path, "-sS", "-o", os.devnull, "-w", "%{http_connect} %{http_code}", *options, URL],
            env={"PATH": os.environ["PATH"], "HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(public_root)},
            preexec_fn=enter, capture_output=True, text=True, timeout=60, cwd="/",
        )  # fmt: skip
        return done.stdout

    return run


def known(leo: Leo, count: int) -> List[Any]:
    """Tenant and what told it, line by line."""
    harness.wait_until(lambda: len(leo.lines()) >= count, f"{count} lines")
    return [(line.get("tenant"), line.get("matched_by")) for line in leo.lines()]


def url(leo: Leo) -> str:
    return f"http://{leo.proxy[0]}:{leo.proxy[1]}"


# MARK: Users


@needs_root
def test_two_users_of_one_machine_get_their_own_tenants_without_a_change_in_their_apps(leo_with, app):
    leo = leo_with(
        {"tenants": {"checkout": {"match": [{"uid": FIRST}]}, "research": {"match": [{"uid": [number(SECOND)]}]}}}
    )
    assert app(url(leo), FIRST) == "200 200"
    assert app(url(leo), SECOND) == "200 200"
    assert known(leo, 2) == [("checkout", "uid"), ("research", "uid")]
    # Root is neither.
    assert app(url(leo)) == "403 000"
    assert known(leo, 3)[2] == (None, None) and leo.lines()[2]["error"] == "unidentified"


@needs_root
def test_whoever_is_no_known_user_is_the_default_tenant_if_there_is_one(leo_with, app):
    leo = leo_with({"tenants": {"checkout": {"match": [{"uid": FIRST}]}, "default": {}}})
    assert app(url(leo), SECOND) == "200 200"
    assert app(url(leo), FIRST) == "200 200"
    assert known(leo, 2) == [("default", "default"), ("checkout", "uid")]


@needs_root
def test_users_are_known_over_ipv6_and_through_a_socket_of_ipv6_that_speaks_ipv4(leo_with, program):
    tenants = {"checkout": {"match": [{"uid": FIRST}]}}
    script = (
        "import os, socket, sys; os.setgid(1); os.setuid(int(sys.argv[1])); s = socket.socket(socket.AF_INET6)\n"
        "s.connect((sys.argv[2], int(sys.argv[3]))); s.sendall(b'CONNECT api.openai.com:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
        "print(s.recv(12).decode())"
    )
    for listen, address in (("[::1]:0", "::1"), ("127.0.0.1:0", "::ffff:127.0.0.1")):
        leo = leo_with({"listen": {"proxy": listen}, "tenants": tenants})
        for user, answer in ((FIRST, "HTTP/1.1 200"), (SECOND, "HTTP/1.1 403")):
            done = subprocess.run(
                [program("python3"), "-c", script, str(number(user)), address, str(leo.proxy[1])],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert done.stdout.strip() == answer, done.stderr


@needs_root
def test_users_are_known_on_a_unix_socket(leo_with, app):
    folder = Path(tempfile.mkdtemp(prefix="leo-unix-"))
    folder.chmod(0o755)
    path = folder / "proxy.sock"
    leo = leo_with(
        {
            "listen": {"proxy_unix": str(path)},
            "tenants": {"checkout": {"match": [{"uid": FIRST, "listener": "proxy_unix"}]}},
        }
    )
    path.chmod(0o666)

    def connect(user: str) -> str:
        script = (
            "import os, socket, sys; os.setuid(int(sys.argv[1])); s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[2]); s.sendall(b'CONNECT api.openai.com:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
            "print(s.recv(12).decode())"
        )
        command = ["python3", "-c", script, str(number(user)), str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()

    assert connect(FIRST) == "HTTP/1.1 200"
    assert connect(SECOND) == "HTTP/1.1 403"
    # The same user at another listener is not the tenant: all keys of a row must hold.
    assert app(url(leo), FIRST) == "403 000"
    shutil.rmtree(folder, ignore_errors=True)


@needs_root
def test_a_user_who_sends_a_plain_request_is_known_too(leo_with, app, provider):
    leo = leo_with(
        {"listen": {"reverse": "127.0.0.1:0"}, "tenants": {"checkout": {"match": [{"uid": FIRST}]}}}
    )
    address = "http://%s:%d/openai/v1/models" % leo.address("reverse")
    for user, status in ((FIRST, "200"), (SECOND, "403")):
        done = subprocess.run(
            ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", address],
            user=number(user), group=0, extra_groups=[], capture_output=True, text=True, timeout=60, cwd="/",
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert done.stdout == status, done.stderr
    assert known(leo, 2) == [("checkout", "uid"), (None, None)]


# MARK: Units


@contextlib.contextmanager
def unit(name: str) -> Iterator[Path]:
    """A control group as systemd would make it for this unit of the system's."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    roots = [Path(fields[4]) for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"]
    if not roots or not os.access(roots[0], os.W_OK):
        pytest.skip("no control groups of version 2 to make one in")
    slice_folder = roots[0] / "leo-test.slice"
    folder = slice_folder / name
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        yield folder
    finally:
        for each in [*folder.glob("*/"), folder, slice_folder]:
            with contextlib.suppress(OSError):
                each.rmdir()


@needs_root
def test_a_unit_is_known_by_the_control_group_of_its_sockets(leo_with, app):
    leo = leo_with(
        {
            "tenants": {
                "checkout": {"match": [{"systemd_unit": "leo-checkout.service"}]},
                "research": {"match": [{"uid": SECOND}]},
            }
        }
    )
    with unit("leo-checkout.service") as folder:
        below = folder / "leo-research.service"
        below.mkdir()
        # The unit is stronger than the user, and what a unit calls its own groups changes nothing.
        assert app(url(leo), SECOND, into=folder) == "200 200"
        assert app(url(leo), SECOND, into=below) == "200 200"
        assert app(url(leo), SECOND) == "200 200"
        assert app(url(leo), FIRST) == "403 000"
        assert known(leo, 4) == [
            ("checkout", "systemd_unit"), ("checkout", "systemd_unit"), ("research", "uid"), (None, None),
        ]  # fmt: skip


@needs_root
def test_a_unit_is_known_on_a_unix_socket(leo_with):
    folder = Path(tempfile.mkdtemp(prefix="leo-unix-"))
    path = folder / "proxy.sock"
    leo = leo_with(
        {
            "listen": {"proxy_unix": str(path)},
            "tenants": {"checkout": {"match": [{"systemd_unit": "leo-checkout.service"}]}},
        }
    )
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(sys.argv[1]); s.sendall(b'CONNECT api.openai.com:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
        "print(s.recv(12).decode())"
    )
    with unit("leo-checkout.service") as group:
        for into, answer in ((group, "HTTP/1.1 200"), (None, "HTTP/1.1 403")):
            enter = (lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) if into else None
            done = subprocess.run(
                ["python3", "-c", script, str(path)], preexec_fn=enter, capture_output=True, text=True, timeout=60
            )
            if into and done.stdout.strip() == "HTTP/1.1 403" and not hasattr(os, "PIDFD_NONBLOCK"):
                pytest.skip("this kernel does not tell which process connected")
            assert done.stdout.strip() == answer, done.stderr
    shutil.rmtree(folder, ignore_errors=True)


# MARK: Addresses and listeners


def from_address(leo: Leo, address: str) -> Wire:
    sock = socket.socket()
    sock.bind((address, 0))
    sock.connect(leo.proxy)
    return Wire(sock)


def test_the_longest_network_around_an_address_tells_the_tenant(leo_with):
    leo = leo_with(
        {
            "tenants": {
                "wide": {"match": [{"source": ["127.0.0.0/8"]}]},
                "narrow": {"match": [{"source": ["10.0.0.0/8", "127.0.0.2"]}]},
            }
        }
    )
    for address, tenant in (("127.0.0.1", "wide"), ("127.0.0.2", "narrow")):
        with leo.client(way=from_address(leo, address)).intercepted() as client:
            assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200
            line = leo.line_of(client)
            assert (line["tenant"], line["matched_by"]) == (tenant, "source")


def test_a_listener_tells_the_tenant_where_nothing_else_does(leo_with):
    leo = leo_with(
        {
            "listen": {"reverse": "127.0.0.1:0"},
            "tenants": {"tools": {"match": [{"listener": "reverse"}]}, "default": {}},
        }
    )
    with leo.client(way=Wire(socket.create_connection(leo.address("reverse")))) as client:
        assert client.exchange("GET", "/openai/v1/models", []).status == 200
        line = leo.line_of(client)
        assert (line["tenant"], line["matched_by"]) == ("tools", "listener")
    with leo.client().intercepted() as client:
        assert client.exchange("POST", "/v1/chat/completions", [], b"{}").status == 200
        assert leo.line_of(client)["tenant"] == "default"


# MARK: Provider keys

CHECKOUT_KEY, RESEARCH_KEY = "sk-checkout-0123456789", "sk-ant-research-0123456789"


def fingerprint(file: Path, key: str) -> str:
    done = subprocess.run(
        [str(harness.BINARY), "fingerprint", str(file)], input=key + "\n", env=harness.environment(),
        capture_output=True, timeout=60, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def keys(tmp_path) -> Dict[str, Any]:
    """[keys], with a master key that leo keys init made."""
    found = {"master_file": str(tmp_path / "master.key"), "previous_file": str(tmp_path / "previous.key")}
    file = key_file(tmp_path, {"master_file": found["master_file"]})
    done = harness.leo("keys", "init", file)
    assert done.returncode == 0, done.stderr
    return found


def key_file(tmp_path: Path, keys: Dict[str, Any]) -> Path:
    file = tmp_path / "keys.toml"
    file.write_text(harness.toml({"keys": keys}), encoding="utf-8")
    return file


@pytest.fixture
def by_key(leo_with, keys, tmp_path) -> Leo:
    """A leo that knows two tenants by their keys, and nobody else."""
    keys = {"master_file": keys["master_file"]}
    file = key_file(tmp_path, keys)
    return leo_with(
        {
            "keys": keys,
            "tenants": {
                "checkout": {"match": [{"provider_key": fingerprint(file, CHECKOUT_KEY)}]},
                "research": {"match": [{"provider_key": [fingerprint(file, RESEARCH_KEY)]}]},
            },
        }
    )


def bearer(key: str):
    return ("Authorization", f"Bearer {key}")


def test_each_request_is_its_keys_tenants(by_key, provider, test_id):
    with by_key.client().intercepted() as client:
        for name, value in (bearer(CHECKOUT_KEY), ("x-api-key", RESEARCH_KEY), ("api-key", CHECKOUT_KEY)):
            answer = client.exchange("POST", "/v1/chat/completions", [(name, value), ("x-test-id", test_id)], b"{}")
            assert answer.status == 200
        lines = by_key.lines_of(client, 3)
    assert [line["tenant"] for line in lines] == ["checkout", "research", "checkout"]
    assert {line["matched_by"] for line in lines} == {"provider_key"}
    assert lines[0]["credential"] == lines[2]["credential"] != lines[1]["credential"]
    assert all(len(line["credential"]) == 8 for line in lines)
    # The key goes on to the provider as it came, and is told to nobody else.
    assert [seen.request.first("authorization") for seen in provider.of(test_id)][0] == f"Bearer {CHECKOUT_KEY}"
    told = by_key.errors() + by_key.log_path.read_text() + by_key.get("/metrics")[1]
    assert "sk-" not in told and "hmac:" not in told


@pytest.mark.parametrize(
    "path, fields",
    [
        ("/v1/models", []),
        ("/v1/models", [bearer("sk-unknown")]),
        ("/v1/models", [bearer("eyJhbGciOiJub25lIn0.e30.")]),
        ("/v1/models", [("Authorization", CHECKOUT_KEY)]),
        ("/v1/models", [bearer(CHECKOUT_KEY), ("x-api-key", "sk-other")]),
        ("/v1/models?key=" + RESEARCH_KEY, [bearer(CHECKOUT_KEY)]),
        ("/v1/models", [bearer(CHECKOUT_KEY), ("Authorization", "AWS4-HMAC-SHA256 Credential=x")]),
    ],
)
def test_a_request_without_a_key_that_is_known_is_refused_as_the_provider_would(by_key, path, fields):
    with by_key.client().intercepted() as client:
        answer = client.exchange("GET", path, fields)
        assert answer.status == 403 and answer.first("x-leo-error") == "unidentified"
        assert "message" in json.loads(answer.body)["error"]
        line = by_key.line_of(client)
        assert line["kind"] == "exchange" and line["error"] == "unidentified" and "tenant" not in line


def test_a_key_in_the_query_counts_however_it_is_written(by_key):
    with by_key.client().intercepted("generativelanguage.googleapis.com") as client:
        for query in ("key=" + CHECKOUT_KEY, "alt=sse&k%65y=" + CHECKOUT_KEY.replace("-", "%2D"), "key=sk-unknown"):
            client.exchange("GET", "/v1/models?" + query, [], host="generativelanguage.googleapis.com")
        lines = by_key.lines_of(client, 3)
    assert [line.get("tenant") for line in lines] == ["checkout", "checkout", None]
    assert "key=" not in by_key.log_path.read_text()


def test_streams_of_one_connection_belong_to_different_tenants(by_key, h2):
    client = h2(by_key)
    for key, status in ((CHECKOUT_KEY, 200), (RESEARCH_KEY, 200), ("sk-unknown", 403)):
        answer = client.exchange("POST", "/v1/chat/completions", [("authorization", f"bearer {key}")], b"{}")
        assert answer.status == status
    lines = by_key.lines_of(client.raw, 3)
    assert [line.get("tenant") for line in lines] == ["checkout", "research", None]


def test_a_tunnel_shows_no_key_and_is_refused(by_key, provider):
    """By name at once; by address, behind which there may be a provider, when the name in the ClientHello is none."""
    with by_key.client() as client:
        assert client.connect("tunnelled.elsewhere.example:443").status == 403
        assert by_key.line_of(client)["error"] == "unidentified"
    listener = provider.listen()
    with by_key.client() as client:
        assert client.connect(listener.address).status == 200
        with pytest.raises(Exception):
            client.start_tls("tunnelled.elsewhere.example")
        line = by_key.line_of(client)
        assert line["error"] == "unidentified" and "upstream_addr" not in line
    with by_key.client() as client:
        assert client.connect(listener.address).status == 200
        client.send(b"no TLS\r\n")
        assert client.wire.wait_end(20) is not None
        assert by_key.line_of(client)["error"] == "unidentified"


def test_a_key_and_a_network_must_both_be_right(leo_with, keys, tmp_path):
    keys = {"master_file": keys["master_file"]}
    mark = fingerprint(key_file(tmp_path, keys), CHECKOUT_KEY)
    leo = leo_with(
        {
            "keys": keys,
            "tenants": {"checkout": {"match": [{"provider_key": mark, "source": "127.0.0.2"}]}},
        }
    )
    with leo.client(way=from_address(leo, "127.0.0.2")).intercepted() as client:
        assert client.exchange("GET", "/v1/models", [bearer(CHECKOUT_KEY)]).status == 200
    # From elsewhere no key would help, which is known before there is one.
    with leo.client() as client:
        assert client.connect("api.openai.com:443").status == 403


def test_after_a_rotation_fingerprints_under_the_previous_key_still_count(leo_with, keys, tmp_path):
    before = fingerprint(key_file(tmp_path, {"master_file": keys["master_file"]}), CHECKOUT_KEY)
    file = key_file(tmp_path, keys)
    done = harness.leo("keys", "rotate", file)
    assert done.returncode == 0, done.stderr
    after = fingerprint(file, RESEARCH_KEY)
    assert fingerprint(file, CHECKOUT_KEY) != before
    tenants = {"checkout": {"match": [{"provider_key": before}]}, "research": {"match": [{"provider_key": after}]}}
    leo = leo_with({"keys": keys, "tenants": tenants})
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models", [bearer(CHECKOUT_KEY)]).status == 200
        assert client.exchange("GET", "/v1/models", [bearer(RESEARCH_KEY)]).status == 200
        assert [line["tenant"] for line in leo.lines_of(client, 2)] == ["checkout", "research"]


# MARK: Reading the file again


@needs_root
def test_a_connection_that_is_older_than_its_tenants_is_known_all_the_same(leo_with):
    leo = leo_with({})
    with leo.client().intercepted() as client:
        assert client.exchange("GET", "/v1/models").status == 200
        reloaded(leo, {"tenants": {"admin": {"match": [{"uid": 0}]}}})
        assert client.exchange("GET", "/v1/models").status == 200
        reloaded(leo, {"tenants": {"proxied": {"match": [{"listener": "proxy"}]}}})
        assert client.exchange("GET", "/v1/models").status == 200
        reloaded(leo, {"tenants": {"checkout": {"match": [{"uid": FIRST}]}}})
        assert client.exchange("GET", "/v1/models").status == 403
        lines = leo.lines_of(client, 4)
    assert [line.get("tenant") for line in lines] == ["default", "admin", "proxied", None]


def test_keys_and_fingerprints_count_from_a_reload_on(leo_with, keys, tmp_path):
    leo = leo_with({})
    mark = fingerprint(key_file(tmp_path, {"master_file": keys["master_file"]}), CHECKOUT_KEY)
    tenants = {"checkout": {"match": [{"provider_key": mark}]}}
    with leo.client().intercepted() as client:
        reloaded(leo, {"keys": {"master_file": keys["master_file"]}, "tenants": tenants})
        assert client.exchange("GET", "/v1/models", [bearer(CHECKOUT_KEY)]).status == 200
        done = harness.leo("keys", "rotate", key_file(tmp_path, keys))
        assert done.returncode == 0, done.stderr
        reloaded(leo, {"keys": keys, "tenants": tenants})
        assert client.exchange("GET", "/v1/models", [bearer(CHECKOUT_KEY)]).status == 200
        first, second = leo.lines_of(client, 2)
        assert (first["tenant"], second["tenant"]) == ("checkout", "checkout")
        assert first["credential"] == mark[5:13] != second["credential"]
        # A key that others may read changes nothing.
        Path(keys["master_file"]).chmod(0o644)
        write(leo, {"keys": keys, "tenants": {"default": {}}})
        refused = harness.leo("reload", leo.file, "--admin", "%s:%d" % leo.admin)
        assert refused.returncode == 1 and "make it 0600" in refused.stderr
        assert client.exchange("GET", "/v1/models", [bearer("sk-unknown")]).status == 403


# MARK: leo keys, leo fingerprint, leo check


def test_a_master_key_is_for_its_owner_alone_and_never_replaced_by_init(keys, tmp_path):
    path = Path(keys["master_file"])
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    file = key_file(tmp_path, {"master_file": str(path)})
    again = harness.leo("keys", "init", file)
    assert again.returncode == 2 and "is there already" in again.stderr and path.read_text() == text
    assert text.strip() not in again.stderr + again.stdout
    path.chmod(0o640)
    for command in (("check", file), ("fingerprint", file)):
        done = harness.leo(*command)
        assert done.returncode in (1, 2) and "make it 0600" in done.stderr, (command, done)
    path.chmod(0o600)
    path.write_text("short\n")
    done = harness.leo("check", file)
    assert done.returncode == 1 and "keys.toml:2:15: keys.master_file: " in done.stderr
    assert "holds no master key" in done.stderr


def test_keys_and_fingerprints_need_a_place_in_the_file(tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text("", encoding="utf-8")
    for command in (("keys", "init"), ("keys", "rotate"), ("fingerprint",)):
        done = harness.leo(*command, file)
        assert done.returncode == 2 and "[keys]" in done.stderr
    file.write_text(f'[tenants.a]\nmatch = [ {{ provider_key = "hmac:{"0" * 32}" }} ]\n', encoding="utf-8")
    done = harness.leo("check", file)
    assert done.returncode == 1 and "needs [keys] with master_file" in done.stderr


@pytest.mark.parametrize("key", ["", "Bearer sk-1", "eyJhbGciOiJub25lIn0.e30.x", "x" * 4097])
def test_what_is_no_key_that_stays_the_same_has_no_fingerprint(keys, tmp_path, key):
    file = key_file(tmp_path, {"master_file": keys["master_file"]})
    done = subprocess.run(
        [str(harness.BINARY), "fingerprint", str(file)], input=key + "\n", env=harness.environment(),
        capture_output=True, timeout=60, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("leo: ")


def test_check_names_both_places_of_an_identity_that_two_tenants_claim(tmp_path):
    file = tmp_path / "leo.toml"
    file.write_text(
        '[tenants.a]\nmatch = [ { uid = "root" } ]\n[tenants.b]\nmatch = [ { uid = ["daemon", 0] } ]\n', encoding="utf-8"
    )
    done = harness.leo("check", file)
    assert done.returncode == 1
    assert ":4:" in done.stderr and 'uid = "0" is tenant "a"\'s already, at line 2' in done.stderr
