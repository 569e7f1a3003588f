"""A picture on standard input, a result on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from restoreflow.batch.discover import Found
from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli.startup import CLOSED_STREAMS
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.images.formats import extension_for, output_format, sniff

__all__ = ["from_stdin", "picture_stream", "stdin_file", "to_stdout"]


def from_stdin(
    inputs: Sequence[str], max_pixels: int | None, command: str
) -> tuple[Found, bytes] | None:
    """The picture on standard input, if the input is - or there is none.

    It is called as its format wants it.

    Args:
        inputs: as given.
        max_pixels: the most it may have.
        command: what to type, for an example.

    Raises:
        UsageError: there are other inputs beside, standard input is a terminal, or nothing came.
    """
    if inputs and "-" not in inputs:
        return None
    nothing = UsageError("no INPUT, and no picture piped in", f"for instance: {command} photo.jpg")
    if not inputs and sys.stdin.isatty():
        raise nothing
    if len(inputs) > 1:
        raise UsageError("- is standard input, and there are other inputs", "give it alone")
    if sys.stdin.isatty():
        raise UsageError("- is standard input, a terminal here", "pipe a picture in")
    from restoreflow.images.decode import read_bytes

    data = read_bytes(sys.stdin.buffer, max_pixels)
    if not inputs and not data:
        raise nothing
    try:
        extension = extension_for(output_format(sniff(data)))
    except RestoreflowError:
        extension = ".png"  # reading it will say what is wrong
    return Found(STREAM, f"stdin{extension}"), data


def stdin_file() -> list[int]:
    """The descriptor of standard input, which may be a file that is not to be written onto."""
    try:
        return [sys.stdin.fileno()]
    except (OSError, ValueError, AttributeError):  # it is closed, or no file of the system's
        return []


def picture_stream() -> BinaryIO:
    """Standard output, for a picture.

    Raises:
        UsageError: it is a terminal, or closed.
    """
    if "stdout" in CLOSED_STREAMS:
        raise UsageError("the result would go to standard output, which is closed", "name a file")
    if sys.stdout.isatty():
        raise UsageError("the result would go to a terminal", "name a file with -o, or pipe it")
    return sys.stdout.buffer


def to_stdout(jobs: Sequence[Job], settings: RestorationSettings, sink: BinaryIO) -> list[Job]:
    """The job, with its result going to standard output.

    Raises:
        UsageError: there is more than one picture to write.
    """
    if len(jobs) != 1 or jobs[0].files != jobs[0].outputs or settings.options.samples > 1:
        raise UsageError("standard output takes one picture", "name a folder: -o FOLDER/")
    return [replace(jobs[0], outputs=(STREAM,), folder=None, sink=sink)]
