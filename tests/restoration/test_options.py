"""What a restoration is asked for: checked once, settled for a model, carried whole."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli.restore_command import PARAMETERS, restore_command
from restoreflow.errors import OptionError, UsageError
from restoreflow.models.config import Defaults, ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.restoration.options import Options, Settled
from restoreflow.restoration.restorer import Restorer
from restoreflow.tasks.table import TASKS
from tests.restoration.fakes import FakeNetwork, config, picture

WRONG: list[dict[str, Any]] = [
    {"samples": 0},
    {"samples": 1.5},
    {"temperature": -0.1},
    {"temperature": float("nan")},
    {"temperature": float("inf")},
    {"seed": -1},
    {"seed": 2**64},
    {"seed": 0.5},
    {"seed": float("nan")},
    {"exposure": 8.1},
    {"exposure": float("nan")},
    {"wear": "much"},
    {"wear": 1.1},
    {"wear": float("nan")},
    {"tile": 7},
    {"tile": "large"},
    {"tile": float("inf")},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_out_of_its_range_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(UsageError, match=f"^{name} is ") as caught:
        Options(**wrong)
    assert caught.value.hint
    with pytest.raises(UsageError, match=f"^{name} is "):
        replace(Options(), **wrong)


OWN: list[tuple[str, Any, Any]] = [
    ("samples", np.int64(2), 2),
    ("seed", np.uint64(2**64 - 1), 2**64 - 1),
    ("seed", 3.0, 3),
    ("tile", np.int32(64), 64),
    ("temperature", np.float64(0.5), 0.5),
    ("exposure", np.float32(0.5), 0.5),
    ("wear", np.float32(0.5), 0.5),
    ("wear", torch.tensor(0.5), 0.5),
    ("consistency", np.bool_(True), True),
]


@pytest.mark.parametrize(("name", "given", "own"), OWN)
def test_numbers_of_other_libraries_become_our_own(name: str, given: Any, own: Any) -> None:
    kept = getattr(Options(**{name: given}), name)
    assert (kept, type(kept)) == (own, type(own))


def test_options_are_there_without_torch() -> None:
    code = "import sys, restoreflow.restoration.options as o; o.Options(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def model(task: str = "sr", told: bool = False) -> ModelConfig:
    row = TASKS[task]
    network = NetworkConfig(kind=row.encoder, told=told)  # type: ignore[arg-type]
    defaults = Defaults(temperature=0.7, consistency=True)
    scale = row.scales[0]
    return ModelConfig(name="m", task=task, scale=scale, network=network, defaults=defaults)


@pytest.mark.parametrize("task", TASKS)
def test_a_model_fills_in_what_was_left_to_it(task: str) -> None:
    known = TASKS[task].operator is not None
    settled = Options(seed=5).settled(TASKS[task], model(task))
    assert settled == Settled(temperature=0.7, consistency=known, seed=5)
    asked = Options(temperature=0, consistency=False, samples=3, tile=64)
    kept = asked.settled(TASKS[task], model(task))
    assert asdict(kept) == asdict(asked)
    assert isinstance(kept.temperature, float)
    with pytest.raises(TypeError, match="temperature"):
        Settled(consistency=True)  # type: ignore[call-arg]


OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("sr", {"exposure": 1.0}, "exposure is for low light, not for sr"),
    ("lowlight", {"consistency": True}, "consistency is for super-resolution, not for lowlight"),
    ("sr", {"wear": 0.5}, "m is not told what a picture suffers from"),
]


@pytest.mark.parametrize(("task", "asked", "told"), OTHERS)
def test_what_a_task_or_a_model_does_not_take_is_refused(
    task: str, asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        Options(**asked).settled(TASKS[task], model(task))


def test_a_model_that_is_told_takes_wear() -> None:
    assert Options(wear=0.5).settled(TASKS["sr"], model(told=True)).wear == 0.5


def test_every_option_is_on_the_command_line() -> None:
    commands = [inspect.signature(restore_command(task)) for task in TASKS.values()]
    offered = {name for command in commands for name in command.parameters}
    named = {
        name for field in fields(Options) for name in PARAMETERS.get(field.name, (field.name,))
    }
    assert named <= offered


def test_keywords_change_the_options_they_come_with() -> None:
    made = Restorer(FakeNetwork(), config())  # type: ignore[arg-type]
    options = Options(samples=2, temperature=0.5, seed=3)
    whole = made.restore(picture(12, 9), options)
    apart = made.restore(picture(12, 9), samples=2, temperature=0.5, seed=3)
    assert [each.tobytes() for each in whole.images] == [each.tobytes() for each in apart.images]
    assert made.restore(picture(12, 9), options, samples=1).report["seed"] == 3
    with pytest.raises(TypeError, match="sample"):
        made.restore(picture(12, 9), sample=2)
    with pytest.raises(UsageError, match=r"not 8 .*samples=8"):
        made.restore(picture(12, 9), 8)  # type: ignore[arg-type]


def test_an_error_keeps_its_option_between_processes() -> None:
    with pytest.raises(OptionError) as caught:
        Options(temperature=-1.0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.spoken) == (str(caught.value), "--temperature is -1.0")


def test_a_manifest_has_the_settings_it_always_had() -> None:
    deciding = RestorationSettings("m", Options(seed=4, wear=0.5)).deciding()
    assert list(deciding) == [
        *("samples", "temperature", "seed", "consistency", "exposure", "wear", "precision"),
        *("uncertainty", "grid", "output_format", "quality", "bit_depth", "arrays"),
        *("strip_metadata", "ood_temperature"),
    ]
    assert (deciding["seed"], deciding["wear"]) == (4, 0.5)
