"""Every example in a docstring runs and gives what it says; docs/api.md is what docstrings say."""

from __future__ import annotations

import doctest
import importlib
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "restoreflow").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module), report=True)
    assert found.attempted > 0
    assert found.failed == 0
    assert "doctest: +SKIP" not in Path(importlib.import_module(module).__file__ or "").read_text()


def test_the_page_of_the_library_is_what_docstrings_say() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "generate_api.py"))["page"]()
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == written, "run make docs"
