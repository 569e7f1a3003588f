"""Arms that are the same but for their maps: one recipe, one start, one order of the data."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path

import torch
from torch import nn

from restoreflow.lab.training.config import LossWeights, StageConfig, TrainConfig
from restoreflow.lab.training.loop import CHECKPOINT, MODEL, Trainer
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.factorial.forms import Arm, put
from studies.factorial.settings import FLOW, NETWORK, FactorialSettings

__all__ = ["mean_image", "recipe", "same_start", "trainer"]

RATE = 2e-3
WARMUP = 50


def recipe(arm: Arm, settings: FactorialSettings, seed: int) -> TrainConfig:
    """An arm's training: maximum likelihood and nothing else.

    No range penalty, no texture, no adversary and no drawings, each of which holds explosions off
    by itself; the mean image stays as it was given.
    """
    flow = dataclasses.replace(FLOW, coupling=arm.coupling, injector=arm.injector)
    stage = StageConfig(
        loss="likelihood",
        steps=settings.steps,
        learning_rate=RATE,
        batch=settings.batch,
        patch=settings.patch,
        warmup=min(WARMUP, settings.steps),
        weights=LossWeights(mean=0.0),
    )
    return TrainConfig(
        name="factorial",
        network=NETWORK,
        flow=flow,
        stages=(stage,),
        seed=seed,
        average=0.99,
        precision="float32",
    )


def trainer(
    arm: Arm, settings: FactorialSettings, seed: int, crops: Path, folder: Path, mean: Path
) -> Trainer:
    """An arm's trainer, at the start or where it was interrupted, with the arm's own maps.

    Args:
        crops: photographs to learn from.
        folder: of the arm and seed.
        mean: `mean_image`'s checkpoint.
    """
    fresh = not (folder / CHECKPOINT).exists()
    found = Trainer(recipe(arm, settings, seed), crops, folder, torch.device("cpu"), encoder=[mean])
    for network in (found.network, found.average):
        put(network, arm)
        if fresh:
            same_start(network, seed)
    return found


@torch.no_grad()
def same_start(network: RestorationNetwork, seed: int) -> None:
    """Draw all first weights but the mean image's layer by layer, so that arms share what they can.

    Forms differ in how many parameters a value has, hence in the last convolutions alone, which
    begin with zeros. Without this the random numbers of all later layers, and of the encoder's
    blocks on the way to the flow, would differ as well.
    """
    given = {id(parameter) for parameter in network.encoder.mean_parameters()}
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d) or id(module.weight) in given:
            continue
        if bool(module.weight.any()):
            digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
            bound = 1.0 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-bound, bound, generator=generator)


def mean_image(settings: FactorialSettings, crops: Path, folder: Path) -> Path:
    """Train the mean image that all arms of all seeds share, once; its checkpoint."""
    if (folder / MODEL).is_dir():
        return folder / CHECKPOINT
    stage = StageConfig(
        loss="mean",
        steps=settings.steps,
        learning_rate=RATE,
        batch=settings.batch,
        patch=settings.patch,
    )
    config = dataclasses.replace(
        recipe(Arm("affine", "affine", False), settings, 0), name="mean", stages=(stage,)
    )
    Trainer(config, crops, folder, torch.device("cpu")).run()
    return folder / CHECKPOINT
