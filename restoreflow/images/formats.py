"""The table of image formats: how each is recognised, named, and what it can hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from restoreflow.errors import InputError, LimitError, UsageError

__all__ = [
    "FORMATS",
    "OUTPUT_FORMATS",
    "Format",
    "check_size",
    "extension_for",
    "format_of_name",
    "output_format",
    "sniff",
]


@dataclass(frozen=True)
class Format:
    """What one format can hold; `writable` ones are also outputs.

    `texts` are comments or more; `resolution` is a field of its own, not EXIF's; `code_points` tell
    of colours beyond ICC profiles (HDR).

    `signatures` are what its files begin with; where that says too little, `recognises` tells by
    the first bytes.

    `max_side` is in pixels, `max_pixels` is width times height; both are what the encoder used
    here accepts, which can be a little under the format's own limit.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    writable: bool = False
    signatures: tuple[bytes, ...] = ()
    recognises: Callable[[bytes], bool] | None = None
    alpha: bool = False
    grayscale: bool = False
    sixteen_bit: bool = False
    iptc: bool = False
    texts: bool = False
    resolution: bool = False
    code_points: bool = False
    max_side: int = 2**31 - 1
    max_pixels: int = 2**62

    def matches(self, head: bytes) -> bool:
        """Whether a file that begins so is of this format."""
        told = self.recognises is not None and self.recognises(head)
        return told or any(head.startswith(each) for each in self.signatures)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_netpbm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace()


def _brands(head: bytes) -> set[bytes]:
    """What a file in ISO boxes says it is."""
    if head[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(head[:4], "big"), 256)
    return {head[8:12]} | {head[i : i + 4] for i in range(16, size, 4)}


def _is_avif(head: bytes) -> bool:
    return bool(_brands(head) & {b"avif", b"avis"})


def _is_heif(head: bytes) -> bool:
    known = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
    return bool(_brands(head) & known) and not _is_avif(head)


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        # 2**31 - 1 by the standard; libpng stops at a million.
        Format(
            "png",
            "PNG",
            (".png",),
            True,
            (b"\x89PNG\r\n\x1a\n",),
            alpha=True,
            grayscale=True,
            sixteen_bit=True,
            iptc=True,
            texts=True,
            resolution=True,
            code_points=True,
            max_side=1_000_000,
        ),
        # 65535 by the standard; libjpeg stops at 65500.
        Format(
            "jpeg",
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            True,
            (b"\xff\xd8\xff",),
            grayscale=True,
            iptc=True,
            texts=True,
            resolution=True,
            max_side=65500,
        ),
        Format("webp", "WebP", (".webp",), True, recognises=_is_webp, alpha=True, max_side=16383),
        Format(
            "avif",
            "AVIF",
            (".avif",),
            True,
            recognises=_is_avif,
            alpha=True,
            code_points=True,
            max_side=32768,
            max_pixels=16384 * 16384,
        ),
        # Offsets are 32 bits wide: 8 bytes a pixel (16-bit RGBA) must stay under 4 GiB.
        Format(
            "tiff",
            "TIFF",
            (".tif", ".tiff"),
            True,
            (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
            alpha=True,
            grayscale=True,
            sixteen_bit=True,
            iptc=True,
            resolution=True,
            max_pixels=520_000_000,
        ),
        Format("bmp", "BMP", (".bmp", ".dib"), signatures=(b"BM",)),
        Format("gif", "GIF", (".gif",), signatures=(b"GIF87a", b"GIF89a")),
        Format("ppm", "PPM", (".ppm", ".pgm", ".pbm", ".pnm"), recognises=_is_netpbm),
        Format("heif", "HEIC", (".heic", ".heif", ".hif"), recognises=_is_heif, grayscale=True),
        Format(
            "jxl",
            "JPEG XL",
            (".jxl",),
            signatures=(b"\xff\x0a", b"\x00\x00\x00\x0cJXL "),
            grayscale=True,
        ),
    )
}

OUTPUT_FORMATS: tuple[str, ...] = tuple(name for name, each in FORMATS.items() if each.writable)

_KNOWN_BUT_NOT_READ = (
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"PF\n", "a PFM picture"),
    (b"Pf\n", "a PFM picture"),
    (b"qoif", "a QOI picture"),
    (b"FUJIFILMCCD-RAW", "a camera raw file"),
)
_TITLES = tuple(each.title for each in FORMATS.values())
_READ_LIST = f"{', '.join(_TITLES[:-1])} and {_TITLES[-1]} are read"
_CANON_RAW = b"ftypcrx "
_DEVELOP = "develop it first, to TIFF with 16 bits"


def sniff(data: bytes, label: str = "the data") -> str:
    """The format's name, told from the first bytes alone; the file's name plays no part.

    Args:
        data: the file's bytes, or at least its first 512.
        label: how the file is called in errors.

    Raises:
        InputError: nothing there, or not a format on the allow-list.
    """
    if not data:
        raise InputError(f"{label} is empty (0 bytes)", "copy or download it again")
    for each in FORMATS.values():
        if each.matches(data):
            return each.name
    if data[4:12] == _CANON_RAW:
        raise InputError(f"{label} is a camera raw file", _DEVELOP)
    if data[4:8] == b"ftyp":
        raise InputError(f"{label} is a video or another MP4-like file", _READ_LIST)
    for prefix, what in _KNOWN_BUT_NOT_READ:
        if data.startswith(prefix):
            raise InputError(f"{label} is {what}", f"convert it to PNG or TIFF; {_READ_LIST}")
    looks = " (it looks like text)" if _is_text(data[:512]) else ""
    raise InputError(f"{label} is not a picture in a known format{looks}", _READ_LIST)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 500 else "ignore")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c.isspace() for c in text)


def output_format(name: str) -> str:
    """The format written for an input of format `name` when the user chose none: itself, or png."""
    return name if name in FORMATS and FORMATS[name].writable else "png"


def format_of_name(path: str | Path) -> str:
    """The output format that a file name's extension asks for.

    Raises:
        UsageError: no extension, or one that is not written here.
    """
    suffix = os.path.splitext(str(path))[1].lower()
    for name in OUTPUT_FORMATS:
        if suffix in FORMATS[name].extensions:
            return name
    known = ", ".join(FORMATS[name].extensions[0] for name in OUTPUT_FORMATS)
    what = f"the extension {suffix!r} is not written" if suffix else "there is no extension"
    raise UsageError(f"output format unclear: {what}", f"use one of {known}")


def extension_for(name: str, original: str = "") -> str:
    """The extension a file of format `name` gets: the original one where it fits, else the usual.

    >>> extension_for("jpeg", ".JPEG"), extension_for("jpeg", ".png")
    ('.JPEG', '.jpg')
    """
    extensions = FORMATS[name].extensions
    return original if original.lower() in extensions else extensions[0]


def check_size(name: str, width: int, height: int) -> None:
    """Refuse a picture of width x height pixels that format `name` cannot hold, before any work.

    Raises:
        LimitError: a side or the number of pixels is past the limit; the hint names the way out.
    """
    fmt = FORMATS[name]
    if max(width, height) > fmt.max_side:
        limit = f"at most {fmt.max_side} pixels a side"
    elif width * height > fmt.max_pixels:
        limit = f"at most {fmt.max_pixels // 1_000_000} megapixels here"
    else:
        return
    raise LimitError(
        f"a result of {width} x {height} pixels does not fit {fmt.title}: {limit}",
        "use --output-format tiff" if name == "png" else "use --output-format png",
    )
