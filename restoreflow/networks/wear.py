"""What a whole picture suffers from, judged once and told to the encoder.

Three numbers, each within [0, 1]: noise, its deviation in levels of 255 over 16; compression,
what JPEG's quality lacks to 100, over 100; blur, a Gaussian's deviation in pixels over 2.
All zeros is a clean picture. One network then serves clean and worn pictures without smoothing the
clean ones, and a person can overrule what was judged.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.networks.config import Strength

__all__ = [
    "MOST_BLUR",
    "MOST_NOISE",
    "WEAR",
    "WearJudge",
    "clean_ones",
    "describe_wear",
    "is_clean",
    "local_mean",
    "log_strength",
    "overruled",
    "tolerance",
]

FINEST = 1.0 / 1024.0  # fluctuations that are told apart, in units of the image range


def local_mean(x: Tensor, radius: int = 1) -> Tensor:
    """Means of (N, C, H, W) over squares of 2 radius + 1 pixels, as far as they lie inside."""
    return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)


def log_strength(fluctuation: Tensor) -> Tensor:
    """Fluctuations of 0 .. 1 as logarithms of base 2, scaled to within [-1, 1]."""
    return torch.log2(fluctuation + FINEST) / 5.0 + 1.0


WEAR = ("noise", "compression", "blur")
MOST_NOISE = 16.0
"""Standard deviation in levels of 255 that counts as 1."""
MOST_BLUR = 2.0
"""Deviation in pixels that counts as 1."""
CLEAN_NOISE, CLEAN_COMPRESSION = 1.0 / MOST_NOISE, 0.08
"""Below a level of noise and above JPEG's quality 92 an input deserves to be kept exactly."""
COMPRESSION_ERROR = 12.0
"""Deviation in levels of what JPEG leaves of reduced photographs, at compression 1; it goes with
the root of the compression, within a quarter from quality 97 to 30."""
FINE_GAIN, FINE_MOST = 16.0, 2.0
CROP = 64
CROPS = 64
BLOCK = 8


class WearJudge(nn.Module):
    """Judges pictures (N, 3, h, w) in [0, 1], of any size: (N, 3), see the module.

    A small convolutional network gives values and how much to trust them, place by place, and their
    weighted mean is the judgement: noise shows in calm places, blur at edges. It sees the picture,
    what is finer than 3 x 3 pixels many times as strong, and the logarithm of how much that is:
    from the picture alone it learns nothing, noise being a hundredth of it. Of a large picture it
    looks at 64 crops of 64 x 64, evenly spread.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(10, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
        )
        self.judge = nn.Conv2d(width, 2 * len(WEAR), 1)
        nn.init.zeros_(self.judge.weight)
        nn.init.zeros_(self.judge.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, picture: Tensor) -> Tensor:
        count = len(picture)
        crops = _crops(picture.clamp(0.0, 1.0))
        seen = self.judge(self.look(_shown(crops))).float()
        # (N, values, places): the crops of one picture together.
        seen = seen.unflatten(0, (-1, count)).permute(1, 2, 0, 3, 4).flatten(2)
        value, trust = seen.chunk(2, 1)
        return (value * torch.softmax(trust, 2)).sum(2)


def _shown(crops: Tensor) -> Tensor:
    """What is looked at, (N, 10, h, w): pictures, their fine parts, and how large those are."""
    fine = crops - local_mean(crops)
    strength = torch.cat((fine.abs(), fine.mean(1, keepdim=True).abs()), 1)
    strength = log_strength(local_mean(strength))
    return torch.cat((crops - 0.5, (FINE_GAIN * fine).clamp(-FINE_MOST, FINE_MOST), strength), 1)


def _crops(picture: Tensor) -> Tensor:
    """Crops of up to 64 x 64 that cover (N, 3, h, w), or 64 that are spread over it."""
    height, width = picture.shape[-2:]
    size = min(CROP, height), min(CROP, width)
    if height * width <= CROPS * CROP * CROP:
        return picture
    share = (CROPS * width / height) ** 0.5
    columns = max(1, min(width // CROP, round(share), CROPS))
    rows = max(1, min(height // CROP, CROPS // columns))
    tops, lefts = _spread(height - size[0], rows), _spread(width - size[1], columns)
    return torch.cat([picture[:, :, y : y + size[0], x : x + size[1]] for y in tops for x in lefts])


def _spread(room: int, count: int) -> list[int]:
    """Places from 0 to ``room``, on the grid that compression works on."""
    if count == 1:
        return [room // 2 // BLOCK * BLOCK]
    return [round(i * room / (count - 1)) // BLOCK * BLOCK for i in range(count)]


def overruled(context: Tensor, strength: Strength) -> Tensor:
    """What a person says in place of what was judged, (N, 3).

    A number stands for noise of up to 16 levels and JPEG qualities down to 40; blur stays as it was
    judged.
    """
    if strength == "auto":
        return context
    if strength == "none":
        return torch.zeros_like(context)
    stated = context.new_tensor([strength, 0.6 * strength]).expand(len(context), 2)
    return torch.cat((stated, context[:, 2:]), 1)


def clean_ones(context: Tensor) -> Tensor:
    """Which pictures, (N, 3), are free of what exact consistency would bring back: (N,) bool."""
    return (context[:, 0] < CLEAN_NOISE) & (context[:, 1] < CLEAN_COMPRESSION)


def is_clean(context: Tensor) -> bool:
    """Whether one picture, (1, 3), is."""
    return bool(clean_ones(context)[0])


def tolerance(context: Tensor) -> float:
    """How far off a picture's values are, (1, 3): a standard deviation in [0, 1]; a clean one's 0.

    So far a result may differ, downscaled, from what it keeps to: noise and what JPEG lost left
    that much open.
    """
    if is_clean(context):
        return 0.0
    noise, compression, _ = context[0].clamp(0.0, 1.0).tolist()
    return math.hypot(MOST_NOISE * noise, COMPRESSION_ERROR * math.sqrt(compression)) / 255


def describe_wear(context: Tensor) -> dict[str, float]:
    """Of one picture, (3,): noise in levels, JPEG quality, blur in pixels."""
    noise, compression, blur = context.clamp(0.0, 1.0).tolist()
    return {
        "noise": noise * MOST_NOISE,
        "quality": 100.0 * (1.0 - compression),
        "blur": blur * MOST_BLUR,
    }
