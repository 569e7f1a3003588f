"""`python -m studies.others`, its pictures on a server of this machine."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from restoreflow.cli import program
from restoreflow.lab.evaluation.extractors import Published
from studies import others
from studies.others import NAME, OTHERS, Picture, app
from tests.cli.conftest import Outcome, _no_debug, _nothing_piped_in

__all__ = ["_no_debug", "_nothing_piped_in"]

DATA = b"a picture"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    served = tmp_path / "served"
    served.mkdir()
    (served / "a.png").write_bytes(DATA)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/a.png"
        server.shutdown()
        thread.join()


def fetched(folder: Path, capsys: pytest.CaptureFixture[str]) -> Outcome:
    with pytest.raises(SystemExit) as ending:
        program.run(app, NAME, [str(folder)])
    captured = capsys.readouterr()
    return Outcome(int(str(ending.value.code)), captured.out, captured.err)


def given(monkeypatch: pytest.MonkeyPatch, address: str, digest: str) -> None:
    source = Published(address, digest, len(DATA), "CC0-1.0")
    monkeypatch.setattr(others, "OTHERS", (Picture("drawings", source),))


def test_pictures_are_fetched_once_and_checked(
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given(monkeypatch, address, hashlib.sha256(DATA).hexdigest())
    first = fetched(tmp_path / "out", capsys)
    assert (first.code, first.records[0]["fetched"]) == (0, 1), first.err
    assert (tmp_path / "out/drawings/a.png").read_bytes() == DATA
    assert fetched(tmp_path / "out", capsys).records[0]["fetched"] == 0
    (tmp_path / "out/drawings/a.png").write_bytes(b"cut")
    assert fetched(tmp_path / "out", capsys).records[0]["fetched"] == 1


def test_another_file_is_refused(
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given(monkeypatch, address, "0" * 64)
    outcome = fetched(tmp_path / "out", capsys)
    assert outcome.code != 0
    assert "not the file that was published" in outcome.err
    assert not list((tmp_path / "out").rglob("*.png"))


def test_the_set_is_of_fixed_commits_and_names_its_licences() -> None:
    kinds = Counter(picture.kind for picture in OTHERS)
    assert set(kinds) == {"screenshots", "drawings", "scans", "medical", "astronomy"}
    assert len({(p.kind, p.name) for p in OTHERS}) == len(OTHERS)
    for picture in OTHERS:
        commit = picture.source.url.split("/")[5]
        assert len(commit) == 40 and int(commit, 16)
        assert picture.source.licence and len(picture.source.sha256) == 64
