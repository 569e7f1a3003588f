"""What every encoder gives, whatever its task."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["FEATURES", "Encoder", "Encoding", "Tap"]

FEATURES = "features"
"""The layer that conditions the flow; every encoder has it, and a restorer computes it anyway."""


class Encoding(NamedTuple):
    """What an encoder knows of a degraded picture.

    Attributes:
        mean: (N, 3, H, W), the clean picture's estimate, in [0, 1].
        features: (N, F, H / 4, W / 4), what conditions the flow.
        reach: (N, 1, H, W), in (0, 1]: by how much the flow's detail is scaled, where the input
            leaves no room for any; None: it is not scaled.
    """

    mean: Tensor
    features: Tensor
    reach: Tensor | None = None


class Tap(NamedTuple):
    """Where a layer's features are taken.

    Attributes:
        module: the submodule's name in the encoder.
        entering: take what enters the module, not what leaves it.
        squeeze: pixels a cell side that are squeezed into channels; 1 for features on the grid.
    """

    module: str
    entering: bool = False
    squeeze: int = 1


class Encoder(nn.Module):
    """A network from a degraded picture to its `Encoding`.

    A subclass

    * MUST implement ``forward`` on (N, 3, h, w), RGB in [0, 1], and ``estimate``, which gives its
      mean image bit for bit without what the flow alone needs;
    * MUST keep the mean image within [0, 1] for every input;
    * MUST say its receptive field, which parameters the mean image depends on, and its layers;
    * MUST pass its trunk through `isolate` on the way to the features.

    Attributes:
        isolated: whether gradients stop between the trunk and the features. Training sets it, so
            that the likelihood leaves the mean image alone; otherwise the features are
            differentiable in the input, which a search for hostile inputs needs.
        alignment: grid cells; tiles begin at multiples of it.
    """

    isolated: bool = False
    alignment: int = 1

    def isolate(self, trunk: Tensor) -> Tensor:
        """The trunk as the flow's features may see it."""
        return trunk.detach() if self.isolated else trunk

    @property
    def halo(self) -> int:
        """Receptive field to either side, in grid cells, of mean and features."""
        raise NotImplementedError

    def mean_parameters(self) -> list[nn.Parameter]:
        """The parameters that the mean image depends on."""
        raise NotImplementedError

    def judging_parameters(self) -> list[nn.Parameter]:
        """The parameters that what is judged of whole pictures depends on, as their exposure."""
        return []

    def taps(self) -> dict[str, Tap]:
        """Layers whose features may be listened to, by name, in the order they are computed.

        `FEATURES` is the last of them.
        """
        raise NotImplementedError

    def global_context(self, picture: Tensor) -> Tensor | None:
        """What all parts of a picture share, (N, G), judged on the whole of it; None if nothing.

        An encoder that gives one takes it as ``forward``'s second argument.
        """
        del picture
        return None

    def placed(self, context: Tensor, top: int, left: int) -> Tensor:
        """``global_context`` for a window that begins so many grid cells down and right."""
        del top, left
        return context

    def forward(self, degraded: Tensor) -> Encoding:
        """Mean image and features."""
        raise NotImplementedError

    def estimate(self, degraded: Tensor) -> Tensor:
        """The mean image alone."""
        raise NotImplementedError
