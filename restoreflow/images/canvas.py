"""A result as a file will hold it: integer samples, filled from bands in floating point.

A result of 384 megapixels is 4.6 GB as float32 colours and 1.2 GB as 8-bit samples; here only the
samples are ever whole.
"""

from __future__ import annotations

import numpy as np

from restoreflow.errors import OutputError, UsageError
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS, check_size, output_format
from restoreflow.images.picture import Picture, constant_alpha, flatten, resize_rows
from restoreflow.images.working_color import from_srgb, is_srgb, profile_space

__all__ = ["LUMINANCE", "Canvas"]

# sRGB's luminance weights: a gray triple keeps its value, a restored one that is slightly coloured
# keeps its lightness.
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BAND_ROWS = 256


class Canvas:
    """Samples of a picture that was restored, in the colours and depth of the file to be written.

    Args:
        source: what was restored: its alpha and its colours beyond sRGB are resized, its kind
            (grayscale, depth, profile) and metadata are kept.
        width, height: of the result.
        format: one of `OUTPUT_FORMATS`; None: the source's own, or png where that is not written.
        bit_depth: 8 or 16 where the format can; None: the source's own.

    Attributes:
        samples: (H, W) or (H, W, 2 to 4) uint8 or uint16.
        icc: the profile that the samples are in, or None.

    Raises:
        UsageError: an unknown format or depth.
        LimitError: the format cannot hold a picture of this size.
    """

    def __init__(
        self,
        source: Picture,
        width: int,
        height: int,
        format: str | None = None,
        bit_depth: int | None = None,
    ) -> None:
        name = format or output_format(source.format)
        if name not in OUTPUT_FORMATS:
            choices = ", ".join(OUTPUT_FORMATS)
            raise UsageError(f"{name!r} is not written", f"choose one of {choices}")
        if bit_depth not in (None, 8, 16):
            raise UsageError(f"bit depth {bit_depth} is not written", "choose 8 or 16")
        check_size(name, width, height)
        self.format = FORMATS[name]
        self.source, self.width, self.height = source, width, height
        self._gray = source.grayscale and self.format.grayscale
        icc = source.metadata.icc
        if icc and profile_space(icc) != ("gray" if self._gray else "rgb"):
            icc = None  # a profile describes the channels it stands beside, or nothing
        self.icc = icc
        self._converted = icc if icc and not is_srgb(icc) else None
        self._keeps_alpha = source.alpha is not None and self.format.alpha
        self._opacity = None if source.alpha is None else constant_alpha(source.alpha)
        channels = (1 if self._gray else 3) + self._keeps_alpha
        deep = (bit_depth or source.bit_depth) == 16 and self.format.sixteen_bit
        dtype, self._largest = (np.uint16, 65535) if deep else (np.uint8, 255)
        shape = (height, width) if channels == 1 else (height, width, channels)
        self.samples = np.empty(shape, dtype)

    @classmethod
    def of(
        cls, picture: Picture, format: str | None = None, bit_depth: int | None = None
    ) -> Canvas:
        """A whole picture's."""
        canvas = cls(picture, picture.width, picture.height, format, bit_depth)
        for top in range(0, picture.height, _BAND_ROWS):
            canvas.put(top, picture.pixels[top : top + _BAND_ROWS])
        return canvas

    def put(self, top: int, colors: np.ndarray) -> None:
        """Fill rows from `top` on.

        Args:
            top: the first row.
            colors: (rows, W, 3) float32 sRGB, clipped to [0, 1].

        Raises:
            OutputError: a colour is NaN or infinite.
        """
        bottom = top + colors.shape[0]
        if not np.isfinite(colors).all():
            raise OutputError(
                "the result holds values that are not finite numbers; nothing is written"
            )
        alpha = self._alpha(top, bottom)
        colors = self._colors(np.clip(colors, 0, 1), alpha, top, bottom)
        if self._keeps_alpha and alpha is not None:
            colors = np.concatenate([colors, alpha[..., None]], axis=2)
        levels = np.rint(np.clip(colors, 0, 1) * np.float32(self._largest))
        self.samples[top:bottom] = levels[..., 0] if self.samples.ndim == 2 else levels

    def _alpha(self, top: int, bottom: int) -> np.ndarray | None:
        """Rows of the result's alpha, (rows, W) float32."""
        if self.source.alpha is None:
            return None
        if self._opacity is not None:
            return np.full((bottom - top, self.width), self._opacity, np.float32)
        rows = resize_rows(self.source.alpha, self.width, self.height, top, bottom, smooth=True)
        return np.clip(rows, 0, 1)

    def _colors(
        self, colors: np.ndarray, alpha: np.ndarray | None, top: int, bottom: int
    ) -> np.ndarray:
        """One band of colours, (rows, W, 1 or 3) float32, in the profile to be written."""
        beyond = self._beyond_gamut(top, bottom) if self._converted else None
        if alpha is not None and not self._keeps_alpha:
            colors = flatten(colors, alpha)
            beyond = beyond * alpha[..., None] if beyond is not None else None
        if self.source.grayscale:
            light = colors @ LUMINANCE
            channels = 3 if self._converted or not self._gray else 1
            colors = np.repeat(light[..., None], channels, axis=2)
        if self._converted is None:
            return colors
        if beyond is not None:
            colors = colors + beyond
        return from_srgb(np.ascontiguousarray(colors, np.float32), self._converted)

    def _beyond_gamut(self, top: int, bottom: int) -> np.ndarray | None:
        beyond = self.source.beyond_gamut
        if beyond is None:
            return None
        return resize_rows(beyond, self.width, self.height, top, bottom)
