"""The pages: what they link to is there, and what they tell a reader to run can be run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from restoreflow.lab.evaluation.extractors import EXTRACTORS
from restoreflow.tasks.table import TASKS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for folder in (".", "docs", "weights", "benchmarks")
    for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names that headings get, on the forge and on the site."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {name.strip().replace(" ", "-") for name in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_site_has_every_page_that_its_menu_names() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r": (\S+\.md)$", config, re.MULTILINE))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert named
    assert named <= there


def test_the_site_is_found_by_the_fields_words() -> None:
    pages = [ROOT / "docs" / "index.md", ROOT / "README.md"]
    texts = [" ".join(page.read_text().lower().split()) for page in pages]
    for words in (
        "super-resolution",
        "low-light enhancement",
        "normalizing flow",
        "posterior mean",
        "standard deviation",
        "out-of-distribution",
    ):
        assert all(words in text for text in texts), words


def test_the_page_on_data_has_the_sums_that_are_checked() -> None:
    text = (ROOT / "docs" / "data.md").read_text()
    for extractor in EXTRACTORS:
        assert re.search(rf"`{extractor.name}` .* `{extractor.sha256}`", text)
    known = json.loads((ROOT / "benchmarks" / "data_sets.json").read_text())
    assert f"{known['Set14']['pictures']} pictures, sha256 {known['Set14']['sha256']}" in text


def test_every_task_and_bundled_model_is_on_the_page_of_models() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    for name in [*TASKS, *(path.parent.name for path in ROOT.glob("weights/*/config.json"))]:
        assert f"`{name}`" in text, name
