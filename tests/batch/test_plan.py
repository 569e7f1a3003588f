"""Which files a run would write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from restoreflow.batch.discover import Found, Page
from restoreflow.batch.job import Job, Shard
from restoreflow.batch.plan import plan
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import UsageError
from restoreflow.restoration.options import Options


def named(*paths: str | Path) -> list[Found]:
    return [Found(Path(path), Path(path).name) for path in paths]


def below(root: str, *places: str) -> list[Found]:
    return [Found(Path(root, place), place, Path(root)) for place in places]


ONE = RestorationSettings("m")
ALL = RestorationSettings("m", Options(samples=2), uncertainty=True, grid=True)

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
    (job,) = plan(named(source), out, "sr4x", settings)
    assert [path.as_posix() for path in job.files] == files
    assert len(job.outputs) == settings.options.samples


REFUSED = [
    (["a.png", "b.png"], "c.png", "one file for 2 inputs"),
    (["a.png"], "a.png", "overwrite its input"),
    (["a.png"], "b.bmp", "not written"),
]


@pytest.mark.parametrize(("sources", "out", "told"), REFUSED)
def test_refused(sources: list[str], out: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        plan(named(*sources), out, "sr4x", ONE)


def test_a_result_of_the_run_is_no_input_of_it() -> None:
    inputs = named("a.png", "a_sr4x.png")
    first, second = plan(inputs, None, "sr4x", ONE)
    assert first.settled is None
    assert second.settled is not None and second.settled.status == "skipped"
    assert "the result of a.png" in second.settled.facts["reason"]
    first, second = plan(inputs, None, "sr4x", RestorationSettings("m", overwrite=True))
    assert "an input too" in failure(first)
    assert second.settled is None


def failure(job: Job) -> str:
    assert job.settled is not None and job.settled.error is not None
    return job.settled.error.message


CLASHES = [
    ["x/a.png", "y/a.png"],
    ["a.png", "A.png"],
    ["IMG_1.JPG", "IMG_1.jpg"],
    ["scan_page1.tif", "scan.tif"],
    ["caf\u00e9.png", "cafe\u0301.png"],
]


@pytest.mark.parametrize("sources", CLASHES)
def test_a_clash_of_names_fails_one_file(sources: list[str]) -> None:
    found = named("before.png", *sources, "after.png")
    if "scan.tif" in sources:
        found[2] = found[2]._replace(page=Page(1, 2))
    jobs = plan(found, "out", "sr4x", ONE)
    assert [job.settled is None for job in jobs] == [True, True, False, True]
    assert "both be written" in failure(jobs[2])
    shards = [plan(found, "out", "sr4x", ONE, Shard(k, 3)) for k in (1, 2, 3)]
    assert sum(job.settled is not None for shard in shards for job in shard) == 1


def test_a_result_that_leads_to_an_input_fails_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    for name in "abc":
        Path(f"{name}.png").write_bytes(name.encode())
    Path("out/a_sr4x.png").symlink_to("../b.png")
    os.link("b.png", "out/c_sr4x.png")
    for settings in (ONE, RestorationSettings("m", overwrite=True)):
        jobs = plan(named("a.png", "b.png", "c.png"), "out", "sr4x", settings)
        assert [job.settled is None for job in jobs] == [False, True, False]
        assert "would overwrite b.png" in failure(jobs[0])


def outputs(jobs: list[Job]) -> list[str]:
    return [path.as_posix() for job in jobs for path in job.outputs]


def test_a_folders_results_mirror_its_tree_beside_it() -> None:
    jobs = plan(below("d/scans", "a.jpg", "x/a.jpg"), None, "sr4x", ONE)
    assert outputs(jobs) == ["d/scans_sr4x/a_sr4x.jpg", "d/scans_sr4x/x/a_sr4x.jpg"]
    assert {job.folder for job in jobs} == {Path("d/scans_sr4x")}
    jobs = plan(below("d/scans", "a.jpg", "x/a.jpg"), "out", "sr4x", ONE)
    assert outputs(jobs) == ["out/a_sr4x.jpg", "out/x/a_sr4x.jpg"]
    for root in (".", "..", "d/.."):
        with pytest.raises(UsageError, match="-o FOLDER"):
            plan(below(root, "a.jpg"), None, "sr4x", ONE)
    with pytest.raises(UsageError, match="one file for a folder"):
        plan(below("scans", "a.jpg"), "one.png", "sr4x", ONE)


def test_names_that_differ_in_their_extension_stay_apart() -> None:
    found = named("a.png", "a.bmp", "b.bmp", "A.GIF")
    jobs = plan(found, "out", "sr4x", ONE)
    wanted = ["a_png_sr4x.png", "a_bmp_sr4x.png", "b_sr4x.png", "A_GIF_sr4x.png"]
    assert outputs(jobs) == [f"out/{name}" for name in wanted]
    *_, last = plan([*found, *named("a_bmp.png")], "out", "sr4x", ONE)
    assert "both be written" in failure(last)
    maps = RestorationSettings("m", Options(samples=2), uncertainty=True)
    told = [job.uncertainty for job in plan(named("a.png", "a.jpg"), "out", "sr4x", maps)]
    assert told == [Path("out/a_png_sr4x_uncertainty.png"), Path("out/a_jpg_sr4x_uncertainty.png")]


FORMATS = [
    ("same", "a.JPEG", "a_sr4x.JPEG", "jpeg"),
    ("same", "a", "a_sr4x.png", "png"),
    ("jpeg", "a.png", "a_sr4x.jpg", "jpeg"),
    ("jpeg", "a.jpe", "a_sr4x.jpe", "jpeg"),
    ("avif", "a.tif", "a_sr4x.avif", "avif"),
]


@pytest.mark.parametrize(("output_format", "source", "name", "form"), FORMATS)
def test_output_formats(output_format: Any, source: str, name: str, form: str) -> None:
    settings = RestorationSettings("m", output_format=output_format)
    (job,) = plan(named(source), None, "sr4x", settings)
    assert (outputs([job]), job.format) == ([name], form)


def test_names_too_long_fail_before_any_work() -> None:
    fits, long = plan(named("x" * 246 + ".png", "y" * 247 + ".png"), "out", "sr4x", ONE)
    assert (fits.settled, len(fits.outputs[0].name)) == (None, 255)
    assert long.settled is not None and long.settled.error is not None
    assert "256 bytes" in long.settled.error.message


def test_shards_together_are_all() -> None:
    places = [f"{k // 7}/{k}.png" for k in range(200)]
    whole = plan(below("d", *places), "out", "sr4x", ONE)
    parts = [plan(below("d", *places), "out", "sr4x", ONE, Shard(k, 4)) for k in (1, 2, 3, 4)]
    assert sorted(outputs([job for part in parts for job in part])) == sorted(outputs(whole))
    assert all(30 < len(part) < 70 for part in parts)
    # More inputs, or the same from elsewhere, leave each in its part.
    more = plan(below("elsewhere", *places, "new.png"), "out", "sr4x", ONE, Shard(2, 4))
    assert set(outputs(parts[1])) <= set(outputs(more))


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2", "9" * 9999])
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"uncertainty": True},
        {"quality": 0},
        {"quality": 101},
        {"quality": 80, "output_format": "png"},
        {"bit_depth": 12},
        {"bit_depth": 16, "output_format": "jpeg"},
        {"max_pixels": 0},
    ],
)
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        RestorationSettings("m", **wrong)
