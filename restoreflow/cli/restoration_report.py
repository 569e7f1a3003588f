"""The page of a run that restores: what every result adds to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from restoreflow.batch.job import Job
from restoreflow.batch.judging import Judge
from restoreflow.batch.record import Observer, Record, Restored
from restoreflow.batch.settings import RestorationSettings
from restoreflow.outputs.atomic import make_folder

if TYPE_CHECKING:
    from restoreflow.reports.restoration_page import RestorationPage

__all__ = ["reporting"]


@contextmanager
def reporting(
    observer: Observer,
    path: Path,
    jobs: Sequence[Job],
    settings: RestorationSettings,
    judge: Judge | None = None,
) -> Iterator[Observer]:
    """An observer that also fills a page, which is written when the run is through.

    Args:
        observer: is told of everything.
        path: the page's, as `settle` has seen it.
        jobs: the run's.
        settings: the run's.
        judge: what judges the inputs, or None.

    Raises:
        OutputError: it cannot be written.
    """
    from restoreflow.batch.restore import SHOWN_SAMPLES
    from restoreflow.reports.legend import SCORE_SCALE, score_scale
    from restoreflow.reports.previews import Previews
    from restoreflow.reports.restoration_page import RestorationPage

    pictures = len(jobs) * (min(settings.options.samples, SHOWN_SAMPLES) + 2)  # with input and mean
    scale = SCORE_SCALE if judge is None else score_scale(judge.reference.map_end)
    page = RestorationPage(previews=Previews.for_pictures(pictures), score=scale)
    yield _Paged(observer, page)
    make_folder(path.parent)
    page.write(path, settings.overwrite)


class _Paged(Observer):
    """Tells another observer of everything, and a page of what came of each input."""

    looks = True

    def __init__(self, observer: Observer, page: RestorationPage) -> None:
        self._observer, self._page = observer, page
        self.begin, self.advance = observer.begin, observer.advance

    def restored(self, record: Record, restored: Restored) -> None:
        """Add pictures and figures."""
        from restoreflow.batch.report_entry import entry_of

        self._page.add(entry_of(record, restored))

    def record(self, record: Record) -> None:
        """Add what was not restored, with the reason."""
        from restoreflow.reports.entries import FailedEntry

        if record.error is not None:
            self._page.add(FailedEntry(record.input, record.error.message, record.error.hint))
        elif record.status == "skipped":
            hint = "--overwrite restores it again" if record.output else ""
            self._page.add(FailedEntry(record.input, f"skipped: {record.facts['reason']}", hint))
        self._observer.record(record)
