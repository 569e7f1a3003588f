"""Text from elsewhere, for a terminal: nothing in it is more than text."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["printable", "shown"]

# Control characters but for tabs and line feeds; what turns the direction of text or ends a line
# where none seems to end; halves of characters, as names of files that are not UTF-8 have them.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""A text with what could steer a terminal, or cannot be written, shown by its code.

    >>> printable("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown(path: str | Path) -> str:
    """A path as one printable line: control characters and undecodable bytes are escaped."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
