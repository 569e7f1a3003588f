"""config.json: round trip, and every way it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from restoreflow.errors import ModelError
from restoreflow.models.config import SCHEMA, ModelConfig, model_config, read_config

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
        ({"defaults": {"temperature": -0.1}}, "defaults: temperature must be 0 or more"),
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


@pytest.mark.parametrize("key", MINIMAL)
def test_required_keys(key: str) -> None:
    with pytest.raises(ModelError, match=f'"{key}" is missing'):
        model_config({k: v for k, v in MINIMAL.items() if k != key}, "config.json")
