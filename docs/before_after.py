"""Put a picture's plain enlargement beside its restoration, and the map of where samples differ.

    python docs/before_after.py INPUT RESULT OUT [--uncertainty MAP]

The three are what `restoreflow sr` read and wrote; OUT is a PNG or JPEG by its name.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from restoreflow.images.colormap import contact_sheet


def before_after(source: Path, result: Path, uncertainty: Path | None = None) -> Image.Image:
    """One row: the input enlarged by bicubic interpolation, the result, and the map if given."""
    after = Image.open(result).convert("RGB")
    before = Image.open(source).convert("RGB").resize(after.size, Image.Resampling.BICUBIC)
    scale = after.width / Image.open(source).width
    images = [before, after]
    captions = [f"before: enlarged {scale:g}x by bicubic interpolation", "after: restoreflow"]
    if uncertainty is not None:
        images.append(Image.open(uncertainty))
        captions.append("where the samples differ")
    return contact_sheet(images, captions, columns=len(images))


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--uncertainty", type=Path)
    given = parser.parse_args()
    sheet = before_after(given.input, given.result, given.uncertainty)
    sheet.save(given.out, quality=90, optimize=True)


if __name__ == "__main__":
    main()
