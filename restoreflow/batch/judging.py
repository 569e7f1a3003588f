"""What happens to inputs that are unlike what a model has learnt from: told, left out, refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from restoreflow.batch.job import Job
from restoreflow.batch.record import Record
from restoreflow.batch.settings import OodAction, RestorationSettings
from restoreflow.errors import FlaggedError, UsageError, shown
from restoreflow.ood.advice import NOTHING

if TYPE_CHECKING:
    import numpy as np

    from restoreflow.ood.check import Check, Checker
    from restoreflow.ood.reference import Reference
    from restoreflow.ood.watch import Watch
    from restoreflow.restoration.restorer import Restorer

__all__ = ["JUDGED", "Judge", "judged_facts", "rank_words", "stopped", "warning"]

JUDGED = (
    *("ood_rank", "ood_score", "flagged", "reasons"),
    *("artifact_probability", "suffers", "verdict", "advice"),
)
"""What a record tells of a judgement, see `judged_facts`; None where there was none."""


class Judge:
    """Judges inputs by the first block of the encoder, before or while they are restored.

    Before takes a tenth of the encoder's time, and spares the rest where an input is left out.
    While takes next to none. Both give the same score to some six digits, whatever the samples and
    the tiles; in bfloat16 it is within some 2 % of float32's, the rank within 1.

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

    def __call__(self, restorer: Restorer, pixels: np.ndarray, quality: int | None = None) -> Check:
        """Judge what a restorer gets, (h, w, 3) float32 in [0, 1].

        Args:
            quality: what the file's tables say, see `Picture.jpeg_quality`.

        Raises:
            ModelError: the reference is not of this restorer's model.
        """
        return self._checker_of(restorer).check(pixels, quality=quality)

    def begin(
        self,
        restorer: Restorer,
        pixels: np.ndarray,
        settings: RestorationSettings,
        quality: int | None = None,
    ) -> tuple[Check | None, Watch | None]:
        """What is known of a picture before it is restored, and what to restore it with.

        Whether it is to be restored must be known before; a warning may come after, by `watched`.
        Features at another exposure, or told of other wear, are others than those of a judgement;
        a temperature may follow them all the same.

        Returns:
            The judgement, None where it is to come from the watch; and the watch, if any.

        Raises:
            ModelError: the reference is not of this restorer's model.
            UsageError: the temperature is to follow scores of a coarser grid.
        """
        asked = settings.options
        plain = asked.exposure == 0 and asked.wear == "auto"
        after = settings.ood == "warn" and plain
        calm = settings.ood_temperature
        watch = self.watch(restorer, pixels, calm) if after or calm else None
        if calm and watch is None:
            raise UsageError("--ood-temperature: the model's score is of a coarser grid")
        if after and watch is not None:
            return None, watch
        return self(restorer, pixels, quality), watch

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

    def watched(
        self, restorer: Restorer, pixels: np.ndarray, watch: Watch, quality: int | None = None
    ) -> Check:
        """Judge a picture by what was seen when it was restored."""
        from restoreflow.ood.check import score_of_maps

        found = score_of_maps(self.reference, watch.maps)
        return self._checker_of(restorer).judge(pixels, found, quality)

    def _checker_of(self, restorer: Restorer) -> Checker:
        from restoreflow.ood.check import Checker

        if self._checker is None or self._checker.network is not restorer.network:
            name = restorer.config.name
            self._checker = Checker(restorer.network, self.reference, model=name)
        return self._checker


def judged_facts(check: Check | None) -> dict[str, Any]:
    """What a record tells of a judgement, the same in every command.

    ood_rank: of 100 training photographs, how many are less unlike the others; ood_score: the score
    itself, 1 on average; flagged: whether the picture is unlike them, and reasons: in words, why.
    artifact_probability: that the result shows artifacts. suffers: what the picture suffers from,
    each with kind, value, unit and words. verdict, advice: what to do, and why.
    """
    if check is None:
        return dict.fromkeys(JUDGED)
    return {
        "ood_rank": check.rank,
        "ood_score": check.score.energy,
        "flagged": check.flagged,
        "reasons": list(check.reasons),
        "artifact_probability": check.probability,
        "suffers": [each.as_dict() for each in check.defects],
        "verdict": check.verdict,
        "advice": check.advice.words,
    }


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
    """The line to be said of an input that was restored, though something is to be done first."""
    facts = record.facts
    if record.status != "done" or facts.get("flagged") is None:
        return None
    said = [f"unlike what the model has learnt from: {_why(facts)}"] if facts["flagged"] else []
    if facts["verdict"] != NOTHING:
        if facts["suffers"]:
            said.append("suffers from " + ", ".join(each["words"] for each in facts["suffers"]))
        said.append(f"{facts['verdict']}: {facts['advice']}")
    return f"{shown(record.input)}: {'; '.join(said)}" if said else None


def _why(facts: dict[str, Any]) -> str:
    """Why a picture is unlike the training photographs, which is no word on artifacts."""
    return "; ".join([rank_words(facts["ood_rank"]), *facts["reasons"]])


def rank_words(rank: float) -> str:
    """A rank among the training photographs, for people."""
    if rank >= 100:
        return "more than any training photograph"
    return f"more than {rank:.3g} of 100 training photographs"
