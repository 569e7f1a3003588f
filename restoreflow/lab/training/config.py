"""A training run as data, read strictly from TOML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from restoreflow.config_reader import read_toml
from restoreflow.errors import UsageError
from restoreflow.flows.config import FlowConfig
from restoreflow.lab.degradations.table import DEGRADATIONS, DegradationName
from restoreflow.models.card import CardFacts
from restoreflow.models.config import Defaults, ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.tasks.table import TASKS, USUAL, TaskName, takers

__all__ = ["JUDGING", "LossWeights", "StageConfig", "TrainConfig", "read_train_config"]


UNTOLD = CardFacts(
    summary="A model in training.",
    license="apache-2.0",
    code_license="apache-2.0",
    data_license="not stated",
    training_data="Not stated.",
    recipe="See train.toml.",
    limits="Not examined.",
)


NAMES = {"range": "range penalty"}
"""What a card calls a term, where it is not by its own name."""

JUDGING = ("exposure", "wear")
"""Losses of what is judged of whole pictures, and of nothing else."""
_OF_MEAN = ("mean", "mean_features", "mean_decibels", "mean_lpips")
_OF_ALL = JUDGING
_TERMS: dict[str, tuple[str, ...]] = {
    "exposure": ("exposure", "gains", "clipped"),
    "wear": ("wear",),
    "mean": (*_OF_MEAN, "clipped", *_OF_ALL),
    "likelihood": ("mean", "likelihood", *_OF_ALL),
    "texture": (
        *("mean", "likelihood", "pixels", "features", "lpips", "consistency"),
        *("range", "adversary", *_OF_ALL),
    ),
}
"""The weights that count in a stage."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of a stage's terms.

    Attributes:
        mean: L1 of the mean image; 0 leaves the parameters it depends on as they are.
        mean_features: distance of the mean image's features from the truth's, in "mean" stages;
            with L1 alone the mean image is smoother than need be.
        mean_decibels: negative PSNR of the mean image, patch by patch, in "mean" stages: what is
            reported; L1 alone leaves flat patches to be improved last.
        mean_lpips: LPIPS itself (AlexNet) of the mean image, in "mean" stages.
        likelihood: negative log-likelihood per value, in nats.
        pixels: energy score of samples, absolute differences of pixels.
        features: energy score of samples, distances of a classifier's features.
        lpips: the same score with LPIPS itself, a squared distance: it asks for the right features
            on average, and against spread below 0.5, so it goes with `features`.
        vgg: of VGG-16's features beside AlexNet's, in every distance of features.
        consistency: L1 of the degraded sample against the input.
        exposure: L1 of the judged exposure, in stops; low light only.
        gains: L1 of whole pictures, seen small, in the light of their map of gains; "exposure"
            stages of encoders that judge one.
        clipped: values near white where the truth is not, of the mean image in "mean" stages and of
            what the map of gains shows in "exposure" stages.
        wear: squared error of the judged wear, where the encoder is told it.
        range: the range penalty, squared excess of samples beyond [0, 1] before the limiter: rare,
            hence unseen by the other terms, and what error pixels are made of. A model's card says
            whether it was used: it trains explosions away whatever the form of the flow.
        adversary: of a discriminator's judgement of samples, see `training.adversary`.
        spread: how much of the distance between two samples the energy score subtracts; 0.5 makes
            it a proper scoring rule, less trades spread for sharpness.
        spread_worn: what share of `spread` counts where the input is worn. Noise and blocks leave
            much open that differs over tens of pixels, edges above all, and samples can differ over
            a few: with all of it edges are ragged.
    """

    mean: float = 10.0
    mean_features: float = 0.0
    mean_decibels: float = 0.0
    mean_lpips: float = 0.0
    likelihood: float = 1.0
    pixels: float = 2.0
    features: float = 1.0
    lpips: float = 0.0
    vgg: float = 0.5
    consistency: float = 5.0
    exposure: float = 0.3
    gains: float = 0.0
    clipped: float = 0.0
    wear: float = 1.0
    range: float = 0.0
    adversary: float = 0.0
    spread: float = 0.5
    spread_worn: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """A stretch of training with one loss and one learning rate curve.

    Attributes:
        loss: "mean": the encoder alone; "likelihood": the flow with it; "texture": samples drawn
            with gradient besides; "exposure": the judged exposure and nothing else, low light only;
            "wear": the judged wear and nothing else, of encoders that are told it.
        steps: optimiser steps.
        learning_rate: Adam's, after the warm-up.
        muon: Muon's for the residual blocks' convolutions, on the same curve; 0 leaves them to
            Adam. About 3e-3 from scratch, less to go on with.
        batch: patches a step, over all processes.
        patch: side of a patch of the clean picture, a multiple of 8 times the scale's cell.
        warmup: steps of linear growth at the start.
        hold: share of the curve that is held at the full rate before it falls.
        adversary_from: step from which the discriminator learns, and its weight grows from 0.
        adversary_ramp: steps until it is whole.
        curve: steps the learning rate's curve is laid out for, where the stage ends before; 0 for
            the stage's own length.
        final: share of the learning rate that the cosine ends with.
        clip: largest 2-norm of the gradient.
        isolated: whether gradients stop between the encoder's trunk and the flow's features. Where
            not, the trunk learns what textures need, which is faster, and the mean image, asked for
            by its own term alone, is no longer what twins share as they train: theirs is taken,
            by --encoder, from the model that was trained so.
        weights: of the loss's terms.
    """

    loss: Literal["exposure", "wear", "mean", "likelihood", "texture"]
    steps: int
    learning_rate: float
    muon: float = 0.0
    batch: int = 12
    patch: int = 160
    warmup: int = 100
    curve: int = 0
    hold: float = 0.0
    adversary_from: int = 500
    adversary_ramp: int = 300
    final: float = 0.02
    clip: float = 1.0
    isolated: bool = True
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise ValueError("steps and batch must be 1 or more")
        if not 0.0 <= self.hold < 1.0:
            raise ValueError(f"hold is {self.hold}, not a share within 0 .. 1")
        if self.weights.adversary > 0 and self.loss != "texture":
            raise ValueError('an adversary counts in "texture" stages alone')
        of_mean = ("mean_features", "mean_decibels", "mean_lpips")
        for name in of_mean if self.loss != "mean" else ():
            if getattr(self.weights, name) > 0:
                raise ValueError(f'{name} counts in "mean" stages alone')
        if self.patch < 32 or self.patch % 32:
            raise ValueError(f"patch must be a multiple of 32, not {self.patch}")

    @property
    def of_flow(self) -> bool:
        """Whether the flow is trained, and not the encoder alone."""
        return self.loss in ("likelihood", "texture")

    @property
    def needs_features(self) -> bool:
        """Whether the loss compares a classifier's features."""
        of_mean = self.weights.mean_features > 0 or self.weights.mean_lpips > 0
        return self.loss == "texture" or of_mean


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All of a training TOML.

    Attributes:
        name: of the model.
        task: a name in `tasks.table.TASKS`.
        scale: output side over input side.
        degradation: how inputs are made, a name in `degradations.table.DEGRADATIONS`.
        drawings: share of examples that are drawn, text and shapes, instead of photographs; not
            for low light.
        reduced: share of examples cut from photographs reduced by up to two; not for low light,
            which has its own views.
        network: the encoder.
        flow: the invertible part.
        defaults: what the model's folder will say.
        stages: in order.
        seed: of weights, batches and noise.
        average: decay of the moving average of the weights, which is what is kept.
        precision: of the networks; the flow's maps always run in float32.
        card: what the model's card will say beside the figures.
    """

    name: str
    task: TaskName = USUAL.name
    scale: int = 4
    degradation: DegradationName = "bicubic"
    drawings: float = 0.0
    reduced: float = 0.0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    defaults: Defaults = field(default_factory=Defaults)
    stages: tuple[StageConfig, ...] = ()
    seed: int = 0
    average: float = 0.999
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    card: CardFacts = UNTOLD

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("no [[stages]] are given")
        judged = TASKS[self.task].takes("exposure")
        if not judged and any(stage.loss == "exposure" for stage in self.stages):
            raise ValueError(f'"exposure" stages are for {takers("exposure")}')
        told = self.network.told and DEGRADATIONS[self.degradation].told
        if not told and any(stage.loss == "wear" for stage in self.stages):
            raise ValueError('"wear" stages need an encoder that is told it, and worn photographs')
        for name in ("drawings", "reduced"):
            share = getattr(self, name)
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is {share}, not a share within 0 .. 1")
            if share > 0 and DEGRADATIONS[self.degradation].of_views is not None:
                raise ValueError(f"{name} is not for {self.degradation}, which has its own views")

    def asked(self) -> list[dict[str, Any]]:
        """What each stage asks for, a row each, for a model's card."""
        task = TASKS[self.task]
        idle = {name for name in ("consistency", "exposure") if not task.takes(name)}
        idle |= set() if self.network.told else {"wear"}
        return [
            {
                "stage": stage.loss,
                "steps": stage.steps,
                "batch": f"{stage.batch} x {stage.patch} px",
                "weights": ", ".join(
                    [
                        f"{NAMES.get(name, name)} {getattr(stage.weights, name):g}"
                        for name in _TERMS[stage.loss]
                        if getattr(stage.weights, name) > 0 and name not in idle
                    ]
                    + self._spread(stage)
                ),
            }
            for stage in self.stages
        ]

    def _spread(self, stage: StageConfig) -> list[str]:
        """How far samples were to differ, where it is less than a proper score would have it."""
        if stage.loss != "texture" or stage.weights.spread >= 0.5:
            return []
        spread, share = stage.weights.spread, stage.weights.spread_worn
        worn = f", of worn inputs {spread * share:g}" if self.network.told and share != 1.0 else ""
        return [f"spread of samples {spread:g}{worn} (0.5 is proper)"]

    def model(self) -> ModelConfig:
        """The model that the run makes."""
        return ModelConfig(
            name=self.name,
            task=self.task,
            scale=self.scale,
            network=self.network,
            flow=self.flow,
            defaults=self.defaults,
        )


def read_train_config(path: Path) -> TrainConfig:
    """Read a training TOML.

    Raises:
        UsageError: no such file, no TOML, an unknown key (the nearest is named), a wrong value.
    """
    return read_toml(TrainConfig, path, UsageError)
