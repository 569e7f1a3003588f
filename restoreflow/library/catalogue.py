"""Which models came with this installation."""

from __future__ import annotations

from restoreflow.errors import UsageError
from restoreflow.models.resolve import bundled_models
from restoreflow.tasks.table import TASKS

__all__ = ["list_models"]


def list_models(task: str | None = None) -> list[str]:
    """The names of the bundled models, in their order; for `Restorer.from_pretrained`.

    >>> import restoreflow
    >>> restoreflow.list_models("lowlight")
    ['lowlight', 'lowlight-affine']

    Args:
        task: only those for it: "sr" (super-resolution) or "lowlight".

    Raises:
        UsageError: there is no such task.
        ModelError: their folder may not be looked into.
    """
    if task is not None and task not in TASKS:
        raise UsageError(f'"{task}" is no task', f"one of {', '.join(TASKS)}")
    models = bundled_models()
    return [name for name, folder in models.items() if task in (None, folder.config.task)]
