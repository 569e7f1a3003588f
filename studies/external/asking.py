"""What becomes of the suite in somebody's model, through a contract of one function."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from restoreflow.errors import UsageError
from restoreflow.restoration.sampling import ERROR_RANGE
from studies.external.suite import VERSION, inputs, sums

__all__ = ["SCHEMA", "THRESHOLDS", "Sampler", "ask", "load"]

SCHEMA = 1
THRESHOLDS = (2.0, 10.0, 1e3)
"""Of |x|, in units of the image range."""
TEMPERATURES = (0.0, 1.0)


class Sampler(Protocol):
    """What a factory gives.

    Attributes that it may have: `temperatures`, those it is asked at, (0, 1) without; `parameters`,
    how many it has; `about`, what to say of it beside figures: where it is from, its licence.
    """

    def __call__(self, input: Tensor, latent: torch.Generator, temperature: float) -> Tensor:
        """An image before any limiter or clamping.

        Args:
            input: (1, 3, h, w), RGB in [0, 1], float32, on the CPU.
            latent: the only source of chance; the same state has to give the same image.
            temperature: of the sample; 0 is the model's single best guess. A model without
                latents has `temperatures = (0.0,)`.

        Returns:
            (1, 3, H, W), the image range 0 .. 1; what is not finite is counted, not refused.
        """
        ...


def load(name: str) -> Sampler:
    """The sampler of `module:factory`, or of `module:factory:argument`.

    Raises:
        UsageError: the name has another form, or there is no such module or factory.
    """
    module, _, rest = name.partition(":")
    factory, _, argument = rest.partition(":")
    if not module or not factory:
        raise UsageError(f"{name!r} names no factory", "for example mymodels:build")
    try:
        make = cast("Callable[..., Sampler]", getattr(importlib.import_module(module), factory))
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{name!r} cannot be had: {error}", "it is imported from here") from error
    return make(argument) if argument else make()


@torch.inference_mode()
def ask(
    sampler: Sampler, name: str, advance: Callable[[str], None] = lambda what: None
) -> dict[str, Any]:
    """Put every input of the suite to a sampler at its temperatures.

    Returns:
        JSON: `schema`, `suite` and the sum of its sums; `model` by name with `parameters` and
        `about`; a row an input and temperature: lowest and highest finite value, how many are not
        finite, how many pixels are outside [-0.5, 1.5] or not finite, of how many.
    """
    temperatures = getattr(sampler, "temperatures", TEMPERATURES)
    rows = []
    for place, (item, picture) in enumerate(inputs().items()):
        for temperature in temperatures:
            latent = torch.Generator().manual_seed(place)
            image = sampler(picture[None], latent, temperature)
            rows.append({"input": item, "temperature": temperature} | _errors(image))
        advance(item)
    facts = {"name": name, "parameters": getattr(sampler, "parameters", None)}
    return {
        "schema": SCHEMA,
        "suite": VERSION,
        "suite_sha256": hashlib.sha256(json.dumps(sums()).encode()).hexdigest(),
        "model": facts | {"about": getattr(sampler, "about", "")},
        "rows": rows,
    }


def _errors(image: Tensor) -> dict[str, Any]:
    values = image.double()
    known = values[values.isfinite()]
    low, high = ERROR_RANGE
    sound = ((values >= low) & (values <= high)).all(1)
    return {
        "lowest": float(known.min()) if known.numel() else None,
        "highest": float(known.max()) if known.numel() else None,
        "nonfinite": int(values.numel() - known.numel()),
        "error_pixels": int((~sound).sum()),
        "pixels": sound.numel(),
    }
