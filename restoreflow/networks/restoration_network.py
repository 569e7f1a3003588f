"""The assembled network: an encoder, and a flow over the detail that its mean image lacks.

`build_network` makes it of a description, with fresh weights.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from restoreflow.flows.bijection import Condition
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.flow import ConditionalFlow, Detail, LayerBound, build_flow
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.encoder import Encoder, Encoding
from restoreflow.tasks.table import TASKS

__all__ = [
    "Description",
    "Encoding",
    "RestorationNetwork",
    "Sample",
    "build_network",
    "described_tensors",
]


class Sample(NamedTuple):
    """One restoration of each item.

    Attributes:
        image: (N, 3, H, W), the mean plus the limited detail: within [-R, 1 + R], R the flow's
            detail range, for every input, where it is finite; not clamped.
        detail: (N, 3, H, W), the detail as it would be without the limiter.
    """

    image: Tensor
    detail: Tensor


class RestorationNetwork(nn.Module):
    """Encoder and flow.

    Args:
        encoder: degraded picture to mean image and features.
        flow: detail given features.
        task: a name in `tasks.table.TASKS`.
        scale: output pixels per input pixel and direction.

    Attributes:
        cell: side in output pixels of a grid cell.
        latent_channels: channels of the latent.
    """

    cell = 4
    latent_channels = 48

    def __init__(self, encoder: Encoder, flow: ConditionalFlow, task: str, scale: int) -> None:
        super().__init__()
        # The layout that convolutions are fastest in, on a CPU and with tensor cores.
        self.encoder: Encoder = encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.flow = flow
        self.task = task
        self.scale = scale
        self.precision: torch.dtype | None = None

    @property
    def halo(self) -> int:
        """Receptive field of the whole restorer to either side, in grid cells."""
        return self.encoder.halo + self.flow.halo

    @property
    def alignment(self) -> int:
        """Grid cells at whose multiples tiles begin."""
        return math.lcm(self.encoder.alignment, self.flow.alignment)

    def set_precision(self, dtype: torch.dtype | None) -> None:
        """Run encoder and coupling networks under autocast to a dtype; None for float32."""
        self.precision = dtype
        self.flow.set_precision(dtype)

    def autocast(self, device: torch.device) -> torch.autocast:
        """A context in which convolutions compute in the network's precision."""
        reduced = self.precision is not None
        return torch.autocast(device.type, dtype=self.precision, enabled=reduced)

    def global_context(self, picture: Tensor) -> Tensor | None:
        """What the encoder judges once for a whole picture, (N, G), in float32; None if nothing."""
        return self.encoder.global_context(picture)

    def placed(self, context: Tensor, top: int, left: int) -> Tensor:
        """``global_context`` for a window that begins so many grid cells down and right."""
        return self.encoder.placed(context, top, left)

    def encode(self, degraded: Tensor, context: Tensor | None = None) -> Encoding:
        """Mean image in [0, 1] and features from (N, 3, h, w), RGB in [0, 1].

        Args:
            degraded: a picture, or a part of it.
            context: ``global_context`` of the whole picture, where ``degraded`` is a part of it.
        """
        told = () if context is None else (context,)
        with self.autocast(degraded.device):
            mean, features, reach = self.encoder(degraded, *told)
        return Encoding(mean.to(degraded.dtype), features, reach)

    def estimate(self, degraded: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean image of `encode`, bit for bit, without what the flow alone needs."""
        told = () if context is None else (context,)
        with self.autocast(degraded.device):
            return self.encoder.estimate(degraded, *told).to(degraded.dtype)

    def prepare(self, features: Tensor) -> Condition:
        """Everything that depends on the features alone."""
        with self.autocast(features.device):
            return self.flow.prepare(features)

    def sample(
        self,
        encoding: Encoding,
        latent: Tensor,
        temperature: float,
        condition: Condition = None,
    ) -> Sample:
        """Restorations from latents (N, 48, h, w), N the encoding's or any where that has one."""
        if condition is None:
            condition = self.prepare(encoding.features)
        detail = self.flow.sample(condition, latent, temperature)
        if encoding.reach is not None:
            detail = Detail(*(encoding.reach * values for values in detail))
        return Sample(encoding.mean + detail.limited, detail.unlimited)

    def log_prob(self, degraded: Tensor, clean: Tensor) -> Tensor:
        """Log density (N,) of clean pictures (N, 3, H, W) in [0, 1] given degraded ones, nats."""
        encoding = self.encode(degraded)
        return self.detail_log_prob(encoding, clean, self.prepare(encoding.features))

    def detail_log_prob(self, encoding: Encoding, clean: Tensor, condition: Condition) -> Tensor:
        """``log_prob`` where the encoder's and ``prepare``'s results are at hand."""
        detail = clean - encoding.mean
        if encoding.reach is None:
            return self.flow.log_prob(detail, condition)
        ladj = -clean.shape[1] * encoding.reach.log().flatten(1).sum(1)
        return self.flow.log_prob(detail / encoding.reach, condition) + ladj

    def inverse_bound(self, temperature: float = 1.0) -> list[LayerBound]:
        """The certificate; see `ConditionalFlow.inverse_bound`."""
        return self.flow.inverse_bound(temperature)


class Description(Protocol):
    """What a network is made from: a `ModelConfig` is one, and says more."""

    @property
    def task(self) -> str: ...
    @property
    def scale(self) -> int: ...
    @property
    def network(self) -> NetworkConfig: ...
    @property
    def flow(self) -> FlowConfig: ...


def build_network(config: Description) -> RestorationNetwork:
    """A network of the described form; weights are drawn from torch's global generator.

    Raises:
        ValueError: the encoder is not of the task's kind, or cannot have that width.
    """
    flow = build_flow(config.flow, config.network.width)
    return RestorationNetwork(build_encoder(config), flow, config.task, config.scale)


def described_tensors(config: Description) -> dict[str, Tensor]:
    """The tensors of a network of the described form, by name; most without memory of their own.

    Takes some hundredths of a second and next to no memory, for the largest description too.

    Raises:
        ValueError: as `build_network`.
    """
    with torch.device("meta"):
        return build_network(config).state_dict()


def build_encoder(config: Description) -> Encoder:
    """The encoder alone; of its kind alone the module is imported."""
    network = config.network
    kind = TASKS[config.task].encoder
    if network.kind != kind:
        raise ValueError(
            f'task "{config.task}" needs an encoder of kind "{kind}", not "{network.kind}"'
        )
    size = network.width, network.depth, network.context
    if kind == "low_light":
        from restoreflow.networks.low_light import LowLightEncoder

        return LowLightEncoder(*size, network.mean_range, gains=network.gains)
    from restoreflow.networks.residual import ResidualEncoder

    return ResidualEncoder(*size, config.scale, network.mean_range, network.told)
