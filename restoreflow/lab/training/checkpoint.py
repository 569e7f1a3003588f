"""A training's state in one safetensors file: weights, their average, moments, counters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from restoreflow.errors import ModelError
from restoreflow.lab.training.adversary import Adversary
from restoreflow.lab.training.optimiser import Optimiser
from restoreflow.local_files import open_regular
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.outputs.atomic import write_atomic

__all__ = ["Progress", "load_checkpoint", "load_mean", "load_start", "save_checkpoint"]

AVERAGE, ENCODER = "average.", "encoder."


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        stage: index of the stage.
        step: steps done in it.
        total: steps done in all stages.
        skipped: steps left out for a gradient that was not finite.
        seconds: time spent training.
    """

    stage: int = 0
    step: int = 0
    total: int = 0
    skipped: int = 0
    seconds: float = 0.0


def save_checkpoint(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimiser: Optimiser,
    progress: Progress,
    fingerprint: str,
    adversary: Adversary | None = None,
) -> None:
    """Write everything that resuming needs; the old file stays until the new one is whole."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("network", network), ("average", average)):
        for name, value in module.state_dict().items():
            tensors[f"{prefix}.{name}"] = value.detach().cpu().clone().contiguous()
    tensors |= optimiser.state()
    if adversary is not None:
        tensors |= adversary.state()
    metadata = {"progress": json.dumps(asdict(progress)), "fingerprint": fingerprint}
    write_atomic(path, save(tensors, metadata), overwrite=True)


def load_checkpoint(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimiser: Optimiser,
    fingerprint: str,
    adversary: Adversary | None = None,
) -> Progress:
    """Restore what `save_checkpoint` wrote, onto the modules' own devices.

    Raises:
        ModelError: the file is damaged, or of a training with another network.
    """
    try:
        open_regular(path).close()  # the library would wait for a pipe
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {error}", "delete it to start anew") from error
    if metadata.get("fingerprint") != fingerprint:
        raise ModelError(
            f"{path} belongs to a training with another network or seed",
            "give another --out, or the configuration it was started with",
        )
    for prefix, module in (("network", network), ("average", average)):
        start = len(prefix) + 1
        own = {k[start:]: v for k, v in tensors.items() if k.startswith(prefix + ".")}
        module.load_state_dict(own)
    optimiser.load_state(tensors)
    if adversary is not None:
        adversary.load_state(tensors)
    return Progress(**json.loads(metadata["progress"]))


def load_mean(paths: Sequence[Path], *networks: RestorationNetwork) -> None:
    """Take what the mean image is made by of a checkpoint or a model's weights, and nothing else.

    An encoder's blocks on the way to the flow belong to the flow: those that one flow was trained
    with would lead another astray. From a checkpoint the averaged weights are taken.

    Args:
        paths: one file; of several the mean is taken, see `load_start`.
        networks: what receives it.

    Raises:
        ModelError: a file holds no encoder, or one of another form.
    """
    tensors = _read_weights(paths)
    for network in networks:
        encoder = network.encoder
        wanted = {id(parameter) for parameter in encoder.mean_parameters()}
        with torch.no_grad():
            for name, parameter in encoder.named_parameters():
                if id(parameter) not in wanted:
                    continue
                found = tensors.get(ENCODER + name)
                if found is None or found.shape != parameter.shape:
                    shape = tuple(parameter.shape)
                    raise ModelError(
                        f"{_named(paths)}: no {ENCODER}{name} of the shape {shape}",
                        "give a checkpoint or a model.safetensors with the same network",
                    )
                parameter.copy_(found)


def load_start(paths: Sequence[Path], *networks: nn.Module) -> tuple[int, int]:
    """Begin with another training's weights, as far as names and shapes agree.

    A model for another scale or degradation shares most of them; the others stay as they were.
    The mean of several trainings that began with the same weights is often better than each of
    them (Wortsman et al., "Model soups", ICML 2022).

    Args:
        paths: one file; of several, with the same names and shapes, the mean is taken.
        networks: what receives it.

    Returns:
        How many tensors were taken, and how many the networks have.

    Raises:
        ModelError: a file cannot be read or differs in form, or nothing in it fits.
    """
    tensors = _read_weights(paths)
    own = networks[0].state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise ModelError(
            f"{_named(paths)}: none of its weights fit", "give a model of the same kind"
        )
    for network in networks:
        network.load_state_dict(network.state_dict() | fitting)
    return len(fitting), len(own)


def _read_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """A model's tensors, or a checkpoint's averaged ones; the mean of several files'."""
    first, *others = [_read_file(path) for path in paths]
    for path, other in zip(paths[1:], others, strict=True):
        if {k: v.shape for k, v in other.items()} != {k: v.shape for k, v in first.items()}:
            raise ModelError(
                f"{path}: not the network of {paths[0]}", "only weights of one form have a mean"
            )
    if not others:
        return first
    return {
        name: torch.stack([value, *(other[name] for other in others)]).mean(0)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


def _read_file(path: Path) -> dict[str, Tensor]:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path}: cannot be read: {error}", "give a checkpoint or a model.safetensors"
        ) from error
    average = {k.removeprefix(AVERAGE): v for k, v in tensors.items() if k.startswith(AVERAGE)}
    return average or tensors


def _named(paths: Sequence[Path]) -> str:
    return " and ".join(map(str, paths))
