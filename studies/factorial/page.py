"""The factorial as a Markdown page."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.factorial import claims
from studies.factorial.claims import AFFINE, OURS, PAPER, SHIPPED
from studies.factorial.forms import TIERS
from studies.factorial.inputs import GROUPS
from studies.factorial.predictors import NAMES
from studies.factorial.statistics import (
    ERRORS,
    THRESHOLDS,
    Estimate,
    Outcome,
    auroc,
    foresight,
    frozen,
    logistic_slope,
    rate,
    table,
)

__all__ = ["PAGE", "page"]

PAGE = "README.md"
Results = Mapping[str, Any]
OUTCOMES: tuple[Outcome, ...] = (ERRORS, *THRESHOLDS)
HEADS = {
    "photographs": "Photographs as in training",
    "corrupted": "Corrupted photographs",
    "patterns": "Patterns",
    "other": "Screenshots, drawings, scans, medical pictures, the sky",
}


def page(results: Results, figures: Sequence[str], command: str) -> str:
    """The page's text.

    Args:
        results: of `results.gathered`.
        figures: names of PNG files that lie beside it.
        command: what it is written by.
    """
    parts = [
        _introduction(results, command),
        _missing(results),
        "## What holds and what does not\n",
        _verdicts(results),
        "## What explodes\n",
        _rates_words(),
        *(_rates(results, group) for group in GROUPS),
        _figure(figures, "picture", "A photograph with a checkered patch"),
        "## Likelihood, and errors along training\n",
        _along(results),
        _figure(figures, "along", "Largest detail on patterns along training"),
        "## Why: slopes, and growth layer by layer\n",
        _figure(figures, "slopes", "Slopes in and out of distribution"),
        _figure(figures, "growth", "Growth layer by layer"),
        "## What foretells it\n",
        _foresight(results),
        _figure(figures, "reliability", "Reliability of a probability learnt on the other half"),
        _method(results),
    ]
    return "\n".join(part for part in parts if part)


def _introduction(results: Results, command: str) -> str:
    arms = list(dict.fromkeys(run["arm"] for run in results["runs"]))
    return f"""# What keeps a conditional flow from exploding?

{_first(results)}

Hong, Park and Chun, "On the Robustness of Normalizing Flows for Inverse Problems in Imaging" (ICCV
2023), say that conditional flows with affine couplings explode on inputs unlike their training set,
that the Mahalanobis distance of the features foretells it, and that their spline cures it at no
cost. Here small flows for x4 super-resolution differ in the element-wise map of couplings and
injector and in nothing else: one mean image, one first weights as far as shapes allow, one order of
the data, one number of steps, likelihood alone. There is no range penalty, which trains explosions
away whatever the form, no drawing among the photographs, no other loss; tests compare the
configurations, the first weights and the batches. {len(arms)} flows are compared here, the affine
ones also with their slopes kept above 1 / e after training, which costs nothing.

*Detail* is what a sample has beyond the mean image, before the limiter, in units of the image
range. An *error image* has a pixel that is not finite or outside [-0.5, 1.5] before the limiter, at
any temperature of the column. Every percentage has its count, and in brackets where 95 % of
bootstrap samples lie that draw photographs (each with all that was made of it) and seeds again;
where nothing or everything fails, the exact bound of as many independent photographs. Of flows with
one seed the interval is over photographs alone, and says nothing of other seeds.

    {command}

The same command goes on where it stopped. Numbers: [results.json](results.json).
"""


def _first(results: Results) -> str:
    """What the set of real pictures says, first of all."""
    words = []
    for arm in (AFFINE, PAPER, OURS, SHIPPED):
        cells = []
        for outcome, name in ((ERRORS, "an error pixel"), (10.0, "|detail| beyond 10")):
            found = table(results, arm.name, "other", outcome, True)
            if found is not None:
                got = rate(found)
                cells.append(f"{name} on {got.hits} of {got.size}")
        if cells:
            words.append(f"{arm.name}: {', '.join(cells)}")
    if not words:
        return (
            "Real pictures of other kinds (`python -m studies.others`) were not asked about: all "
            "that is out of distribution here is corrupted or a pattern."
        )
    return _filled(f"On real pictures of other kinds, samples at T > 0: {'; '.join(words)}.")


def _missing(results: Results) -> str:
    missing = [(arm, seed) for arm, seed in results["missing"]]
    if not missing:
        return "Nothing that was planned is missing.\n"
    done = len([r for r in results["runs"] if r.get("marks")])
    seeds: dict[str, list[str]] = {}
    for arm, seed in missing:
        seeds.setdefault(arm, []).append(str(seed))
    wanted = [arm.name for tier in TIERS[:2] for arm in tier]
    lines = [
        f"**Missing**: {len(missing)} of the {len(missing) + done} trainings that are planned."
    ]
    lines += [f"{arm}: seeds {', '.join(seeds[arm])}." for arm in wanted if arm in seeds]
    others = len(seeds.keys() - set(wanted))
    if others:
        lines.append(f"All other pairs of forms, shifts bounded and not: {others} flows.")
    lines.append(
        "Arms of shipped size, and the shipped recipe with its penalty, are not planned yet."
    )
    return "\n".join(["", *(f"- {line}" for line in lines), ""])


def _verdicts(results: Results) -> str:
    found = claims.contrasts(results)
    parts = []
    if found:
        heads = ["flows", "inputs"]
        heads += [word for _, name in claims.OUTCOMES for word in (f"{name}, difference", "holds")]
        rows = [
            (
                x.statement,
                x.group,
                *(cell for v in x.verdicts for cell in (v.figure, _bold(v.verdict))),
            )
            for x in found
        ]
        parts.append(f"Of all inputs at any temperature above 0:\n\n{_table(heads, rows)}")
    told = [(x.statement, x.figure, _bold(x.verdict)) for x in claims.verdicts(results)]
    if told:
        parts.append(_table(("statement", "figure", "holds"), told))
    return "\n".join(parts)


def _bold(verdict: str) -> str:
    return "**no**" if verdict == "no" else verdict


def _filled(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _rates_words() -> str:
    return """Shares of n, inputs times seeds: T = 0 | any temperature above 0. |detail|
beyond 0.5 is common at T = 1 and no explosion; beyond 10 nothing is a picture any more.
"""


def _rates(results: Results, group: str) -> str:
    lines = []
    for arm in dict.fromkeys(run["arm"] for run in results["runs"]):
        cells, asked = [], 0
        for outcome in OUTCOMES:
            pair = [table(results, arm, group, outcome, warm) for warm in (False, True)]
            if pair[0] is None or pair[1] is None:
                break
            estimates = [rate(each) for each in pair if each]
            cells.append(" \\| ".join(_percent(each) for each in estimates))
            asked = estimates[0].size
        if cells:
            seeds = sum(run["arm"] == arm for run in results["runs"])
            largest = _largest(results, arm, group)
            lines.append((arm, str(seeds), str(asked), *cells, largest))
    if not lines:
        return ""
    heads = ["coupling / injector", "seeds", "n", "error images"]
    heads += [f"detail > {threshold:g}" for threshold in THRESHOLDS]
    inputs = sum(x["group"] == group for x in results["inputs"])
    return f"### {HEADS[group]}, {inputs}\n\n{_table([*heads, 'largest'], lines)}"


def _largest(results: Results, arm: str, group: str) -> str:
    part = "others" if group == "other" else "end"
    names = {x["name"] for x in results["inputs"] if x["group"] == group}
    sizes, lost = [0.0], 0
    for run in results["runs"]:
        if run["arm"] == arm and run.get(part):
            for name, rows in run[part]["outcomes"].items():
                if name in names:
                    sizes += [row[0] for row in rows]
                    lost += sum(row[1] for row in rows)
    return f"{_size(max(sizes))}{', and not finite' if lost else ''}"


def _along(results: Results) -> str:
    lines = []
    for arm in dict.fromkeys(run["arm"] for run in results["runs"]):
        runs = [run for run in results["runs"] if run["arm"] == arm and run.get("marks")]
        if not runs:
            continue
        cells = []
        for index, _ in enumerate(results["settings"]["marks"]):
            marks = [run["marks"][index] for run in runs]
            nll = [np.mean([v for v in mark["nll"].values() if v is not None]) for mark in marks]
            spread = f" ± {np.std(nll, ddof=1):.3f}" if len(nll) > 1 else ""
            wrong = [_errors(results, mark) for mark in marks]
            cells.append(f"{np.mean(nll):.3f}{spread}; {_counts(wrong)}")
        lines.append((arm, str(len(runs)), *cells))
    heads = ["coupling / injector", "seeds"]
    heads += [f"{steps} steps" for steps in results["settings"]["marks"]]
    return f"""Negative log-likelihood of photographs, nats a value, ± the deviation over seeds;
then error images among photographs and among patterns at any temperature, seed by seed.

{_table(heads, lines)}"""


def _errors(results: Results, mark: Mapping[str, Any]) -> tuple[int, int]:
    groups = {x["name"]: x["group"] for x in results["inputs"]}
    found = {"photographs": 0, "patterns": 0}
    for name, rows in mark["outcomes"].items():
        if groups[name] in found:
            found[groups[name]] += any(wrong > 0 for _, _, wrong in rows)
    return found["photographs"], found["patterns"]


def _counts(found: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{photographs}+{patterns}" for photographs, patterns in found)


def _foresight(results: Results) -> str:
    parts = [
        """Logarithms of scores against error images at any temperature. *Within*: each group of
inputs with its own odds, so that telling patterns from photographs counts for nothing. The slope is
what a deviation of the score adds to the log-odds. Thresholds were chosen on one half of the
photographs and of the kinds of corruption, and judged on the other half, the patterns and the
pictures of other kinds: the share of error images that they catch, and of others that they spare.
"""
    ]
    for arm in (AFFINE, PAPER, OURS):
        lines = []
        for score, words in NAMES.items():
            found = foresight(results, arm.name, score, ERRORS)
            if found is None or found.outcomes.all() or not found.outcomes.any():
                break
            inner = [_auroc(found.at(found.groups == group)) for group in GROUPS]
            told = frozen(found)
            ends = ("-", "-") if told is None else (_share(told.caught), _share(told.spared))
            slopes = [_number(logistic_slope(found, within)) for within in (False, True)]
            lines.append((words, _auroc(found), *inner, *slopes, *ends))
        if lines:
            heads = ["score", "AUROC, all", *(f"within {group}" for group in GROUPS)]
            heads += ["slope", "slope within", "caught", "spared"]
            parts.append(f"{arm.name}:\n\n{_table(heads, lines)}")
    return "\n".join(parts)


def _auroc(found: Any) -> str:
    if not len(found.outcomes) or found.outcomes.all() or not found.outcomes.any():
        return "-"
    told = auroc(found)
    return f"{told.value:.2f} ({told.low:.2f}-{told.high:.2f})"


def _method(results: Results) -> str:
    s = results["settings"]
    halves = [
        sum(x["group"] == "corrupted" and x["half"] == half for x in results["inputs"])
        for half in (0, 1)
    ]
    temperatures = ", ".join(f"{t:g}" for t in s["temperatures"])
    return f"""## What was measured

- Flows of four couplings on features of 24 channels, {s["steps"]} steps of batches of {s["batch"]}
  patches of {s["patch"]} pixels, from {s["train_photos"]} photographs; weights averaged. They are
  small: nothing here is said of flows trained for days.
- {s["photos"]} photographs that nothing learnt from, cut to {s["photo_side"]} pixels and reduced by
  bicubic; five kinds of corruption of each: {halves[0]} inputs in the half that thresholds are
  chosen on, {halves[1]} in the other, of other photographs and kinds; patterns of
  {s["hostile_side"]} pixels, some made of a photograph.
- One sample of each at T = {temperatures}, from the seed's latent.
- Pictures of other kinds: of each the part of up to 48 pixels in which values vary the most, see
  [data](../data.md).
- The score's Gaussian is fitted to the features of the training crops, for each flow its own.
"""


def _figure(figures: Sequence[str], name: str, title: str) -> str:
    return f"![{title}]({name}.png)\n" if name in figures else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(_barred(cell) for cell in line)} |\n" for line in lines)


def _barred(cell: str) -> str:
    """Bars of |x| must not end a cell; those that are escaped are left."""
    return cell.replace("\\|", "\0").replace("|", "\\|").replace("\0", "\\|")


def _share(found: Estimate) -> str:
    if not found.size:
        return "-"
    return f"{_percent(found)} of {found.size}"


def _percent(found: Estimate) -> str:
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f}-{100 * found.high:.0f})"


def _number(found: Estimate) -> str:
    return (
        "-" if math.isnan(found.value) else f"{found.value:.1f} ({found.low:.1f}-{found.high:.1f})"
    )


def _size(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0e}".replace("e+", "e")
