"""A large result, kept only as its files hold it, is the same files as a small one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from restoreflow.batch import streamed
from restoreflow.batch.discover import find
from restoreflow.batch.observer import Observer
from restoreflow.batch.plan import plan
from restoreflow.batch.record import Record
from restoreflow.batch.resume import Progress
from restoreflow.batch.run import run
from restoreflow.restoration.restorer import Restorer
from tests.batch.settings_of import settings_of
from tests.restoration.fakes import FakeNetwork, config


class Model(Restorer):
    """Counts its ways of restoring."""

    def __init__(self) -> None:
        described = config()
        described.scale, described.task = 4, "sr"
        super().__init__(cast(Any, FakeNetwork()), described)
        self.whole = self.streamed = 0

    def restore(self, *values: Any, **named: Any) -> Any:
        self.whole += 1
        return super().restore(*values, **named)

    def restore_bands(self, *values: Any, **named: Any) -> Any:
        self.streamed += 1
        return super().restore_bands(*values, **named)


class Listener(Observer):
    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)


def photo(folder: Path) -> Path:
    """Wide-gamut colours and a shape cut out: what a canvas resizes along."""
    y, x = np.mgrid[0:40, 0:30]
    values = np.stack([x * 8, y * 6, x * y % 255, 255 - 4 * x - 3 * y], axis=-1)
    path = folder / "photo.png"
    profile = imagecodecs.cms_profile("adobergb")
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path, icc_profile=profile)
    return path


def restored(path: Path, out: Path, model: Model, **asked: Any) -> tuple[dict, dict[str, bytes]]:
    """The record, and the files by their names."""
    settings, listener = settings_of("fake", **asked), Listener()
    jobs = plan(find([str(path)]), str(out), "sr4x", settings)
    run(jobs, settings, 4, lambda: model, Progress(settings, "fake"), listener)
    (record,) = listener.records
    assert record.error is None, record.error
    facts = {key: value for key, value in record.facts.items() if key != "seconds"}
    facts.pop("uncertainty", None)
    return facts, {each.name: each.read_bytes() for each in sorted(out.glob("photo*"))}


@pytest.mark.parametrize(
    "asked",
    [
        {"samples": 1},
        {"samples": 2, "bit_depth": 16, "uncertainty": True},
        {"samples": 1, "output_format": "jpeg", "consistency": False},
    ],
)
def test_large_and_small_results_are_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    path, model = photo(tmp_path), Model()
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    small = restored(path, tmp_path / "small", model, **asked)
    monkeypatch.setattr(streamed, "WHOLE_PIXELS", 0)
    large = restored(path, tmp_path / "large", model, **asked)
    assert (model.whole, model.streamed) == (1, 1)
    assert small == large
    pictures = [name for name in small[1] if name.startswith("photo_sr4x")]
    assert len(pictures) == asked["samples"] + asked.get("uncertainty", False)


def test_sheets_and_numbers_need_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "WHOLE_PIXELS", 0)
    path, model, out = photo(tmp_path), Model(), tmp_path / "out"
    out.mkdir()
    restored(path, out, model, grid=True, arrays="npz")
    assert (model.whole, model.streamed) == (1, 0)
    assert any(each.name.endswith("_grid.png") for each in out.iterdir())
    assert any(each.suffix == ".npz" for each in out.iterdir())
