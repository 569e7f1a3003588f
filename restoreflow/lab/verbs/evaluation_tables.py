"""What `restoreflow evaluate` shows: a table for people, records for programs, a file to keep."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from restoreflow.cli.layout import Whole
from restoreflow.cli.output import Console, Format, emit, for_people, json_line, print_line
from restoreflow.lab.verbs.evaluation_options import Target

if TYPE_CHECKING:
    from restoreflow.lab.evaluation.hostile import HostileResult
    from restoreflow.lab.evaluation.realism import RealismRow
    from restoreflow.lab.evaluation.scores import Row

__all__ = [
    "LOW_LIGHT_COLUMNS",
    "SR_COLUMNS",
    "hostile_table",
    "realism_table",
    "report",
    "rows_tables",
    "say_without_lpips",
]

Columns = Sequence[tuple[str, str, str]]
"""Key of the record, heading, format of the value."""

SR_COLUMNS: Columns = (
    ("psnr_y", "PSNR-Y\ndB", ".2f"),
    ("ssim_y", "SSIM-Y\n", ".3f"),
    ("lpips_alex_worst", "LPIPS\nworst", ".4f"),
    ("lpips_alex_gap", "LPIPS\ngap", ".4f"),
    ("lpips_squeeze", "LPIPS\nSqueeze", ".4f"),
    ("lr_psnr", "LR-PSNR\ndB", ".1f"),
    ("spread", "spread\nlevels", ".2f"),
    ("diversity_s10", "S10\n%", ".1f"),
)
LOW_LIGHT_COLUMNS: Columns = (
    ("psnr", "PSNR\ndB", ".2f"),
    ("ssim_gray", "SSIM\ngray", ".3f"),
    ("ssim_rgb", "SSIM\nRGB", ".3f"),
    ("lpips_alex", "LPIPS\n", ".3f"),
    ("lpips_alex_gap", "LPIPS\ngap", ".3f"),
    ("psnr_matched", "PSNR\nmatched", ".2f"),
    ("ssim_gray_matched", "SSIM gray\nmatched", ".3f"),
    ("ssim_rgb_matched", "SSIM RGB\nmatched", ".3f"),
    ("lpips_alex_matched", "LPIPS\nmatched", ".3f"),
    ("spread", "spread\nlevels", ".2f"),
)
ERROR_COLUMNS: Columns = (
    ("error_pixels", "error\npixels", "d"),
    ("error_images", "error\nimages", "d"),
    ("nonfinite", "not\nfinite", "d"),
    ("failed", "\nfailed", "d"),
    ("largest_detail", "largest\ndetail", ".3g"),
    ("seconds_per_megapixel", "seconds\n/ MP", ".2f"),
)


def rows_tables(rows: Sequence[Row], quality: Columns) -> list[Table]:
    """Methods down, measures across: one table of quality, one of errors and time.

    What was measured of no method is no column.
    """
    measured = {key for row in rows for key in row.record()}
    shown = [column for column in quality if column[0] in measured]
    return [_rows_table(rows, columns) for columns in (shown, ERROR_COLUMNS)]


def realism_table(rows: Sequence[RealismRow]) -> Table:
    """Conditions and methods down, measures across."""
    table = _table(("input", "method", "T"))
    for heading in ("KID", "LPIPS\nSqueeze", "PSNR\ndB"):
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        temperature = "-" if row.temperature is None else f"{row.temperature:g}"
        values = f"{row.kid:.0f}", f"{row.lpips_squeeze:.4f}", f"{row.psnr:.2f}"
        table.add_row(row.condition, row.method, temperature, *values)
    return table


def hostile_table(
    results: Mapping[str, Sequence[HostileResult]], temperatures: Sequence[float]
) -> Table:
    """Inputs down, models and temperatures across; the largest detail, or what is not finite."""
    table = _table(("input",))
    table.title = "largest |detail| before the limiter, image range 1"
    cells: dict[str, dict[str, str]] = {}
    for model, found in results.items():
        for temperature in temperatures:
            column = f"{Path(model).name}\nT = {temperature:g}"
            table.add_column(column, justify="right", vertical="bottom", no_wrap=True)
            for result in found:
                if result.temperature == temperature:
                    cells.setdefault(result.input, {})[column] = _detail(result)
    headings = [str(column.header) for column in table.columns][1:]
    for name, row in cells.items():
        table.add_row(name, *(row[heading] for heading in headings))
    return table


def report(
    records: Sequence[Mapping[str, Any]],
    tables: Sequence[Table],
    output_format: Format,
    target: Target,
    facts: Mapping[str, Any],
) -> None:
    """Show the tables, or one JSON record a line; write facts and records to a file if asked to."""
    if for_people(output_format):
        for table in tables:
            Console().print(Whole(table), "", crop=False)
    else:
        emit(records, "", output_format)
    if target.path is not None:  # last, so that hours of work are seen also where it fails
        document = json.loads(json_line({**facts, "rows": list(records)}))
        text = json.dumps(document, indent=2)
        target.write((text + "\n").encode())


def say_without_lpips() -> None:
    """Once, to people and to logs of programs: the tables have no LPIPS."""
    text = (
        "LPIPS is left out: its weights are not here. restoreflow evaluate fetch extractors/ "
        "gets them, --lpips extractors/ takes them."
    )
    print_line(text, sys.stderr)


def _rows_table(rows: Sequence[Row], columns: Columns) -> Table:
    table = _table(("set", "pictures", "method", "T"))
    for _, heading, _ in columns:
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        record = row.record()
        temperature = "-" if row.temperature is None else f"{row.temperature:g}"
        values = [_shown(record.get(key), spec) for key, _, spec in columns]
        table.add_row(row.data, str(row.pictures), row.method, temperature, *values)
    return table


def _table(names: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(f"\n{name}", no_wrap=True)
    return table


def _shown(value: float | None, spec: str) -> str:
    return "-" if value is None else format(value, spec)


def _detail(result: HostileResult) -> str:
    largest = "-" if result.largest_detail is None else f"{result.largest_detail:.3g}"
    return f"{largest} + {result.nonfinite} not finite" if result.nonfinite else largest
