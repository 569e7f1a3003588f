"""ONNX files compute what PyTorch does, and say what they are. These take seconds each."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from restoreflow.cli.app import app
from restoreflow.models.folder import load_folder
from restoreflow.restoration.latents import latent_window
from tests.export.models import tiny

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ROOT = Path(__file__).parents[2]


def exported(*words: object) -> dict:
    command = ["export", *map(str, words), "--format", "json"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def session(path: Path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_a_sampler_of_any_size_and_the_documented_way_to_run_it(tmp_path, monkeypatch):
    folder = tiny(tmp_path)
    record = exported(folder.path, "-o", tmp_path / "sr-x4.onnx")
    assert record["difference"] < 1e-5
    assert record["inputs"]["latent"] == [1, 48, "height", "width"]
    made = session(tmp_path / "sr-x4.onnx")
    meta = made.get_modelmeta()
    facts = meta.custom_metadata_map
    assert (facts["scale"], facts["temperature"], facts["license"]) == ("4", "0.8", "apache-2.0")
    assert facts["card"] == (folder.path / "README.md").read_text()
    assert (meta.producer_name, meta.description) == ("restoreflow", "Enlarges by chance.")

    network = load_folder(folder).network
    assert int(facts["reach"]) == network.halo
    picture = torch.rand(1, 3, 21, 34)
    latent = torch.from_numpy(latent_window(3, 0, slice(0, 21), slice(0, 34), 48))[None]
    with torch.no_grad():
        encoding = network.encode(picture)
        for temperature in (0.0, 0.9):
            known = network.sample(encoding, latent, temperature).image
            given = {"input": picture, "latent": latent, "temperature": torch.tensor(temperature)}
            sample, estimate = made.run(None, {name: x.numpy() for name, x in given.items()})
            assert np.abs(sample - known.numpy()).max() < 1e-5
            assert np.abs(estimate - encoding.mean.numpy()).max() < 1e-5

    code = re.search(r"```python\n(.*?)```", (ROOT / "docs/onnx.md").read_text(), re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (18, 12), "gray").save("photo.png")
    exec(code[1], {})
    assert Image.open("photo_4x.png").size == (72, 48)


def test_what_people_choose_is_an_input(tmp_path):
    told = exported(
        tiny(tmp_path, told=True).path, "-o", tmp_path / "told.onnx", "--part", "estimate",
        "--size", "24x16",
    )  # fmt: skip
    assert told["inputs"] == {"input": [1, 3, 16, 24], "wear": [3]}
    assert told["outputs"] == {"output": [1, 3, 64, 96]}
    file = onnx.load(tmp_path / "told.onnx")
    assert {entry.domain: entry.version for entry in file.opset_import}[""] == 20
    assert file.ir_version <= 10  # what onnxruntime 1.18 reads
    dark = exported(
        tiny(tmp_path, "lowlight", 1).path, "-o", tmp_path / "dark.onnx", "--part", "estimate",
        "--size", "32",
    )  # fmt: skip
    assert dark["inputs"] == {"input": [1, 3, 32, 32], "exposure": []}
    x = np.full((1, 3, 32, 32), 0.1, np.float32)
    made = session(tmp_path / "dark.onnx")
    (plain,), (bright,) = (
        made.run(None, {"input": x, "exposure": np.array(ev, np.float32)}) for ev in (0, 1)
    )
    assert bright.mean() > plain.mean()


def test_a_package_for_darktable(tmp_path):
    models = [tiny(tmp_path, scale=scale).path for scale in (2, 4)]
    record = exported(*models, "-o", tmp_path / "tiny.dtmodel")
    assert record["id"] == "upscale-tiny"
    with zipfile.ZipFile(tmp_path / "tiny.dtmodel") as archive:
        archive.extractall(tmp_path / "models")
    place = tmp_path / "models" / "upscale-tiny"
    config = json.loads((place / "config.json").read_text())
    for scale in (2, 4):
        (side,) = config["attributes"][f"model_x{scale}"]["input_sizes"]
        made = session(place / f"model_x{scale}.onnx")
        assert [x.name for x in made.get_inputs()] == ["input"]
        assert [x.name for x in made.get_outputs()] == ["output"]
        assert made.get_inputs()[0].shape == [1, 3, side, side]
        assert made.get_outputs()[0].shape == [1, 3, 1024, 1024]
