"""The heat maps of `restoreflow ood-check`: where each goes, and what it holds."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restoreflow.batch.discover import Found
from restoreflow.errors import OutputError, UsageError, shown
from restoreflow.outputs.atomic import make_folder, write_atomic
from restoreflow.outputs.gate import Files, Names

if TYPE_CHECKING:
    from restoreflow.ood.check import Check, Checker

__all__ = ["with_maps", "write_map"]


def with_maps(
    found: Sequence[Found], folder: Path | None, reads: Iterable[Path], overwrite: bool
) -> tuple[list[Found], dict[Found, Path]]:
    """The pictures, and where each one's heat map goes; settled before any work.

    A picture whose map would take another's place, or an input's, gets an error; the others go on.

    Args:
        found: the pictures.
        folder: for the maps; None: there are none.
        reads: all that the run reads.
        overwrite: whether maps that are there are replaced.

    Raises:
        UsageError: a map is there and not to be replaced.
    """
    if folder is None:
        return list(found), {}
    names = Names()
    inputs: Files[Path] = Files(names)
    for path in reads:
        inputs.add(path, path)
    owners: dict[str, Path] = {}
    told: list[Found] = []
    maps: dict[Found, Path] = {}
    for each in found:
        page = "" if each.page is None else f"_{each.page}"
        target = folder / f"{each.place}{page}_ood.png"
        read, other = inputs.find(target), owners.setdefault(names(target), each.path)
        if read is not None:
            why = f"the map of {shown(each.path)} would overwrite the input {shown(read)}"
            told.append(each._replace(error=OutputError(why, "choose another --heatmaps")))
        elif other is not each.path:
            why = f"the maps of {shown(other)} and {shown(each.path)} would both be {shown(target)}"
            hint = "check them apart, or into different folders"
            told.append(each._replace(error=OutputError(why, hint)))
        else:
            if target.exists() and not overwrite:
                raise UsageError(f"{shown(target)} exists already", "--overwrite replaces it")
            told.append(each)
            maps[each] = target
    return told, maps


def write_map(path: Path, check: Check, checker: Checker, overwrite: bool) -> None:
    """Write the map of a picture's score as PNG; raises as `write_atomic`."""
    from restoreflow.images.colormap import heat_map
    from restoreflow.ood.maps import smoothed
    from restoreflow.reports.legend import score_scale

    buffer = io.BytesIO()
    scale = score_scale(checker.reference.map_end)
    heat_map(smoothed(check.score.energies), scale.maximum, f"score, {scale.unit}").save(
        buffer, "PNG"
    )
    make_folder(path.parent)
    write_atomic(path, buffer.getvalue(), overwrite)
