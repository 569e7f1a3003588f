"""No flow that can be described breaks its certificate, whatever its weights and matrices.

RESTOREFLOW_DRAWS=3000 python -m pytest tests/flows/test_draws.py draws more than every day's share.
"""

from __future__ import annotations

import os

from tests.flows.draws import outcome

DRAWS = int(os.environ.get("RESTOREFLOW_DRAWS", "150"))


def test_no_draw_breaks_its_certificate() -> None:
    found = {seed: outcome(seed) for seed in range(DRAWS)}
    broken = {seed: each.violations for seed, each in found.items() if each.violations}
    assert not broken, f"{len(broken)} of {DRAWS} draws, by seed: {broken}"
    # What is said of nothing would hold as well: draws of all kinds, and bounds that are neared.
    certified = [each for each in found.values() if each.certified]
    assert 0.3 * DRAWS < len(certified) < 0.9 * DRAWS
    assert any(not each.orthogonal for each in certified)
    assert any(each.orthogonal for each in certified)
    assert max(each.nearest for each in certified) > 0.3
