"""Whether pictures that were enlarged before are restored better when they are reduced first.

    python benchmarks/reduced_first.py --data photos/val --lpips lpips/ [--model sr-x4]
        [--factor 2] [--side 384] [--out benchmarks/reduced_first.json]

The middles of photographs are reduced by the model's scale, which is what the camera saw, and
enlarged by a factor with Pillow's bicubic, which is what a person has. It is restored as it is, and
reduced first and restored; either result is brought to the photograph's size and compared with it:
LPIPS of SqueezeNet, PSNR, and the processor seconds. Prints the means, and on how many pictures
reducing has the lower LPIPS.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from restoreflow.images.decode import read_levels
from restoreflow.lab.photographs import list_photos
from restoreflow.measures.lpips import load_lpips
from restoreflow.restoration.restorer import load_model

BICUBIC = Image.Resampling.BICUBIC


def main() -> None:
    """Measure a folder's photographs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--factor", type=float, default=2.0)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    restorer = load_model(options.model, device="cpu")
    distance = load_lpips("squeeze", options.lpips)
    unit = restorer.network.scale * 8
    rows: list[dict[str, dict[str, float]]] = []
    for path in list_photos(options.data, options.limit):
        truth = middle(Image.fromarray(read_levels(path)), options.side, unit)
        seen = resized(truth, 1 / restorer.network.scale)
        given = resized(seen, options.factor)
        row: dict[str, dict[str, float]] = {}
        for way, picture in (("as it is", given), ("reduced", resized(given, 1 / options.factor))):
            started = time.process_time()
            found = restorer.restore(picture, seed=0).images[0]
            seconds = time.process_time() - started
            found = found.resize(truth.size, BICUBIC)
            pair = [tensor(image) for image in (found, truth)]
            with torch.inference_mode():
                lpips = float(distance(*pair))
            error = float((pair[0] - pair[1]).square().mean())
            psnr = float(-10 * np.log10(error))
            row[way] = {"lpips_squeeze": lpips, "psnr": psnr, "processor_seconds": seconds}
        rows.append(row)
    means = {
        way: {k: round(float(np.mean([row[way][k] for row in rows])), 4) for k in rows[0][way]}
        for way in rows[0]
    }
    better = sum(row["reduced"]["lpips_squeeze"] < row["as it is"]["lpips_squeeze"] for row in rows)
    document = {
        "model": options.model,
        "factor": options.factor,
        "photographs": len(rows),
        **means,
        "reduced_is_better": better,
    }
    print(json.dumps(document))
    if options.out:
        options.out.write_text(json.dumps(document, indent=1) + "\n")


def middle(image: Image.Image, side: int, unit: int) -> Image.Image:
    """The middle part, its sides whole units."""
    width, height = (min(length, side) // unit * unit for length in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def resized(image: Image.Image, factor: float) -> Image.Image:
    """By Pillow's bicubic, which widens its kernel where it reduces."""
    return image.resize((round(image.width * factor), round(image.height * factor)), BICUBIC)


def tensor(image: Image.Image) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1]."""
    levels = np.asarray(image.convert("RGB"), np.float32) / 255
    return torch.from_numpy(levels).permute(2, 0, 1)[None]


if __name__ == "__main__":
    main()
