"""Records of the commands that are about models and measures, as types, as batch/record_types."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "Card",
    "Certificate",
    "Doctor",
    "Gain",
    "Layer",
    "Listed",
    "ModelFile",
    "Orthogonality",
    "Realism",
    "Scored",
    "SelfTest",
    "Shown",
    "Verified",
]


class _Placed(TypedDict):
    schema: Literal[1]
    """Version of the records."""
    source: str
    """Where it came from: "bundled", "folder" or "hub"."""
    revision: str | None
    """Of the Hub; null elsewhere."""
    path: str
    """Its folder."""
    name: str
    """The model's."""


class Listed(_Placed):
    """A bundled model: `models list`."""

    task: str
    """The verb that restores with it."""
    scale: int
    """Side of its result over side of the input."""
    coupling: str
    """The flow's element-wise map: "spline", "affine"."""
    values: int
    """Numbers in its weights."""
    bytes: int
    """Of its files."""
    temperature: float
    """Its default."""
    consistency: bool
    """Its default."""


class Card(TypedDict):
    """What a reader must know before trusting a model; Markdown."""

    summary: str
    """What it restores, for whom."""
    license: str
    """Of the weights, as the Hub spells it."""
    code_license: str
    """Of the code that made them."""
    data_license: str
    """Of the pictures they learnt from, in words."""
    training_data: str
    """Which pictures, from where, how many."""
    recipe: str
    """Stages, time, machine, seed."""
    limits: str
    """On which inputs it fails, and how that looks."""


class _Searched(TypedDict, total=False):
    found: float | None
    """With --search, the largest value that ascents found; null: it was not finite."""
    ratio: float | None
    """Of that to the bound; null where there is none."""


class Layer(_Searched):
    """Bounds after a layer of the flow, from the latent to the image."""

    layer: str
    """Its name."""
    norm: float | None
    """2-norm at a location; null: no bound."""
    peak: float | None
    """Largest value; null: no bound."""


class Gain(TypedDict):
    """A layer whose map has no bound."""

    layer: str
    """Its name."""
    gain: float
    """What its inverse can multiply a value by."""


class Certificate(TypedDict):
    """What no input whatever can exceed, in units of the image's range; null: no bound."""

    temperature: float
    """Up to which it holds."""
    layers: list[Layer]
    """From the latent to the image."""
    before_limiter: float | None
    """Of the detail."""
    after_limiter: float | None
    """Of the detail."""
    result_range: list[float | None]
    """Lowest and highest value of a result before it is clamped."""
    finite: bool
    """Whether there is a bound at all."""
    overflows: bool
    """Whether there is none since float32 could not carry the values."""
    lost: str | None
    """The layer from which on it could not."""
    gains: list[Gain]
    """Of layers without a bound."""
    gain: float
    """Of these together."""


class _Certified(TypedDict, total=False):
    certificate: Certificate
    """With --certificate or --search."""


class Shown(Listed, _Certified):
    """A model: `models show`."""

    card: Card | None
    """Its card; null where it has none that can be read."""
    card_error: str | None
    """Why there is none."""
    figures: list[dict[str, str | float | None]]
    """The rows of its evaluation.json, as `evaluate` printed them."""


class ModelFile(TypedDict):
    """A file of a model's folder."""

    name: str
    """Its name."""
    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""
    listed: bool
    """Whether config.json lists the sum, and it was compared."""


class Orthogonality(TypedDict):
    """How near a model's rotations are to rotations."""

    departure: float
    """Largest |W W^T - 1|."""
    allowed: float
    """The most that is."""


class Verified(_Placed):
    """A model that is whole: `models verify`, `models pull`."""

    status: Literal["verified"]
    """It is whole."""
    files: list[ModelFile]
    """All of them."""
    orthogonality: Orthogonality
    """Of its rotations."""
    certificate: Certificate
    """What it promises."""


class _Tested(TypedDict, total=False):
    model: str
    """That it was tried with."""
    reason: str
    """Why it was not tried."""
    error: str
    """Why it failed."""
    hint: str
    """What to do next."""
    seconds: float
    """With loading."""
    device: str
    """Where."""
    precision: str
    """In what."""
    error_pixels: int
    """As in the record of a restoration."""
    nonfinite: int
    """As in the record of a restoration."""
    lr_psnr: float | None
    """As in the record of a restoration."""


class SelfTest(_Tested):
    """A picture made for the purpose, restored."""

    status: Literal["passed", "failed", "skipped"]
    """What came of it."""


class Doctor(TypedDict):
    """What is installed and whether it works: `doctor`."""

    schema: Literal[1]
    """Version of the records."""
    restoreflow: str
    """Its version."""
    python: str
    """Its version, and the system."""
    packages: dict[str, str]
    """Versions, by name."""
    processor: str
    """Processors, threads and memory."""
    devices: list[str]
    """Those that PyTorch finds."""
    device: str
    """The one taken, and why; or why none is."""
    model_cache: str
    """The Hub's folder."""
    variables: dict[str, str]
    """Those of the environment that matter and are set."""
    models: dict[str, str]
    """The state of each bundled one, in words."""
    self_test: SelfTest
    """Whether a picture can be restored."""
    next: list[str]
    """What to do now, in sentences."""


class _Quality(TypedDict, total=False):
    psnr_y: float
    """Of luminance, in dB, over all pictures' means."""
    ssim_y: float
    """Of luminance."""
    psnr: float
    """Of RGB, in dB."""
    ssim: float
    """Of RGB."""
    lpips_alex: float
    """Distance through AlexNet's features; with --lpips."""
    lpips_alex_worst: float
    """The largest over offsets of the grid."""
    lpips_alex_gap: float
    """Largest less smallest over these offsets."""
    lpips_squeeze: float
    """Distance through SqueezeNet's features; with --lpips."""
    lr_psnr: float | None
    """Of the downscaled result to the input, in dB; null: exact."""
    spread: float
    """Mean standard deviation of the samples, in 8-bit levels."""
    spread_std: float
    """Its standard deviation over the picture."""
    diversity_s10: float
    """Diversity of ten samples."""


class Scored(_Quality):
    """A method's figures over a set of pictures: `evaluate sr`, `evaluate lowlight`."""

    schema: Literal[1]
    """Version of the records."""
    method: str
    """A model's name, or what it is compared with."""
    temperature: float | None
    """Null where nothing is drawn."""
    data: str
    """The set's name."""
    pictures: int
    """That were measured."""
    samples: int
    """Of each."""
    error_pixels: int
    """Over all samples."""
    error_images: int
    """Pictures with error pixels, values that are not finite, or that failed."""
    nonfinite: int
    """Values."""
    failed: int
    """Pictures that could not be restored."""
    largest_detail: float | None
    """Before the limiter."""
    seconds_per_megapixel: float | None
    """Of the result; null where nothing was restored."""
    threads: int
    """Of the processor."""


class Realism(TypedDict):
    """A method's figures under one condition: `evaluate realism`."""

    schema: Literal[1]
    """Version of the records."""
    data: str
    """The set's name."""
    condition: str
    """What was done to the inputs: "clean", "worn", "phone"."""
    method: str
    """A model's name, or what it is compared with."""
    temperature: float | None
    """Null where nothing is drawn."""
    pictures: int
    """That were measured."""
    kid: float
    """1000 times the kernel distance of patches to the truths'."""
    lpips_squeeze: float
    """Mean over the pictures."""
    psnr: float
    """Of RGB, in dB; mean over the pictures."""
