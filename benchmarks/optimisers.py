"""Adam against Muon on the mean image, from scratch, at an equal number of steps.

    python benchmarks/optimisers.py weights/sr-x4/train.toml --data photos/train --val photos/val \
        --steps 500 --out benchmarks/optimisers.json

Every run has the recipe's network, seed, batches and curve of the learning rate, and is measured on
patches of other photographs. Finished runs are kept in OUT and not made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from restoreflow.lab.training.config import StageConfig, TrainConfig, read_train_config
from restoreflow.lab.training.data import Photos, step_generator
from restoreflow.lab.training.examples import draw_examples
from restoreflow.lab.training.loop import Trainer
from restoreflow.networks.restoration_network import RestorationNetwork

RUNS: dict[str, tuple[float, float]] = {
    "Adam 5e-4": (5e-4, 0.0),
    "Adam 1e-3": (1e-3, 0.0),
    "Adam 2e-3": (2e-3, 0.0),
    "Muon 1e-3": (1e-3, 1e-3),
    "Muon 3e-3": (1e-3, 3e-3),
    "Muon 6e-3": (1e-3, 6e-3),
}
"""Adam's learning rate, and Muon's for the residual blocks; 0: Adam's are theirs too."""

PATCHES, PATCH, BORDER = 48, 160, 16


def main() -> None:
    """Train and measure what is not there yet, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--run", action="append", choices=list(RUNS))
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read_train_config(given.recipe)
    done: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    for name in given.run or RUNS:
        if name not in done:
            rate, muon = RUNS[name]
            stage = StageConfig(loss="mean", steps=given.steps, learning_rate=rate, muon=muon)
            config = dataclasses.replace(recipe, stages=(stage,))
            done[name] = measure(config, given.data, given.val) | {"steps": given.steps}
            given.out.write_text(json.dumps(done, indent=1) + "\n")
        found = done[name]
        print(f"| {name} | {found['psnr']:.2f} | {found['seconds_per_step']:.2f} |", flush=True)


def measure(config: TrainConfig, data: Path, val: Path) -> dict[str, float]:
    """Train from scratch; PSNR over RGB of the averaged weights, and processor seconds a step."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, data, Path(folder), torch.device("cpu"))
        began = time.process_time()
        trainer.run()
        seconds = time.process_time() - began
    return {
        "psnr": round(psnr(trainer.average, config, val), 3),
        "seconds_per_step": round(seconds / config.stages[0].steps, 3),
    }


@torch.no_grad()
def psnr(network: RestorationNetwork, config: TrainConfig, val: Path) -> float:
    """Mean over patches of photographs that no training has seen, their borders left out."""
    drawn = draw_examples(Photos(val, PATCH), PATCHES, PATCH, config, step_generator(1, 0))
    error = (network.estimate(drawn.degraded) - drawn.clean)[..., BORDER:-BORDER, BORDER:-BORDER]
    return float((-10.0 * error.square().mean((1, 2, 3)).log10()).mean())


if __name__ == "__main__":
    main()
