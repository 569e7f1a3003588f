"""WebP, read and written by Pillow."""

from __future__ import annotations

import numpy as np
from PIL import WebPImagePlugin

from restoreflow.images.codecs.pillow import PillowCodec, metadata_options, saved
from restoreflow.images.codecs.table import Encoder
from restoreflow.images.containers import riff
from restoreflow.images.picture import Metadata

__all__ = ["CODEC"]


class _WebP(PillowCodec, Encoder):
    encoding = 48

    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        told = metadata_options(metadata, icc)
        told["lossless"] = quality == 100
        return saved(samples, "WEBP", quality=quality, use_sharp_yuv=True, **told)


CODEC = _WebP(WebPImagePlugin.WebPImageFile, "WebP", 30, 64, riff.ancillary)
