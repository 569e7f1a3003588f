"""The log of a training as a picture."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from restoreflow.errors import InputError, RestoreflowError

__all__ = ["plot_log", "read_log"]

COUNTERS = {"stage", "step", "total", "seconds", "rate", "skipped"}


def read_log(path: Path) -> list[dict]:
    """The lines of a log.jsonl; a last line cut off by a kill is left out.

    Raises:
        InputError: the file cannot be read or holds no whole line.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "train first") from error
    lines = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    if not lines:
        raise InputError(f"{path}: no entry yet", "wait for the first 50 steps")
    return lines


def plot_log(log: Path, picture: Path) -> None:
    """Draw every term of the loss against the steps done, stages told apart by shading.

    Raises:
        InputError: the log cannot be read.
        RestoreflowError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RestoreflowError(
            "the loss plot needs matplotlib", 'pip install "restoreflow[train]"'
        ) from error
    lines = read_log(log)
    names = sorted({name for line in lines for name in line} - COUNTERS)
    figure = Figure(figsize=(9, 2 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        points = [(line["total"], line[name]) for line in lines if name in line]
        axis.plot(*zip(*points, strict=True), linewidth=1)
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        for before, after in itertools.pairwise(lines):
            if before["stage"] != after["stage"]:
                axis.axvline(after["total"], color="gray", linestyle=":")
    axes[-1].set_xlabel("steps")
    figure.savefig(picture, dpi=110)
