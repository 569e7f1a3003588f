"""What stands beside the pixels of a file of any format."""

from __future__ import annotations

import struct
from collections.abc import Callable

from restoreflow.images.ancillary import Ancillary
from restoreflow.images.containers import bmp, gif, heif, jpeg, jxl, netpbm, png, riff, tiff

__all__ = ["ancillary_of"]

_READERS: dict[str, Callable[[bytes], Ancillary]] = {
    "png": png.ancillary,
    "jpeg": jpeg.ancillary,
    "webp": riff.ancillary,
    "avif": heif.ancillary,
    "heif": heif.ancillary,
    "tiff": tiff.ancillary,
    "bmp": bmp.ancillary,
    "gif": gif.ancillary,
    "ppm": netpbm.ancillary,
    "jxl": jxl.ancillary,
}
_DAMAGED = (struct.error, ValueError, IndexError, OverflowError)


def ancillary_of(data: bytes, kind: str) -> Ancillary:
    """What a file of format `kind` says of its picture; damage costs no picture, and is said."""
    try:
        return _READERS[kind](data)
    except _DAMAGED:
        return Ancillary(notes=("metadata is damaged and dropped",))
