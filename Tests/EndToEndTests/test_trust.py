"""The name constraints of leo's CA: whoever steals the intermediate's key can impersonate providers, and nobody else.

A leaf signed with that key for another name, or for an address, must be refused by every runtime that trusts leo's
root; one for a provider's host must be accepted by the same runtime, so that a refusal means what it seems to mean.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from certificates import alternative_names, openssl
from programs import CLIENTS
from wires import Wire

LEAF = """
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""

# What the leaf is for, the name or address the client wants, and whether it may believe it.
CASES = [
    ("api.openai.com", "api.openai.com", True),
    ("www.example.com", "www.example.com", False),
    ("openai.com.example.com", "openai.com.example.com", False),
    ("127.0.0.1", "127.0.0.1", False),
]


@pytest.fixture(scope="module")
def forged(settings, tmp_path_factory, provider):
    """forged(name): the port of a TLS server whose leaf for this name was signed with the stolen intermediate key."""
    folder: Path = tmp_path_factory.mktemp("forged")
    ports: Dict[str, int] = {}

    def make(name: str) -> int:
        if name not in ports:
            base = folder / name
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", f"{base}.key")
            # A common name that is a host would be another name to some verifiers.
            openssl("req", "-new", "-key", f"{base}.key", "-subj", "/O=leo test", "-out", f"{base}.csr")
            Path(f"{base}.cnf").write_text(LEAF.format(names=alternative_names([name])), encoding="ascii")
            openssl(
                "x509", "-req", "-in", f"{base}.csr", "-CA", settings["ca"]["certificate"], "-CAkey",
                settings["ca"]["key"], "-set_serial", "0x4c454f%04x" % len(ports), "-days", "2", "-sha256",
                "-extfile", f"{base}.cnf", "-extensions", "leaf", "-out", f"{base}.pem",
            )  # fmt: skip
            chain = Path(f"{base}.pem").read_text() + Path(settings["ca"]["certificate"]).read_text()
            Path(f"{base}.pem").write_text(chain)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{base}.pem", f"{base}.key")

            def serve(sock: socket.socket) -> None:
                wire = Wire(sock)
                wire.start_tls(context, server=True)
                wire.wait_end(10)

            ports[name] = provider.listen_raw(serve).port
        return ports[name]

    return make


def command(runtime: str, program, built):
    if runtime == "openssl":
        return [program("bash"), CLIENTS / "openssl_handshake.sh"]
    if runtime == "python":
        return [sys.executable, CLIENTS / "handshake.py"]
    if runtime == "node":
        return [program("node"), CLIENTS / "node_handshake.js"]
    if runtime == "java":
        return built(program("javac"), "JavaHandshake.java")
    return built(program("go"), "gohandshake.go")


@pytest.mark.parametrize("runtime", ["openssl", "python", "node", "java", "go"])
@pytest.mark.parametrize("names, wanted, good", CASES)
def test_a_stolen_intermediate_key_can_impersonate_providers_alone(
    leo, forged, tmp_path, program, built, runtime, names, wanted, good
):
    env = leo.client_environment(tmp_path / "home")
    arguments = [*command(runtime, program, built), forged(names), wanted]
    done = subprocess.run(
        list(map(str, arguments)), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100
    )
    said = done.stdout.strip().splitlines()[-1:] or [done.stderr]
    assert said[0].startswith("accepted" if good else "refused"), done.stdout + done.stderr
