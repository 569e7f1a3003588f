"""Peak memory and time of `restoreflow sr` on large photographs, one sample each, on the CPU.

    python benchmarks/memory.py PHOTO [--model sr-x4] [--megapixels 6 --megapixels 24] \
        [--format png] [--threads 1] [--out benchmarks/memory.json]

A photograph is mirrored to the size wanted, 3 : 2. Every run is a process of its own, whose peak
resident memory and processor seconds the system counts, reading and writing files included.
"""

from __future__ import annotations

import argparse
import json
import math
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

GIB = 2**30


def main() -> None:
    """Measure each size, and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--megapixels", type=float, action="append")
    parser.add_argument("--format", choices=("png", "jpeg", "tiff"), default="png")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for megapixels in arguments.megapixels or [6.0, 24.0]:
        runs.append(measured(megapixels, arguments))
        print(json.dumps(runs[-1]), flush=True)
        if arguments.out is not None:
            text = json.dumps({"machine": machine(), "runs": runs}, indent=2)
            arguments.out.write_text(text + "\n")


def measured(megapixels: float, asked: argparse.Namespace) -> dict[str, Any]:
    """One run's figures."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "photo.png"
        width, height = enlarged(asked.photo, megapixels, source)
        command = [sys.executable, "-m", "restoreflow", "sr", str(source), "--model", asked.model]
        command += ["--device", "cpu", "--threads", str(asked.threads), "--format", "json"]
        command += ["--output-format", asked.format]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status != 0:
            code = os.waitstatus_to_exitcode(status)
            raise SystemExit(f"restoreflow sr ended with {code}: {output}")
        record = json.loads(output.splitlines()[0])
        written = sum(Path(path).stat().st_size for path in record["output"])
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "input_megapixels": round(width * height / 1e6, 2),
        "output_megapixels": round(record["width"] * record["height"] / 1e6, 1),
        "format": asked.format,
        "threads": asked.threads,
        "peak_gib": round(usage.ru_maxrss * unit / GIB, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime),
        "seconds": round(seconds),
        "restoring_seconds": round(record["seconds"]),
        "file_megabytes": round(written / 1e6),
        "lr_psnr": round(record["lr_psnr"], 2),
        "model": record["model"],
    }


def enlarged(photo: Path, megapixels: float, target: Path) -> tuple[int, int]:
    """Write the photograph mirrored to so many megapixels; its width and height."""
    height = round(math.sqrt(megapixels * 1e6 / 1.5))
    width = round(height * 1.5)
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    rows, columns = (
        np.pad(np.arange(size), (0, max(0, wanted - size)), mode="symmetric")[:wanted]
        for size, wanted in zip(pixels.shape[:2], (height, width), strict=True)
    )
    Image.fromarray(pixels[rows][:, columns]).save(target, compress_level=1)
    return width, height


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


if __name__ == "__main__":
    main()
