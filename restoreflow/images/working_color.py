"""A file's samples as sRGB, by what the file says of its colours, most trusted first.

That is: an ICC profile; else code points (cICP, nclx) or gamma and primaries (gAMA, cHRM and the
like), which are made a profile; else what EXIF says of a camera's file; else sRGB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from restoreflow.images.ancillary import Ancillary
from restoreflow.images.color import (
    hdr_code_points,
    is_reversible,
    is_srgb,
    is_usable,
    profile_space,
    to_srgb,
)
from restoreflow.images.color_coding import (
    Coding,
    adobe_rgb,
    by_chromaticities,
    by_code_points,
    profile_of,
)
from restoreflow.images.exif_block import exif_color_space
from restoreflow.images.raster import Raster

__all__ = ["WorkingColor", "working_color"]

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
    named, chromaticities, gamma = exif_color_space(found.exif)
    if named == "srgb":
        return None
    if named == "adobe":
        return adobe_rgb("EXIF")
    return by_chromaticities(chromaticities, gamma, "EXIF") if chromaticities else None
