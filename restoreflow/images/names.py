"""How paths are shown."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shown"]


def shown(path: str | Path) -> str:
    """A path as one printable line: control characters and undecodable bytes are escaped."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
