"""Pictures as bytes, and as files, which are opened again before they get their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from restoreflow.errors import OutputError, RestoreflowError, UsageError, shown
from restoreflow.images.canvas import Canvas
from restoreflow.images.codecs.table import encoder
from restoreflow.images.decode import read_size
from restoreflow.images.formats import FORMATS, output_format
from restoreflow.images.metadata import fit_metadata, metadata_losses
from restoreflow.images.picture import Picture
from restoreflow.outputs.atomic import NewFile, write_set

__all__ = ["encode", "encode_canvas", "losses", "reads_back_as", "to_image", "write_picture"]


def encode(
    picture: Picture,
    format: str | None = None,
    quality: int = 95,
    bit_depth: int | None = None,
) -> bytes:
    """Encode a picture to a file's bytes.

    Args:
        format: one of `OUTPUT_FORMATS`; None: the picture's own, or png where that is not written.
        quality: 1 to 100, for jpeg (4:4:4), webp (100: lossless) and avif (4:4:4).
        bit_depth: 8 or 16; None: the picture's own. png and tiff hold 16; `losses` tells what a
            format does not hold.

    Raises:
        UsageError: an unknown format, quality or depth.
        LimitError: the format cannot hold a picture of this size.
        OutputError: the encoder failed, or the pixels hold NaN or infinity.
    """
    _check_quality(quality)
    return encode_canvas(Canvas.of(picture, format, bit_depth), quality)


def encode_canvas(canvas: Canvas, quality: int = 95) -> bytes:
    """Encode a canvas that is filled, with its source's metadata.

    Args:
        quality: as of `encode`.

    Raises: as `encode`.
    """
    _check_quality(quality)
    name, source = canvas.format.name, canvas.source
    metadata = source.metadata
    if metadata.size is None:
        metadata = replace(metadata, size=(source.width, source.height))
    metadata = fit_metadata(metadata, canvas.format, (canvas.width, canvas.height))
    try:
        return encoder(name).encode(canvas.samples, metadata, canvas.icc, quality)
    except (OSError, ValueError, RuntimeError) as error:  # the encoders' own errors
        raise OutputError(f"{canvas.format.title} encoding failed: {error}") from error


def losses(
    picture: Picture, format: str | None = None, bit_depth: int | None = None
) -> tuple[str, ...]:
    """Sentences for the user on what `encode` with these arguments will not keep; empty if all."""
    name = format or output_format(picture.format)
    fmt, metadata = FORMATS[name], picture.metadata
    found: list[str] = []
    if picture.alpha is not None and not fmt.alpha:
        found.append(f"{fmt.title} has no transparency: laid on white")
    if (bit_depth or picture.bit_depth) == 16 and not fmt.sixteen_bit:
        found.append(f"{fmt.title} is written with 8 bits, not 16")
    return (*found, *metadata_losses(metadata, fmt))


def to_image(picture: Picture) -> Image.Image:
    """The picture as a Pillow image in sRGB, 8 bits: L, LA, RGB or RGBA; without metadata."""
    return Image.fromarray(Canvas.of(picture.without_metadata(), "png", 8).samples)


def _check_quality(quality: int) -> None:
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is out of range", "choose 1 to 100")


def write_picture(
    path: str | Path,
    picture: Picture,
    format: str | None = None,
    quality: int = 95,
    bit_depth: int | None = None,
    overwrite: bool = False,
) -> int:
    """Encode a picture and write it.

    Args: as `encode.encode` and `outputs.atomic.NewFile`.

    Returns: the number of bytes written.

    Raises: as `encode` and `write_set`; OutputError also where the file does not read back.
    """
    path = path if isinstance(path, Path) else Path(path)
    data = encode(picture, format, quality, bit_depth)
    check = reads_back_as(path, picture.width, picture.height)
    write_set([NewFile(path, data, overwrite, check=check)])
    return len(data)


def reads_back_as(path: Path, width: int, height: int) -> Callable[[Path | bytes], None]:
    """A check that what was written for `path` is a picture of this size.

    On a store, where nothing has another name first, the bytes are checked before they go there.
    """

    def check(written: Path | bytes) -> None:
        try:
            size = read_size(written, max_pixels=None)
        except RestoreflowError as error:
            name = "the data" if isinstance(written, bytes) else shown(written)
            reason = str(error).replace(name, "it")
            raise OutputError(f"{shown(path)} does not read back: {reason}") from error
        if size != (width, height):
            raise OutputError(
                f"{shown(path)} reads back as {size[0]} x {size[1]} pixels, not {width} x {height}"
            )

    return check
