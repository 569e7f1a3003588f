"""The study's arms: models that differ in their flow, each with what its score needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from restoreflow.errors import UsageError
from restoreflow.lab.fitting.fit import default_layers, fit_gaussians, fit_reference
from restoreflow.lab.fitting.pictures import degradation_of, pairs
from restoreflow.lab.photographs import list_photos
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import OOD, WEIGHTS, ModelFolder, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import FEATURES
from restoreflow.ood.reference import Reference, has_reference, read_reference

__all__ = ["LABELS", "Arm", "load_arms"]

LABELS = {"spline": "spline", "affine": "affine", "clamped_affine": "clamped affine"}


@dataclass(frozen=True, eq=False)
class Arm:
    """A model under study.

    Attributes:
        name: of its configuration.
        coupling: of its flow.
        digest: of its weights: what measurements of its samples depend on.
        scored: of its weights and its statistics: what measurements of its scores depend on.
        folder: where it lies.
        network: in evaluation mode, on the CPU.
        config: its configuration.
        degradation: how its inputs were made.
        reference: what its score compares with: its own, or fitted for the study.
        embedding: mean and whitening of the features that condition the flow, the paper's score;
            None where no training photographs are given.
    """

    name: str
    coupling: str
    digest: str
    scored: str
    folder: ModelFolder
    network: RestorationNetwork
    config: ModelConfig
    degradation: str
    reference: Reference
    embedding: tuple[Tensor, Tensor] | None

    @property
    def label(self) -> str:
        """The arm's short name in figures."""
        return LABELS.get(self.coupling, self.coupling.replace("_", " "))


def load_arms(
    names: Sequence[str],
    train: Path | None,
    reference_photos: int,
    seed: int = 0,
    advance: Callable[[str], None] = lambda what: None,
) -> list[Arm]:
    """Load the models and what their scores need.

    Args:
        names: bundled names, folders or Hub ids.
        train: photographs as the models learnt from; for models without statistics, and for the
            score of the features.
        reference_photos: how many of those.
        advance: called with the name of each model that is ready.

    Raises:
        UsageError: none, two of one name, different tasks or scales, or no statistics and no
            photographs to fit them to.
        ModelError: one is missing or damaged.
    """
    if not names:
        raise UsageError("--models names no model", "for example --models sr-x4,sr-x4-affine")
    arms: list[Arm] = []
    photos = list_photos(train, reference_photos) if train else []
    decoded: dict[tuple[str, int], list[Tensor]] = {}
    for name in names:
        folder = resolve_model(name)
        kind = (degradation_of(folder), folder.config.scale)
        if photos and kind not in decoded:
            decoded[kind] = [pair.degraded for pair in pairs(photos, *kind, seed)]
        arms.append(_arm(folder, decoded.get(kind, []), seed))
        advance(arms[-1].name)
    kinds = {(arm.config.task, arm.config.scale) for arm in arms}
    if len(kinds) > 1:
        raise UsageError("--models have different tasks or scales", "compare twins")
    if len({arm.name for arm in arms}) < len(arms):
        raise UsageError("two of --models have one name", "each needs its own in config.json")
    return arms


def _arm(folder: ModelFolder, degraded: list[Tensor], seed: int) -> Arm:
    network, config = load_folder(folder)
    if has_reference(folder):
        reference = read_reference(folder)
    elif degraded:
        reference = fit_reference(network, lambda: degraded, default_layers(network))
    else:
        raise UsageError(
            f"{config.name} has no statistics of its training photographs",
            "name them by --train, or fit them first: restoreflow fit-ood MODEL --data PHOTOS",
        )
    embedding = None
    if degraded:
        gaussian = fit_gaussians(network, degraded, [FEATURES])[0][FEATURES]
        embedding = (gaussian.mean, gaussian.whitening)
    weights = config.sha256.get(WEIGHTS, "")
    score = [weights, config.sha256.get(OOD, ""), len(degraded), seed]
    return Arm(
        config.name,
        config.flow.coupling,
        weights[:16],
        hashlib.sha256(repr(score).encode()).hexdigest()[:16],
        folder,
        network,
        config,
        degradation_of(folder),
        reference,
        embedding,
    )
