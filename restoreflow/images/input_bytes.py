"""A picture's bytes, never more than make sense, and the memory that decoding them takes."""

from __future__ import annotations

import io
from typing import BinaryIO

from restoreflow.errors import InputError, LimitError
from restoreflow.free_memory import available_bytes, check_free
from restoreflow.images.codecs.table import codec, encoder
from restoreflow.images.formats import sniff

__all__ = ["check_decoding", "decoding_bytes", "encoding_bytes", "read_picture_bytes"]

_HEAD = 2**16
_STEP = 2**24


def read_picture_bytes(
    stream: BinaryIO, most: int | None, label: str, size: int | None = None
) -> bytes:
    """All bytes of a stream, or only the first of what is no picture, which decoding refuses.

    Args:
        stream: open, at its beginning.
        most: bytes; None: as many as memory holds.
        label: what errors call it.
        size: of a file, in bytes; None where nobody knows, as of a pipe.

    Raises:
        LimitError: there are more than `most`, or than memory holds.
    """
    if size is not None and size <= _STEP:
        return _whole(stream, size, most, label)
    head = stream.read(_HEAD)
    if not _is_picture(head):
        return head
    if size is not None:
        _refuse_more(size, most, label)
        check_free(size, f"reading {label}", "restore it where there is more memory")
        stream.seek(0)
        return _whole(stream, size, most, label)
    buffer = io.BytesIO()
    buffer.write(head)
    while block := stream.read(_STEP):
        buffer.write(block)
        held = buffer.tell()
        _refuse_more(held, most, label)
        free = available_bytes()
        if free is not None and held > free // 2:  # a buffer that grows can be copied
            raise LimitError(
                f"{label} has over {held // 1_000_000} MB and does not end; "
                f"{free / 2**30:.2f} GiB of memory is left",
                "pipe a smaller picture in, or name a file",
            )
    return buffer.getvalue()


def _whole(stream: BinaryIO, size: int, most: int | None, label: str) -> bytes:
    """A file's bytes into one buffer of its size, and one byte more if it has grown."""
    data = stream.read(size + 1)
    _refuse_more(len(data), most, label)
    return data


def _refuse_more(found: int, most: int | None, label: str) -> None:
    if most is not None and found > most:
        raise LimitError(
            f"{label} has over {most // 1_000_000} MB, more than a picture within the limit needs",
            "raise the limit with --max-pixels if you trust the file",
        )


def _is_picture(head: bytes) -> bool:
    try:
        return bool(sniff(head))
    except InputError:
        return False


_NEGLIGIBLE = 2**24


def check_decoding(data: bytes, kind: str, label: str) -> None:
    """See that a file of format `kind` can be decoded before that begins.

    Raises:
        InputError: it is damaged.
        LimitError: it needs more memory than is available.
    """
    needed = decoding_bytes(data, kind, label)
    if needed > _NEGLIGIBLE:
        check_free(needed, f"decoding {label}", "restore it where there is more, or in parts")


def decoding_bytes(data: bytes, kind: str, label: str) -> int:
    """Bytes that decoding a file of format `kind` takes at most, beside those of the file.

    Raises:
        InputError: it is damaged.
    """
    return codec(kind).decoding_bytes(data, label)


def encoding_bytes(format: str, pixels: int) -> int:
    """Bytes that encoding a picture of so many pixels takes at most, beside its colours."""
    return pixels * encoder(format).encoding
