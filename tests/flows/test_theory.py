"""The page of theory: its statements hold, measured small, and its numbers are the file's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.theory import PAGE, Check, checks, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found() -> list[Check]:
    return checks(steps=300, tries=6)


def test_every_statement_holds(found: list[Check]) -> None:
    assert [check.name for check in found if not check.holds] == []
    assert len(found) == 5


def test_explosion_and_bound_are_seen_not_assumed(found: list[Check]) -> None:
    rows = {check.name: check.rows for check in found}
    assert float(rows["elsewhere"][-1][1]) > 1e3  # the affine gain, out there
    growth = {row[0]: row[1:] for row in rows["growth"]}
    affine, spline = growth["affine"][-1], growth["bounded spline"]
    assert isinstance(affine, float) and affine > 1e60
    assert spline == pytest.approx((4.0, 5.0, 7.0, 11.0, 19.0), abs=1e-4)  # one shift a layer
    assert all(0 < float(row[-1]) <= 1 for row in rows["composition"])


def test_the_page_holds_the_measured_numbers() -> None:
    told = json.loads((ROOT / "docs" / "theory.json").read_text())
    checked = [Check(t["name"], tuple(t["columns"]), tuple(t["rows"]), t["holds"]) for t in told]
    assert all(check.holds for check in checked)
    page = PAGE.format(**{check.name: table(check) for check in checked})
    assert (ROOT / "docs" / "theory.md").read_text() == page
