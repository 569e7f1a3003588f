"""No option of any command writes onto what the command reads, by whatever name it is told."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.core import TyperGroup

from restoreflow.cli.app import app
from restoreflow.models import resolve
from tests.cli.conftest import Run, picture, save_tiny
from tests.lab.training.recipes import write_photos
from tests.measures.lpips_weights import write_weights
from tests.ood import fakes

ALIASES: dict[str, Callable[[Path], Path]] = {
    "itself": lambda path: path,
    "dots": lambda path: path.parent / "x" / ".." / path.name,
    "case": lambda path: path.with_name(path.name.upper()),
    "symbolic": lambda path: _linked(path, os.symlink),
    "hard": lambda path: _linked(path, os.link),
    "folder": lambda path: _folder_link(path) / path.name,
}


def _linked(path: Path, link: Callable[[Path, Path], None]) -> Path:
    path.parent.with_name("links").mkdir()
    other = path.parent.with_name("links") / f"other{path.suffix}"
    link(path, other)
    return other


def _folder_link(path: Path) -> Path:
    link = path.parent.with_name("elsewhere")
    link.symlink_to(path.parent, target_is_directory=True)
    return link


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that any of the commands reads."""
    monkeypatch.chdir(tmp_path)
    bundle = fakes.bundle(tmp_path / "bundle", "features")
    save_tiny(bundle, 4, "tiny")
    monkeypatch.setattr(resolve, "_bundle", lambda: bundle)
    for folder, names in {"in": ("a.png", "b.png"), "low": ("a.png",), "high": ("a.png",)}.items():
        (tmp_path / folder / "x").mkdir(parents=True)
        for name in names:
            fakes.write(tmp_path / folder / name, fakes.photo(len(name)))
    write_photos(tmp_path / "photos")
    (tmp_path / "photos/x").mkdir()
    write_weights(tmp_path / "lpips")
    return tmp_path


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_bytes((Path(__file__).parents[2] / "weights/sr-x4/train.toml").read_bytes())
    return path


def held(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, by all its names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


EVALUATE = ("--temperatures", "0", "--lpips", "lpips", "--overwrite", "--model", "tiny")
TABLE: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("sr", "--out"): ("in/a.png", ["sr", "in/a.png", "--overwrite", "-o", "{}"]),
    ("sr", "--report"): (
        "in/b.png",
        ["sr", "in", "-o", "out/", "--overwrite", "--report", "{}"],
    ),
    ("ood-check", "--report"): ("in/b.png", ["ood-check", "in", "--overwrite", "--report", "{}"]),
    ("evaluate sr", "--out"): (
        "in/b.png",
        ["evaluate", "sr", "--data", "in", "--limit", "1", *EVALUATE, "--out", "{}"],
    ),
    ("evaluate realism", "--out"): (
        "in/a.png",
        ["evaluate", "realism", "--data", "in", *EVALUATE, "--out", "{}"],
    ),
    ("evaluate lowlight", "--out"): (
        "high/a.png",
        ["evaluate", "lowlight", "--pairs", ".", *EVALUATE, "--out", "{}"],
    ),
    ("evaluate hostile", "--out"): (
        "in/a.png",
        [
            *("evaluate", "hostile", "--models", "tiny", "--photo", "in/a.png", "--size", "32"),
            *("--attack-steps", "0", "--overwrite", "--out", "{}"),
        ],
    ),
    ("train", "--show-batch"): (
        "photos/photo0.png",
        ["train", "tiny.toml", "--data", "photos", "--show-batch", "{}"],
    ),
}
"""Options that name a file which is written, what they must not name, and a command line."""

FOLDERS = {
    ("ood-check", "--heatmaps"): "in",
    ("fit-ood", "MODEL"): "mine",
    ("train", "--out"): "photos",
    ("sr", "--out"): "in",
    ("export", "--out"): "bundle",
}
"""Those that name a folder: tried one by one, below."""

READS = {
    *("sr INPUTS", "ood-check INPUTS", "fit-ood --data"),
    "fit-ood --calibration-data",
    *("train CONFIG", "train --data", "train --encoder", "train --start"),
    *("train --lpips", "evaluate sr --data", "evaluate sr --lpips", "evaluate lowlight --pairs"),
    *("evaluate realism --data", "evaluate realism --lpips"),
    *("evaluate lowlight --lpips", "evaluate hostile --photo", "models push FOLDER"),
}

READS_NOTHING = {"evaluate fetch FOLDER"}


def options(command: Any, verb: str = "") -> Iterator[tuple[str, str]]:
    """Verb and parameter of all that name a place."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from options(inner, f"{verb} {name}".strip())
        return
    for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items():
        kind = str(parameter.annotation)
        if "Path" in kind or name in ("inputs", "out"):
            yield verb, name.upper() if "ArgumentInfo" in kind else f"--{name.replace('_', '-')}"


def test_every_option_that_names_a_place_is_in_a_table() -> None:
    known = {" ".join(key) for key in (*TABLE, *FOLDERS)} | READS | READS_NOTHING
    found = {
        f"{'sr' if verb == 'lowlight' else verb} {name}"
        for verb, name in options(typer.main.get_command(app))
    }
    assert found - known == set()
    assert {" ".join(key) for key in TABLE} - found == set()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("option", TABLE, ids=" ".join)
@pytest.mark.usefixtures("recipe_file")
def test_a_file_that_is_read_is_left_as_it_is(
    run: Run, place: Path, option: tuple[str, str], alias: str
) -> None:
    input_name, words = TABLE[option]
    target = ALIASES[alias](place / input_name)
    before = held(place)
    outcome = run(*(word.replace("{}", str(target)) for word in words))
    assert outcome.code == 2, outcome.err
    assert "reads" in outcome.err or "overwrite its input" in outcome.err
    assert held(place) == before


MODEL_FILES = [
    (["sr", "in", "-o", "out", "--report", "bundle/sr-x4/config.json"], "reads"),
    (["ood-check", "in", "--report", "bundle/sr-x4/ood.safetensors"], "reads"),
    (["evaluate", "sr", "--data", "in", *EVALUATE, "-o", "bundle/tiny/config.json"], "reads"),
    (["evaluate", "sr", "--data", "in", *EVALUATE, "-o", "lpips/alex_lpips.safetensors"], "reads"),
    (["train", "tiny.toml", "--data", "photos", "--show-batch", "tiny.toml"], "reads"),
]


@pytest.mark.parametrize(("words", "why"), MODEL_FILES, ids=lambda value: " ".join(value)[-40:])
@pytest.mark.usefixtures("recipe_file")
def test_models_and_recipes_are_inputs_too(
    run: Run, place: Path, words: list[str], why: str
) -> None:
    before = held(place)
    more = ["--overwrite"] if words[0] != "train" and "--overwrite" not in words else []
    outcome = run(*words, *more)
    assert outcome.code == 2, outcome.err
    assert why in outcome.err
    assert held(place) == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_export_does_not_take_the_place_of_its_model(
    run: Run, place: Path, link: Callable[[Path, Path], None]
) -> None:
    link(place / "bundle/tiny/model.safetensors", place / "tiny.onnx")
    before = held(place)
    outcome = run("export", "tiny", "-o", "tiny.onnx", "--overwrite")
    assert outcome.code == 2, outcome.err
    assert "reads" in outcome.err
    assert held(place) == before


def test_numbers_do_not_take_the_place_of_weights(run: Run, place: Path) -> None:
    before = held(place)
    words = ("--save-arrays", "safetensors", "--name", "model{ext}", "--overwrite")
    outcome = run("sr", "in/a.png", "--model", "bundle/tiny", "-o", "bundle/tiny/", *words)
    assert outcome.code == 4
    assert "a file that the run reads" in outcome.err
    after = held(place)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"bundle/tiny/restoreflow-manifest.jsonl"}


SIDES = [
    ["sr", "in", "-o", "out", "--report", "out/restoreflow-manifest.jsonl"],
    ["sr", "in", "-o", "out", "--report", "out/x/../restoreflow-manifest.1-of-2.jsonl"],
    ["sr", "in", "-o", "out", "--report", "out/a_sr4x.png"],
    ["sr", "in", "-o", "out", "--shard", "1/2", "--report", "out/A_sr4x.png"],
    ["sr", "in", "-o", "out", "--shard", "1/2", "--report", "out/b_sr4x.png"],
    ["sr", "in", "-o", "out", "-n", "2", "--grid", "--report", "out/b_sr4x_grid.png"],
    ["ood-check", "in", "--heatmaps", "maps", "--report", "maps/a.png_ood.png"],
    ["ood-check", "in", "--report", "out/restoreflow-manifest.jsonl"],
    ["evaluate", "sr", "--data", "in", *EVALUATE, "-o", "out/restoreflow-manifest.jsonl"],
]


@pytest.mark.parametrize("words", SIDES, ids=lambda words: " ".join(words)[-40:])
def test_outputs_never_replace_one_another(run: Run, place: Path, words: list[str]) -> None:
    assert run("sr", "in", "-o", "out").code == 0
    (place / "out/x").mkdir()
    before = held(place)
    outcome = run(*words, *([] if "--overwrite" in words else ["--overwrite"]))
    assert outcome.code == 2, outcome.err
    assert "writes" in outcome.err or "manifest" in outcome.err
    assert held(place) == before


@pytest.mark.parametrize("how", ["symbolic", "hard"])
def test_a_manifest_that_leads_to_a_photograph(run: Run, place: Path, how: str) -> None:
    (place / "out").mkdir()
    for photo in ("in/a.png", "photos/photo0.png"):  # one that is read, and one that is not
        manifest = place / "out/restoreflow-manifest.jsonl"
        manifest.unlink(missing_ok=True)
        link = os.symlink if how == "symbolic" else os.link
        link(place / photo, manifest)
        before = held(place)
        outcome = run("sr", "in", "-o", "out", "--overwrite")
        after = held(place)
        assert {name: after[name] for name in before if "manifest" not in name} == {
            name: data for name, data in before.items() if "manifest" not in name
        }
        if how == "symbolic" or photo == "in/a.png":
            assert outcome.code == 4, outcome.err
            assert "manifest" in outcome.err
        else:
            assert outcome.code == 0, outcome.err


def test_heat_maps_of_pictures_beside_their_maps(run: Run, place: Path) -> None:
    picture(place / "in/a.png_ood.png")
    before = held(place)
    outcome = run("ood-check", "in", "--heatmaps", "in", "--overwrite", "--format", "json")
    assert outcome.code == 3
    failed = [record for record in outcome.records if record["status"] == "failed"]
    assert [Path(record["input"]).name for record in failed] == ["a.png"]
    assert "would overwrite the input" in failed[0]["error"]
    after = held(place)
    assert {name: after[name] for name in before} == before
    assert "in/b.png_ood.png" in after


def test_results_that_lead_to_inputs(run: Run, place: Path) -> None:
    (place / "out").mkdir()
    (place / "out/a_sr4x.png").symlink_to(place / "in/b.png")
    os.link(place / "in/a.png", place / "out/b_sr4x.png")
    before = held(place)
    outcome = run("sr", "in", "-o", "out", "--overwrite")
    assert outcome.code == 4
    assert outcome.err.count("would overwrite") == 2
    assert held(place) == before


def test_statistics_follow_no_link(run: Run, place: Path) -> None:
    model = fakes.model_folder(place / "mine", "affine").path
    (model / "ood.safetensors").symlink_to(place / "photos/photo0.png")
    before = held(place)
    outcome = run("fit-ood", model, "--data", "photos", "--calibrate", 0, "--overwrite")
    assert outcome.code in (2, 3), outcome.err
    assert "reads" in outcome.err
    assert held(place) == before


@pytest.mark.usefixtures("recipe_file")
def test_a_training_replaces_nothing_that_it_reads(run: Run, place: Path) -> None:
    Image.new("RGB", (128, 128)).save(place / "photos/log.png")
    (place / "photos/model").mkdir()
    weights = place / "photos/model/model.safetensors"
    weights.write_bytes((place / "bundle/tiny/model.safetensors").read_bytes())
    before = held(place)
    words = ["train", "tiny.toml", "--data", "photos"]
    for more in (["--out", "photos"], ["--out", "photos", "--start", weights]):
        outcome = run(*words, *more)
        assert outcome.code == 2, outcome.err
        assert "reads" in outcome.err
        assert held(place) == before


def test_a_picture_that_is_piped_in_from_a_file(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(place)
    with (place / "in/a.png").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        outcome = run("sr", "-", "-o", "in/a.png", "--overwrite")
    assert outcome.code == 4, outcome.err
    assert held(place) == before
