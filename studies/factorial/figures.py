"""The factorial's figures, PNG: what explodes, by which slopes, and how well it is foretold."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from restoreflow.lab.fitting.intervals import reliability
from restoreflow.lab.fitting.probabilities import fit_logit
from restoreflow.outputs.atomic import write_atomic
from studies.factorial.claims import AFFINE, OURS, PAPER, SHIPPED
from studies.factorial.predictors import NAMES
from studies.factorial.slopes import EDGES
from studies.factorial.statistics import ERRORS, foresight

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw_figures"]

Results = Mapping[str, Any]
INK = {
    AFFINE.name: "#D55E00",
    PAPER.name: "#0072B2",
    OURS.name: "#009E73",
    SHIPPED.name: "#CC79A7",
}
"""Okabe and Ito's colours."""
RESOLUTION = 110


def draw_figures(results: Results, folder: Path) -> list[str]:
    """Write the figures that the results suffice for; their names, without ending."""
    import matplotlib

    drawn = []
    style: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context(style):
        for name, draw in FIGURES.items():
            figure = draw(results)
            if figure is None:
                continue
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=RESOLUTION, metadata={"Software": None})
            write_atomic(folder / f"{name}.png", buffer.getvalue(), overwrite=True)
            drawn.append(name)
    return drawn


def picture(results: Results) -> Figure | None:
    """Input; the paper's spline; the affine flow before and after the limiter; errors; score."""
    from matplotlib.figure import Figure

    panels = results.get("picture") or {}
    if not {AFFINE.name, PAPER.name} <= panels.keys():
        return None
    affine, spline = panels[AFFINE.name], panels[PAPER.name]
    shown = (
        ("input", affine["input"]),
        ("paper's spline", spline["before"]),
        ("affine, before the limiter", affine["before"]),
        ("affine, after the limiter", affine["after"]),
        (f"affine: {affine['error_pixels']:,} error pixels", affine["errors"]),
        ("affine: the paper's score, log", affine["score"]),
    )
    figure = Figure(figsize=(12.0, 2.5), layout="constrained")
    for axes, (title, data) in zip(figure.subplots(1, 6), shown, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            axes.imshow(np.asarray(opened), cmap="magma", interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    sizes = ", ".join(f"{name} {panels[name]['largest']:.2g}" for name in (AFFINE.name, PAPER.name))
    figure.supxlabel(f"largest |detail|, T = 1: {sizes}", fontsize=8)
    return figure


def along(results: Results) -> Figure | None:
    """The largest |detail| on patterns at each mark, a line a seed."""
    from matplotlib.figure import Figure

    groups = {x["name"]: x["group"] for x in results["inputs"]}
    runs = [run for run in results["runs"] if run.get("marks") and run["arm"] in INK]
    if not runs:
        return None
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    for axes, (title, warm) in zip(
        figure.subplots(1, 2, sharey=True), (("T = 0", False), ("T > 0", True)), strict=True
    ):
        for run in runs:
            sizes = [
                max(
                    row[0]
                    for name, rows in mark["outcomes"].items()
                    if groups[name] == "patterns"
                    for level, row in zip(results["settings"]["temperatures"], rows, strict=True)
                    if (level > 0) == warm
                )
                for mark in run["marks"]
            ]
            label = run["arm"] if run["seed"] == results["settings"]["seeds"][0] else None
            steps = [mark["steps"] for mark in run["marks"]]
            axes.plot(steps, sizes, "o-", color=INK[run["arm"]], label=label, markersize=4)
        axes.set_yscale("log")
        axes.set_title(f"patterns, {title}", fontsize=9)
        axes.set_xlabel("training steps")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("largest |detail|")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def slopes(results: Results) -> Figure | None:
    """How slopes spread over photographs and over patterns, all seeds of an arm together."""
    from matplotlib.figure import Figure

    counts = _slopes(results)
    if not counts:
        return None
    figure = Figure(figsize=(3.2 * len(counts), 2.8), layout="constrained")
    panels = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    for axes, (arm, groups) in zip(panels, counts.items(), strict=True):
        for group, color in (("photographs", "#0072B2"), ("patterns", "#D55E00")):
            shares = groups[group] / groups[group].sum()
            axes.stairs(np.where(shares > 0, shares, np.nan), EDGES, color=color, label=group)
        axes.set_yscale("log")
        axes.set_title(arm, fontsize=8)
        axes.set_xlabel("log10 of the slope s")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of values")
    panels[0].legend(frameon=False)
    return figure


def _slopes(results: Results) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for run in results["runs"]:
        if run["arm"] in INK and "inside" in run:
            own = found.setdefault(run["arm"], {})
            for group, counts in run["inside"]["slopes"].items():
                own[group] = own.get(group, 0) + np.array(counts, float)
    return found


def growth(results: Results) -> Figure | None:
    """The largest |value| after each layer, and below it the layer's largest 1 / s."""
    from matplotlib.figure import Figure

    runs = [run for run in results["runs"] if run["arm"] in INK and "inside" in run]
    runs = [run for run in runs if run["seed"] == results["settings"]["seeds"][0]]
    if not runs:
        return None
    places = list(runs[0]["inside"]["growth"])
    figure = Figure(figsize=(3.4 * len(places), 5.2), layout="constrained")
    grid = figure.subplots(2, len(places), sharex=True, sharey="row", squeeze=False)
    for column, place in enumerate(places):
        for run in runs:
            rows = run["inside"]["growth"][place]
            sizes = [np.nan if row["largest"] is None else row["largest"] for row in rows]
            gains = [np.nan if row["gain"] is None else row["gain"] for row in rows]
            color = INK[run["arm"]]
            grid[0, column].plot(sizes, "o-", color=color, label=run["arm"], markersize=4)
            grid[1, column].plot(gains, "o", color=color, markersize=4)
        names = [_short(row["layer"]) for row in runs[0]["inside"]["growth"][place]]
        grid[1, column].set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
        grid[0, column].set_title(place, fontsize=9)
        for axes in grid[:, column]:
            axes.set_yscale("log")
            axes.grid(alpha=0.3)
    grid[0, 0].set_ylabel("largest |value|, T = 1")
    grid[1, 0].set_ylabel("largest 1 / s")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _short(layer: str) -> str:
    return "coupling" if "coupling" in layer else layer


def reliable(results: Results) -> Figure | None:
    """Probabilities of error images learnt on one half against what the other half showed."""
    from matplotlib.figure import Figure

    lines = []
    for score in NAMES:
        found = foresight(results, AFFINE.name, score, ERRORS)
        if found is None:
            continue
        first, second = found.at(found.halves == 0), found.at(found.halves == 1)
        if first.outcomes.all() or not first.outcomes.any() or not len(second.outcomes):
            continue
        logit = fit_logit(first.scores[:, None], first.outcomes, penalty=1.0)
        odds = logit.weights[0] * second.scores + logit.offset
        lines.append((score, *reliability(1 / (1 + np.exp(-odds)), second.outcomes)))
    if not lines:
        return None
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for score, predicted, observed, sizes in lines:
        axes.plot(predicted, observed, "o-", markersize=4, label=f"{score} ({sizes[0]} a point)")
    axes.set_xlabel("probability learnt on the first half")
    axes.set_ylabel("share of error images on the other half")
    axes.set_title(AFFINE.name, fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7)
    return figure


FIGURES: Mapping[str, Callable[[Results], Any]] = {
    "picture": picture,
    "along": along,
    "slopes": slopes,
    "growth": growth,
    "reliability": reliable,
}
"""A figure's name to what draws it, None where the results do not suffice."""
