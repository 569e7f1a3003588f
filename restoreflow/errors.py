"""The errors a reader can act on; each carries the exit code the command line ends with."""

from __future__ import annotations

from restoreflow.printable import printable

__all__ = [
    "FlaggedError",
    "InputError",
    "LimitError",
    "ModelError",
    "OptionError",
    "OutputError",
    "RestoreflowError",
    "UsageError",
]


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
