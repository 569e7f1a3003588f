"""Exporting: what is refused beforehand, and packages; without the packages of the extra."""

from __future__ import annotations

import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from restoreflow.cli.app import app
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.export import onnx_file
from restoreflow.export.darktable import check_models, package, package_id
from restoreflow.export.graph import Graph
from restoreflow.images.decode import decode
from restoreflow.models.folder import load_folder
from restoreflow.models.resolve import bundled_models
from tests.export.models import tiny


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    monkeypatch.setattr(onnx_file, "_require", lambda: None)


def failed(*words: object) -> str:
    done = CliRunner().invoke(app, ["export", *map(str, words)])
    assert isinstance(done.exception, RestoreflowError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["sr-x4", "-o", "x.txt"], "x.txt is neither .onnx nor .dtmodel"),
        (["sr-x4", "sr-x2", "-o", "x.onnx"], "2 models do not go into one .onnx"),
        (["sr-x4", "--size", "big"], '--size is "big"'),
        (["sr-x4", "-o", "x.dtmodel", "--size", "64"], "leave --part and --size out"),
        (["sr-x4", "-o", "x.dtmodel", "--part", "sampler"], "leave --part and --size out"),
        (["nowhere"], "no bundled model"),
        (["sr-x4", "-o", "nowhere/x.onnx"], "nowhere is not a folder"),
        (["sr-x8", "-o", "x.dtmodel"], "does not enlarge by 2 or 4"),
        (["sr-x4", "sr-x4", "-o", "x.dtmodel"], "two models enlarge by 4"),
        (["lowlight", "-o", "x.onnx"], "takes a fixed size (give --size)"),
        (["lowlight", "-o", "x.onnx", "--size", "30"], "multiples of 4"),
        (["sr-x4", "-o", "x.onnx", "--size", "4"], "choose sides of 8 or more"),
    ],
)
def test_what_cannot_be_exported_is_told_before_any_work(words, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert text in failed(*words)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.onnx").write_text("mine")
    assert "exists already" in failed("sr-x4", "-o", "x.onnx")
    folder = tiny(tmp_path).path
    (folder / "train.toml").write_text("")
    assert "is neither" in failed(folder, "-o", folder / "train.toml", "--overwrite")
    assert (tmp_path / "x.onnx").read_text() == "mine"


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(
        "restoreflow.export.onnx_file.find_spec", lambda name: None if "onnxs" in name else 1
    )
    with pytest.raises(RestoreflowError, match=r"exporting needs onnxscript, which is not"):
        onnx_file.open_for_export(bundled_models()["sr-x4"], "estimate")


def test_what_an_exporter_cannot_do_is_one_line(tmp_path, monkeypatch):
    def export(*_, **__):
        raise ValueError("\n  no such operator\nand more")

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(RestoreflowError) as caught:
        onnx_file.export(onnx_file.open_for_export(tiny(tmp_path), "estimate"))
    assert "cannot export it: no such operator (" in str(caught.value)


@pytest.mark.parametrize("wrong", [0.001, np.nan])
def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch, wrong):
    model = onnx_file.open_for_export(tiny(tmp_path), "estimate")
    entries = SimpleNamespace(add=lambda: SimpleNamespace())
    proto = SimpleNamespace(metadata_props=entries, SerializeToString=lambda: b"")
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: SimpleNamespace(model_proto=proto))

    def run(_, given):
        with torch.no_grad():
            return [model.graph.module(torch.from_numpy(given["input"])).numpy() + wrong]

    monkeypatch.setattr(onnx_file, "_session", lambda data: SimpleNamespace(run=run))
    with pytest.raises(RestoreflowError, match=r"differs from PyTorch by (0\.001|nan)"):
        onnx_file.export(model, (16, 16))


def test_a_package_has_the_form_that_darktable_reads(tmp_path):
    models = [
        onnx_file.open_for_export(tiny(tmp_path, scale=scale), "estimate") for scale in (2, 4)
    ]
    data = package("upscale-tiny", list(zip(models, (b"two", b"four"), strict=True)))
    assert data == package("upscale-tiny", list(zip(models, (b"two", b"four"), strict=True)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [
            "upscale-tiny/README.md",
            "upscale-tiny/config.json",
            "upscale-tiny/model_x2.onnx",
            "upscale-tiny/model_x4.onnx",
        ]
        assert archive.read("upscale-tiny/model_x4.onnx") == b"four"
        config = json.loads(archive.read("upscale-tiny/config.json"))
    wanted = ("id", "name", "description", "task", "arch", "backend", "version", "tiling")
    assert all(config[key] for key in wanted)
    assert (config["id"], config["task"], config["backend"]) == ("upscale-tiny", "upscale", "onnx")
    assert config["attributes"] == {
        "model_x2": {"input_sizes": [512]},
        "model_x4": {"input_sizes": [256]},
    }
    assert config["model_card"]["license"] == "apache-2.0"


def test_a_model_without_a_card_is_exported_but_not_packed(tmp_path):
    folder = tiny(tmp_path)
    (folder.path / "README.md").unlink()
    model = onnx_file.open_for_export(folder, "estimate")
    assert "license" not in onnx_file._facts(model, None)
    with pytest.raises(UsageError, match="has no card"):
        check_models([model])


def test_told_models_go_into_a_package_told_that_pictures_are_clean(tmp_path):
    folder = tiny(tmp_path, told=True)
    asking = onnx_file.open_for_export(folder, "estimate")
    with pytest.raises(UsageError, match="darktable tells it nothing"):
        check_models([asking])
    model = onnx_file.open_for_export(folder, "estimate", clean=True)
    check_models([model])
    assert (asking.graph.inputs, model.graph.inputs) == (["input", "wear"], ["input"])
    picture = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        clean, worn = (asking.graph.module(picture, torch.full((3,), each)) for each in (0.0, 1.0))
        assert torch.equal(model.graph.module(picture), clean)
        assert not torch.equal(clean, worn)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("restoreflow", "upscale-restoreflow"),
        ("Upscale_mine", "upscale-mine"),
        ("é", "upscale-model"),
    ],
)
def test_ids_are_as_darktable_writes_them(stem, name):
    assert package_id(stem) == name


def test_darktable_s_overlap_of_16_pixels_is_enough():
    network = load_folder(bundled_models()["sr-x4"]).network
    graph = Graph(network, "estimate", "clean")
    assert graph.reach == 26
    photo = torch.from_numpy(decode("docs/pictures/dog.png").pixels[:64]).permute(2, 0, 1)[None]
    with torch.no_grad():
        whole, cut = graph.module(photo), graph.module(photo[..., : 96 + 16])
    seam = slice(0, 96 * 4)
    assert 0 < float((whole[..., seam] - cut[..., seam]).abs().max()) < 1 / 255
