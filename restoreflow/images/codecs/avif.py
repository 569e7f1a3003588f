"""AVIF: Pillow reads its 8 bits and writes them, imagecodecs reads all bits of deeper files."""

from __future__ import annotations

import struct
from dataclasses import replace

import imagecodecs
import numpy as np
from PIL import AvifImagePlugin, Image

from restoreflow.images.codecs.pillow import PillowCodec, metadata_options, saved
from restoreflow.images.codecs.table import Encoder, refusal
from restoreflow.images.containers import heif
from restoreflow.images.exif_block import tiff_part
from restoreflow.images.picture import Metadata, Raster, from_samples, unit_range

__all__ = ["CODEC"]

_ALL_BITS = 24
"""Bytes a pixel of a file with more than 8 bits a sample, which is decoded a second time."""
_AS_8_BITS = 0.02
"""How far, in the mean, two decoders of one picture may be from each other."""
_NCLX = b"colrnclx"


def _deepened(raster: Raster, data: bytes, bits: int, label: str) -> Raster:
    """The same picture with all of its bits; Pillow (12) gives 8 of an AVIF's 10 or 12."""
    try:
        values = imagecodecs.avif_decode(data, index=0)
    except MemoryError:
        raise
    except Exception as error:  # libavif's errors
        raise refusal(label, "AVIF", error) from error
    has_alpha = raster.alpha is not None
    samples, alpha = from_samples(unit_range(values, bits), raster.model, has_alpha, label)
    alike = values.dtype == np.uint16 and samples.shape == raster.samples.shape
    if not alike or np.abs(samples - raster.samples).mean() > _AS_8_BITS:
        told = f"the file's {bits} bits are read as 8"
        return replace(raster, notes=(*raster.notes, told))
    return replace(raster, samples=samples, alpha=alpha, bit_depth=16)


class _Verbatim(Image.Exif):
    """EXIF that Pillow writes as the bytes it is; those it is given for AVIF it encodes anew."""

    def __init__(self, block: bytes) -> None:
        super().__init__()
        self._block = block

    def __bool__(self) -> bool:
        return True

    def tobytes(self, offset: int = 8) -> bytes:
        return self._block


def _with_code_points(data: bytes, metadata: Metadata) -> bytes:
    """An AVIF file whose colours are told as HDR's; Pillow writes sRGB's code points alone."""
    place = data.find(_NCLX)
    if metadata.coding is None or metadata.coding.code_points is None or place < 0:
        return data
    told = struct.pack(">HH", *metadata.coding.code_points)
    place += len(_NCLX)
    return data[:place] + told + data[place + len(told) :]


class _Avif(PillowCodec, Encoder):
    encoding = 56

    def peak(self, image: Image.Image, data: bytes) -> int:
        return super().peak(image, data) + (_ALL_BITS if heif.deep_av1_bits(data) else 0)

    def read(self, data: bytes, label: str) -> Raster:
        image = self.opened(data, label)
        raster = self.loaded(image, label)
        if bits := heif.deep_av1_bits(data):
            raster = _deepened(raster, data, bits, label)
        if (frames := getattr(image, "n_frames", 1)) > 1:
            # Of the other formats their containers tell.
            several = f"only the first of the file's {frames} frames is read"
            raster = replace(raster, notes=(*raster.notes, several))
        return raster

    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        told = metadata_options(metadata, icc)
        if metadata.exif:
            told["exif"] = _Verbatim(tiff_part(metadata.exif))
        data = saved(samples, "AVIF", quality=quality, subsampling="4:4:4", **told)
        return _with_code_points(data, metadata)


CODEC = _Avif(AvifImagePlugin.AvifImageFile, "AVIF", 30, 64, heif.ancillary)
