"""What every benchmark stands on: a folder that goes away, certificates, a provider, leo and nginx, and their figures.

Everything listens on loopback, on ports that the system gives. Processes are ended by their ids, and die with this one.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import datetime
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Optional, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOST = "api.openai.com"
PATH = "/v1/chat/completions"
# What the provider, nginx and h2load offer alone, so that every leg of `relay` is alike.
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"


def fail(text: str) -> NoReturn:
    sys.exit(f"{Path(sys.argv[0]).name}: {text}")


def arguments(text: Optional[str]) -> argparse.ArgumentParser:
    """The options that all benchmarks have; `text` is the benchmark's own description."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--leo", type=Path, default=os.environ.get("LEO_BINARY") or ROOT / ".build/release/leo",
        help="the program (default: $LEO_BINARY, else .build/release/leo)",
    )  # fmt: skip
    return parser


def parse(parser: argparse.ArgumentParser, *tools: str) -> argparse.Namespace:
    """Reads the command line, and sees that leo and the `tools`, named as program:package, are there."""
    options = parser.parse_args()
    options.leo = options.leo.absolute()
    if not os.access(options.leo, os.X_OK):
        fail(f"{options.leo} is missing: swift build -c release --static-swift-stdlib --product leo")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool.partition(":")[2] for tool in tools if not shutil.which(tool.partition(":")[0])]
    if missing:
        fail(f"not installed: apt-get install {' '.join(missing)}")
    return options


def announce(what: str, leo: Path) -> None:
    """Two lines above the figures: what, when, and on what."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    version = subprocess.run([leo, "--version"], stdout=subprocess.PIPE, text=True, timeout=10).stdout.split("\n")
    print(f"{what}; {datetime.date.today()}, {', '.join(filter(None, version))}")
    print(f"{cores} cores, load {load:.1f} from others before it began", flush=True)


# MARK: Processes


def die_with_parent() -> None:
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def environment() -> Dict[str, str]:
    """The caller's, without what would lead a program through some other proxy or to other roots."""
    unwanted = re.compile(r"(?i).*_proxy$|SSL_CERT_.*|STATE_DIRECTORY|NOTIFY_SOCKET")
    return {name: value for name, value in os.environ.items() if not unwanted.fullmatch(name)}


class Process:
    """A program of the stand. Its words go to a file, which is shown if it fails.

    `variables` are added to its environment.
    """

    def __init__(
        self, command: Sequence[Any], log: Path, output: int = subprocess.DEVNULL, **variables: Any
    ) -> None:
        self.log = log
        variables = {**environment(), **{name: str(value) for name, value in variables.items()}}
        with log.open("ab") as errors:
            self.child = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                preexec_fn=die_with_parent, env=variables,
            )  # fmt: skip
        self.pid = self.child.pid

    def wait_for(self, what: str, ready: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := ready()):
            if self.child.poll() is not None or time.monotonic() > deadline:
                fail(f"{self.child.args[0]}: {what} failed:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)
        return value

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        if self.child.poll() is None:
            self.child.send_signal(with_signal)
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all threads it ever had: utime + stime of /proc/PID/stat, in nanoseconds.

    The clock's number is that of clock_getcpuclockid(3); the stat file counts in hundredths of a second.
    """
    CPUCLOCK_SCHED = 2
    return time.clock_gettime_ns(((~pid) << 3) | CPUCLOCK_SCHED) / 1e9


def resident_bytes(pid: int) -> int:
    """VmRSS of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def proportional_bytes(pid: int) -> Optional[int]:
    """PSS of a process: resident memory, shared pages divided among those who share them. Of leo only root may know."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except PermissionError:
        return None
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))


def settled(measure: Callable[[int], int], pid: int) -> int:
    """What `measure` says of a process once it has not changed for a second."""
    last, since = measure(pid), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.1)
        if (now := measure(pid)) != last:
            last, since = now, time.monotonic()
    return last


def accepts(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# MARK: The stand


class Stand:
    """A temporary folder with certificates, and the processes started in it, newest ended first."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, leo: Path) -> None:
        self.folder = folder
        self.leo = leo
        self.wrapper: List[str] = []
        self._stack = stack
        self._make_certificates()

    def keep(self, process: Process) -> Process:
        self._stack.callback(process.stop)
        return process

    @contextlib.contextmanager
    def wrapped(self, command: Sequence[str]) -> Iterator[None]:
        """Starts leo and nginx inside of another program, such as valgrind."""
        self.wrapper = list(command)
        yield
        self.wrapper = []

    def _openssl(self, *words: Any) -> None:
        done = subprocess.run(
            ["openssl", *map(str, words)], cwd=self.folder, stderr=subprocess.PIPE, text=True, timeout=30
        )
        if done.returncode != 0:
            fail(f"openssl {words[0]}: {done.stderr}")

    def _make_certificates(self) -> None:
        """A root, and under it the certificate that stands for the provider, both P-256 like leo's own."""
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._openssl(
            "req", "-x509", *new_key, "-days", 7, "-subj", "/CN=benchmark root",
            "-keyout", "root.key", "-out", "root.pem",
        )  # fmt: skip
        self._openssl("req", *new_key, "-subj", f"/CN={HOST}", "-keyout", "server.key", "-out", "server.csr")
        (self.folder / "names").write_text(f"subjectAltName=DNS:{HOST}\n")
        self._openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
            "-days", 7, "-extfile", "names", "-out", "server.pem",
        )  # fmt: skip

    # MARK: Contenders

    def start_leo(self, upstream_port: int, name: str = "leo", settings: str = "") -> Leo:
        """leo; `settings` are further tables of its file."""
        leo = Leo(self, upstream_port, name, settings)
        self.keep(leo)
        return leo

    def start_nginx(self, upstream_port: int, name: str = "nginx", cache_key_kilobytes: int = 0) -> Nginx:
        """A reverse proxy: TLS in, verified TLS out, kept connections, answers passed on unbuffered, access log on.

        Its log is written in batches, as leo's is. With `cache_key_kilobytes` it keeps the answers to POST, by path and body,
        in files of the temporary folder. The body has to be in memory for that, and a buffer has to hold the key,
        which nginx can take up to 64 KB.
        """
        port = free_port()
        zone = handling = ""
        if cache_key_kilobytes:
            zone = f"proxy_cache_path {self.folder}/{name}-cache keys_zone={name}-cache:16m use_temp_path=off;"
            handling = f"""
                    proxy_cache {name}-cache; proxy_cache_methods POST; proxy_cache_valid 200 1h;
                    proxy_cache_key "$request_uri|$request_body";
                    proxy_buffer_size {cache_key_kilobytes}k; proxy_buffers 8 {cache_key_kilobytes}k;
                    client_body_buffer_size 2m; client_max_body_size 2m;"""
        else:
            handling = "proxy_buffering off; proxy_request_buffering off;"
        text = f"""
            {zone}
            upstream provider {{
                server 127.0.0.1:{upstream_port};
                keepalive 256; keepalive_requests 1000000; keepalive_timeout 60s;
            }}
            server {{
                listen 127.0.0.1:{port} ssl backlog=4096;
                access_log {self.folder}/{name}-access.log combined buffer=64k flush=1s;
                location / {{
                    proxy_pass https://provider;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host {HOST};
                    proxy_ssl_name {HOST}; proxy_ssl_server_name on;
                    proxy_ssl_verify on; proxy_ssl_trusted_certificate {self.folder}/root.pem;
                    proxy_ssl_session_reuse on;
                    {handling}
                    proxy_read_timeout 900s; proxy_send_timeout 900s;
                }}
            }}"""
        nginx = Nginx(self, name, text, port)
        self.keep(nginx)
        return nginx

    def start_provider(
        self, answer: bytes, name: str = "provider", content_type: str = "application/json", hears_out: bool = False
    ) -> Nginx:
        """An nginx that answers every request with the same bytes. Never the bottleneck, and not measured.

        It answers when it has the head. With `hears_out` it does when it has the body: for large ones, whose connection
        would be closed after an answer that came too early.
        """
        port = free_port()
        # A word of its file has 4 KB at most.
        pieces = [answer[start : start + 2000].decode() for start in range(0, len(answer), 2000)]
        words = "".join(f"set $piece{index} '{piece}'; " for index, piece in enumerate(pieces))
        whole = "".join(f"${{piece{index}}}" for index in range(len(pieces)))
        answering = f'default_type {content_type}; {words} return 200 "{whole}";'
        inner = ""
        if hears_out:
            # What is proxied is read whole before.
            behind = f"127.0.0.1:{free_port()}"
            inner = f"server {{ listen {behind}; access_log off; location / {{ {answering} }} }}"
            answering = f"proxy_pass http://{behind}; proxy_pass_request_body off; proxy_set_header Content-Length 0;"
        text = f"""
            {inner}
            server {{
                listen 127.0.0.1:{port} ssl backlog=4096;
                access_log off;
                client_max_body_size 2m; client_body_buffer_size 2m;
                location / {{ {answering} }}
            }}"""
        provider = Nginx(self, name, text, port, wrapper=[])
        self.keep(provider)
        return provider

    def start_nghttpx(self, upstream_port: int, name: str = "nghttpx") -> Nghttpx:
        nghttpx = Nghttpx(self, upstream_port, name)
        self.keep(nghttpx)
        return nghttpx

    def start_http2_provider(self, answer: bytes) -> int:
        """An nghttpd that answers every request with the same JSON. Never the bottleneck, and not measured."""
        file = self.folder / "htdocs" / PATH.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(answer)
        # It has no option for the cipher suites of TLS 1.3.
        suites = self.folder / "provider.cnf"
        suites.write_text(
            "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = default\n"
            f"[default]\nCiphersuites = {CIPHER_SUITE}\n"
        )
        port = free_port()
        command = [
            "nghttpd", "--address=127.0.0.1", f"--htdocs={self.folder}/htdocs", port, self.folder / "server.key",
            self.folder / "server.pem",
        ]  # fmt: skip
        provider = Process(command, self.folder / "provider.log", OPENSSL_CONF=suites)
        self.keep(provider)
        provider.wait_for("start", lambda: accepts(port), 60)
        return port

    def start_adapter(self, port: int, connect: bool) -> int:
        """Starts a forwarder to `port`, which says CONNECT if asked to, and returns its own port."""
        program = self.folder / "adapter"
        if not program.exists():
            compiler = shutil.which("cc") or shutil.which("clang") or fail("neither cc nor clang is installed")
            subprocess.run([compiler, "-O2", "-o", program, HERE / "adapter.c"], check=True, timeout=60)
        words = [program, port] + ([f"{HOST}:443"] if connect else [])
        adapter = Process(words, self.folder / "adapter.log", output=subprocess.PIPE)
        self.keep(adapter)
        assert adapter.child.stdout
        return int(adapter.child.stdout.readline())


@contextlib.contextmanager
def stand(leo: Path) -> Iterator[Stand]:
    # Ctrl-C and SIGTERM end it orderly: processes first, then the folder.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leo-benchmark-"))
        yield Stand(Path(folder), stack, leo)


class Leo(Process):
    """leo with one worker, its own CA, and everything else by default."""

    def __init__(self, stand: Stand, upstream_port: int, name: str, settings: str) -> None:
        file = stand.folder / f"{name}.toml"
        file.write_text(
            f"""
            [listen]
            proxy = "127.0.0.1:0"
            admin = "127.0.0.1:0"
            workers = 1
            [upstream]
            trust = "root.pem"
            [upstream.resolve]
            "{HOST}:443" = "127.0.0.1:{upstream_port}"
            [access_log]
            path = "{name}-access.log"
            {settings}
            """
        )
        if not (stand.folder / "certs").exists():
            (stand.folder / "certs").mkdir()
            subprocess.run(
                [stand.leo, "ca", "init", file], stdout=subprocess.DEVNULL, check=True, timeout=30, env=environment()
            )
        self.root = stand.folder / "certs/leo-root.pem"
        log = stand.folder / f"{name}.log"
        log.unlink(missing_ok=True)
        super().__init__([*stand.wrapper, stand.leo, "serve", file], log)
        ready = re.compile(r"^leo: ready, proxy http://127\.0\.0\.1:(\d+), admin http://127\.0\.0\.1:(\d+)$", re.M)
        ports = self.wait_for("start", lambda: ready.search(log.read_text(errors="replace")), 60)
        self.port, self.admin_port = int(ports[1]), int(ports[2])


class Nginx(Process):
    """nginx as one process: nothing is left behind if the benchmark is killed."""

    def __init__(self, stand: Stand, name: str, http: str, port: int, wrapper: Optional[List[str]] = None) -> None:
        wrapper = stand.wrapper if wrapper is None else wrapper
        file = stand.folder / f"{name}.conf"
        file.write_text(
            f"""
            daemon off; master_process off; pid {stand.folder}/{name}.pid; error_log stderr error;
            {'user root;' if os.geteuid() == 0 else ''}
            events {{ worker_connections 8192; }}
            http {{
                keepalive_requests 1000000; keepalive_timeout 300s;
                ssl_certificate {stand.folder}/server.pem; ssl_certificate_key {stand.folder}/server.key;
                ssl_protocols TLSv1.2 TLSv1.3; ssl_conf_command Ciphersuites {CIPHER_SUITE};
                ssl_session_tickets on; ssl_session_cache shared:{name}:10m;
                client_body_temp_path {stand.folder}/{name}-body; proxy_temp_path {stand.folder}/{name}-proxy;
                fastcgi_temp_path {stand.folder}/{name}-f; uwsgi_temp_path {stand.folder}/{name}-u;
                scgi_temp_path {stand.folder}/{name}-s;
                {http}
            }}"""
        )
        super().__init__([*wrapper, "nginx", "-c", file, "-p", stand.folder], stand.folder / f"{name}.log")
        self.port = port
        self.wait_for("start", lambda: accepts(port), 60)


class Nghttpx(Process):
    """nghttpx with one worker as one process: HTTP/2 on TLS in, HTTP/2 on verified TLS out.

    It adds no fields, as leo does not.
    """

    def __init__(self, stand: Stand, upstream_port: int, name: str) -> None:
        self.port = free_port()
        (stand.folder / f"{name}.conf").touch()
        command = [
            *stand.wrapper, "nghttpx", f"--conf={stand.folder}/{name}.conf", "--single-process", "--workers=1",
            "--log-level=WARN", f"--frontend=127.0.0.1,{self.port}",
            f"--backend=127.0.0.1,{upstream_port};;tls;proto=h2;sni={HOST}", f"--cacert={stand.folder}/root.pem",
            f"--tls13-ciphers={CIPHER_SUITE}", f"--tls13-client-ciphers={CIPHER_SUITE}", "--no-ocsp", "--no-via",
            "--no-server-rewrite", "--no-add-x-forwarded-proto", stand.folder / "server.key",
            stand.folder / "server.pem",
        ]  # fmt: skip
        super().__init__(command, stand.folder / f"{name}.log")
        self.wait_for("start", lambda: accepts(self.port), 60)


# MARK: Figures


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and the smallest and largest value after it."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def chat_request(size: int = 1000) -> bytes:
    """A chat request of about `size` bytes."""
    message = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": ""}]}
    message["messages"][0]["content"] = "x" * (size - len(json.dumps(message)))  # type: ignore[index]
    return json.dumps(message).encode()


def chat_answer(size: int = 1000) -> bytes:
    """A chat answer of about `size` bytes."""
    answer: Dict[str, Any] = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-5-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300},
    }  # fmt: skip
    answer["choices"][0]["message"]["content"] = "y" * (size - len(json.dumps(answer)))
    return json.dumps(answer).encode()
