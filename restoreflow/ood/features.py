"""An encoder's features at named layers, taken while it runs; the network itself stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from restoreflow.config_reader import nearest
from restoreflow.errors import UsageError
from restoreflow.networks.encoder import FEATURES, Encoder, Tap
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["FEATURES", "extract", "layer_names", "listening", "pooled"]


class _Complete(Exception):
    """Ends the encoder's run early."""


def layer_names(network: RestorationNetwork) -> tuple[str, ...]:
    """The layers of a network's encoder, in the order it computes them."""
    return tuple(network.encoder.taps())


def extract(
    network: RestorationNetwork,
    degraded: Tensor,
    layers: Sequence[str],
    context: Tensor | None = None,
) -> dict[str, Tensor]:
    """Features of an input at the layers asked for; what comes after the last is not computed.

    Args:
        network: gives the encoder, and the precision it computes in.
        degraded: (N, 3, h, w), RGB in [0, 1].
        layers: of `layer_names`.
        context: `global_context` of the whole picture, for encoders that have one, when
            ``degraded`` is a part of it.

    Returns:
        layer to (N, C, rows, columns), in the network's precision; rows and columns are the
        grid's, or coarser where the encoder works on a coarser grid.

    Raises:
        UsageError: there is no such layer.
    """
    encoder = network.encoder
    told = () if context is None else (context,)
    with (
        listening(encoder, layers, to_the_end=False) as found,
        suppress(_Complete),
        network.autocast(degraded.device),
    ):
        encoder(degraded, *told)
    return {name: found[name] for name in layers}


@contextmanager
def listening(
    encoder: Encoder, layers: Sequence[str], to_the_end: bool = True
) -> Iterator[dict[str, Tensor]]:
    """A context that collects an encoder's features while it runs.

    Args:
        encoder: runs as usual.
        layers: of `layer_names`.
        to_the_end: False breaks the run off, by an exception, when the last layer was computed.

    Raises:
        UsageError: there is no such layer.
    """
    known = encoder.taps()
    for name in layers:
        if name not in known:
            raise UsageError(f'the encoder has no layer "{name}"', nearest(name, known))
    found: dict[str, Tensor] = {}
    wanted = None if to_the_end else set(layers)
    handles = [_listen(encoder, name, known[name], found, wanted) for name in set(layers)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _listen(
    encoder: Encoder, name: str, tap: Tap, found: dict[str, Tensor], wanted: set[str] | None
) -> RemovableHandle:
    def take(values: Tensor) -> None:
        found[name] = F.pixel_unshuffle(values, tap.squeeze) if tap.squeeze > 1 else values
        if wanted is not None and found.keys() >= wanted:
            raise _Complete

    def entering(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        take(inputs[0])

    def leaving(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        take(output)

    module = encoder.get_submodule(tap.module)
    if tap.entering:
        return module.register_forward_pre_hook(entering)
    return module.register_forward_hook(leaving)


def pooled(features: Tensor) -> Tensor:
    """Mean and standard deviation over places: (..., C, h, w) to (..., 2 C)."""
    flat = features.flatten(-2)
    return torch.cat((flat.mean(-1), flat.std(-1, unbiased=False)), -1)
