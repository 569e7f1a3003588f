"""Names of results, from a template."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from pathlib import Path

from restoreflow.config_reader import nearest
from restoreflow.errors import UsageError
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS, extension_for, format_of_name

__all__ = ["DEFAULT", "DEFAULT_OF_MANY", "Template", "extension_of"]

DEFAULT = "{stem}_{suffix}{ext}"
DEFAULT_OF_MANY = "{stem}_{suffix}_{index}{ext}"

_FIELDS = ("stem", "suffix", "index", "ext")
_SEPARATORS = "_- ."
_WIDTH = re.compile(r"0?[1-9]d?")
_EXTENSIONS = tuple(each for name in OUTPUT_FORMATS for each in FORMATS[name].extensions)


@dataclass(frozen=True)
class Template:
    """How a result is named.

    {stem}: the input's name without extension; {suffix}: what was done, as sr4x; {index}: the
    sample's number from 1, {index:03} with leading zeros; {ext}: the result's extension, with or
    without a dot before it.

    >>> template = Template.parse("{index:02}_{stem}.{ext}", samples=2)
    >>> template.name("photo", "sr4x", 1, ".jpg"), template.beside("photo", "sr4x", "grid.png")
    ('01_photo.jpg', 'photo_grid.png')
    """

    parts: tuple[tuple[str, str | None, str], ...]

    @classmethod
    def parse(cls, text: str, samples: int = 1) -> Template:
        """Read a template.

        Args:
            text: with fields in braces.
            samples: results a picture; several need {index}.

        Raises:
            UsageError: it names no file, or not every result apart.
        """
        parts = _parts(text)
        fields = {field for _, field, _ in parts}
        if samples > 1 and "index" not in fields:
            raise _refused(text, f"would give {samples} samples one name", "add {index}")
        ends = parts[-1][1] == "ext" or (not parts[-1][1] and text.lower().endswith(_EXTENSIONS))
        if not ends:
            raise _refused(text, "does not end with an extension", "end it with {ext}")
        return cls(parts)

    @classmethod
    def of_file(cls, name: str, samples: int = 1) -> Template:
        """The one that names a single input's results `name`, or with numbers before its dot."""
        path = Path(name)
        if samples == 1:
            return cls(((name, None, ""),))
        return cls(((f"{path.stem}_", "index", ""), (path.suffix, None, "")))

    @property
    def extension(self) -> str | None:
        """The extension it fixes; None where that is a field."""
        literal, field, _ = self.parts[-1]
        return None if field else Path(f"x{literal}").suffix

    def name(self, stem: str, suffix: str, index: int, ext: str) -> str:
        """A sample's name; `ext` with its dot."""
        values = {"stem": stem, "suffix": suffix, "ext": ext}
        return "".join(
            literal + (format(index, spec) if field == "index" else values[field] if field else "")
            for literal, field, spec in self.parts
        )

    def beside(self, stem: str, suffix: str, ending: str) -> str:
        """The name of what is written beside the samples: without number, and with an ending.

        Args:
            ending: as "grid.png", set off by an underscore, or an extension with its dot.
        """
        values = {"stem": stem, "suffix": suffix, "index": "", "ext": ""}
        text, joined = "", False
        for literal, field, _ in self.parts:
            kept = literal.lstrip(_SEPARATORS) if joined else literal
            if field == "index":  # its separator goes with it, the one before or the one after
                kept, joined = kept.rstrip(_SEPARATORS), kept == kept.rstrip(_SEPARATORS)
            else:
                joined = False
            text += kept + (values[field] if field else "")
        text = text.removesuffix(self.extension or "") or stem
        return text + (ending if ending.startswith(".") else f"_{ending}")


def _parts(text: str) -> tuple[tuple[str, str | None, str], ...]:
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise _refused(text, "has a brace without its other", "{{ is a brace itself") from error
    if not found:
        raise _refused(text, "is empty", f"an example: {DEFAULT_OF_MANY}")
    parts: list[tuple[str, str | None, str]] = []
    for literal, field, spec, conversion in found:
        if any(character in "/\\" or not character.isprintable() for character in literal):
            raise _refused(text, "names more than a file", "give the folder with -o")
        if field is not None and field not in _FIELDS:
            raise _refused(text, f"has {{{field}}}", nearest(field, _FIELDS))
        if conversion or (spec and not (field == "index" and _WIDTH.fullmatch(spec))):
            raise _refused(text, f"has {{{field}:{spec}}}", "only {index:03} and the like")
        if field == "ext":
            literal = literal.removesuffix(".")
        parts.append((literal, field, spec or ""))
    return tuple(parts)


def _refused(text: str, why: str, hint: str) -> UsageError:
    return UsageError(f'--name "{text}" {why}', hint)


def extension_of(source: Path, output_format: str) -> str:
    """The extension of a result, with its dot.

    Args:
        source: the input; its own is kept where it fits.
        output_format: "same": the input's format by its name, png where that is not written.
    """
    if output_format != "same":
        return extension_for(output_format, source.suffix)
    try:
        return extension_for(format_of_name(source), source.suffix)
    except UsageError:
        return ".png"
