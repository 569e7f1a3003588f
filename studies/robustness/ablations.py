"""Tiny models, one thing changed at a time, and from which training length they explode."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from restoreflow.config_reader import to_dict
from restoreflow.flows.certificate import certificate
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.coupling import Injector
from restoreflow.flows.elementwise import AffineMap, injector_map
from restoreflow.lab.fitting.outcomes import draw_each, error_places
from restoreflow.lab.training.config import LossWeights, StageConfig, TrainConfig
from restoreflow.lab.training.loop import Trainer
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.outputs.folders import remove_folder
from studies.robustness.cache import Cache
from studies.robustness.quality import likelihood
from studies.robustness.settings import StudySettings
from studies.robustness.suite import Item

__all__ = ["ABLATIONS", "Ablation", "ablate", "inject"]

NETWORK = NetworkConfig(width=24, depth=3, context=1)
FLOW = FlowConfig(steps=4, hidden=24)
PATCH, BATCH = 64, 8
PROBED = (0.0, 1.0)
"""Temperatures at which a tiny model is asked."""
MARKS = (1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3, 1.0)
"""Shares of the training after which it is asked."""


class Ablation(NamedTuple):
    """A tiny model.

    Attributes:
        name: in tables.
        changes: to the flow of the first one.
        injector: "affine" or "bounded", where it differs from what the coupling brings with it.
    """

    name: str
    changes: dict[str, Any]
    injector: str | None = None


ABLATIONS = (
    Ablation("spline, box 2, 2 bins", {}),
    Ablation("affine coupling and injector", {"coupling": "affine"}),
    Ablation("affine coupling alone", {"coupling": "affine"}, "bounded"),
    Ablation("affine injector alone", {}, "affine"),
    Ablation("clamped affine", {"coupling": "clamped_affine"}),
    Ablation("box 0.5", {"box": 0.5}),
    Ablation("box 1", {"box": 1.0}),
    Ablation("box 3", {"box": 3.0}),
    Ablation("4 bins", {"bins": 4}),
    Ablation("8 bins", {"bins": 8}),
)


def ablate(
    ablation: Ablation,
    train: Path,
    folder: Path,
    usual: Sequence[Item],
    strange: Sequence[Item],
    settings: StudySettings,
    cache: Cache,
    advance: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Train a tiny model by maximum likelihood, asking it again and again on the way.

    All of them start from one mean image, which is trained first and kept in the folder; so are
    checkpoints, from which an interrupted training goes on.

    Args:
        ablation: what to train.
        train: folder of photographs.
        folder: for checkpoints.
        usual: photographs with their truth, on which the likelihood is measured.
        strange: inputs on which it may explode.
        settings: lengths and seed.
        cache: keeps what was found at each training length.
        advance: called after each stretch of training.

    Returns:
        `name`; what was found at the end; and `marks`, what was found at each length: `steps`;
        `bound`, the certificate's at temperature 1, None without one; `nll`, nats a value;
        `photographs` and `hostile`, error images and largest |detail| for each temperature.
    """
    flow = dataclasses.replace(FLOW, **ablation.changes)
    own = folder / _slug(ablation.name)
    key = {"name": ablation.name, "flow": to_dict(flow), "injector": ablation.injector}
    key |= {
        "length": settings.tiny_steps,
        "seed": settings.seed,
        "train": sorted(path.name for path in train.iterdir()),
    }
    key |= {"inputs": [item.digest for item in (*usual, *strange)]}
    keys = [key | {"steps": max(round(share * settings.tiny_steps), 1)} for share in MARKS]
    marks = [cache.find("tiny", each) for each in keys]
    if None in marks:
        trainer = Trainer(
            _recipe(ablation.name, flow, settings),
            train,
            own,
            torch.device("cpu"),
            encoder=[_mean_image(train, folder, settings)],
        )
        if trainer.progress.total > keys[marks.index(None)]["steps"]:
            # It has gone past a length that was not measured: once more from the start.
            remove_folder(own)
            return ablate(ablation, train, folder, usual, strange, settings, cache, advance)
        marks = [_mark(trainer, ablation, flow, usual, strange, each, cache) for each in keys]
    advance(ablation.name)
    return {"name": ablation.name, **marks[-1], "marks": marks}


def _mark(
    trainer: Trainer,
    ablation: Ablation,
    flow: FlowConfig,
    usual: Sequence[Item],
    strange: Sequence[Item],
    key: dict[str, Any],
    cache: Cache,
) -> dict[str, Any]:
    """Train until a length and ask, unless that was done before."""

    def compute() -> dict[str, Any]:
        for network in (trainer.network, trainer.average):
            inject(network, ablation.injector, flow)
        if trainer.progress.total < key["steps"]:
            trainer.run(steps=key["steps"] - trainer.progress.total)
        bound = certificate(trainer.average).before_limiter
        found = _ask(trainer.average.eval(), usual, strange, trainer.config.seed)
        return {"steps": key["steps"], "bound": bound if math.isfinite(bound) else None} | found

    return cache.recall("tiny", key, compute)


def inject(network: RestorationNetwork, kind: str | None, flow: FlowConfig) -> None:
    """Let a network's injectors be of another kind than its couplings; None changes nothing.

    Both kinds have as many parameters, so that weights fit either.
    """
    if kind is None:
        return
    bounded = injector_map(dataclasses.replace(flow, coupling="spline"))
    for part in network.flow.chain.parts:
        if isinstance(part, Injector):
            part.map = AffineMap() if kind == "affine" else bounded


def _mean_image(train: Path, folder: Path, settings: StudySettings) -> Path:
    """The checkpoint whose encoder all tiny models share."""
    stage = StageConfig(
        loss="mean", steps=settings.tiny_steps, learning_rate=2e-3, batch=BATCH, patch=PATCH
    )
    config = _recipe("mean image", FLOW, settings, stage)
    trainer = Trainer(config, train, folder / "mean", torch.device("cpu"))
    trainer.run()
    return folder / "mean" / "checkpoint.safetensors"


def _recipe(
    name: str, flow: FlowConfig, settings: StudySettings, stage: StageConfig | None = None
) -> TrainConfig:
    likelihood_stage = StageConfig(
        loss="likelihood",
        steps=settings.tiny_steps,
        learning_rate=2e-3,
        batch=BATCH,
        patch=PATCH,
        warmup=min(50, settings.tiny_steps),
        weights=LossWeights(mean=0.0),
    )
    return TrainConfig(
        name=f"tiny-{_slug(name)}",
        network=NETWORK,
        flow=flow,
        stages=(stage or likelihood_stage,),
        seed=settings.seed,
        average=0.99,
        precision="float32",
    )


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name).split())


def _ask(
    network: RestorationNetwork, usual: Sequence[Item], strange: Sequence[Item], seed: int
) -> dict[str, Any]:
    """Likelihood in distribution; the largest |detail| and the error images, by group."""
    found: dict[str, Any] = {
        "nll": sum(likelihood(network, item, seed) for item in usual) / len(usual)
    }
    for group, items in (("photographs", usual), ("hostile", strange)):
        largest, errors = [0.0] * len(PROBED), [0] * len(PROBED)
        for item in items:
            drawn = draw_each(network, item.degraded, PROBED, 1, seed)
            for index, each in enumerate(drawn):
                largest[index] = max(largest[index], each.largest_detail)
                errors[index] += bool(error_places(each).any())
        found[group] = [
            {"temperature": t, "largest_detail": size, "error_images": count, "images": len(items)}
            for t, size, count in zip(PROBED, largest, errors, strict=True)
        ]
    return found
