"""The study from end to end: every measurement, each once, gathered in one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoreflow import __version__
from restoreflow.config_reader import to_dict
from restoreflow.lab.evaluation.sr import PerceptualMetrics
from restoreflow.lab.fitting.pictures import LEAST_CELLS
from restoreflow.models.folder import WEIGHTS
from restoreflow.ood.reference import has_reference
from restoreflow.tasks.table import TASKS
from studies.robustness.ablations import ABLATIONS, ablate
from studies.robustness.arms import LABELS, Arm
from studies.robustness.bounds import bounds
from studies.robustness.cache import Cache
from studies.robustness.growth import growth
from studies.robustness.measure import attack, measure
from studies.robustness.quality import crops, likelihood, quality
from studies.robustness.round_trips import round_trips
from studies.robustness.settings import StudySettings
from studies.robustness.suite import Item, corruptions, hostile, photographs
from studies.robustness.toy import toy

__all__ = ["SCHEMA", "Study"]

SCHEMA = 1
GROWTH_TEMPERATURE = 0.9
TINY_PHOTOS, TINY_SIDE = 64, 192
"""Crops that tiny models learn from."""
TINY_PROBE = 32
"""Side of the inputs that tiny models are asked about, in pixels of the input."""
TINY_HOSTILE = ("noise_uniform", "noise_binary", "checker_1", "stripes_2", "text")


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is studied, and how.

    Attributes:
        arms: models of one task and scale.
        photos: photographs that none of them has learnt from.
        settings: numbers and sizes.
        cache: keeps every measurement.
        metrics: LPIPS; None leaves the comparison in distribution out.
        train: photographs for the ablations' trainings; None leaves the ablations out.
        advance: called with what has been done.
    """

    arms: Sequence[Arm]
    photos: Sequence[Path]
    settings: StudySettings
    cache: Cache
    metrics: PerceptualMetrics | None = None
    train: Sequence[Path] | None = None
    advance: Callable[[str], None] = lambda what: None

    def run(self) -> dict[str, Any]:
        """All measurements, JSON without NaN or infinity."""
        measured = {arm.name: self._arm(arm) for arm in self.arms}
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "restoreflow": __version__,
            "task": self.arms[0].config.task,
            "scale": self.arms[0].config.scale,
            "settings": to_dict(self.settings),
            "arms": [self._facts(arm) for arm in self.arms],
            "measurements": measured,
            "growth": self._growth(measured),
            "quality": self._quality(),
            "round_trips": self._round_trips(),
            "toy": {name: self._toy(name) for name in LABELS},
        }
        if self.train is not None:
            result["ablations"] = self._ablations(self.train)
        return result

    def _facts(self, arm: Arm) -> dict[str, Any]:
        return {
            "name": arm.name,
            "coupling": arm.coupling,
            "label": arm.label,
            "sha256": arm.config.sha256.get(WEIGHTS, ""),
            "parameters": sum(p.numel() for p in arm.network.parameters()),
            "temperature": arm.config.defaults.temperature,
            "score": arm.reference.layers[0].facts.name,
            "statistics": "its own" if has_reference(arm.folder) else "fitted for this study",
        }

    def _key(self, arm: Arm, **others: Any) -> dict[str, Any]:
        return {"model": arm.digest, "seed": self.settings.seed} | others

    def _arm(self, arm: Arm) -> dict[str, Any]:
        """Every input of the suite, the attacks, the likelihood and the bounds of an arm."""
        s = self.settings
        inputs = [self._measure(arm, item, group) for item, group in self._items(arm)]
        inputs += self._attacks(arm, inputs)
        size = {"steps": s.search_steps, "cells": s.search_cells, "restarts": s.search_restarts}
        found = [
            self.cache.recall(
                "bounds",
                self._key(arm, temperature=t, **size),
                lambda t=t: bounds(arm.network, t, **size, seed=s.seed),
            )
            for t in s.attack_temperatures
        ]
        self.advance(f"{arm.name}: certificate")
        return {"inputs": inputs, "bounds": found, "nll": self._likelihood(arm)}

    def _items(self, arm: Arm) -> Iterator[tuple[Item, tuple[Sequence[float], int]]]:
        """Inputs with the temperatures and the number of samples they are measured at."""
        s = self.settings
        for item in photographs(self.photos, arm.degradation, arm.config.scale, s):
            yield item, (s.photo_temperatures, s.photo_samples)
        for item in corruptions(self.photos, arm.degradation, arm.config.scale, s):
            yield item, (s.temperatures, 1)
        for item in hostile(self.photos[0], s.hostile_side, s.seed):
            yield item, (s.temperatures, 1)

    def _measure(self, arm: Arm, item: Item, levels: tuple[Sequence[float], int]) -> dict[str, Any]:
        temperatures, samples = levels
        key = self._key(arm, item=item.name, digest=item.digest, score=arm.scored)
        key |= {"temperatures": list(temperatures), "samples": samples}
        found = self.cache.recall(
            "input", key, lambda: measure(arm, item, temperatures, samples, self.settings.seed)
        )
        self.advance(f"{arm.name}: {item.name}")
        return found

    def _attacks(self, arm: Arm, measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ascents from the worst hostile input and from photographs, at each temperature."""
        s = self.settings
        starts = {item.name: item for item in hostile(self.photos[0], s.attack_side, s.seed)}
        side = max(s.attack_side * arm.config.scale, 4 * LEAST_CELLS)
        small = StudySettings(photos=s.attacked_photos, photo_side=side, seed=s.seed)
        photos = list(photographs(self.photos, arm.degradation, arm.config.scale, small))
        found = []
        for temperature in s.attack_temperatures:
            worst = max(
                (each for each in measured if each["group"] == "hostile"),
                key=lambda each: _severity(each, temperature),
            )
            for start, near in [(starts[worst["name"]], False), *((p, True) for p in photos)]:
                key = self._key(arm, start=start.name, digest=start.digest, score=arm.scored)
                key |= {"near": near, "temperature": temperature, "steps": s.attack_steps}
                found.append(
                    self.cache.recall(
                        "attack",
                        key,
                        lambda start=start, near=near, t=temperature: attack(
                            arm, start, t, near, s.attack_steps, s.seed
                        ),
                    )
                )
                self.advance(f"{arm.name}: attack on {start.name}")
        return found

    def _likelihood(self, arm: Arm) -> list[float]:
        """Of every photograph, nats a value."""
        s = self.settings
        return [
            self.cache.recall(
                "likelihood",
                self._key(arm, item=item.name, digest=item.digest),
                lambda item=item: likelihood(arm.network, item, s.seed),
            )
            for item in photographs(self.photos, arm.degradation, arm.config.scale, s)
        ]

    def _growth(self, measured: dict[str, Any]) -> dict[str, Any]:
        """Every arm on the input the worst arm is worst on, and on a photograph."""
        s = self.settings
        every = {item.name: item for item in hostile(self.photos[0], s.hostile_side, s.seed)}
        worst = max(
            (each for found in measured.values() for each in found["inputs"]),
            key=lambda each: (each["group"] == "hostile", _severity(each, GROWTH_TEMPERATURE)),
        )
        arm = self.arms[0]
        small = StudySettings(photos=1, photo_side=4 * s.hostile_side, seed=s.seed)
        photo = next(photographs(self.photos, arm.degradation, arm.config.scale, small))
        chosen = {"exploding": every[worst["name"]], "photograph": photo}
        layers = {
            place: {
                arm.name: self.cache.recall(
                    "growth",
                    self._key(arm, item=item.name, digest=item.digest),
                    lambda arm=arm, item=item: growth(
                        arm.network, item.degraded, GROWTH_TEMPERATURE, s.seed
                    ),
                )
                for arm in self.arms
            }
            for place, item in chosen.items()
        }
        names = {place: item.name for place, item in chosen.items()}
        return {"temperature": GROWTH_TEMPERATURE, "inputs": names, "layers": layers}

    def _quality(self) -> list[dict[str, Any]]:
        """Rows of bicubic and of every arm; none without metrics, or an operator."""
        s, scale, metrics = self.settings, self.arms[0].config.scale, self.metrics
        if metrics is None or TASKS[self.arms[0].config.task].operator is None:
            return []
        folder = self.cache.folder / "pictures"
        truths = crops(self.photos, s.quality_photos, s.quality_side, folder)
        rows = []
        for arm in (None, *self.arms):
            key = {"bicubic": scale} if arm is None else self._key(arm)
            key |= {"truths": [path.name for path in truths], "samples": s.quality_samples}
            key |= {"temperatures": list(s.quality_temperatures)}
            rows += self.cache.recall(
                "quality",
                key,
                lambda arm=arm: quality(arm, truths, metrics, s, scale, self.advance),
            )
        return rows

    def _round_trips(self) -> list[dict[str, Any]]:
        draws, seed = self.settings.round_trips, self.settings.seed
        key = {"draws": draws, "seed": seed}
        found = self.cache.recall("round_trips", key, lambda: round_trips(draws, seed))
        self.advance("round trips")
        return found

    def _toy(self, coupling: Any) -> dict[str, Any]:
        steps = self.settings.toy_steps
        key = {"coupling": coupling, "steps": steps}
        found = self.cache.recall("toy", key, lambda: toy(coupling, steps))
        self.advance(f"toy: {coupling}")
        return found

    def _ablations(self, train: Sequence[Path]) -> list[dict[str, Any]]:
        s = self.settings
        learnt = self.cache.folder / "tiny-photos"
        crops(train, TINY_PHOTOS, TINY_SIDE, learnt)
        small = StudySettings(photos=4, photo_side=4 * TINY_PROBE, seed=s.seed)
        usual = list(photographs(self.photos, "bicubic", 4, small))
        strange = [
            item
            for item in hostile(self.photos[0], TINY_PROBE, s.seed)
            if item.name in TINY_HOSTILE
        ]
        folder = self.cache.folder / f"tiny-{s.tiny_steps}-{s.seed}"
        return [
            ablate(each, learnt, folder, usual, strange, s, self.cache, self.advance)
            for each in ABLATIONS
        ]


def _severity(measured: dict[str, Any], temperature: float) -> tuple[int, float]:
    """How badly an input ended at the temperature nearest to this one."""
    level = min(measured["levels"], key=lambda each: abs(each["temperature"] - temperature))
    return level["nonfinite"], level["largest_detail"]
