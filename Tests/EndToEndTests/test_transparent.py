"""The transparent listener, in a network namespace with nftables: inside_namespace.py holds the tests proper."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

import pytest

FOLDER = Path(__file__).parent
RULES = FOLDER.parents[1] / "docs" / "transparent.md"


def namespace() -> List[str]:
    """The command that runs another one in a network namespace of its own; left out where that is not allowed."""
    said = ""
    for options in (["--net"], ["--net", "--map-root-user"]):
        done = subprocess.run(["unshare", *options, "true"], stderr=subprocess.PIPE, text=True, timeout=20)
        if done.returncode == 0:
            return ["unshare", *options]
        said = done.stderr.strip()
    pytest.skip(f"network namespaces are not allowed here: {said}")


def run_inside(command: List[str], stdin: Optional[str] = None) -> subprocess.CompletedProcess:
    setup = 'ip link set lo up && ip route add default dev lo && ip -6 route add default dev lo && exec "$@"'
    return subprocess.run(
        [*namespace(), "sh", "-c", setup, "sh", *command], input=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=140, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def test_redirected_connections(program):
    program("nft"), program("ip"), program("unshare")
    tests = str(FOLDER / "inside_namespace.py")
    done = run_inside([sys.executable, "-m", "pytest", "-q", "-c", str(FOLDER / "pytest.ini"), tests])
    assert done.returncode == 0, done.stdout[-20000:]
    print(done.stdout[-2000:])


def test_the_rules_of_the_manual_are_taken(program):
    """Every ruleset in docs/transparent.md is one that nft loads."""
    program("nft"), program("ip"), program("unshare")
    blocks = re.findall(r"(?:^    .*\n|^\n)+", RULES.read_text(encoding="utf-8"), re.M)
    rulesets = [block.replace("\n    ", "\n") for block in blocks if "table inet leo" in block and "chain" in block]
    assert len(rulesets) == 2
    for rules in rulesets:
        done = run_inside(["nft", "-f", "-"], rules)
        assert done.returncode == 0, f"{rules}\n{done.stdout}"
