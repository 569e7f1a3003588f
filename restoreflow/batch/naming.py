"""Names of results, and inputs whose results would have the same."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.record import Record
from restoreflow.config_reader import nearest
from restoreflow.errors import OutputError, UsageError, shown
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS, extension_for, format_of_name
from restoreflow.outputs.gate import Files, Names

__all__ = [
    "DEFAULT",
    "DEFAULT_OF_MANY",
    "Template",
    "checked_names",
    "extension_of",
    "without_collisions",
]

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


def extension_of(source: str, output_format: str) -> str:
    """The extension of a result, with its dot.

    Args:
        source: the input's name; its own is kept where it fits.
        output_format: "same": the input's format by its name, png where that is not written.
    """
    suffix = os.path.splitext(source)[1]
    if output_format != "same":
        return extension_for(output_format, suffix)
    try:
        return extension_for(format_of_name(source), suffix)
    except UsageError:
        return ".png"


_LONGEST_NAME = 255  # bytes; so on nearly every file system


def without_collisions(
    jobs: Sequence[Job], overwrite: bool, names: Names | None = None
) -> list[Job]:
    """The jobs, those settled that would write where another one writes, or onto an input.

    Of two with one name the first keeps it and the second fails. An input that is the result of
    another one is skipped; if it would be replaced, that other one fails.

    Args:
        jobs: all of the run.
        overwrite: whether what is there is replaced.
        names: gives the names' keys.

    Raises:
        UsageError: the only job would write onto its input.
    """
    names = names or Names()
    inputs: Files[Job] = Files(names)
    for job in jobs:
        if job.input != STREAM:
            inputs.add(job.input, job)
    writer: dict[str, Job] = {}
    results: dict[int, Job] = {}
    settled: dict[int, Job] = {}
    for job in jobs:
        keys = [names(target) for target in job.files]
        error = _collision(job, keys, inputs, writer, overwrite)
        if error is not None:
            if len(jobs) == 1:
                raise UsageError(error.message, error.hint)
            settled[id(job)] = replace(job, settled=Record(job.input, "failed", error=error))
            continue
        for target, key in zip(job.files, keys, strict=True):
            writer[key] = job
            if (source := inputs.named(target)) is not None:
                results[id(inputs.find(source.input))] = job
    return [settled.get(id(job)) or _skipped(job, results, inputs) for job in jobs]


def _collision(
    job: Job, keys: Sequence[str], inputs: Files[Job], writer: dict[str, Job], overwrite: bool
) -> OutputError | None:
    for target, key in zip(job.files, keys, strict=True):
        read = inputs.find(target)
        if read is not None and read.input == job.input:
            return OutputError(
                f"the result {shown(target)} would overwrite its input {shown(job.input)}",
                "choose another -o",
            )
        if read is not None and (overwrite or inputs.named(target) is None):
            return OutputError(
                f"the result of {shown(job.input)} would overwrite {shown(read.input)}, "
                "an input too",
                "leave one of the two out",
            )
        other = writer.get(key)
        if other is not None:
            return OutputError(
                f"{shown(other.input)} and {shown(job.input)} would both be written to "
                f"{shown(target)}",
                "restore them apart, or into different folders",
            )
    return None


def _skipped(job: Job, results: dict[int, Job], inputs: Files[Job]) -> Job:
    """The job, settled where its input is another one's result."""
    if not results or job.input == STREAM or job.settled is not None:
        return job
    source = results.get(id(inputs.find(job.input)))
    if source is None:
        return job
    facts = {"reason": f"is the result of {shown(source.input)}"}
    return replace(job, settled=Record(job.input, "skipped", (), facts))


def checked_names(job: Job) -> Job:
    """The job, settled where a name is longer than file systems take."""
    for path in job.files:
        length = len(os.fsencode(path.name))
        if length > _LONGEST_NAME and job.settled is None:
            error = OutputError(
                f"the name {shown(path.name)} has {length} bytes, {_LONGEST_NAME} are possible",
                "give a shorter one with -o or --name",
            )
            return replace(job, settled=Record(job.input, "failed", error=error))
    return job
