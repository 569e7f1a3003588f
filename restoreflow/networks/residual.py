"""The super-resolution encoder: plain residual convolutions on the low-resolution grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.flows.spline import softly_bounded
from restoreflow.networks.encoder import FEATURES, Encoder, Encoding, Tap
from restoreflow.networks.wear import WEAR, WearJudge

__all__ = ["ResidualEncoder"]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a ReLU, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.conv2.weight.mul_(0.2)

    def forward(self, x: Tensor) -> Tensor:
        moved = self.conv2(torch.relu_(self.conv1(x)))
        return moved.add_(x) if moved.dtype == x.dtype else x + moved


class ResidualEncoder(Encoder):
    """Degraded picture to mean image and features, for scales 1, 2, 4 and 8.

    The features live on the grid of the output's 4 x 4 cells: the input's own grid at scale 4, a
    squeeze of the input below, 2 x 2 at scale 2, and the input repeated 2 x 2 at scale 8.

    The mean image is |mean - bicubic| <= mean_range, then clamped to [0, 1], whatever the input.

    The flow's features are made from the trunk's by a few blocks of their own, and in training no
    gradient goes back from them into the trunk: the likelihood would otherwise pull the mean image
    down, and twins would have different mean images.

    Args:
        width: channels of trunk and features.
        depth: residual blocks of the trunk.
        context: residual blocks between the trunk and the flow's features.
        scale: output pixels per input pixel, 1, 2, 4 or 8.
        mean_range: bound on the correction of the bicubic enlargement.
        told: whether what the whole picture suffers from is judged and told, see `networks.wear`.
    """

    cell = 4

    def __init__(
        self,
        width: int,
        depth: int,
        context: int,
        scale: int,
        mean_range: float,
        told: bool = False,
    ) -> None:
        super().__init__()
        if scale not in (1, 2, 4, 8):
            raise ValueError(f"scale is {scale}, not 1, 2, 4 or 8")
        self.scale = scale
        self.mean_range = mean_range
        self.squeeze = max(self.cell // scale, 1)
        self.head = nn.Conv2d(3 * self.squeeze**2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.tail = nn.Conv2d(width, width, 3, padding=1)
        self.detail = nn.Conv2d(width, 3 * self.cell**2, 3, padding=1)
        self.smooth = nn.Conv2d(3, 3, 3, padding=1)
        nn.init.zeros_(self.detail.weight)
        nn.init.zeros_(self.detail.bias)  # pyright: ignore[reportArgumentType]
        nn.init.dirac_(self.smooth.weight)
        nn.init.zeros_(self.smooth.bias)  # pyright: ignore[reportArgumentType]
        self.context = nn.Sequential(*(ResidualBlock(width) for _ in range(context)))
        self.judgement = WearJudge() if told else None
        self.share = _share(width) if told else None

    def mean_parameters(self) -> list[nn.Parameter]:
        return [p for name, p in self.named_parameters() if not name.startswith("context.")]

    def taps(self) -> dict[str, Tap]:
        """Layers to listen to, all on the grid, the mean image's correction squeezed to it.

        "head", "block1" .. "blockD", "tail", "mean", "trunk", "context1" .., "features".
        """
        blocks = {f"block{i + 1}": Tap(f"blocks.{i}") for i in range(len(self.blocks))}
        context = {f"context{i + 1}": Tap(f"context.{i}") for i in range(len(self.context) - 1)}
        mean = {"mean": Tap("smooth", squeeze=self.cell), "trunk": Tap("context", entering=True)}
        trunk = {"head": Tap("head"), **blocks, "tail": Tap("tail")}
        return {**trunk, **mean, **context, FEATURES: Tap("context")}

    def judging_parameters(self) -> list[nn.Parameter]:
        return [] if self.judgement is None else list(self.judgement.parameters())

    @property
    def halo(self) -> int:
        trunk = 2 + 2 * len(self.blocks)
        mean = trunk + 2  # detail, and smooth's pixel, which is in the next cell
        shared = 1 if self.scale == 8 else 0  # two cells share an input pixel
        return max(mean, trunk + 2 * len(self.context)) + shared

    def global_context(self, picture: Tensor) -> Tensor | None:
        """What a picture (N, 3, h, w) suffers from, (N, 3); None where nothing is told."""
        return None if self.judgement is None else self.judgement(picture)

    def forward(self, degraded: Tensor, context: Tensor | None = None) -> Encoding:
        """Encode (N, 3, h, w), RGB in [0, 1]; h and w whole cells: even at scale 2, for example.

        Args:
            degraded: a picture, or a part of it.
            context: ``global_context`` of the whole picture, where ``degraded`` is a part of it.
        """
        trunk = self.trunk(degraded, context)
        return Encoding(self.mean(degraded, trunk), self.context(self.isolate(trunk)))

    def estimate(self, degraded: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean image (N, 3, H, W) of what `forward` takes."""
        return self.mean(degraded, self.trunk(degraded, context))

    def trunk(self, degraded: Tensor, context: Tensor | None = None) -> Tensor:
        """What mean image and features are made from, on the grid."""
        grid = degraded - 0.5
        if self.squeeze > 1:
            grid = F.pixel_unshuffle(grid, self.squeeze)
        elif self.scale == 8:
            grid = F.interpolate(grid, scale_factor=2, mode="nearest")
        shallow = self.head(grid)
        if self.share is not None:
            told = self.global_context(degraded) if context is None else context
            assert told is not None
            shallow = shallow + self.share(told.clamp(0.0, 1.0))[:, :, None, None]
        return shallow + self.tail(self.blocks(shallow))

    def mean(self, degraded: Tensor, features: Tensor) -> Tensor:
        """The mean image from the input and its features."""
        height, width = (size * self.scale for size in degraded.shape[-2:])
        plain = F.interpolate(
            degraded,
            (height, width),
            mode="bicubic",
            antialias=True,
            align_corners=False,
        )
        detail = self.smooth(F.pixel_shuffle(self.detail(features), self.cell))
        return plain.add_(softly_bounded(detail.float(), self.mean_range)).clamp_(0.0, 1.0)


def _share(width: int) -> nn.Sequential:
    """From what is told to one value a channel; nothing at the start."""
    last = nn.Linear(32, width)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(len(WEAR), 32), nn.ReLU(), last)
