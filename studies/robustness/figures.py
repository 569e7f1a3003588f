"""The study's figures, each as PNG and SVG; colours and markers that all readers can tell apart."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreflow.errors import RestoreflowError
from restoreflow.outputs.atomic import write_atomic
from studies.robustness import plots_of_arms, plots_of_flows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw_figures", "figure_files"]

FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Figure | None]] = {
    "explosions": plots_of_arms.explosions,
    "onset": plots_of_arms.onset,
    "corruptions": plots_of_arms.corruptions,
    "prediction": plots_of_arms.prediction,
    "quality": plots_of_arms.quality,
    "growth": plots_of_flows.growth,
    "toy": plots_of_flows.toy,
    "ablations": plots_of_flows.ablations,
}
"""A figure's name to what draws it from a study, None where that was not measured."""
RESOLUTION = 110

_ENDINGS: Mapping[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}}
"""Of the files, with metadata that does not change from one day to the next."""


def figure_files() -> list[str]:
    """Names of all files that `draw_figures` may write."""
    return [f"{name}.{ending}" for name in FIGURES for ending in _ENDINGS]


def draw_figures(study: Mapping[str, Any], folder: Path) -> list[str]:
    """Write every figure that the study has measurements for; their names, without ending.

    The same study gives the same bytes with the same version of matplotlib.

    Raises:
        RestoreflowError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise RestoreflowError(
            "the figures need matplotlib, which is not installed",
            'pip install "restoreflow[lab]"',
        ) from error
    drawn: list[str] = []
    style: Any = {
        "svg.hashsalt": "restoreflow",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        for name, draw in FIGURES.items():
            figure = draw(study)
            if figure is None:
                continue
            drawn.append(name)
            for ending, metadata in _ENDINGS.items():
                buffer = io.BytesIO()
                figure.savefig(buffer, format=ending, dpi=RESOLUTION, metadata=metadata)
                write_atomic(folder / f"{name}.{ending}", buffer.getvalue(), overwrite=True)
    return drawn
