"""Compare forms of the flow at an equal number of training steps, on one mean image.

    python benchmarks/recipes.py weights/sr-x4 --data photos/train --val photos/val \
        --steps 200 --out docs/recipes.json

Each form takes the model's mean image as it is, trains its flow by likelihood with the same
batches, and is measured on patches of other photographs and on hostile inputs. With --texture it
then trains on by the texture stage of --recipe (`benchmarks/forms.toml`), the mean image along, and
its samples' realism is measured too. Finished forms are kept in OUT and not trained again. A page
with their tables is written beside it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from restoreflow import load_model
from restoreflow.flows.config import FlowConfig
from restoreflow.lab.evaluation.hostile import hostile_inputs, largest_detail
from restoreflow.lab.evaluation.methods import model_method
from restoreflow.lab.evaluation.realism import evaluate_realism, read_scenes
from restoreflow.lab.evaluation.sets import list_pictures
from restoreflow.lab.training.config import LossWeights, StageConfig, TrainConfig, read_train_config
from restoreflow.lab.training.data import Photos, step_generator
from restoreflow.lab.training.examples import draw_examples
from restoreflow.lab.training.loop import Trainer
from restoreflow.lab.training.losses import StageLoss
from restoreflow.measures.lpips import load_lpips
from restoreflow.models.folder import load_folder
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.robustness.quality import likelihood
from studies.robustness.suite import Item

FORMS: dict[str, dict[str, Any]] = {
    "spline, box 2, 8 steps": {},
    "affine (unbounded)": {"coupling": "affine"},
    "clamped affine": {"coupling": "clamped_affine"},
    "box 1": {"box": 1.0},
    "box 3": {"box": 3.0},
    "4 bins": {"bins": 4},
    "8 bins": {"bins": 8},
    "shift 2": {"shift": 2.0},
    "4 steps": {"steps": 4},
    "12 steps": {"steps": 12},
    "hidden 32": {"hidden": 32},
    "hidden 64": {"hidden": 64},
    "plain squeeze": {"shifted": False},
    "no injector scale": {"injector_log_scale": (-1e-3, 1e-3), "injector_shift": 1e-3},
    "fixed base": {"base_mean": 1e-3, "base_log_scale": (-1e-3, 1e-3)},
    "over bicubic": {"mean_range": 1e-3},
    **{
        f"{form}; {injector} injector": {"steps": 4, "hidden": 64, **changes, "injector": name}
        for form, changes in {
            "random rotations": {},
            "cosine rotations": {"rotations": "cosine"},
            "learnt rotations": {"rotations": "learnt"},
            "cosine rotations, 2 coarse steps": {"rotations": "cosine", "coarse": 2},
            "learnt rotations, 2 coarse steps": {"rotations": "learnt", "coarse": 2},
        }.items()
        for injector, name in {"clamped affine": "scale_shift", "spline": "spline"}.items()
    },
    **{
        f"learnt rotations, 2 coarse steps; {injector} injector, wide base": {
            "steps": 4,
            "hidden": 64,
            "rotations": "learnt",
            "coarse": 2,
            "injector": name,
            "base_log_scale": (-4.0, 0.8),
            "base_hidden": 96,
        }
        for injector, name in {"clamped affine": "scale_shift", "spline": "spline"}.items()
    },
    "soft, noise to 0.01": {"soft": 0.01},
    "soft, noise to 0.05": {"soft": 0.05},
}
COMMON: dict[str, Any] = {
    "steps": 8,
    "hidden": 48,
    "injector": "auto",
    "rotations": "random",
    "coarse": 0,
    "base_log_scale": (-1.5, 0.4),
    "base_hidden": 0,
}
"""What a form has where it says nothing else, whatever the model's own flow is like."""

PATCHES, PATCH = 16, 160
TEMPERATURES = (0.9, 1.0)


class SoftLoss(StageLoss):
    """Likelihood of pictures with noise whose amount, drawn patch by patch, the flow is told.

    SoftFlow (Kim et al., NeurIPS 2020); here the amount moves the features along one direction,
    and afterwards it is 0, which leaves them as they are.

    Args:
        largest: standard deviation that is drawn at most, in units of the image range.
    """

    largest = 0.0

    def _likelihood(self, encoding, condition, clean, generator):
        amount = torch.rand((len(clean), 1, 1, 1), generator=generator)
        noise = torch.randn(clean.shape, generator=generator) * (amount * self.largest)
        width = encoding.features.shape[1]
        direction = torch.randn((1, width, 1, 1), generator=torch.Generator().manual_seed(0))
        told = encoding._replace(features=encoding.features + amount * direction)
        condition = self.network.prepare(told.features)
        return super()._likelihood(told, condition, clean + noise, generator)


class SoftTrainer(Trainer):
    """A trainer with that loss."""

    largest = 0.0

    def loss(self, stage: StageConfig) -> StageLoss:
        """Likelihood of noisy pictures."""
        loss = SoftLoss(self.network, stage, self.distance)
        loss.largest = self.largest
        return loss


def main(arguments: list[str] | None = None) -> None:
    """Train and measure what the command line asks for."""
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    done: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.form or FORMS:
        key = name + _lengths(options.steps, options.texture)
        if key not in done:
            done[key] = measure(options, FORMS[name])
            options.out.write_text(json.dumps(done, indent=1) + "\n")
        print(row(name, done[key]), flush=True)
    text = page(options.model, options.steps, options.texture, done)
    options.out.with_suffix(".md").write_text(text)


def measure(options: argparse.Namespace, changes: dict[str, Any]) -> dict[str, Any]:
    """Train one form in a temporary folder, and measure its averaged weights."""
    changes = dict(changes)
    soft = changes.pop("soft", 0.0)
    base = options.recipe or Path(options.model) / "train.toml"
    config = recipe(base, options.steps, options.texture, changes)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        weights = Path(options.model) / "model.safetensors"
        kind = SoftTrainer if soft else Trainer
        lpips = options.lpips if options.texture else None
        place = torch.device("cpu")
        trainer = kind(config, options.data, Path(folder), place, lpips, encoder=[weights])
        if isinstance(trainer, SoftTrainer):
            trainer.largest = soft
        trainer.run()
        seconds = (time.process_time() - began) / (options.steps + options.texture)
        network = load_folder(Path(folder) / "model").network
        realism = realism_of(Path(folder) / "model", options) if options.texture else {}
    return {
        "realism": realism,
        "nats_per_value": negative_log_likelihood(network, config, options.val),
        "largest_detail": largest_hostile(network),
        "bound": finite(network.inverse_bound()[-2].peak),
        "flow_parameters": sum(p.numel() for p in network.flow.parameters()),
        "cpu_seconds_per_step": round(seconds, 3),
        "skipped_steps": trainer.progress.skipped,
    }


def realism_of(model: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """KID, LPIPS with SqueezeNet and PSNR by condition and temperature, without consistency."""
    restorer = load_model(model, precision="float32")
    scenes = read_scenes(list_pictures(options.val), restorer.config.scale)
    methods = [model_method(restorer, "form", t, consistency=False) for t in TEMPERATURES]
    rows = evaluate_realism(methods, "val", scenes, load_lpips("squeeze", options.lpips))
    return {
        f"{row.condition}, T = {row.temperature:g}": [row.kid, row.lpips_squeeze, row.psnr]
        for row in rows
    }


def recipe(file: Path, steps: int, texture: int, changes: dict[str, Any]) -> TrainConfig:
    """A recipe with a short stage of likelihood, perhaps one of texture, and a form of flow."""
    base = read_train_config(file)
    stage = StageConfig(
        loss="likelihood",
        steps=steps,
        learning_rate=8e-4,
        batch=8,
        patch=128,
        warmup=50,
        weights=LossWeights(mean=0.0),
    )
    changes = dict(changes)
    mean_range = changes.pop("mean_range", base.network.mean_range)
    network = dataclasses.replace(base.network, mean_range=mean_range)
    flow: FlowConfig = dataclasses.replace(base.flow, **{**COMMON, **changes})
    if texture:
        last = base.stages[-1]
        last = dataclasses.replace(last, steps=texture, curve=0, hold=0.6)
        whole = dataclasses.replace(stage, weights=LossWeights(mean=last.weights.mean))
        changed: dict[str, Any] = {"stages": (whole, last), "average": 0.99}
    else:
        changed = {"stages": (stage,), "drawings": 0.0, "reduced": 0.0, "average": 0.98}
    return dataclasses.replace(base, network=network, flow=flow, **changed)


@torch.no_grad()
def negative_log_likelihood(
    network: RestorationNetwork, config: TrainConfig, folder: Path
) -> float | None:
    """Nats a value on patches of other photographs, 8-bit steps filled by noise."""
    generator = step_generator(1, 0)
    batch = draw_examples(Photos(folder, PATCH), PATCHES, PATCH, config, generator)
    found = [
        likelihood(network, Item("patch", "photo", "photograph", 0, degraded, clean), seed)
        for seed, (degraded, clean) in enumerate(zip(batch.degraded, batch.clean, strict=True))
    ]
    return finite(sum(found) / len(found))


@torch.no_grad()
def largest_hostile(network: RestorationNetwork) -> float | None:
    """Largest absolute detail before the limiter on hostile inputs at temperature 1."""
    rows = largest_detail(network, hostile_inputs(64), (1.0,))
    if any(row.nonfinite for row in rows):
        return None
    return finite(max(row.largest_detail or 0.0 for row in rows))


def page(model: str, steps: int, texture: int, done: dict[str, Any]) -> str:
    """All forms of one length of training in tables, and how to read them."""
    suffix = _lengths(steps, 0)
    rows = [row(k.removesuffix(suffix), r) for k, r in done.items() if k.endswith(suffix)]
    heads = "form", "nats a value", "largest detail", "bound", "thousand values", "CPU s a step"
    table = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|", *rows]
    text = f"""\
# Forms of the flow at an equal number of training steps

Each takes the mean image of `{Path(model).name}` as it is and trains its flow, with the blocks
before it, for {steps} steps of likelihood with the same batches. Negative log-likelihood on patches
of other photographs (less is better); largest detail on hostile inputs at temperature 1, and the
certificate's bound for every input, in units of the image range; processor seconds of an eager
step, data included, beside other work.
"""
    return "\n".join((text, *table, "", *_texture_page(steps, texture, done)))


def _texture_page(steps: int, texture: int, done: dict[str, Any]) -> list[str]:
    """The forms that were trained on for texture."""
    suffix = _lengths(steps, texture)
    found = {k.removesuffix(suffix): r for k, r in done.items() if texture and k.endswith(suffix)}
    if not found:
        return []
    heads = (
        "form",
        *next(iter(found.values()))["realism"],
        "nats a value",
        "largest detail",
        "bound",
    )
    rows = []
    for name, r in found.items():
        cells = [f"{k:.0f} / {s:.4f} / {p:.2f}" for k, s, p in r["realism"].values()]
        cells += [_shown(r["nats_per_value"], ".3f"), _shown(r["largest_detail"], ".3g")]
        rows.append("| " + " | ".join((name, *cells, _shown(r["bound"], ".1f"))) + " |")
    return [
        f"""\
## After {texture} steps of texture

{steps} steps of likelihood, then the texture stage of `benchmarks/forms.toml` with its adversary,
the mean image trained along, from where that recipe's first stage leaves it. KID / LPIPS with
SqueezeNet / PSNR (`restoreflow evaluate realism`) of samples on other photographs, without
consistency.
""",
        "| " + " | ".join(heads) + " |",
        "|---" + "|--:" * (len(heads) - 1) + "|",
        *rows,
        "",
    ]


def _lengths(steps: int, texture: int) -> str:
    return f"; {steps} steps of training" + (f" and {texture} of texture" if texture else "")


def row(name: str, result: dict[str, Any]) -> str:
    """A line of a Markdown table."""
    cells = (
        name,
        _shown(result["nats_per_value"], ".3f"),
        _shown(result["largest_detail"], ".3g"),
        _shown(result["bound"], ".1f"),
        f"{result['flow_parameters'] / 1e3:.0f}",
        f"{result['cpu_seconds_per_step']:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def finite(value: float) -> float | None:
    """The value, or None where JSON has no word for it."""
    return value if math.isfinite(value) else None


def _shown(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", help="folder of a trained model, for its encoder and recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--texture", type=int, default=0, help="steps of texture after that")
    parser.add_argument("--recipe", type=Path, help="default: the model's own train.toml")
    parser.add_argument("--lpips", type=Path, help="folder of the extractors' weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--form", action="append", choices=list(FORMS), help="default: all")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
