"""The study's tables, Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.robustness import claims
from studies.robustness.suite import GROUPS
from studies.robustness.verdicts import Verdict, focus

__all__ = [
    "ablations",
    "arms",
    "certificate_layers",
    "certificates",
    "explosions",
    "onsets",
    "places",
    "quality",
    "round_trips",
    "scores",
    "table",
    "toys",
    "verdicts",
]

Measured = Mapping[str, Any]
NAMES = {
    "photo": "photographs",
    "corruption": "corrupted photographs",
    "hostile": "hostile",
    "adversarial": "adversarial",
}
SCORES = {
    "energy": "the model's own (`ood-check`)",
    "probability": "the artifact probability of `ood-check`",
    "mean": "mean of its map",
    "p99": "99th percentile of its map",
    "share": "share of its map beyond the threshold",
    "unusual": "two-sided",
    "embedding_mean": "flow's features, mean",
    "embedding_p99": "flow's features, 99th percentile",
}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(_line(line) for line in lines) + "\n"


def verdicts(found: Sequence[Verdict]) -> str:
    """Statements, what was found, and whether they hold."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = [(each.statement, each.found, words[each.holds]) for each in found]
    heads = [("what", "found", "holds"), ("---", "---", "---")]
    return "\n".join(_line(line) for line in (*heads, *rows)) + "\n"


def arms(study: Measured) -> str:
    """What the models are."""
    return table(
        ("model", "flow", "parameters", "weights (SHA-256)"),
        [
            (f"`{a['name']}`", a["label"], f"{a['parameters']:,}", f"`{a['sha256'][:12]}`")
            for a in study["arms"]
        ],
    )


def explosions(study: Measured) -> str:
    """Shares of errors and largest |x| for every arm and group, temperatures across."""
    rows = claims.explosions(study)
    levels = list(study["settings"]["temperatures"])
    lines = []
    for group in GROUPS:
        for arm in study["arms"]:
            own = {r.temperature: r for r in rows if (r.arm, r.group) == (arm["name"], group)}
            if own:
                cells = [_explosion(own.get(level)) for level in levels]
                inputs = max(row.images for row in own.values())
                lost = sum(row.nonfinite for row in own.values())
                shown = own.get(focus(study))
                seen = "-" if shown is None or shown.lr_psnr is None else f"{shown.lr_psnr:.1f}"
                model = f"`{arm['name']}`"
                lines.append((NAMES[group], model, str(inputs), *cells, f"{lost:,}", seen))
    heads = ["inputs", "model", "samples", *(f"T = {level:g}" for level in levels)]
    return table([*heads, "not finite", f"LR-PSNR, T = {focus(study):g}"], lines)


def onsets(study: Measured) -> str:
    """From which temperature on each arm has error images, by group of inputs."""
    lines = []
    for group in GROUPS:
        for arm in study["arms"]:
            found = claims.onset(study, arm["name"], group)
            if not found["inputs"]:
                continue
            start = found["lowest_temperature"]
            lines.append(
                (
                    NAMES[group],
                    f"`{arm['name']}`",
                    "none" if start is None else f"{start:g}",
                    f"{found['inputs_with_errors']} of {found['inputs']}",
                )
            )
    return table(("inputs", "model", "error images from T =", "inputs with any"), lines)


def scores(study: Measured, arm: str) -> str:
    """How well each score foretells an arm's errors, temperatures across."""
    levels = list(study["settings"]["temperatures"])
    found = {level: claims.scores(study, arm, level) for level in levels}
    names = list(dict.fromkeys(row["score"] for rows in found.values() for row in rows))
    lines = []
    for name in names:
        cells = []
        for level in levels:
            row = next(r for r in found[level] if r["score"] == name)
            cells.append(f"{_number(row['auroc'])} / {_number(row['rho'])}")
        row = next(r for r in found[focus(study)] if r["score"] == name)
        lines.append((SCORES.get(name, name), *cells, _number(row["within"])))
    heads = [
        "score",
        *(f"T = {level:g}" for level in levels),
        f"within groups, T = {focus(study):g}",
    ]
    return table(heads, lines)


def places(study: Measured, arm: str) -> str:
    """How well the score's map foretells cells with errors."""
    rows = [row for t in study["settings"]["temperatures"] for row in claims.places(study, arm, t)]
    return table(
        ("map", "T", "cells", "error cells", "AUROC"),
        [
            (
                "flow's features" if row["map"] == "embedding" else f"layer `{row['map']}`",
                f"{row['temperature']:g}",
                f"{row['cells']:,}",
                f"{row['error_cells']:,}",
                _number(row["auroc"]),
            )
            for row in rows
        ],
    )


def quality(study: Measured) -> str:
    """The arms in distribution."""
    return table(
        (
            "method",
            "T",
            "PSNR-Y dB",
            "SSIM-Y",
            "LPIPS Alex, worst offset",
            "LPIPS Squeeze",
            "LR-PSNR dB",
            "S10 %",
        ),
        [
            (
                row["method"],
                "-" if row["temperature"] is None else f"{row['temperature']:g}",
                f"{row['psnr_y']:.2f}",
                f"{row['ssim_y']:.3f}",
                f"{row['lpips_alex_worst']:.3f}",
                f"{row['lpips_squeeze']:.3f}",
                f"{row['lr_psnr']:.1f}",
                f"{row['diversity_s10']:.1f}",
            )
            for row in study["quality"]
        ],
    )


def certificates(study: Measured) -> str:
    """Bound, what was found, and their ratio."""
    return table(
        (
            "model",
            "T",
            "bound on detail",
            "found: suite and attacks",
            "over pictures",
            "over features",
            "found / bound",
        ),
        [
            (
                f"`{row['arm']}`",
                f"{row['temperature']:g}",
                _bound(row),
                _size(row["suite"], row["nonfinite"]),
                _size(row["found_input"]),
                _size(row["found_features"]),
                "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
            )
            for row in claims.certificates(study)
        ],
    )


def _bound(row: Measured) -> str:
    if row["bound"] is not None:
        return f"{row['bound']:.3g}"
    if not row["unbounded_layers"]:
        return "none: beyond float32"
    return f"none: factor up to 1e{row['log10_gain']:.0f}"


def certificate_layers(study: Measured) -> str:
    """The same layer by layer, for the models that have a bound, at their highest temperature."""
    rows = {row["arm"]: row for row in claims.certificates(study) if row["bound"] is not None}
    heads = "model", "after the inverse of", "bound", "over pictures", "over features"
    return table(
        (*heads, "found / bound"),
        [
            (
                f"`{arm}`",
                line["layer"],
                _size(line["bound"]),
                _size(line["found_input"]),
                _size(line["found_features"]),
                f"{line['ratio']:.2f}",
            )
            for arm, row in rows.items()
            for line in row["layers"]
        ],
    )


def round_trips(study: Measured) -> str:
    """The worst error of a round trip for each limit on the splines."""
    return table(
        ("smallest bin (share of the box), slopes up to", "worst error, float32"),
        [(row["limit"], _size(row["worst"])) for row in study["round_trips"]],
    )


def toys(study: Measured) -> str:
    """The two-dimensional flows: likelihood in range, reach by the condition's distance."""
    found = study["toy"]
    radii = [row["radius"] for row in next(iter(found.values()))["radii"]]
    chosen = [i for i, radius in enumerate(radii) if radius in (0.5, 2.0, 4.0, 8.0, 16.0)]
    return table(
        ("flow", "NLL in range", *(f"distance {radii[i]:g}" for i in chosen)),
        [
            (
                name.replace("_", " "),
                f"{toy['loss']:.3f}",
                *(_size(toy["radii"][i]["largest"], toy["radii"][i]["nonfinite"]) for i in chosen),
            )
            for name, toy in found.items()
        ],
    )


def ablations(study: Measured) -> str:
    """The tiny models at the end of their training."""
    lines = []
    for row in study["ablations"]:
        sizes = [_asked(each) for group in ("photographs", "hostile") for each in row[group]]
        bound = "none" if row["bound"] is None else f"{row['bound']:.3g}"
        lines.append((row["name"], f"{row['nll']:.3f}", *sizes, bound))
    levels = [f"T = {each['temperature']:g}" for each in study["ablations"][0]["hostile"]]
    heads = [f"{group}, {level}" for group in ("photographs", "hostile") for level in levels]
    return table(("tiny model", "NLL, nats a value", *heads, "bound"), lines)


def _line(cells: Sequence[str]) -> str:
    """A row; the bars of |x| must not end its cells."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _asked(found: Measured) -> str:
    return f"{_size(found['largest_detail'])} ({found['error_images']} of {found['images']})"


def _explosion(row: claims.Explosions | None) -> str:
    if row is None:
        return "-"
    pixels = 100 * row.error_pixels
    return f"{100 * row.error_images:.0f} % / {pixels:.2g} % / {_size(row.largest)}"


def _size(value: float | None, nonfinite: int = 0) -> str:
    if value is None or nonfinite:
        return "not finite"
    if 1e-3 <= value < 1e4:
        return f"{value:.2f}" if value < 100 else f"{value:,.0f}"
    return f"{value:.0e}".replace("e+", "e")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
