"""The pictures of one restoration, stacked: input, samples, heat maps; whole and a detail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from restoreflow.errors import shown
from restoreflow.reports.entries import RestorationEntry
from restoreflow.reports.legend import HeatScale, MapFigures, map_figures, number
from restoreflow.reports.markup import Markup, tag
from restoreflow.reports.previews import Previews, detail_box, embed, embed_map, fitted_size

__all__ = ["MapLayer", "View", "map_layers", "pictures", "sample_names", "views"]

_MAP_SHARE = 2  # a heat map's preview has half the picture's side: it is smooth


@dataclass(frozen=True)
class MapLayer:
    """A heat map to be laid over the result: a key, its scale, values and their figures."""

    key: str
    scale: HeatScale
    values: np.ndarray
    figures: MapFigures


@dataclass(frozen=True)
class View:
    """A part of the result as the page shows it.

    Attributes:
        key: "whole" or "detail".
        box: left, top, right, bottom in the result's pixels.
        width, height: of its preview; smaller than the box where it is reduced.
    """

    key: str
    box: tuple[int, int, int, int]
    width: int
    height: int


def map_layers(entry: RestorationEntry, spread: HeatScale, score: HeatScale) -> list[MapLayer]:
    """The heat maps an entry has."""
    found = (("spread", spread, entry.uncertainty), ("score", score, entry.score_map))
    return [
        MapLayer(key, scale, values, map_figures(values))
        for key, scale, values in found
        if values is not None
    ]


def sample_names(entry: RestorationEntry) -> list[tuple[str, str, Image.Image]]:
    """Key, name and picture of every result to choose from; the mean last."""
    count = len(entry.samples)
    names = [(str(k + 1), f"sample {k + 1} of {count}", x) for k, x in enumerate(entry.samples)]
    if entry.mean is not None:
        names.append(("mean", "mean estimate", entry.mean))
    return names


def views(entry: RestorationEntry, previews: Previews) -> list[View]:
    """The whole result, and where that had to be reduced a detail of it at full size, if known."""
    width, height = entry.samples[0].size
    whole = View("whole", (0, 0, width, height), *fitted_size(width, height, previews.max_side))
    if entry.reduced or (whole.width, whole.height) == (width, height):
        return [whole]
    step = max(1, round(width / entry.before.width))
    size = fitted_size(width, height, previews.detail_side)
    wide, high = (max(step, side // step * step) for side in size)
    wide, high = min(wide, width), min(high, height)
    box = detail_box(entry.samples[0], entry.uncertainty, wide, high, step)
    return [whole, View("detail", box, wide, high)]


def pictures(
    entry: RestorationEntry, view: View, maps: list[MapLayer], previews: Previews
) -> Iterator[Markup]:
    """The layers of one view, the lowest first: results, heat maps, and the input over them."""
    name = shown(entry.file)
    part = "" if view.key == "whole" else "Detail of "
    for index, (key, title, image) in enumerate(sample_names(entry)):
        alt = f"{part}{title} restored from {name}, {_size(*entry.full_size)}"
        classes = {"class": "layer after", "data-sample": key, "hidden": index > 0}
        yield _layer(classes, _cut(image, view), previews, alt, f"After: {title}")
    for layer in maps:
        values = layer.values[_rows_and_columns(layer.values.shape, entry, view)]
        preview = embed_map(values, layer.scale.maximum, max(previews.max_side // _MAP_SHARE, 320))
        figures = f"mean {number(layer.figures.mean)}, largest {number(layer.figures.largest)}"
        alt = f"{part}Heat map for {name}: {layer.scale.name}; {figures} {layer.scale.unit}"
        picture = tag("img", {"src": preview.url, "alt": alt})
        classes = {"class": "layer map", "data-map": layer.key, "hidden": True}
        yield tag("div", classes, picture, _caption(layer.scale.name))
    alt = f"{part}Input {name}, {_size(*entry.before.size)}"
    before = _cut_before(entry, view)
    yield _layer({"class": "layer before"}, before, previews, alt, "Before")


def _layer(
    attributes: dict[str, object], image: Image.Image, previews: Previews, alt: str, caption: str
) -> Markup:
    preview = embed(image, previews)
    picture = tag("img", {"src": preview.url, "alt": alt, "draggable": "false"})
    return tag("div", attributes, picture, _caption(caption))


def _caption(caption: str) -> Markup:
    return tag("span", {"class": "caption", "aria-hidden": "true"}, caption)


def _size(width: int, height: int) -> str:
    return f"{width} × {height} pixels"


def _cut(image: Image.Image, view: View) -> Image.Image:
    return image if view.box == (0, 0, *image.size) else image.crop(view.box)


def _scaled_box(width: int, height: int, entry: RestorationEntry, view: View) -> tuple[int, ...]:
    across, down = (width / entry.samples[0].width, height / entry.samples[0].height)
    left, top, right, bottom = view.box
    left, top = min(int(left * across), width - 1), min(int(top * down), height - 1)
    right, bottom = max(left + 1, round(right * across)), max(top + 1, round(bottom * down))
    return left, top, min(right, width), min(bottom, height)


def _cut_before(entry: RestorationEntry, view: View) -> Image.Image:
    if view.key == "whole":
        return entry.before
    left, top, right, bottom = _scaled_box(*entry.before.size, entry, view)
    return entry.before.crop((left, top, right, bottom))


def _rows_and_columns(
    shape: tuple[int, ...], entry: RestorationEntry, view: View
) -> tuple[slice, slice]:
    left, top, right, bottom = _scaled_box(shape[1], shape[0], entry, view)
    return slice(top, bottom), slice(left, right)
