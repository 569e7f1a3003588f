"""JPEG, by Pillow; and kinds it does not read: more than 8 bits, arithmetic coding, lossless."""

from __future__ import annotations

from typing import NamedTuple

import imagecodecs
import numpy as np
from PIL import JpegImagePlugin

from restoreflow.errors import InputError
from restoreflow.images.codecs.pillow import CONVERTED, PillowCodec, metadata_options, saved
from restoreflow.images.codecs.table import Encoder, Header, refusal
from restoreflow.images.containers import jpeg
from restoreflow.images.containers.jpeg import extra_segments, frame, picture_end, segments
from restoreflow.images.picture import Metadata, Raster, from_samples, unit_range

__all__ = ["CODEC"]

_LOSSLESS, _ARITHMETIC, _LS = 0xC3, (0xC9, 0xCA), 0xF7
_HUFFMAN = (0xC0, 0xC1, 0xC2)
_MODELS = {1: "gray", 3: "rgb", 4: "cmyk"}
_APP14 = 0xEE


class Frame(NamedTuple):
    """What a frame's header says; `marker` tells the process."""

    marker: int
    bits: int
    width: int
    height: int
    components: int


def rare_frame(data: bytes) -> Frame | None:
    """The frame, where the file is of a kind that `read_rare` reads, or nothing here does."""
    found = frame(data)
    if found is None or (found[0] in _HUFFMAN and found[1] == 8):
        return None
    return Frame(*found)


def read_rare(data: bytes, label: str, found: Frame) -> Raster:
    """Samples of 8 or, of 9 to 16, 16 bits.

    Raises:
        InputError: a kind that is not read (hierarchical, ...), or damaged.
    """
    read = (*_HUFFMAN, *_ARITHMETIC, _LOSSLESS, _LS)
    if found.marker not in read or found.components not in _MODELS or not 2 <= found.bits <= 16:
        raise InputError(
            f"{label} is a JPEG file of a kind that is not supported "
            f"(process {found.marker:#x}, {found.bits} bits, {found.components} components)",
            "convert it to PNG or TIFF",
        )
    decode = imagecodecs.jpegls_decode if found.marker == _LS else imagecodecs.jpeg8_decode
    try:
        values = np.asarray(decode(data))
    except MemoryError:
        raise
    except Exception as error:  # the codecs raise many types on damaged files
        raise refusal(label, "JPEG", error) from error
    if found.marker != _LS and not picture_end(data):
        raise refusal(label, "JPEG", EOFError())
    model = _MODELS[found.components]
    if values.shape[:2] != (found.height, found.width):
        raise InputError(f"{label} is a damaged JPEG file: its headers disagree", "copy it again")
    unit = np.clip(unit_range(values, found.bits), 0, 1)
    colors, _ = from_samples(unit, model, False, label)
    if model == "cmyk" and _by_adobe(data):
        colors = 1 - colors
    return Raster(colors, model, None, 8 if found.bits == 8 else 16)


def _by_adobe(data: bytes) -> bool:
    """Whether Adobe's mark is there, whose CMYK has no ink at full."""
    return any(
        marker == _APP14 and data[start : start + 5] == b"Adobe"
        for marker, start, _ in segments(data)
    )


class _Jpeg(PillowCodec, Encoder):
    encoding = 10

    def header(self, data: bytes, label: str) -> Header:
        if rare := rare_frame(data):
            return Header(rare.width, rare.height)
        return super().header(data, label)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        if rare := rare_frame(data):
            return rare.width * rare.height * CONVERTED + len(data)
        return super().decoding_bytes(data, label)

    def read(self, data: bytes, label: str) -> Raster:
        rare = rare_frame(data)
        return read_rare(data, label, rare) if rare else super().read(data, label)

    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        told = metadata_options(metadata, icc)
        told["extra"] = extra_segments(metadata.xmp_extension, metadata.iptc, metadata.texts)
        if metadata.dpi:
            told["dpi"] = metadata.dpi
        # No "optimize": Pillow then needs a buffer that strong noise at 4:4:4 overflows.
        return saved(samples, "JPEG", quality=quality, subsampling="4:4:4", **told)


CODEC = _Jpeg(JpegImagePlugin.jpeg_factory, "JPEG", 26, 50, jpeg.ancillary)
