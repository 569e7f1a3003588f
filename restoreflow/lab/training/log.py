"""The log of a training: read, joined over runs, and told stage by stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from restoreflow.errors import InputError
from restoreflow.local_files import read_regular
from restoreflow.models.folder import LOG
from restoreflow.outputs.atomic import write_atomic

__all__ = [
    "COUNTERS",
    "find_log",
    "forget_after",
    "join_logs",
    "read_log",
    "split_stages",
    "summarise_log",
    "write_log",
]

COUNTERS = ("stage", "step", "total", "seconds", "rate", "skipped")
"""What a line counts; everything else in it is a term of the loss, before weighting."""


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log.jsonl; a last line cut off by a kill is left out.

    Raises:
        InputError: the file cannot be read or holds no whole line.
    """
    lines = _whole_lines(path)
    if not lines:
        raise InputError(f"{path}: no entry yet", "wait for the first 50 steps")
    return lines


def find_log(folder: Path, instead: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The log in a folder, nothing where there is none; or other logs in its place, joined.

    Raises:
        InputError: one of the logs ``instead`` cannot be read or holds no whole line.
    """
    if instead:
        return join_logs([read_log(path) for path in instead])
    path = folder / LOG
    return _whole_lines(path) if path.exists() else []


def forget_after(path: Path, total: int) -> None:
    """Take lines off a log that were written after the checkpoint a training goes on from.

    Their steps are done again, and would stand there twice.
    """
    if path.exists():
        kept = [line for line in _whole_lines(path) if line["total"] <= total]
        write_atomic(path, write_log(kept), overwrite=True)


def write_log(lines: Sequence[dict[str, Any]]) -> bytes:
    """The contents of a log.jsonl."""
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def join_logs(logs: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One log of runs that followed each other: `total`, `seconds` and `skipped` run on."""
    joined: list[dict[str, Any]] = []
    for log in logs:
        before = joined[-1] if joined else {}
        for line in log:
            sums = {name: line[name] + before.get(name, 0) for name in ("total", "skipped")}
            seconds = round(line["seconds"] + before.get("seconds", 0.0), 1)
            joined.append(line | sums | {"seconds": seconds})
    return joined


def split_stages(lines: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The lines of each stage: one ends where the loss changes or steps begin anew."""
    stages: list[list[dict[str, Any]]] = []
    for line in lines:
        last = stages[-1][-1] if stages else None
        if last is None or line["stage"] != last["stage"] or line["step"] <= last["step"]:
            stages.append([])
        stages[-1].append(line)
    return stages


def summarise_log(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each stage: its loss, steps and minutes, and its terms in its first and last fifth.

    Terms that hardly change say that more of the same would gain little.
    """
    rows: list[dict[str, Any]] = []
    began = 0.0
    for stage in split_stages(lines):
        share = max(1, len(stage) // 5)
        common = set.intersection(*(set(line) for line in stage)) - {*COUNTERS, "gradient"}
        names = [name for name in stage[0] if name in common]
        terms = [
            f"{name} {_mean(stage[:share], name):.4g} → {_mean(stage[-share:], name):.4g}"
            for name in names
        ]
        rows.append(
            {
                "stage": stage[0]["stage"],
                "steps": stage[-1]["step"],
                "minutes": round((stage[-1]["seconds"] - began) / 60.0),
                "terms, first → last fifth": ", ".join(terms),
            }
        )
        began = stage[-1]["seconds"]
    return rows


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = read_regular(path).decode()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "train first") from error
    lines = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def _mean(lines: Sequence[dict[str, Any]], name: str) -> float:
    return sum(line[name] for line in lines) / len(lines)
