"""What happens to inputs that are unlike what a model has learnt from: told, left out, refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from restoreflow.batch.job import Job
from restoreflow.batch.record import Record
from restoreflow.batch.settings import OodAction, RestorationSettings
from restoreflow.errors import FlaggedError, UsageError
from restoreflow.printable import shown
from restoreflow.tasks.table import for_worn

if TYPE_CHECKING:
    import numpy as np

    from restoreflow.ood.check import Check, Checker
    from restoreflow.ood.reference import Reference
    from restoreflow.ood.watch import Watch
    from restoreflow.restoration.restorer import Restorer

__all__ = ["JUDGED", "Judge", "judged_facts", "stopped", "warning"]

JUDGED = ("ood_score", "ood_probability", "flagged", "reasons")
"""What a record tells of a judgement; None where there was none."""

_WEAR = ("noise", "compression blocks", "blur")
"""How the reasons begin that a model for worn photographs takes away."""


class Judge:
    """Judges inputs by the first block of the encoder, before or while they are restored.

    Before takes a tenth of the encoder's time, and spares the rest where an input is left out.
    While takes next to none. Both give the same score to some six digits, whatever the samples and
    the tiles; to some two where the restoration's convolutions compute in bfloat16.

    Args:
        reference: the model's; or what reads it, when it is needed first.
    """

    def __init__(self, reference: Reference | Callable[[], Reference]) -> None:
        self._reference = reference
        self._checker: Checker | None = None

    @property
    def reference(self) -> Reference:
        """The model's; ModelError where it cannot be read."""
        if callable(self._reference):
            self._reference = self._reference()
        return self._reference

    def __call__(self, restorer: Restorer, pixels: np.ndarray) -> Check:
        """Judge what a restorer gets, (h, w, 3) float32 in [0, 1].

        Raises:
            ModelError: the reference is not of this restorer's model.
        """
        return self._checker_of(restorer).check(pixels)

    def begin(
        self, restorer: Restorer, pixels: np.ndarray, settings: RestorationSettings
    ) -> tuple[Check | None, Watch | None]:
        """What is known of a picture before it is restored, and what to restore it with.

        Whether it is to be restored must be known before; a warning may come after, by `watched`.
        Features at another exposure are others than those of a judgement.

        Returns:
            The judgement, None where it is to come from the watch; and the watch, if any.

        Raises:
            ModelError: the reference is not of this restorer's model.
            UsageError: the temperature is to follow scores of a coarser grid.
        """
        after = settings.ood == "warn" and settings.options.exposure == 0
        calm = settings.ood_temperature
        watch = self.watch(restorer, pixels, calm) if after or calm else None
        if calm and watch is None:
            raise UsageError("--ood-temperature: the model's score is of a coarser grid")
        return None if after and watch is not None else self(restorer, pixels), watch

    def watch(self, restorer: Restorer, pixels: np.ndarray, calm: bool = False) -> Watch | None:
        """What to restore a picture with, for `watched`; None where its features are others.

        Compiled networks are not to be listened to, and what lies on a coarser grid than the flow's
        depends on where windows begin.

        Args:
            restorer: of the model.
            pixels: as for a judgement.
            calm: lower the temperature where the score is high.
        """
        from restoreflow.ood.watch import Watch

        network = restorer.network
        if restorer.compiled:
            return None
        checker = self._checker_of(restorer)
        if any(side > 1 for side in checker.coarseness.values()):
            return None
        limit = self.reference.map_end if calm else None
        return Watch(network, self.reference.gaussians, pixels.shape[:2], limit)

    def watched(self, restorer: Restorer, pixels: np.ndarray, watch: Watch) -> Check:
        """Judge a picture by what was seen when it was restored."""
        from restoreflow.ood.check import score_of_maps

        return self._checker_of(restorer).judge(pixels, score_of_maps(self.reference, watch.maps))

    def _checker_of(self, restorer: Restorer) -> Checker:
        from restoreflow.ood.check import Checker

        if self._checker is None or self._checker.network is not restorer.network:
            self._checker = Checker(restorer.network, self.reference)
        return self._checker


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
    line = f"{shown(record.input)}: unlike what the model has learnt from: {_why(record.facts)}"
    worn = any(reason.startswith(_WEAR) for reason in record.facts["reasons"])
    other = for_worn(record.facts["model"])
    return f"{line}. For such photographs there is --model {other}" if worn and other else line


def _why(facts: dict[str, Any]) -> str:
    words = [f"score {facts['ood_score']:.3g}"]
    if facts["ood_probability"] is not None:
        words.append(f"{100 * facts['ood_probability']:.0f} % of such inputs show artifacts")
    return "; ".join([*words, *facts["reasons"]])
