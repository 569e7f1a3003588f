"""A picture in memory: what every reader gives, every restorer takes and every writer takes.

Formats' readers hand on a `Raster`, samples of one colour model before colour management. Colour
and opacity are restored apart, without dark or coloured fringes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.images.ancillary import Coding, Tag, Text

__all__ = [
    "Metadata",
    "Picture",
    "Raster",
    "constant_alpha",
    "fill_transparent",
    "flatten",
    "from_samples",
    "resize_alpha",
    "resize_colors",
    "resize_rows",
    "unit_range",
    "unpremultiply",
]

_BAND_PIXELS = 250_000
_SUPPORT = 2  # pixels of the smaller grid that bicubic reaches


def constant_alpha(alpha: np.ndarray) -> float | None:
    """The value of an alpha that is the same everywhere (then nothing need be restored), or None.

    Args:
        alpha: (H, W) float32.
    """
    first = alpha.flat[0]
    return float(first) if bool((alpha == first).all()) else None


def fill_transparent(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Give fully transparent pixels the colour of the visible ones near them.

    Hidden pixels hold any colour, mostly black; a restorer would draw it into the visible edge as a
    fringe. Averages weighted by alpha, over blocks of 2, 4, 8... pixels, fill them from the finest
    block that has something visible. Visible pixels are returned as they are.

    Args:
        pixels: (H, W, 3) float32, not premultiplied.
        alpha: (H, W) float32 in [0, 1].
    """
    hidden = alpha <= 0
    if not hidden.any() or hidden.all():
        return pixels
    height, width = alpha.shape
    rows = max(1, _BAND_PIXELS // width) * 2  # whole arrays would be six times the colours
    bands = [slice(top, top + rows) for top in range(0, height, rows)]
    weights = [np.where(hidden[band], 0, alpha[band])[..., None] for band in bands]
    weighted = [_halve(pixels[band] * weight) for band, weight in zip(bands, weights, strict=True)]
    halved = np.concatenate([_halve(weight) for weight in weights])
    coarse = _spread(np.concatenate(weighted), halved)
    filled = pixels.copy()
    for band in bands:
        bottom = min(band.stop, height)
        near = resize_rows(coarse, width, height, band.start, bottom)
        np.copyto(filled[band], near, where=hidden[band][..., None])
    return filled


def _spread(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    # Every 2 x 2 block's sum keeps the weight of its visible pixels, so a block with none is known
    # by its zero and taken from the level above; the top level is one pixel and has some weight.
    height, width = weight.shape[:2]
    known = weight > 0
    colors = weighted / np.where(known, weight, 1)
    if known.all() or height * width == 1:
        return colors
    coarse = _spread(_halve(weighted), _halve(weight))
    return np.where(known, colors, resize_colors(coarse, width, height))


def _halve(values: np.ndarray) -> np.ndarray:
    height, width, channels = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels)
    return blocks.mean(axis=(1, 3))


def resize_alpha(alpha: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an alpha to (height, width), bicubic and clipped to [0, 1]; a constant stays exact."""
    constant = constant_alpha(alpha)
    if constant is not None:
        return np.full((height, width), constant, np.float32)
    return np.clip(resize_rows(alpha, width, height, 0, height, smooth=True), 0, 1)


def resize_colors(colors: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize (H, W, C) float32 of any range to (height, width, C), bilinear: no overshoot."""
    return resize_rows(colors, width, height, 0, height)


def resize_rows(
    values: np.ndarray, width: int, height: int, top: int, bottom: int, smooth: bool = False
) -> np.ndarray:
    """Rows top .. bottom of what a resize of (H, W) or (H, W, C) float32 to height x width gives.

    Args:
        smooth: bicubic, which may overshoot; otherwise bilinear.
    """
    source = values.shape[0]
    if values.shape[:2] == (height, width):
        return values[top:bottom]
    ratio = source / height
    context = math.ceil(_SUPPORT * max(ratio, 1)) + 1
    first = max(math.floor(top * ratio) - context, 0)
    last = min(math.ceil(bottom * ratio) + context, source)
    box = (0, top * ratio - first, width, bottom * ratio - first)
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    seen = values[first:last].reshape(last - first, values.shape[1], -1)
    planes = [
        Image.fromarray(np.ascontiguousarray(seen[..., channel], np.float32))
        for channel in range(seen.shape[2])
    ]
    # In two steps, since Pillow chooses by the picture's shape which direction comes first.
    wide = [plane.resize((width, last - first), method) for plane in planes]
    resized = [plane.resize((width, bottom - top), method, box) for plane in wide]
    return np.stack([np.asarray(plane) for plane in resized], axis=-1).reshape(
        bottom - top, width, *values.shape[2:]
    )


def unpremultiply(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Straight colours from premultiplied ones, in [0, 1]; fully transparent pixels become 0."""
    visible = alpha > 0
    divisor = np.where(visible, alpha, 1)[..., None]
    return np.where(visible[..., None], np.clip(pixels / divisor, 0, 1), 0).astype(np.float32)


def flatten(pixels: np.ndarray, alpha: np.ndarray, background: float = 1.0) -> np.ndarray:
    """Lay the picture on a plain background (white by default), for formats without alpha."""
    cover = alpha[..., None]
    return pixels * cover + np.float32(background) * (1 - cover)


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
