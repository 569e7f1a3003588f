"""Does it pay to lower the temperature where an input is unlike the training set?

    python benchmarks/ood_temperature.py --model weights/sr-x4 --val photos/val \
        --lpips metrics --out benchmarks/ood_temperature_sr-x4

The latents of one sample are multiplied, place by place, by min(1, limit / energy) ** power, where
the limit is the energy that 1 in 1000 places of the training set exceed. Photographs are restored
as they are and with every corruption, and compared with the truth that the corruption was made
from, before projection. Writes OUT.json and OUT.md.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from restoreflow.evaluation.lpips import load_lpips
from restoreflow.evaluation.metrics import psnr_y
from restoreflow.models.folder import LoadedModel, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.calibrate import spoilt
from restoreflow.ood.maps import energy_maps
from restoreflow.ood.pictures import degradation_of, list_photos, pairs
from restoreflow.ood.reference import Reference, read_reference
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.pixels import eight_bit

CLEAN_SIDE = 256
POWERS = {"as usual": 0.0, "power 0.5": 0.5, "power 1": 1.0, "power 2": 2.0}
ZERO = "temperature 0"


def main() -> None:
    """Measure, and write both files."""
    options = _options()
    torch.set_num_threads(options.threads)
    folder = resolve_model(options.model)
    model, reference = load_folder(folder), read_reference(folder)
    metric = load_lpips("squeeze", options.lpips)
    truths = pairs(
        list_photos(options.val, options.photos), degradation_of(folder), 4, 1, CLEAN_SIDE
    )
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for pair in truths:
        for each in spoilt(pair, (options.severity,), 0):
            images = restored(model, reference, each.pair.degraded)
            for way, image in images.items():
                levels, truth = _levels(image), _levels(each.pair.clean)
                with torch.inference_mode():
                    distance = float(metric(_values(image), _values(each.pair.clean)))
                found[each.corruption][way].append((psnr_y(levels, truth, 4), distance))
    rows = {
        name: {
            way: [float(np.mean(x)) for x in zip(*each, strict=True)] for way, each in of.items()
        }
        for name, of in found.items()
    }
    facts: dict[str, Any] = {
        "model": model.config.name,
        "photographs": options.photos,
        "severity": options.severity,
        "temperature": model.config.defaults.temperature,
        "limit": reference.map_end,
        "rows": rows,
    }
    options.out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(page(facts))


@torch.inference_mode()
def restored(model: LoadedModel, reference: Reference, degraded: Tensor) -> dict[str, Tensor]:
    """A picture's first sample for every way of choosing the temperature, (3, H, W)."""
    network, temperature = model.network, model.config.defaults.temperature
    layer = reference.layers[0].facts.name
    energy = torch.from_numpy(energy_maps(network, degraded, reference.gaussians)[layer])
    encoding = network.encode(degraded[None])
    rows, columns = encoding.features.shape[-2:]
    window = slice(0, rows), slice(0, columns)
    latent = torch.from_numpy(latent_window(0, 0, *window, network.latent_channels))[None]
    images = {}
    for way, power in POWERS.items():
        share = (reference.map_end / energy.clamp(min=1e-6)).clamp(max=1.0) ** power
        images[way] = network.sample(encoding, latent * share, temperature).image[0]
    images[ZERO] = network.sample(encoding, torch.zeros_like(latent), 0.0).image[0]
    return images


def page(facts: dict[str, Any]) -> str:
    """The table, and how to read it."""
    ways = [*POWERS, ZERO]
    lines = [
        f"# Lowering the temperature of {facts['model']} where the score is high",
        "",
        f"PSNR on luma in dB and LPIPS with SqueezeNet, means of {facts['photographs']} "
        f"photographs at severity {facts['severity']}, temperature {facts['temperature']:g}.",
        "",
        "| input | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for name, row in facts["rows"].items():
        cells = [f"{row[way][0]:.2f} dB, {row[way][1]:.3f}" for way in ways]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _levels(image: Tensor) -> np.ndarray:
    return eight_bit(image).permute(1, 2, 0).contiguous().numpy()


def _values(image: Tensor) -> Tensor:
    return eight_bit(image)[None].float() / 255.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, help="folder of the metric's weights")
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--severity", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
