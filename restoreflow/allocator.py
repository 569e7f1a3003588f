"""Memory that was freed stays with the process for what is asked for next.

glibc gives large blocks back to the system when they are freed, and a picture's worth of values
asked for again comes page by page, each page cleared: that can take longer than the arithmetic.
"""

from __future__ import annotations

import os
import platform
import sys

__all__ = ["keep_freed"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's names M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in malloc.h."""

_KEPT = 256 << 20
"""Bytes that may lie free at the end of the heap before any are given back."""

_FROM_HEAP = 32 << 20
"""Blocks up to so many bytes come from the heap; glibc takes no larger value."""


def keep_freed() -> bool:
    """Have glibc keep up to 256 MiB of freed memory, unless the environment says how it is to be.

    The most that a process takes at once hardly changes.

    Returns:
        Whether it will; False with another C library.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    import ctypes

    try:
        change = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(change(_MMAP_THRESHOLD, _FROM_HEAP)) and bool(change(_TRIM_THRESHOLD, _KEPT))
