"""A file's samples as sRGB, by what the file says of its colours, most trusted first; and back.

That is: an ICC profile; else code points (cICP, nclx) or gamma and primaries (gAMA, cHRM and the
like), which are made a profile; else what EXIF says of a camera's file; else sRGB.

Floating point has two uses here: 16-bit pictures pass no 8-bit step, and colours outside sRGB come
out as values outside [0, 1] from which the way back is exact, where integers would clip them.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import imagecodecs
import numpy as np

from restoreflow.images.ancillary import (
    Ancillary,
    Coding,
    adobe_rgb,
    by_chromaticities,
    by_code_points,
    profile_of,
)
from restoreflow.images.picture import Raster

__all__ = [
    "WorkingColor",
    "from_srgb",
    "hdr_code_points",
    "is_reversible",
    "is_srgb",
    "is_usable",
    "profile_space",
    "to_srgb",
    "working_color",
]

_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk"}
_CHANNELS = {"rgb": 3, "gray": 1, "cmyk": 4}
_BAND_PIXELS = 2_000_000  # a transform's temporary arrays stay small beside a large picture
_RELATIVE_COLORIMETRIC = 1


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    return imagecodecs.cms_profile("srgb")


def profile_space(icc: bytes) -> str | None:
    """The profile's colour model: "rgb", "gray", "cmyk", or None where it is none of these."""
    return _SPACES.get(icc[16:20]) if len(icc) >= 128 and icc[36:40] == b"acsp" else None


def to_srgb(values: np.ndarray, icc: bytes) -> np.ndarray:
    """Convert (H, W, C) float32 in [0, 1] of the profile's model to (H, W, 3) float32 sRGB.

    The result is not clipped: a colour outside sRGB has components outside [0, 1]. CMYK: 1 is full
    ink; clipped, since its conversion runs on 16-bit integers.
    """
    space = profile_space(icc)
    if space == "cmyk":
        inks = np.round(np.clip(values, 0, 1) * 65535).astype(np.uint16)
        return _transform(inks, icc, _srgb(), "cmyk", "rgb").astype(np.float32) / 65535
    return _transform(values, icc, _srgb(), space or "rgb", "rgb")


def from_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Convert (H, W, 3) float32 sRGB to (H, W, C) float32 of an "rgb" or "gray" profile."""
    return _transform(pixels, _srgb(), icc, "rgb", profile_space(icc) or "rgb")


@lru_cache(maxsize=16)
def is_usable(icc: bytes) -> bool:
    """Whether the profile converts to finite sRGB; those in files are damaged often enough."""
    space = profile_space(icc)
    if space is None:
        return False
    try:
        return bool(np.isfinite(to_srgb(_lattice(_CHANNELS[space]), icc)).all())
    except Exception:  # lcms refuses damaged profiles with several exception types
        return False


@lru_cache(maxsize=16)
def is_reversible(icc: bytes) -> bool:
    """Whether a usable "rgb" or "gray" profile converts back from sRGB to what was there.

    Scanners' and cameras' profiles often have a way in alone, and tables a way back that is another
    one.
    """
    space = profile_space(icc)
    if space not in ("rgb", "gray") or not is_usable(icc):
        return False
    probe = _lattice(_CHANNELS[space])
    try:
        back = from_srgb(to_srgb(probe, icc), icc)
    except Exception:  # as above
        return False
    return bool(np.isfinite(back).all() and np.abs(back - probe).max() < 0.02)


def hdr_code_points(icc: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of H.273 by the profile's tag cicp, if the transfer is PQ or HLG."""
    (count,) = struct.unpack_from(">I", icc, 128) if len(icc) >= 132 else (0,)
    for place in range(132, min(132 + 12 * count, len(icc) - 11), 12):
        name, start, size = struct.unpack_from(">4sII", icc, place)
        if name == b"cicp" and size >= 12 and start + 12 <= len(icc):
            primaries, transfer = icc[start + 8 : start + 10]
            return (primaries, transfer) if transfer in (16, 18) else None
    return None


@lru_cache(maxsize=16)
def is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile means what sRGB means, within half an 8-bit level."""
    if profile_space(icc) != "rgb" or not is_usable(icc):
        return False
    probe = _lattice(3)
    return bool(np.abs(to_srgb(probe, icc) - probe).max() < 0.5 / 255)


def _lattice(channels: int) -> np.ndarray:
    steps = np.linspace(0, 1, 5 if channels == 4 else 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1)
    return grid.reshape(1, -1, channels)


def _transform(
    values: np.ndarray, profile: bytes, out_profile: bytes, space: str, out_space: str
) -> np.ndarray:
    height, width = values.shape[:2]
    result = np.empty((height, width, _CHANNELS[out_space]), values.dtype)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = np.ascontiguousarray(values[top : top + rows])
        done = imagecodecs.cms_transform(
            band[..., 0] if space == "gray" else band,
            profile,
            out_profile,
            colorspace=space,
            outcolorspace=out_space,
            outdtype=values.dtype,
            intent=_RELATIVE_COLORIMETRIC,
        )
        result[top : top + rows] = done.reshape(*band.shape[:2], -1)
    return result


_CMYK_NOTE = "CMYK is converted to sRGB and written as RGB"
_ASSUMED = "sRGB is assumed"


class WorkingColor(NamedTuple):
    """Colours as networks see them.

    Attributes:
        colors: (H, W, 3) float32 sRGB, not clipped.
        icc: the profile that the result is to have again.
        coding: HDR's code points, if `colors` are their code values and no sRGB.
        converted: the file's own colours were others, and the result's are sRGB.
        notes: for the user.
    """

    colors: np.ndarray
    icc: bytes | None = None
    coding: Coding | None = None
    converted: bool = False
    notes: tuple[str, ...] = ()


def working_color(raster: Raster, found: Ancillary) -> WorkingColor:
    """Convert samples of any model to sRGB as far as it is known what they mean."""
    widened: tuple[str, ...] = ()
    if found.coding is not None and found.coding.narrow and raster.model != "cmyk":
        raster, found, widened = _widened(raster, found, found.coding)
    icc, coding, notes = _told(raster, found)
    notes = (*widened, *notes)
    if raster.model == "cmyk":
        colors = to_srgb(raster.samples, icc) if icc else _ink_on_white(raster.samples)
        return WorkingColor(colors, converted=True, notes=(*notes, _CMYK_NOTE))
    samples = raster.samples
    rgb = np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples
    if coding is not None:
        return WorkingColor(rgb, coding=coding, notes=notes)
    if icc is None:
        return WorkingColor(rgb, notes=notes)
    for_gray = profile_space(icc) == "gray"
    if is_srgb(icc):
        return WorkingColor(rgb, None if raster.model == "gray" else icc, notes=notes)
    colors = to_srgb(samples if for_gray else rgb, icc)
    if raster.model == "gray" and not for_gray:
        # A gray file may not carry an RGB profile, though some do: its meaning is kept, not it.
        note = "the RGB profile of a grayscale picture is converted to sRGB and dropped"
        return WorkingColor(colors, converted=True, notes=(*notes, note))
    if not is_reversible(icc):
        note = "the colour profile has no way back: converted to sRGB, and it is dropped"
        return WorkingColor(colors, converted=True, notes=(*notes, note))
    return WorkingColor(colors, icc, notes=notes)


def _widened(
    raster: Raster, found: Ancillary, coding: Coding
) -> tuple[Raster, Ancillary, tuple[str, ...]]:
    """The samples from narrow range to [0, 1], which is what the rest of the file is read in."""
    step = 2 ** (raster.bit_depth - 8) / (2**raster.bit_depth - 1)
    samples = np.clip((raster.samples - 16 * step) / (219 * step), 0, 1).astype(np.float32)
    points = coding.code_points or (2, 2)
    full = by_code_points(*points, coding.told_by)
    note = f"narrow range (16 to 235), told by {coding.told_by}, is written as full range"
    return replace(raster, samples=samples), replace(found, coding=full), (note,)


def _ink_on_white(samples: np.ndarray) -> np.ndarray:
    return (1 - samples[..., :3]) * (1 - samples[..., 3:])


def _told(raster: Raster, found: Ancillary) -> tuple[bytes | None, Coding | None, tuple[str, ...]]:
    """The profile to convert by, or HDR's coding, or neither; and notes."""
    notes: tuple[str, ...] = ()
    if found.icc:
        icc, notes = _fitting(found.icc, raster.model)
        if icc is not None:
            points = hdr_code_points(icc)
            if points and raster.model != "cmyk":
                return _by_coding(by_code_points(*points, "the colour profile"), raster)
            return icc, None, notes
    if raster.model == "cmyk":
        return None, None, notes
    icc, coding, more = _by_coding(found.coding or _by_exif(found), raster)
    return icc, coding, (*notes, *more)


def _fitting(icc: bytes, model: str) -> tuple[bytes | None, tuple[str, ...]]:
    space = profile_space(icc)
    if space is not None and space != model and not (space == "rgb" and model == "gray"):
        return None, (f"the profile is for {space} and does not fit; {_ASSUMED}",)
    if not is_usable(icc):
        return None, (f"the colour profile is damaged, or of a kind not known here; {_ASSUMED}",)
    return icc, ()


def _by_coding(
    coding: Coding | None, raster: Raster
) -> tuple[bytes | None, Coding | None, tuple[str, ...]]:
    gray = raster.model == "gray"
    if coding is None or (gray and coding.curve == "srgb"):
        return None, None, ()
    if coding.hdr:
        note = f"HDR colours ({coding.curve}, told by {coding.told_by}) are restored as they are "
        return None, coding, (f"{note}coded, in {raster.bit_depth} bits",)
    icc = profile_of(coding, gray)
    if icc is None or not is_usable(icc):
        what = f"the colours that {coding.told_by} tells of"
        points = " ({}/{} of H.273)".format(*coding.code_points) if coding.code_points else ""
        return None, None, (f"{what}{points} are not known here; {_ASSUMED}",)
    return icc, None, (f"colours told by {coding.told_by} are written with an ICC profile",)


def _by_exif(found: Ancillary) -> Coding | None:
    if not found.exif:
        return None
    from restoreflow.images.exif_block import exif_color_space

    named, chromaticities, gamma = exif_color_space(found.exif)
    if named == "srgb":
        return None
    if named == "adobe":
        return adobe_rgb("EXIF")
    return by_chromaticities(chromaticities, gamma, "EXIF") if chromaticities else None
