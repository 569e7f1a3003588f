"""Which files a run reads and which it writes, settled before any work."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

from restoreflow.batch.discover import Found
from restoreflow.batch.job import Job, Shard
from restoreflow.batch.naming import (
    DEFAULT,
    DEFAULT_OF_MANY,
    Template,
    checked_names,
    extension_of,
    without_collisions,
)
from restoreflow.batch.record import Record
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import UsageError, shown
from restoreflow.images.formats import format_of_name
from restoreflow.outputs.gate import Names
from restoreflow.remote_path import RemotePath, is_url, to_path

__all__ = ["names_folder", "output_folder", "plan"]


def plan(
    found: Sequence[Found],
    out: str | None,
    suffix: str,
    settings: RestorationSettings,
    shard: Shard | None = None,
) -> list[Job]:
    """A job for each input of the shard.

    Where the results of two inputs that differ in their extension alone would have one name, both
    names tell the extension. An input that is the result of another one is skipped, and one whose
    result would be written onto another's, or onto an input, fails; the others go on.

    Args:
        found: at least one.
        out: None: beside each file, and for a folder beside the folder, in FOLDER_SUFFIX. A
            folder: there already, or ending in a slash, or without an extension. For a single
            input also a file.
        suffix: what tells a result from its input, as "sr4x".
        settings: the run's.

    Raises:
        UsageError: the only input's result would be written onto it, `out` is a file for several
            inputs or of a format that is not written, or the template does not do.
    """
    template, names = _template(settings), Names()
    if out is not None and not names_folder(out):
        jobs = [_into_file(found, to_path(out), suffix, settings)]
    else:
        top = None if out is None else to_path(out)
        jobs = [_job(each, top, suffix, settings, template) for each in found]
        jobs = _told_apart(jobs, found, top, suffix, settings, template, names)
    jobs = [checked_names(job) for job in without_collisions(jobs, settings.overwrite, names)]
    return jobs if shard is None else [job for job in jobs if shard.has(job)]


def names_folder(out: str) -> bool:
    """Whether -o means a folder: it is one, or ends in a slash, or has no extension."""
    if out.endswith(("/", os.sep)):
        return True
    path = to_path(out)
    if is_url(out):
        return not path.suffix
    return os.path.isdir(path) or (not path.suffix and not os.path.isfile(path))


def output_folder(root: Path, suffix: str) -> Path:
    """Where the results of a folder's pictures go when nobody says: beside it.

    Raises:
        UsageError: the folder's name cannot be told from its path, or is a whole store's.
    """
    if root.name in ("", "..") or (isinstance(root, RemotePath) and len(root.parts) < 3):
        raise UsageError(f"{shown(root)} needs a folder for the results", "name one: -o FOLDER/")
    return root.with_name(f"{root.name}_{suffix}")


def _template(settings: RestorationSettings) -> Template:
    usual = DEFAULT if settings.options.samples == 1 else DEFAULT_OF_MANY
    template = Template.parse(settings.name or usual, settings.options.samples)
    if template.extension and settings.output_format != "same":
        _agree(template.extension, settings.output_format)
    return template


def _agree(extension: str, output_format: str) -> None:
    if format_of_name(f"x{extension}") != output_format:
        raise UsageError(
            f"--output-format {output_format} is not what {extension} means", "leave one of them"
        )


def _into_file(
    found: Sequence[Found], target: Path, suffix: str, settings: RestorationSettings
) -> Job:
    if len(found) > 1 or found[0].root is not None:
        what = "inputs" if len({each.path for each in found}) > 1 else "pages"
        count = "a folder" if len(found) == 1 else f"{len(found)} {what}"
        raise UsageError(f"{shown(target)} is one file for {count}", f"name a folder: -o {target}/")
    if settings.name is not None:
        raise UsageError(f"--name and -o {shown(target)} both name the result", "leave one of them")
    format_of_name(target)
    if settings.output_format != "same":
        _agree(target.suffix, settings.output_format)
    template = Template.of_file(target.name, settings.options.samples)
    return _named(found[0], target.parent, target.stem, suffix, settings, template, target.suffix)


def _job(
    found: Found,
    top: Path | None,
    suffix: str,
    settings: RestorationSettings,
    template: Template,
    stem: str | None = None,
) -> Job:
    if found.root is None and top is None:
        folder = found.path.parent
    else:
        top = output_folder(found.root or Path(), suffix) if top is None else top
        below = posixpath.dirname(found.place)
        folder = top / below if below else top
    ext = template.extension or extension_of(found.place, settings.output_format)
    return _named(found, folder, stem or found.stem, suffix, settings, template, ext, top)


def _named(
    found: Found,
    folder: Path,
    stem: str,
    suffix: str,
    settings: RestorationSettings,
    template: Template,
    ext: str,
    top: Path | None = None,
) -> Job:
    indices = range(1, settings.options.samples + 1)
    outputs = tuple(folder / template.name(stem, suffix, index, ext) for index in indices)

    def beside(wanted: object, ending: str) -> Path | None:
        return folder / template.beside(stem, suffix, ending) if wanted else None

    return Job(
        found.path,
        outputs,
        uncertainty=beside(settings.uncertainty, "uncertainty.png"),
        grid=beside(settings.grid, "grid.png"),
        arrays=beside(settings.arrays, f".{settings.arrays}"),
        format=format_of_name(f"x{ext}"),
        folder=top,
        page=found.page,
        place=found.place,
        settled=None if found.error is None else Record(found.path, "failed", error=found.error),
    )


def _told_apart(
    jobs: Sequence[Job],
    found: Sequence[Found],
    top: Path | None,
    suffix: str,
    settings: RestorationSettings,
    template: Template,
    names: Names,
) -> list[Job]:
    """Jobs whose results would have one name, though their inputs' extensions differ, renamed."""
    first: dict[str, int] = {}
    groups: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        for path in job.files:
            key = names(path)
            other = first.setdefault(key, number)
            if other != number:
                groups.setdefault(key, [other]).append(number)
    result = list(jobs)
    for group in groups.values():
        endings = {found[number].path.suffix.casefold() for number in group}
        if len(set(group)) > 1 and len(endings) == len(set(group)):
            for number in group:
                path = found[number].path
                parts = (path.stem, path.suffix[1:], found[number].page)
                stem = "_".join(str(part) for part in parts if part)
                result[number] = _job(found[number], top, suffix, settings, template, stem)
    return result
