"""Runs the real leo: a private folder, its own CA, port 0, its log lines, and what the system says of the process."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from rawclient import RawClient
from wires import Wire

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("LEO_BINARY") or ROOT / ".build/debug/leo").absolute()
# The same program without a sanitizer, whose memory can be measured; scripts/test names it.
PLAIN_BINARY = Path(os.environ.get("LEO_PLAIN_BINARY") or BINARY).absolute()

# Nothing of this may ever appear in leo's standard error.
REPORTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Fatal error|Crash:|SUMMARY: ")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Waits for a condition and returns its value; asks again every few milliseconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.01)


# MARK: The configuration file


def toml(settings: Dict[str, Any]) -> str:
    """Tables one level deep, sub-tables and lists of them in one more, `[[rows]]` for lists of tables: all that leo's
    file has."""
    lines: List[str] = []

    def key(name: str) -> str:
        return name if re.fullmatch(r"[A-Za-z0-9_]+", name) else json.dumps(name)

    def is_rows(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and isinstance(value[0], dict)

    def table(name: str, values: Dict[str, Any], brackets: Tuple[str, str]) -> None:
        lines.append(brackets[0] + name + brackets[1])
        inner = {entry: value for entry, value in values.items() if isinstance(value, dict) or is_rows(value)}
        lines.extend(f"{key(entry)} = {json.dumps(value)}" for entry, value in values.items() if entry not in inner)
        for entry, value in inner.items():
            if isinstance(value, dict):
                table(name + "." + key(entry), value, ("[", "]"))
            else:
                for row in value:
                    table(name + "." + key(entry), row, ("[[", "]]"))

    for name, value in settings.items():
        if isinstance(value, list):
            for row in value:
                table(name, row, ("[[", "]]"))
        else:
            table(name, value, ("[", "]"))
    return "\n".join(lines) + "\n"


def merged(base: Dict[str, Any], changes: Dict[str, Any]) -> Dict[str, Any]:
    result = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


# MARK: The process


def sanitized(binary: Path) -> bool:
    """Whether the binary carries AddressSanitizer, which has its own ideas about memory."""
    return b"__asan_init" in binary.read_bytes()


def environment() -> Dict[str, str]:
    """What leo itself is started with: nothing about proxies or trust from the developer's shell."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
    }
    # leo makes itself undumpable, which LeakSanitizer's tracer cannot work with; a small quarantine keeps memory level.
    kept["ASAN_OPTIONS"] = os.environ.get(
        "ASAN_OPTIONS", "detect_leaks=0:quarantine_size_mb=16:allocator_release_to_os_interval_ms=500"
    )
    kept["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return kept


def leo(
    *arguments, binary: Optional[Path] = None, env: Optional[Dict[str, str]] = None, **more
) -> subprocess.CompletedProcess[str]:
    """Runs a command of leo to its end."""
    return subprocess.run(
        [str(binary or BINARY), *map(str, arguments)],
        env=env or environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, text=True, **more,
    )  # fmt: skip


def handing_over(sockets: List[socket.socket], command: List[str]) -> Tuple[List[str], Dict[str, Any]]:
    """The command and the arguments of Popen with which these sockets become descriptors 3, 4, … as sd_listen_fds(3)
    has it; the shell knows the number of the process that leo will be."""
    copies = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 100) for each in sockets]
    numbers = range(3, 3 + len(copies))

    def place() -> None:
        for number, copy in zip(numbers, copies):
            os.dup2(copy, number)
            os.close(copy)

    return (
        ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *command],
        {"preexec_fn": place, "pass_fds": tuple(numbers)},
    )


class Leo:
    """A running `leo serve`."""

    def __init__(
        self,
        folder: Path,
        settings: Dict[str, Any],
        root: Path,
        binary: Optional[Path] = None,
        sockets: Optional[List[Tuple[str, socket.socket]]] = None,
        prefix: Tuple[str, ...] = (),
    ) -> None:
        """`sockets` are handed over under their names as systemd does; `prefix` is what starts leo."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.root = root
        self.settings = settings
        self.binary = binary or BINARY
        self.file = folder / "leo.toml"
        self.file.write_text(toml(settings), encoding="utf-8")
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"
        self._log_starts: Dict[RawClient, int] = {}
        path = settings.get("access_log", {}).get("path", "-")
        self.log_path = self.stdout if path == "-" else Path(path)
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            command = [*prefix, str(self.binary), "serve", str(self.file)]
            variables, more = environment(), {}
            if sockets is not None:
                command, more = handing_over([each for _, each in sockets], command)
                variables["LISTEN_FDS"] = str(len(sockets))
                variables["LISTEN_FDNAMES"] = ":".join(name for name, _ in sockets)
            self.process = subprocess.Popen(
                command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, **more
            )
        try:
            ready = wait_until(self._ready_line, "leo's ready line")
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"leo did not become ready:\n{self.report()}") from None
        self.ready = ready
        self.proxy = self._address(ready, "proxy")
        self.admin = self._address(ready, "admin")
        assert self.proxy is not None, ready
        self.baseline = self.descriptors()

    def _ready_line(self) -> Optional[str]:
        assert self.process.poll() is None, f"leo ended with {self.process.returncode}"
        lines = [line for line in self.errors().splitlines() if line.startswith("leo: ready, ")]
        # Only a complete line counts: the address must not be read half.
        return lines[0] if lines and self.errors().endswith("\n") else None

    def address(self, name: str) -> Tuple[str, int]:
        """Where this listener is."""
        found = self._address(self.ready, name)
        assert found is not None, self.ready
        return found

    @staticmethod
    def _address(ready: str, name: str) -> Optional[Tuple[str, int]]:
        found = re.search(r"\b" + name + r" (?:https?://)?(\[[0-9a-f:]+\]|[0-9.]+):(\d+)", ready)
        return (found.group(1).strip("[]"), int(found.group(2))) if found else None

    # MARK: Talking to it

    def client(self, timeout: float = 20.0, way: Optional[Wire] = None) -> RawClient:
        """A connection to the proxy listener, or over this one."""
        assert self.proxy is not None
        client = RawClient(way or self.proxy, self.root, timeout)
        # Ports are given out again in a long run: only what is written from now on can be about this connection.
        self._log_starts[client] = self.log_path.stat().st_size if self.log_path.exists() else 0
        return client

    def get(self, path: str) -> Tuple[int, str]:
        """A request to the admin listener."""
        assert self.admin is not None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{self.admin[0]}:{self.admin[1]}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def client_environment(self, home: Path) -> Dict[str, str]:
        """What `leo env` says, and nothing else about the proxy or trust."""
        assert self.proxy is not None
        # The file says port 0; the port that is really in use is known to the ready line alone.
        proxy = f"{self.proxy[0]}:{self.proxy[1]}"
        done = leo("env", self.file, "--shell", "sh", "--proxy", proxy, binary=self.binary)
        assert done.returncode == 0, done.stderr
        home.mkdir(parents=True, exist_ok=True)
        result = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(home)}
        result.update(assignments(done.stdout))
        return result

    # MARK: Watching it

    def errors(self) -> str:
        return self.stderr.read_text(encoding="utf-8", errors="replace")

    def lines(self, where: Optional[Callable[[Dict[str, Any]], Any]] = None, start: int = 0) -> List[Dict[str, Any]]:
        """The access-log lines so far, from the byte `start`; a line still being written is left for the next look."""
        if not self.log_path.exists():
            return []
        with self.log_path.open("rb") as log:
            log.seek(max(0, start - 1))
            text = log.read()
        if start > 0:
            # The start may lie within a line that was being written: that one is not asked for.
            text = text[text.find(b"\n") + 1 :]
        complete = text[: text.rfind(b"\n") + 1]
        found = [json.loads(line) for line in complete.splitlines()]
        return [line for line in found if where is None or where(line)]

    def all_lines_of(self, client: RawClient) -> List[Dict[str, Any]]:
        """The lines about this client's connection so far."""
        return self.lines(lambda line: line.get("client") == client.local, self._log_starts[client])

    def lines_of(self, client: RawClient, count: int, seconds: float = 20.0) -> List[Dict[str, Any]]:
        """Waits for so many lines about this client's connection, and fails when there are more."""
        return self._exactly(count, lambda: self.all_lines_of(client), seconds)

    def line_of(self, client: RawClient, seconds: float = 20.0) -> Dict[str, Any]:
        """The one line about this client's connection."""
        return self.lines_of(client, 1, seconds)[0]

    def line_of_test(self, test_id: str, seconds: float = 20.0) -> Dict[str, Any]:
        """The one line of an exchange that carried this x-test-id."""
        mine = lambda line: line.get("labels", {}).get("x-test-id") == test_id  # noqa: E731
        return self._exactly(1, lambda: self.lines(mine), seconds)[0]

    def _exactly(self, count: int, find: Callable[[], List[Dict[str, Any]]], seconds: float) -> List[Dict[str, Any]]:
        wait_until(lambda: len(find()) >= count or not self.alive(), f"{count} access-log lines", seconds)
        found = find()
        assert len(found) == count, found
        return found

    def alive(self) -> bool:
        return self.process.poll() is None

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found, status
        return int(found.group(1)) * 1024

    def descriptors(self) -> Optional[int]:
        """Open descriptors; None where the system does not tell (leo is undumpable, so only root may list them)."""
        folder = f"/proc/{self.process.pid}/fd"
        try:
            return len(os.listdir(folder))
        except PermissionError:
            # Since Linux 6.2 the size of the folder is the count, and that is public.
            return os.stat(folder).st_size or None

    def settle(self, spare: int = 0) -> None:
        """Waits until no descriptor is left over from a test: as many open as at the start (and `spare` more)."""
        assert self.alive(), self.report()
        if self.baseline is None:
            return
        most = self.baseline + spare
        try:
            wait_until(lambda: (self.descriptors() or 0) <= most, "the descriptors")
        except AssertionError:
            raise AssertionError(
                f"{self.descriptors()} descriptors are open, {self.baseline} were at the start"
            ) from None

    def report(self) -> str:
        """What a person needs to see when a test failed."""
        out = self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""
        return (
            f"--- {self.file}\n{self.file.read_text()}\n--- standard error\n{self.errors()[:3000]}\n"
            f"--- access log, the last lines\n" + "\n".join(out.splitlines()[-4:])
        )

    # MARK: Ending it

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float = 30.0) -> None:
        """SIGTERM, and everything that a good end means."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"leo did not end within {seconds} s after SIGTERM\n{self.report()}") from None
        found = REPORTS.search(self.errors())
        assert found is None, f"{found.group(0)} in leo's standard error:\n{self.errors()[-20000:]}"
        assert code == 0, f"leo ended with {code}\n{self.report()}"


def assignments(text: str) -> Dict[str, str]:
    """The variables of `export NAME='value'` lines, read as a shell reads them."""
    result: Dict[str, str] = {}
    for word in shlex.split(text, comments=True):
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            result[name] = value
    return result


def raise_descriptor_limit() -> int:
    """The soft limit becomes the hard one, also for what is started later; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
