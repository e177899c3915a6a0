"""Two proxies that take turns under the same load of h2load: CPU time and instructions per request."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

from stand import CIPHER_SUITE, HOST, PATH, Process, Stand, cpu_seconds, fail, spread


class Load(NamedTuple):
    """What h2load does: so many kept connections; over HTTP/2 with so many streams at once on each."""

    clients: int
    streams: Optional[int] = None

    def send(self, stand: Stand, port: int, requests: int, *options: str) -> None:
        """Sends `requests` requests with the body in request.json. Every one must succeed.

        `options` are further ones of h2load.
        """
        command = [
            "h2load", "--h1" if self.streams is None else f"-m{self.streams}", f"--connect-to=127.0.0.1:{port}", "-t1",
            f"-n{requests}", f"-c{self.clients}", f"--tls13-ciphers={CIPHER_SUITE}", "-d",
            stand.folder / "request.json", "-Hcontent-type: application/json", "-Hauthorization: Bearer " + "k" * 60,
            "-Huser-agent: OpenAI/Python 2.9.0", *options, f"https://{HOST}{PATH}",
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        succeeded = re.search(r"(\d+) succeeded", done.stdout)
        if not succeeded or int(succeeded[1]) != requests or f"{requests} 2xx" not in done.stdout:
            fail(f"not every request succeeded:\n{done.stdout}")
        expected = "http/1.1" if self.streams is None else "h2"
        if f"Application protocol: {expected}" not in done.stdout:
            fail(f"the connections are not {expected}:\n{done.stdout}")


class Contender(NamedTuple):
    """A proxy, and the port of the forwarder before it."""

    process: Process
    port: int


def measure_time(stand: Stand, contenders: Dict[str, Contender], load: Load, pairs: int, requests: int) -> None:
    """Prints CPU per request of the two, which take turns, and the ratio of the first to the second."""
    ours, theirs = contenders
    for contender in contenders.values():
        load.send(stand, contender.port, requests // 10)
    figures: Dict[str, List[float]] = {name: [] for name in contenders}
    for pair in range(pairs):
        for name in (ours, theirs) if pair % 2 == 0 else (theirs, ours):
            process, port = contenders[name]
            before = cpu_seconds(process.pid)
            load.send(stand, port, requests)
            figures[name].append((cpu_seconds(process.pid) - before) / requests * 1e6)
        print("  " + "   ".join(f"{name} {rows[-1]:6.1f}" for name, rows in figures.items()), flush=True)
    print("median: " + ", ".join(f"{name} {spread(rows)}" for name, rows in figures.items()))
    ratios = [mine / other for mine, other in zip(figures[ours], figures[theirs])]
    print(f"ratio {ours} / {theirs}: {spread(ratios, 2)}")


def count_instructions(
    stand: Stand, starts: Dict[str, Callable[[str], Contender]], load: Load, few: int = 500, many: int = 2500
) -> None:
    """Runs each proxy twice under callgrind, with few and with many requests; the difference has no start in it."""
    print(f"\nuser-space instructions per request, by callgrind from {few} and {many} requests")
    # Some versions of valgrind stumble over the debug sections of newer compilers.
    plain = stand.folder / "leo-without-debug-sections"
    subprocess.run(["objcopy", "--strip-debug", stand.leo, plain], check=True, timeout=60)
    stand.leo = plain
    counts: Dict[str, float] = {}
    for name, start in starts.items():
        totals = []
        for requests in (few, many):
            pattern = f"callgrind-{name}-{requests}"
            valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={stand.folder}/{pattern}.%p"]
            with stand.wrapped(valgrind):
                contender = start(f"{name}-{requests}")
            load.send(stand, contender.port, requests)
            contender.process.stop()
            totals.append(sum(total_instructions(path) for path in stand.folder.glob(f"{pattern}.*")))
        counts[name] = (totals[1] - totals[0]) / (many - few)
        print(f"  {name} {counts[name]:.0f}", flush=True)
    ours, theirs = starts
    print(f"ratio {ours} / {theirs}: {counts[ours] / counts[theirs]:.2f}")


def total_instructions(path: Path) -> int:
    """The `totals:` line of a callgrind file. (A `summary:` line says the same once more.)"""
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    fail(f"{path.name} has no totals")
