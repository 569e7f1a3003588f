"""The network and the reference that the tests of judging have, too."""

from tests.ood.conftest import network, reference

__all__ = ["network", "reference"]
