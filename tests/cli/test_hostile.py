"""Damaged and hostile files through the whole command: told, counted, and nothing is lost."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import tempfile
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from restoreflow.cli.app import main
from restoreflow.images.decode import read_size
from tests.cli.conftest import picture
from tests.images import samples
from tests.images.damage import damaged, whole_files

pytestmark = pytest.mark.usefixtures("bundled")

FILES = 24
RUNS = 84  # 2016 damaged files
PIXELS = 20_000

CODES = {0, 3, 4, 5}

OPTIONS = [
    (),
    ("--output-format", "png", "--bit-depth", "16"),
    ("--output-format", "jpeg", "--quality", "60"),
    ("--output-format", "webp", "--strip-metadata"),
    ("--output-format", "avif"),
    ("--output-format", "tiff", "--save-arrays", "npz"),
    ("-n", "2", "--uncertainty", "--grid", "--name", "{stem}-{index}{ext}"),
]
ENDINGS = [".png", ".jpg", ".webp", ".tiff", ".avif", ".gif", ".bmp", ".ppm"]


def run(*words: str) -> tuple[int, list[dict[str, Any]], str]:
    """A command line in this process; its code, its records and what it said beside."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("error")
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def check(scans: Path, out: Path, *words: str) -> list[dict[str, Any]]:
    """Restore a folder; see that all is told, nothing lost and nothing left over."""
    before = {path.name: path.read_bytes() for path in scans.iterdir() if path.is_file()}
    started, began = time.process_time(), time.perf_counter()
    command = ("sr", str(scans), "-o", str(out), "--format", "json", "--threads", "1", *words)
    code, records, err = run(*command)
    assert time.process_time() - started < 20  # a busy machine is slower, and no hang
    assert time.perf_counter() - began < 300  # nor is waiting for nothing any better
    assert err == ""
    assert code in CODES
    *told, summary = records if len(records) > 1 else [*records, {}]
    # A set: damage can give a TIFF more pages, and each page has its record.
    assert {Path(record["input"]).name for record in told} == set(before)
    made: list[str] = []
    for record in told:
        assert record["status"] in ("done", "skipped", "failed")
        if record["status"] == "failed":
            assert record["error"] and record["output"] == []
            assert record["error"].isprintable()
            assert "defect" not in record["hint"], record
        else:
            made += record["output"]
            made += [record[key] for key in ("uncertainty", "grid", "arrays") if key in record]
        if record["status"] == "done":
            for name in record["output"]:
                assert read_size(Path(name)) == (record["width"], record["height"])
    assert {path.name: path.read_bytes() for path in scans.iterdir() if path.is_file()} == before
    left = {str(path) for path in out.rglob("*") if path.is_file()} if out.exists() else set()
    assert {name for name in left if not name.endswith(".jsonl")} == set(made)
    if summary:
        assert summary["failed"] == sum(record["status"] == "failed" for record in told)
    return told


@settings(
    max_examples=RUNS,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        *(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
        HealthCheck.function_scoped_fixture,
    ],
)
@given(
    contents=st.lists(damaged(), min_size=FILES, max_size=FILES),
    endings=st.lists(st.sampled_from(ENDINGS), min_size=FILES, max_size=FILES),
    options=st.sampled_from(OPTIONS),
)
def test_damaged_files(contents: list[bytes], endings: list[str], options: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        scans, out = Path(name, "scans"), Path(name, "out")
        scans.mkdir()
        out.mkdir()
        for number, (data, ending) in enumerate(zip(contents, endings, strict=True)):
            (scans / f"{number}{ending}").write_bytes(data)
        picture(scans / "mine.png", 8, 8)
        mine = out / ("mine-1.png" if "--name" in options else "mine_sr4x.png")
        if "-n" not in options and "--output-format" not in options:
            mine.write_bytes(b"not to be lost")
        check(scans, out, "--max-pixels", str(PIXELS), *options)
        if mine.exists() and not options:
            assert mine.read_bytes() == b"not to be lost"


def _png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def _bomb() -> bytes:
    """20000 x 16000 pixels of one colour in 40 kB."""
    return samples.saved(Image.new("1", (20000, 16000)), "PNG", optimize=True)


def _nan() -> np.ndarray:
    pixels = np.full((8, 8, 3), 0.5, np.float32)
    pixels[2, 3] = np.nan
    return pixels


HOSTILE = {
    "empty.png": (b"", "failed"),
    "text.png": (b"this is no picture\n" * 50, "failed"),
    "page.jpg": (b"<!doctype html><html></html>", "failed"),
    "header.png": (_png_header(20000, 20000), "failed"),
    "small_header.png": (_png_header(8, 8), "failed"),
    "bomb.png": (_bomb(), "failed"),
    "wrong.jpg": (samples.saved(Image.new("RGB", (8, 8)), "PNG"), "done"),
    "one.png": (samples.saved(Image.new("RGB", (1, 1)), "PNG"), "done"),
    "line.png": (samples.saved(Image.new("L", (1, 3000)), "PNG"), "done"),
    "wide.webp": (samples.saved(Image.new("RGB", (5000, 2)), "WEBP"), "failed"),
    "nan.tiff": (samples.tiff(_nan(), photometric="rgb"), "failed"),
    "zip.png": (b"PK\x03\x04" + bytes(200), "failed"),
}


def test_hostile_files(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name, (data, _) in HOSTILE.items():
        (scans / name).write_bytes(data)
    told = {Path(each["input"]).name: each for each in check(scans, tmp_path / "out")}
    assert {name: each["status"] for name, each in told.items()} == {
        name: state for name, (_, state) in HOSTILE.items()
    }
    assert "--max-pixels" in told["bomb.png"]["hint"]
    assert "16383" in told["wide.webp"]["error"]


def test_every_kind_of_file_is_restored(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    kinds = whole_files()
    for number, (kind, data) in enumerate(kinds.items()):
        (scans / f"{number}.{kind.split()[0]}").write_bytes(data)
    told = check(scans, tmp_path / "out")
    assert len(told) == len(kinds) > 40
    assert {record["status"] for record in told} == {"done"}
