"""An adversary for samples: a small network that learns to tell them from photographs.

Pairs are compared, a sample with the photograph that it stands for, place by place: the
relativistic loss of Jolicoeur-Martineau ("The relativistic discriminator", ICLR 2019) in the form
softplus(-(D(real) - D(sample))) and the reverse for the sampler. It judges the picture and, four
times as strongly, its difference from what plain interpolation gives: the missing detail.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["Adversary", "Contest", "Discriminator"]

WIDTHS, STRIDES = (32, 64, 96, 128, 128), (1, 2, 1, 2, 1)
DETAIL_GAIN = 4.0
RATE, BETAS = 2e-4, (0.5, 0.99)
PREFIX = "adversary."


class Contest(NamedTuple):
    """What is told apart.

    Attributes:
        real: logits of photographs, with their graph.
        sample: (N, 3, H, W), what stands for them, without gradient.
        plain: (N, 3, H, W), what interpolation makes of the inputs.
    """

    real: Tensor
    sample: Tensor
    plain: Tensor


class Discriminator(nn.Module):
    """Logits (N, 1, H / 4, W / 4), higher for photographs, of pictures beside their plain forms."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 6
        for width, stride in zip(WIDTHS, STRIDES, strict=True):
            convolution = nn.Conv2d(channels, width, 3, stride, padding=1)
            layers += [spectral_norm(convolution), nn.LeakyReLU(0.2, inplace=True)]
            channels = width
        layers.append(spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, picture: Tensor, plain: Tensor) -> Tensor:
        seen = torch.cat((picture - 0.5, DETAIL_GAIN * (picture - plain)), 1)
        return self.layers(seen.contiguous(memory_format=torch.channels_last)).float()


class Adversary:
    """A discriminator with its optimiser.

    Args:
        device: where.
        precision: of its convolutions, None for float32.
    """

    def __init__(self, device: torch.device, precision: torch.dtype | None) -> None:
        self.network = Discriminator().to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.precision, self.device = precision, device
        self._adam = torch.optim.Adam(self.network.parameters(), lr=RATE, betas=BETAS)

    def challenge(self, real: Tensor, sample: Tensor, plain: Tensor) -> tuple[Tensor, Contest]:
        """What the sampler minimises, whose gradient reaches the sample alone, and the contest.

        Args:
            real, sample, plain: (N, 3, H, W), photographs, samples and interpolated inputs.
        """
        self.network.requires_grad_(True)
        goal = self._logits(real, plain)
        self.network.requires_grad_(False)
        loss = F.softplus(goal.detach() - self._logits(sample, plain)).mean()
        return loss, Contest(goal, sample.detach(), plain)

    def learn(self, contest: Contest, world: int = 1) -> dict[str, float]:
        """One step of the discriminator.

        Args:
            contest: of `challenge`.
            world: processes whose gradients are averaged.

        Returns:
            its loss, and the mean gap of its logits.
        """
        self.network.requires_grad_(True)
        gap = contest.real - self._logits(contest.sample, contest.plain)
        loss = F.softplus(-gap).mean()
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        if world > 1:
            for parameter in self.network.parameters():
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= world
        self._adam.step()
        return {"discriminator": float(loss.detach()), "gap": float(gap.detach().mean())}

    def _logits(self, picture: Tensor, plain: Tensor) -> Tensor:
        reduced = self.precision is not None
        with torch.autocast(self.device.type, dtype=self.precision, enabled=reduced):
            return self.network(picture, plain)

    def state(self) -> dict[str, Tensor]:
        """Weights and moments, by names of their own."""
        found = {f"{PREFIX}network.{k}": v for k, v in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self._adam.state.get(parameter, {}).items():
                found[f"{PREFIX}adam.{key}.{name}"] = value
        return {name: value.detach().cpu().clone().contiguous() for name, value in found.items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take what `state` gave, where it is there."""
        start = f"{PREFIX}network."
        own = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
        if not own:
            return
        self.network.load_state_dict(own)
        for name, parameter in self.network.named_parameters():
            moments = {
                key: tensors[f"{PREFIX}adam.{key}.{name}"]
                for key in ("exp_avg", "exp_avg_sq", "step")
                if f"{PREFIX}adam.{key}.{name}" in tensors
            }
            if moments:
                self._adam.state[parameter] = {
                    key: value.to("cpu" if key == "step" else parameter)
                    for key, value in moments.items()
                }
