"""Every degradation that a task names, by the table's contract."""

from __future__ import annotations

import pytest
import torch

from restoreflow.lab.degradations.table import DEGRADATIONS
from restoreflow.tasks.table import TASKS

ROWS = [(name, task.scales[-1]) for task in TASKS.values() for name in task.degradations]


def test_tasks_name_the_rows_there_are() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(DEGRADATIONS)


@pytest.mark.parametrize(("name", "scale"), ROWS)
def test_inputs_are_small_pictures_in_8_bits_and_repeat(name: str, scale: int) -> None:
    row = DEGRADATIONS[name]
    clean = torch.rand(2, 3, 12 * scale, 16 * scale, generator=torch.Generator().manual_seed(1))
    clean = torch.nn.functional.avg_pool2d(clean, 3, 1, 1) if scale == 1 else clean
    first, again = (row.degrade(clean, scale, torch.Generator().manual_seed(2)) for _ in range(2))
    assert first.degraded.shape == (2, 3, 12, 16)
    assert first.clean.shape == clean.shape
    assert torch.equal(first.degraded, again.degraded)
    levels = first.degraded * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert float(first.degraded.min()) >= 0 and float(first.degraded.max()) <= 1
    assert (first.wear is not None) == row.told


@pytest.mark.parametrize("name", [name for name, row in DEGRADATIONS.items() if row.of_views])
def test_parts_come_with_their_whole(name: str) -> None:
    of_views = DEGRADATIONS[name].of_views
    assert of_views is not None
    patches, wholes = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 8, 8)
    boxes = torch.tensor([[0.0, 0.5, 0.5, 0.5]]).expand(2, 4)
    found = of_views(patches, wholes, boxes, torch.Generator().manual_seed(2))
    assert found.degraded.shape == found.clean.shape == patches.shape
    assert found.thumbnail is not None and found.thumbnail.shape == wholes.shape
    # The whole is 64 pixels a side, 16 cells of 4, and the part begins at its 8th column.
    assert found.place is not None and found.place[0].tolist() == [0.0, 8.0, 16.0, 16.0]
