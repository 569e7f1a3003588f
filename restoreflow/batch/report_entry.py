"""A restoration as an entry of a page: its pictures, maps and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreflow.batch.record import Record, Restored

if TYPE_CHECKING:
    from restoreflow.reports.entries import RestorationEntry

__all__ = ["entry_of"]


def entry_of(record: Record, restored: Restored) -> RestorationEntry:
    """A restoration as a page shows it.

    Args:
        record: that it is done.
        restored: the same, with a result that was kept to be looked at.
    """
    from restoreflow.batch.restore import SHOWN_SAMPLES
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
