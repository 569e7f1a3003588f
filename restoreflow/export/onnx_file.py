"""A network's part as an ONNX file, with what a reader must know inside, held against PyTorch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from restoreflow import __version__
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.export.graph import Graph, What
from restoreflow.local_files import LARGEST_TEXT, read_regular
from restoreflow.models.card import CardFacts, read_card
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import CARD, ModelFolder, load_folder
from restoreflow.restoration.tiles import MIN_SIDE
from restoreflow.tasks.table import TASKS

__all__ = ["OPSET", "TOLERANCE", "Exported", "Model", "export", "open_for_export"]

OPSET = 20

TOLERANCE = 1e-4
"""The most by which a value may differ from PyTorch's: a fortieth of an 8-bit level."""

_TRACED, _OTHER = (MIN_SIDE + 2, MIN_SIDE + 3), (MIN_SIDE + 7, MIN_SIDE + 6)
"""Units of the pictures that a network is traced and then tried with, its sides left open."""


@dataclass(frozen=True)
class Model:
    """A model to be exported, and what its card says; None and nothing where it has none."""

    graph: Graph
    config: ModelConfig
    card: CardFacts | None
    text: str


@dataclass(frozen=True)
class Exported:
    """An ONNX file's bytes, and how they were checked.

    Attributes:
        data: the file.
        inputs, outputs: their names and shapes, sides that are left open by name.
        difference: the largest absolute difference from PyTorch, over all sizes tried.
    """

    data: bytes
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    difference: float


def open_for_export(folder: ModelFolder, what: What, clean: bool = False) -> Model:
    """Load a model to be exported.

    Args:
        folder: the model.
        what: the part.
        clean: tell a told model that pictures are clean, instead of asking its caller.

    Raises:
        RestoreflowError: the packages that this takes are not installed.
        ModelError: the model or its card is damaged, or there is none.
    """
    _require()
    path = folder.path / CARD
    card, text = (
        (read_card(path), read_regular(path, LARGEST_TEXT).decode())
        if path.exists()
        else (None, "")
    )
    loaded = load_folder(folder)
    task = TASKS[loaded.config.task]
    choice = ("clean" if clean else "wear") if loaded.config.network.told else ""
    if task.takes("exposure"):
        choice = "exposure"
    graph = Graph(loaded.network, what, choice)
    return Model(graph, loaded.config, card, text)


def export(model: Model, size: tuple[int, int] | None = None) -> Exported:
    """Export a model, and hold what comes out against PyTorch.

    Args:
        model: of `open_for_export`.
        size: height and width of its input in pixels; None leaves them open.

    Raises:
        UsageError: the model does not take pictures of this size, or of any size.
        RestoreflowError: it cannot be exported, or what comes out computes something else.
    """
    graph = model.graph
    units = [_TRACED, _OTHER] if size is None else [_units(model, size)]
    if size is None and model.config.network.kind == "low_light":
        raise UsageError(
            f"{model.config.name} judges whole pictures, which takes a fixed size", "give --size"
        )
    program = _traced(graph, units[0], size is None)
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "restoreflow", __version__
    proto.doc_string = model.card.summary if model.card is not None else ""
    for key, value in _facts(model, size).items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    data: bytes = proto.SerializeToString()
    session = _session(data)
    difference = max(_difference(session, graph, each) for each in units)
    if not difference <= TOLERANCE:  # also if it is no number
        raise RestoreflowError(
            f"{model.config.name}: the ONNX file differs from PyTorch by {difference:.2g}",
            "try other versions of torch, onnxscript and onnxruntime",
        )
    sides = [
        {value.name: list(value.shape) for value in values}
        for values in (session.get_inputs(), session.get_outputs())
    ]
    return Exported(data, sides[0], sides[1], difference)


def _units(model: Model, size: tuple[int, int]) -> tuple[int, int]:
    side = model.graph.geometry.pixels
    if any(each % side or each < MIN_SIDE * side for each in size):
        raise UsageError(
            f"{model.config.name} takes no pictures of {size[1]} x {size[0]}",
            f"choose sides of {MIN_SIDE * side} or more"
            + (f", multiples of {side}" if side > 1 else ""),
        )
    return size[0] // side, size[1] // side


def _traced(graph: Graph, units: tuple[int, int], free: bool) -> Any:
    with _quiet(), torch.no_grad():
        try:
            return torch.onnx.export(
                graph.module,
                graph.example(*units),
                dynamo=True,
                opset_version=OPSET,
                input_names=graph.inputs,
                output_names=graph.outputs,
                dynamic_shapes=graph.free_sides() if free else None,
                verbose=False,
            )
        except Exception as error:  # whatever a version of the exporter may raise
            first = next((line for line in str(error).splitlines() if line.strip()), "")
            raise RestoreflowError(
                f"PyTorch {torch.__version__} cannot export it: {first.strip()}",
                "give --size, or try a newer torch and onnxscript",
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own remarks, which are for who writes exporters."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _facts(model: Model, size: tuple[int, int] | None) -> Mapping[str, str]:
    """What the file says of itself."""
    config, graph, card = model.config, model.graph, model.card
    facts = {
        "model": config.name,
        "part": graph.what,
        "task": config.task,
        "scale": str(config.scale),
        "input": "RGB in [0, 1], sRGB; sides multiples of "
        f"{graph.geometry.pixels}, {MIN_SIDE * graph.geometry.pixels} or more"
        if size is None
        else f"RGB in [0, 1], sRGB; {size[1]} x {size[0]}",
        "reach": str(graph.reach),
    }
    if card is not None:
        licenses = ("license", "code_license", "data_license")
        facts |= {name: getattr(card, name) for name in licenses} | {"card": model.text}
    if graph.what == "sampler":
        facts["temperature"] = f"{config.defaults.temperature:g}"
        facts["latent"] = (
            f"standard normal; a cell of {graph.network.cell} x {graph.network.cell} output pixels"
        )
    if graph.choice == "wear":
        facts["wear"] = (
            "(noise in 16ths of levels of 255, 1 - JPEG quality / 100, blur in 2 pixels), each "
            "0 .. 1; zeros for a clean picture"
        )
    if graph.choice == "exposure":
        facts["exposure"] = "stops brighter than the model judges right"
    return facts


def _session(data: bytes) -> Any:
    # By its name: an extra, which type checkers need not find.
    onnxruntime: Any = import_module("onnxruntime")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])


def _difference(session: Any, graph: Graph, units: tuple[int, int]) -> float:
    given = graph.example(*units)
    found = session.run(
        None, {name: value.numpy() for name, value in zip(graph.inputs, given, strict=True)}
    )
    with torch.no_grad():
        known = graph.module(*given)
    wanted = [known] if isinstance(known, torch.Tensor) else list(known)
    return max(
        float(np.abs(one - other.numpy()).max()) for one, other in zip(found, wanted, strict=True)
    )


def _require() -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise RestoreflowError(
            f"exporting needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'}"
            " not installed",
            'pip install "restoreflow[onnx]"',
        )
