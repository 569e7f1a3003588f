"""Figures of flows from inside: growth layer by layer, the toy, and the ablations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.robustness.arms import LABELS
from studies.robustness.palette import look
from studies.robustness.toy import INSIDE, parallelogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ablations", "growth", "toy"]

Measured = Mapping[str, Any]
PLACES = {"exploding": "the input on which most explodes", "photograph": "a photograph"}
INK = {"affine": "#D55E00", "clamped_affine": "#009E73", "spline": "#0072B2"}
MARKS = {"affine": "^", "clamped_affine": "s", "spline": "o"}
WINDOW = 4.0
"""Half the side of the toy's panels."""


def growth(study: Measured) -> Figure:
    """The largest value after each layer of the inverse, with the certificate's bound."""
    from matplotlib.figure import Figure

    found = study["growth"]
    figure = Figure(figsize=(9.5, 4.0), layout="constrained")
    panels = figure.subplots(1, len(found["layers"]), sharey=True, squeeze=False)[0]
    for axes, (place, arms) in zip(panels, found["layers"].items(), strict=True):
        for arm, rows in arms.items():
            style = look(study, arm)
            names = [row["layer"] for row in rows]
            sizes = [row["largest"] if row["largest"] is not None else np.nan for row in rows]
            axes.plot(sizes, style.line, marker=style.marker, color=style.color, label=arm)
            bounds = [row["bound"] for row in rows]
            if None not in bounds:
                axes.plot(bounds, ":", color=style.color, label=f"{arm}: bound for any input")
            axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
        axes.set_title(f"{PLACES[place]}: {found['inputs'][place]}", fontsize=9)
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"largest |value|, T = {found['temperature']:g}")
    panels[0].set_xlabel("layers of the inverse, latent to detail")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def toy(study: Measured) -> Figure:
    """Samples of the two-dimensional flows in and out of range, and how far they reach."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 5.4), layout="constrained")
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.35))
    for column, name in enumerate(LABELS):
        for row, place in enumerate(("inside", "outside")):
            axes = figure.add_subplot(grid[row, column])
            _scatter(axes, study["toy"][name][place], INK[name])
            if row == 0:
                axes.set_title(LABELS[name], fontsize=9)
            if column == 0:
                where = "y as in training" if place == "inside" else "y at distance 6, the worst"
                axes.set_ylabel(where)
    axes = figure.add_subplot(grid[:, 3])
    for name in LABELS:
        rows = study["toy"][name]["radii"]
        axes.plot(
            [row["radius"] for row in rows],
            [row["largest"] for row in rows],
            marker=MARKS[name],
            color=INK[name],
            label=LABELS[name],
        )
    axes.axvspan(0.0, 1.0, color="0.93", zorder=0)
    axes.set_yscale("log")
    axes.set_xlabel("distance of y from 0 (grey: training)")
    axes.set_title("largest |x| over 16 directions", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def ablations(study: Measured) -> Figure | None:
    """Tiny models: the largest |detail| against the training length, likelihood beside it."""
    from matplotlib.figure import Figure

    rows = study.get("ablations")
    if not rows:
        return None
    figure = Figure(figsize=(9.5, 0.34 * len(rows) + 1.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True, width_ratios=(1.6, 1.6, 1.0))
    longest = len(rows[0]["marks"])
    shades = [str(0.85 - 0.85 * i / max(longest - 1, 1)) for i in range(longest)]
    for axes, group in zip(panels, ("hostile", "photographs"), strict=False):
        for place, row in enumerate(rows):
            for shade, mark in zip(shades, row["marks"], strict=True):
                size = max(each["largest_detail"] for each in mark[group])
                axes.plot(max(size, 1e-2), place, "o", color=shade, markersize=6)
        axes.axvline(1.0, color="0.6", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlabel("largest |detail| before the limiter")
        axes.set_title(f"{group}, T = 0 and 1", fontsize=9)
        axes.grid(axis="x", alpha=0.3)
    panels[2].plot([row["nll"] for row in rows], range(len(rows)), "o", color="black")
    panels[2].set_xlabel("nats a value")
    panels[2].set_title("NLL at the end", fontsize=9)
    panels[2].grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(rows)), [row["name"] for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    for shade, mark in zip(shades, rows[0]["marks"], strict=True):
        panels[0].plot([], [], "o", color=shade, label=f"{mark['steps']} steps")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _scatter(axes: Axes, found: Measured, color: str) -> None:
    """Samples, and in range the true parallelogram's outline."""
    import torch

    points = np.array(found["points"]).reshape(-1, 2)
    centre = np.median(points, axis=0) if len(points) else np.zeros(2)
    shown = np.abs(points - centre).max(1) < WINDOW if len(points) else np.zeros(0, bool)
    axes.plot(*points[shown].T, ".", color=color, markersize=2, alpha=0.6, rasterized=True)
    if found["condition"] == list(INSIDE):
        corners = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
        outline = parallelogram(torch.tensor([INSIDE]).expand(5, 2), corners).numpy()
        axes.plot(*outline.T, color="black", linewidth=1)
    axes.set_xlim(centre[0] - WINDOW, centre[0] + WINDOW)
    axes.set_ylim(centre[1] - WINDOW, centre[1] + WINDOW)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal")
    gone = 1.0 - float(shown.mean()) if len(points) else 1.0
    largest = "not finite" if found["largest"] is None else f"{found['largest']:.2g}"
    axes.set_xlabel(f"{gone:.0%} beyond the frame\nlargest |x| {largest}", fontsize=8)
