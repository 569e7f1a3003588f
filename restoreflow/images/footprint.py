"""How much memory pictures take while they are decoded and encoded, known before that begins."""

from __future__ import annotations

from restoreflow.free_memory import check_free
from restoreflow.images.codecs.table import codec, encoder

__all__ = ["check_decoding", "decoding_bytes", "encoding_bytes"]

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
