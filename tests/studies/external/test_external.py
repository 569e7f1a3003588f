"""`python -m studies.external` on a toy that explodes where it is known to."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import Tensor

from restoreflow.cli import program
from restoreflow.errors import InputError, RestoreflowError, UsageError
from studies.external import suite
from studies.external.__main__ import NAME, app
from studies.external.asking import ask, load
from studies.external.peers import safmn
from studies.external.tables import markdown, read
from tests.cli.conftest import Outcome, _no_debug, _nothing_piped_in

__all__ = ["_no_debug", "_nothing_piped_in"]

ROOT = Path(__file__).parents[3]


class Toy:
    """Twice the input's size; a checkerboard's contrast is divided by nearly nothing."""

    parameters = 7
    about = "a toy"

    def __call__(self, input: Tensor, latent: torch.Generator, temperature: float) -> Tensor:
        large = input.repeat_interleave(2, 2).repeat_interleave(2, 3)
        noise = 0.1 * temperature * torch.randn(large.shape, generator=latent)
        steps = input.diff(dim=3).abs().mean()
        gain = 1e6 if float(steps) == 1.0 else 1.0
        return gain * (large + noise)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("toys")
    module.build = Toy  # pyright: ignore[reportAttributeAccessIssue]
    module.nothing = lambda text: lambda *given: torch.full((1, 3, 4, 4), float(text))  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "toys", module)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Outcome:
    with pytest.raises(SystemExit) as ending:
        program.run(app, NAME, [str(word) for word in words])
    captured = capsys.readouterr()
    return Outcome(int(str(ending.value.code)), captured.out, captured.err)


def test_the_suite_is_what_its_sums_say(monkeypatch: pytest.MonkeyPatch) -> None:
    found = suite.inputs()
    assert found.keys() == suite.sums().keys()
    assert len({tuple(picture.shape) for picture in found.values()}) == 1
    assert all(float(p.min()) >= 0 and float(p.max()) <= 1 for p in found.values())
    monkeypatch.setattr(suite, "SIDE", 32)
    with pytest.raises(RestoreflowError, match="not those of suite 1"):
        suite.inputs()


def test_a_known_explosion_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "ask", "toys:build", "--name", "toy", "-o", tmp_path / "toy.json")
    assert outcome.code == 0, outcome.err
    found = json.loads((tmp_path / "toy.json").read_text())
    rows = {(row["input"], row["temperature"]): row for row in found["rows"]}
    assert rows["checker_1", 0.0]["error_pixels"] == 96 * 96 // 2  # white, not black
    assert rows["checker_1", 0.0]["highest"] == 1e6
    assert rows["gradient", 0.0]["error_pixels"] == 0
    assert (found["model"]["parameters"], found["model"]["about"]) == (7, "a toy")
    told = run(capsys, "table", tmp_path / "toy.json")
    assert "| toy | 0 | 0 | 2 of 36 |" in told.records[0]["table"]


def test_the_same_latents_give_the_same_results() -> None:
    assert ask(Toy(), "toy") == ask(Toy(), "toy")


def test_what_is_not_finite_is_counted(tmp_path: Path) -> None:
    found = ask(load("toys:nothing:nan"), "nan")
    assert {row["nonfinite"] for row in found["rows"]} == {48}
    assert {row["error_pixels"] for row in found["rows"]} == {16}
    path = tmp_path / "nan.json"
    path.write_text(json.dumps(found, allow_nan=False))
    assert "none finite" in markdown([read(path)])


@pytest.mark.parametrize("name", ["toys", ":build", "toys:missing", "nosuchmodule:build"])
def test_a_factory_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UsageError):
        load(name)


def test_results_of_different_suites_are_not_mixed(tmp_path: Path) -> None:
    one = ask(Toy(), "one")
    with pytest.raises(InputError, match="do not compare"):
        markdown([one, one | {"suite": 2}])
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="holds no results"):
        read(tmp_path / "a.json")


def test_a_peer_without_its_clone_is_missed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        safmn(str(tmp_path))


def test_the_page_has_the_results_beside_it() -> None:
    folder = ROOT / "docs/study/external"
    page = (ROOT / "docs/study/external.md").read_text()
    assert markdown([read(path) for path in sorted(folder.glob("*.json"))]) in page
