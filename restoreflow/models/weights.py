"""Tensors of a network to safetensors bytes and back, strictly."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from restoreflow.errors import ModelError
from restoreflow.flows.rotation import TOLERANCE, largest_departure

__all__ = ["check_fit", "check_orthogonal", "fill", "parse", "serialise"]


def serialise(network: nn.Module, where: str) -> bytes:
    """Gives the network's state as safetensors; floating-point tensors as contiguous float32.

    Raises:
        ModelError: a tensor holds values that are not finite; `where` names the model.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        tensor = value.detach().cpu()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        tensors[name] = tensor.clone(memory_format=torch.contiguous_format)
    _refuse_non_finite(tensors, where)
    return save(tensors, metadata={"format": "pt"})


def parse(data: bytes, where: str, hint: str = "") -> dict[str, Tensor]:
    """Gives the named tensors of a safetensors file, on the CPU.

    Raises:
        ModelError: the bytes are truncated or no safetensors file.
    """
    try:
        return load(data)
    except KeyError as reason:
        what = f"{where}: holds tensors of the type {reason.args[0]}, which is not read"
        raise ModelError(what, hint) from reason
    except (SafetensorError, ValueError, OverflowError) as reason:
        size = f"{len(data):,} bytes"
        raise ModelError(f"{where}: truncated or damaged ({size}): {reason}", hint) from reason


def fill(network: nn.Module, tensors: Mapping[str, Tensor], where: str, hint: str = "") -> None:
    """Copies the tensors into the network, which must have just these, of these shapes and types.

    Raises:
        ModelError: a tensor is missing, unknown, of another shape or type, or not finite.
    """
    check_fit(network.state_dict(), tensors, where, hint)
    _refuse_non_finite(tensors, where, hint)
    network.load_state_dict(dict(tensors), strict=True)


def check_orthogonal(flow: nn.Module, where: str, hint: str = "") -> float:
    """Gives how far the flow's matrices are from orthogonal, at most: the largest |W W^T - 1|.

    Raises:
        ModelError: farther than float32 rounds; the flow would be no bijection.
    """
    name, size = largest_departure(flow)
    if not size <= TOLERANCE:
        raise ModelError(
            f"{where}: {name} is not orthogonal: |W W^T - 1| is {size:.2g}, not {TOLERANCE:g} or "
            "less",
            hint,
        )
    return size


def check_fit(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: str, hint: str = ""
) -> None:
    """Compares a file's tensors with those that a network has; only shapes and types are looked at.

    Raises:
        ModelError: a tensor is missing, unknown, or of another shape or type.
    """
    missing = sorted(expected.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        parts = [_some(missing, "missing"), _some(unknown, "unknown")]
        raise ModelError(
            f"{where}: does not fit config.json: {', '.join(part for part in parts if part)}", hint
        )
    for name, value in expected.items():
        found = tensors[name]
        if found.shape != value.shape or found.dtype != value.dtype:
            raise ModelError(
                f"{where}: {name} is {_kind(found)}, config.json asks for {_kind(value)}", hint
            )


def _refuse_non_finite(tensors: Mapping[str, Tensor], where: str, hint: str = "") -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{where}: {name} holds values that are not finite", hint)


def _some(names: list[str], what: str) -> str:
    """Gives '3 tensors missing (a.weight, ...)', or nothing for no names."""
    if not names:
        return ""
    dots = ", ..." if len(names) > 1 else ""
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} {what} ({names[0]}{dots})"


def _kind(tensor: Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "a scalar"
    return f"{shape} {str(tensor.dtype).removeprefix('torch.')}"
