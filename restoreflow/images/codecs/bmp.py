"""BMP, read by Pillow."""

from __future__ import annotations

from PIL import BmpImagePlugin

from restoreflow.images.codecs.pillow import PillowCodec
from restoreflow.images.containers import bmp

__all__ = ["CODEC"]

CODEC = PillowCodec(BmpImagePlugin.BmpImageFile, "BMP", 26, 64, bmp.ancillary)
