"""The ComfyUI node against its contract: a stand-in as strict as the interface is documented.

That is V3's: inputs and outputs are objects, `define_schema` and `execute` class methods, whose
parameters are the inputs' ids; IMAGE is (N, H, W, C) and MASK (N, H, W), floats in [0, 1].
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from tests.restoration.fakes import picture

FOLDER = Path(__file__).parents[2] / "examples" / "comfyui"


@dataclass
class Input:
    id: str
    display_name: str | None = None
    optional: bool = False
    tooltip: str | None = None


@dataclass
class NumberInput(Input):
    default: float | None = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    control_after_generate: bool = False


@dataclass
class ComboInput(Input):
    options: list[str] = field(default_factory=list)
    default: str | None = None


@dataclass
class Output:
    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None


@dataclass
class Schema:
    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    description: str = ""


class NodeOutput:
    def __init__(self, *args: Any) -> None:
        self.args = args


def kind(taken: type[Input]) -> SimpleNamespace:
    return SimpleNamespace(Input=taken, Output=type("Output", (Output,), {}))


@pytest.fixture(scope="module")
def node():
    """The extension's only node, as ComfyUI finds it."""
    latest: Any = ModuleType("comfy_api.latest")
    latest.ComfyExtension = type("ComfyExtension", (), {})
    latest.io = SimpleNamespace(
        ComfyNode=type("ComfyNode", (), {}), Schema=Schema, NodeOutput=NodeOutput,
        Image=kind(Input), Mask=kind(Input), Combo=kind(ComboInput), Int=kind(NumberInput),
        Float=kind(NumberInput),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
        patch.setitem(sys.modules, "comfy_api.latest", latest)
        spec = importlib.util.spec_from_file_location("comfyui_restoreflow", FOLDER / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        extension: Any = asyncio.run(module.comfy_entrypoint())
        assert issubclass(type(extension), latest.ComfyExtension)
        (found,) = asyncio.run(extension.get_node_list())
        assert issubclass(found, latest.io.ComfyNode)
        yield found


def test_the_schema_is_what_execute_takes(node):
    schema = node.define_schema()
    assert inspect.ismethod(node.define_schema)
    assert inspect.ismethod(node.execute)
    assert list(inspect.signature(node.execute).parameters) == [each.id for each in schema.inputs]
    assert [each.display_name for each in schema.outputs] == [
        "samples", "estimate", "spread", "score",
    ]  # fmt: skip
    inputs = {each.id: each for each in schema.inputs}
    assert inputs["model"].default in inputs["model"].options
    for each in schema.inputs:
        if isinstance(each, NumberInput):
            limits = (each.min, each.default, each.max)
            assert list(limits) == sorted(each for each in limits if each is not None)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_batch_gives_samples_estimates_masks_and_a_score(node, channels):
    image = torch.stack([picture(12, 16), picture(12, 16, seed=1)]).movedim(1, -1)
    image = torch.cat([image, torch.ones(2, 12, 16, 1)], -1)[..., :channels]
    given = {"image": image, "model": "sr-x2", "samples": 3, "temperature": 0.8, "seed": 5}
    samples, estimate, spread, score = node.execute(**given).args
    assert samples.shape == (6, 24, 32, 3)
    assert estimate.shape == (2, 24, 32, 3)
    assert spread.shape == (2, 24, 32)
    for each in (samples, estimate, spread):
        assert each.dtype == torch.float32
        assert 0 <= float(each.min()) <= float(each.max()) <= 1
    assert float(spread.max()) > 0
    assert isinstance(score, float)
    assert 0 <= score <= 100
    again = node.execute(**given).args
    assert torch.equal(samples, again[0])
    assert torch.equal(samples[3:], node.execute(**given | {"image": image[1:]}).args[0])
    other = node.execute(**given | {"seed": 6}).args[0]
    assert not torch.equal(samples, other)


def test_without_a_temperature_nothing_is_drawn(node):
    image = picture(12, 16).movedim(0, -1)[None]
    found = node.execute(image=image, model="sr-x2", samples=2, temperature=0.0, seed=0).args
    assert torch.equal(found[0][0], found[0][1])
    assert float(found[2].max()) == 0


def test_the_folder_is_a_package_that_comfyui_s_registry_knows():
    facts = tomllib.loads((FOLDER / "pyproject.toml").read_text())
    assert facts["project"]["dependencies"] == ["restoreflow"]
    assert facts["tool"]["comfy"]["DisplayName"]
