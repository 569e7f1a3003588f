"""docs/formats.md says of every format what reading and writing keep, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS
from tests.images import samples
from tests.images.format_table import kept, table
from tests.images.kept_table import KINDS, files, outcome

PAGE = Path(__file__).parents[2] / "docs/formats.md"
WITH_EXTRAS = pytest.mark.skipif(
    not (samples.installed("pillow_heif") and samples.installed("pillow_jxl")),
    reason="needs the extras heif and jxl",
)


@WITH_EXTRAS
@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged EXIF
@pytest.mark.parametrize("measured", [table, kept])
def test_the_page_has_the_tables_as_measured(measured: object) -> None:
    found = measured()  # type: ignore[operator]
    assert found in PAGE.read_text(encoding="utf-8"), f"it is now\n{found}"


@pytest.mark.parametrize("target", OUTPUT_FORMATS)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.filterwarnings("ignore")  # as above
def test_whatever_a_file_says_is_carried_or_told(format: str, target: str) -> None:
    found = {kind: outcome(format, kind, target) for kind in KINDS if (format, kind) in files()}
    assert {kind for kind, became in found.items() if became not in ("kept", "told")} == set()
