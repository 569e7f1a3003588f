"""Pictures of numbers: heat maps with a fixed scale and its legend, and sheets of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["UNCERTAINTY_SCALE", "cividis", "contact_sheet", "heat_map", "heat_map_size"]

UNCERTAINTY_SCALE = 16.0
"""The end of uncertainty maps' scale, in 8-bit levels; fixed, so that two maps compare."""

# cividis (Nunez, Anderton, Renslow, PLOS ONE 2018): (place of 255, red, green, blue); straight
# lines between these stay within 2 of 255 levels of the published table.
_ANCHORS = np.array(
    [
        *[(0, 0, 34, 78), (19, 0, 48, 111), (21, 0, 49, 112), (23, 1, 50, 113)],
        *[(28, 18, 53, 112), (34, 30, 58, 111), (52, 54, 70, 108), (84, 86, 92, 109)],
        *[(126, 123, 122, 120), (147, 143, 138, 120), (179, 174, 163, 113)],
        *[(205, 201, 185, 101), (219, 217, 197, 92), (232, 231, 209, 80)],
        *[(243, 243, 219, 66), (251, 253, 227, 52), (255, 254, 232, 56)],
    ]
)
_NOT_A_NUMBER = (255, 0, 255)
_PAPER, _INK = (255, 255, 255), (32, 32, 32)
_TICKS = 5
_LEGEND_WIDTH, _LEGEND_LINES = 280, 6
_LARGEST_ENLARGED = 2048
_BAND_PIXELS = 1_000_000
_SHEET_PIXELS = 120_000_000


def cividis(values: np.ndarray, maximum: float) -> np.ndarray:
    """Colour values from 0 (dark blue) to `maximum` (yellow); both are the ends for all beyond.

    Args:
        values: (H, W) of any real dtype. NaN and infinity become magenta, which the map lacks.
        maximum: the scale's end, positive.

    Returns: (H, W, 3) uint8 RGB.
    """
    if not maximum > 0:
        raise ValueError(f"maximum must be positive, got {maximum}")
    height, width = values.shape
    colors = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND_PIXELS // max(1, width))  # a band's temporary arrays are 60 bytes a pixel
    for top in range(0, height, rows):
        band = values[top : top + rows]
        finite = np.isfinite(band)
        places = np.clip(np.where(finite, band, 0) / maximum, 0, 1) * 255
        for c in range(3):
            levels = np.rint(np.interp(places, _ANCHORS[:, 0], _ANCHORS[:, 1 + c]))
            colors[top : top + rows, :, c] = np.where(finite, levels, _NOT_A_NUMBER[c])
    return colors


def heat_map(array: np.ndarray, maximum: float, unit: str) -> Image.Image:
    """A heat map in cividis above a legend bar with numbers and unit.

    The scale goes from 0 to `maximum` whatever the array holds, so that two maps compare; its last
    number gets a plus sign where values lie beyond.

    Args:
        array: (H, W) float, for instance a standard deviation.
        maximum: the scale's end, in `unit`.
        unit: what the numbers count, as "grey levels of 255".

    Returns: RGB, at least 280 pixels wide, of `heat_map_size`; a narrower array is enlarged by a
        whole factor, as long as it does not get too high by that.
    """
    height, width = array.shape
    factor = _enlargement(width, height)
    colors = Image.fromarray(cividis(array, maximum))
    if factor > 1:
        colors = colors.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    size = heat_map_size(width, height)
    beyond = bool((array > maximum).any())
    page = Image.new("RGB", size, _PAPER)
    page.paste(colors, ((size[0] - colors.width) // 2, 0))
    page.paste(_legend(size[0], maximum, unit, _font_size(size[0]), beyond), (0, colors.height))
    return page


def heat_map_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the heat map of an array of this size, its legend included."""
    factor = _enlargement(width, height)
    wide = max(width * factor, _LEGEND_WIDTH)
    return wide, height * factor + _LEGEND_LINES * _font_size(wide)


def _enlargement(width: int, height: int) -> int:
    return max(1, min(-(-_LEGEND_WIDTH // width), _LARGEST_ENLARGED // height))


def _legend(width: int, maximum: float, unit: str, size: int, beyond: bool) -> Image.Image:
    margin, bar = size, size
    legend = Image.new("RGB", (width, _LEGEND_LINES * size), _PAPER)
    length = width - 2 * margin
    ramp = cividis(np.linspace(0, maximum, length)[None].repeat(bar, axis=0), maximum)
    legend.paste(Image.fromarray(ramp), (margin, margin))
    draw, font = ImageDraw.Draw(legend), ImageFont.load_default(size)
    top = margin + bar
    for tick in range(_TICKS):
        part = tick / (_TICKS - 1)
        x = margin + part * (length - 1)
        draw.line((x, top, x, top + size // 3), fill=_INK)
        anchor = {0.0: "la", 1.0: "ra"}.get(part, "ma")
        more = "+" if beyond and part == 1 else ""
        text = f"{part * maximum:.3g}{more}"
        draw.text((x, top + size // 2), text, fill=_INK, font=font, anchor=anchor)
    draw.text((width / 2, top + 2 * size), unit, fill=_INK, font=font, anchor="ma")
    return legend


def contact_sheet(
    images: Sequence[Image.Image],
    captions: Sequence[str],
    columns: int | None = None,
    largest: int = 2048,
) -> Image.Image:
    """A grid of pictures, each under its caption, at the size of the largest of them.

    Smaller pictures are enlarged by nearest neighbour, so that an input beside its results shows
    its pixels as they are; proportions are kept.

    Args:
        images: at least one, of any mode.
        captions: one line each; a line too long for its picture is shortened.
        columns: pictures a row; None: about as many columns as rows.
        largest: the longer side of a cell in pixels; larger pictures are reduced to it, and to less
            where there are so many that the sheet would have more than 120 megapixels.

    Returns: RGB.
    """
    if not images or len(images) != len(captions):
        raise ValueError(f"{len(images)} images and {len(captions)} captions")
    columns = columns or max(1, round(len(images) ** 0.5 + 0.49))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width, height = max(i.width for i in images), max(i.height for i in images)
    whole = width * height * columns * rows
    shrink = min(1.0, largest / max(width, height), (_SHEET_PIXELS / whole) ** 0.5)
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    size = _font_size(width)
    gap, strip = size // 2, 2 * size
    sheet = Image.new(
        "RGB",
        (columns * (width + gap) + gap, rows * (height + strip + gap) + gap),
        _PAPER,
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = gap + index % columns * (width + gap)
        top = gap + index // columns * (height + strip + gap)
        text = _shortened(caption, font, width)
        draw.text((left, top + strip // 2), text, fill=_INK, font=font, anchor="lm")
        sheet.paste(_fitted(image, width, height), (left, top + strip))
    return sheet


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    flat = image.convert("RGBA") if image.mode in ("LA", "PA", "RGBA") else image.convert("RGB")
    if flat.mode == "RGBA":
        paper = Image.new("RGBA", flat.size, (*_PAPER, 255))
        flat = Image.alpha_composite(paper, flat).convert("RGB")
    factor = min(width / flat.width, height / flat.height)
    size = (max(1, round(flat.width * factor)), max(1, round(flat.height * factor)))
    method = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    return flat if size == flat.size else flat.resize(size, method)


def _font_size(width: int) -> int:
    return max(12, min(48, width // 40))


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    # Pillow's own font holds little beyond ASCII: no ellipsis, no "at least" sign.
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
