"""What more than convolutions and one falling rate could give the mean image, in equal time.

    python benchmarks/mean_recipes.py weights/sr-x4/train.toml --data photos/train \
        --val photos/val --minutes 5 --out benchmarks/mean_recipes.json

Every run starts from the same weights, of clean reductions, and has the same processor time on one
thread, which its learning rate's curve is laid out over; the averaged weights are measured on
patches of other photographs. Finished runs are kept in OUT and not made again.

plain: L1, Adam, one cosine. branches: each 3 x 3 convolution of the trunk is the sum of one, a
1 x 1 and the identity, each with weights of its own, folded into one kernel (Ding et al., "RepVGG",
CVPR 2021; no normalisation, so folding is exact). restarts: the cosine anew after a third
(Loshchilov and Hutter, "SGDR", ICLR 2017). distillation: from half the time on also the L1 to what
the averaged weights make of the eight turned and mirrored inputs, turned back and averaged (the
self-ensemble of Timofte et al., CVPR 2016).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from restoreflow.lab.training.config import StageConfig, TrainConfig, read_train_config
from restoreflow.lab.training.data import Photos, step_generator
from restoreflow.lab.training.examples import draw_examples
from restoreflow.networks.restoration_network import RestorationNetwork, build_network

RUNS = ("plain", "branches", "restarts", "distillation")
RATE, FINAL, WARMUP = 1e-3, 0.02, 0.02
BATCH, PATCH, AVERAGE = 12, 128, 0.995
SEEDS = (1, 2)
VAL_PATCHES, VAL_PATCH, BORDER = 48, 160, 16


class Branches(nn.Module):
    """A 3 x 3 kernel and two that are folded into it, a 1 x 1 one and a channel's own weight."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.randn(width, width) * 0.1 / math.sqrt(width))
        self.own = nn.Parameter(torch.zeros(width))

    def forward(self, kernel: Tensor) -> Tensor:
        centre = self.point + torch.diag(self.own)
        return kernel + F.pad(centre[:, :, None, None], (1, 1, 1, 1))


def main() -> None:
    """Train and measure what is not there yet, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--run", action="append", choices=RUNS)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read_train_config(given.recipe)
    network = dataclasses.replace(recipe.network, told=False)
    stage = StageConfig(loss="mean", steps=1, learning_rate=RATE)
    config = dataclasses.replace(recipe, network=network, degradation="bicubic", stages=(stage,))
    photos, val = Photos(given.data, PATCH), Photos(given.val, VAL_PATCH)
    done: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    for seed in SEEDS:
        for name in given.run or RUNS:
            key = f"{name}, seed {seed}"
            if key not in done:
                trained, steps = train(name, seed, config, photos, 60.0 * given.minutes)
                found = {"psnr": round(psnr(trained, config, val), 3), "steps": steps}
                done[key] = found | {"minutes": given.minutes}
                given.out.write_text(json.dumps(done, indent=1) + "\n")
            print(f"| {key} | {done[key]['psnr']:.2f} | {done[key]['steps']} |", flush=True)


def train(
    name: str, seed: int, config: TrainConfig, photos: Photos, seconds: float
) -> tuple[RestorationNetwork, int]:
    """The averaged weights after so many processor seconds, and how many steps those were."""
    torch.manual_seed(seed)
    network = build_network(config.model())
    if name == "branches":
        blocks = network.get_submodule("encoder.blocks").modules()
        for convolution in [each for each in blocks if isinstance(each, nn.Conv2d)]:
            branches = Branches(config.network.width)
            parametrize.register_parametrization(convolution, "weight", branches)
    average = copy.deepcopy(network)
    encoder = network.get_submodule("encoder")
    adam = torch.optim.Adam(encoder.parameters(), lr=RATE)
    began, step = time.process_time(), 0
    while (share := (time.process_time() - began) / seconds) < 1.0:
        for group in adam.param_groups:
            group["lr"] = RATE * curve(share, restarts=name == "restarts")
        batch = draw_examples(photos, BATCH, PATCH, config, step_generator(seed, step))
        image = network.estimate(batch.degraded)
        loss = F.l1_loss(image, batch.clean)
        if name == "distillation" and share > 0.5:
            loss = 0.5 * (loss + F.l1_loss(image, ensemble(average, batch.degraded)))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        adam.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(new, 1.0 - min(AVERAGE, (1 + step) / (10 + step)))
        step += 1
    return average, step


def curve(share: float, restarts: bool) -> float:
    """The learning rate at a share of the time, in units of the highest."""
    if restarts:
        share = 3.0 * share if share < 1 / 3 else (share - 1 / 3) * 1.5
    return min(1.0, share / WARMUP + 0.01) * (
        FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    )


@torch.no_grad()
def ensemble(network: RestorationNetwork, degraded: Tensor) -> Tensor:
    """Mean of what the network makes of the eight turned and mirrored inputs, turned back."""
    total = torch.zeros(())
    for turns in range(4):
        for mirrored in (False, True):
            seen = torch.rot90(degraded, turns, (2, 3))
            seen = seen.flip(3) if mirrored else seen
            made = network.estimate(seen)
            made = made.flip(3) if mirrored else made
            total = total + torch.rot90(made, -turns, (2, 3))
    return total / 8


@torch.no_grad()
def psnr(network: RestorationNetwork, config: TrainConfig, val: Photos) -> float:
    """Mean over patches of photographs that no training has seen, their borders left out."""
    drawn = draw_examples(val, VAL_PATCHES, VAL_PATCH, config, step_generator(1, 0))
    error = (network.estimate(drawn.degraded) - drawn.clean)[..., BORDER:-BORDER, BORDER:-BORDER]
    return float((-10.0 * error.square().mean((1, 2, 3)).log10()).mean())


if __name__ == "__main__":
    main()
