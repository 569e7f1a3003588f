"""The tasks there are: a new one is a file beside this one, and its row here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from restoreflow.tasks.lowlight import LOWLIGHT
from restoreflow.tasks.sr import SR
from restoreflow.tasks.task import Task

__all__ = ["OPTIONS", "TASKS", "USUAL", "TaskName", "for_worn", "takers"]

TASKS: Mapping[str, Task] = {task.name: task for task in (SR, LOWLIGHT)}
"""By name, in the order that help has them."""

USUAL = SR
"""What pictures are taken to be for where nobody says."""

OPTIONS = frozenset(name for task in TASKS.values() for name in task.options)
"""The options of restoring that not every task takes."""

if TYPE_CHECKING:
    TaskName = str
    """A name in the table; configurations and commands refuse others."""
else:
    TaskName = Literal[tuple(TASKS)]


def takers(option: str) -> str:
    """The titles of the tasks that take an option, for a sentence."""
    return " and ".join(task.title for task in TASKS.values() if task.takes(option))


def for_worn(model: str) -> str | None:
    """The bundled model to take for worn pictures instead of this one; None where there is none."""
    found = (task.for_worn[model] for task in TASKS.values() if model in task.for_worn)
    return next(found, None)
