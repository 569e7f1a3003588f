"""Hashes of what bundled models make of six pictures, to see that a change of code changes no byte.

    python benchmarks/same_results.py > after.txt
    PYTHONPATH=EARLIER_CHECKOUT python benchmarks/same_results.py > before.txt
    diff before.txt after.txt

Both on one machine, and with one number of threads. Each picture is of another kind, and has
options of its own; each model that a checkout bundles restores all that its task's options allow.
What records and manifests say is not compared: it holds places and times.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import restoreflow
from restoreflow.cli.app import main

SAMPLES = ("--samples", "2", "--temperature", "0.9", "--uncertainty", "--grid")
PICTURES: dict[str, tuple[str, ...]] = {
    "odd.png": (),
    "gray.png": ("--temperature", "0", "--bit-depth", "16"),
    "transparent.png": ("--seed", "5", "--save-arrays", "npz"),
    "turned.jpg": SAMPLES,
    "deep.tif": ("--precision", "float32"),
    "small.webp": ("--output-format", "jpeg", "--quality", "90"),
}
"""What is restored, and with which options."""


def draw(folder: Path) -> None:
    """Write the pictures: colours that run into each other, edges and a little noise."""
    height, width = 29, 37
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [np.sin(x / 5), np.cos(y / 4), np.sign(np.sin((x + y) / 7))]
    noise = np.random.default_rng(1).normal(0, 0.03, (height, width, 3))
    values = np.clip(0.5 + 0.3 * np.stack(planes, -1) + noise, 0, 1)
    levels = np.rint(255 * values).astype(np.uint8)
    alpha = np.rint(255 * np.clip((x + y) / 50, 0, 1)).astype(np.uint8)
    picture = Image.fromarray(levels)
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    picture.save(folder / "odd.png")
    picture.convert("L").save(folder / "gray.png")
    Image.fromarray(np.dstack([levels, alpha])).save(folder / "transparent.png")
    picture.save(folder / "turned.jpg", quality=80, exif=exif)
    Image.fromarray(np.rint(65535 * values[..., 0]).astype(np.uint16)).save(folder / "deep.tif")
    picture.crop((0, 0, 16, 11)).save(folder / "small.webp", lossless=True)


def hashes(model: Path, photos: Path, results: Path) -> Iterator[str]:
    """A line a file that comes of a model and the pictures."""
    task = json.loads((model / "config.json").read_text())["task"]
    for name, options in PICTURES.items():
        folder = results / model.name / name
        command = [task, str(photos / name), "-o", f"{folder}{os.sep}", "--model", str(model)]
        told = io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
            main([*command, *options, "--format", "json"])
        made = sorted(folder.glob(f"{Path(name).stem}_*"))
        if not made:
            yield f"none  {model.name} {name}: {told.getvalue().strip()}"
        for path in made:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f"{digest}  {model.name} {path.relative_to(results / model.name)}"


if __name__ == "__main__":
    bundled = Path(restoreflow.__file__).parents[1] / "weights"
    wanted = sys.argv[1:] or sorted(path.parent.name for path in bundled.glob("*/config.json"))
    with tempfile.TemporaryDirectory() as place:
        draw(Path(place))
        for name in wanted:
            for line in hashes(bundled / name, Path(place), Path(place) / "results"):
                print(line, flush=True)
