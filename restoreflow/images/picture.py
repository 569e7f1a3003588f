"""A picture in memory: what every reader gives, every restorer takes and every writer takes.

Formats' readers hand on a `Raster`, samples of one colour model before colour management.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from restoreflow.errors import InputError
from restoreflow.images.alpha import resize_alpha, resize_colors
from restoreflow.images.ancillary import Tag, Text
from restoreflow.images.color_coding import Coding

__all__ = ["Metadata", "Picture", "Raster", "from_samples", "unit_range"]


@dataclass(frozen=True)
class Raster:
    """Decoded samples, and what their decoder said.

    Attributes:
        samples: (H, W, C) float32, 0 is no light (for CMYK: no ink), 1 is full.
        model: "gray" (C = 1), "rgb" (3) or "cmyk" (4).
        alpha: (H, W) float32 in [0, 1] or None; colours are not premultiplied.
        bit_depth: 8 or 16.
        notes: sentences for the user on what of the pixels was changed or left out.
        icc: the profile, where the decoder alone knows it.
        upright: the orientation has been applied already.
    """

    samples: np.ndarray
    model: str
    alpha: np.ndarray | None
    bit_depth: int
    notes: tuple[str, ...] = ()
    icc: bytes | None = None
    upright: bool = False


def unit_range(values: np.ndarray, bits: int | None = None) -> np.ndarray:
    """Unsigned integers of 8 or 16 bits, or booleans, as float32 in [0, 1].

    Args:
        bits: how many of them are used; None: all.
    """
    if bits is not None:
        largest = 2**bits - 1
    else:
        largest = 1 if values.dtype == np.bool_ else np.iinfo(values.dtype).max
    return np.divide(values, np.float32(largest), dtype=np.float32)


def from_samples(
    samples: np.ndarray, model: str, has_alpha: bool, label: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Split (H, W) or (H, W, C) samples into colour (H, W, C') and alpha (H, W) or None.

    Raises:
        InputError: there are fewer channels than the colour model needs.
    """
    values = samples[..., None] if samples.ndim == 2 else samples
    colors = {"gray": 1, "rgb": 3, "cmyk": 4}[model]
    if values.ndim != 3 or values.shape[2] < colors + has_alpha:
        raise InputError(f"{label} has {values.shape[-1]} channels, too few for {model}")
    return values[..., :colors], values[..., colors] if has_alpha else None


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels, cleaned so that it still holds for a restored picture.

    Attributes:
        exif: `exif_block.EXIF_PREFIX` and a TIFF structure; orientation upright, no thumbnail.
        icc: the colour profile the file had and will have again.
        xmp: the XMP packet, orientation upright.
        dpi: pixels an inch, horizontal and vertical.
        xmp_extension: a second packet, that JPEG has in further segments.
        iptc: the IPTC-IIM record.
        texts: comments, and PNG's texts by keyword.
        geo: GeoTIFF's tags.
        coding: the pixels are HDR's code values, and these are the code points that say so.
        size: width and height that EXIF, XMP and GeoTIFF hold for; None: the picture's.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp_extension: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    geo: tuple[Tag, ...] = ()
    coding: Coding | None = None
    size: tuple[int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright and in sRGB.

    Attributes:
        pixels: (H, W, 3) float32 in [0, 1], RGB with sRGB's primaries and curve; not premultiplied.
        alpha: (H, W) float32 in [0, 1], 1 is opaque; None where the file has no transparency.
        grayscale: the file had one colour channel, and the result is to have one.
        bit_depth: 8 or 16, the depth a result is written with where the format can.
        format: the file's format by content, one of `formats.FORMATS`.
        metadata: EXIF, colour profile, XMP, resolution and more.
        notes: sentences for the user on what was dropped or changed on reading.
        beyond_gamut: (H, W, 3) float32, what of the colours lies outside sRGB (colour in the file's
            profile, converted, minus `pixels`), so that a wide-gamut file keeps them; None if none.
        jpeg_quality: what a JPEG file's tables amount to, 1 .. 100; None for other files.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    grayscale: bool = False
    bit_depth: int = 8
    format: str = "png"
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    beyond_gamut: np.ndarray | None = None
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise ValueError(f"pixels must be (H, W, 3) and not empty, got {shape}")
        if self.alpha is not None and self.alpha.shape != shape[:2]:
            raise ValueError(f"alpha must be {shape[:2]}, got {self.alpha.shape}")
        if self.bit_depth not in (8, 16):
            raise ValueError(f"bit_depth must be 8 or 16, got {self.bit_depth}")

    @property
    def width(self) -> int:
        """Pixels a row."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """Rows."""
        return self.pixels.shape[0]

    def with_pixels(self, pixels: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
        """This picture with restored pixels, possibly of another size; all else travels along.

        Args:
            pixels: (H', W', 3) float32; values outside [0, 1] are clipped on encoding.
            alpha: (H', W') float32 in [0, 1]; where None, this picture's own alpha is resized.
        """
        height, width = pixels.shape[:2]
        metadata = self.metadata
        if metadata.size is None:
            metadata = replace(metadata, size=(self.width, self.height))
        if alpha is None and self.alpha is not None:
            alpha = resize_alpha(self.alpha, width, height)
        beyond = self.beyond_gamut
        if beyond is not None:
            beyond = resize_colors(beyond, width, height)
        return replace(self, pixels=pixels, alpha=alpha, beyond_gamut=beyond, metadata=metadata)

    def without_metadata(self) -> Picture:
        """This picture with nothing beside it; colours are then plain sRGB, but for HDR's."""
        return replace(self, metadata=Metadata(coding=self.metadata.coding), beyond_gamut=None)
