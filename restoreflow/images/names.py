"""Names of results: derived from the input's, and never an input's own."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from restoreflow.errors import UsageError
from restoreflow.images.formats import extension_for, format_of_name

__all__ = ["is_same_file", "output_path", "shown"]


def output_path(
    input: str | Path,
    suffix: str,
    out: str | Path | None = None,
    index: int | None = None,
    extension: str | None = None,
) -> Path:
    """Where a result is written.

    Args:
        input: the input's path.
        suffix: what tells the result from the input, without underscore, as "sr4x".
        out: None: beside the input. A folder (there already, or ending in a slash, or without an
            extension): `{stem}_{suffix}{ext}` in it. A file: that name.
        index: number of a sample, appended to the stem as `_{index}`; None for a single result.
        extension: with its dot; None keeps the input's where results are written in that format,
            else ".png". A file named by `out` keeps its own.

    Raises:
        UsageError: the result would be the input, also through a link or a case-insensitive file
            system, or `out` names a file of a format that is not written.

    >>> output_path("photos/a.jpg", "sr4x", index=2).as_posix()
    'photos/a_sr4x_2.jpg'
    """
    source = Path(input)
    number = "" if index is None else f"_{index}"
    if out is not None and not _is_folder(out):
        format_of_name(out)
        named = Path(out)
        target = named.with_name(f"{named.stem}{number}{named.suffix}")
    else:
        folder = source.parent if out is None else Path(out)
        extension = extension if extension is not None else _extension_of(source)
        target = folder / f"{source.stem}_{suffix}{number}{extension}"
    if is_same_file(source, target):
        raise UsageError(
            f"the result {shown(target)} would overwrite its input {shown(source)}",
            "choose another -o",
        )
    return target


def _is_folder(out: str | Path) -> bool:
    if str(out).endswith(("/", os.sep)) or Path(out).is_dir():
        return True
    return not Path(out).suffix and not Path(out).is_file()


def _extension_of(source: Path) -> str:
    try:
        return extension_for(format_of_name(source), source.suffix)
    except UsageError:
        return ".png"


def is_same_file(first: str | Path, second: str | Path) -> bool:
    """Whether two paths are one file, through symbolic and hard links too.

    Names in one folder that differ only in case or in Unicode's composition count as one: on some
    file systems they are, and the answer is not to depend on where it is asked.
    """
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
