"""What the tests share: the provider, leo's CA, and running leos with ordinary and with short limits."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness  # noqa: E402
import limiting  # noqa: E402
import programs  # noqa: E402
from certificates import Certificates  # noqa: E402
from h2client import H2Client  # noqa: E402
from harness import Leo, merged  # noqa: E402
from provider import Provider  # noqa: E402
from rawclient import RawClient  # noqa: E402

# A test that hangs is a failed test.
TEST_SECONDS_MAX = 150

# All that run now, and those of them that ran before the current test.
running: List[Leo] = []
before: List[Leo] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Bounds each test: the alarm raises in the main thread, where every wait of these tests happens."""

    def alarm(*_):
        raise TimeoutError(f"the test took longer than {TEST_SECONDS_MAX} s")

    previous = signal.signal(signal.SIGALRM, alarm)
    signal.alarm(TEST_SECONDS_MAX)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the leos of a failed test said."""
    report = yield
    if report.failed:
        lent = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Leo)]
        started = [one for one in running if one not in before and one not in lent]
        for each in lent + started:
            report.sections.append((f"leo {each.folder.name}", each.report()))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    before[:] = running


def pytest_report_header() -> str:
    return f"leo: {harness.BINARY}" + (" (AddressSanitizer)" if sanitized_or_missing() else "")


def sanitized_or_missing() -> bool:
    return harness.BINARY.exists() and harness.sanitized(harness.BINARY)


@pytest.fixture(scope="session", autouse=True)
def descriptor_limit() -> int:
    return harness.raise_descriptor_limit()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def provider(certificates) -> Iterator[Provider]:
    stand_in = Provider(certificates)
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="session")
def upstreams(provider) -> Dict[str, Any]:
    """The listeners of the provider by host: the real names, and one bad host per thing that can be wrong."""
    good = provider.listen()
    found = {
        host + ":443": good
        for host in (
            "api.openai.com",
            "api.anthropic.com",
            "generativelanguage.googleapis.com",
            "bedrock-runtime.us-east-1.amazonaws.com",
            "api.groq.com",
            "api.mistral.ai",
            "api.deepseek.com",
            "openrouter.ai",
            "api.cohere.com",
            "good.leo-test.example",
            "other.elsewhere.example",
        )
    }
    for kind in ("expired", "future", "wrong-name", "self-signed", "untrusted", "weak-key"):
        found[f"{kind}.leo-test.example:443"] = provider.listen(kind)
    found["plain.leo-test.example:8000"] = provider.listen(None)
    # By the protocol that the provider speaks; the hosts above know HTTP/1.1 alone.
    found["h2.leo-test.example:443"] = provider.listen(protocols=["h2"])
    found["both.leo-test.example:443"] = provider.listen(protocols=["h2", "http/1.1"])
    return found


@pytest.fixture(scope="session")
def settings(tmp_path_factory, certificates, upstreams) -> Dict[str, Any]:
    """The configuration all leos of the tests start from, with leo's own CA already made by `leo ca init`."""
    folder = tmp_path_factory.mktemp("ca")
    base: Dict[str, Any] = {
        "listen": {
            "proxy": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "workers": 2,
            # leo's CA may sign for it because of ca.names.
            "tls": {"names": ["proxy.leo-test.example"]},
        },
        "ca": {
            "certificate": str(folder / "leo-ca.pem"),
            "key": str(folder / "leo-ca.key"),
            "root": str(folder / "leo-root.pem"),
            "names": ["leo-test.example"],
        },
        "upstream": {
            "trust": str(certificates.ca),
            "resolve": {host: listener.address for host, listener in upstreams.items()},
        },
        "provider": [
            {"name": "stand-in", "hosts": ["*.leo-test.example"], "api": "openai"},
            {"name": "plain", "hosts": ["plain.leo-test.example:8000"], "api": "openai", "plain": True},
        ],
        "access_log": {"labels": ["x-test-id"]},
    }
    file = folder / "leo.toml"
    file.write_text(harness.toml(base), encoding="utf-8")
    if not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} does not exist: build leo first, or name it in LEO_BINARY", returncode=2)
    done = harness.leo("ca", "init", file)
    assert done.returncode == 0, f"leo ca init: {done.stdout}{done.stderr}"
    assert oct((folder / "leo-ca.key").stat().st_mode & 0o777) == "0o600"
    return base


@pytest.fixture(scope="session")
def start(tmp_path_factory, settings) -> Iterator[Callable[..., Leo]]:
    """start(name, changes): one more leo with these changes to the settings."""
    started: List[Leo] = []

    def begin(name: str, changes: Dict[str, Any] = {}, **more) -> Leo:
        one = Leo(tmp_path_factory.mktemp(name), merged(settings, changes), Path(settings["ca"]["root"]), **more)
        started.append(one)
        running.append(one)
        return one

    yield begin
    for one in started:
        if one in running:
            running.remove(one)
            one.stop()


@pytest.fixture
def leo_with(start) -> Iterator[Callable[..., Leo]]:
    """leo_with(changes): a leo for this test alone, which must also end well."""
    mine: List[Leo] = []

    def begin(changes: Dict[str, Any] = {}, **more) -> Leo:
        mine.append(start("own", changes, **more))
        return mine[-1]

    yield begin
    for one in mine:
        if one in running:
            running.remove(one)
            one.stop()


class Shared:
    """A leo that tests share. One that died fails the test that killed it, and only that one: the next gets another."""

    def __init__(self, start: Callable[..., Leo], name: str, changes: Dict[str, Any]) -> None:
        # What the provider did to one test is not held against the next one's request.
        forgiving = {"upstream": {"circuit_breaker": False, "backoff_max": "0s"}}
        self.start, self.name, self.changes = start, name, merged(forgiving, changes)
        self.leo: Optional[Leo] = None

    def lend(self) -> Iterator[Leo]:
        if self.leo is None:
            self.leo = self.start(self.name, self.changes)
        one = self.leo
        yield one
        if not one.alive():
            self.leo = None
            running.remove(one)
            pytest.fail(f"leo ended with {one.process.returncode}:\n{one.report()}")


@pytest.fixture(scope="session")
def shared_leo(start) -> Shared:
    return Shared(start, "leo", {})


@pytest.fixture(scope="session")
def shared_hasty(start) -> Shared:
    return Shared(start, "hasty", HASTY)


@pytest.fixture(scope="session")
def shared_keeping(start, tmp_path_factory) -> Shared:
    prices = {"file": limiting.price_file(tmp_path_factory.mktemp("prices"))}
    return Shared(start, "keeping", {"defaults": {"cache": {"mode": "enforce", "when": "always"}}, "prices": prices})


@pytest.fixture
def leo(shared_leo) -> Iterator[Leo]:
    """The leo most tests use: the defaults of the file."""
    yield from shared_leo.lend()


@pytest.fixture
def hasty(shared_hasty) -> Iterator[Leo]:
    """A leo whose limits pass quickly, for everything that ends in a timeout or leaves nothing behind."""
    yield from shared_hasty.lend()


@pytest.fixture
def keeping(shared_keeping) -> Iterator[Leo]:
    """A leo that keeps answers, and serves sampled ones too. x-test-id is in the key, so that each test has its own."""
    yield from shared_keeping.lend()


HASTY = {
    "listen": {
        "handshake_timeout": "1s", "head_timeout": "1s", "idle_timeout": "1s", "stall_timeout": "1s",
        "drain_timeout": "2s",
    },
    "upstream": {"connect_timeout": "1s", "idle_timeout": "2s", "pool_idle_timeout": "200ms"},
}  # fmt: skip


@pytest.fixture
def quick(hasty) -> Iterator[Leo]:
    """The hasty leo, which must be alive and hold no more descriptors than before once the test is over."""
    yield hasty
    hasty.settle()


@pytest.fixture
def test_id(request) -> str:
    """A name for this run of this test, sent as x-test-id and found in the provider's records and the access log."""
    safe = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return f"{safe[:60]}-{next(_numbers)}"


_numbers = itertools.count(1)


@pytest.fixture
def openai(leo) -> Iterator[RawClient]:
    """A raw client whose TLS to api.openai.com leo has intercepted."""
    with leo.client() as client:
        yield client.intercepted()


@pytest.fixture
def h2() -> Iterator[Callable[..., H2Client]]:
    """h2(leo, host): an HTTP/2 client through this leo, closed at the end of the test."""
    mine: List[H2Client] = []

    def begin(leo: Leo, host: str = "good.leo-test.example", **more) -> H2Client:
        mine.append(H2Client(leo.client(), host, **more))
        return mine[-1]

    yield begin
    for one in mine:
        one.close()


@pytest.fixture
def program() -> Callable[[str], str]:
    """program(name): the path of a foreign program; without it the test is left out, with LEO_E2E_ALL=1 it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None and os.environ.get("LEO_E2E_ALL") == "1":
            pytest.fail(f"{name} is not installed")
        if path is None:
            pytest.skip(f"{name} is not installed (scripts/test --all installs it)")
        return path or ""

    return find


@pytest.fixture(scope="session")
def environments(tmp_path_factory) -> Callable[[Leo], Dict[str, str]]:
    """environments(leo): what `leo env` says to the clients of this leo."""
    return functools.lru_cache(None)(lambda leo: leo.client_environment(tmp_path_factory.mktemp("home")))


REQUEST = {"model": "gpt-test", "messages": [{"role": "user", "content": "Say something, schön."}]}


@pytest.fixture
def body_file(tmp_path) -> Callable[..., Path]:
    """body_file(stream, padding): a file with the body of a request."""

    def make(stream: bool, padding: int = 0) -> Path:
        path = tmp_path / "body.json"
        value = dict(REQUEST, stream=stream, user="x" * padding)
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Callable[[str, str], List[str]]:
    """built(compiler, file): the command that runs this client of clients/, compiled once."""
    folder = tmp_path_factory.mktemp("built")

    @functools.lru_cache(None)
    def build(compiler: str, file: str) -> List[str]:
        source = programs.CLIENTS / file
        if source.suffix == ".go":
            return [str(programs.built_go(compiler, source, folder))]
        return programs.built_java(compiler, source, folder)

    return build
