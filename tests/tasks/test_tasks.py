"""Every row of the table of tasks agrees with the rest, and nothing else asks which task it is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.cli.restore_command import PARAMETERS, restore_command
from restoreflow.errors import ModelError
from restoreflow.lab.training.config import StageConfig, TrainConfig
from restoreflow.lab.verbs import evaluate
from restoreflow.models.config import ModelConfig, model_config, read_config
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_encoder
from restoreflow.tasks.table import OPTIONS, TASKS, USUAL, for_worn, takers
from restoreflow.tasks.task import Task

ROOT = Path(__file__).parents[2]
ROWS = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
WITH_OPERATOR = [task for task in TASKS.values() if task.operator is not None]


def test_the_table_is_there_without_torch() -> None:
    code = "import sys, restoreflow.tasks.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@ROWS
def test_a_row_is_frozen_and_says_all(task: Task) -> None:
    with pytest.raises(FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]
    may_be_empty = {"models", "for_worn", "options", "operator"}
    for field in fields(task):
        assert getattr(task, field.name) or field.name in may_be_empty, field.name
    assert f"`restoreflow {task.name} {task.example}`" in task.words
    assert all(task.suffix_at(f"{scale}x").isalnum() for scale in task.scales)


@ROWS
def test_the_models_of_a_row_are_bundled_and_its_own(task: Task) -> None:
    found = {scale: read_config(weights(name)) for scale, name in task.models.items()}
    assert all(config.scale == scale for scale, config in found.items())
    worn = [*task.for_worn, *task.for_worn.values()]
    named = [read_config(weights(name)) for name in (task.default_model, *worn)]
    assert all(config.task == task.name for config in (*found.values(), *named))
    assert {config.scale for config in (*found.values(), *named)} <= set(task.scales)


def weights(name: str) -> Path:
    return ROOT / "weights" / name / "config.json"


@ROWS
def test_a_model_has_the_scales_and_the_encoder_of_its_row(task: Task) -> None:
    network = NetworkConfig(kind=task.encoder, width=12, depth=1)  # type: ignore[arg-type]
    for scale in task.scales:
        config = ModelConfig(name="made", task=task.name, scale=scale, network=network)
        encoding = build_encoder(config)(torch.rand(1, 3, 32, 32), *told(config))
        assert encoding.mean.shape[-2:] == (32 * scale, 32 * scale)
    with pytest.raises(ValueError, match=f'for task "{task.name}", not 3'):
        ModelConfig(name="made", task=task.name, scale=3)


def told(config: ModelConfig) -> tuple[torch.Tensor, ...]:
    context = build_encoder(config).global_context(torch.rand(1, 3, 32, 32))
    return () if context is None else (context,)


def test_a_task_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError) as caught:
        model_config({"schema": 1, "name": "made", "task": "lowligt", "scale": 1}, "it")
    assert 'did you mean "lowlight"?' in caught.value.hint


@ROWS
def test_a_command_has_the_options_that_its_row_takes(task: Task) -> None:
    taken = inspect.signature(restore_command(task)).parameters
    offered = {option for option in OPTIONS if set(PARAMETERS.get(option, (option,))) <= set(taken)}
    assert offered == task.options
    assert all(task.title in takers(option) for option in task.options)


@ROWS
def test_training_and_evaluation_know_what_a_row_names(task: Task) -> None:
    for degradation in task.degradations:
        stages = (StageConfig(loss="mean", steps=1, learning_rate=1e-3),)
        made = TrainConfig(
            name="made",
            task=task.name,
            scale=task.scales[0],
            degradation=degradation,  # type: ignore[arg-type]
            stages=stages,
        )
        assert made.degradation == degradation
    commands = [command.callback for command in evaluate.app.registered_commands]
    assert task.protocol in [command.__name__ for command in commands if command is not None]


@pytest.mark.parametrize("task", WITH_OPERATOR, ids=lambda task: task.name)
def test_an_operator_reduces_what_it_lifted_and_is_linear(task: Task) -> None:
    operator = task.operator
    assert operator is not None
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    for scale in task.scales:
        lifted = operator.lift(x, scale)
        assert lifted.shape == (2, 3, 5 * scale, 7 * scale)
        back = operator.reduce(lifted, scale)
        assert (back - x).square().mean() < 0.2 * x.var()  # a guess, no inverse
        plain = operator.lift(torch.full_like(x, 0.3), scale)
        assert (operator.reduce(plain, scale) - 0.3).abs().max() < 1e-12
        y = torch.rand_like(lifted)
        both = operator.reduce(2 * lifted - y, scale)
        apart = 2 * operator.reduce(lifted, scale) - operator.reduce(y, scale)
        assert (both - apart).abs().max() < 1e-12


def test_bicubic_reduction_is_pillows() -> None:
    assert USUAL.operator is not None
    x = np.random.default_rng(0).random((24, 40), dtype=np.float32)
    for scale in USUAL.scales:
        size = (40 // scale, 24 // scale)
        expected = np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC))
        found = USUAL.operator.reduce(torch.from_numpy(x), scale).numpy()
        assert np.abs(found - expected).max() < 1e-5


def test_worn_pictures_have_their_model() -> None:
    assert for_worn("sr-x2") == "sr-x4"
    assert for_worn("sr-x4-photo") is None


def strings(path: Path) -> Iterator[tuple[str, int]]:
    """The strings in a module's code; docstrings, which decide nothing, are none."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value, node.lineno


def test_nothing_but_the_table_names_a_task() -> None:
    modules = (ROOT / "restoreflow").rglob("*.py")
    others = [path for path in modules if path.parent.name != "tasks"]
    assert len(others) > 100
    named = [f"{path}:{line}" for path in others for text, line in strings(path) if text in TASKS]
    assert named == []
