"""Runs the client programs in clients/ with the environment of `leo env`, and reads what they report."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

CLIENTS = Path(__file__).resolve().parent / "clients"


class Run:
    """A client's run. `first` is called when it says that the first piece of a stream has reached it."""

    def __init__(
        self,
        command: List[Any],
        env: Dict[str, str],
        first: Optional[Callable[[], None]] = None,
        first_line: Callable[[str], bool] = lambda line: line == "first",
        seconds: float = 90.0,
    ) -> None:
        self.lines: List[str] = []
        process = subprocess.Popen(
            list(map(str, command)), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        errors: List[bytes] = []
        drain = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)
        drain.start()
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                self.lines.append(line)
                if first is not None and first_line(line):
                    first()
                    first = None
            self.code = process.wait()
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
            drain.join(5)
            process.stdout.close()
            process.stderr.close()
        self.errors = b"".join(errors).decode("utf-8", "replace")

    @property
    def text_output(self) -> str:
        return "\n".join(self.lines)

    @property
    def result(self) -> Dict[str, Any]:
        """The JSON line at the end."""
        assert self.lines and self.lines[-1].startswith("{"), f"code {self.code}\n{self.text_output}\n{self.errors}"
        return json.loads(self.lines[-1])

    @property
    def sent(self) -> List[bytes]:
        """What the client wrote into TLS, per connection."""
        return [base64.b64decode(each) for each in self.result["sent"]]


def python(name: str, mode: str, test_id: str, fields: Dict[str, str], env: Dict[str, str], **more) -> Run:
    """One of the Python clients, with the interpreter and so the packages of this test run."""
    pairs = [f"{key}={value}" for key, value in fields.items()]
    env = dict(env, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(CLIENTS))
    return Run([sys.executable, CLIENTS / name, mode, test_id, *pairs], env, **more)


def colon_fields(test_id: str, fields: Dict[str, str]) -> List[str]:
    return [f"{key}: {value}" for key, value in dict({"x-test-id": test_id}, **fields).items()]


def built_go(go: str, source: Path, folder: Path) -> Path:
    """Compiles one Go file against the standard library alone; nothing is downloaded."""
    binary = folder / source.stem
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "path"),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
    }
    done = subprocess.run([go, "build", "-o", binary, source], env=env, capture_output=True, text=True, timeout=140)
    assert done.returncode == 0, done.stderr
    return binary


def built_java(javac: str, source: Path, folder: Path) -> List[str]:
    """Compiles one Java file; returns the command that runs it, which is quicker than `java FILE` each time."""
    done = subprocess.run([javac, "-d", folder, source], capture_output=True, text=True, timeout=140)
    assert done.returncode == 0, done.stderr
    return [str(Path(javac).with_name("java")), "-cp", str(folder), source.stem]


def calls(
    sdk: str, test_id: str, env: Dict[str, str], calls: List[Dict[str, Any]], first=None, client="calls.py", **plan
) -> List[Any]:
    """Makes these calls with an SDK, one after another, and returns what it tells of each."""
    env = dict(env, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(CLIENTS))
    text = json.dumps({"test_id": test_id, "calls": calls, **plan})
    return Run([sys.executable, CLIENTS / client, sdk, text], env, first).result["calls"]
