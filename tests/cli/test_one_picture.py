"""What one small picture costs: modules of our own that are loaded, and calls down to the flow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MOST_MODULES = 90
"""Not empty ones. The number may only become smaller."""
MOST_FRAMES = 11
"""From the command line to the flow. The number may only become smaller."""

_PROGRAM = """
import json, os, sys
from restoreflow.cli.app import main
from restoreflow.flows.flow import ConditionalFlow

sample, frames = ConditionalFlow.sample, []

def counted(self, *inputs, **options):
    frame, here = sys._getframe(1), []
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("restoreflow."):
            here.append(f"{module}:{frame.f_code.co_name}")
        frame = frame.f_back
    frames.append(here)
    return sample(self, *inputs, **options)

ConditionalFlow.sample = counted
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
ours = {name: module for name, module in sys.modules.items() if name.startswith("restoreflow")}
loaded = [name for name, module in ours.items() if os.path.getsize(module.__file__)]
print(json.dumps({"modules": loaded, "frames": max(frames, key=len)}))
"""


@pytest.fixture(scope="module")
def found(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from tests.cli.conftest import picture

    photo = picture(tmp_path_factory.mktemp("one") / "photo.png", 24, 24)
    words = ["sr", str(photo), "--model", str(tiny_bundle / "sr-x4"), "--format", "quiet"]
    command = [sys.executable, "-c", _PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_laboratory_is_not_needed(found: dict[str, Any]) -> None:
    assert [name for name in found["modules"] if name.startswith("restoreflow.lab")] == []


def test_of_codecs_that_of_the_picture_alone_is_loaded(found: dict[str, Any]) -> None:
    place = "restoreflow.images.codecs."
    codecs = {name.removeprefix(place) for name in found["modules"] if name.startswith(place)}
    assert codecs == {"table", "pillow", "png"}


def test_few_modules_are_loaded(found: dict[str, Any]) -> None:
    assert len(found["modules"]) <= MOST_MODULES, sorted(found["modules"])


def test_few_calls_lead_to_the_flow(found: dict[str, Any]) -> None:
    assert len(found["frames"]) <= MOST_FRAMES, found["frames"]
