"""Does it pay to lower the temperature where an input is unlike the training set?

    python benchmarks/ood_temperature.py --model weights/sr-x4 --val photos/val \
        --lpips metrics --out benchmarks/ood_temperature_sr-x4

Photographs are restored as they are and with every corruption, one sample each, before projection:
as usual, with `--ood-temperature`, and at temperature 0. They are compared with the truth that the
corruption was made from. Writes OUT.json and OUT.md.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restoreflow.lab.fitting.calibrate import spoilt
from restoreflow.lab.fitting.pictures import degradation_of, pairs
from restoreflow.lab.photographs import as_levels, as_tensor, list_photos
from restoreflow.measures.lpips import load_lpips
from restoreflow.measures.metrics import psnr_y
from restoreflow.models.folder import load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.reference import Reference, read_reference
from restoreflow.ood.watch import Watch
from restoreflow.restoration.pixels import eight_bit
from restoreflow.restoration.restorer import Restorer

CLEAN_SIDE = 256


def main() -> None:
    """Measure, and write both files."""
    options = _options()
    torch.set_num_threads(options.threads)
    folder = resolve_model(options.model)
    network, config = load_folder(folder)
    restorer, reference = Restorer(network, config), read_reference(folder)
    scale = config.scale
    metric = load_lpips("squeeze", options.lpips)
    truths = pairs(
        list_photos(options.val, options.photos), degradation_of(folder), scale, 1, CLEAN_SIDE
    )
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for pair in truths:
        for each in spoilt(pair, (options.severity,), 0):
            truth = Image.fromarray(eight_bit(each.pair.clean).permute(1, 2, 0).numpy())
            for way, image in restored(restorer, reference, each.pair.degraded).items():
                with torch.inference_mode():
                    distance = float(metric(as_tensor(image), as_tensor(truth)))
                found[each.corruption][way].append(
                    (psnr_y(as_levels(image), as_levels(truth), scale), distance)
                )
    rows = {
        name: {
            way: [float(np.mean(x)) for x in zip(*each, strict=True)] for way, each in of.items()
        }
        for name, of in found.items()
    }
    facts: dict[str, Any] = {
        "model": config.name,
        "photographs": options.photos,
        "severity": options.severity,
        "temperature": config.defaults.temperature,
        "limit": reference.map_end,
        "rows": rows,
    }
    options.out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(page(facts))


def restored(restorer: Restorer, reference: Reference, degraded: Tensor) -> dict[str, Image.Image]:
    """A picture's first sample for every way of choosing the temperature."""
    network, size = restorer.network, (degraded.shape[-2], degraded.shape[-1])
    watch = Watch(network, reference.gaussians, size, reference.map_end)
    asked: dict[str, dict[str, Any]] = {
        "as usual": {},
        "--ood-temperature": {"watch": watch},
        "temperature 0": {"temperature": 0.0},
    }
    return {
        way: restorer.restore(degraded, consistency=False, **words).images[0]
        for way, words in asked.items()
    }


def page(facts: dict[str, Any]) -> str:
    """The table, and how to read it."""
    ways = list(next(iter(facts["rows"].values())))
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
