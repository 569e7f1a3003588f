"""The page of a restoration run: before and after, samples, heat maps, figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from restoreflow.errors import shown
from restoreflow.outputs.atomic import write_atomic
from restoreflow.reports.entries import FailedEntry, RestorationEntry
from restoreflow.reports.failures import failures
from restoreflow.reports.legend import SCORE_SCALE, SPREAD_SCALE, HeatScale
from restoreflow.reports.markup import Markup, document, join, tag
from restoreflow.reports.previews import Previews
from restoreflow.reports.restoration_section import restoration_section

__all__ = ["RestorationPage", "restoration_page"]

_GLOSSARY = (
    ("Samples", "Results that all fit the input. Where they differ, detail is invented."),
    ("Spread", "How far the samples are apart at a place: their standard deviation."),
    ("Mean", "The model's cautious estimate, without the detail a sample adds."),
    ("Temperature", "How freely detail is drawn: 0 is plain, 1 the full variety."),
    ("LR-PSNR", "Agreement of the result, made small again, with the input; 59 dB is as good as "
     "8 bits allow. The lowest of the samples."),
    ("Error pixels", "Pixels that left the range of an image before it was limited. None is good."),
    ("Unlike", "Of 100 training photographs, how many are less unlike the others than the input."),
    ("Artifacts", "How probable it is that the result errs beyond what its samples' spread says."),
)  # fmt: skip


class RestorationPage:
    """A page that grows by one restoration after another and keeps only their previews.

    Args:
        title: the heading.
        previews: how large the pictures are; `Previews.for_pictures` fits many into a page.
        spread, score: the fixed scales of the heat maps.
        max_bytes: where the page would grow beyond this, further entries have no pictures.
    """

    def __init__(
        self,
        title: str = "Restored pictures",
        previews: Previews | None = None,
        spread: HeatScale = SPREAD_SCALE,
        score: HeatScale = SCORE_SCALE,
        max_bytes: int = 120_000_000,
    ) -> None:
        self.title = title
        self._previews = previews or Previews()
        self._spread, self._score = spread, score
        self._left = max_bytes
        self._sections: list[Markup] = []
        self._names: list[str] = []
        self._failed: list[FailedEntry] = []
        self._flagged = 0

    def add(self, entry: RestorationEntry | FailedEntry) -> None:
        """Add what became of one input; its pictures are encoded now and not kept."""
        if isinstance(entry, FailedEntry):
            self._failed.append(entry)
            return
        number, scales = len(self._sections) + 1, (self._spread, self._score)
        section = None
        if self._left > 0:
            section = restoration_section(entry, number, self._previews, *scales)
        if section is None or len(section) > self._left:
            self._left = 0
            section = restoration_section(entry, number, None, *scales)
        self._left -= len(section)
        self._sections.append(section)
        self._names.append(shown(entry.file))
        self._flagged += entry.facts.flagged

    def html(self) -> str:
        """The page as it stands."""
        lead = tag("p", {"class": "lead"}, self._lead())
        heading = tag("header", {"class": "top"}, tag("h1", None, self.title), lead)
        script = "Comparing needs JavaScript; without it every picture is halved at its middle."
        body = tag(
            "main",
            None,
            heading,
            tag("p", {"class": "note unscripted"}, script),
            self._contents(),
            *self._sections,
            failures(self._failed, "Not restored"),
            _glossary(),
        )
        return document(self.title, body, ["page.css", "restoration.css"], "restoration.js")

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the page, whole or not at all.

        Raises:
            OutputError: the file exists, or cannot be written.
            LimitError: the disk is full.
        """
        write_atomic(path, self.html().encode("utf-8"), overwrite)

    def _lead(self) -> str:
        count = len(self._sections)
        words = [f"{count} {'picture' if count == 1 else 'pictures'}"]
        if self._flagged:
            words.append(f"{self._flagged} unlike the training photographs")
        if self._failed:
            words.append(f"{len(self._failed)} not restored")
        return ", ".join(words) + ". Drag the divider, or focus it and use the arrow keys."

    def _contents(self) -> Markup | None:
        if len(self._names) < 4:
            return None
        links = (
            tag("li", None, tag("a", {"href": f"#picture-{k}"}, tag("bdi", None, name)))
            for k, name in enumerate(self._names, 1)
        )
        summary = tag("summary", None, "Contents")
        return tag("details", {"class": "contents"}, summary, tag("ol", None, *links))


def restoration_page(
    entries: Iterable[RestorationEntry | FailedEntry],
    title: str = "Restored pictures",
    previews: Previews | None = None,
) -> str:
    """The page of these entries, which may come from a generator: each is let go after its turn."""
    page = RestorationPage(title, previews)
    for entry in entries:
        page.add(entry)
    return page.html()


def _glossary() -> Markup:
    items = join(join([tag("dt", None, name), tag("dd", None, words)]) for name, words in _GLOSSARY)
    summary = tag("summary", None, "What the figures mean")
    return tag("details", {"class": "glossary"}, summary, tag("dl", None, items))
