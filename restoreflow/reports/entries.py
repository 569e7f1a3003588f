"""What the pages are made from: one entry an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["FailedEntry", "OodEntry", "Reference", "RestorationEntry", "RestorationFacts"]


@dataclass(frozen=True)
class RestorationFacts:
    """Figures that stand beside a restored picture; None is left out.

    Args:
        model: its name.
        seed: 0 .. 2**64 - 1.
        temperature: 0 or more.
        seconds: the restoration's.
        error_pixels: values outside -0.5 .. 1.5 before the limiter, over all samples.
        nonfinite: values that were not finite.
        lr_psnr: agreement with the input after downscaling, the lowest over the samples, in dB.
        lr_psnr_clean: the same with the network's own clean estimate, downscaled too.
        consistency: whether the samples were projected.
        consistent_with: onto the "input" or the model's own "estimate" of it.
        largest_detail: largest absolute value of the detail before the limiter.
        rank: of 100 training photographs, how many are less unlike the others than the input.
        probability: that the result shows artifacts, 0 .. 1.
        flagged: whether the input is unlike the training photographs.
        reasons: in words, what is unlike.
        suffers: in words, what the input suffers from by itself.
        verdict, advice: what to do with the input first, and why.
        device: as "cpu".
        notes: sentences to the reader.
    """

    model: str
    seed: int
    temperature: float
    seconds: float
    error_pixels: int
    nonfinite: int = 0
    lr_psnr: float | None = None
    lr_psnr_clean: float | None = None
    consistency: bool | None = None
    consistent_with: str = "input"
    largest_detail: float | None = None
    rank: float | None = None
    probability: float | None = None
    flagged: bool = False
    reasons: Sequence[str] = ()
    suffers: Sequence[str] = ()
    verdict: str = ""
    advice: str = ""
    device: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class RestorationEntry:
    """One input and what was made of it.

    Args:
        file: the input's path or name, shown as it is.
        before: the input, of any mode.
        samples: at least one result, all of one size.
        facts: the figures beside.
        mean: the network's clean estimate, of the samples' size, or None.
        uncertainty: (H, W) standard deviation of the samples in 8-bit levels, or None.
        score_map: (h, w) of any size, the score at every location of the input, or None.
        size: width and height of the result, where samples, mean and uncertainty are reduced ones;
            None: they are as large as it.

    Raises:
        ValueError: sizes that do not go together.
    """

    file: str | Path
    before: Image.Image
    samples: Sequence[Image.Image]
    facts: RestorationFacts
    mean: Image.Image | None = None
    uncertainty: np.ndarray | None = None
    score_map: np.ndarray | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"{self.file}: no sample to show")
        sizes = {image.size for image in (*self.samples, self.mean or self.samples[0])}
        if len(sizes) > 1:
            raise ValueError(f"{self.file}: samples of several sizes, {sorted(sizes)}")
        width, height = self.samples[0].size
        if self.uncertainty is not None and self.uncertainty.shape != (height, width):
            raise ValueError(
                f"{self.file}: uncertainty of shape {self.uncertainty.shape}, "
                f"samples of {height} rows and {width} columns"
            )
        if self.score_map is not None and (self.score_map.ndim != 2 or not self.score_map.size):
            raise ValueError(f"{self.file}: score map of shape {self.score_map.shape}, not (h, w)")

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.size or self.samples[0].size

    @property
    def reduced(self) -> bool:
        """Whether the pictures are smaller than the result."""
        return self.full_size != self.samples[0].size


@dataclass(frozen=True)
class OodEntry:
    """One input: how unlike the training photographs it is, and what it suffers from.

    Args:
        file: its path or name, shown as it is.
        score: the one-sided score that the threshold is for; 1 is the training photographs'
            average. Infinity and NaN are allowed, and sort first.
        flagged: whether it is unlike the training photographs.
        verdict: what to do, in two or three words; empty: "flagged" or "nothing to do".
        reasons: in words, what is unlike.
        probability: that a result would show artifacts, 0 .. 1, or None.
        rank: of 100 training photographs, how many are less unlike the others, or None.
        suffers: in words, what the picture suffers from by itself.
        advice: why the verdict, in words.
        image: the input, of any mode, or None for a row without a picture.
        score_map: (h, w) of any size, the score at every location, or None.
    """

    file: str | Path
    score: float
    flagged: bool
    verdict: str = ""
    reasons: Sequence[str] = ()
    probability: float | None = None
    rank: float | None = None
    suffers: Sequence[str] = ()
    advice: str = ""
    image: Image.Image | None = None
    score_map: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.score_map is not None and (self.score_map.ndim != 2 or not self.score_map.size):
            raise ValueError(f"{self.file}: score map of shape {self.score_map.shape}, not (h, w)")


@dataclass(frozen=True)
class FailedEntry:
    """An input that could not be read or restored.

    Args:
        file: its path or name.
        message: what happened.
        hint: what to do; may be empty.
    """

    file: str | Path
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Reference:
    """Scores of photographs like the training set's, as quantiles.

    Args:
        probabilities: at least 2, ascending, in 0 .. 1.
        scores: finite, as many, not descending.
    """

    probabilities: Sequence[float]
    scores: Sequence[float]

    def __post_init__(self) -> None:
        places, scores = np.asarray(self.probabilities), np.asarray(self.scores)
        if places.shape != scores.shape or places.ndim != 1 or places.size < 2:
            raise ValueError(f"{places.size} probabilities and {scores.size} scores of a reference")
        if (np.diff(places) <= 0).any() or places[0] < 0 or places[-1] > 1:
            raise ValueError("a reference's probabilities have to ascend within 0 .. 1")
        if not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("a reference's scores have to be finite and ascend")

    def quantile(self, probability: float) -> float:
        """The score below which this share of the photographs lies."""
        return float(np.interp(probability, self.probabilities, self.scores))

    def share_below(self, score: float | np.ndarray) -> np.ndarray:
        """The share of the photographs below a score, 0 .. 1."""
        shares = np.interp(score, self.scores, self.probabilities)
        shares = np.where(np.asarray(score) < self.scores[0], 0.0, shares)
        return np.where(np.asarray(score) >= self.scores[-1], 1.0, shares)
