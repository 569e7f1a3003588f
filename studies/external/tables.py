"""Everybody's results in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from restoreflow.errors import InputError
from studies.external.asking import SCHEMA, THRESHOLDS

__all__ = ["markdown", "read"]

Results = Mapping[str, Any]


def read(path: Path) -> Results:
    """Results of `ask`, from a file.

    Raises:
        InputError: it is none, or of another schema.
    """
    try:
        found = json.loads(path.read_bytes())
        whole = found["schema"] == SCHEMA and bool(found["rows"]) and bool(found["model"]["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no results: {error!r}", "") from error
    if not whole:
        raise InputError(f"{path} is of schema {found['schema']}, not {SCHEMA}", "measure anew")
    return found


def markdown(results: Sequence[Results]) -> str:
    """A row a model and temperature: on how many inputs it fails, and how far it goes.

    Raises:
        InputError: they are of different suites.
    """
    suites = {(found["suite"], found["suite_sha256"]) for found in results}
    if len(suites) > 1:
        raise InputError("results of different suites do not compare", "measure all of them anew")
    heads = ["model", "thousand parameters", "T", "error images"]
    heads += [f"values beyond {threshold:g}" for threshold in THRESHOLDS]
    heads += ["not finite", "lowest", "highest"]
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)]]
    for found in sorted(results, key=lambda found: found["model"]["name"]):
        for temperature in dict.fromkeys(row["temperature"] for row in found["rows"]):
            rows = [row for row in found["rows"] if row["temperature"] == temperature]
            lines.append(_line(found["model"], temperature, rows))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _line(model: Results, temperature: float, rows: Sequence[Results]) -> list[str]:
    size = model["parameters"]
    ends = [row[key] for row in rows for key in ("lowest", "highest") if row[key] is not None]
    counts = [sum(row["error_pixels"] > 0 for row in rows)]
    counts += [sum(_beyond(row, threshold) for row in rows) for threshold in THRESHOLDS]
    counts.append(sum(row["nonfinite"] > 0 for row in rows))
    return [
        model["name"],
        "-" if size is None else f"{size / 1e3:,.0f}",
        f"{temperature:g}",
        *(f"{count} of {len(rows)}" for count in counts),
        *(_size(end) for end in ((min(ends), max(ends)) if ends else (None, None))),
    ]


def _beyond(row: Results, threshold: float) -> bool:
    ends = [abs(row[key]) for key in ("lowest", "highest") if row[key] is not None]
    return row["nonfinite"] > 0 or max(ends, default=0.0) > threshold


def _size(value: float | None) -> str:
    if value is None:
        return "none finite"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.1e}".replace("e+", "e")
