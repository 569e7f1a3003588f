"""Write TIFF files: the pixels by tifffile, and around them what says something of the picture.

The EXIF block comes first, at the file's beginning, as it is: whatever in it refers to places in
it then still does. The pixels follow, and then one directory of both's entries.
"""

from __future__ import annotations

import io
import struct

import numpy as np
import tifffile

from restoreflow.errors import LimitError
from restoreflow.images import ifd
from restoreflow.images.ancillary import Tag
from restoreflow.images.containers.tiff import is_layout
from restoreflow.images.containers.tiff_exif import little_endian
from restoreflow.images.exif_block import LONG, SHORT, tiff_part
from restoreflow.images.picture import Metadata

__all__ = ["write"]

_XMP, _IPTC, _RESOLUTION = 700, 33723, (282, 283, 296)
_BYTE, _UNDEFINED = 1, 7
_STRIPS = 273
_MOST = 2**32 - 2**24


def write(samples: np.ndarray, metadata: Metadata, icc: bytes | None = None) -> bytes:
    """Encode uint8 or uint16 samples, (H, W) or (H, W, 2 to 4), losslessly with their metadata.

    Args:
        metadata: as it is to be written.
        icc: the profile the samples are in, or None.

    Raises:
        LimitError: more than the 4 GiB that a TIFF file's 32-bit offsets reach.
    """
    beside = tiff_part(metadata.exif) if metadata.exif else b""
    if samples.nbytes + len(beside) + len(metadata.xmp or b"") > _MOST:
        raise LimitError("the result does not fit TIFF: over 4 GB", "use --output-format png")
    order = ">" if beside[:2] == b"MM" else "<"
    pixels = _pixels(samples, metadata, icc, order)
    return _joined(beside, pixels, _tags(metadata, order), order, metadata.dpi is not None)


def _pixels(samples: np.ndarray, metadata: Metadata, icc: bytes | None, order: str) -> bytes:
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples,
        bigtiff=False,
        byteorder=">" if order == ">" else "<",  # one of two literals, for the checker
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=max(1, 2**18 // max(1, samples[0].nbytes)),
        iccprofile=icc,
        resolution=metadata.dpi,
        resolutionunit="INCH" if metadata.dpi else None,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


def _tags(metadata: Metadata, order: str) -> list[Tag]:
    """The tags beside EXIF's, their values in the file's order."""
    tags = [tag._replace(data=little_endian(tag.kind, tag.data, order)) for tag in metadata.geo]
    if metadata.xmp:
        tags.append(Tag(_XMP, _BYTE, len(metadata.xmp), metadata.xmp))
    if metadata.iptc:
        tags.append(Tag(_IPTC, _UNDEFINED, len(metadata.iptc), metadata.iptc))
    return tags


def _joined(beside: bytes, pixels: bytes, tags: list[Tag], order: str, resolution: bool) -> bytes:
    """One file of the EXIF block, the pixels' file behind it, further tags and a directory."""
    layout = ifd.LAYOUTS[pixels[:4]]
    start = len(beside) + len(beside) % 2 or layout.header
    moved = start - layout.header  # all that stood behind the header of the pixels' file
    entries = _entries_beside(beside, layout)
    own, strips = _entries_of_pixels(pixels, layout, moved)
    # EXIF's own resolution stays as it is; tifffile writes one even where there is none.
    told = not resolution or all(number in entries for number in _RESOLUTION[:2])
    entries |= {n: entry for n, entry in own.items() if not (told and n in _RESOLUTION)}
    place = len(pixels) + moved
    tail = [bytes(place % 2)]
    place += place % 2
    for tag in (strips, *tags):
        value = tag.data.ljust(4, b"\x00")
        if len(tag.data) > 4:
            value = struct.pack(order + "I", place)
            tail.append(tag.data + bytes(len(tag.data) % 2))
            place += len(tail[-1])
        entries[tag.number] = struct.pack(order + "HHI", tag.number, tag.kind, tag.length) + value
    if place >= 2**32 - 2**20:
        raise LimitError("the result does not fit TIFF: over 4 GB", "use --output-format png")
    directory = struct.pack(order + "H", len(entries))
    directory += b"".join(entries[number] for number in sorted(entries)) + bytes(4)
    head = pixels[:4] + struct.pack(order + "I", place)
    padding = bytes(start - max(len(beside), layout.header))
    body = memoryview(pixels)[layout.header :]  # a slice of bytes would be a copy
    return b"".join((head, beside[layout.header :], padding, body, *tail, directory))


def _entries_beside(beside: bytes, layout: ifd.Layout) -> dict[int, bytes]:
    """The EXIF block's entries that say nothing of how pixels lie, as they are."""
    if not beside:
        return {}
    (first,) = struct.unpack_from(layout.order + "I", beside, 4)
    found = ifd.read(beside, first, layout)
    return {
        each.tag: beside[each.place : each.place + layout.entry]
        for each in (found.entries if found else ())
        if not is_layout(each.tag)
    }


def _entries_of_pixels(
    pixels: bytes, layout: ifd.Layout, moved: int
) -> tuple[dict[int, bytes], Tag]:
    """The entries of the pixels' file, and the places of its strips, for where they are now."""
    (first,) = struct.unpack_from(layout.order + "I", pixels, 4)
    found = ifd.read(pixels, first, layout)
    strips = found.find(_STRIPS) if found else None
    if found is None or strips is None:
        raise ValueError("tifffile wrote no strips")
    entries: dict[int, bytes] = {}
    for each in found.entries:
        entry = pixels[each.place : each.place + layout.entry]
        if each.size > layout.inline:
            entry = entry[:8] + struct.pack(layout.order + "I", each.value + moved)
        entries[each.tag] = entry
    letters = f"{layout.order}{strips.length}{'H' if strips.kind == SHORT else 'I'}"
    places = [each + moved for each in struct.unpack_from(letters, pixels, strips.value)]
    data = struct.pack(f"{layout.order}{len(places)}I", *places)
    return entries, Tag(_STRIPS, LONG, len(places), data)
