"""One restoration as a section of the page: the stage, its controls, the figures beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from restoreflow.errors import shown
from restoreflow.reports.entries import RestorationEntry, RestorationFacts
from restoreflow.reports.legend import HeatScale, legend, number
from restoreflow.reports.markup import Markup, join, tag
from restoreflow.reports.previews import Previews
from restoreflow.reports.restoration_layers import (
    MapLayer,
    View,
    map_layers,
    pictures,
    sample_names,
    views,
)

__all__ = ["restoration_section"]

_FLATTEST, _TALLEST = 4.0, 0.5  # the stage's proportions; thinner pictures get room beside them
_ZOOMS = (("fit", "Fit"), ("1", "1:1"), ("2", "2:1"), ("4", "4:1"))


def restoration_section(
    entry: RestorationEntry,
    number_: int,
    previews: Previews | None,
    spread: HeatScale,
    score: HeatScale,
) -> Markup:
    """An `<article>` with id `picture-{number_}`.

    Args:
        previews: None leaves the pictures out and says so.
        spread, score: the heat maps' fixed scales.
    """
    path, label = PurePath(shown(entry.file)), f"picture-{number_}-name"
    folder = None if str(path.parent) == "." else tag("p", {"class": "folder"}, str(path.parent))
    heading = tag("h2", {"id": label}, tag("bdi", None, path.name))
    head = tag("header", None, heading, folder)
    beside = tag("aside", {"aria-label": "Figures"}, _figures(entry))
    attributes = {"class": "entry", "id": f"picture-{number_}", "aria-labelledby": label}
    if previews is None:
        note = "Without pictures: the page would grow too large. The files hold them."
        return tag("article", attributes, head, tag("p", {"class": "missing"}, note), beside)
    shown_views, maps = views(entry, previews), map_layers(entry, spread, score)
    stage = _stage(entry, shown_views, maps, previews)
    controls = _controls(entry, f"p{number_}", shown_views, maps)
    main = tag("div", {"class": "main"}, stage, controls, *_legends(maps))
    return tag("article", attributes, head, main, beside)


def _stage(
    entry: RestorationEntry, shown_views: list[View], maps: list[MapLayer], previews: Previews
) -> Markup:
    width, height = entry.samples[0].size
    ratio = min(_FLATTEST, max(_TALLEST, width / height))
    name = shown(entry.file)
    canvases = (
        tag(
            "div",
            {
                "class": "canvas",
                "data-view": view.key,
                "data-width": view.width,
                "hidden": index > 0,
                "style": f"--ratio:{view.width / view.height:.5f}",
            },
            *pictures(entry, view, maps, previews),
        )
        for index, view in enumerate(shown_views)
    )
    viewport = {"class": "viewport", "role": "group", "aria-label": f"Before and after, {name}"}
    divider = {
        "class": "divider",
        "role": "slider",
        "tabindex": "0",
        "aria-label": f"Divider between before and after, {name}",
        "aria-orientation": "horizontal",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": "50",
        "aria-valuetext": "50 % before",
    }
    return tag(
        "div",
        {"class": "stage", "style": f"--ratio:{ratio:.5f};--width:{shown_views[0].width}px"},
        tag("div", viewport, *canvases),
        tag("span", {"class": "tag left", "aria-hidden": "true"}, "Before"),
        tag("span", {"class": "tag right", "aria-hidden": "true"}, "After"),
        tag("div", divider, tag("span", {"class": "grip"})),
    )


def _controls(
    entry: RestorationEntry, group: str, shown_views: list[View], maps: list[MapLayer]
) -> Markup:
    rows: list[Markup] = []
    results = sample_names(entry)
    if len(results) > 1:
        single = len(entry.samples) == 1
        short = [(key, "Mean" if key == "mean" else key) for key, _, _ in results]
        short = [(key, "Sample" if single and key == "1" else label) for key, label in short]
        rows.append(_choice("Sample" if not single else "Result", "sample", group, short))
    if maps:
        options = [("none", "None"), *((m.key, _OVERLAYS[m.key]) for m in maps)]
        rows.append(_choice("Heat map", "map", group, options))
    if len(shown_views) > 1:
        labels = {"whole": "Whole", "detail": "Detail"}
        rows.append(_choice("View", "view", group, [(v.key, labels[v.key]) for v in shown_views]))
    rows.append(_choice("Zoom", "zoom", group, _ZOOMS))
    check = tag("input", {"type": "checkbox", "data-control": "pixelated"})
    rows.append(tag("label", {"class": "check"}, check, "Hard pixels"))
    note = _reduction(entry, shown_views)
    return join([tag("div", {"class": "controls"}, *rows), note])


_OVERLAYS = {"spread": "Spread", "score": "Unlikeness"}


def _reduction(entry: RestorationEntry, shown_views: list[View]) -> Markup | None:
    share = 100 * shown_views[0].width / entry.full_size[0]
    words = f"The whole is a preview at {share:.2g} % of full size; "
    if entry.reduced:
        return tag("p", {"class": "note"}, words + "the result's own file holds all of it.")
    if len(shown_views) == 1:
        return None
    where = "where the samples differ most" if _differs(entry) else "where there is most contrast"
    return tag("p", {"class": "note"}, f"{words}the detail is at full size, {where}.")


def _differs(entry: RestorationEntry) -> bool:
    return entry.uncertainty is not None and bool((entry.uncertainty > 0).any())


def _choice(title: str, control: str, group: str, options: Iterable[tuple[str, str]]) -> Markup:
    labels = (
        tag(
            "label",
            None,
            tag(
                "input",
                {
                    "type": "radio",
                    "name": f"{group}-{control}",
                    "value": value,
                    "checked": index == 0,
                    "data-control": control,
                },
            ),
            tag("span", None, label),
        )
        for index, (value, label) in enumerate(options)
    )
    legend_ = tag("legend", None, title)
    return tag("fieldset", None, legend_, tag("div", {"class": "segments"}, *labels))


def _legends(maps: list[MapLayer]) -> Iterator[Markup]:
    for layer in maps:
        figures = layer.figures
        facts = (("Mean", figures.mean), ("99 % below", figures.high), ("largest", figures.largest))
        numbers = [f"{name} {number(value)}" for name, value in facts]
        if figures.nonfinite:
            numbers.append(f"{figures.nonfinite:,} values are not numbers")
        attributes = {"class": "legend", "data-legend": layer.key, "hidden": True}
        bar = legend(layer.scale, nonfinite=figures.nonfinite > 0)
        strength = tag(
            "label",
            {"class": "strength"},
            "Strength",
            tag(
                "input",
                {"type": "range", "min": 20, "max": 100, "value": 80, "data-control": "strength"},
            ),
        )
        words = tag("p", None, ", ".join(numbers) + ".")
        yield tag("div", attributes, tag("div", {"class": "bar"}, bar), words, strength)


def _figures(entry: RestorationEntry) -> Markup:
    facts = entry.facts
    before, (width, height) = entry.before, entry.full_size
    size = f"{before.width} × {before.height} → {width} × {height}"
    rows = [("Size", size), *_settings(facts), *_measures(facts, len(entry.samples))]
    items = (
        tag("div", {"class": kind or None}, tag("dt", None, name), tag("dd", None, value))
        for name, value, kind in ((*row, "")[:3] for row in rows)
    )
    notes = [*_judgement(facts), *facts.notes]
    listed = tag("ul", {"class": "notes"}, *(tag("li", None, x) for x in notes)) if notes else None
    return join([tag("dl", None, *items), listed])


def _settings(facts: RestorationFacts) -> Iterator[tuple[str, ...]]:
    yield "Model", facts.model
    yield "Temperature", f"{facts.temperature:g}"
    yield "Seed", str(facts.seed)
    if facts.consistency is not None:
        onto = {"estimate": "onto its clean estimate"}.get(facts.consistent_with, "onto the input")
        yield "Projected", onto if facts.consistency else "no"


def _measures(facts: RestorationFacts, samples: int) -> Iterator[tuple[str, ...]]:
    if facts.lr_psnr is not None:
        yield "LR-PSNR", f"{facts.lr_psnr:.1f} dB"
    if facts.lr_psnr_clean is not None:
        yield "LR-PSNR to clean estimate", f"{facts.lr_psnr_clean:.1f} dB"
    yield "Error pixels", f"{facts.error_pixels:,}", "warn" if facts.error_pixels else ""
    if facts.nonfinite:
        yield "Not finite", f"{facts.nonfinite:,}", "warn"
    if facts.largest_detail is not None:
        yield "Largest detail", number(facts.largest_detail)
    if facts.rank is not None:
        yield "Unlike", f"{facts.rank:.3g} of 100", "warn" if facts.flagged else ""
    if facts.probability is not None:
        yield "Artifacts", f"{100 * facts.probability:.0f} %"
    many = f"{facts.seconds:.1f} s" + (f" for {samples} samples" if samples > 1 else "")
    yield "Time", many + (f", {facts.device}" if facts.device else "")


def _judgement(facts: RestorationFacts) -> Iterator[str]:
    """What is to be said of the input, a sentence an answer."""
    if facts.flagged:
        reasons = ", ".join(facts.reasons)
        yield "Unlike the training photographs" + (f": {reasons}." if reasons else ".")
    if facts.suffers:
        yield f"The input suffers from {', '.join(facts.suffers)}."
    if facts.advice:
        yield f"{facts.verdict}: {facts.advice}."
