"""Pictures small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from restoreflow.images.colormap import cividis
from restoreflow.reports.markup import Markup

__all__ = ["Preview", "Previews", "detail_box", "embed", "embed_map", "fitted_size"]

_BYTES_PER_PIXEL = 0.45  # JPEG of quality 90, 4:4:4, of a restored photograph
_FINITE_LEVELS = 255  # of a heat map's 256; the last is for what is not a number
_TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")


@dataclass(frozen=True)
class Previews:
    """How large the pictures of a page are.

    Args:
        max_side: longer side in pixels; larger pictures are reduced to it.
        detail_side: longer side of the cut-out at full size that goes with a reduced picture.
        lossless_side: pictures of up to this number of pixels squared are kept exact.
        quality: 1 to 100, of larger ones (JPEG 4:4:4, or WebP where there is transparency).
    """

    max_side: int = 1600
    detail_side: int = 800
    lossless_side: int = 512
    quality: int = 90

    def __post_init__(self) -> None:
        if min(self.max_side, self.detail_side) < 1 or self.lossless_side < 0:
            raise ValueError(f"sides of previews have to be positive: {self}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality {self.quality} is not within 1 to 100")

    @classmethod
    def for_pictures(cls, count: int, megabytes: float = 60.0) -> Previews:
        """Sizes at which a page of `count` pictures has about `megabytes`, 320 .. 1600 pixels."""
        each = megabytes * 1e6 * 3 / 4 / max(1, count)  # base64 makes four characters of three
        pixels = each / _BYTES_PER_PIXEL / 1.25  # a detail of half the side is a quarter more
        side = int(min(1600, max(320, (pixels / 0.75) ** 0.5)))
        return cls(side, side // 2, min(512, side))


@dataclass(frozen=True)
class Preview:
    """An encoded picture.

    Attributes:
        data: the file's bytes.
        mime: as "image/jpeg".
        width, height: of these bytes, in pixels.
    """

    data: bytes
    mime: str
    width: int
    height: int

    @property
    def url(self) -> Markup:
        """The picture as a data: URL, of characters that need no escaping."""
        return Markup(f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}")


def fitted_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Width and height reduced, never enlarged, so that the longer is at most `max_side`."""
    factor = min(1.0, max_side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def embed(image: Image.Image, previews: Previews, max_side: int | None = None) -> Preview:
    """A picture of any mode, reduced where it is larger, encoded; no metadata goes with it.

    Args:
        max_side: in pixels; None: `previews.max_side`.
    """
    if image.mode.startswith("I;16"):  # which Pillow's own conversion would clip, not scale
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    transparent = image.mode in _TRANSPARENT or "transparency" in image.info
    flat = image.convert("RGBA" if transparent else "RGB")
    size = fitted_size(flat.width, flat.height, max_side or previews.max_side)
    if size != flat.size:
        flat = flat.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    if flat.width * flat.height <= previews.lossless_side**2:
        flat.save(buffer, "WEBP", lossless=True, exact=True, method=2)
    elif transparent:
        flat.save(buffer, "WEBP", quality=previews.quality, method=2)
    else:
        # Without optimize=True: with it Pillow fails on noise, which outgrows the room it reserves.
        flat.save(buffer, "JPEG", quality=previews.quality, subsampling="4:4:4")
        return Preview(buffer.getvalue(), "image/jpeg", *size)
    return Preview(buffer.getvalue(), "image/webp", *size)


def embed_map(values: np.ndarray, maximum: float, max_side: int) -> Preview:
    """A heat map in cividis from 0 to `maximum`, reduced by means where it is larger.

    Args:
        values: (H, W) of any real dtype. What is not finite becomes magenta.
        maximum: the scale's end, positive.
        max_side: in pixels.
    """
    plane = np.ascontiguousarray(values, np.float32)
    height, width = plane.shape
    size = fitted_size(width, height, max_side)
    if size != (width, height):
        reduced = Image.fromarray(plane).resize(size, Image.Resampling.BOX)
        plane = np.asarray(reduced, np.float32)
    finite = np.isfinite(plane)
    places = np.clip(np.where(finite, plane, 0) / maximum, 0, 1) * (_FINITE_LEVELS - 1)
    levels = np.where(finite, np.rint(places), _FINITE_LEVELS).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putpalette(_palette())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return Preview(buffer.getvalue(), "image/png", *size)


def _palette() -> bytes:
    ramp = np.append(np.arange(_FINITE_LEVELS, dtype=float), np.nan)
    return cividis(ramp[None], _FINITE_LEVELS - 1).tobytes()


def detail_box(
    image: Image.Image, spread: np.ndarray | None, width: int, height: int, step: int = 1
) -> tuple[int, int, int, int]:
    """Where to look closely: the window in which the samples differ most.

    Args:
        image: the result; without a spread, the window with the most contrast is taken.
        spread: (H, W) of the image's size, or None.
        width, height: of the window, at most the image's.
        step: its left and top are multiples of this.

    Returns: left, top, right, bottom in pixels.
    """
    columns, rows = (min(128, side) for side in image.size)
    if spread is not None and np.any(spread > 0):
        every = max(1, min(spread.shape) // 512)
        plane = np.nan_to_num(np.ascontiguousarray(spread[::every, ::every], np.float32))
    else:
        sketch = image.convert("L").resize(fitted_size(*image.size, 1024), Image.Resampling.NEAREST)
        plane = np.hypot(*_gradient(np.asarray(sketch, np.float32)))
    cells = Image.fromarray(plane).resize((columns, rows), Image.Resampling.BOX)
    sums = np.pad(np.asarray(cells, np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    wide = max(1, min(columns, round(columns * width / image.width)))
    high = max(1, min(rows, round(rows * height / image.height)))
    totals = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    # Of the windows that hold as much, the one in their middle: what counts is not at its edge.
    best = np.argwhere(totals >= totals.max() * (1 - 1e-3))
    row, column = best[np.abs(best - best.mean(axis=0)).sum(axis=1).argmin()]
    left = min(int(column) * image.width // columns, image.width - width) // step * step
    top = min(int(row) * image.height // rows, image.height - height) // step * step
    return left, top, left + width, top + height


def _gradient(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    across = np.diff(plane, axis=1, append=plane[:, -1:])
    down = np.diff(plane, axis=0, append=plane[-1:])
    return across, down
