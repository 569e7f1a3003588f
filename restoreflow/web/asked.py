"""What a request asks for, read from its query as strictly as a configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from restoreflow.batch.settings import Dpi, OutputFormat, RestorationSettings
from restoreflow.config_reader import from_dict
from restoreflow.errors import UsageError
from restoreflow.networks.config import Strength
from restoreflow.restoration.options import Options, Size
from restoreflow.web.limits import Limits

__all__ = ["Asked", "file_name", "read_query"]

_SIZES = ("scale", "width", "height", "longest", "megapixels")
_OPTIONS = ("samples", "temperature", "seed", "consistency", "exposure", "wear")
_RESULTS = ("output_format", "quality", "bit_depth", "strip_metadata", "dpi")
_LONGEST_NAME = 120


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parameters of a query, which are the options of the commands by the same names.

    Args:
        name: the picture's, for its results' names; a folder before it is left out.
        model: one that the server offers; None: the usual one, or by the size the next larger.

    Others: as of `restoration.options.Options`, `Size` and `RestorationSettings`.
    """

    name: str = "picture"
    model: str | None = None
    samples: int = 1
    temperature: float | None = None
    seed: int = 0
    consistency: bool | None = None
    exposure: float = 0.0
    wear: Strength = "auto"
    scale: float | None = None
    width: int | None = None
    height: int | None = None
    longest: int | None = None
    megapixels: float | None = None
    output_format: OutputFormat = "same"
    quality: int | None = None
    bit_depth: int | None = None
    strip_metadata: bool = False
    dpi: Dpi = "keep"

    @property
    def size(self) -> Size | None:
        """The result's; UsageError where it cannot be."""
        given = {name: getattr(self, name) for name in _SIZES}
        given = {name: value for name, value in given.items() if value is not None}
        return Size(**given) if given else None

    def settings(self, model: str, limits: Limits) -> RestorationSettings:
        """What a restoration is to do.

        Raises:
            UsageError: a value is out of its range, or beyond the limits.
        """
        if self.samples > limits.samples:
            raise UsageError(
                f"samples is {self.samples}", f"{limits.samples} at most are drawn here"
            )
        options: dict[str, Any] = {name: getattr(self, name) for name in _OPTIONS}
        results: dict[str, Any] = {name: getattr(self, name) for name in _RESULTS}
        return RestorationSettings(
            model=model,
            options=Options(**options, size=self.size),
            uncertainty=self.samples > 1,
            max_pixels=limits.pixels,
            **results,
        )


def read_query(pairs: Iterable[tuple[str, str]]) -> Asked:
    """A query's parameters.

    >>> read_query([("samples", "4"), ("output_format", "png")]).samples
    4

    Args:
        pairs: names and values, decoded; an empty value is none.

    Raises:
        UsageError: a name that is unknown or given twice, or a value that is not of its kind.
    """
    found: dict[str, object] = {}
    for name, text in pairs:
        if name in found:
            raise UsageError(f"the query: {name} is given twice", "give it once")
        if text:
            found[name] = text if name in ("name", "model") else _value(text)
    return from_dict(Asked, found, "the query", UsageError)


def file_name(asked: Asked) -> str:
    """The picture's name as a file's: what stands behind its last slash, and nothing odd."""
    last = asked.name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(each for each in last if each.isprintable()).strip(" .")
    return kept[-_LONGEST_NAME:] or asdict(Asked())["name"]


def _value(text: str) -> object:
    """A number, true or false; else the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
