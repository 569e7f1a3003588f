"""Restoring from scripts: every form a picture is held in, and models by name."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import restoreflow
from restoreflow.errors import InputError, ModelError, UsageError
from restoreflow.models.config import Defaults, ModelConfig
from restoreflow.models.folder import EVALUATION, OOD, save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network
from restoreflow.restoration.pixels import eight_bit
from tests.restoration.fakes import picture

FLOATS = picture(9, 11)
LEVELS = eight_bit(FLOATS)
ARRAY = LEVELS.permute(1, 2, 0).numpy()


@pytest.fixture
def folder(tmp_path):
    config = ModelConfig(
        name="tiny",
        task="sr",
        scale=2,
        network=NetworkConfig(width=8, depth=1),
        defaults=Defaults(temperature=0.4, consistency=False),
    )
    torch.manual_seed(0)
    save_folder(tmp_path / "tiny", config, build_network(config), "# tiny")
    return tmp_path / "tiny"


@pytest.fixture
def restorer(folder):
    return restoreflow.Restorer.from_pretrained(folder, device="cpu", precision="float32")


FORMS = {
    "tensor": FLOATS,
    "bytes": LEVELS,
    "double": FLOATS.double(),
    "half": FLOATS.half(),
    "gray (1, h, w)": FLOATS[:1],
    "gray (h, w)": FLOATS[0],
    "array": ARRAY,
    "deep array": ARRAY.astype(np.uint16) * 257,
    "big-endian array": (ARRAY.astype(np.uint16) * 257).astype(">u2"),
    "float array": ARRAY / 255,
    "gray array": ARRAY[..., 0],
    "gray array (h, w, 1)": ARRAY[..., :1],
}


@pytest.mark.parametrize("image", FORMS.values(), ids=FORMS)
def test_results_are_held_as_their_pictures(restorer, image):
    colors = restorer.restore(image, samples=2).values(1)
    one, two = restorer(image), restorer(image, samples=2)
    doubled = [2 * side if side in (9, 11) else side for side in image.shape]
    assert (type(one), one.dtype, list(one.shape)) == (type(image), image.dtype, doubled)
    assert list(two.shape) == [2, *doubled]
    assert (torch.equal if isinstance(one, torch.Tensor) else np.array_equal)(one, two[0])
    values = np.asarray(two[1], np.float64)
    top = {"uint8": 255, "uint16": 65535, ">u2": 65535}.get(
        str(image.dtype).removeprefix("torch."), 1
    )
    if 3 not in image.shape:
        colors = colors @ np.array([0.2126, 0.7152, 0.0722])
    elif isinstance(image, torch.Tensor):
        colors = colors.transpose(2, 0, 1)
    tolerance = 0.6 / top if top > 1 else 1e-3
    assert np.abs(values.reshape(colors.shape) / top - colors).max() < tolerance


def test_a_batch_is_its_pictures_one_by_one(restorer):
    batch = torch.stack([FLOATS, FLOATS.flip(2), FLOATS.flip(1)])
    found = restorer(batch, samples=2, seed=7, consistency=True)
    assert found.shape == (3, 2, 3, 18, 22)
    for each, result in zip(batch, found, strict=True):
        assert torch.equal(restorer(each, samples=2, seed=7, consistency=True), result)
    arrays = restorer(np.stack([ARRAY, ARRAY[::-1]]), seed=7)
    assert arrays.shape == (2, 18, 22, 3)
    assert np.array_equal(arrays[1], restorer(ARRAY[::-1], seed=7))
    assert restorer(batch[:, :1]).shape == (3, 1, 18, 22)


def test_files_and_pil_images_come_back_as_pil_images(restorer, tmp_path):
    image = Image.fromarray(ARRAY)
    image.save(tmp_path / "color.png")
    image.convert("L").save(tmp_path / "gray.png")
    given = [image, str(tmp_path / "color.png"), tmp_path / "gray.png", image.convert("L")]
    found = restorer(given)
    assert [(each.size, each.mode) for each in found] == [
        ((22, 18), "RGB"),
        ((22, 18), "RGB"),
        ((22, 18), "L"),
        ((22, 18), "L"),
    ]
    assert found[0].tobytes() == found[1].tobytes() == restorer.restore(image).images[0].tobytes()
    assert found[2].tobytes() == found[3].tobytes()
    assert [each.size for each in restorer(image, samples=3)] == [(22, 18)] * 3


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (torch.zeros(0, 3, 4, 4), "the batch holds no pictures"),
        (torch.zeros(2, 4, 4, 4), "not (4, 4, 4) float32"),
        (np.zeros((2, 4, 4, 5)), "not (4, 4, 5) float64"),
        (torch.zeros(2, 4, 4, 3), "tensor.permute(2, 0, 1)"),
        (torch.full((2, 3, 4, 4), 3.0), "outside 0 .. 1"),
        (torch.zeros(1, 1, 1, 1, 1), "not (1, 1, 1, 1, 1)"),
        (None, "not a NoneType"),
        ("nowhere.png", "nowhere.png does not exist"),
        ([FLOATS, 5], "not a int"),
    ],
)
def test_what_is_no_picture_is_told_in_a_line(restorer, images, text):
    with pytest.raises(InputError) as caught:
        restorer(images, temperature=0)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"samples": "3"}, "samples is '3' (choose a number)"),
        ({"temperature": "high"}, "temperature is 'high'"),
        ({"samples": True}, "samples is True (choose a number)"),
        ({"seed": None}, "seed is None"),
        ({"consistency": "no"}, "consistency is 'no' (choose True or False)"),
    ],
)
def test_what_is_no_option_is_told_in_a_line(restorer, options, text):
    with pytest.raises(UsageError) as caught:
        restorer(FLOATS, **options)
    assert text in str(caught.value)


def test_a_bad_picture_of_a_batch_is_found_before_any_work(restorer, monkeypatch):
    batch = FLOATS.repeat(2, 1, 1, 1)
    batch[1, 0, 0, 0] = torch.nan
    monkeypatch.setattr(type(restorer), "restore", lambda *_, **__: pytest.fail("worked"))
    with pytest.raises(InputError, match="not finite"):
        restorer(batch)


def test_it_says_what_it_is_and_moves(restorer):
    assert repr(restorer) == "Restorer(tiny: sr, scale 2, on cpu in float32)"
    assert restorer.to("cpu") is restorer
    assert restorer.to(torch.device("cpu")).device == torch.device("cpu")
    with pytest.raises(UsageError, match='"tpu" is no device'):
        restorer.to("tpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_results_lie_on_the_input_s_device(restorer):
    on_gpu = restorer.to("cuda")(FLOATS.cuda())
    assert on_gpu.device == FLOATS.cuda().device
    assert (on_gpu.cpu() - restorer.to("cpu")(FLOATS)).abs().max() < 0.01


def test_a_saved_model_is_the_same(tmp_path):
    made = restoreflow.Restorer.from_pretrained("sr-x2", device="cpu")
    again = restoreflow.Restorer.from_pretrained(made.save_pretrained(tmp_path / "a"), "cpu")
    assert torch.equal(made(FLOATS), again(FLOATS))
    assert again.config == made.config
    assert again.score(FLOATS).verdict == made.score(FLOATS).verdict
    assert {path.name for path in (tmp_path / "a").iterdir()} >= {OOD, EVALUATION, "README.md"}


def test_changed_weights_take_a_card_and_leave_statistics(tmp_path):
    made = restoreflow.Restorer.from_pretrained("sr-x2", device="cpu")
    with torch.no_grad():
        next(made.network.parameters()).mul_(0.5)
    with pytest.raises(UsageError, match="no card of their own"):
        made.save_pretrained(tmp_path / "b")
    made.save_pretrained(tmp_path / "b", card="# halved")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_pushing_uploads_the_saved_folder(restorer, monkeypatch):
    pushed = []

    def push(path, name, private, token):
        pushed.append((path.name, sorted(p.name for p in path.iterdir()), name, private, token))
        return "done"

    monkeypatch.setattr("restoreflow.library.restorer.push", push)
    assert restorer.push_to_hub("me/tiny", private=True, token="t") == "done"
    files = ["README.md", "config.json", "model.safetensors"]
    assert pushed == [("tiny", files, "me/tiny", True, "t")]


def test_scores_need_statistics(restorer):
    with pytest.raises(ModelError, match=r"holds no ood\.safetensors"):
        restorer.score(FLOATS)
    own = restoreflow.Restorer(restorer.network, restorer.config)
    with pytest.raises(UsageError, match="not loaded from a folder"):
        own.score(FLOATS)


def test_a_score_is_that_of_ood_check(monkeypatch):
    from restoreflow.models.resolve import bundled_models
    from restoreflow.ood.check import Checker
    from restoreflow.ood.reference import read_reference

    made = restoreflow.Restorer.from_pretrained("sr-x2", device="cpu", precision="bfloat16")
    found = made.score(FLOATS)
    assert made.network.precision == torch.bfloat16
    folder = bundled_models()["sr-x2"]
    network = restoreflow.load_model("sr-x2", device="cpu", precision="bfloat16").network
    known = Checker(network, read_reference(folder)).check(FLOATS.permute(1, 2, 0).numpy())
    same = ("probability", "flagged", "verdict", "reasons", "statistics")
    facts = [[getattr(each, name) for name in same] for each in (found, known)]
    assert facts[0] == facts[1]
    assert found.score.energy == known.score.energy


def test_a_certificate_grows_with_the_temperature(restorer):
    cool, hot = restorer.certificate(0.5), restorer.certificate(1.0)
    assert cool.before_limiter < hot.before_limiter
    with pytest.raises(UsageError, match="temperature"):
        restorer.certificate(-1)


def test_models_are_listed_by_task():
    names = restoreflow.list_models()
    assert {"sr-x4", "lowlight"} <= set(names)
    assert set(restoreflow.list_models("sr")) == {n for n in names if n.startswith("sr")}
    with pytest.raises(UsageError, match="no task"):
        restoreflow.list_models("denoise")


def test_importing_takes_no_pytorch():
    code = "import sys, restoreflow; dir(restoreflow); restoreflow.errors; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "restoreflow.errors" in loaded
    assert not {"torch", "numpy", "PIL"} & loaded


def test_what_is_public_is_there():
    for name in restoreflow.__all__:
        assert getattr(restoreflow, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = restoreflow.nothing  # type: ignore[attr-defined]
    assert dataclasses.is_dataclass(restoreflow.Restorer.from_pretrained("sr-x2").config)
