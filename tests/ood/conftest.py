"""What several tests fit once."""

from __future__ import annotations

import pytest

from restoreflow.lab.fitting.fit import fit_reference
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.reference import Reference
from tests.ood import fakes


@pytest.fixture(scope="session")
def network() -> RestorationNetwork:
    return fakes.network()


@pytest.fixture(scope="session")
def reference(network: RestorationNetwork) -> Reference:
    return fit_reference(network, fakes.photos, ("features", "block1"), "mean")
