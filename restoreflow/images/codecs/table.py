"""One codec a format, a module beside this one by the format's name, imported when one is met.

A new format is a row of `restoreflow.images.formats.FORMATS`, by which it is recognised and which
says what it can hold, and a module here whose `CODEC` is a `Codec`; an `Encoder`, if it is
written.
"""

from __future__ import annotations

import re
import struct
from abc import ABC, abstractmethod
from importlib import import_module
from typing import NamedTuple

import numpy as np

from restoreflow.errors import InputError
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.formats import FORMATS
from restoreflow.images.picture import Metadata, Raster

__all__ = ["Codec", "Encoder", "Header", "ancillary_of", "codec", "encoder", "refusal"]

_UNSUPPORTED = re.compile(
    r"(?i)not (yet )?(supported|available|implemented)|unsupported|"
    r"not a known (compression|photometric)|unknown (compression|pixel mode|photometric|raw mode)|"
    r"no codec|requires the|bad codec"
)
_CUT_SHORT = re.compile(r"truncated|too small|requires a buffer of|ends? early|premature")
_MOST = 120


def refusal(label: str, title: str, error: Exception) -> InputError:
    """The error to raise where a decoder raised another, on a file of a format called `title`."""
    reason = "".join(c for c in " ".join(str(error).split()) if c.isprintable())[:_MOST]
    reason = reason or type(error).__name__
    if isinstance(error, NotImplementedError) or _UNSUPPORTED.search(reason):
        what = f"{label} is a {title} file of a kind that is not supported: {reason}"
        return InputError(what, "convert it to PNG or TIFF")
    if isinstance(error, EOFError) or _CUT_SHORT.search(reason):
        return InputError(f"{label} is cut short: its {title} data ends early", "copy it again")
    return InputError(f"{label} is a damaged {title} file: {reason}", "copy it again")


_DAMAGED = (struct.error, ValueError, IndexError, OverflowError)


class Header(NamedTuple):
    """A picture's size in pixels as `Codec.read` gives it; `upright`: turned already by then."""

    width: int
    height: int
    upright: bool = False


class Codec(ABC):
    """Reads files of one format, which their first bytes have told. `label` names one in errors."""

    @abstractmethod
    def header(self, data: bytes, label: str) -> Header:
        """The picture's size, without its pixels.

        MUST raise InputError where the file is damaged so that there is none, or is not read.
        """

    @abstractmethod
    def decoding_bytes(self, data: bytes, label: str) -> int:
        """Bytes of memory that `read` and what follows it take at most, beside the file's own.

        Measured by `benchmarks/decoding_memory.py`, and some more. MUST raise as `header`.
        """

    @abstractmethod
    def read(self, data: bytes, label: str) -> Raster:
        """The samples, no more than `header` has told.

        MUST raise InputError, and no library's errors, where the file is damaged, cut short or of
        a kind that is not read; MAY raise MemoryError.
        """

    @abstractmethod
    def ancillary(self, data: bytes) -> Ancillary:
        """What stands beside the pixels.

        MAY raise ValueError, IndexError, OverflowError or struct.error on damage.
        """


class Encoder(Codec):
    """Writes them too."""

    encoding: int
    """Bytes of memory a pixel that encoding takes at most, of the samples and the file."""

    @abstractmethod
    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        """A file's bytes; MAY raise OSError, ValueError or RuntimeError.

        Args:
            samples: uint8, or uint16 where the format holds that; (H, W), or (H, W, 2 to 4) with
                alpha last where the format has it.
            metadata: as it is to be written.
            icc: the profile that the samples are in, or None for sRGB.
            quality: 1 to 100, where the format is lossy.
        """


def codec(name: str) -> Codec:
    """The codec of a name in `FORMATS`.

    Raises:
        KeyError: there is no such format.
    """
    return import_module(f"restoreflow.images.codecs.{FORMATS[name].name}").CODEC


def encoder(name: str) -> Encoder:
    """The codec of a name in `OUTPUT_FORMATS`.

    Raises:
        KeyError: there is no such format, or it is not written.
    """
    found = codec(name)
    if not isinstance(found, Encoder):
        raise KeyError(name)
    return found


def ancillary_of(data: bytes, kind: str) -> Ancillary:
    """What a file of format `kind` says of its picture; damage costs no picture, and is said."""
    try:
        return codec(kind).ancillary(data)
    except _DAMAGED:
        return Ancillary(notes=("metadata is damaged and dropped",))
