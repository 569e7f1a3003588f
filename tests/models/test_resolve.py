"""One function from what stands after --model to a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from restoreflow.errors import ModelError
from restoreflow.models import resolve
from restoreflow.models.folder import ModelFolder, load_folder
from restoreflow.models.resolve import bundled_models, resolve_model
from tests.models.hub_server import HubServer


@pytest.fixture
def checkout(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose weights/ holds two models and something else."""
    root = tmp_path / "checkout"
    (root / "weights" / "notes").mkdir(parents=True)
    (root / "restoreflow").mkdir()
    (root / "pyproject.toml").touch()
    for name in ("sr-x4", "lowlight"):
        shutil.copytree(saved, root / "weights" / name)
    monkeypatch.setattr(resolve, "_PACKAGE", root / "restoreflow")
    monkeypatch.chdir(tmp_path)
    return root


def test_bundled_in_a_checkout(checkout: Path) -> None:
    assert list(bundled_models()) == ["lowlight", "sr-x4"]
    folder = resolve_model("sr-x4")
    assert folder == ModelFolder(checkout / "weights" / "sr-x4", "bundled", "sr-x4")
    load_folder(folder)


def test_bundled_in_an_installed_package(checkout: Path) -> None:
    (checkout / "weights").rename(checkout / "restoreflow" / "weights")
    (checkout / "pyproject.toml").unlink()
    assert resolve_model("sr-x4").path == checkout / "restoreflow" / "weights" / "sr-x4"


def test_a_stranger_called_weights_is_not_taken_for_ours(checkout: Path) -> None:
    (checkout / "pyproject.toml").unlink()
    assert bundled_models() == {}
    with pytest.raises(ModelError, match=r'named "sr-x4" \(bundled: none; or give a folder'):
        resolve_model("sr-x4")


def test_a_bundled_name_wins_over_a_folder_here(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "sr-x4").mkdir()
    assert resolve_model("sr-x4").source == "bundled"
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        resolve_model("./sr-x4")


@pytest.mark.parametrize("form", ["mine", "./mine", "{0}/mine", "sub/mine"])
def test_folders(checkout: Path, saved: Path, tmp_path: Path, form: str) -> None:
    for place in ("mine", "sub/mine"):
        shutil.copytree(saved, tmp_path / place)
    name = form.format(tmp_path)
    folder = resolve_model(name)
    assert folder == ModelFolder(Path(name), "folder", str(Path(name)))
    assert resolve_model(Path(name)).path == Path(name)
    assert resolve_model(folder) is folder


def test_home(checkout: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    shutil.copytree(saved, tmp_path / "mine")
    assert resolve_model("~/mine").path == tmp_path / "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sr_x4", r'"sr_x4" \(did you mean "sr-x4"\? or give a folder, or a Hub id'),
        ("lowlite", r'"lowlite" \(did you mean "lowlight"\? or give a folder, or a Hub id'),
        ("sr-x5", r'"sr-x5" \(bundled: lowlight, sr-x4; or give a folder, or a Hub id'),
        ("qqq", r'"qqq" \(bundled: lowlight, sr-x4; or give a folder, or a Hub id'),
        ("", 'named ""'),
        ("./none", r"^\./none: no such model folder"),
        ("/none/at/all", "no such model folder"),
        ("a/b/c", "no such model folder"),
        ("~nobody/x", "no such model folder"),
        ("x" * 5000, "bundled: lowlight"),
        ("nul\0", "bundled: lowlight"),
    ],
)
def test_nothing_of_that_name(checkout: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        resolve_model(name)
    assert error.value.exit_code == 6


def test_a_missing_path_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        resolve_model(tmp_path / "none")


def test_a_folder_wins_over_the_hub(
    client: HubServer, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_model("someone/tiny").source == "hub"
    client.requests.clear()
    shutil.copytree(saved, tmp_path / "someone" / "tiny")
    assert resolve_model("someone/tiny").source == "folder"
    assert not client.requests
