"""What robustness costs: the arms in distribution, judged against the truth."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from restoreflow.lab.evaluation.methods import bicubic, model_method
from restoreflow.lab.evaluation.scores import average
from restoreflow.lab.evaluation.sr import PerceptualMetrics, evaluate_sr
from restoreflow.local_files import open_regular
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.outputs.atomic import make_folder, write_atomic
from restoreflow.restoration.restorer import Restorer
from studies.robustness.arms import Arm
from studies.robustness.settings import StudySettings
from studies.robustness.suite import Item, spread_out

__all__ = ["crops", "likelihood", "quality"]


def crops(paths: Sequence[Path], count: int, side: int, folder: Path) -> list[Path]:
    """The middles of evenly spread photographs as PNG files, so that each costs the same.

    Args:
        paths: photographs; those with a shorter side are left out.
        count: how many at most.
        side: in pixels.
        folder: where they go; crops that are there already are kept.
    """
    make_folder(folder)
    found: list[Path] = []
    for path in spread_out(paths, count):
        target = folder / f"{path.stem}-{side}.png"
        if not target.exists():
            with open_regular(path) as stream, Image.open(stream) as opened:
                if min(opened.size) < side:
                    continue
                left, top = ((length - side) // 2 for length in opened.size)
                part = opened.convert("RGB").crop((left, top, left + side, top + side))
            _save(part, target)
        found.append(target)
    return found


def quality(
    arm: Arm | None,
    truths: Sequence[Path],
    metrics: PerceptualMetrics,
    settings: StudySettings,
    scale: int,
    advance: Callable[[str], None] = lambda what: None,
) -> list[dict[str, Any]]:
    """A row a temperature, as `restoreflow evaluate sr` has it; bicubic's where there is no arm.

    Samples are taken as the flow gives them, without projection onto the input, which would make
    every method consistent.
    """
    if arm is None:
        methods = [bicubic(scale)]
    else:
        restorer = Restorer(arm.network, arm.config, torch.device("cpu"))
        methods = [
            model_method(restorer, arm.name, level, settings.seed, consistency=False)
            for level in settings.quality_temperatures
        ]
    rows = []
    for method in methods:
        scores = evaluate_sr(method, truths, scale, metrics, settings.quality_samples, advance)
        record = average(method, "validation photographs", scores, settings.quality_samples)
        row = record.record()
        row.pop("seconds_per_megapixel")  # of a machine that does other things as well
        rows.append(row)
    return rows


@torch.inference_mode()
def likelihood(network: RestorationNetwork, item: Item, seed: int) -> float:
    """Negative log-likelihood of a truth given its input, in nats a value.

    The steps between 8-bit levels are filled by noise.

    Raises:
        ValueError: the item has no truth.
    """
    if item.clean is None:
        raise ValueError(f"{item.name} has no truth")
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(item.clean.shape, generator=generator) - 0.5) / 255.0
    found = network.log_prob(item.degraded[None], (item.clean + noise)[None])
    return -float(found) / item.clean.numel()


def _save(picture: Image.Image, path: Path) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    write_atomic(path, buffer.getvalue(), overwrite=True)
