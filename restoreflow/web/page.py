"""What a browser gets: the page to drop pictures on, and the section that shows a result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from restoreflow.reports.legend import SCORE_SCALE, SPREAD_SCALE, score_scale
from restoreflow.reports.markup import Markup, document, join, tag
from restoreflow.reports.previews import Previews, detail_box, embed
from restoreflow.reports.restoration_layers import sample_names
from restoreflow.reports.restoration_section import restoration_section
from restoreflow.tasks.table import TASKS
from restoreflow.web.limits import Limits
from restoreflow.web.workshop import Made

__all__ = ["page", "result_section"]

_DETAIL = 224  # side of the cut-outs that stand side by side
_COUNTS = (1, 2, 4, 8)
_KINDS = "image/*,.heic,.jxl"
_FORMATS = (("same", "As the picture"), ("png", "PNG"), ("jpeg", "JPEG"), ("tiff", "TIFF"))


def page(models: Sequence[Mapping[str, Any]], limits: Limits) -> str:
    """The page.

    Args:
        models: name, task, scale and temperature of each, the usual one first.
        limits: the server's, which the page tells before it sends anything.
    """
    heading = tag(
        "header",
        {"class": "top"},
        tag("h1", None, "Restore pictures"),
        tag(
            "p",
            {"class": "lead"},
            "Several sharp results for one picture, and where they disagree. Pictures go to this "
            "server alone, and none is stored.",
        ),
    )
    script = "This page needs JavaScript; without it there is the command line."
    body = tag(
        "main",
        {"data-limits": json.dumps(vars(limits))},
        heading,
        tag("p", {"class": "note unscripted"}, script),
        _form(models, limits),
        tag("p", {"class": "unseen", "role": "status"}),
        tag("div", {"class": "results"}),
    )
    styles = ["page.css", "restoration.css", "app.css"]
    return document("restoreflow", body, styles, "restoration.js", "app.js", served=True)


def result_section(made: Made, number: int, links: Sequence[str]) -> str:
    """A result: comparison and maps as on report pages, downloads, samples side by side.

    Args:
        made: with its entry.
        number: of the picture, for the section's ids.
        links: of its files, in their order.
    """
    score = SCORE_SCALE if made.score_end is None else score_scale(made.score_end)
    article = restoration_section(made.entry, number, Previews(), SPREAD_SCALE, score)
    return tag(
        "section", {"class": "result"}, article, _downloads(made, links), _side_by_side(made)
    )


def _form(models: Sequence[Mapping[str, Any]], limits: Limits) -> Markup:
    limit = (
        f"JPEG, PNG, TIFF, WebP, AVIF and more; up to {limits.bytes / 1e6:.3g} MB and "
        f"{limits.pixels / 1e6:.3g} megapixels. Several are restored one after another."
    )
    drop = tag(
        "label",
        {"class": "drop"},
        tag(
            "input",
            {"type": "file", "multiple": True, "accept": "image/*,.heic,.jxl", "id": "file"},
        ),
        tag("strong", None, "Drop pictures here, paste one, or choose files"),
        tag("span", {"class": "note"}, limit),
    )
    # Without a name it is the usual model, or for a size of one's own the next larger.
    choices = [(m["name"] if index else "", _words(m)) for index, m in enumerate(models)]
    counts = [count for count in _COUNTS if count <= limits.samples]
    samples = [(str(count), str(count), count == min(4, counts[-1])) for count in counts]
    usual = tag(
        "div",
        {"class": "controls usual"},
        _select("model", "What to do", choices),
        tag(
            "fieldset",
            None,
            tag("legend", None, "Samples"),
            tag("div", {"class": "segments"}, *(_radio("samples", *each) for each in samples)),
        ),
    )
    temperature = tag(
        "label",
        {"title": "0 draws nothing, 1 all of the model's variety"},
        "Temperature",
        _number("temperature", min="0", max="1.2", step="0.05", placeholder="model's"),
    )
    more = tag(
        "details",
        {"class": "more"},
        tag("summary", None, "More options"),
        tag(
            "div",
            {"class": "controls"},
            temperature,
            tag("label", None, "Seed", _number("seed", min="0", step="1", placeholder="0")),
            tag(
                "label",
                {"title": "Of the result, in pixels; for enlarging"},
                "Longer side",
                _number("longest", min="1", step="1", placeholder="model's"),
            ),
            _select("output_format", "Format", _FORMATS),
            tag(
                "label",
                {"class": "check"},
                tag("input", {"type": "checkbox", "name": "strip_metadata", "value": "true"}),
                "Without metadata",
            ),
        ),
    )
    return tag("form", {"class": "asking"}, drop, usual, more)


def _words(model: Mapping[str, Any]) -> str:
    task = TASKS[model["task"]]
    many = f" {model['scale']} ×" if model["scale"] > 1 else ""
    return f"{task.deed}{many} ({model['name']})"


def _select(name: str, title: str, options: Sequence[tuple[str, str]]) -> Markup:
    choices = (tag("option", {"value": value}, words) for value, words in options)
    return tag("label", None, title, tag("select", {"name": name}, *choices))


def _number(name: str, **attributes: str) -> Markup:
    return tag("input", {"type": "number", "name": name, "inputmode": "decimal", **attributes})


def _radio(name: str, value: str, words: str, checked: bool) -> Markup:
    box = tag("input", {"type": "radio", "name": name, "value": value, "checked": checked})
    return tag("label", None, box, tag("span", None, words))


def _side_by_side(made: Made) -> Markup | None:
    """Cut-outs at full size where the samples differ most; a button each picks its sample."""
    entry = made.entry
    if len(entry.samples) < 2:
        return None
    width, height = entry.samples[0].size
    wide, high = min(_DETAIL, width), min(_DETAIL, height)
    box = detail_box(entry.samples[0], entry.uncertainty, wide, high)
    across, down = entry.before.width / width, entry.before.height / height
    left, top, right, bottom = box
    part = (left * across, top * down, right * across, bottom * down)
    before = entry.before.resize((wide, high), Image.Resampling.BICUBIC, part)
    figures = [_cut_out(before, "Input, enlarged", None)]
    for key, name, image in sample_names(entry):
        figures.append(_cut_out(image.crop(box), name.capitalize(), None if key == "mean" else key))
    words = "The place where the samples differ most. Choose the one you like."
    return tag(
        "div",
        {"class": "beside"},
        tag("h3", None, "Side by side"),
        tag("p", {"class": "note"}, words),
        tag("div", {"class": "strip"}, *figures),
    )


def _cut_out(image: Image.Image, name: str, key: str | None) -> Markup:
    picture = tag("img", {"src": embed(image, Previews()).url, "alt": ""})
    inner = join([picture, tag("span", None, name)])
    if key is None:
        return tag("div", {"class": "cut"}, inner)
    pressed = "true" if key == "1" else "false"
    attributes = {"type": "button", "class": "cut", "data-pick": key, "aria-pressed": pressed}
    return tag("button", attributes, inner)


def _downloads(made: Made, links: Sequence[str]) -> Markup:
    """Links to the files; the script shows that of the sample that is picked."""
    rows: list[Markup] = []
    pairs = list(zip(made.files, links, strict=True))
    for index, (file, link) in enumerate(pairs[: made.samples]):
        attributes = {
            "class": "download primary",
            "href": link,
            "download": file.path.name,
            "data-sample": str(index + 1),
            "hidden": index > 0,
        }
        words = f"Download {file.path.name}"
        rows.append(tag("a", attributes, words, tag("small", None, _amount(len(file.data)))))
    for file, link in pairs[made.samples :]:
        attributes = {"class": "download", "href": link, "download": file.path.name}
        rows.append(tag("a", attributes, "Heat map of the spread"))
    again = tag("button", {"type": "button", "class": "again"}, "Again with the options above")
    away = tag("button", {"type": "button", "class": "away"}, "Remove")
    return tag("div", {"class": "downloads"}, *rows, again, away)


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(1, size // 1000)} kB"
