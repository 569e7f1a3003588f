"""Paths: when two are one file, and how one is shown."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from restoreflow.remote_path import RemotePath

__all__ = ["is_same_file", "shown"]


def is_same_file(first: str | Path, second: str | Path) -> bool:
    """Whether two paths are one file, through symbolic and hard links too.

    Names in one folder that differ only in case or in Unicode's composition count as one: on some
    file systems they are, and the answer is not to depend on where it is asked. On stores they are
    two.
    """
    if isinstance(first, RemotePath) or isinstance(second, RemotePath):
        return str(first) == str(second)
    first, second = Path(first), Path(second)
    try:
        if first.samefile(second):
            return True
    except (OSError, ValueError):
        pass  # one does not exist yet: compare the names
    one, other = (Path(os.path.realpath(each)) for each in (first, second))
    return one.parent == other.parent and _folded(one.name) == _folded(other.name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def shown(path: str | Path) -> str:
    """A path as one printable line: control characters and undecodable bytes are escaped."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
