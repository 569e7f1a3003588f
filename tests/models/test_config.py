"""config.json: round trip, and every way it is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from restoreflow.errors import ModelError
from restoreflow.flows.config import FlowConfig
from restoreflow.models.config import SCHEMA, ModelConfig, model_config, read_config
from restoreflow.networks.config import NetworkConfig

MINIMAL: dict[str, Any] = {"schema": 1, "name": "sr-x4", "task": "sr", "scale": 4}


def test_round_trip_writes_every_field(config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    assert read_config(path) == config
    data = json.loads(path.read_text())
    order = ["schema", "name", "task", "scale", "network", "flow", "defaults", "sha256"]
    assert list(data) == order
    assert {"kind", "width", "depth"} <= data["network"].keys()
    assert {"coupling", "steps", "box"} <= data["flow"].keys()


def test_a_newer_schema_says_how_to_upgrade_whatever_else_it_holds() -> None:
    with pytest.raises(ModelError, match="schema 2 is newer") as error:
        model_config({"schema": SCHEMA + 1, "nouvelle": {}}, "config.json")
    assert error.value.hint == "upgrade restoreflow: pip install -U restoreflow"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": None}, '"schema" is missing or no integer'),
        ({"schema": True}, '"schema" is missing or no integer'),
        ({"schema": 0}, "schema must be 1"),
        ({"tsak": "sr"}, 'unknown key "tsak" (did you mean "task"?)'),
        ({"flow": {"bin": 2}}, 'flow: unknown key "bin" (did you mean "bins"?)'),
        ({"network": {"kind": "residul"}}, 'did you mean "residual"?'),
        ({"flow": {"coupling": "splines"}}, 'did you mean "spline"?'),
        ({"scale": 3}, 'scale must be 2 or 4 or 8 for task "sr", not 3'),
        ({"task": "lowlight"}, 'scale must be 1 for task "lowlight", not 4'),
        ({"scale": "4"}, 'scale: expected an integer, found "4"'),
        ({"name": "../up"}, "name must be letters"),
        ({"name": ""}, "name must be letters"),
        ({"defaults": {"temperature": -0.1}}, "defaults: temperature must be from 0 to 10"),
        ({"defaults": {"temperature": 1e308}}, "defaults: temperature must be from 0 to 10"),
        ({"defaults": {"consistency": 1}}, "defaults.consistency: expected true or false"),
        ({"sha256": {"../x.safetensors": "0" * 64}}, "is not the name of a safetensors file"),
        ({"sha256": {"model.safetensors": "0" * 63}}, "expected 64 hexadecimal digits"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as error:
        model_config({**MINIMAL, **change}, "x/config.json")
    assert str(error.value).startswith("x/config.json: ")
    assert message in str(error.value)


OUT_OF_RANGE: dict[str, dict[str, list[object]]] = {
    "flow": {
        "steps": [-1, 65, 10**9, 10**4000],
        "coarse": [-1, 65, 10**9],
        "hidden": [0, 1025, 10**9],
        "base_hidden": [-1, 1025, 10**9],
        "bins": [0, 1, 33, 10**9],
        "seed": [-1, 2**63],
        "box": [0.0, -2.0, 0.09, 1000, 1e308],
        "shift": [0.0, -5.0, 1000, 1e308],
        "detail_range": [0.0, -0.5, 1.01, 1e308],
        "injector_shift": [0.0, -1.0, 1000],
        "base_mean": [0.0, -1.0, 1000],
        "injector_log_scale": [[0.0, 0.0], [1.2, -3.0], [-3.0, 0.0], [-3, -1], [-1e3, 1], [-1, 11]],
        "base_log_scale": [[-1.5, -3.0], [0.0, 0.4], [0.4, -1.5], [0.1, 0.4], [-1e308, 1e308]],
    },
    "network": {
        "width": [0, -1, 1025, 10**9],
        "depth": [-1, 257, 10**9],
        "context": [-1, 257, 10**9],
        "mean_range": [0.0, -0.5, 1.01, 1e308],
    },
}
"""Values that no model can have: certificates of them were false, or building them never ended."""


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        (part, key, value)
        for part, keys in OUT_OF_RANGE.items()
        for key, values in keys.items()
        for value in values
    ],
)
def test_values_out_of_range_are_refused_in_a_line(part: str, key: str, value: object) -> None:
    with pytest.raises(ModelError) as error:
        model_config({**MINIMAL, part: {key: value}}, "config.json")
    message = str(error.value)
    assert message.startswith(f"config.json: {part}: {key}")
    assert "must be" in message and "\n" not in message and len(message) < 160
    assert error.value.exit_code == 6


def test_every_number_of_a_network_has_its_range() -> None:
    for part, kind in (("flow", FlowConfig), ("network", NetworkConfig)):
        fields = {field.name: getattr(kind(), field.name) for field in dataclasses.fields(kind)}
        numbers = {name for name, value in fields.items() if type(value) in (int, float, tuple)}
        assert numbers == OUT_OF_RANGE[part].keys()


@pytest.mark.parametrize(
    "change",
    [{"box": float("nan")}, {"steps": 2.5}, {"coupling": "x"}, {"base_log_scale": (-1.0,)}],
)
def test_so_are_they_where_no_file_was_read(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        FlowConfig(**change)


@pytest.mark.parametrize("key", MINIMAL)
def test_required_keys(key: str) -> None:
    with pytest.raises(ModelError, match=f'"{key}" is missing'):
        model_config({k: v for k, v in MINIMAL.items() if k != key}, "config.json")
