"""How much memory pictures take while they are decoded and encoded, known before that begins.

The figures are bytes a pixel at the worst moment, of the picture that comes out too, as
`benchmarks/decoding_memory.py` measures them, and some more. They depend on how many channels a
file has and whether its colours are converted, which its header tells.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import tifffile

from restoreflow.free_memory import check_free
from restoreflow.images import jpeg, netpbm, tiff
from restoreflow.images.containers.heif import deep_av1_bits
from restoreflow.images.containers.png import chunks, essential
from restoreflow.images.readers import opened
from restoreflow.images.refusals import refusal

__all__ = ["check_decoding", "decoding_bytes", "encoding_bytes"]


class _Peak(NamedTuple):
    """Bytes a pixel.

    Attributes:
        plain: of one or three channels.
        more: of transparency or four inks; colours that are hidden are replaced afterwards.
    """

    plain: int
    more: int


_DECODING = {
    "png": _Peak(24, 64),
    "jpeg": _Peak(26, 50),
    "webp": _Peak(30, 64),
    "avif": _Peak(30, 64),
    "bmp": _Peak(26, 64),
    "gif": _Peak(26, 64),
    "ppm": _Peak(26, 26),
    "heif": _Peak(90, 96),  # most have a profile, which is not looked for here
    "jxl": _Peak(90, 96),  # as above; it is decoded twice, once for the profile
}
_CONVERTED = 92
_ALL_BITS = 24
"""Of an AVIF with more than 8 bits a sample, which is decoded a second time."""
_NUMBERS_AS_TEXT = 250  # each sample of a deep PPM in decimal is an object for a while
_TIFF_RESULT = 16
_TIFF_CONVERTED = 52
_MORE_MODES = {"RGBA", "RGBa", "LA", "La", "PA", "CMYK"}

_ENCODING = {"png": 18, "jpeg": 10, "webp": 48, "avif": 56, "tiff": 20}
"""Of the samples and the file, 16 bits deep where the format can."""

_COLOUR_CHUNKS = {b"iCCP", b"gAMA", b"cHRM", b"cICP"}
_NEGLIGIBLE = 2**24


def check_decoding(data: bytes, kind: str, label: str) -> None:
    """See that a file of format `kind` can be decoded before that begins.

    Raises:
        InputError: it is damaged.
        LimitError: it needs more memory than is available.
    """
    needed = decoding_bytes(data, kind, label)
    if needed > _NEGLIGIBLE:
        check_free(needed, f"decoding {label}", "restore it where there is more, or in parts")


def decoding_bytes(data: bytes, kind: str, label: str) -> int:
    """Bytes that decoding a file of format `kind` takes at most, beside those of the file.

    Raises:
        InputError: it is damaged.
    """
    if kind == "tiff":
        return _of_tiff(data, label)
    if kind in ("heif", "jxl"):
        # Imported here as `readers` does: what reads them is an extra.
        from restoreflow.images import heif, jxl

        width, height = (heif if kind == "heif" else jxl).read_header(data, label)
        return width * height * _DECODING[kind].more + len(data)
    if kind == "ppm" and (deep := netpbm.deep_header(data)):
        width, height, _ = deep
        return width * height * (_NUMBERS_AS_TEXT if data[1:2] == b"3" else _DECODING["ppm"].plain)
    if kind == "jpeg" and (rare := jpeg.rare_frame(data)):
        return rare.width * rare.height * _CONVERTED + len(data)
    told = essential(data) if kind == "png" else data  # texts cannot trouble it
    image = opened(told, kind, label)
    width, height = image.size
    each = _of_mode(kind, image.mode, image.info)
    if kind == "png" and any(name in _COLOUR_CHUNKS for name, _, _ in chunks(data)):
        each = max(each, _CONVERTED)
    if kind == "avif" and deep_av1_bits(data):
        each += _ALL_BITS
    return width * height * each + len(data)


def encoding_bytes(format: str, pixels: int) -> int:
    """Bytes that encoding a picture of so many pixels takes at most, beside its colours."""
    return pixels * _ENCODING[format]


def _of_mode(kind: str, mode: str, info: Mapping[Any, Any]) -> int:
    peak = _DECODING[kind]
    each = peak.more if mode in _MORE_MODES or "transparency" in info else peak.plain
    converted = any(name in info for name in ("icc_profile", "gamma", "chromaticity"))
    return max(each, _CONVERTED) if converted else each


_PROFILE = 34675  # TIFF's tag of an ICC profile


def _of_tiff(data: bytes, label: str) -> int:
    header = tiff.read_header(data, label)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            samples, stored = int(page.samplesperpixel), -(-int(page.bitspersample) // 8)
            sides = (int(page.tilewidth), int(page.tilelength)) if page.is_tiled else (0, 0)
            profiled = _PROFILE in page.tags
    except Exception as error:  # a tag of several values, where tifffile takes one for granted
        raise refusal(label, "TIFF", error) from error
    each = samples * (stored + (8 if stored > 2 else 4) + 4) + _TIFF_RESULT
    if header.for_pillow:
        each = _DECODING["jpeg"].more
    elif profiled:
        each += _TIFF_CONVERTED
    # A tile may be larger than the picture, and is decoded whole before it is cut.
    tile = sides[0] * sides[1] * samples * stored * 2
    return header.width * header.height * each + tile + len(data)
