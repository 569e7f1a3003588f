"""Restore photographs with bounded normalizing flows.

>>> import restoreflow
>>> restorer = restoreflow.load_model("sr-x4")  # doctest: +SKIP
>>> result = restorer.restore(image, samples=8, temperature=0.8)  # doctest: +SKIP
>>> result.images[0].save("restored.png")  # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it, which takes a while to import
if TYPE_CHECKING:
    from typing import Any

    from restoreflow.restoration.load import load_model

__all__ = ["__version__", "load_model"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # PyTorch takes a second to import: only those who restore wait for it.
    if name == "load_model":
        from restoreflow.restoration.load import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
