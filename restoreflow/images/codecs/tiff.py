"""TIFF, through tifffile at any depth; what Pillow knows better, through Pillow."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from restoreflow.images.codecs import tiff_read, tiff_write
from restoreflow.images.codecs.pillow import PillowCodec
from restoreflow.images.codecs.table import Encoder, Header, refusal
from restoreflow.images.containers import tiff
from restoreflow.images.picture import Metadata, Raster

__all__ = ["CODEC"]

_RESULT = 16
_CONVERTED = 52
_BY_PILLOW = 50
_PROFILE = 34675  # the tag of an ICC profile


class _Tiff(PillowCodec, Encoder):
    encoding = 20

    def header(self, data: bytes, label: str) -> Header:
        head = tiff_read.read_header(data, label)
        return Header(head.width, head.height)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        head = tiff_read.read_header(data, label)
        try:
            with tifffile.TiffFile(io.BytesIO(data)) as file:
                page = file.pages.first
                samples, stored = int(page.samplesperpixel), -(-int(page.bitspersample) // 8)
                sides = (int(page.tilewidth), int(page.tilelength)) if page.is_tiled else (0, 0)
                profiled = _PROFILE in page.tags
        except Exception as error:  # a tag of several values, where tifffile takes one for granted
            raise refusal(label, self.title, error) from error
        each = samples * (stored + (8 if stored > 2 else 4) + 4) + _RESULT
        if head.for_pillow:
            each = _BY_PILLOW
        elif profiled:
            each += _CONVERTED
        # A tile may be larger than the picture, and is decoded whole before it is cut.
        tile = sides[0] * sides[1] * samples * stored * 2
        return head.width * head.height * each + tile + len(data)

    def read(self, data: bytes, label: str) -> Raster:
        head = tiff_read.read_header(data, label)
        if not head.for_pillow:
            return tiff_read.read(data, label)
        image = self.opened(data, label)
        if image.width * image.height > head.width * head.height:
            raise refusal(label, self.title, ValueError("two readers find two sizes"))
        # Pillow turns a TIFF upright when it loads the pixels.
        return replace(self.loaded(image, label), upright=True)

    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        return tiff_write.write(samples, metadata, icc)


CODEC = _Tiff(TiffImagePlugin.TiffImageFile, "TIFF", _BY_PILLOW, _BY_PILLOW, tiff.ancillary)
