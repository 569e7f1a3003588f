"""A run on a Ray cluster: the same files as on one machine, whatever dies on the way.

What is to be done is decided here, as for a run on one machine; the inputs go to the nodes as rows
of paths, and come back as rows of records. What an actor was at when it died, or was sent before
that was known, is left over: in further rounds the inputs without a record are restored again,
unless the manifest says that they were through. Ray could repeat an actor's tasks itself, but waits
for the very actor to come up again, and so for ever where its node does not.
"""

from __future__ import annotations

import gc
import math
import pickle
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from restoreflow.batch.cluster.actor import ENDS_THE_RUN, Assignment, Model, RestoreActor, Task
from restoreflow.batch.cluster.connection import Cluster, actors_that_fit, connected
from restoreflow.batch.job import Job, Shard
from restoreflow.batch.judging import Judge
from restoreflow.batch.manifest import Manifest, finished
from restoreflow.batch.record import Observer, Record, Summary
from restoreflow.batch.resume import Progress
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.local_files import read_regular
from restoreflow.models.folder import FILES, ModelFolder
from restoreflow.remote_path import RemotePath, absolute_name

__all__ = ["IDLE_ROUNDS", "run_on_cluster"]

IDLE_ROUNDS = 3
"""Rounds on end without one record, after which what is left is taken to be the cause."""

_MOST_ROWS = 16  # inputs that an actor takes at once, and that can be lost with it
_BLOCKS_AN_ACTOR = 4  # at least, so that none waits long for the last one
_BESIDE = ("uncertainty", "grid", "arrays")


def run_on_cluster(
    jobs: Sequence[Job],
    settings: RestorationSettings,
    folder: ModelFolder,
    progress: Progress,
    cluster: Cluster,
    observer: Observer | None = None,
    threads: int = 2,
    shard: Shard | None = None,
    judge: Judge | None = None,
) -> Summary:
    """Restore every job's input on the nodes of a cluster.

    Every node has to see the same paths, and have restoreflow; the model goes there with the run.
    Records come in the order in which inputs are through.

    Args:
        jobs: as `plan` gives them.
        settings: the run's; `threads` is also how many CPUs each actor has, else one.
        folder: the model.
        progress: what is done already.
        cluster: where, and how much of it.
        observer: is told of every record, by the thread that calls.
        threads: of each actor, that read ahead, and as many that write behind.
        shard: of which the jobs are, for the manifests' names.
        judge: looks at every input before it is restored; None where none is to be judged.

    Raises:
        ModelError: the model cannot be loaded.
        UsageError: the settings do not suit the model, or a path means another place elsewhere.
        RestoreflowError: Ray or the device is not available, or no actor starts.
    """
    started = time.perf_counter()
    told = _Told(jobs, observer or Observer())
    left: dict[int, Task] = {}
    for index, job in enumerate(jobs):
        decision = progress.decide(job)
        if decision.record is not None:
            told.tell(index, decision.record)
        else:
            there = frozenset(_absolute(path) for path in decision.replace)
            left[index] = Task(_anywhere(job), there, decision.origin)
    if left:
        with connected(cluster):
            import ray

            whole = None if judge is None else Judge(judge.reference)
            model = ray.put(Model(_files(folder), whole))
            assignment = Assignment(settings, folder.config.scale, model, shard, threads)
            _rounds(left, assignment, cluster, told.tell)
    return Summary.of(told.records, time.perf_counter() - started)


class _Told:
    """Records by their job, as they are on this machine: with the paths that were given."""

    def __init__(self, jobs: Sequence[Job], observer: Observer) -> None:
        self._jobs, self._observer = jobs, observer
        self.records: list[Record] = []

    def tell(self, index: int, record: Record) -> None:
        """Pass on what became of a job."""
        job = self._jobs[index]
        if record.status == "done":
            beside = {name: str(path) for name in _BESIDE if (path := getattr(job, name))}
            record = replace(record, output=job.outputs, facts=record.facts | beside)
        record = replace(record, input=job.input)
        self._observer.begin(job, len(self.records), len(self._jobs))
        self.records.append(record)
        self._observer.record(record)


def _rounds(
    left: dict[int, Task],
    assignment: Assignment,
    cluster: Cluster,
    tell: Callable[[int, Record], None],
) -> None:
    """Restore until nothing is left, or nothing more comes: that has failed."""
    first, idle, careful, trouble = len(left), 0, False, ""
    while left and idle < IDLE_ROUNDS:
        before = len(left)
        try:
            for index, record in _round(left, assignment, cluster, careful):
                if index in left:
                    del left[index]
                    tell(index, record)
        except RestoreflowError:
            raise
        except Exception as error:  # of Ray's many, none is a single input's
            trouble = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        gc.collect()  # an actor ends, and makes room, when nothing here refers to it any more
        for index, record in _finished(left):
            del left[index]
            tell(index, record)
        done = before - len(left)
        idle = 0 if done else idle + 1
        careful = not done or done >= len(left)
    if len(left) == first and trouble:
        raise RestoreflowError(
            f"nothing could be restored on the Ray cluster: {trouble}",
            "see that every node has the same restoreflow; --debug shows what Ray says",
        )
    for index, task in left.items():
        error = RestoreflowError(
            "the actors that restored it died, again and again",
            "of too little memory, perhaps; the same command tries again",
        )
        tell(index, Record(task.job.input, "failed", error=error))


def _round(
    left: dict[int, Task], assignment: Assignment, cluster: Cluster, careful: bool
) -> Iterator[tuple[int, Record]]:
    """One pass over what is left; what is lost in it gives no record.

    Args:
        careful: an actor has one input at a time, so that none is lost by another's fault.
    """
    import ray.data

    cpus = float(assignment.settings.threads or 1)
    fit = actors_that_fit(cpus, cluster.gpus)
    size = min(cluster.actors or fit, len(left))
    rows = 1 if careful else min(_MOST_ROWS, max(1, len(left) // (size * _BLOCKS_AN_ACTOR)))
    _set_up(cluster.verbose)
    given = [{"index": index, "task": pickle.dumps(task)} for index, task in left.items()]
    blocks = ray.data.from_items(given, override_num_blocks=math.ceil(len(given) / rows))
    pool = ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1 if careful else 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the last two, which have no other way in yet
        records = blocks.map_batches(
            RestoreActor,
            batch_size=None,
            batch_format="pyarrow",
            fn_constructor_args=(assignment,),
            compute=pool,
            num_cpus=cpus,
            num_gpus=cluster.gpus or None,
            max_restarts=-1,
            max_task_retries=0,
        )
    for batch in records.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        told: Any = batch
        for index, data in zip(told["index"], told["record"], strict=True):
            record = pickle.loads(data.as_py())
            if index.as_py() == ENDS_THE_RUN:
                raise record
            yield index.as_py(), record


def _set_up(verbose: bool) -> None:
    """Have Ray Data go on where a task is lost, and say nothing."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = -1
    context.enable_progress_bars = False
    context.print_on_execution_start = verbose


def _finished(left: dict[int, Task]) -> list[tuple[int, Record]]:
    """Those that a manifest says are through, though their record never came."""
    folders: defaultdict[Path, list[int]] = defaultdict(list)
    for index, task in left.items():
        if task.job.folder is not None and task.origin is not None:
            folders[task.job.folder].append(index)
    found: list[tuple[int, Record]] = []
    for folder, indices in folders.items():
        manifest = Manifest(folder)
        lines = finished(folder, {manifest.name(left[index].job.outputs[0]) for index in indices})
        for index in indices:
            job, _, origin = left[index]
            line = lines.get(manifest.name(job.outputs[0]))
            if line is None or origin is None:
                continue
            entry, facts = line
            same = origin.holds_same(entry.origin, job.input)
            if same and origin.made_alike(entry.origin) and manifest.held(entry, job.files):
                found.append((index, Record(job.input, "done", job.outputs, facts)))
    return found


def _files(folder: ModelFolder) -> dict[str, bytes]:
    there = [name for name in FILES if (folder.path / name).is_file()]
    return {name: read_regular(folder.path / name) for name in there}


def _anywhere(job: Job) -> Job:
    """A job as another process can do it.

    Raises:
        UsageError: that process would look for a path in its own memory.
    """
    for path in (job.input, *job.files):
        if isinstance(path, RemotePath) and path.scheme == "memory":
            raise UsageError(f"{path} is in this process alone", "use a store that the nodes reach")
    beside = {name: _absolute(path) for name in _BESIDE if (path := getattr(job, name))}
    return replace(
        job,
        input=_absolute(job.input),
        outputs=tuple(_absolute(path) for path in job.outputs),
        folder=None if job.folder is None else _absolute(job.folder),
        **beside,
    )


def _absolute(path: Path) -> Path:
    return path if isinstance(path, RemotePath) else Path(absolute_name(path))
