"""Write pictures; before a file gets its name it is opened again, and its size checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from restoreflow.errors import OutputError, RestoreflowError
from restoreflow.images.decode import read_size
from restoreflow.images.encode import encode
from restoreflow.images.picture import Picture
from restoreflow.outputs.atomic import NewFile, write_set
from restoreflow.printable import shown

__all__ = ["reads_back_as", "write_picture"]


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
