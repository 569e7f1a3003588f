"""What happens to inputs that are unlike what a model has learnt from: told, left out, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreflow.batch.job import Job
from restoreflow.batch.record import Record
from restoreflow.batch.settings import OodAction
from restoreflow.errors import FlaggedError
from restoreflow.images.names import shown

if TYPE_CHECKING:
    import numpy as np

    from restoreflow.ood.check import Check, Checker
    from restoreflow.ood.reference import Reference
    from restoreflow.restoration.restorer import Restorer

__all__ = ["JUDGED", "Judge", "judged_facts", "stopped", "warning"]

JUDGED = ("ood_score", "ood_probability", "flagged", "reasons")
"""What a record tells of a judgement; None where there was none."""


class Judge:
    """Judges inputs before they are restored, by the first block of the encoder.

    That takes a tenth of the encoder's time, spares the rest where an input is left out, and
    gives the same score whatever the samples, the tiles and the precision of the restoration.

    Args:
        reference: the model's.

    Attributes:
        reference: the same.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._checker: Checker | None = None

    def __call__(self, restorer: Restorer, pixels: np.ndarray) -> Check:
        """Judge what a restorer gets, (h, w, 3) float32 in [0, 1].

        Raises:
            ModelError: the reference is not of this restorer's model.
        """
        from restoreflow.ood.check import Checker

        if self._checker is None or self._checker.network is not restorer.network:
            self._checker = Checker(restorer.network, self.reference)
        return self._checker.check(pixels)


def judged_facts(check: Check | None) -> dict[str, Any]:
    """What a record tells of a judgement."""
    if check is None:
        return dict.fromkeys(JUDGED)
    values = (check.score.energy, check.probability, check.flagged, list(check.reasons))
    return dict(zip(JUDGED, values, strict=True))


def stopped(job: Job, check: Check, action: OodAction) -> Record | None:
    """The record of an input that is not to be restored; None where it is."""
    if not check.flagged or action not in ("skip", "fail"):
        return None
    facts = judged_facts(check)
    if action == "skip":
        told = {"reason": f"is unlike what the model has learnt from ({_why(facts)})"}
        return Record(job.input, "skipped", (), told | facts)
    error = FlaggedError(
        f"{shown(job.input)} is unlike what the model has learnt from: {_why(facts)}",
        "--ood warn restores it all the same",
    )
    return Record(job.input, "failed", (), facts, error)


def warning(record: Record) -> str | None:
    """The line to be said of a flagged input that was restored all the same."""
    if record.status != "done" or not record.facts.get("flagged"):
        return None
    return f"{shown(record.input)}: unlike what the model has learnt from: {_why(record.facts)}"


def _why(facts: dict[str, Any]) -> str:
    words = [f"score {facts['ood_score']:.3g}"]
    if facts["ood_probability"] is not None:
        words.append(f"{100 * facts['ood_probability']:.0f} % of such inputs show artifacts")
    return "; ".join([*words, *facts["reasons"]])
