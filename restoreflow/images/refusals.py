"""What a decoder's complaint means for the user: not supported, cut short or damaged."""

from __future__ import annotations

import re

from restoreflow.errors import InputError

__all__ = ["refusal"]

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
