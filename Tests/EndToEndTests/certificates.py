"""The certificates of the test provider, made by the openssl command: good ones, and all kinds that leo refuses."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

# The hosts that the test provider stands for. `leo-test.example` is a provider of the tests' own configuration.
PROVIDER_HOSTS = [
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "api.groq.com",
    "api.mistral.ai",
    "api.deepseek.com",
    "openrouter.ai",
    "api.cohere.com",
    "*.leo-test.example",
    "*.elsewhere.example",
    "localhost",
]

CA_CONFIG = """
[ca]
default_ca = this
[this]
dir = {folder}
database = $dir/index.txt
new_certs_dir = $dir
certificate = $dir/{issuer}.pem
private_key = $dir/{issuer}.key
default_md = sha256
policy = anything
unique_subject = no
rand_serial = yes
copy_extensions = none
x509_extensions = leaf
[anything]
commonName = supplied
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


class Certificates:
    """A folder of keys and certificates. `ca` is the bundle a verifier trusts, `context(kind)` what a server shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.txt").touch()
        self.authority("ca")
        self.authority("strangers-ca")
        self.leaf("good", PROVIDER_HOSTS)
        self.leaf("expired", PROVIDER_HOSTS, start="20200101000000Z", end="20200201000000Z")
        self.leaf("future", PROVIDER_HOSTS, start="20900101000000Z", end="20910101000000Z")
        self.leaf("wrong-name", ["wrong.example"])
        self.leaf("untrusted", PROVIDER_HOSTS, issuer="strangers-ca")
        self.leaf("weak-key", PROVIDER_HOSTS, key=["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"])
        self.self_signed("self-signed", PROVIDER_HOSTS)
        self._contexts: Dict[Tuple[str, Tuple[str, ...]], ssl.SSLContext] = {}

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def path(self, name: str) -> Path:
        return self.folder / name

    def context(self, kind: str, protocols: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
        """A server context with this certificate that knows these protocols; OpenSSL follows the server's order."""
        known = (kind, tuple(protocols))
        if known not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if kind == "weak-key":
                context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.load_cert_chain(self.path(kind + ".pem"), self.path(kind + ".key"))
            context.set_alpn_protocols(list(protocols))
            self._contexts[known] = context
        return self._contexts[known]

    # MARK: Making them

    def key(self, name: str, options: Optional[List[str]] = None) -> Path:
        path = self.path(name + ".key")
        openssl("genpkey", *(options or ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]), "-out", path)
        return path

    def authority(self, name: str) -> None:
        openssl(
            "req", "-x509", "-new", "-key", self.key(name), "-sha256", "-days", "30", "-subj", f"/CN=leo test {name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.path(name + ".pem"),
        )  # fmt: skip

    def self_signed(self, name: str, hosts: List[str]) -> None:
        openssl(
            "req", "-x509", "-new", "-key", self.key(name), "-sha256", "-days", "30", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=" + alternative_names(hosts), "-out", self.path(name + ".pem"),
        )  # fmt: skip

    def leaf(
        self,
        name: str,
        hosts: List[str],
        issuer: str = "ca",
        start: Optional[str] = None,
        end: Optional[str] = None,
        key: Optional[List[str]] = None,
        usage: str = "serverAuth",
    ) -> None:
        """Signs with `openssl ca`, the one command of OpenSSL 3.0 that can date a certificate into the past."""
        request = self.path(name + ".csr")
        openssl("req", "-new", "-key", self.key(name, key), "-subj", f"/CN={name}", "-out", request)
        config = self.path(name + ".cnf")
        config.write_text(
            CA_CONFIG.format(folder=self.folder, issuer=issuer, names=alternative_names(hosts), usage=usage),
            encoding="ascii"
        )
        dates = ["-startdate", start, "-enddate", end] if start and end else ["-days", "7"]
        openssl(
            "ca", "-batch", "-notext", "-config", config, *dates, "-in", request,
            "-out", self.path(name + ".pem"),
        )  # fmt: skip


def alternative_names(hosts: List[str]) -> str:
    return ",".join(("IP:" if host.replace(".", "").isdigit() or ":" in host else "DNS:") + host for host in hosts)


def openssl(*arguments) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout
