"""What a training step with splines costs beside one with affine couplings.

    python benchmarks/training_step.py weights/sr-x4/train.toml --lpips extractors/ [--compile]

Steps of the recipe's likelihood and texture stages, with random pictures, on one thread. Arms take
turns, and each is compared with the affine one round by round, so that other work on the machine
slows both.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import statistics
from pathlib import Path

import torch
from peers import Case, interleaved, ratios
from torch import nn

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.degradations.operations import downscale, round_8bit
from restoreflow.lab.training.compiled_maps import compile_maps
from restoreflow.lab.training.config import StageConfig, TrainConfig, read_train_config
from restoreflow.lab.training.losses import StageLoss
from restoreflow.lab.training.optimiser import Optimiser
from restoreflow.lab.training.perceptual import FeatureDistance, load_feature_distance
from restoreflow.networks.restoration_network import build_network

ARMS = ("affine", "clamped_affine", "spline")


def main() -> None:
    """Time every arm in every stage of the flow, and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--compile", action="store_true", help="the couplings' splines")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe, distance = read_train_config(given.recipe), load_feature_distance(given.lpips)
    kinds = {stage.loss: stage for stage in recipe.stages if stage.of_flow}
    rows: list[dict[str, float | str]] = []
    for loss, stage in kinds.items():
        steps = {arm: stepping(recipe, arm, stage, distance, given.compile) for arm in ARMS}
        seconds = interleaved(steps, given.rounds)
        for arm, taken in seconds.items():
            median, lowest, highest = ratios(taken, seconds["affine"])
            row = {
                "stage": loss,
                "arm": arm,
                "seconds": round(statistics.median(taken), 3),
                "ratio_to_affine": median,
                "lowest": lowest,
                "highest": highest,
            }
            rows.append(row)
            print(row, flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps({"compiled": given.compile, "rows": rows}, indent=1) + "\n")


def stepping(
    recipe: TrainConfig, arm: str, stage: StageConfig, distance: FeatureDistance, compiled: bool
) -> Case:
    """One optimiser step of an arm's network."""
    flow = dataclasses.replace(recipe.flow, coupling=arm)
    torch.manual_seed(0)
    network = build_network(dataclasses.replace(recipe, flow=flow).model())
    network.set_precision(torch.bfloat16 if recipe.precision == "bfloat16" else None)
    if compiled:
        compile_maps(network.flow)
    average = copy.deepcopy(network.state_dict())
    loss, optimiser = StageLoss(network, stage, distance), Optimiser(network)
    clean = torch.rand(stage.batch, 3, stage.patch, stage.patch)
    batch = Example(round_8bit(downscale(clean, recipe.scale)), clean)

    def step() -> None:
        total, _ = loss(batch, 0)
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), stage.clip)
        optimiser.step(1e-4, 0.0)
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 0.001)

    return step


if __name__ == "__main__":
    main()
