"""The records that `--format json` prints, as types: what docs/records.schema.json is made from."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "RECORD_SCHEMA",
    "Defect",
    "Done",
    "Estimate",
    "Failed",
    "Judged",
    "Planned",
    "Skipped",
    "Summary",
    "Wear",
]

RECORD_SCHEMA = 1
"""Stands in every record as "schema". Fields may be added; one that goes, or means something else,
makes it 2."""


class Wear(TypedDict):
    """What a model took a picture to suffer from."""

    blur: float
    """Standard deviation in pixels."""
    noise: float
    """Standard deviation in 8-bit levels."""
    quality: float
    """Of the JPEG compression, 100 for none."""


class Defect(TypedDict):
    """What a picture suffers from, as `ood-check` finds it."""

    kind: str
    """As "noise", "blur", "compression"."""
    value: float
    """How much, in the unit."""
    unit: str
    """Of the value."""
    words: str
    """The same in words."""


class _Record(TypedDict):
    schema: Literal[1]
    """Version of the records."""
    input: str | None
    """The input's path or URL; null where no input is to blame."""
    output: list[str]
    """Files written, or for a skipped input those that exist; a file a sample, in order."""


class _Verdict(TypedDict, total=False):
    ood_rank: float | None
    """Of 100 training photographs, how many are less unlike the others; null: not judged."""
    ood_score: float | None
    """How much stronger the picture's features are than the training photographs'."""
    flagged: bool | None
    """Whether the picture is unlike what the model has learnt from."""
    reasons: list[str] | None
    """Why it is flagged."""
    artifact_probability: float | None
    """That the result errs beyond what its samples' spread says."""
    suffers: list[Defect] | None
    """What the picture suffers from."""
    verdict: str | None
    """What to do first: "nothing to do", or an option."""
    advice: str | None
    """Why."""


class _Sampled(TypedDict):
    seed: int
    """Of the samples' noise."""
    temperature: float
    """The noise's standard deviation; 0: the clean estimate."""
    consistency: bool
    """Whether the result was projected so that it gives back the input."""
    lr_psnr: float | None
    """PSNR in dB, 100 at most, between the result, downscaled, and the input; the lowest of all
    samples; null where no downscaling is known."""
    lr_psnr_clean: float | None
    """The same to the downscaled clean estimate; null with consistency."""
    consistent_with: Literal["input", "estimate"] | None
    """What a projected result gives back."""
    error_pixels: int
    """Pixels with a value outside -0.5 .. 1.5 before the limiter, over all samples."""
    nonfinite: int
    """Values that had to be computed again in float32."""
    largest_detail: float
    """Largest absolute value before the limiter."""
    model: str
    """The model's name."""
    scale: float
    """Side of the result over side of the input."""
    width: int
    """Of the result, in pixels."""
    height: int
    """Of the result, in pixels."""
    seconds: float
    """Of computing."""
    device: str
    """Where: "cpu", "cuda:0", "mps"."""
    precision: str
    """In what: "float32", "bfloat16", "float16"."""
    wear: Wear | None
    """What the model took the picture to suffer from; null where it is not told."""
    notes: list[str]
    """What a reader should know, as what the format does not hold."""


class _Beside(TypedDict, total=False):
    page: int
    """Of a file with several pages, from 1."""
    uncertainty: str
    """The heat map's path."""
    grid: str
    """The contact sheet's path."""
    arrays: str
    """The path of the file of numbers."""


class Done(_Record, _Sampled, _Verdict, _Beside):
    """An input that was restored, by `sr` or `lowlight`."""

    status: Literal["done"]
    """It is done."""


class _Mapped(TypedDict, total=False):
    heatmap: str
    """The heat map's path, as in `output`."""


class Judged(_Record, _Verdict, _Mapped):
    """An input that `ood-check` judged."""

    status: Literal["done"]
    """It is done."""
    ood_unusual: float
    """Deviations to either side, also of calmer pictures."""
    mean: float
    """Of the score over all places of the picture."""
    p99: float
    """The 99th percentile of the score over its places."""
    share: float
    """Of its places beyond the training photographs' threshold, 0 .. 1."""
    statistics: dict[str, float]
    """Of the picture, by name."""
    width: int
    """Of the picture, in pixels."""
    height: int
    """Of the picture, in pixels."""


class Skipped(_Record, _Verdict):
    """An input that nothing was done for."""

    status: Literal["skipped"]
    """Its results exist, or it was left out because it is flagged (`--ood skip`)."""
    reason: str
    """Why, continuing "it ..."."""


class Planned(_Record):
    """An input that would be restored: `--dry-run`."""

    status: Literal["planned"]
    """Nothing was written."""


class Failed(_Record, _Verdict):
    """An input that failed, or a command line that nothing could be done for."""

    status: Literal["failed"]
    """Nothing was written."""
    error: str
    """What happened and where, one line."""
    hint: str
    """What to do next; empty where nothing can be done."""


class Estimate(TypedDict):
    """What a dry run expects."""

    megapixels: float
    """Of all results."""
    bytes: int
    """That they take on the disk."""
    seconds: float
    """Of computing."""
    free: int | None
    """Bytes that the disk has; null for a store."""


class _Estimated(TypedDict, total=False):
    estimate: Estimate | None
    """Of a dry run; null where no input can be read."""


class Summary(_Estimated):
    """The last record of a run over several inputs, or of a dry run."""

    schema: Literal[1]
    """Version of the records."""
    status: Literal["summary"]
    """It is the last."""
    done: int
    """Inputs restored."""
    skipped: int
    """Inputs skipped."""
    failed: int
    """Inputs that failed."""
    limited: int
    """How many of the failed reached a limit of memory, disk or size."""
    planned: int
    """Inputs that a dry run would restore."""
    flagged: int
    """Inputs unlike what the model has learnt from, whatever became of them."""
    refused: int
    """How many of the failed were refused because they are."""
    seconds: float
    """Of the whole run."""
    megapixels: float
    """Written in result pictures."""
    megapixels_per_second: float | None
    """Null where nothing was done."""
    exit_code: int
    """What the run ends with, see exit-codes.md."""
