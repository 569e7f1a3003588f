"""Scores of one picture, and their average over a set as a row of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from restoreflow.lab.evaluation.methods import Method, Outcome

__all__ = ["DECIBEL_CAP", "PictureScore", "Row", "average", "offset_scores"]

DECIBEL_CAP = 100.0
"""What an exact match counts as in an average of decibels, its own value being infinite."""


_OFFSET = "lpips_alex_offset_"


@dataclass(frozen=True)
class PictureScore:
    """One method on one picture.

    Args:
        picture: its file name.
        quality: measure to value, of the first sample; empty where the method failed.
        megapixels: size of the output.
        seconds: for one sample.
        error_pixels, nonfinite: over all samples, before limiter and clamping.
        largest_detail: largest absolute detail of any sample before the limiter.
        failure: why the method gave no result; empty where it did.
    """

    picture: str
    quality: Mapping[str, float]
    megapixels: float = 0.0
    seconds: float = 0.0
    error_pixels: int = 0
    nonfinite: int = 0
    largest_detail: float = 0.0
    failure: str = ""

    @classmethod
    def of(
        cls,
        picture: str,
        quality: Mapping[str, float],
        one: Outcome,
        several: Outcome,
        seconds: float,
    ) -> PictureScore:
        """Score of a method that gave results; counts are those of `several` samples."""
        width, height = one.images[0].size
        return cls(
            picture,
            quality,
            width * height / 1e6,
            seconds,
            several.error_pixels,
            several.nonfinite,
            several.largest_detail,
        )


@dataclass(frozen=True)
class Row:
    """One method on a set: averages of quality, sums of errors.

    Args:
        method, temperature: as in Method.
        data: name of the set or of a group of it.
        pictures: how many gave a result.
        samples: how many were drawn of each.
        quality: measure to its mean over pictures; of LPIPS at several offsets the first, the
            worst and the gap of those means.
        error_pixels, nonfinite: sums over pictures and samples.
        error_images: pictures with an error pixel or a failure.
        failed: pictures for which the method gave no result.
        largest_detail: largest absolute detail before the limiter.
        seconds_per_megapixel: for one sample, all pictures' seconds over all their output.
        threads: of the processor that torch used.
    """

    method: str
    temperature: float | None
    data: str
    pictures: int
    samples: int
    quality: Mapping[str, float]
    error_pixels: int
    error_images: int
    nonfinite: int
    failed: int
    largest_detail: float
    seconds_per_megapixel: float | None
    threads: int

    def record(self) -> dict[str, Any]:
        """The row as one flat JSON object."""
        record = dataclasses.asdict(self)
        return {
            key: value
            for name, entry in record.items()
            for key, value in (entry.items() if name == "quality" else [(name, entry)])
        }


def average(method: Method, data: str, scores: Sequence[PictureScore], samples: int) -> Row:
    """The row for a method's scores; measures that no picture has are left out."""
    done = [score for score in scores if not score.failure]
    measures = list(dict.fromkeys(name for score in done for name in score.quality))
    megapixels = sum(score.megapixels for score in done)
    return Row(
        method=method.name,
        temperature=method.temperature,
        data=data,
        pictures=len(done),
        samples=samples if method.draws_samples else 1,
        quality=_over_offsets({name: _mean(name, done) for name in measures}),
        error_pixels=sum(score.error_pixels for score in scores),
        error_images=sum(1 for s in scores if s.failure or s.error_pixels or s.nonfinite),
        nonfinite=sum(score.nonfinite for score in scores),
        failed=len(scores) - len(done),
        largest_detail=max((score.largest_detail for score in scores), default=0.0),
        seconds_per_megapixel=(
            sum(score.seconds for score in done) / megapixels if megapixels else None
        ),
        threads=torch.get_num_threads(),
    )


def offset_scores(distances: Sequence[float]) -> dict[str, float]:
    """A picture's LPIPS at each offset, as measures that `average` knows to fold."""
    return {f"{_OFFSET}{index}": distance for index, distance in enumerate(distances)}


def _over_offsets(quality: Mapping[str, float]) -> dict[str, float]:
    """The measures with LPIPS' means at each offset folded into first, worst and gap.

    The worst of the means, not the mean of the worst: chance alone makes the latter larger.
    """
    folded: dict[str, float] = {}
    offsets = [value for name, value in quality.items() if name.startswith(_OFFSET)]
    for name, value in quality.items():
        if not name.startswith(_OFFSET):
            folded[name] = value
        elif "lpips_alex" not in folded:
            worst, best = max(offsets), min(offsets)
            folded |= {
                "lpips_alex": value,
                "lpips_alex_worst": worst,
                "lpips_alex_gap": worst - best,
            }
    return folded


def _mean(name: str, scores: Sequence[PictureScore]) -> float:
    values = [score.quality[name] for score in scores if name in score.quality]
    if "psnr" in name:
        values = [min(value, DECIBEL_CAP) for value in values]
    return sum(values) / len(values)
