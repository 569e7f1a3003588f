"""What to do with a picture before it is restored, by what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from restoreflow.defects.defect import WORN, Defect, KindName
from restoreflow.tasks.table import TASKS, for_worn

__all__ = ["NOTHING", "Advice", "Served", "advise", "served_by"]

NOTHING = "nothing to do"

_LIKELY = 0.5
"""Probability of artifacts from which on they are more likely than not."""

_FIRST: dict[KindName, tuple[str, str]] = {
    "drawing": ("leave out", "the models learn from photographs; upscalers for drawings serve it"),
    "small": ("leave out", "there is too little to restore from"),
    "bars": ("crop first", "crop the bars: they cost time and lead the model astray"),
}
"""Verdict, and why, for what comes before all else."""


class Served(NamedTuple):
    """What a model does about worn pictures.

    Attributes:
        told: it is told what a picture suffers from, and takes that away by itself.
        worn: it takes worn pictures, told or not.
        other: the bundled model that does, if this one does not.
    """

    told: bool
    worn: bool
    other: str | None


class Advice(NamedTuple):
    """What to do.

    Attributes:
        verdict: in two or three words, an option where it is one: "nothing to do", "leave out",
            "crop first", "reduce first", "--model NAME", "--temperature 0".
        words: why; empty where there is nothing to do or say.
    """

    verdict: str
    words: str = ""


def served_by(model: str, task: str, told: bool) -> Served:
    """What a model does about worn pictures.

    Args:
        model: its name.
        task: a name in `tasks.table.TASKS`.
        told: whether its encoder judges wear, or is told it.
    """
    row = TASKS[task]
    others = dict.fromkeys(row.for_worn.values())
    if told or not others or model in others:
        return Served(told, True, None)
    return Served(False, False, for_worn(model) or next(iter(others)))


def advise(
    defects: Sequence[Defect], flagged: bool, probability: float | None, served: Served
) -> Advice:
    """The one thing to do first.

    Args:
        defects: of `defects.find.defects_of`.
        flagged: whether the picture is unlike what the model has learnt from.
        probability: that the result shows artifacts; None where that is not known.
        served: the model's.
    """
    found = {each.kind: each for each in defects}
    for kind, (verdict, why) in _FIRST.items():
        if kind in found:
            return Advice(verdict, why)
    if "enlarged" in found:
        share = 1 / found["enlarged"].value
        return Advice("reduce first", f"reduce it to {share:.0%} of its sides: it holds no more")
    worn = sum(kind in found for kind in WORN)
    such = "that" if worn == 1 else "those"
    if worn and not served.worn and served.other:
        return Advice(f"--model {served.other}", f"it takes {such} away")
    if worn and served.told:
        return Advice(NOTHING, f"the model takes {such} away by itself (--wear)")
    if flagged or (probability is not None and probability > _LIKELY):
        return Advice("--temperature 0", "the clean estimate invents nothing")
    return Advice(NOTHING)
