"""Restores one picture that came as bytes into files that are bytes; nothing touches the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from restoreflow.batch.job import Job
from restoreflow.batch.judging import Judge
from restoreflow.batch.naming import DEFAULT, DEFAULT_OF_MANY, Template
from restoreflow.batch.read import read_picture, restorable
from restoreflow.batch.record import Observer, Record
from restoreflow.batch.report_entry import entry_of
from restoreflow.batch.results import ResultFile, encode_results, record_of
from restoreflow.batch.run import restore_one
from restoreflow.batch.settings import RestorationSettings
from restoreflow.config_reader import nearest
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.images.decode import read_size
from restoreflow.images.formats import extension_for, output_format, sniff
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import ModelFolder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.reference import has_reference, read_reference
from restoreflow.tasks.table import TASKS, USUAL
from restoreflow.web.asked import Asked, file_name
from restoreflow.web.limits import Limits

if TYPE_CHECKING:
    from restoreflow.reports.entries import RestorationEntry
    from restoreflow.restoration.restorer import Restorer

__all__ = ["Made", "Workshop"]


@dataclass(frozen=True)
class Made:
    """What came of a picture.

    Args:
        record: as `Record.as_dict`.
        files: the samples in order, and for several the heat map of their spread.
        samples: how many of the files are samples.
        entry: as a page shows it; None once it is shown.
        score_end: the end of its score's scale; None where it was not judged.
    """

    record: dict[str, Any]
    files: Sequence[ResultFile]
    samples: int
    entry: RestorationEntry
    score_end: float | None


class _Ready(NamedTuple):
    restorer: Restorer
    judge: Judge | None


class Workshop:
    """Models, each loaded when it is first asked for, and what they make of pictures.

    Args:
        models: names that `resolve_model` takes, all that is offered; the first is the usual one.
        limits: the server's.
        load: from a folder to a restorer.

    Attributes:
        folders: the models by their own names.

    Raises:
        ModelError: one is not available.
    """

    def __init__(
        self, models: Sequence[str], limits: Limits, load: Callable[[ModelFolder], Restorer]
    ) -> None:
        found = [resolve_model(name) for name in models]
        self.folders = {folder.config.name: folder for folder in found}
        self._limits, self._load = limits, load
        self._ready: dict[str, _Ready] = {}

    def warm(self) -> None:
        """Load the usual model."""
        self._at_hand(next(iter(self.folders)))

    def check(self, asked: Asked) -> None:
        """Refuse what cannot be done, as far as can be told without the picture; as `make`."""
        folder = self.folders[self._model(asked, None)]
        asked.settings(folder.config.name, self._limits).for_model(folder.config)

    def make(self, data: bytes, asked: Asked, observer: Observer) -> Made:
        """Restore a picture.

        Args:
            data: its file's bytes.
            observer: is told of every tile.

        Raises:
            RestoreflowError: what is wrong with the picture or with what is asked for.
        """
        name = file_name(asked)
        chosen = self._model(asked, read_size(data, self._limits.pixels, name))
        restorer, judge = self._at_hand(chosen)
        config = restorer.config
        settings = asked.settings(chosen, self._limits).for_model(config)
        job = _job(data, name, settings, config)
        picture = read_picture(job, settings, config.scale, data=data)
        pixels = restorable(picture)
        restored = restore_one(job, settings, picture, pixels, restorer, observer, judge)
        if isinstance(restored, Record):  # which only settings.ood gives, and that is warn
            raise restored.error or RestoreflowError(f"{name} was left out")
        record = record_of(job, settings, picture, restored.result.report, config)
        return Made(
            record.as_dict(),
            encode_results(job, settings, picture, restored.result, config),
            len(job.outputs),
            entry_of(record, restored),
            None if judge is None else judge.reference.map_end,
        )

    def _model(self, asked: Asked, picture: tuple[int, int] | None) -> str:
        """The model's name, for a picture of a width and height, if they are known."""
        usual = next(iter(self.folders))
        if asked.model is None:
            size = asked.size
            if size is None or (picture is None and size.scale is None):
                return usual
            chosen = USUAL.model_at(size.factor(*(picture or (1, 1))))
            return chosen if chosen in self.folders else usual
        if asked.model not in self.folders:
            raise UsageError(
                f'"{asked.model}" is not offered here', nearest(asked.model, self.folders)
            )
        return asked.model

    def _at_hand(self, name: str) -> _Ready:
        if name not in self._ready:
            folder = self.folders[name]
            judge = Judge(read_reference(folder)) if has_reference(folder) else None
            self._ready[name] = _Ready(self._load(folder), judge)
        return self._ready[name]


def _job(data: bytes, name: str, settings: RestorationSettings, config: ModelConfig) -> Job:
    """The files that come of a picture, by the names that the commands would give them."""
    size, asked = settings.options.size, settings.output_format
    suffix = TASKS[config.task].suffix_at(f"{config.scale}x" if size is None else size.name)
    samples = settings.options.samples
    template = Template.parse(DEFAULT if samples == 1 else DEFAULT_OF_MANY, samples)
    format_ = output_format(sniff(data, name)) if asked == "same" else asked
    source = PurePath(name)
    ext = extension_for(format_, source.suffix)
    names = [template.name(source.stem, suffix, index + 1, ext) for index in range(samples)]
    beside = template.beside(source.stem, suffix, "uncertainty.png")
    return Job(
        Path(name),
        tuple(map(Path, names)),
        uncertainty=Path(beside) if settings.uncertainty else None,
        format=format_,
        data=data,
    )
