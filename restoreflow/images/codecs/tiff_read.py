"""TIFF files through tifffile: headers, and samples of any depth."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

import numpy as np
import tifffile

from restoreflow.errors import InputError
from restoreflow.images.codecs.table import refusal
from restoreflow.images.picture import Raster, from_samples, unpremultiply
from restoreflow.images.tiff_pages import page_count

__all__ = ["Header", "read", "read_header"]

# tifffile logs what it finds odd in a file; without any handler Python would print that on stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# The values of TIFF 6.0 and its supplements that are told apart here.
_DNG_VERSION, _SMALLEST, _LARGEST = 50706, 340, 341
_MODELS = {0: "gray", 1: "gray", 2: "rgb", 5: "cmyk"}
_WHITE_IS_ZERO, _RGB, _YCBCR = 0, 2, 6
_FAX_AND_JPEG = {2, 3, 4, 6, 7, 32771}
_OWN_COLORS = {34712, 50001, 50002, 52546}  # JPEG 2000, WebP, JPEG XL decode to RGB by themselves
_UNSIGNED = 1
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha; with the first, colours are premultiplied by it
_REDUCED = 1
_MOST_SAMPLES = 8
# Floats a little or seldom beyond black and white are overshoot; others are of another range.
_OVERSHOOT, _STRAYS = (-1, 2), 0.01
_RANGES = ((128, 255), (16384, 65535))  # the least largest value, and white


@dataclass(frozen=True)
class Header:
    """The first page's facts.

    `for_pillow`: of few enough bits, and of a colour model or compression (palette, YCbCr, JPEG,
    fax) that Pillow knows better than tifffile and its codecs.
    """

    width: int
    height: int
    for_pillow: bool


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
        raise refusal(label, "TIFF", error) from error
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


def _header(page: tifffile.TiffPage) -> Header:
    model, compression = int(page.photometric), int(page.compression)
    whole = int(page.sampleformat) == _UNSIGNED and page.bitspersample <= 8
    plain = model in _MODELS and compression not in _FAX_AND_JPEG
    return Header(
        width=page.imagewidth,
        height=page.imagelength,
        for_pillow=whole and not plain and compression not in _OWN_COLORS,
    )


def _missing_data(page: tifffile.TiffPage, size: int) -> bool:
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    return not segments or any(
        count <= 0 or offset <= 0 or offset + count > size for offset, count in segments
    )


def read(data: bytes, label: str) -> Raster:
    """Samples of a page that is not `for_pillow`: integers of 1 to 32 bits or floats, unrotated.

    Floats mean sRGB values with 1 as white, or 255 or 65535 if they go that far, which is said.

    Raises:
        InputError: a layout that is not read, values that are not numbers, or damaged data.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = _first(file)
            layout = (page.axes, page.samplesperpixel, _model(page))
            bits, extra = page.bitspersample, [int(each) for each in page.extrasamples]
            stated = [_number(page.tags.valueof(code)) for code in (_SMALLEST, _LARGEST)]
            _check_layout(*layout, label)
            values = page.asarray()
    except (InputError, MemoryError):
        raise
    except Exception as error:  # tifffile and its codecs raise many types on damaged files
        raise refusal(label, "TIFF", error) from error
    if values.size == 0:
        raise refusal(label, "TIFF", ValueError("there are no samples"))
    axes, _, photometric = layout
    unit, notes = _unit_range(
        np.moveaxis(values, 0, -1) if axes == "SYX" else values, bits, stated, label
    )
    model = _MODELS[photometric]
    unit, kind = _alpha_first(unit, extra)
    colors, alpha = from_samples(unit, model, kind is not None, label)
    if photometric == _WHITE_IS_ZERO:
        colors = 1 - colors
    if alpha is not None and kind == _ASSOCIATED:
        colors = unpremultiply(colors, alpha)
    if dropped := len(extra) - (kind is not None):
        notes += (f"{dropped} extra channel{'s' if dropped > 1 else ''} dropped",)
    if bits < 8:
        notes += (f"a {bits}-bit picture is written with 8 bits",)
    return Raster(colors, model, alpha, 16 if bits > 8 else 8, notes=notes)


def _model(page: tifffile.TiffPage) -> int:
    model = int(page.photometric)
    return _RGB if model == _YCBCR and int(page.compression) in _OWN_COLORS else model


def _number(value: object) -> float | None:
    values = value if isinstance(value, tuple) else (value,)
    numbers = [each for each in values if isinstance(each, (int, float)) and np.isfinite(each)]
    return float(numbers[0]) if len(numbers) == len(values) and len(set(numbers)) == 1 else None


def _alpha_first(values: np.ndarray, extra: list[int]) -> tuple[np.ndarray, int | None]:
    """The samples with the alpha behind the colours, and its kind, None where there is none."""
    places = [i for i, kind in enumerate(extra) if kind in (_ASSOCIATED, _UNASSOCIATED)]
    if not places or values.ndim != 3:
        return values, None
    colors = values.shape[2] - len(extra)
    if colors < 1:
        return values, None
    order = [*range(colors), colors + places[0]]
    return values if order == list(range(values.shape[2])) else values[..., order], extra[places[0]]


def _check_layout(axes: str, samples: int, photometric: int, label: str) -> None:
    # Separate planes come as (S, H, W); anything but these three is a volume.
    if axes not in ("YX", "YXS", "SYX") or not 1 <= samples <= _MOST_SAMPLES:
        raise InputError(f"{label} is not a plain picture: {samples} samples, axes {axes}")
    if photometric not in _MODELS:
        raise InputError(
            f"{label} is a TIFF file of a kind that is not supported: colour model {photometric} "
            "with such samples",
            "convert it to RGB",
        )


def _unit_range(
    values: np.ndarray, bits: int, stated: list[float | None], label: str
) -> tuple[np.ndarray, tuple[str, ...]]:
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
    values, notes = _from_float_range(values, stated, label)
    outside = int(((values < 0) | (values > 1)).sum())
    if outside:
        notes += (f"{outside} float values outside [0, 1] are clipped",)
    return np.clip(values, 0, 1).astype(np.float32), notes


def _from_float_range(
    values: np.ndarray, stated: list[float | None], label: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values scaled to where white is 1; a few beyond may be left."""
    low, high = stated
    if low is not None and high is not None and high > low and (low, high) != (0, 1):
        scaled = ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)
        return scaled, (f"floats are read from the range {low:.6g} to {high:.6g}, which is stated",)
    largest, smallest = float(values.max()), float(values.min())
    overshoot = _OVERSHOOT[0] <= smallest and largest <= _OVERSHOOT[1]
    if overshoot or ((values < 0) | (values > 1)).mean() <= _STRAYS:
        return values, ()
    if (values < 0).mean() <= _STRAYS:
        for least, white in _RANGES:
            if least <= largest <= white + 0.5:
                return values / np.float32(white), (f"floats are read as 0 to {white}",)
    raise InputError(
        f"{label} holds floats from {smallest:.6g} to {largest:.6g}, and which of them is white "
        "is not known",
        "scale them to 0 to 1, as sRGB has it, first",
    )
