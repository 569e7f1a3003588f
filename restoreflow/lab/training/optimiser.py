"""Adam for everything, and Muon for the residual blocks where a stage asks for it.

Muon (Jordan et al., 2024; torch.optim.Muon) orthogonalises a matrix's momentum, so that every
direction of it moves at the same rate. It takes matrices alone: a convolution's weight is one of
(out, in * height * width), seen through a view.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from restoreflow.errors import UsageError
from restoreflow.networks.residual import ResidualBlock

__all__ = ["Optimiser"]

BETAS = (0.9, 0.99)
ADAM, MUON = ("exp_avg", "exp_avg_sq", "step"), ("momentum_buffer",)


class Optimiser:
    """Changes a network's parameters by their gradients.

    Args:
        network: on its device already, in the memory format that it will have.
        muon: whether a stage asks for Muon; PyTorch has it from 2.9 on.

    Raises:
        UsageError: it is asked for and not there.
    """

    def __init__(self, network: nn.Module, muon: bool = True) -> None:
        self._parameters = dict(network.named_parameters())
        self._matrices = {
            f"{name}.{conv}.weight": _matrix(weight)
            for name, block in network.named_modules()
            if muon and isinstance(block, ResidualBlock)
            for conv, weight in (("conv1", block.conv1.weight), ("conv2", block.conv2.weight))
        }
        self._adam = torch.optim.Adam(self._parameters.values(), lr=1.0, betas=BETAS)
        self._muon: torch.optim.Muon | None = None
        if self._matrices and not hasattr(torch.optim, "Muon"):
            raise UsageError(
                f"this PyTorch ({torch.__version__}) has no Muon",
                "take PyTorch 2.9 or newer, or a recipe with muon = 0",
            )
        if self._matrices:
            self._muon = torch.optim.Muon(
                self._matrices.values(), lr=1.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
            )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._adam.zero_grad(set_to_none=True)

    def clear(self) -> None:
        """Forget the moments."""
        for optimiser in self._all():
            optimiser.state.clear()

    def step(self, rate: float, muon: float) -> None:
        """Change the parameters that have a gradient.

        Args:
            rate: Adam's learning rate.
            muon: Muon's; where it is 0, Adam changes the residual blocks too.
        """
        for name, matrix in self._matrices.items():
            parameter = self._parameters[name]
            matrix.grad = None
            if muon > 0 and parameter.grad is not None:
                matrix.grad = _flattened(parameter.grad.to(memory_format=_format(parameter)))
                parameter.grad = None
        for optimiser, found in zip(self._all(), (rate, muon), strict=False):
            for group in optimiser.param_groups:
                group["lr"] = found
            optimiser.step()

    def state(self) -> dict[str, Tensor]:
        """The moments, by optimiser, kind and parameter."""
        found: dict[str, Tensor] = {}
        for name, parameter in self._parameters.items():
            for key, value in self._adam.state.get(parameter, {}).items():
                found[f"adam.{key}.{name}"] = value
        for name, matrix in self._matrices.items():
            for key, value in self._of_muon(matrix).items():
                found[f"muon.{key}.{name}"] = value
        return {name: value.detach().cpu().clone().contiguous() for name, value in found.items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take what `state` gave, onto the parameters' devices; other tensors are left alone."""
        for name, parameter in self._parameters.items():
            if f"adam.step.{name}" in tensors:
                self._adam.state[parameter] = {
                    key: tensors[f"adam.{key}.{name}"].to("cpu" if key == "step" else parameter)
                    for key in ADAM
                }
        for name, matrix in self._matrices.items():
            if self._muon is not None and f"muon.{MUON[0]}.{name}" in tensors:
                self._muon.state[matrix] = {
                    key: tensors[f"muon.{key}.{name}"].to(matrix) for key in MUON
                }

    def _of_muon(self, matrix: nn.Parameter) -> dict[str, Tensor]:
        return {} if self._muon is None else self._muon.state.get(matrix, {})

    def _all(self) -> list[torch.optim.Optimizer]:
        return [self._adam] if self._muon is None else [self._adam, self._muon]


def _matrix(weight: Tensor) -> nn.Parameter:
    """A view of a convolution's weight, (out, in * height * width), in the order of its memory."""
    return nn.Parameter(_flattened(weight.detach()))


def _flattened(weight: Tensor) -> Tensor:
    if _format(weight) is torch.channels_last:
        weight = weight.permute(0, 2, 3, 1)
    return weight.view(weight.shape[0], -1)


def _format(weight: Tensor) -> torch.memory_format:
    wide = weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if wide and not weight.is_contiguous() else torch.contiguous_format
