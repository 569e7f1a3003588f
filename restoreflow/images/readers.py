"""One reader a format: a file's bytes to a `Raster`, its size checked before its pixels are read.

The allow-list is `_OPENERS` and `_OF_EXTRAS`. Pillow's readers are called directly, not through
`Image.open`, so nothing else can be opened and Pillow's limit on pixels, which is global, plays no
part.
"""

from __future__ import annotations

import io
from dataclasses import replace

import imagecodecs
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from restoreflow.errors import InputError, LimitError
from restoreflow.images import heif, jpeg, jxl, netpbm, png, tiff
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.containers.heif import deep_av1_bits
from restoreflow.images.containers.png import essential
from restoreflow.images.formats import FORMATS
from restoreflow.images.metadata import clean_dpi
from restoreflow.images.raster import Raster, from_samples, unit_range
from restoreflow.images.refusals import refusal

__all__ = ["image_ancillary", "opened", "pillow_raster", "read_header", "read_raster"]

_OPENERS = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.jpeg_factory,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "ppm": PpmImagePlugin.PpmImageFile,
}
_AS_8_BITS = 0.02
"""How far, in the mean, two decoders of one picture may be from each other."""
_OF_EXTRAS = {"heif": heif, "jxl": jxl}


def read_raster(data: bytes, kind: str, label: str, max_pixels: int | None) -> Raster:
    """Decode a file of format `kind`; `label` names it in errors.

    Raises:
        InputError: damaged, cut short, or of a layout that is not read.
        LimitError: more than `max_pixels` pixels by its header.
    """
    if kind in _OF_EXTRAS:
        width, height = _OF_EXTRAS[kind].read_header(data, label)
        _check_pixels(width, height, max_pixels, label)
        return _OF_EXTRAS[kind].read(data, label)
    if kind == "png":
        data = essential(data)
        if png.is_sixteen_bit(data):
            return _read_deep_png(data, label, max_pixels)
    if kind == "jpeg" and (rare := jpeg.rare_frame(data)):
        _check_pixels(rare.width, rare.height, max_pixels, label)
        return jpeg.read_rare(data, label, rare)
    if kind == "tiff":
        return _read_tiff(data, label, max_pixels)
    if kind == "ppm" and netpbm.deep_header(data):
        return _read_deep_ppm(data, label, max_pixels)
    return _read_pillow(data, kind, label, max_pixels)


def read_header(
    data: bytes, kind: str, label: str, max_pixels: int | None
) -> tuple[int, int, bool]:
    """Width and height, and whether they are upright already, without the pixels.

    Raises: as `read_raster`.
    """
    upright = kind in _OF_EXTRAS
    if kind == "tiff":
        header = tiff.read_header(data, label)
        width, height = header.width, header.height
    elif upright:
        width, height = _OF_EXTRAS[kind].read_header(data, label)
    elif kind == "ppm" and (deep := netpbm.deep_header(data)):
        width, height = deep[:2]
    elif kind == "jpeg" and (rare := jpeg.rare_frame(data)):
        width, height = rare.width, rare.height
    else:
        told = essential(data) if kind == "png" else data  # texts cannot trouble it
        width, height = _open(told, kind, label).size
    _check_pixels(width, height, max_pixels, label)
    return width, height, upright


def _check_pixels(width: int, height: int, max_pixels: int | None, label: str) -> None:
    if width < 1 or height < 1:
        raise InputError(f"{label} has no pixels ({width} x {height})")
    if max_pixels is not None and width * height > max_pixels:
        raise LimitError(
            f"{label} has {width} x {height} pixels ({width * height / 1e6:.4g} megapixels), "
            f"the limit is {max_pixels / 1e6:.4g} megapixels",
            "raise it with --max-pixels if you trust the file",
        )


def opened(data: bytes, kind: str, label: str) -> ImageFile.ImageFile:
    """A file of a format that Pillow reads, its header parsed and its pixels not yet decoded.

    Raises:
        InputError: it is damaged.
    """
    return _open(data, kind, label)


def _open(data: bytes, kind: str, label: str) -> ImageFile.ImageFile:
    try:
        return _OPENERS[kind](io.BytesIO(data), "")
    except Exception as error:  # Pillow's readers raise many types on damaged files
        raise refusal(label, FORMATS[kind].title, error) from error


def _read_pillow(data: bytes, kind: str, label: str, max_pixels: int | None) -> Raster:
    image = _open(data, kind, label)
    _check_pixels(*image.size, max_pixels, label)
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise refusal(label, FORMATS[kind].title, error) from error
    raster = pillow_raster(image, label)
    if kind != "avif":
        return raster
    if bits := deep_av1_bits(data):
        raster = _deepened(raster, data, bits, label)
    if (frames := getattr(image, "n_frames", 1)) > 1:
        # Of the other formats their containers tell.
        several = f"only the first of the file's {frames} frames is read"
        raster = replace(raster, notes=(*raster.notes, several))
    return raster


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


def _read_deep_png(data: bytes, label: str, max_pixels: int | None) -> Raster:
    image = _open(data, "png", label)
    _check_pixels(*image.size, max_pixels, label)
    try:
        # Pillow first: it finds nearly all damage, on which imagecodecs (2026.3) loses a reference
        # to None each time.
        image.load()
        values = png.read_sixteen_bit(data)
    except MemoryError:
        raise
    except Exception as error:  # libpng's errors and Pillow's
        raise refusal(label, "PNG", error) from error
    channels = 1 if values.ndim == 2 else values.shape[2]
    model = "gray" if channels <= 2 else "rgb"
    colors, alpha = from_samples(unit_range(values), model, channels in (2, 4), label)
    return Raster(colors, model, alpha, 16)


def _read_tiff(data: bytes, label: str, max_pixels: int | None) -> Raster:
    header = tiff.read_header(data, label)
    _check_pixels(header.width, header.height, max_pixels, label)
    if not header.for_pillow:
        return tiff.read(data, label)
    # Pillow turns a TIFF upright when it loads the pixels.
    return replace(_read_pillow(data, "tiff", label, max_pixels), upright=True)


def _read_deep_ppm(data: bytes, label: str, max_pixels: int | None) -> Raster:
    width, height, _ = netpbm.deep_header(data) or (0, 0, 0)
    _check_pixels(width, height, max_pixels, label)
    try:
        return Raster(netpbm.read_deep(data), "rgb", None, 16)
    except (ValueError, OverflowError) as error:
        raise refusal(label, "PPM", error) from error


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
