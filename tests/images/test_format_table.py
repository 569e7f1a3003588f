"""docs/formats.md says of every format what reading and writing keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images import samples
from tests.images.format_table import table

PAGE = Path(__file__).parents[2] / "docs/formats.md"


@pytest.mark.skipif(
    not (samples.installed("pillow_heif") and samples.installed("pillow_jxl")),
    reason="needs the extras heif and jxl",
)
def test_the_page_has_the_table_as_measured() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), f"it is now\n{table()}"
