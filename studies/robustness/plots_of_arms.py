"""Figures of the models under study: where they explode, what foretells it, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.robustness import claims
from studies.robustness.palette import look
from studies.robustness.verdicts import focus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["corruptions", "explosions", "onset", "prediction", "quality"]

Measured = Mapping[str, Any]
TITLES = {
    "photo": "photographs as in training",
    "corruption": "corrupted photographs",
    "hostile": "hostile inputs",
    "adversarial": "adversarial inputs",
}
CEILING = 1e38
"""Where values that are not finite are drawn: float32 ends here."""


def explosions(study: Measured) -> Figure:
    """The largest |x| of every hostile and adversarial input, from T = 0 to the highest."""
    from matplotlib.figure import Figure

    arms = [arm["name"] for arm in study["arms"]]
    rows = _rows(study)
    figure = Figure(figsize=(7.5, 0.19 * len(rows) + 1.6), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(1e-2, 1.5, color="0.93", zorder=0)
    for offset, arm in zip(np.linspace(-0.17, 0.17, len(arms)), arms, strict=True):
        style = look(study, arm)
        for place, name in enumerate(rows):
            sizes = rows[name].get(arm)
            if sizes:
                y = place + offset
                axes.plot([min(sizes), max(sizes)], [y, y], color=style.color, linewidth=2)
                axes.plot(max(sizes), y, style.marker, color=style.color, markersize=4)
        axes.plot([], [], style.marker + "-", color=style.color, label=arm)
    axes.set_xscale("log")
    axes.set_xlim(0.5, None)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    levels = study["settings"]["temperatures"]
    axes.set_xlabel("largest |x| before the limiter (grey: no error pixel)")
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(arms),
        frameon=False,
        title=f"line: T = {min(levels):g} to {max(levels):g}, marker: the largest",
    )
    return figure


def onset(study: Measured) -> Figure | None:
    """Share of error images against the temperature, a panel for each group that has any.

    Groups of a few inputs have no share: those that attacks ended with are left out.
    """
    from matplotlib.figure import Figure

    rows = [row for row in claims.explosions(study) if row.group != "adversarial"]
    groups = [g for g in TITLES if any(row.group == g and row.error_images > 0 for row in rows)]
    if not groups:
        return None
    figure = Figure(figsize=(9.5, 3.0), layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, group in zip(panels, groups, strict=True):
        for arm in study["arms"]:
            own = [r for r in rows if r.arm == arm["name"] and r.group == group]
            style = look(study, arm["name"])
            axes.plot(
                [row.temperature for row in own],
                [100.0 * row.error_images for row in own],
                style.line,
                marker=style.marker,
                color=style.color,
                label=arm["name"],
                markersize=5,
                clip_on=False,
            )
        axes.set_title(TITLES[group], fontsize=9)
        axes.set_xlabel("temperature")
        axes.set_xlim(-0.05, 1.05)
        axes.set_ylim(0, 100)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("error images, %")
    _legend(figure, panels[0])
    return figure


def corruptions(study: Measured) -> Figure | None:
    """Share of error images for every corruption and severity, a panel for each arm."""
    from matplotlib.figure import Figure

    temperature = focus(study)
    tables = {arm["name"]: claims.rates(study, arm["name"], temperature) for arm in study["arms"]}
    shares = [
        share for table in tables.values() for row in table.values() for share in row.values()
    ]
    if not all(tables.values()) or not any(shares):
        return None
    figure = Figure(figsize=(1.2 + 3.3 * len(tables), 3.9), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    image = None
    for axes, (arm, table) in zip(panels, tables.items(), strict=True):
        kinds, severities = list(table), sorted(next(iter(table.values())))
        shares = np.array([[100.0 * table[k][s] for s in severities] for k in kinds])
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            color = "black" if share > 55 else "white"
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=color)
        axes.set_xticks(range(len(severities)), [str(s) for s in severities])
        axes.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
        axes.set_xlabel("severity")
        axes.set_title(f"{arm}, T = {temperature:g}", fontsize=9)
    if image is not None:
        figure.colorbar(image, ax=list(panels), label="error images, %")
    return figure


def prediction(study: Measured) -> Figure | None:
    """Error probability against the score: of images, and of cells of 4 x 4 pixels."""
    from matplotlib.figure import Figure

    temperature = focus(study)
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for arm in study["arms"]:
        found, hits, _ = claims.images(study, arm["name"], temperature)
        if not len(hits):
            return None
        style = look(study, arm["name"])
        binned = claims.score_bins(found["energy"], hits)
        _curve(left, binned, style, arm["name"])
        cells = claims.place_bins(study, arm["name"], temperature, arm["score"])
        _curve(right, cells, style, arm["name"])
    left.set_ylim(-2, 102)
    left.set_ylabel("error images, %")
    left.set_xlabel("score of the image (bins of equal count)")
    right.set_ylabel("error cells, %")
    right.set_xlabel("score of the place")
    right.set_yscale("symlog", linthresh=0.01)
    right.set_ylim(-0.002, 120)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.grid(alpha=0.3)
    # Of places: an image's score may be another summary than their mean.
    right.axvline(1.0, color="0.6", linewidth=0.8)
    right.annotate(
        "training average", (1.0, 60), xytext=(3, 0), textcoords="offset points", fontsize=7
    )
    _legend(figure, left, f"T = {temperature:g}")
    return figure


def quality(study: Measured) -> Figure | None:
    """The arms in distribution against the temperature: PSNR, LPIPS, diversity, LR-PSNR."""
    from matplotlib.figure import Figure

    if not study["quality"]:
        return None
    shown = {
        "psnr_y": "PSNR-Y, dB (higher is better)",
        "lpips_squeeze": "LPIPS, SqueezeNet (lower)",
        "diversity_s10": "diversity S10, % (higher)",
        "lr_psnr": "LR-PSNR, dB, unprojected (higher)",
    }
    figure = Figure(figsize=(9.5, 2.9), layout="constrained")
    panels = figure.subplots(1, len(shown))
    for axes, (key, title) in zip(panels, shown.items(), strict=True):
        for arm in study["arms"]:
            own = [row for row in study["quality"] if row["method"] == arm["name"]]
            style = look(study, arm["name"])
            axes.plot(
                [row["temperature"] for row in own],
                [row[key] for row in own],
                style.line,
                marker=style.marker,
                color=style.color,
                label=arm["name"],
                markersize=5,
            )
        axes.set_title(title, fontsize=8)
        axes.set_xlabel("temperature")
        axes.grid(alpha=0.3)
    _legend(figure, panels[0])
    return figure


def _rows(study: Measured) -> dict[str, dict[str, list[float]]]:
    """Input to arm to the largest |x| at each temperature, hostile inputs first."""
    rows: dict[str, dict[str, list[float]]] = {}
    for arm, found in study["measurements"].items():
        for each in found["inputs"]:
            if each["group"] in ("hostile", "adversarial"):
                name = each["name"]
                if each["group"] == "adversarial":
                    name = f"adversarial, {each['kind']}"
                sizes = rows.setdefault(name.replace("_", " "), {}).setdefault(arm, [])
                for level in each["levels"]:
                    wrong = level["nonfinite"] > 0 or level["largest"] is None
                    sizes.append(CEILING if wrong else max(level["largest"], 0.5))
    return rows


def _curve(axes: Axes, binned: list[claims.ScoreBin], style: Any, label: str) -> None:
    axes.plot(
        [each.score for each in binned],
        [100.0 * each.probability for each in binned],
        style.line,
        marker=style.marker,
        color=style.color,
        label=label,
        markersize=4,
        linewidth=1.2,
    )


def _legend(figure: Figure, axes: Axes, title: str | None = None) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=len(labels),
        frameon=False,
        title=title,
    )
