"""GIF, the first frame, read by Pillow."""

from __future__ import annotations

from PIL import GifImagePlugin

from restoreflow.images.codecs.pillow import PillowCodec
from restoreflow.images.containers import gif

__all__ = ["CODEC"]

CODEC = PillowCodec(GifImagePlugin.GifImageFile, "GIF", 26, 64, gif.ancillary)
