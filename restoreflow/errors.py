"""The errors a reader can act on; each carries the exit code the command line ends with.

Their words are for a terminal: names and text from elsewhere are `shown`, no more than text.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = [
    "FlaggedError",
    "InputError",
    "LimitError",
    "ModelError",
    "OptionError",
    "OutputError",
    "RestoreflowError",
    "UsageError",
    "printable",
    "shown",
]

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


class RestoreflowError(Exception):
    """Something went wrong that the user can do something about.

    Args:
        message: what happened and where, one line. What names and files put into it is escaped.
        hint: what to do next, one line; empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(printable(message))
        self.message = printable(message)
        self.hint = printable(hint)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(RestoreflowError):
    """The command or call was not of a valid form."""

    exit_code = 2


class OptionError(UsageError):
    """An option has a value that it does not take.

    Args:
        option: its name in Python; the command line's has dashes.
        message: what follows the name in a sentence.
    """

    def __init__(self, option: str, message: str, hint: str = "") -> None:
        super().__init__(f"{option} {message}", hint)
        self.option, self.rest = option, message

    @property
    def spoken(self) -> str:
        """The message with the option as the command line has it."""
        return f"--{self.option.replace('_', '-')} {self.rest}"

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str, str]]:
        return type(self), (self.option, self.rest, self.hint)  # as it goes between processes


class InputError(RestoreflowError):
    """An input file cannot be read or restored; the other files go on."""

    exit_code = 3


class OutputError(RestoreflowError):
    """A result cannot be written; the other files go on."""

    exit_code = 3


class LimitError(RestoreflowError):
    """A limit was reached: memory, disk, or a size the user can lift with an option."""

    exit_code = 5


class ModelError(RestoreflowError):
    """A model is missing, damaged, of a newer schema, or cannot be downloaded."""

    exit_code = 6


class FlaggedError(RestoreflowError):
    """An input was flagged and the user asked for that to be a failure."""

    exit_code = 7
