"""The page of a run that restores: what every result adds to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreflow.batch.job import Job
from restoreflow.batch.judging import Judge
from restoreflow.batch.record import Observer, Record, Restored
from restoreflow.batch.settings import RestorationSettings
from restoreflow.outputs.atomic import make_folder

if TYPE_CHECKING:
    from restoreflow.reports.entries import RestorationEntry
    from restoreflow.reports.restoration_page import RestorationPage

__all__ = ["reporting"]


@contextmanager
def reporting(
    observer: Observer,
    path: Path | None,
    jobs: Sequence[Job],
    settings: RestorationSettings,
    judge: Judge | None = None,
) -> Iterator[Observer]:
    """An observer that also fills a page, which is written when the run is through.

    Args:
        observer: is told of everything.
        path: the page's, as `settle` has seen it; None: there is none.
        jobs: the run's.
        settings: the run's.
        judge: what judges the inputs, or None.

    Raises:
        OutputError: it cannot be written.
    """
    if path is None:
        yield observer
        return
    from restoreflow.batch.consumers import SHOWN_SAMPLES
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
        self._page.add(_entry(record, restored))

    def record(self, record: Record) -> None:
        """Add what was not restored, with the reason."""
        from restoreflow.reports.entries import FailedEntry

        if record.error is not None:
            self._page.add(FailedEntry(record.input, record.error.message, record.error.hint))
        elif record.status == "skipped":
            hint = "--overwrite restores it again" if record.output else ""
            self._page.add(FailedEntry(record.input, f"skipped: {record.facts['reason']}", hint))
        self._observer.record(record)


def _entry(record: Record, restored: Restored) -> RestorationEntry:
    from restoreflow.batch.consumers import SHOWN_SAMPLES
    from restoreflow.images.encode import to_image
    from restoreflow.ood.maps import smoothed
    from restoreflow.reports.entries import RestorationEntry

    picture, result, check = restored.picture, restored.result, restored.check
    source: Any = result.shown
    samples = source.images[:SHOWN_SAMPLES]
    full = (record.facts["width"], record.facts["height"])
    notes = []
    if len(record.output) > len(samples):
        notes.append(f"The first {len(samples)} of {len(record.output)} samples are shown.")
    return RestorationEntry(
        file=record.input,
        before=to_image(picture.without_metadata()),
        samples=samples,
        facts=_facts(record, notes),
        mean=source.mean,
        uncertainty=source.uncertainty if len(record.output) > 1 else None,
        score_map=None if check is None else smoothed(check.score.energies),
        size=full,
    )


def _facts(record: Record, notes: list[str]) -> Any:
    from restoreflow.reports.entries import RestorationFacts

    facts = record.facts
    same = ("model", "seed", "temperature", "seconds", "error_pixels", "nonfinite", "lr_psnr")
    known = {name: facts[name] for name in (*same, "lr_psnr_clean", "largest_detail", "device")}
    return RestorationFacts(
        **known,
        consistency=facts["consistency"] if facts["lr_psnr"] is not None else None,
        consistent_with=facts.get("consistent_with") or "input",
        rank=facts["ood_rank"],
        probability=facts["artifact_probability"],
        flagged=bool(facts["flagged"]),
        reasons=facts["reasons"] or (),
        suffers=[each["words"] for each in facts["suffers"] or ()],
        verdict=facts["verdict"] or "",
        advice=facts["advice"] or "",
        notes=[*facts["notes"], *notes],
    )
