"""The factorial from end to end: train, ask along the way, and say what is missing."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from restoreflow.config_reader import to_dict
from restoreflow.lab.fitting.pictures import pairs
from restoreflow.lab.photographs import find_photos
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.outputs.folders import remove_folder
from studies.factorial.asking import ask, foretell, look_inside
from studies.factorial.forms import TIERS, Arm, clamped_too, put
from studies.factorial.inputs import Input, inputs, strange
from studies.factorial.panels import panels, patched
from studies.factorial.settings import FactorialSettings
from studies.factorial.training import mean_image, recipe, trainer
from studies.robustness.cache import Cache
from studies.robustness.quality import crops

__all__ = ["Factorial", "Job", "Stopped"]

INSIDE_TEMPERATURE = 1.0
ALONG = ("photographs", "patterns")
"""Groups that are asked about before a training's end, too."""


class Stopped(Exception):
    """The time that was given is over."""


class Job(NamedTuple):
    """One training: an arm and a seed."""

    arm: Arm
    seed: int

    @property
    def slug(self) -> str:
        words = "".join(c if c.isalnum() else " " for c in self.arm.name).split()
        return "-".join([*words, str(self.seed)])


@dataclass(frozen=True, kw_only=True)
class Factorial:
    """What is trained and asked.

    Attributes:
        settings: numbers and sizes.
        photos: photographs that nothing learns from.
        train: photographs to learn from.
        folder: for crops, checkpoints and measurements.
        others: pictures of other kinds, a folder a kind; None without.
        tiers: arms, in the order they are wanted.
        minutes: after which no more is begun; measurements of the finished ones may take longer.
        advance: told of what has been done.
    """

    settings: FactorialSettings
    photos: Sequence[Path]
    train: Sequence[Path]
    folder: Path
    others: Path | None = None
    tiers: Sequence[Sequence[Arm]] = TIERS
    minutes: float = math.inf
    advance: Callable[[str], None] = lambda what: None
    _began: float = field(default_factory=time.monotonic)
    _kept: dict[tuple[Job, int], RestorationNetwork] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        """All trainings: a tier with all its seeds before the next."""
        for tier in self.tiers:
            for seed in self.settings.seeds:
                yield from (Job(arm, seed) for arm in tier)

    def run(self) -> dict[str, Any]:
        """Train and ask as far as the time goes; what there is, and what is missing."""
        items = list(inputs(self.photos, self.settings))
        more = list(strange(self.others)) if self.others else []
        found: list[dict[str, Any]] = []
        missing: list[Job] = []
        for job in self.jobs():
            try:
                found += self._job(job, items, more)
            except Stopped:
                missing.append(job)
        return {
            "settings": to_dict(self.settings),
            "inputs": [*items, *more],
            "runs": found,
            "picture": self._picture(found),
            "missing": [[job.arm.name, job.seed] for job in missing],
        }

    def _job(self, job: Job, items: list[Input], more: list[Input]) -> list[dict[str, Any]]:
        """A record for the arm as trained, and one for it with clamped slopes where it has any."""
        marks = [self._mark(job, steps, items) for steps in self.settings.marks]
        self.advance(f"{job.arm.name}, seed {job.seed}")
        rows: list[dict[str, Any]] = []
        for arm in clamped_too(job.arm):
            row: dict[str, Any] = {"arm": arm.name, "seed": job.seed}
            if arm == job.arm:
                row |= {"marks": marks, "end": marks[-1]}
                row["scores"] = self._final(job, arm, "scores", items, self._foretell)
                row["inside"] = self._final(job, arm, "inside", items, self._inside)
            else:
                row["end"] = self._asked(job, arm, items, "inputs")
            if more:
                row["others"] = self._asked(job, arm, more, "others")
                if arm == job.arm:
                    row["scores"] |= self._final(job, arm, "scores", more, self._foretell)
            rows.append(row)
        return rows

    def _picture(self, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Panels of the first tier's flows of the first seed, as far as they are trained."""
        degraded = patched(self.photos[0])
        trained = {(run["arm"], run["seed"]) for run in found}
        shown: dict[str, Any] = {}
        for job in self.jobs():
            first = job.arm in self.tiers[0] and job.seed == self.settings.seeds[0]
            if not first or (job.arm.name, job.seed) not in trained:
                continue
            key = self._key(job, []) | {"photo": self.photos[0].name}

            def compute(job: Job = job) -> dict[str, Any]:
                network = self._trained(job, self.settings.steps)
                put(network, job.arm)
                return panels(network, degraded, self._learnt(), job.seed)

            with contextlib.suppress(Stopped):
                shown[job.arm.name] = self._cache.recall("picture", key, compute)
        return shown

    def _key(self, job: Job, items: Sequence[Input], **others: Any) -> dict[str, Any]:
        config = to_dict(recipe(job.arm, self.settings, job.seed))
        learnt = [path.name for path in self.train]
        names = [[x.name, x.group, list(x.degraded.shape)] for x in items]
        key = {"recipe": config, "bounded": job.arm.bounded, "learnt": learnt, "inputs": names}
        return key | {"temperatures": list(self.settings.temperatures)} | others

    def _mark(self, job: Job, steps: int, items: list[Input]) -> dict[str, Any]:
        """Train until a mark and ask."""
        last = steps == self.settings.steps
        asked = [x for x in items if last or x.group in ALONG]

        def compute() -> dict[str, Any]:
            network = self._trained(job, steps)
            return {"steps": steps} | ask(network, asked, self.settings.temperatures, job.seed)

        return self._cache.recall("mark", self._key(job, asked, steps=steps), compute)

    def _asked(self, job: Job, arm: Arm, items: list[Input], what: str) -> dict[str, Any]:
        def measure(network: RestorationNetwork, items: list[Input], seed: int) -> dict[str, Any]:
            return ask(network, items, self.settings.temperatures, seed)

        return self._final(job, arm, what, items, measure)

    def _final(
        self, job: Job, arm: Arm, what: str, items: list[Input], measure: Callable[..., Any]
    ) -> Any:
        """A measurement of an arm at the end of its training."""
        key = self._key(job, items, clamped=arm.clamped)

        def compute() -> Any:
            network = self._trained(job, self.settings.steps)
            put(network, arm)
            return measure(network, items, job.seed)

        return self._cache.recall(what, key, compute)

    def _foretell(self, network: RestorationNetwork, items: list[Input], seed: int) -> Any:
        del seed
        return foretell(network, items, self._learnt())

    def _inside(self, network: RestorationNetwork, items: list[Input], seed: int) -> Any:
        return look_inside(network, items, INSIDE_TEMPERATURE, seed)

    def _trained(self, job: Job, steps: int) -> RestorationNetwork:
        """The averaged network after so many steps, trained on from where its checkpoint is."""
        if (job, steps) in self._kept:
            return self._kept[job, steps]
        folder = self.folder / "arms" / job.slug
        if not folder.is_dir():
            self._check_time()
        mean = self._mean()
        found = trainer(job.arm, self.settings, job.seed, self._crops(), folder, mean)
        if found.progress.total > steps:
            # A mark that was passed unasked: once more from the start.
            remove_folder(folder)
            found = trainer(job.arm, self.settings, job.seed, self._crops(), folder, mean)
        if found.progress.total < steps:
            self._check_time()
            left = self.minutes - (time.monotonic() - self._began) / 60.0
            found.run(minutes=left, steps=steps - found.progress.total)
            if found.progress.total < steps:
                raise Stopped
        self._kept.clear()
        self._kept[job, steps] = found.average.eval()
        return self._kept[job, steps]

    def _check_time(self) -> None:
        if time.monotonic() - self._began > 60.0 * self.minutes:
            raise Stopped

    def _mean(self) -> Path:
        return mean_image(self.settings, self._crops(), self.folder / "mean")

    def _crops(self) -> Path:
        folder = self.folder / "crops"
        if not folder.is_dir():
            crops(self.train, self.settings.train_photos, self.settings.train_side, folder)
        return folder

    def _learnt(self) -> list[Tensor]:
        """What training inputs look like, for the features' Gaussian."""
        return [pair.degraded for pair in pairs(find_photos(self._crops()), "bicubic", 4)]

    @property
    def _cache(self) -> Cache:
        return Cache(self.folder / "measured")
