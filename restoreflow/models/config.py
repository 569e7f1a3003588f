"""config.json of a model folder: what the network is, how it is used, what its files hash to."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restoreflow.config_reader import check_range, from_dict, read_json_object, to_dict
from restoreflow.errors import ModelError
from restoreflow.flows.config import FlowConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.tasks.table import TASKS, TaskName

__all__ = ["SCHEMA", "Defaults", "ModelConfig", "model_config", "read_config"]

SCHEMA = 1
"""The newest schema this version reads."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Defaults:
    """How the model is used where the user says nothing.

    Args:
        temperature: the latent's standard deviation, 0 to 10.
        consistency: whether a result is projected so that downscaling it gives the input back.
    """

    temperature: float = 0.8
    consistency: bool = True

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 0.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """All of config.json.

    Args:
        schema: version of this file's layout.
        name: letters, digits, dot, dash, underscore.
        task: a name in `tasks.table.TASKS`.
        scale: output side over input side; 1 for low light.
        network: the encoder.
        flow: the invertible part.
        defaults: how the model is used where the user says nothing.
        sha256: file name to hexadecimal digest, for each tensor file of the folder.

    Raises:
        ValueError: a value is out of its range.
    """

    schema: int = SCHEMA
    name: str
    task: TaskName
    scale: int
    network: NetworkConfig = field(default_factory=NetworkConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    defaults: Defaults = field(default_factory=Defaults)
    sha256: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}, not {self.schema}")
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be letters, digits, '.', '-', '_', not {self.name!r}")
        scales = TASKS[self.task].scales
        if self.scale not in scales:
            known = " or ".join(map(str, scales))
            raise ValueError(f'scale must be {known} for task "{self.task}", not {self.scale}')
        for file, digest in self.sha256.items():
            if not _FILE.fullmatch(file):
                raise ValueError(f"sha256: {file!r} is not the name of a safetensors file")
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"sha256: {file}: expected 64 hexadecimal digits")

    def with_sha256(self, sha256: dict[str, str]) -> ModelConfig:
        """Gives the same configuration with other checksums."""
        return dataclasses.replace(self, sha256=dict(sha256))

    def to_json(self) -> str:
        """Gives config.json's text: every field, in the order of the schema."""
        return json.dumps(to_dict(self), indent=2, ensure_ascii=False) + "\n"


def model_config(data: dict[str, Any], where: str) -> ModelConfig:
    """Makes a configuration from parsed JSON.

    The schema is looked at first, so that a newer file is told from a misspelt one.

    Raises:
        ModelError: newer schema, unknown key (the nearest is named), wrong type or value.
    """
    schema = data.get("schema")
    if type(schema) is not int:
        raise ModelError(
            f'{where}: key "schema" is missing or no integer', "is this a restoreflow model?"
        )
    if schema > SCHEMA:
        raise ModelError(
            f"{where}: schema {schema} is newer than this version reads ({SCHEMA})",
            "upgrade restoreflow: pip install -U restoreflow",
        )
    return from_dict(ModelConfig, data, where)


def read_config(path: Path) -> ModelConfig:
    """Reads config.json; errors as `model_config`, and for a file that is no JSON object."""
    return model_config(read_json_object(path), str(path))
