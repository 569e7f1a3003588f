"""GeoTIFF: the tags that place pixels on the earth, for a picture of another size."""

from __future__ import annotations

import struct

from restoreflow.images.ancillary import Tag

__all__ = ["GEO_TAGS", "scale_geo"]

_SCALE, _TIE_POINTS, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
GEO_TAGS = (_SCALE, _TIE_POINTS, _MATRIX, _KEYS, 34736, 34737)
_DOUBLE, _SHORT = 12, 3
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2


def scale_geo(
    tags: tuple[Tag, ...], before: tuple[int, int], size: tuple[int, int]
) -> tuple[Tag, ...] | None:
    """The tags of a picture that is resized, so that every place of it lies where it lay.

    Tie points move with the pixels, and a pixel's extent changes. Where a tie point is of a pixel's
    centre (PixelIsPoint), centres are half a pixel from the corner before and after.

    Returns: None where a tag is not as GeoTIFF has it.
    """
    if before == size:
        return tags
    across, down = (new / old for new, old in zip(size, before, strict=True))
    half = 0.5 if _is_point(tags) else 0.0
    result: list[Tag] = []
    for tag in tags:
        if tag.number not in (_SCALE, _TIE_POINTS, _MATRIX):
            result.append(tag)
            continue
        count = {_SCALE: 3, _MATRIX: 16}.get(tag.number, tag.length)
        whole = tag.number != _TIE_POINTS or tag.length % 6 == 0
        if tag.kind != _DOUBLE or tag.length != count or not whole:
            return None
        numbers = list(struct.unpack(f"<{count}d", tag.data))
        if tag.number == _SCALE:
            numbers[0], numbers[1] = numbers[0] / across, numbers[1] / down
        elif tag.number == _TIE_POINTS:
            numbers[0::6] = [(each + half) * across - half for each in numbers[0::6]]
            numbers[1::6] = [(each + half) * down - half for each in numbers[1::6]]
        else:
            numbers = _matrix(numbers, across, down, half)
        result.append(tag._replace(data=struct.pack(f"<{count}d", *numbers)))
    return tuple(result)


def _matrix(numbers: list[float], across: float, down: float, half: float) -> list[float]:
    # A pixel (i, j) of the result lies at ((i + half) / across - half, ...) of the old one.
    shift_x, shift_y = half / across - half, half / down - half
    rows: list[float] = []
    for start in range(0, 16, 4):
        a, b, c, d = numbers[start : start + 4]
        rows += [a / across, b / down, c, d + a * shift_x + b * shift_y]
    return rows


def _is_point(tags: tuple[Tag, ...]) -> bool:
    keys = next((each for each in tags if each.number == _KEYS and each.kind == _SHORT), None)
    numbers = list(struct.unpack(f"<{keys.length}H", keys.data)) if keys else []
    fields = zip(numbers[4::4], numbers[7::4], strict=False)
    return (_RASTER_TYPE, _PIXEL_IS_POINT) in fields
