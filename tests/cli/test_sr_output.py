"""What `restoreflow sr` writes: formats, depth, names, numbers, standard streams."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from restoreflow.images.decode import decode, from_image
from restoreflow.images.encode import encode
from restoreflow.images.picture import Metadata
from tests.cli.conftest import Run, picture
from tests.images import samples

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif", "tiff"])
def test_each_output_format(run: Run, photo: Path, form: str) -> None:
    outcome = run("sr", photo, "--output-format", form, "--format", "json", "-o", "out/")
    (record,) = outcome.records
    result = decode(Path(record["output"][0]))
    assert (outcome.code, result.format, result.width) == (0, form, 64)


def test_quality(run: Run, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", 64, 48)
    sizes: list[int] = []
    for quality in (20, 95):
        assert run("sr", source, "--quality", quality, "-o", f"{quality}/").code == 0
        sizes.append(Path(f"{quality}/a_sr4x.jpg").stat().st_size)
    assert run("sr", source, "-o", "usual/").code == 0
    assert Path("usual/a_sr4x.jpg").stat().st_size == sizes[1] > 2 * sizes[0]


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_all_the_way(run: Run, tmp_path: Path, form: str) -> None:
    kind = {"png": "png 16 rgb", "tiff": "tiff 16 rgb"}[form]
    source = tmp_path / f"deep.{form}"
    source.write_bytes(samples.files()[kind][0])
    assert run("sr", source).code == 0
    result = decode(tmp_path / f"deep_sr4x.{form}")
    levels = np.unique(np.rint(result.pixels * 65535))
    assert result.bit_depth == 16
    assert len(np.unique(levels % 257)) > 200  # 8-bit levels are the multiples of 257
    assert run("sr", source, "--bit-depth", 8, "-o", f"eight.{form}").code == 0
    assert decode(tmp_path / f"eight.{form}").bit_depth == 8
    shallow = picture(tmp_path / "shallow.png")
    assert run("sr", shallow, "--bit-depth", 16, "-o", f"wide.{form}").code == 0
    assert len(np.unique(np.rint(decode(tmp_path / f"wide.{form}").pixels * 65535) % 257)) > 200


def test_what_the_format_does_not_keep_is_told(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "deep.png"
    source.write_bytes(samples.files()["png 16 rgba"][0])
    (record,) = run("sr", source, "-o", "a.jpg", "--format", "json").records
    assert record["notes"] == [
        "JPEG has no transparency: laid on white",
        "JPEG is written with 8 bits, not 16",
    ]


def test_strip_metadata(run: Run, tmp_path: Path) -> None:
    base = from_image(Image.open(picture(tmp_path / "plain.png")))
    rich = Metadata(samples.exif(6), samples.display_p3(), b"<x/>", (72.0, 72.0))
    source = tmp_path / "rich.jpg"
    source.write_bytes(encode(replace(base, metadata=rich), "jpeg"))
    for words, kept in (((), True), (("--strip-metadata",), False)):
        assert run("sr", source, "-o", "out.jpg", "--overwrite", *words).code == 0
        metadata = decode(Path("out.jpg")).metadata
        held = [each is not None for each in (metadata.exif, metadata.icc, metadata.xmp)]
        assert held == [kept] * 3


def test_max_pixels(run: Run, photo: Path) -> None:
    outcome = run("sr", photo, "--max-pixels", 191)
    assert outcome.code == 5
    assert "--max-pixels" in outcome.err
    assert run("sr", photo, "--max-pixels", 192).code == 0
    assert run("sr", photo, "--max-pixels", 0, "-o", "other.png").code == 0


@pytest.mark.parametrize("count", [1, 3])
def test_names(run: Run, photo: Path, count: int) -> None:
    words = ("--name", "{index:02}-{stem}.{ext}", "-n", count, "-o", "out/", "--format", "json")
    (record,) = run("sr", photo, *words).records
    assert record["output"] == [f"out/0{k}-photo.png" for k in range(1, count + 1)]


def test_numbers(run: Run, photo: Path) -> None:
    words = ("-n", 2, "--seed", 7, "-t", 0.9, "-o", "out/")
    assert run("sr", photo, *words, "--save-arrays", "npz").code == 0
    with np.load("out/photo_sr4x.npz") as told:
        arrays: dict[str, Any] = {name: told[name] for name in told.files}
    facts = json.loads(str(arrays.pop("metadata")))
    assert (facts["seed"], facts["temperature"], facts["model"]) == (7, 0.9, "sr-x4")
    shapes = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
    assert shapes == {
        "samples": ((2, 48, 64, 3), "float32"),
        "mean": ((48, 64, 3), "float32"),
        "uncertainty": ((48, 64), "float32"),
    }
    for index in (0, 1):
        written = decode(Path(f"out/photo_sr4x_{index + 1}.png")).pixels
        assert np.abs(arrays["samples"][index] - written).max() <= 0.5 / 255 + 1e-6
    spread = arrays["samples"].var(axis=0, ddof=1).mean(axis=-1) ** 0.5 * 255
    assert np.abs(spread - arrays["uncertainty"]).max() < 1e-3
    assert run("sr", photo, *words, "--save-arrays", "safetensors").code == 0
    other = load_file("out/photo_sr4x.safetensors")
    assert all((other[name] == array).all() for name, array in arrays.items())


def test_all_that_comes_of_an_input_has_the_size_asked_for(run: Run, tmp_path: Path) -> None:
    base = from_image(Image.open(picture(tmp_path / "plain.png")))
    alpha = np.linspace(0, 1, 16, dtype=np.float32) * np.ones((12, 1), np.float32)
    rich = Metadata(exif=samples.exif(6), size=(16, 12))
    deep = replace(base, alpha=alpha, bit_depth=16, metadata=rich)
    (tmp_path / "deep.png").write_bytes(encode(deep))
    words = ("deep.png", "-n", 2, "--longest", 40, "--uncertainty", "--save-arrays", "npz")
    words = (*words, "--format", "json", "-o", "out/")
    assert run("sr", *words, "--dry-run").records[-1]["estimate"]["megapixels"] == 0.0024
    (record,) = run("sr", *words).records
    size = (record["width"], record["height"])
    assert sorted(size) == [30, 40]
    assert record["scale"] == 2.5
    assert record["output"] == [f"out/deep_sr40px_{index}.png" for index in (1, 2)]
    for path in record["output"]:
        result = decode(Path(path))
        assert ((result.width, result.height), result.bit_depth) == (size, 16)
        assert result.alpha is not None
        assert result.metadata.exif is not None
        with Image.open(path) as image:
            assert image.getexif().get_ifd(0x8769)[0xA002] == size[0]
    assert Image.open(record["uncertainty"]).width >= size[0]
    with np.load(record["arrays"]) as told:
        assert told["samples"].shape == (2, size[1], size[0], 3)
        assert told["uncertainty"].shape == told["mean"].shape[:2] == (size[1], size[0])
    (again,) = run("sr", *words).records
    assert (again["status"], again["reason"]) == ("skipped", "is done")
    words = tuple(41 if word == 40 else word for word in words)
    (other,) = run("sr", *words, "--name", "{stem}_sr40px_{index}{ext}", "--overwrite").records
    assert (other["status"], max(other["width"], other["height"])) == ("done", 41)
    words = tuple(40 if word == 41 else word for word in words)
    assert run("sr", *words).records[0]["status"] == "done"  # it was of another size


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, terminal: bool = False) -> None:
    stream = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: terminal)
    monkeypatch.setattr(sys, "stdin", stream)


Piped = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def piped(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Piped:
    from restoreflow.cli.app import main

    def piped(data: bytes, *words: object) -> tuple[int, bytes, str]:
        stdin(monkeypatch, data)
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ending:
            main([str(word) for word in words])
        out, err = capfdbinary.readouterr()
        assert isinstance(ending.value.code, int)
        return ending.value.code, out, err.decode()

    return piped


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_from_standard_input_to_standard_output(piped: Piped, tmp_path: Path, form: str) -> None:
    source = picture(tmp_path / f"a.{form}")
    code, out, err = piped(source.read_bytes(), "sr", "-", "--format", "json")
    assert code == 0
    assert decode(out).format == form
    record = json.loads(err)
    assert (record["input"], record["output"], record["width"]) == ("-", ["-"], 64)
    assert sorted(each.name for each in tmp_path.iterdir()) == [source.name]
    code, same, _ = piped(b"", "sr", source, "-o", "-")
    assert (code, same) == (0, out)
    assert piped(source.read_bytes(), "sr", "-", "-o", "out/")[0] == 0
    ending = {"jpeg": "jpg"}.get(form, form)
    assert Path(f"out/stdin_sr4x.{ending}").read_bytes() == out
    assert piped(source.read_bytes(), "sr", "-", "-o", "b.webp")[0] == 0
    assert decode(Path("b.webp")).format == "webp"


STREAMS = [
    (("sr", "-", "a.png"), 2, "other inputs"),
    (("sr", "-", "-n", "2"), 2, "one picture"),
    (("sr", "-", "--grid"), 2, "one picture"),
    (("sr", "a.png", "b.png", "-o", "-"), 2, "one picture"),
    (("sr", "-"), 4, "standard input is not a picture"),
    (("sr", "missing.png", "-o", "-"), 4, "missing.png does not exist"),
]


@pytest.mark.parametrize(("words", "code", "told"), STREAMS)
def test_streams_that_do_not_do(piped: Piped, words: tuple[str, ...], code: int, told: str) -> None:
    ended, out, err = piped(b"no picture", *words)
    assert (ended, out) == (code, b"")
    assert told in err


def test_terminals_are_no_files(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"", terminal=True)
    assert "a terminal" in run("sr", "-").err
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "to a terminal" in run("sr", photo, "-o", "-").err


USAGE = [
    (("--output-format", "jpeg", "-o", "a.png"), "--output-format jpeg"),
    (("--output-format", "jpeg", "--name", "{stem}.png"), "--output-format jpeg"),
    (("--name", "{stem}", "-o", "out/"), "{ext}"),
    (("--name", "x{ext}", "-o", "a.png"), "both name the result"),
    (("--bit-depth", "16", "--output-format", "webp"), "16 bits"),
    (("--quality", "80", "--output-format", "tiff"), "no --quality"),
    (("--shard", "5/4"), "--shard"),
    (("-o", "a.gif"), "extension"),
]


@pytest.mark.parametrize(("words", "told"), USAGE)
def test_what_does_not_go_together(run: Run, photo: Path, words: Any, told: str) -> None:
    outcome = run("sr", photo, *words)
    assert outcome.code == 2
    assert told in outcome.err
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
