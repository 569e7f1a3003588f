"""Which files a run would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoreflow.batch.plan import plan
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import UsageError

ONE = RestorationSettings("m")
ALL = RestorationSettings("m", samples=2, uncertainty=True, grid=True)

NAMES = [
    ("d/a.jpg", None, ONE, ["d/a_sr4x.jpg"]),
    ("d/a.JPG", None, ONE, ["d/a_sr4x.JPG"]),
    ("d/a.bmp", None, ONE, ["d/a_sr4x.png"]),
    ("d/a.jpg", "out/", ONE, ["out/a_sr4x.jpg"]),
    ("d/a.jpg", "big.webp", ONE, ["big.webp"]),
    (
        "d/a.jpg",
        None,
        ALL,
        ["d/a_sr4x_1.jpg", "d/a_sr4x_2.jpg", "d/a_sr4x_uncertainty.png", "d/a_sr4x_grid.png"],
    ),
    ("a.jpg", "b.png", ALL, ["b_1.png", "b_2.png", "b_uncertainty.png", "b_grid.png"]),
]


@pytest.mark.parametrize(("source", "out", "settings", "files"), NAMES)
def test_names(
    source: str, out: str | None, settings: RestorationSettings, files: list[str]
) -> None:
    given = None if out is None else Path(out if not out.endswith("/") else out[:-1])
    (job,) = plan([Path(source)], given, "sr4x", settings)
    assert [path.as_posix() for path in job.files] == files
    assert len(job.outputs) == settings.samples


def test_an_input_named_twice_is_one_job() -> None:
    assert len(plan([Path("a.png"), Path("a.png")], None, "sr4x", ONE)) == 1


REFUSED = [
    (["x/a.png", "y/a.png"], "out", "both be written"),
    (["a.png", "a.bmp"], None, "both be written"),
    (["a.png", "A.png"], "out", "both be written"),
    (["a.png", "b.png"], "c.png", "one file for 2 inputs"),
    (["a.png"], "a.png", "overwrite its input"),
    (["a.png"], "b.bmp", "not written"),
]


@pytest.mark.parametrize(("sources", "out", "told"), REFUSED)
def test_refused(sources: list[str], out: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        plan([Path(each) for each in sources], None if out is None else Path(out), "sr4x", ONE)


def test_overwriting_never_hits_another_input() -> None:
    inputs = [Path("a.png"), Path("a_sr4x.png")]
    assert len(plan(inputs, None, "sr4x", ONE)) == 2
    with pytest.raises(UsageError, match="an input too"):
        plan(inputs, None, "sr4x", RestorationSettings("m", overwrite=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"seed": -1},
        {"seed": 2**64},
        {"samples": 0},
        {"uncertainty": True},
    ],
)
def test_settings_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        RestorationSettings("m", **wrong)  # pyright: ignore[reportArgumentType]
