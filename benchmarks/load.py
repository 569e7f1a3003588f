"""Many small files through `restoreflow sr`: time and memory of a run, of resuming it, of planning.

    python benchmarks/load.py [--files 10000] [--names 100000] [--side 16] [--threads 1] \
        [--model sr-x4] [--scratch FOLDER] [--out benchmarks/load.json]

Every command is a process of its own; the system counts its peak resident memory and its processor
seconds, and those do not depend on what else the machine does. A run restores every file; resuming
finds all of them done; planning (--dry-run) finds none done, and estimates the time by the model.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def main() -> None:
    """Measure the three, and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="restored, and resumed")
    parser.add_argument("--names", type=int, default=100_000, help="planned")
    parser.add_argument("--side", type=int, default=16, help="of the pictures, in pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--scratch", type=Path, help="where the files go for the time being")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    steps: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=asked.scratch) as place:
        inputs, names = Path(place, "in"), Path(place, "names")
        write_pictures(inputs, asked.files, asked.side, different=True)
        write_pictures(names, asked.names, asked.side, different=False)
        common = ["--model", asked.model, "--threads", str(asked.threads), "--device", "cpu"]
        restore = ["sr", str(inputs), "-o", str(Path(place, "out"))]
        for step, files, words in (
            ("restore", asked.files, restore),
            ("resume", asked.files, restore),
            ("dry run", asked.names, ["sr", str(names), "-o", str(Path(place, "no")), "--dry-run"]),
        ):
            steps.append({"step": step, "files": files, **measured(words + common)})
            print(json.dumps(steps[-1]), flush=True)
    if asked.out is not None:
        facts = {"machine": machine(), "side": asked.side, "threads": asked.threads}
        asked.out.write_text(json.dumps({**facts, "steps": steps}, indent=2) + "\n")


def write_pictures(folder: Path, count: int, side: int, different: bool) -> None:
    """PNG files of noise, of one content or of as many as there are files."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    first = folder / "photo_000000.png"
    for number in range(count):
        path = folder / f"photo_{number:06}.png"
        if different or number == 0:
            pixels = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path, compress_level=1)
        else:
            path.write_bytes(first.read_bytes())


def measured(words: list[str]) -> dict[str, Any]:
    """Seconds, processor seconds, and megabytes at the most, of one command."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "restoreflow", *words, "--format", "quiet"]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_megabytes": round(usage.ru_maxrss / 1000),
    }


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


if __name__ == "__main__":
    main()
