"""Compare what the texture stage asks of samples, at an equal number of training steps.

    python benchmarks/textures.py weights/sr-x4 --data photos/train --val photos/val \
        --lpips lpips/ --out docs/textures.json

The flow of the model's form, on its mean image, learns by likelihood once; each form of the texture
stage goes on from there with the same batches, and is measured on other photographs at temperature
0.9. Finished forms are kept in OUT and not trained again. A page with their table is written
beside it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from restoreflow.lab.evaluation.methods import model_method
from restoreflow.lab.evaluation.scores import average
from restoreflow.lab.evaluation.sets import list_pictures
from restoreflow.lab.evaluation.sr import evaluate_sr, load_metrics
from restoreflow.lab.training.config import StageConfig, TrainConfig, read_train_config
from restoreflow.lab.training.loop import Trainer
from restoreflow.lab.training.losses import StageLoss
from restoreflow.restoration.restorer import load_model

FORMS: dict[str, dict[str, Any]] = {  # changes to the weights of the recipe's last stage
    "as in sr-x4": {},
    "honest spread, 0.5": {"spread": 0.5},
    "single samples, no spread": {"spread": 0.0},
    "no LPIPS itself": {"lpips": 0.0},
    "AlexNet alone": {"vgg": 0.0},
    "AlexNet alone, never shifted": {"vgg": 0.0, "shifted": False},
    "pixels alone": {"features": 0.0, "lpips": 0.0, "pixels": 10.0},
}
COLUMNS = {
    "psnr_y": ("PSNR-Y, dB", ".2f"),
    "lpips_alex_worst": ("LPIPS, worst of 4 offsets", ".3f"),
    "lpips_alex_gap": ("gap between offsets", ".3f"),
    "lpips_squeeze": ("LPIPS (SqueezeNet)", ".3f"),
    "spread": ("samples differ by, levels", ".1f"),
    "diversity_s10": ("diversity of 3 samples, %", ".1f"),
}
TEMPERATURE = 0.9


class StillLoss(StageLoss):
    """Features of the pictures at one place, never shifted against an extractor's grid."""

    def _features(self, pictures, generator):
        return super()._features(pictures, torch.Generator().manual_seed(0))


class StillTrainer(Trainer):
    """A trainer with that loss."""

    def loss(self, stage: StageConfig) -> StageLoss:
        """Texture whose features are never shifted."""
        return StillLoss(self.network, stage, self.distance)


def main() -> None:
    """Train and measure what the command line asks for."""
    options = parse()
    torch.set_num_threads(options.threads)
    done: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        likelihood = None
        for name in options.form or FORMS:
            if name not in done:
                likelihood = likelihood or learn_likelihood(options, Path(folder) / "likelihood")
                done[name] = measure(options, FORMS[name], likelihood, Path(folder) / name)
                options.out.write_text(json.dumps(done, indent=1) + "\n")
            print(row(name, done[name]), flush=True)
    options.out.with_suffix(".md").write_text(page(options, done))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="its mean image, its form of flow, its recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--likelihood-steps", type=int, default=200)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=6, help="of --val, from the first")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--form", action="append", choices=list(FORMS), help="default: all")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def learn_likelihood(options: argparse.Namespace, folder: Path) -> Path:
    """Train the flow that every form begins with; the file of its weights."""
    stages = read_train_config(options.model / "train.toml").stages
    usual = next(stage for stage in stages if stage.loss == "likelihood")
    changes = {"steps": options.likelihood_steps, "learning_rate": 8e-4}
    config = recipe(options.model, dataclasses.replace(usual, **changes))
    weights = options.model / "model.safetensors"
    Trainer(config, options.data, folder, torch.device("cpu"), encoder=[weights]).run()
    return folder / "model" / "model.safetensors"


def measure(
    options: argparse.Namespace, changes: dict[str, Any], start: Path, folder: Path
) -> dict[str, Any]:
    """Train one form from the common start, and measure its averaged weights."""
    changes = dict(changes)
    kind = Trainer if changes.pop("shifted", True) else StillTrainer
    usual = read_train_config(options.model / "train.toml").stages[-1]
    stage = dataclasses.replace(
        usual,
        steps=options.steps,
        learning_rate=4e-4,
        warmup=20,
        weights=dataclasses.replace(usual.weights, **changes),
    )
    device = torch.device("cpu")
    config = recipe(options.model, stage)
    kind(config, options.data, folder, device, lpips=options.lpips, start=[start]).run()
    restorer = load_model(str(folder / "model"), device="cpu", precision="float32")
    method = model_method(restorer, restorer.config.name, TEMPERATURE)
    truths = list_pictures(options.val, options.pictures)
    metrics = load_metrics(options.lpips)
    scores = evaluate_sr(method, truths, restorer.config.scale, metrics, samples=3)
    return average(method, options.val.name, scores, 1).record()


def recipe(model: Path, stage: StageConfig) -> TrainConfig:
    """The model's own recipe with one short stage, on photographs as they are."""
    base = read_train_config(model / "train.toml")
    return dataclasses.replace(base, stages=(stage,), average=0.97, drawings=0.0, reduced=0.0)


def page(options: argparse.Namespace, done: dict[str, Any]) -> str:
    """All forms in a table, and how to read it."""
    heads = ["form", *(label for label, _ in COLUMNS.values())]
    table = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * len(COLUMNS) + "|"]
    table += [row(name, result) for name, result in done.items()]
    text = f"""\
# What the texture stage asks of samples

A flow of the form of `{options.model.name}`, on its mean image, learns by likelihood for
{options.likelihood_steps} steps; each form of the texture stage goes on from there for
{options.steps} steps with the same batches. Measured on {options.pictures} photographs that were
not trained on, at temperature {TEMPERATURE:g}, made by `benchmarks/textures.py`. AlexNet's LPIPS is
what most forms are trained on; SqueezeNet's is not.
"""
    return "\n".join((text, *table, ""))


def row(name: str, result: dict[str, Any]) -> str:
    """A line of a Markdown table."""
    cells = [name, *(format(result[key], form) for key, (_, form) in COLUMNS.items())]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
