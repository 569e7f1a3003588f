"""What runs on the nodes: an actor that loads the model once, then restores and writes."""

from __future__ import annotations

import pickle
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from restoreflow.batch.job import Job, Shard
from restoreflow.batch.judging import Judge
from restoreflow.batch.manifest import Manifest, Origin
from restoreflow.batch.record import Observer, Record
from restoreflow.batch.resume import Decision, Progress
from restoreflow.batch.run import run
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import RestoreflowError
from restoreflow.outputs.atomic import write_atomic

if TYPE_CHECKING:
    import pyarrow

    from restoreflow.restoration.restorer import Restorer

__all__ = ["ENDS_THE_RUN", "Assignment", "Model", "RestoreActor", "Task"]

ENDS_THE_RUN = -1
"""The index of a row that holds an error which is no single input's."""


class Task(NamedTuple):
    """An input that is to be restored: what was decided of it, to be carried out anywhere.

    Attributes:
        job: with absolute paths.
        replace: files that are there and may be replaced.
        origin: for the manifest, or None without.
    """

    job: Job
    replace: frozenset[Path]
    origin: Origin | None


class Model(NamedTuple):
    """What restores.

    Attributes:
        files: the bytes of a model folder's files, by name.
        judge: of inputs, or None.
    """

    files: Mapping[str, bytes]
    judge: Judge | None


@dataclass(frozen=True)
class Assignment:
    """What is the same for all tasks of a run.

    Args:
        settings: the run's.
        scale: the model's.
        model: Ray's reference to a `Model`.
        shard: of the inputs, or None.
        threads: that read ahead, and as many that write behind.
    """

    settings: RestorationSettings
    scale: int
    model: Any
    shard: Shard | None
    threads: int


class RestoreActor:
    """Restores tasks that come as rows of index and task, and gives rows of index and record.

    Whatever becomes of an input, its row comes back; an error that would end a run on one machine,
    as a device that is not there, comes back as a row too, with the index `ENDS_THE_RUN`.

    Args:
        assignment: the run's.
    """

    def __init__(self, assignment: Assignment) -> None:
        import ray

        self._assignment = assignment
        self._model: Model = ray.get(assignment.model)
        self._decided = _Decided(assignment)
        self._restorer: Restorer | None = None

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        indices: list[int] = batch["index"].to_pylist()
        tasks = [pickle.loads(task) for task in batch["task"].to_pylist()]
        try:
            records = self._restored(tasks)
        except RestoreflowError as error:
            return _rows([ENDS_THE_RUN], [error])
        return _rows(indices, records)

    def _restored(self, tasks: Sequence[Task]) -> list[Record]:
        given = self._assignment
        heard = _Listener()
        self._decided.take(tasks)
        run(
            [task.job for task in tasks],
            given.settings,
            given.scale,
            self._load,
            self._decided,
            heard,
            given.threads,
            self._model.judge,
        )
        return heard.records

    def _load(self) -> Restorer:
        if self._restorer is None:
            self._restorer = _load(self._model.files, self._assignment.settings)
        return self._restorer


class _Decided(Progress):
    """What the one who gave the tasks decided; noted in a manifest that is this actor's alone."""

    def __init__(self, assignment: Assignment) -> None:
        super().__init__(assignment.settings, "")
        shard = "" if assignment.shard is None else f"{assignment.shard.name}."
        self._name = f"{shard}ray-{secrets.token_hex(4)}"
        self._tasks: dict[Path, Task] = {}
        self._noted: dict[Path, Manifest] = {}

    def take(self, tasks: Sequence[Task]) -> None:
        """The tasks that will be asked about next."""
        self._tasks = {task.job.outputs[0]: task for task in tasks}

    def decide(self, job: Job) -> Decision:
        """What was decided of a job."""
        task = self._tasks[job.outputs[0]]
        if job.folder is None:
            return Decision(None, task.replace)
        if job.folder not in self._noted:
            self._noted[job.folder] = Manifest(job.folder, self._name)
        return Decision(None, task.replace, self._noted[job.folder], task.origin)


class _Listener(Observer):
    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)


def _load(files: Mapping[str, bytes], settings: RestorationSettings) -> Restorer:
    from restoreflow.models.folder import ModelFolder
    from restoreflow.restoration.restorer import load_model

    with tempfile.TemporaryDirectory() as place:
        for name, data in files.items():
            write_atomic(Path(place, name), data)
        folder = ModelFolder(Path(place), identity=settings.model)
        return load_model(
            folder, settings.device, settings.precision, settings.compile, settings.threads
        )


def _rows(indices: Sequence[int], told: Sequence[object]) -> pyarrow.Table:
    import pyarrow

    pickled = pyarrow.array([pickle.dumps(each) for each in told], pyarrow.binary())
    return pyarrow.table({"index": pyarrow.array(indices, pyarrow.int64()), "record": pickled})
