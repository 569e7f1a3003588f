"""`restoreflow lowlight` with a tiny model: names, standard streams, exposure, certificate."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.flows.config import FlowConfig
from restoreflow.models import resolve
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network
from tests.cli.conftest import Run, picture


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled models that holds a small random "lowlight"."""
    folder = tmp_path_factory.mktemp("weights")
    config = ModelConfig(
        name="lowlight",
        task="lowlight",
        scale=1,
        network=NetworkConfig(kind="low_light", width=6, depth=1, context=1),
        flow=FlowConfig(steps=2, hidden=8),
    )
    card = "---\nlicense: apache-2.0\n---\nFor tests.\n"
    save_folder(folder / "lowlight", config, build_network(config), card=card)
    return folder


@pytest.fixture(autouse=True)
def _bundled(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_bundle", lambda: bundle)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    path = picture(tmp_path / "dark.png", width=37, height=26)
    Image.fromarray(np.asarray(Image.open(path)) // 8).save(path)
    return path


def level(path: Path) -> float:
    return float(np.asarray(Image.open(path), dtype=float).mean())


def test_results_are_beside_the_input_and_of_its_size(run: Run, dark: Path) -> None:
    assert run("lowlight", dark).code == 0
    assert Image.open("dark_lowlight.png").size == (37, 26)
    assert run("lowlight", dark, "-n", 2, "--uncertainty", "--grid").code == 0
    made = {path.name for path in dark.parent.glob("dark_lowlight_*")}
    assert made == {f"dark_lowlight_{end}.png" for end in ("1", "2", "uncertainty", "grid")}


def test_exposure_brightens_and_darkens(run: Run, dark: Path) -> None:
    levels = []
    for stops in (-1, 0, 1):
        assert run("lowlight", dark, "-t", 0, "--exposure", stops, "-o", f"{stops}.png").code == 0
        levels.append(level(Path(f"{stops}.png")))
    assert levels[0] + 10 < levels[1] < levels[2] - 10


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--exposure", "9"], "--exposure is 9"),
        (["--exposure", "nan"], "--exposure is nan"),
        (["--consistency"], "No such option"),
        (["--expozure", "1"], "--exposure"),
    ],
)
def test_options_out_of_range_or_of_another_task_are_refused(
    run: Run, dark: Path, words: list[str], told: str
) -> None:
    outcome = run("lowlight", dark, *words)
    assert outcome.code == 2
    assert told in outcome.err


def test_sr_has_no_exposure(run: Run, dark: Path) -> None:
    assert run("sr", dark, "--exposure", 1).code == 2


class Piped(io.TextIOWrapper):
    """Standard input with bytes in it."""

    def __init__(self, data: bytes, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data))
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_without_input_a_picture_that_is_piped_in_is_restored(
    run: Run, dark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Piped(dark.read_bytes()))
    assert run("lowlight", "-o", "piped.png").code == 0
    assert run("lowlight", dark, "-o", "named.png").code == 0
    assert Path("piped.png").read_bytes() == Path("named.png").read_bytes()


@pytest.mark.parametrize("stdin", [Piped(b""), Piped(b"", terminal=True)])
def test_without_input_or_pipe_it_gives_an_example(
    run: Run, monkeypatch: pytest.MonkeyPatch, stdin: Piped
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    outcome = run("lowlight")
    assert outcome.code == 2
    assert "restoreflow lowlight photo.jpg" in outcome.err


def test_a_model_for_the_other_task_is_refused_by_name(run: Run, dark: Path) -> None:
    outcome = run("sr", dark, "--model", "lowlight")
    assert outcome.code == 2
    assert "restoreflow lowlight" in outcome.err


def test_its_certificate_is_shown_and_doctor_knows_it(run: Run) -> None:
    outcome = run("models", "show", "lowlight", "--certificate")
    assert outcome.code == 0
    assert "limiter" in outcome.out
    outcome = run("doctor", "--format", "json", "--device", "cpu")
    assert outcome.records[0]["models"]["lowlight"].startswith("lowlight x1")
    assert outcome.records[0]["self_test"]["status"] == "passed"


def test_the_readmes_command_works(run: Run, dark: Path) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\$ restoreflow (lowlight .*?)(?:\s+#.*)?$", text, flags=re.M)
    Image.open(dark).save("photo.jpg")
    assert run(*command.split()).code == 0
    assert Path("photo_lowlight.jpg").exists()
