"""The log of a training as a picture."""

from __future__ import annotations

import io
from pathlib import Path

from restoreflow.errors import RestoreflowError
from restoreflow.lab.training.log import COUNTERS, read_log, split_stages
from restoreflow.outputs.atomic import write_atomic

__all__ = ["plot_log"]


def plot_log(log: Path, picture: Path) -> None:
    """Draw every term of the loss against the steps done, stages told apart by lines.

    Raises:
        InputError: the log cannot be read.
        RestoreflowError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RestoreflowError(
            "the loss plot needs matplotlib", 'pip install "restoreflow[lab]"'
        ) from error
    lines = read_log(log)
    names = sorted({name for line in lines for name in line} - set(COUNTERS))
    figure = Figure(figsize=(9, 2 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        points = [(line["total"], line[name]) for line in lines if name in line]
        axis.plot(*zip(*points, strict=True), linewidth=1)
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        for stage in split_stages(lines)[1:]:
            axis.axvline(stage[0]["total"], color="gray", linestyle=":")
    axes[-1].set_xlabel("steps")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(picture, buffer.getvalue(), overwrite=True)
