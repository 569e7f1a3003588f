"""How natural models look, and compact networks that others ship beside them.

    python benchmarks/realism.py --data photos/val --data Kodak24 --lpips lpips/ \
        --model sr-x4 --ncnn 4xLSDIRCompactC3 --ncnn RealESRGAN_General_x4_v3 \
        --out benchmarks/realism.json

By the protocol of `restoreflow evaluate realism`: clean and worn inputs, KID of patches, LPIPS of
SqueezeNet, PSNR. Models are taken as their cards say, first sample. --ncnn names a .param and a
.bin, without their ending, of a plain chain of 3 x 3 convolutions with PReLU, a pixel shuffle and
the input enlarged by nearest neighbours added, as in https://github.com/upscayl/custom-models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from restoreflow.lab.evaluation.methods import Method, Outcome, bicubic, model_method
from restoreflow.lab.evaluation.realism import evaluate_realism, read_scenes
from restoreflow.lab.evaluation.sets import list_pictures
from restoreflow.lab.photographs import as_tensor
from restoreflow.measures.lpips import load_lpips
from restoreflow.restoration.pixels import eight_bit
from restoreflow.restoration.restorer import load_model

HALF_PRECISION = 0x01306B47
"""ncnn's mark before weights of 16 bits; 0 stands before those of 32."""


class Compact(nn.Module):
    """A chain of 3 x 3 convolutions with PReLU, shuffled to pixels, over the input enlarged."""

    def __init__(self, stem: Path) -> None:
        super().__init__()
        text = stem.with_suffix(".param").read_text()
        values = np.frombuffer(stem.with_suffix(".bin").read_bytes(), np.uint8)
        layers: list[nn.Module] = []
        place, inner, self.scale = 0, 3, 1
        for line in text.splitlines()[2:]:
            words = line.split()
            facts = dict(word.split("=") for word in words if "=" in word)
            if words[0] == "Convolution":
                out = int(facts["0"])
                convolution = nn.Conv2d(inner, out, 3, padding=1)
                half = int(values[place : place + 4].view(np.uint32)[0]) == HALF_PRECISION
                count = convolution.weight.numel()
                weight, place = _taken(values, place + 4, count, half)
                bias, place = _taken(values, place, out, False)
                convolution.load_state_dict({"weight": weight.view(out, inner, 3, 3), "bias": bias})
                layers.append(convolution)
                inner = out
            elif words[0] == "PReLU":
                slopes, place = _taken(values, place, inner, False)
                layers.append(nn.PReLU(inner))
                layers[-1].load_state_dict({"weight": slopes})
            elif words[0] == "PixelShuffle":
                self.scale = int(facts["0"])
        if place != len(values):
            raise SystemExit(f"{stem}.bin has {len(values)} bytes, and {place} were understood")
        self.chain = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        enlarged = F.interpolate(x, scale_factor=self.scale, mode="nearest")
        return F.pixel_shuffle(self.chain(x), self.scale) + enlarged


def _taken(values: np.ndarray, place: int, count: int, half: bool) -> tuple[Tensor, int]:
    """Numbers of a .bin, and where they end; those of 16 bits are filled up to whole words."""
    kind, size = (np.float16, 2 * count) if half else (np.float32, 4 * count)
    found = values[place : place + size].view(kind).astype(np.float32)
    return torch.from_numpy(found), place + -(-size // 4) * 4


def ncnn_method(stem: Path) -> Method:
    """A compact network as a method of `restoreflow evaluate`."""
    network = Compact(stem).eval()

    def restore(image: Image.Image, samples: int) -> Outcome:
        with torch.inference_mode():
            result = network(as_tensor(image))[0]
        return Outcome([Image.fromarray(eight_bit(result).permute(1, 2, 0).contiguous().numpy())])

    return Method(stem.name, None, restore)


def model_methods(names: list[str]) -> list[Method]:
    """Models at their cards' temperatures."""
    restorers = [load_model(name, device="cpu", precision="float32") for name in names]
    return [model_method(r, r.config.name, r.config.defaults.temperature) for r in restorers]


def main() -> None:
    """Measure every method, print a line a condition, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--ncnn", action="append", type=Path, default=[])
    parser.add_argument("--limit", type=int, help="so many pictures of each folder")
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    files = [file for folder in given.data for file in list_pictures(folder, given.limit)]
    name = " + ".join(folder.resolve().name for folder in given.data)
    methods = [bicubic(4), *model_methods(given.model), *map(ncnn_method, given.ncnn)]
    rows = []
    squeeze = load_lpips("squeeze", given.lpips)
    for row in evaluate_realism(methods, name, read_scenes(files, 4), squeeze):
        rows.append(row.record())
        print(json.dumps(rows[-1]), flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
