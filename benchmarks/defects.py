"""Measure what pictures are said to suffer from against what was done to them.

    python benchmarks/defects.py --data photos/val [--limit 24] [--out benchmarks/defects.json]

Photographs as they are, and with one thing done to each: noise, JPEG (as a file, as its pixels
alone, as a crop of these, saved again at 92, enlarged), blur, enlargement, bars. Prints a line a
case: how many are named, how many name anything, the median of the estimates, and the share
within the tolerance: 1.5 levels, 10 of JPEG's quality, 0.3 pixels, a fifth of an enlargement.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from skimage.filters import gaussian

from restoreflow.defects.defect import Defect
from restoreflow.defects.find import Measures, defects_of, measure_defects
from restoreflow.images.decode import read_levels
from restoreflow.images.jpeg_quality import quality_of_file

Levels = np.ndarray  # (H, W, 3) uint8


class Case(NamedTuple):
    """A photograph with something done to it.

    Attributes:
        name: what was done.
        kind: what is to be named; None for nothing.
        truth: in the kind's unit.
        levels: the picture.
        data: the file, if that is to be seen.
    """

    name: str
    kind: str | None
    truth: float
    levels: Levels
    data: bytes | None = None


TOLERANCES: dict[str, Callable[[float], float]] = {
    "noise": lambda truth: 1.5,
    "jpeg": lambda truth: 10.0,
    "blur": lambda truth: 0.3,
    "enlarged": lambda truth: 0.2 * truth,
    "bars": lambda truth: 2.0,
}


def main() -> None:
    """Measure all photographs of a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    photos = sorted(path for path in options.data.iterdir() if path.is_file())
    step = max(len(photos) // (options.limit or len(photos)), 1)
    found: dict[str, list[tuple[Case, Measures, tuple[Defect, ...], float]]] = {}
    for index, path in enumerate(photos[::step]):
        for case in cases(read_levels(path), path.read_bytes(), index):
            quality = None if case.data is None else quality_of_file(case.data)
            pixels = case.levels.astype(np.float32) / np.float32(255)
            started = time.process_time()
            measures = measure_defects(pixels, quality)
            spent = (time.process_time() - started) / (pixels.size / 3e6)
            bare = case._replace(levels=case.levels[:0])
            found.setdefault(case.name, []).append((bare, measures, defects_of(measures), spent))
    rows = [row(name, seen) for name, seen in found.items()]
    for each in rows:
        print(json.dumps(each))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


def row(name: str, seen: list[tuple[Case, Measures, tuple[Defect, ...], float]]) -> dict[str, Any]:
    """The figures of a case."""
    kind, truths = seen[0][0].kind, np.array([case.truth for case, *_ in seen])
    figures: dict[str, Any] = {"case": name, "pictures": len(seen)}
    figures["anything"] = sum(bool(named) for _, _, named, _ in seen)
    if kind is not None:
        figures["named"] = sum(kind in {d.kind for d in named} for _, _, named, _ in seen)
        field = "quality" if kind == "jpeg" else kind
        values = np.array([getattr(m, field) for _, m, _, _ in seen], float)
        near = np.abs(values - truths) <= [TOLERANCES[kind](truth) for truth in truths]
        figures |= {"truth": float(np.median(truths))}
        figures |= {"median": round(float(np.nanmedian(values)), 2)}
        figures["within"] = round(float(near.mean()), 3)
    wrong = {d.kind for _, _, named, _ in seen for d in named} - {kind}
    figures["others"] = {k: sum(k in {d.kind for d in n} for _, _, n, _ in seen) for k in wrong}
    figures["seconds_per_megapixel"] = round(float(np.mean([s for *_, s in seen])), 3)
    return figures


def cases(levels: Levels, data: bytes, seed: int) -> Iterator[Case]:
    """A photograph, as it is and with everything done to it."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(levels)
    yield Case("as it is", None, 0.0, levels, data)
    yield Case("as it is, without its file", None, 0.0, levels)
    quarter = image.reduce(4)
    yield Case("reduced 4x", None, 0.0, np.asarray(quarter))
    for deviation in (2.0, 5.0, 10.0):
        noisy = levels + rng.normal(0.0, deviation, levels.shape)
        noisy = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        yield Case(f"noise {deviation:g}", "noise", deviation, noisy)
    for quality in (90, 75, 50, 30):
        saved = jpeg(image, quality)
        pixels = np.asarray(Image.open(io.BytesIO(saved)))
        yield Case(f"jpeg {quality}", "jpeg", quality, pixels, saved)
        yield Case(f"jpeg {quality}, pixels alone", "jpeg", quality, pixels)
    pixels = np.asarray(Image.open(io.BytesIO(jpeg(image, 30))))
    yield Case("jpeg 30, cropped", "jpeg", 30, pixels[3:, 5:])
    again = jpeg(Image.fromarray(pixels), 92)
    yield Case("jpeg 30, saved again", "jpeg", 30, np.asarray(Image.open(io.BytesIO(again))), again)
    for deviation in (0.5, 1.0, 1.5, 2.0):
        soft = gaussian(levels, deviation, channel_axis=2, preserve_range=True, mode="nearest")
        soft = np.rint(soft).astype(np.uint8)
        yield Case(f"blur {deviation:g}", "blur", deviation, soft)
    for factor in (1.5, 2.0, 3.0, 4.0):
        small = image.crop((0, 0, int(image.width / factor), int(image.height / factor)))
        size = (round(small.width * factor), round(small.height * factor))
        for method in (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
            large = np.asarray(small.resize(size, method))
            yield Case(f"enlarged {factor:g}x, {method.name.lower()}", "enlarged", factor, large)
    height, width = levels.shape[:2]
    barred = np.zeros((height + height // 5 * 2, width, 3), np.uint8)
    barred[height // 5 : height // 5 + height] = levels
    yield Case("bars", "bars", height // 5, barred)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """A file as Pillow saves it, colours at half the resolution."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
