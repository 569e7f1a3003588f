"""Many inputs with a restorer that only remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.batch.discover import find
from restoreflow.batch.job import Job
from restoreflow.batch.plan import plan
from restoreflow.batch.record import Observer, Record, Summary
from restoreflow.batch.resume import Progress
from restoreflow.batch.run import run
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import InputError, LimitError, ModelError
from restoreflow.outputs import atomic
from restoreflow.restoration.bands import Band
from restoreflow.restoration.options import Options
from restoreflow.restoration.restorer import Restorer
from tests.batch.settings_of import settings_of


@dataclass
class FakeRestorer:
    """Enlarges by repeating pixels; fails for a picture whose first value is in `fails`."""

    fails: dict[int, Exception] = field(default_factory=dict[int, Exception])
    calls: int = 0
    config: Any = field(default_factory=lambda: SimpleNamespace(name="fake", scale=4))

    def restore_bands(self, pixels: np.ndarray, options: Options, **settings: Any) -> Any:
        self.calls += 1
        error = self.fails.get(round(float(pixels[0, 0, 0]) * 255))
        if error is not None:
            raise error
        settings["progress"](1, 1)
        large = torch.from_numpy(pixels.repeat(4, axis=0).repeat(4, axis=1)).permute(2, 0, 1)
        return FakeBands(large.expand(options.samples, *large.shape), options.seed)


@dataclass
class FakeBands:
    """A result in two bands."""

    values: torch.Tensor
    seed: int

    @property
    def size(self) -> tuple[int, int]:
        return self.values.shape[-1], self.values.shape[-2]

    @property
    def report(self) -> dict[str, Any]:
        facts = dict.fromkeys(
            ("lr_psnr", "lr_psnr_clean", "error_pixels", "nonfinite", "largest_detail"), 0
        )
        facts |= {"seconds": 0.0, "device": "none", "precision": "float32", "notes": []}
        facts |= {"consistency": True}
        return facts | {"seed": self.seed, "temperature": 0.5}

    def __iter__(self) -> Iterator[Band]:
        mean = (self.values[0] * 255).byte().permute(1, 2, 0).numpy()
        for rows in (slice(0, 4), slice(4, None)):
            yield Band(rows.start, self.values[..., rows, :], mean[rows])


class Listener(Observer):
    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)


def files(folder: Path, *values: int) -> list[Path]:
    paths = [folder / f"{value}.png" for value in values]
    for path, value in zip(paths, values, strict=True):
        Image.new("RGB", (3, 2), (value, 0, 0)).save(path)
    return paths


def planned(inputs: list[Path], chosen: RestorationSettings) -> list[Job]:
    return plan(find([str(path) for path in inputs]), None, "sr4x", chosen)


def run_jobs(
    jobs: list[Job],
    chosen: RestorationSettings,
    load: Callable[[], Restorer],
    listener: Observer | None = None,
) -> Summary:
    return run(jobs, chosen, 4, load, Progress(chosen, "model"), listener)


def go(inputs: list[Path], fake: FakeRestorer, **settings: Any) -> tuple[Summary, list[Record]]:
    chosen = settings_of("fake", **settings)
    listener = Listener()
    summary = run_jobs(planned(inputs, chosen), chosen, lambda: cast(Restorer, fake), listener)
    assert [record.input for record in listener.records] == inputs
    return summary, listener.records


OUTCOMES = [
    ({}, 0),
    ({1: InputError("bad")}, 3),
    ({1: InputError("bad"), 2: RuntimeError("worse")}, 4),
    ({1: LimitError("large")}, 5),
    ({1: MemoryError(), 2: LimitError("large")}, 5),
    ({1: LimitError("large"), 2: InputError("bad")}, 4),
]


@pytest.mark.parametrize(("fails", "code"), OUTCOMES)
def test_exit_codes(tmp_path: Path, fails: dict[int, Exception], code: int) -> None:
    summary, records = go(files(tmp_path, 1, 2), FakeRestorer(fails))
    assert summary.exit_code == code
    assert summary.failed == len(fails)
    for record in records:
        assert record.status == ("failed" if int(record.input.stem) in fails else "done")
        assert all(path.exists() for path in record.output)
    assert len(list(tmp_path.iterdir())) == 2 + summary.done


def test_skipping_everything_loads_no_model(tmp_path: Path) -> None:
    inputs, fake = files(tmp_path, 1, 2), FakeRestorer()
    assert go(inputs, fake)[0].done == 2
    chosen = RestorationSettings("fake")

    def load() -> Restorer:
        raise ModelError("not asked for")

    again = run_jobs(planned(inputs, chosen), chosen, load)
    assert (again.skipped, again.exit_code, fake.calls) == (2, 0, 2)
    over = RestorationSettings("m", overwrite=True)
    with pytest.raises(ModelError):
        run_jobs(planned(inputs, over)[:1], over, load)


def test_a_set_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = files(tmp_path, 1)
    real, count = atomic._write_flushed, 0

    def full(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise LimitError("the disk is full")
        real(path, data)

    monkeypatch.setattr(atomic, "_write_flushed", full)
    summary, records = go(inputs, FakeRestorer(), samples=3)
    assert count == 3
    assert summary.exit_code == 5
    assert records[0].output == ()
    assert list(tmp_path.iterdir()) == inputs


def test_what_a_record_tells(tmp_path: Path) -> None:
    (source,) = files(tmp_path, 9)
    summary, (record,) = go([source], FakeRestorer(), samples=2, uncertainty=True, seed=4)
    told = record.as_dict()
    assert told["output"] == [str(tmp_path / f"9_sr4x_{k}.png") for k in (1, 2)]
    assert told["uncertainty"] == str(tmp_path / "9_sr4x_uncertainty.png")
    assert (told["seed"], told["model"], told["scale"]) == (4, "fake", 4)
    assert summary.megapixels == pytest.approx(2 * 12 * 8 / 1e6)
    assert np.asarray(Image.open(record.output[0]))[0, 0, 0] == 9


def test_hidden_colours_do_not_reach_the_restorer(tmp_path: Path) -> None:
    source = tmp_path / "alpha.png"
    image = Image.new("RGBA", (4, 2), (200, 100, 50, 255))
    image.putpixel((0, 0), (1, 0, 0, 0))  # hidden, and the value that fails
    image.save(source)
    summary, (record,) = go([source], FakeRestorer({1: InputError("it did")}))
    assert summary.exit_code == 0
    with Image.open(record.output[0]) as result:
        assert result.mode == "RGBA"
        assert result.getpixel((0, 0))[3] < 64  # pyright: ignore
