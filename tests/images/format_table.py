"""What every format keeps, found by reading and writing: the tables of docs/formats.md.

python -m tests.images.format_table
"""

from __future__ import annotations

import numpy as np

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.formats import FORMATS, Format
from restoreflow.images.picture import Picture, unit_range
from tests.images import samples
from tests.images.kept_table import KINDS, outcome

__all__ = ["kept", "table"]

HEAD = ("format", "names", "written", "bits", "alpha", "gray")


def table() -> str:
    """What each format holds, Markdown; the extras' formats need their extras."""
    return _markdown([HEAD, *(row(each) for each in FORMATS.values())])


def kept() -> str:
    """What becomes of metadata, Markdown; likewise."""
    titles = [each.title for each in FORMATS.values()]
    rows = [(kind, *(outcome(name, kind) for name in FORMATS)) for kind in KINDS]
    return _markdown([("", *titles), *rows])


def _markdown(rows: list[tuple[str, ...]]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rest))


def row(format: Format) -> tuple[str, ...]:
    """A format's cells, each found by a round trip, or from files where it is only read."""
    files = samples.files() | samples.files_of_extras()
    read = [each for each in files.values() if each[1] == format.name]
    if format.writable:
        rich = decode(encode(_picture(), format.name))
        gray = decode(encode(_picture(gray=True), format.name)).grayscale
        alpha, bits = rich.alpha is not None, {8, rich.bit_depth}
    else:
        gray = any(each[2] for each in read)
        alpha, bits = any(each[3] for each in read), {each[4] for each in read}
    return (
        format.title,
        " ".join(format.extensions),
        "yes" if format.writable else "as PNG",
        ", ".join(str(each) for each in sorted(bits)),
        *("yes" if each else "–" for each in (alpha, gray)),
    )


def _picture(gray: bool = False) -> Picture:
    values = unit_range(samples.gradient(4, np.uint16))
    pixels = np.repeat(values[..., :1], 3, axis=2) if gray else values[..., :3]
    return Picture(pixels, values[..., 3], gray, 16)


if __name__ == "__main__":
    print(table(), kept(), sep="\n\n")
