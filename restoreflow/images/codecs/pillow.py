"""What codecs share whose files Pillow reads or writes, and pictures that Pillow holds.

Pillow's readers are called directly, not through `Image.open`, so nothing but what a codec names
can be opened, and Pillow's limit on pixels, which is global, plays no part.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from restoreflow.errors import InputError
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.codecs.table import Codec, Header, refusal
from restoreflow.images.metadata import clean_dpi
from restoreflow.images.picture import Metadata, Raster, from_samples, unit_range

__all__ = [
    "CONVERTED",
    "PillowCodec",
    "image_ancillary",
    "metadata_options",
    "pillow_raster",
    "saved",
]

# As tifffile, Pillow logs what it finds odd; without any handler Python would print that on stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())

CONVERTED = 92
"""Bytes a pixel while colours are converted, with the picture that comes out."""

_MORE_MODES = {"RGBA", "RGBa", "LA", "La", "PA", "CMYK"}


class PillowCodec(Codec):
    """Of a format that Pillow reads.

    Args:
        reader: Pillow's.
        title: the format's, for errors.
        plain: bytes a pixel at the worst moment of decoding one or three channels, the picture that
            comes out too.
        more: the same with transparency or four inks; colours that are hidden are replaced
            afterwards.
        ancillary: reads what stands beside the pixels.
    """

    def __init__(
        self,
        reader: Callable[..., ImageFile.ImageFile],
        title: str,
        plain: int,
        more: int,
        ancillary: Callable[[bytes], Ancillary],
    ) -> None:
        self.title = title
        self._reader, self._plain, self._more, self._ancillary = reader, plain, more, ancillary

    def header(self, data: bytes, label: str) -> Header:
        return Header(*self.opened(data, label).size)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        image = self.opened(data, label)
        return image.width * image.height * self.peak(image, data) + len(data)

    def read(self, data: bytes, label: str) -> Raster:
        return self.loaded(self.opened(data, label), label)

    def ancillary(self, data: bytes) -> Ancillary:
        return self._ancillary(data)

    def opened(self, data: bytes, label: str) -> ImageFile.ImageFile:
        """A file, its header parsed and its pixels not yet decoded."""
        try:
            return self._reader(io.BytesIO(data), "")
        except Exception as error:  # Pillow's readers raise many types on damaged files
            raise refusal(label, self.title, error) from error

    def loaded(self, image: ImageFile.ImageFile, label: str) -> Raster:
        """The samples of an opened file."""
        try:
            image.load()
        except MemoryError:
            raise
        except Exception as error:  # as above
            raise refusal(label, self.title, error) from error
        return pillow_raster(image, label)

    def peak(self, image: Image.Image, data: bytes) -> int:
        """Bytes a pixel at the worst moment of decoding an opened file."""
        many = image.mode in _MORE_MODES or "transparency" in image.info
        each = self._more if many else self._plain
        told = any(name in image.info for name in ("icc_profile", "gamma", "chromaticity"))
        return max(each, CONVERTED) if told else each


def saved(samples: np.ndarray, name: str, **options: Any) -> bytes:
    """8-bit samples, (H, W) or (H, W, 3 or 4), encoded by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, name, **options)
    return buffer.getvalue()


def metadata_options(metadata: Metadata, icc: bytes | None) -> dict[str, Any]:
    """What Pillow's writers take beside the pixels, as far as it is there."""
    found = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": icc}
    return {name: value for name, value in found.items() if value}


def pillow_raster(image: Image.Image, label: str) -> Raster:
    """The samples of a loaded Pillow image of any mode.

    Raises:
        InputError: the mode holds no picture (floating point, Lab).
    """
    notes: tuple[str, ...] = ()
    mode, depth = image.mode, 8
    transparent = "transparency" in image.info
    if mode == "1":
        notes = ("a 1-bit picture is written as 8-bit grayscale",)
    elif mode in ("P", "PA"):
        notes = ("a palette picture is written with full colours",)
    wanted = {"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "P": "RGB"}.get(mode, mode)
    if transparent and wanted in ("L", "RGB"):
        wanted = {"L": "LA", "RGB": "RGBA"}[wanted]
    elif mode in ("YCbCr", "HSV", "RGBX"):
        wanted = "RGB"
    if mode == "I" or mode.startswith("I;16"):
        samples = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        wanted, depth = "L", 16
    elif wanted in ("L", "LA", "RGB", "RGBA", "CMYK"):
        samples = np.asarray(image if wanted == mode else image.convert(wanted))
    else:
        raise InputError(f"{label} has the mode {mode}, which is not read", "convert it to RGB")
    model = {"L": "gray", "LA": "gray", "CMYK": "cmyk"}.get(wanted, "rgb")
    has_alpha = wanted in ("LA", "RGBA")
    colors, alpha = from_samples(unit_range(samples), model, has_alpha, label)
    return Raster(colors, model, alpha, depth, notes=notes)


def image_ancillary(image: Image.Image) -> Ancillary:
    """What a Pillow image in memory knows beside its pixels."""
    info, notes = image.info, ()
    exif, icc, xmp = (info.get(name) for name in ("exif", "icc_profile", "xmp"))
    if not isinstance(exif, bytes):
        try:
            exif = image.getexif().tobytes() if image.getexif() else None
        except Exception:  # damaged EXIF fails in many ways
            exif, notes = None, ("EXIF could not be read and is dropped",)
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    return Ancillary(
        exif=exif,
        icc=icc if isinstance(icc, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        dpi=clean_dpi(info.get("dpi")),
        notes=notes,
    )
