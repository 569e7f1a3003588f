"""What a second run does, by what is there and what the manifest says."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from restoreflow.batch.discover import find
from restoreflow.batch.entry import PART, Content, Written, sample_of, whole_of
from restoreflow.batch.job import Job, Shard
from restoreflow.batch.manifest import Manifest
from restoreflow.batch.plan import plan
from restoreflow.batch.record import Record
from restoreflow.batch.results import ResultFile, write_results
from restoreflow.batch.resume import Decision, Progress, model_hash
from restoreflow.batch.settings import RestorationSettings
from restoreflow.outputs.atomic import make_folder
from restoreflow.restoration.options import Options
from tests.places import open_folder, without_rights

ONE = RestorationSettings("m")
TWO = RestorationSettings("m", Options(samples=2))


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
    origin = origin.with_content(Content.of(job.input.read_bytes()))
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
    for settings in (
        replace(ONE, options=Options(seed=1)),
        replace(ONE, quality=80),
        replace(ONE, options=Options(temperature=0.1)),
    ):
        assert outcome(decide(job(settings), settings)) == ("todo", "a_sr4x.png")
    for same in (
        replace(ONE, options=Options(tile=64)),
        replace(ONE, device="cpu"),
        replace(ONE, model="other"),
    ):
        assert outcome(decide(job(same), same)) == ("skipped", "is done")
    assert outcome(decide(job(), model="2")) == ("todo", "a_sr4x.png")
    facts = Path("a.png").stat()
    Path("a.png").write_bytes(b"other")
    os.utime("a.png", ns=(facts.st_atime_ns, facts.st_mtime_ns))
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
    other = replace(ONE, options=Options(seed=1))
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


def test_what_another_run_writes_meanwhile_is_in_nobodys_way() -> None:
    over = replace(ONE, overwrite=True)
    for out in ("out", None):
        (one,) = plan(find(["a.png"]), out, "sr4x", over)
        decision = decide(one, over)
        assert outcome(decision) == ("todo", "a_sr4x.png")
        make_folder(one.outputs[0].parent)
        one.outputs[0].write_bytes(b"of the other run")
        write_results([ResultFile(one.outputs[0], b"result")], decision.replace)
        assert one.outputs[0].read_bytes() == b"result"


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
        b'{"schema": 1, "status": "done", "input": "a", "size": 1e999, "modified": 1, "model": "",'
        b' "settings": {}, "output": []}\n',
        b'{"schema": 1, "status": "done", "input": "a", "size": 1, "modified": 1, "model": "",'
        b' "settings": {}, "output": [{"file": "a_sr4x.png", "size": -1e999, "sha256": ""}]}\n',
        b'{"schema": 1, "status": "done", "settings": [], "output": []}\n' + b"x" * 2**24,
    ],
)
def test_a_damaged_manifest_loses_no_more_than_the_damage(rubbish: bytes) -> None:
    write(job())
    place = Path("out/restoreflow-manifest.jsonl")
    whole = place.read_bytes()
    place.write_bytes(whole + rubbish)
    assert outcome(decide(job())) == ("skipped", "is done")
    changed = replace(ONE, options=Options(seed=4))
    write(job(changed), changed, content=b"new")
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


LARGE = 4 * PART


def spoil(path: Path, at: int, keep_time: bool) -> None:
    """Change one byte in place."""
    facts = path.stat()
    with path.open("r+b") as stream:
        stream.seek(at)
        (byte,) = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))
    if keep_time:
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("keep_time", [True, False])
@pytest.mark.parametrize(("size", "at"), [(8, 5), (LARGE, 7), (LARGE, PART + 5), (LARGE, -3)])
def test_other_bytes_of_the_same_length_are_never_done(size: int, at: int, keep_time: bool) -> None:
    Path("a.png").write_bytes(bytes(size))
    write(job(), content=bytes(size))
    result = Path("out/a_sr4x.png")
    assert outcome(decide(job())) == ("skipped", "is done")
    spoil(result, at % size, keep_time)
    assert outcome(decide(job())) == ("skipped", "was changed since it was written")
    spoil(result, at % size, keep_time)
    assert outcome(decide(job())) == ("skipped", "is done")
    spoil(Path("a.png"), at % size, keep_time)
    assert outcome(decide(job())) == ("todo", "a_sr4x.png")
    spoil(Path("a.png"), at % size, keep_time)
    assert outcome(decide(job())) == ("skipped", "is done")


@pytest.mark.parametrize("size", [8, LARGE])
def test_two_inputs_of_one_name_size_and_time_are_two(size: int) -> None:
    sources = [Path("x/a.png"), Path("y/a.png")]
    for number, path in enumerate(sources):
        path.parent.mkdir()
        content = bytearray(size)
        content[size // 4] = number  # where no quick hash looks in a large one
        path.write_bytes(content)
        os.utime(path, ns=(10**9, 10**9))
    first, second = (job(source=str(path)) for path in sources)
    write(first)
    assert outcome(decide(first)) == ("skipped", "is done")
    for settings in (ONE, replace(ONE, options=Options(seed=1))):
        status, why = outcome(decide(replace(second), settings))
        assert status == "failed" and "is the result of" in why and "x/a.png" in why
    sources[1].write_bytes(sources[0].read_bytes())
    assert outcome(decide(second)) == ("skipped", "is done")  # a copy gives the same result


def test_what_was_only_touched_is_done_and_noted_so() -> None:
    write(job())
    place = Path("out/restoreflow-manifest.jsonl")
    lines = place.read_bytes().count(b"\n")
    for path in (Path("a.png"), Path("out/a_sr4x.png")):
        os.utime(path, ns=(10**9, 10**9))
        decision = decide(job())
        assert outcome(decision) == ("skipped", "is done")
        assert decision.manifest is not None and decision.verified is not None
        assert place.read_bytes().count(b"\n") == lines  # nothing is written by asking
        decision.manifest.verified(decision.verified)
        lines += 1
        assert place.read_bytes().count(b"\n") == lines
        assert decide(job()).verified is None


def old_manifest() -> None:
    """What version 0.1.0 wrote: no contents of inputs, and no times of results."""
    place = Path("out/restoreflow-manifest.jsonl")
    told = [json.loads(line) for line in place.read_bytes().splitlines()]
    for line in told:
        for name in ("changed", "sample", "sha256"):
            del line[name]
        line["output"] = [
            {name: each[name] for name in ("file", "size", "sha256")} for each in line["output"]
        ]
    place.write_text("".join(json.dumps(line) + "\n" for line in told))


def test_old_manifests_are_trusted_as_far_as_they_can_be() -> None:
    write(job())
    old_manifest()
    decision = decide(job())
    assert outcome(decision) == ("skipped", "is done")
    assert decision.verified is not None and decision.verified.origin.sha256 is None
    other = replace(ONE, options=Options(seed=1))
    assert outcome(decide(job(other), other)) == ("todo", "a_sr4x.png")
    spoil(Path("out/a_sr4x.png"), 3, keep_time=True)
    assert outcome(decide(job())) == ("skipped", "was changed since it was written")
    spoil(Path("out/a_sr4x.png"), 3, keep_time=True)
    Path("d").mkdir()
    Path("a.png").rename("d/a.png")  # the same, or another of the same size and time: who knows
    assert outcome(decide(job(source="d/a.png")))[0] == "failed"


@pytest.mark.parametrize("size", [0, 1, 3 * PART, 3 * PART + 1, 10 * PART + 7])
def test_contents_are_the_same_from_bytes_and_files(size: int) -> None:
    data = (b"0123456789abcdefg" * (size // 17 + 1))[:size]
    Path("a.png").write_bytes(data)
    assert Content.of(data) == (sample_of(Path("a.png")), whole_of(Path("a.png")))
    assert (Content.of(data).sample == Content.of(data).sha256) == (size <= 3 * PART)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_manifest_that_is_no_file_fails_and_does_not_wait(kind: str) -> None:
    Path("out").mkdir()
    place = Path("out/restoreflow-manifest.jsonl")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to("../a.png")
    else:
        place.mkdir()
    status, why = outcome(decide(job()))
    assert status == "failed" and "manifest" in why


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
