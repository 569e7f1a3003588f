"""Peak memory of decoding, in bytes a pixel, for every layout of every format that is read.

    python benchmarks/decoding_memory.py [--megapixels 4] \
        [--layout "png rgb"] [--out benchmarks/decoding_memory.json]

What `images/input_bytes.py` knows of each format comes from here, and its bounds are compared with
what is measured. Linux only: the kernel is told to forget a process's peak before each file.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import math
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tests' pictures

import numpy as np
from PIL import Image

from restoreflow.images.decode import decode
from restoreflow.images.formats import sniff
from restoreflow.images.input_bytes import decoding_bytes
from tests.images import samples


def main() -> None:
    """Measure each layout, and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megapixels", type=float, default=4.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--layout", action="append", help="of these alone; by default of all")
    arguments = parser.parse_args()
    for data in layouts().values():
        decode(data)  # loads what each needs, once
    samples.HEIGHT = round(math.sqrt(arguments.megapixels * 1e6 / 1.5))
    samples.WIDTH = samples.HEIGHT * 3 // 2
    rows = []
    for name, data in layouts().items():
        if name not in (arguments.layout or [name]):
            continue
        kind = sniff(data)
        known = decoding_bytes(data, kind, name)
        peak, kept, pixels = measured(data)
        found = {"peak": peak, "known": known, "kept": kept}
        rows.append({"layout": name, "format": kind})
        rows[-1] |= {key: round(value / pixels, 1) for key, value in found.items()}
        print(json.dumps(rows[-1]), flush=True)
    if arguments.out is not None:
        packages = ("pillow", "imagecodecs", "tifffile", "pillow-heif", "pillow-jxl-plugin")
        facts = {"megapixels": arguments.megapixels, "packages": {p: version(p) for p in packages}}
        arguments.out.write_text(json.dumps({**facts, "layouts": rows}, indent=2) + "\n")


def layouts() -> dict[str, bytes]:
    """Files by what they are: those of the tests, and the ones that take the most."""
    found = {name: row[0] for name, row in (samples.files() | samples.files_of_extras()).items()}
    profile, size = samples.display_p3(), (samples.HEIGHT, samples.WIDTH)
    many = np.random.default_rng(0).random((*size, 8))
    for name in ("PNG", "JPEG", "WEBP", "AVIF"):
        found[f"{name} with a profile"] = samples.saved(
            Image.fromarray(samples.gradient(3, np.uint8)), name, icc_profile=profile
        )
    turned = Image.fromarray(samples.gradient(4, np.uint8))
    block = samples.exif(6)
    found["WEBP with all"] = samples.saved(turned, "WEBP", icc_profile=profile, exif=block)
    for name, kind in (("double", np.float64), ("single", np.float32), ("8-bit", np.uint8)):
        values = (many * (255 if kind is np.uint8 else 1)).astype(kind)
        options = {"photometric": "rgb", "iccprofile": profile}
        found[f"tiff {name}"] = samples.tiff(values[..., :3], **options)
        extra = {"extrasamples": ["assocalpha", *["unspecified"] * 4], "compression": "zlib"}
        found[f"tiff {name}, 8 channels"] = samples.tiff(values, **options, **extra)
    return found


def measured(data: bytes) -> tuple[int, int, int]:
    """Bytes: the most that decoding takes, and what the picture keeps; and its pixels."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    picture = decode(data)
    peak, after = status("VmHWM") - before, status("VmRSS") - before
    return peak, after, picture.width * picture.height


def status(field: str) -> int:
    """A field of the process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


if __name__ == "__main__":
    main()
