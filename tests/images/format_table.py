"""What every format keeps, found by reading and writing: the table of docs/formats.md.

python -m tests.images.format_table
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.formats import FORMATS, Format
from restoreflow.images.picture import Metadata, Picture
from restoreflow.images.raster import unit_range
from tests.images import samples

__all__ = ["table"]

XMP = b"<x:xmpmeta>said here</x:xmpmeta>"
HEAD = ("format", "names", "written", "bits", "alpha", "gray", "ICC", "EXIF", "XMP", "resolution")


def table() -> str:
    """The table, Markdown; the extras' formats need their extras."""
    rows = [HEAD, ("---",) * len(HEAD), *(row(each) for each in FORMATS.values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(format: Format) -> tuple[str, ...]:
    """A format's cells, each found by a round trip, or from files where it is only read."""
    files = samples.files() | samples.files_of_extras()
    read = [each for each in files.values() if each[1] == format.name]
    rich = decode(_rich(format))
    if format.writable:
        gray = decode(encode(_picture(gray=True), format.name)).grayscale
        alpha, bits = rich.alpha is not None, {8, rich.bit_depth}
    else:
        gray = any(each[2] for each in read)
        alpha, bits = any(each[3] for each in read), {each[4] for each in read}
    kept = rich.metadata
    found = (alpha, gray, kept.icc, kept.exif, kept.xmp, kept.dpi)
    return (
        format.title,
        " ".join(format.extensions),
        "yes" if format.writable else "as PNG",
        ", ".join(str(each) for each in sorted(bits)),
        *("yes" if each else "–" for each in found),
    )


def _picture(gray: bool = False) -> Picture:
    values = unit_range(samples.gradient(4, np.uint16))
    pixels = np.repeat(values[..., :1], 3, axis=2) if gray else values[..., :3]
    metadata = Metadata(samples.exif(), None if gray else samples.display_p3(), XMP, (300.0, 300.0))
    return Picture(pixels, values[..., 3], gray, 16, metadata=metadata)


def _rich(format: Format) -> bytes:
    """A file with all that the format can carry."""
    if format.writable:
        return encode(_picture(), format.name)
    image = Image.fromarray(samples.gradient(3, np.uint8))
    profile = samples.display_p3()
    if format.name == "heif":
        kept = {"exif": samples.exif(), "xmp": XMP, "icc_profile": profile}
        return samples.heif(samples.gradient(3, np.uint8), "RGB", **kept)
    if format.name == "jxl":
        return samples.jxl_of_jpeg(profile, XMP)[1]
    resolution = {"dpi": (300, 300)} if format.name == "bmp" else {}
    return samples.saved(image, format.name.upper(), **resolution)


if __name__ == "__main__":
    print(table())
