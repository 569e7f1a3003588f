"""The C library that Pillow reads some TIFF files with; it writes its errors to stderr itself."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

__all__ = ["silence"]


def silence() -> bool:
    """Keep the libraries named libtiff in this process from writing to stderr.

    What goes wrong with a file is known from Pillow's exceptions. This holds until the process
    ends. Where Pillow has the library built in, as on Windows, it has no effect.

    Returns: whether such a library was found.
    """
    found = False
    for path in sorted(set(_loaded())):
        try:
            library = ctypes.CDLL(path)
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                function = getattr(library, name)
                function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
                function(None)
            found = True
        except (OSError, AttributeError):  # another library of that name
            continue
    return found


def _loaded() -> Iterable[str]:
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # macOS: wheels bring theirs along
        return map(str, Path(Image.__file__).parent.glob(".dylibs/libtiff*"))
    names = (line.partition("/") for line in lines if "/libtiff" in line)
    return (slash + name for _, slash, name in names)
