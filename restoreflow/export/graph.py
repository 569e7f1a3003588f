"""What is exported: modules of tensors alone, with everything that a person chooses as an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from restoreflow.networks.low_light import with_exposure
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.networks.wear import WEAR
from restoreflow.restoration.tiles import MIN_SIDE, Geometry

__all__ = ["Graph", "What"]

What = Literal["estimate", "sampler"]
"""The clean estimate alone, which a sample at temperature 0 is; or samples, of latents given."""


class Estimate(nn.Module):
    """(1, 3, h, w) to the clean estimate (1, 3, H, W), in [0, 1]."""

    def __init__(self, network: RestorationNetwork, choice: str) -> None:
        super().__init__()
        self.network, self.choice = network, choice

    def forward(self, picture: Tensor, chosen: Tensor | None = None) -> Tensor:
        return self.network.estimate(picture, _context(self, picture, chosen))


class Sampler(nn.Module):
    """(1, 3, h, w) and latents (1, 48, rows, columns) to a sample, not clamped, and the mean."""

    def __init__(self, network: RestorationNetwork, choice: str) -> None:
        super().__init__()
        self.network, self.choice = network, choice

    def forward(
        self, picture: Tensor, latent: Tensor, temperature: Tensor, chosen: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        encoding = self.network.encode(picture, _context(self, picture, chosen))
        # A temperature is a number to PyTorch, which would be written into the file.
        return self.network.sample(encoding, latent * temperature, 1.0).image, encoding.mean


def _context(module: Estimate | Sampler, picture: Tensor, chosen: Tensor | None) -> Tensor | None:
    """What the encoder is told: of a told model what the caller says, judged where it is light."""
    if module.choice == "clean":
        return picture.new_zeros(1, len(WEAR))
    if chosen is None:
        return None
    if module.choice == "wear":
        return chosen[None]
    context = module.network.global_context(picture)
    return None if context is None else with_exposure(context, chosen)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Graph:
    """A network's part to be exported.

    Args:
        network: in float32 on the CPU, in evaluation mode.
        what: which part.
        choice: what its encoder is told by the caller: "wear" (3,), "exposure" (), or "" nothing;
            "clean" tells a told one that there is no wear.
    """

    network: RestorationNetwork
    what: What
    choice: Literal["wear", "exposure", "clean", ""]

    @property
    def geometry(self) -> Geometry:
        """Input pixels, grid cells and output pixels of a unit's side."""
        return Geometry.of(self.network)

    @property
    def reach(self) -> int:
        """Input pixels to either side that a pixel's result depends on, by its part."""
        network = self.network
        cells = network.encoder.halo if self.what == "estimate" else network.halo
        return -(-cells // self.geometry.cells) * self.geometry.pixels

    @property
    def module(self) -> Estimate | Sampler:
        """The module itself."""
        kind = Estimate if self.what == "estimate" else Sampler
        return kind(self.network, self.choice).eval()

    @property
    def asked(self) -> str:
        """What the caller is to tell, an input of its own; "" for nothing."""
        return "" if self.choice == "clean" else self.choice

    @property
    def inputs(self) -> list[str]:
        """Names, in order."""
        drawn = ["latent", "temperature"] if self.what == "sampler" else []
        return ["input", *drawn, *([self.asked] if self.asked else [])]

    @property
    def outputs(self) -> list[str]:
        """Names, in order."""
        return ["output"] if self.what == "estimate" else ["output", "estimate"]

    def example(self, rows: int, columns: int) -> tuple[Tensor, ...]:
        """Inputs for a picture of so many units, always the same."""
        chance = torch.Generator().manual_seed(0)
        pixels, cells = self.geometry.pixels, self.geometry.cells
        values = [torch.rand(1, 3, rows * pixels, columns * pixels, generator=chance)]
        if self.what == "sampler":
            size = (1, self.network.latent_channels, rows * cells, columns * cells)
            values += [torch.randn(size, generator=chance), torch.tensor(0.7)]
        if self.choice == "wear":
            values.append(torch.tensor([0.3, 0.2, 0.1])[: len(WEAR)])
        if self.choice == "exposure":
            values.append(torch.tensor(0.5))
        return tuple(values)

    def free_sides(self) -> tuple[dict[int, Any] | None, ...]:
        """For each input its sides that are left open, in units of one height and one width."""
        from torch.export import Dim

        height, width = (Dim(name, min=MIN_SIDE) for name in ("height", "width"))
        pixels, cells = self.geometry.pixels, self.geometry.cells
        sides: list[dict[int, Any] | None] = [{2: pixels * height, 3: pixels * width}]
        if self.what == "sampler":
            sides += [{2: cells * height, 3: cells * width}, None]
        return (*sides, *([None] if self.asked else []))
