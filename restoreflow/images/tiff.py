"""TIFF through tifffile: headers, samples of any depth, and writing with metadata."""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from restoreflow.errors import InputError, LimitError
from restoreflow.images.alpha import unpremultiply
from restoreflow.images.metadata import split_directories
from restoreflow.images.picture import Metadata
from restoreflow.images.raster import Raster, from_samples
from restoreflow.images.tiff_pages import page_count

__all__ = ["Header", "read", "read_header", "write"]

# tifffile logs what it finds odd in a file; without any handler Python would print that on stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# The values of TIFF 6.0 and its supplements that are told apart here.
_DNG_VERSION, _ICC, _XMP = 50706, 34675, 700
_MODELS = {0: "gray", 1: "gray", 2: "rgb", 5: "cmyk"}
_WHITE_IS_ZERO = 0
_LOSSLESS = {1, 5, 8, 32773, 32946}  # none, LZW, deflate, PackBits, old deflate
_UNSIGNED = 1
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha; with the first, colours are premultiplied by it
_REDUCED = 1
_NO_UNIT, _CENTIMETER = 1, 3
_LONG = 4
_MOST_SAMPLES = 8


@dataclass(frozen=True)
class Header:
    """The first page's facts.

    `for_pillow`: of few enough bits, and of a colour model or compression (palette, YCbCr, JPEG,
    fax) that Pillow knows better than tifffile.
    """

    width: int
    height: int
    for_pillow: bool
    icc: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None


def read_header(data: bytes, label: str) -> Header:
    """Read the first page's header and refuse what would give the wrong picture.

    Raises:
        InputError: damaged, camera raw, several pages, or data missing from the file.
    """
    if data[8:10] == b"CR":
        raise _raw(label)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = _first(file)
            header = _header(page)
            missing = _missing_data(page, len(data))
            is_raw = _DNG_VERSION in page.tags or bool(page.subfiletype & _REDUCED)
    except Exception as error:  # tifffile raises many types on damaged files
        raise InputError(f"{label} is a damaged TIFF file: {_line(error)}") from error
    if is_raw:
        raise _raw(label)
    if missing:
        raise InputError(f"{label} is cut short: its pixel data is missing", "copy it again")
    pages = page_count(io.BytesIO(data))
    if pages > 1:
        raise InputError(
            f"{label} has {pages} pages and is read one by one",
            "from a file on a local disk whose name ends in .tif or .tiff",
        )
    return header


def _first(file: tifffile.TiffFile) -> tifffile.TiffPage:
    page = file.pages.first
    for name in ("imagewidth", "imagelength", "bitspersample", "samplesperpixel", "subfiletype"):
        if not isinstance(getattr(page, name), int):
            raise ValueError(f"{name} is not one whole number")
    return page


def _raw(label: str) -> InputError:
    return InputError(
        f"{label} is a camera raw file", "develop it in a raw converter and restore the result"
    )


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:120] or type(error).__name__


def _header(page: tifffile.TiffPage) -> Header:
    plain = int(page.photometric) in _MODELS and int(page.compression) in _LOSSLESS
    whole = int(page.sampleformat) == _UNSIGNED and page.bitspersample <= 8
    icc, xmp = (page.tags.valueof(code) for code in (_ICC, _XMP))
    return Header(
        width=page.imagewidth,
        height=page.imagelength,
        for_pillow=whole and not plain,
        icc=icc if isinstance(icc, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        dpi=_dpi(page),
    )


def _dpi(page: tifffile.TiffPage) -> tuple[float, float] | None:
    unit = page.tags.valueof(296, 2)
    scale = 2.54 if unit == _CENTIMETER else 1.0
    try:
        (a, b), (c, d) = (page.tags.valueof(code) for code in (282, 283))
        return (a / b * scale, c / d * scale) if unit != _NO_UNIT else None
    except (TypeError, ValueError, ZeroDivisionError):  # absent or damaged: the file has none
        return None


def _missing_data(page: tifffile.TiffPage, size: int) -> bool:
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    return not segments or any(
        count <= 0 or offset <= 0 or offset + count > size for offset, count in segments
    )


def read(data: bytes, label: str, header: Header) -> Raster:
    """Samples of a page that is not `for_pillow`: integers of 1 to 32 bits or floats, unrotated.

    Floats mean sRGB values with 1 as white; what lies outside [0, 1] is clipped and said so.

    Raises:
        InputError: a layout that is not read, values that are not numbers, or damaged data.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = _first(file)
            layout = (page.axes, page.samplesperpixel, int(page.photometric))
            bits, extra = page.bitspersample, [int(each) for each in page.extrasamples]
            _check_layout(*layout, label)
            values = page.asarray()
    except InputError:
        raise
    except Exception as error:  # tifffile and its codecs raise many types on damaged files
        raise InputError(f"{label} is a damaged TIFF file: {_line(error)}") from error
    axes, _, photometric = layout
    unit, notes = _unit_range(np.moveaxis(values, 0, -1) if axes == "SYX" else values, bits, label)
    has_alpha = bool(extra) and extra[0] in (_ASSOCIATED, _UNASSOCIATED)
    model = _MODELS[photometric]
    colors, alpha = from_samples(unit, model, has_alpha, label)
    if photometric == _WHITE_IS_ZERO:
        colors = 1 - colors
    if alpha is not None and extra[0] == _ASSOCIATED:
        colors = unpremultiply(colors, alpha)
    if len(extra) > has_alpha:
        notes += (f"{len(extra) - has_alpha} extra channels dropped",)
    if bits < 8:
        notes += (f"a {bits}-bit picture is written with 8 bits",)
    depth = 16 if bits > 8 else 8
    return Raster(
        colors, model, alpha, depth, icc=header.icc, xmp=header.xmp, dpi=header.dpi, notes=notes
    )


def _check_layout(axes: str, samples: int, photometric: int, label: str) -> None:
    # Separate planes come as (S, H, W); anything but these three is a volume.
    if axes not in ("YX", "YXS", "SYX") or not 1 <= samples <= _MOST_SAMPLES:
        raise InputError(f"{label} is not a plain picture: {samples} samples, axes {axes}")
    if photometric not in _MODELS:
        raise InputError(f"{label} has TIFF colour model {photometric} at more than 8 bits")


def _unit_range(values: np.ndarray, bits: int, label: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.dtype.kind in "ub":  # 12-bit samples come in 16-bit words, and so on
        scale = np.float32 if bits <= 16 else np.float64
        return (values / scale(2**bits - 1)).astype(np.float32), ()
    if values.dtype.kind != "f":
        raise InputError(f"{label} holds {values.dtype} samples; unsigned and float ones are read")
    bad = values.size - int(np.isfinite(values).sum())
    if bad:
        raise InputError(
            f"{label} holds {bad} values that are not finite numbers",
            "replace NaN and infinity in it first",
        )
    outside = int(((values < 0) | (values > 1)).sum())
    notes = (f"{outside} float values outside [0, 1] are clipped",) if outside else ()
    return np.clip(values, 0, 1).astype(np.float32), notes


def write(
    samples: np.ndarray, metadata: Metadata, exif: bytes | None, icc: bytes | None = None
) -> bytes:
    """Encode uint8 or uint16 samples, (H, W) or (H, W, 2 to 4), losslessly with their metadata.

    Args:
        metadata: XMP and resolution are taken from it.
        exif: the EXIF block as it is to be written, or None.
        icc: the profile the samples are in, or None.

    Raises:
        LimitError: more than the 4 GiB that a TIFF file's 32-bit offsets reach.
    """
    if samples.nbytes > 2**32 - 2**24:
        raise LimitError("the result does not fit TIFF: over 4 GB", "use --output-format png")
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    plain, nested = split_directories(exif) if exif else ({}, {})
    tags = [each for tag, value in plain.items() if (each := _extra_tag(tag, value))]
    if metadata.xmp:
        tags.append((_XMP, "B", len(metadata.xmp), metadata.xmp, True))
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples,
        bigtiff=False,
        byteorder="<",
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
        extratags=tags,
    )
    return _append_directories(buffer.getvalue(), nested)


def _extra_tag(tag: int, value: Any) -> tuple[int, str, int, Any, bool] | None:
    if isinstance(value, str):
        return tag, "s", 0, value, True
    if isinstance(value, bytes):
        return tag, "B", len(value), value, True
    if isinstance(value, int) and 0 <= value < 2**32:
        return tag, "H" if value < 2**16 else "I", 1, value, True
    return None


def _append_directories(data: bytes, nested: dict[int, dict[int, Any]]) -> bytes:
    # tifffile writes no EXIF or GPS directory. Pillow lays one out for a given place, here the
    # file's end; the first directory, with pointers to them, is then written anew behind them. Its
    # entries are 12 bytes each, sorted by tag, and hold places in the file, so they can move.
    if not nested:
        return data
    result = bytearray(data)
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    entries = [data[first + 2 + 12 * i : first + 14 + 12 * i] for i in range(count)]
    for pointer, directory in nested.items():
        result += b"\x00" * (len(result) % 2)
        layout = TiffImagePlugin.ImageFileDirectory_v2(b"II*\x00\x00\x00\x00\x00")
        for tag, value in directory.items():
            layout[tag] = value
        entries.append(struct.pack("<HHII", pointer, _LONG, 1, len(result)))
        result += layout.tobytes(len(result))
    result += b"\x00" * (len(result) % 2)
    result[4:8] = struct.pack("<I", len(result))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry)[0])
    result += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return bytes(result)
