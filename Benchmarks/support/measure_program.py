"""The program that runs Sources/Wire alone: built when it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build() -> str:
    """Builds Measure for release in a folder of its own, and returns its path."""
    if ready := os.environ.get("LEO_MEASURE_BINARY"):
        return ready
    command = ["swift", "build", "-c", "release", "--product", "Measure", "--scratch-path", ".build-measure"]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, "LEO_MEASURE": "1"}, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"building Measure failed:\n{result.stdout[-3000:]}")
    return str(ROOT / ".build-measure/release/Measure")
