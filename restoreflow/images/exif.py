"""EXIF blocks: copied as bytes, with the few numbers that must change patched where they stand.

Nothing is decoded and written anew, so text keeps its bytes and MakerNotes, whose inside refers to
places in the block, stay readable.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from restoreflow.images.ancillary import EXIF_PREFIX
from restoreflow.images.exif_block import (
    COLOR_SPACE,
    EXIF_TAG,
    GAMMA,
    INTEROP_INDEX,
    INTEROP_TAG,
    ORIENTATION,
    PRIMARIES,
    RATIONAL,
    RESOLUTION,
    RESOLUTION_UNIT,
    SHORT,
    SRGB,
    UNITS,
    WHITE_POINT,
    Block,
    open_block,
    ratios_of,
    tiff_part,
)
from restoreflow.images.ifd import Directory, Entry

__all__ = ["clean_exif", "fit_exif", "print_exif"]

_WIDTH, _HEIGHT, _PIXEL_X, _PIXEL_Y = 256, 257, 0xA002, 0xA003
_RELATED_WIDTH, _RELATED_HEIGHT = 0x1001, 0x1002
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_FOCAL_PLANE = (0xA20E, 0xA20F)
_STRIPS, _STRIP_SIZES, _THUMBNAIL, _THUMBNAIL_SIZE = 273, 279, 513, 514
# Of the first directory: places of pixels, in this block or elsewhere, and further pictures.
_PIXEL_PLACES = (273, 279, 288, 289, 324, 325, 330, 347, 513, 514, 519, 520, 521)
# There too: what is kept elsewhere or shows the old picture.
_SECOND_COPIES = {
    700: "XMP",
    33723: "IPTC",
    34377: "Photoshop's resources",
    34675: "a colour profile",
    37724: "Photoshop's layers",
}
_THUMBNAIL_NOTE = "EXIF thumbnail dropped: it shows the picture before restoration"
_DAMAGED_NOTE = "EXIF could not be read and is dropped"


def clean_exif(
    block: bytes, orientation: int, width: int, height: int, srgb: bool = False
) -> tuple[bytes | None, tuple[str, ...]]:
    """Clean a block for a restored picture: upright, and without what shows the old one.

    Args:
        orientation: 1 to 8, what the pixels need; the block's own may differ.
        width, height: of the pixels as they are stored.
        srgb: the pixels have been converted to sRGB for good, and the block is to say so.

    Returns: `EXIF_PREFIX` and a TIFF structure, None where nothing is left; notes for the user.
    """
    opened = open_block(block)
    if opened is None:
        return None, (_DAMAGED_NOTE,) if tiff_part(block) else ()
    opened.set_number(opened.first, ORIENTATION, 1)
    notes = _without_pictures(opened)
    _turn_places(opened, orientation, width, height)
    if srgb:
        opened.set_number(opened.within(EXIF_TAG), COLOR_SPACE, SRGB)
        _name_srgb(opened)
    if opened.first is None:
        return None, notes
    return EXIF_PREFIX + bytes(opened.data), notes


def _without_pictures(block: Block) -> tuple[str, ...]:
    notes: list[str] = []
    thumbnail, first = block.thumbnail, block.first
    if first is not None and first.link + 4 <= len(block.data):
        block.put("I", first.link, 0)
    if thumbnail is not None:
        notes.append(_THUMBNAIL_NOTE)
        for where, size in ((_THUMBNAIL, _THUMBNAIL_SIZE), (_STRIPS, _STRIP_SIZES)):
            starts, sizes = block.numbers(thumbnail, where), block.numbers(thumbnail, size)
            for place in zip(starts, sizes, strict=False):
                block.erase(*place)
    copies = [block.first.find(tag) for tag in _SECOND_COPIES] if block.first else []
    if block.remove((), _PIXEL_PLACES) and thumbnail is None:
        notes.append("further pictures that EXIF points to are dropped")
    for tag in block.remove((), tuple(_SECOND_COPIES)):
        notes.append(f"{_SECOND_COPIES[tag]} inside EXIF dropped")
    for entry in copies:
        if entry is not None and entry.size > 4:
            block.erase(entry.value, entry.size)
    return tuple(notes)


def _turn_places(block: Block, orientation: int, width: int, height: int) -> None:
    """Turn what EXIF says in pixels' places along with the pixels."""
    if orientation == 1:
        return
    details = block.within(EXIF_TAG)
    for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        entry = details.find(tag) if details else None
        numbers = block.numbers(details, tag)
        if entry is None or entry.kind != SHORT or not 2 <= len(numbers) <= 4:
            continue
        x, y, *sides = numbers
        across, down = width, height
        if orientation >= 5:
            x, y, across, down = y, x, height, width
            sides = sides[::-1]
        x = across - 1 - x if orientation in (2, 3, 6, 7) else x
        y = down - 1 - y if orientation in (3, 4, 7, 8) else y
        turned = [min(max(each, 0), 65535) for each in (x, y, *sides)]
        block.put(f"{len(turned)}H", entry.value, *turned)
    if orientation >= 5:
        _swap(block, details, _FOCAL_PLANE)
        _swap(block, block.first, RESOLUTION)


def _swap(block: Block, directory: Directory | None, tags: tuple[int, int]) -> None:
    first, second = (directory.find(tag) if directory else None for tag in tags)
    if first and second and first.kind == second.kind == RATIONAL and first.length == second.length:
        data = [bytes(block.data[each.value : each.end]) for each in (second, first)]
        block.data[first.value : first.end], block.data[second.value : second.end] = data


def _name_srgb(block: Block) -> None:
    interop = block.within(EXIF_TAG, INTEROP_TAG)
    index = interop.find(INTEROP_INDEX) if interop else None
    if index is not None and bytes(block.data[index.value : index.end]).startswith(b"R03"):
        block.data[index.value : index.value + 3] = b"R98"
    block.remove((), (WHITE_POINT, PRIMARIES))
    block.remove((EXIF_TAG,), (GAMMA,))


def fit_exif(block: bytes, before: tuple[int, int], size: tuple[int, int]) -> bytes:
    """A cleaned block for a picture of another size: what it says in pixels is scaled or set.

    Args:
        before, size: width and height of the pixels it was cleaned for, upright, and of the result.
    """
    opened = open_block(block)
    if opened is None:
        return block
    details, interop = opened.within(EXIF_TAG), opened.within(EXIF_TAG, INTEROP_TAG)
    places = ((opened.first, _WIDTH, _HEIGHT), (details, _PIXEL_X, _PIXEL_Y))
    for directory, *tags in (*places, (interop, _RELATED_WIDTH, _RELATED_HEIGHT)):
        for tag, value in zip(tags, size, strict=True):
            opened.set_number(directory, tag, value)
    if before != size:
        _scale_places(opened, before, size)
    return EXIF_PREFIX + bytes(opened.data)


def print_exif(block: bytes, told: Callable[[int, Fraction, Fraction], Fraction]) -> bytes:
    """A cleaned block with another resolution; one that has none stays as it is.

    Args:
        told: gives it for 0, across, or 1, down, what was told, and its unit in inches.
    """
    opened = open_block(block)
    if opened is None:
        return block
    unit = (opened.numbers(opened.first, RESOLUTION_UNIT) or (2,))[0]
    for axis, tag in enumerate(RESOLUTION):
        entry = opened.first.find(tag) if opened.first else None
        ratio = ratios_of(opened, opened.first, tag)
        if entry is not None and ratio and unit in UNITS:
            _put_ratio(opened, entry, told(axis, ratio[0], UNITS[unit]))
    return EXIF_PREFIX + bytes(opened.data)


def _scale_places(block: Block, before: tuple[int, int], size: tuple[int, int]) -> None:
    across, down = (Fraction(new, old) for new, old in zip(size, before, strict=True))
    details = block.within(EXIF_TAG)
    for tag, times in zip(_FOCAL_PLANE, (across, down), strict=True):
        entry, ratio = details.find(tag) if details else None, ratios_of(block, details, tag)
        if entry is not None and ratio:
            _put_ratio(block, entry, ratio[0] * times)
    for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        entry, numbers = details.find(tag) if details else None, block.numbers(details, tag)
        if entry is None or entry.kind != SHORT or not 2 <= len(numbers) <= 4:
            continue
        factors = (across, down, across, down)
        scaled = [int(each * times) for each, times in zip(numbers, factors, strict=False)]
        if max(scaled) < 2**16:
            block.put(f"{len(scaled)}H", entry.value, *scaled)
        else:
            block.remove((EXIF_TAG,), (tag,))


def _put_ratio(block: Block, entry: Entry, value: Fraction) -> None:
    (numerator, denominator) = value.numerator, value.denominator
    while numerator >= 2**32 or denominator >= 2**32:
        numerator, denominator = numerator >> 1, max(denominator >> 1, 1)
    block.put("2I", entry.value, numerator, denominator)
