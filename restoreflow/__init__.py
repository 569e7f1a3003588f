"""Restore photographs with bounded normalizing flows.

>>> import torch, restoreflow
>>> restorer = restoreflow.Restorer.from_pretrained("sr-x4")
>>> restorer(torch.rand(2, 3, 16, 16)).shape
torch.Size([2, 3, 64, 64])
>>> result = restorer.restore(torch.rand(3, 16, 24), samples=2, temperature=0.8, seed=1)
>>> result.images[0].size, result.uncertainty.shape  # PIL images, and how far they differ
((96, 64), (64, 96))
>>> restorer.score(torch.rand(3, 64, 64)).flagged  # noise is unlike photographs
True
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it, which takes a while to import
if TYPE_CHECKING:
    from typing import Any

    from restoreflow import errors, metrics
    from restoreflow.library.catalogue import list_models
    from restoreflow.library.restorer import Restorer, load_model

__all__ = ["Restorer", "__version__", "errors", "list_models", "load_model", "metrics"]

__version__ = "0.2.0"

_PLACES = {
    "Restorer": "restoreflow.library.restorer",
    "list_models": "restoreflow.library.catalogue",
    "load_model": "restoreflow.library.restorer",
}
_MODULES = ("errors", "metrics")


def __getattr__(name: str) -> Any:
    # PyTorch takes a second to import: only those who restore wait for it.
    from importlib import import_module

    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    if name in _MODULES:
        return import_module(f"restoreflow.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
