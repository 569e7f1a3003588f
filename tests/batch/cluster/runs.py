"""Runs of a tiny model over a folder of scans, on this machine and on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from restoreflow.batch.cluster.connection import Cluster
from restoreflow.batch.cluster.run import run_on_cluster
from restoreflow.batch.discover import find
from restoreflow.batch.job import Job
from restoreflow.batch.judging import Judge
from restoreflow.batch.plan import plan
from restoreflow.batch.record import Observer, Record, Summary
from restoreflow.batch.resume import Progress, model_hash
from restoreflow.batch.run import run
from restoreflow.models.folder import ModelFolder
from restoreflow.restoration.restorer import load_model
from tests.batch.settings_of import settings_of
from tests.cli.conftest import picture

__all__ = ["Runs", "files", "scans"]


class Listener(Observer):
    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)


class Runs:
    """Runs over FOLDER/scans; settings are the model's own but for those given."""

    def __init__(self, folder: Path, bundle: Path, **settings: Any) -> None:
        self.folder = folder
        self.model = ModelFolder(bundle / "sr-x4")
        self.settings = settings_of(str(self.model.path), threads=1, **settings)

    def jobs(self, out: Path) -> list[Job]:
        found = find([str(self.folder / "scans")], recursive=True)
        return plan(found, f"{out}/", "sr4x", self.settings)

    def progress(self) -> Progress:
        return Progress(self.settings, model_hash(self.model.path))

    def here(self, out: Path, judge: Judge | None = None) -> tuple[Summary, list[Record]]:
        def load() -> Any:
            asked = self.settings
            return load_model(
                self.model, asked.device, asked.precision, asked.compile, asked.threads
            )

        heard = Listener()
        jobs, progress = self.jobs(out), self.progress()
        summary = run(jobs, self.settings, 4, load, progress, heard, judge=judge)
        return summary, heard.records

    def there(
        self,
        out: Path,
        change: Callable[[Job], Job] | None = None,
        judge: Judge | None = None,
    ) -> tuple[Summary, list[Record]]:
        heard = Listener()
        jobs = [change(job) if change else job for job in self.jobs(out)]
        progress, where = self.progress(), Cluster()
        summary = run_on_cluster(
            jobs, self.settings, self.model, progress, where, heard, judge=judge
        )
        return summary, heard.records


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def scans(folder: Path, count: int, side: int) -> None:
    for number in range(count):
        picture(folder / f"scans/{number % 2}/{number:03}.png", side, side)
