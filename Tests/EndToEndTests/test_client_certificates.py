"""Who a client is, on the TLS listener: client certificates, and what other machines may do."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from harness import Leo, wait_until
from test_authentication import make_hash

URL = "https://api.openai.com/v1/models"
PROXY = "proxy.leo-test.example"


@pytest.fixture(scope="session")
def clients(certificates) -> Path:
    """A folder with certificates of clients: `checkout` has its name as CN, `research` as DNS name."""
    certificates.leaf("checkout", ["unused.example"], usage="clientAuth")
    certificates.leaf("researcher", ["research.clients.example"], usage="clientAuth")
    certificates.leaf("stranger", ["stranger.example"], usage="clientAuth")
    certificates.leaf("of-others", ["unused.example"], usage="clientAuth", issuer="strangers-ca")
    certificates.leaf("server-alone", ["unused.example"], usage="serverAuth")
    certificates.leaf(
        "long-gone", ["unused.example"], usage="clientAuth", start="20200101000000Z", end="20200201000000Z"
    )
    return certificates.folder


def listening(clients: Path, tenants: Dict[str, Any], address: str = "127.0.0.1:0") -> Dict[str, Any]:
    return {
        "listen": {"proxy_tls": address, "tls": {"names": [PROXY], "client_ca": str(clients / "ca.pem")}},
        "tenants": tenants,
    }


TENANTS: Dict[str, Any] = {
    "checkout": {"match": [{"client_certificate": "checkout"}]},
    "research": {"match": [{"client_certificate": ["research.clients.example", "spiffe://example.org/research"]}]},
}


@pytest.fixture(scope="session")
def shared_mutual(start, clients) -> Leo:
    return start("mutual", listening(clients, TENANTS))


@pytest.fixture
def mutual(shared_mutual) -> Iterator[Leo]:
    yield shared_mutual
    assert shared_mutual.alive()


def tls_port(leo: Leo) -> int:
    found = re.search(r"proxy_tls https://(?:\[[0-9a-f:]+\]|[0-9.]+):(\d+)", leo.errors())
    assert found, leo.errors()
    return int(found.group(1))


def curl(leo: Leo, clients: Path, name: str = "", *options: str, url: str = URL) -> Tuple[str, str]:
    """The status of the CONNECT and of the exchange; "000" is none."""
    port = tls_port(leo)
    shown = ["--proxy-cert", str(clients / f"{name}.pem"), "--proxy-key", str(clients / f"{name}.key")] if name else []
    done = subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "-w", "%{http_connect} %{http_code}", "--cacert", str(leo.root),
         "--proxy-cacert", str(leo.root), "-x", f"https://{PROXY}:{port}", "--resolve", f"{PROXY}:{port}:127.0.0.1",
         *shown, *options, url],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    connect, code = done.stdout.split()
    return connect, code


def new_lines(leo: Leo, start: int, count: int) -> List[Dict[str, Any]]:
    """The lines from the byte `start` of the log on, when there are so many."""
    wait_until(lambda: len(leo.lines(None, start)) >= count, f"{count} lines")
    found = leo.lines(None, start)
    assert len(found) == count, found
    return found


def log_size(leo: Leo) -> int:
    return leo.log_path.stat().st_size


def test_a_certificate_tells_the_tenant_by_any_of_its_names(mutual, clients, program):
    program("curl")
    start = log_size(mutual)
    assert curl(mutual, clients, "checkout") == ("200", "200")
    assert curl(mutual, clients, "researcher") == ("200", "200")
    lines = new_lines(mutual, start, 2)
    assert sorted(line["tenant"] for line in lines) == ["checkout", "research"]
    assert {line["matched_by"] for line in lines} == {"client_certificate"}


@pytest.mark.parametrize("name", ["", "of-others", "server-alone", "long-gone"])
def test_a_missing_or_bad_certificate_ends_the_handshake(mutual, clients, program, name):
    program("curl")
    start = log_size(mutual)
    assert curl(mutual, clients, name) == ("000", "000")
    (line,) = new_lines(mutual, start, 1)
    assert line["error"] == "client_handshake" and "tenant" not in line


def test_a_good_certificate_that_no_tenant_names_is_refused(mutual, clients, program):
    program("curl")
    start = log_size(mutual)
    assert curl(mutual, clients, "stranger") == ("403", "000")
    (line,) = new_lines(mutual, start, 1)
    assert (line["error"], line["status"]) == ("unidentified", 403) and "tenant" not in line


def test_who_has_no_certificate_may_have_a_password(leo_with, clients, program):
    program("curl")
    users = {"people": {"match": [{"proxy_user": "u", "password_hash": make_hash("p")}]}}
    leo = leo_with(listening(clients, dict(TENANTS, **users)))
    assert curl(leo, clients, "", "--proxy-user", "u:p") == ("200", "200")
    assert curl(leo, clients, "", "--proxy-user", "u:wrong") == ("407", "000")
    assert curl(leo, clients) == ("407", "000")
    assert curl(leo, clients, "checkout") == ("200", "200")
    # The certificate is stronger, and a wrong password is wrong all the same.
    assert curl(leo, clients, "checkout", "--proxy-user", "u:p") == ("200", "200")
    assert curl(leo, clients, "checkout", "--proxy-user", "u:wrong") == ("407", "000")
    assert curl(leo, clients, "of-others", "--proxy-user", "u:p") == ("000", "000")
    lines = new_lines(leo, 0, 7)
    tenants = [line["tenant"] for line in lines if line["kind"] == "exchange"]
    assert sorted(tenants) == ["checkout", "checkout", "people"]


def test_a_tenant_may_ask_for_both(leo_with, clients, program):
    program("curl")
    row = {"proxy_user": "u", "password_hash": make_hash("p"), "client_certificate": "checkout"}
    leo = leo_with(listening(clients, {"both": {"match": [row]}, "default": {}}))
    assert curl(leo, clients, "checkout", "--proxy-user", "u:p") == ("200", "200")
    assert curl(leo, clients, "", "--proxy-user", "u:p") == ("403", "000")
    assert curl(leo, clients, "checkout") == ("200", "200")
    tenants = [line.get("tenant", "") for line in new_lines(leo, 0, 3)]
    assert sorted(tenants) == ["", "both", "default"]


def test_without_tenants_the_certificate_is_what_is_asked_for(leo_with, clients, program):
    program("curl")
    leo = leo_with(listening(clients, {}))
    assert curl(leo, clients, "stranger") == ("200", "200")
    assert curl(leo, clients) == ("000", "000")
    lines = new_lines(leo, 0, 2)
    assert sorted(line.get("tenant", "") for line in lines) == ["", "default"]


# MARK: Other machines


@pytest.fixture(scope="session")
def shared_open(start, clients) -> Leo:
    return start("open", listening(clients, TENANTS, "0.0.0.0:0"))


@pytest.fixture
def opened(shared_open) -> Iterator[Leo]:
    """A leo that other machines could reach."""
    yield shared_open
    assert shared_open.alive()


def test_other_machines_reach_providers(opened, clients, program):
    program("curl")
    assert curl(opened, clients, "checkout") == ("200", "200")


@pytest.mark.parametrize(
    "target, word",
    [
        ("127.0.0.1:443", "address_refused"),
        ("10.0.0.1:443", "address_refused"),
        ("[::1]:443", "address_refused"),
        # A name is judged by where it leads, before the CONNECT is answered.
        ("localhost:443", "address_refused"),
        ("93.184.216.34:22", "host_refused"),
        ("localhost:8080", "host_refused"),
    ],
)
def test_other_machines_reach_no_private_address_and_no_other_port(opened, clients, program, target, word):
    program("curl")
    start = log_size(opened)
    assert curl(opened, clients, "checkout", url=f"https://{target}/") == ("403", "000")
    lines = wait_until(lambda: opened.lines(lambda line: line["host"] == target, start), "the line")
    assert (lines[0]["error"], lines[0]["tenant"]) == (word, "checkout")
