"""What a second run does, by what is there and what the manifest says."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from restoreflow.batch.discover import find
from restoreflow.batch.job import Job, Shard
from restoreflow.batch.manifest import Manifest, Origin, Written
from restoreflow.batch.plan import plan
from restoreflow.batch.record import Record
from restoreflow.batch.resume import Decision, Progress, model_hash
from restoreflow.batch.settings import RestorationSettings
from tests.places import open_folder, without_rights

ONE = RestorationSettings("m")
TWO = RestorationSettings("m", samples=2)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(b"input")


def job(settings: RestorationSettings = ONE, source: str = "a.png", out: str | None = "out") -> Job:
    (found,) = plan(find([source]), out, "sr4x", settings)
    return found


def decide(
    job: Job, settings: RestorationSettings = ONE, model: str = "1", shard: Shard | None = None
) -> Decision:
    return Progress(settings, model, shard).decide(job)


def write(
    job: Job, settings: RestorationSettings = ONE, done: bool = True, content: bytes = b"result"
) -> None:
    """What a run does: say, write, say."""
    decision = decide(job, replace(settings, overwrite=True))
    assert decision.manifest is not None and decision.origin is not None
    origin = decision.origin._replace(settings=settings.deciding())
    decision.manifest.folder.mkdir(exist_ok=True)
    written = {path: Written.of(content + path.name.encode()) for path in job.files}
    decision.manifest.begin(origin, written)
    for path in job.files:
        path.write_bytes(content + path.name.encode())
    if done:
        decision.manifest.finish(origin, written, Record(job.input, "done", job.outputs))


def outcome(decision: Decision) -> tuple[str, str]:
    record = decision.record
    if record is None:
        return "todo", " ".join(sorted(path.name for path in decision.replace))
    return record.status, record.error.message if record.error else record.facts["reason"]


def test_nothing_there() -> None:
    assert outcome(decide(job())) == ("todo", "")
    assert not Path("out").exists()


@pytest.mark.parametrize("done", [True, False])
def test_done_is_skipped(done: bool) -> None:
    write(job(), done=done)
    assert outcome(decide(job())) == ("skipped", "is done")


def test_what_is_in_the_way_of_a_killed_run_is_known() -> None:
    write(job(TWO), TWO, done=False)
    Path("out/a_sr4x_2.png").unlink()
    assert outcome(decide(job(TWO), TWO)) == ("todo", "a_sr4x_1.png")
    Path("out/a_sr4x_1.png").write_bytes(b"half")
    assert outcome(decide(job(TWO), TWO))[0] == "failed"


def test_changed_settings_model_or_input_are_redone() -> None:
    write(job())
    for settings in (replace(ONE, seed=1), replace(ONE, quality=80), replace(ONE, temperature=0.1)):
        assert outcome(decide(job(settings), settings)) == ("todo", "a_sr4x.png")
    for same in (replace(ONE, tile=64), replace(ONE, device="cpu"), replace(ONE, model="other")):
        assert outcome(decide(job(same), same)) == ("skipped", "is done")
    assert outcome(decide(job(), model="2")) == ("todo", "a_sr4x.png")
    Path("a.png").write_bytes(b"other")
    os.utime("a.png", ns=(1, 1))
    assert outcome(decide(job())) == ("todo", "a_sr4x.png")


def test_an_input_that_moved_is_the_same() -> None:
    write(job())
    Path("d").mkdir()
    Path("a.png").rename("d/a.png")
    assert outcome(decide(job(source="d/a.png"))) == ("skipped", "is done")


def test_another_inputs_result_is_never_replaced() -> None:
    write(job())
    Path("d").mkdir()
    Path("d/a.png").write_bytes(b"another")
    status, why = outcome(decide(job(source="d/a.png")))
    assert status == "failed"
    assert "is the result of" in why and "a.png" in why


def test_what_somebody_changed_is_never_replaced() -> None:
    write(job())
    Path("out/a_sr4x.png").write_bytes(b"retouched")
    assert outcome(decide(job())) == ("skipped", "was changed since it was written")
    other = replace(ONE, seed=1)
    assert outcome(decide(job(other), other))[0] == "failed"
    Path("out/a_sr4x.png").unlink()
    Path("kept.png").write_bytes(b"resulta_sr4x.png")
    Path("out/a_sr4x.png").symlink_to("../kept.png")
    assert outcome(decide(job(other), other))[0] == "failed"


def test_what_nobody_knows_is_skipped_or_completed_if_the_same() -> None:
    Path("out").mkdir()
    Path("out/a_sr4x.png").write_bytes(b"mine")
    assert outcome(decide(job())) == ("skipped", "exists")
    Path("out/a_sr4x_1.png").write_bytes(b"mine")
    assert outcome(decide(job(TWO), TWO)) == ("todo", "")  # and nothing may be replaced
    over = replace(ONE, overwrite=True)
    assert outcome(decide(job(over), over)) == ("todo", "a_sr4x.png")


def test_beside_the_input_there_is_no_manifest() -> None:
    decision = decide(job(out=None))
    assert (decision.manifest, decision.origin) == (None, None)


def test_shards_read_each_others_manifests() -> None:
    write(job())
    assert outcome(decide(job(), shard=Shard(2, 3))) == ("skipped", "is done")
    progress = Progress(ONE, "1", Shard(2, 3))
    manifest = progress.decide(job()).manifest or Manifest(Path("out"), "2-of-3")
    assert manifest.path.name == "restoreflow-manifest.2-of-3.jsonl"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\n\nnot json\n",
        b'{"schema": 1, "status": "done", "out',
        b'{"schema": 2, "status": "done"}\n',
        b'{"schema": 1, "status": "done", "input": [], "size": {}, "output": [{"file": {}}]}\n',
        b"\xff\xfe\x00" * 100,
        b"[" * 100_000,
        b'{"schema": 1, "status": "done", "output": 3}\n[1]\n5\nnull\n',
    ],
)
def test_a_damaged_manifest_loses_no_more_than_the_damage(rubbish: bytes) -> None:
    write(job())
    place = Path("out/restoreflow-manifest.jsonl")
    whole = place.read_bytes()
    place.write_bytes(whole + rubbish)
    assert outcome(decide(job())) == ("skipped", "is done")
    write(job(replace(ONE, seed=4)), replace(ONE, seed=4), content=b"new")
    assert place.read_bytes().startswith(whole + rubbish)
    lines = place.read_bytes()[len(whole + rubbish) :].splitlines()
    assert [json.loads(line)["status"] for line in lines if line] == ["begun", "done"]
    place.write_bytes(rubbish)
    assert outcome(decide(job())) == ("skipped", "exists")


def test_what_a_manifest_tells() -> None:
    write(job())
    lines = Path("out/restoreflow-manifest.jsonl").read_text().splitlines()
    begun, done = (json.loads(line) for line in lines)
    assert (begun["status"], done["status"]) == ("begun", "done")
    assert done["input"] == os.path.abspath("a.png")
    assert (done["size"], done["modified"]) == (5, Path("a.png").stat().st_mtime_ns)
    assert done["settings"]["seed"] == 0
    (told,) = done["output"]
    assert (told["file"], told["size"]) == ("a_sr4x.png", 16)
    assert done["record"]["output"] == ["out/a_sr4x.png"]


def test_equal_origins() -> None:
    origin = Origin("/a", 1, 2, {"seed": 0}, "m")
    assert origin.equals(origin._replace(input="/b"))
    assert not origin.equals(origin._replace(modified=3))
    assert origin.same_input(origin._replace(size=9))
    assert not origin.same_input(origin._replace(input="/b", size=9))


def test_the_hash_of_a_model_tells_its_files_apart(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    first = model_hash(folder)
    (folder / "model.safetensors").write_bytes(b"weights")
    assert first != model_hash(folder) == model_hash(folder)


def test_places_that_cannot_be_written_to() -> None:
    Path("file").write_bytes(b"")
    status, why = outcome(decide(job(out="file/out")))
    assert (status, "file is not a folder" in why) == ("failed", True)
    with open_folder() as folder:
        (folder / "closed").mkdir(mode=0o555)
        with without_rights():
            status, why = outcome(decide(job(out=f"{folder}/closed/deeper")))
    assert (status, "may not be written to" in why) == ("failed", True)
