"""A package for darktable's AI upscaling: ONNX files and what darktable asks to know of them.

darktable (pull request 20523) reads a `.dtmodel`, a ZIP file of one folder named by the model's id,
from which it loads `model_x2.onnx` and `model_x4.onnx`: float32 RGB in [0, 1] from "input"
(1, 3, h, w) to "output" (1, 3, scale h, scale w). As darktable-ai has them, sizes are fixed,
512 pixels at scale 2 and 256 at scale 4, and named as `input_sizes` in config.json; opset 20.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from restoreflow import __version__
from restoreflow.errors import UsageError
from restoreflow.export.onnx_file import Model

__all__ = ["SIDES", "check_models", "package", "package_id"]

SIDES: Mapping[int, int] = {2: 512, 4: 256}
"""The side of the input at each scale that darktable upscales by, in pixels."""

_FIRST = "upscale-"
_AUTHORS = "The restoreflow contributors"
_PAPER = "https://arxiv.org/abs/2212.04319"


def package_id(stem: str) -> str:
    """The id of a package in a file so named: lower case, hyphens, the task in front.

    >>> package_id("Restoreflow_2")
    'upscale-restoreflow-2'
    """
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "model"
    return name if name.startswith(_FIRST) else _FIRST + name


def check_models(models: Sequence[Model]) -> None:
    """See that a package can be made of these.

    Raises:
        UsageError: one does not enlarge by 2 or 4, is told what a picture suffers from, or has no
            card, or two have the same scale.
    """
    scales = [model.config.scale for model in models]
    for model, scale in zip(models, scales, strict=True):
        name = model.config.name
        if scale not in SIDES:
            raise UsageError(
                f"{name} does not enlarge by 2 or 4, as darktable does", "take sr-x2 and sr-x4"
            )
        if model.graph.asked:
            raise UsageError(
                f"{name} is told what a picture suffers from, and darktable tells it nothing",
                "take another model, or export it as .onnx",
            )
        if model.card is None:
            raise UsageError(
                f"{name} has no card, and darktable asks for licences and what it learnt from",
                "write its README.md: see restoreflow.models.card.write_card",
            )
        if scales.count(scale) > 1:
            raise UsageError(f"two models enlarge by {scale}", "give one of each scale")


def package(name: str, files: Sequence[tuple[Model, bytes]]) -> bytes:
    """The bytes of a package; the same for the same files.

    Args:
        name: its id.
        files: models and their ONNX files, one a scale.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        contents = {f"model_x{model.config.scale}.onnx": data for model, data in files}
        models = [model for model, _ in files]
        contents["config.json"] = (json.dumps(_config(name, models), indent=4) + "\n").encode()
        contents["README.md"] = "\n\n".join(model.text for model in models).encode()
        for file, data in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(f"{name}/{file}"), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _config(name: str, models: Sequence[Model]) -> dict[str, Any]:
    scales = " and ".join(f"{model.config.scale}x" for model in models)
    cards = [model.card for model in models if model.card is not None]
    first = cards[0]
    names = ", ".join(model.config.name for model in models)
    return {
        "id": name,
        "name": name.replace("-", " "),
        "description": f"restoreflow {scales} enlargement of clean pictures, nothing invented",
        "task": "upscale",
        "arch": "restoreflow",
        "backend": "onnx",
        "version": __version__,
        "tiling": True,
        "attributes": {
            f"model_x{model.config.scale}": {"input_sizes": [SIDES[model.config.scale]]}
            for model in models
        },
        "model_card": {
            "long_description": " ".join(card.summary for card in cards),
            "scope": f"image upscaling ({scales} super-resolution)",
            "author": _AUTHORS,
            "source": names,
            "paper": _PAPER,
            "license": first.license,
            "training_data": first.training_data,
            "training_data_license": first.data_license,
            "notes": first.limits,
        },
    }
