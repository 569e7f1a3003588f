"""Put a picture's plain enlargement beside its restoration.

    python docs/before_after.py                                restores the pictures of README anew
    python docs/before_after.py INPUT RESULT OUT [--uncertainty MAP]      of what `sr` has written

OUT is a PNG or JPEG by its name.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from restoreflow.images.colormap import contact_sheet

PICTURES = Path(__file__).with_name("pictures")
README = PICTURES / "before_after.jpg"


class Shown(NamedTuple):
    """A picture of README: its file, and the corner of what is shown of its result."""

    file: str
    left: int
    top: int


SHOWN = (
    Shown("dog.png", 150, 80),
    Shown("indri.png", 40, 10),
)
SIDES = (416, 312)
"""Of what is shown, in pixels of the result: two stand side by side at their own size."""


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


def for_readme() -> Image.Image:
    """A row a picture: a part of it enlarged by bicubic interpolation, and restored."""
    import restoreflow

    restorer = restoreflow.Restorer.from_pretrained(device="cpu")
    images: list[Image.Image] = []
    captions: list[str] = []
    for shown in SHOWN:
        source = PICTURES / shown.file
        after = restorer.restore(source).images[0]
        before = Image.open(source).convert("RGB").resize(after.size, Image.Resampling.BICUBIC)
        box = (shown.left, shown.top, shown.left + SIDES[0], shown.top + SIDES[1])
        images += [before.crop(box), after.crop(box)]
        captions += ["enlarged by bicubic interpolation", "by restoreflow"]
    return contact_sheet(images, captions, columns=2)


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path, nargs="?")
    parser.add_argument("result", type=Path, nargs="?")
    parser.add_argument("out", type=Path, nargs="?", default=README)
    parser.add_argument("--uncertainty", type=Path)
    given = parser.parse_args()
    if given.input is None:
        sheet = for_readme()
    elif given.result is None:
        parser.error("INPUT needs RESULT and OUT")
    else:
        sheet = before_after(given.input, given.result, given.uncertainty)
    sheet.save(given.out, quality=90, optimize=True)


if __name__ == "__main__":
    main()
