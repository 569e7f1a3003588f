"""What counts as gone wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.lab.fitting.outcomes import Drawn, draw, error_places, surprise
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.restoration.restorer import Restorer
from tests.ood import fakes


def test_samples_are_those_of_a_restorer(network: RestorationNetwork) -> None:
    picture = fakes.photo(0, 21, 30)
    drawn = draw(network, picture, temperature=0.7, samples=3, seed=5)
    restorer = Restorer(network, fakes.config())
    raw = restorer.restore(picture, samples=3, temperature=0.7, seed=5, consistency=False).raw
    torch.testing.assert_close(drawn.image, torch.from_numpy(raw), atol=1e-5, rtol=0)


@pytest.mark.parametrize("value", [1.51, -0.51, torch.nan, torch.inf])
def test_an_error_pixel_marks_its_cell(value: float) -> None:
    values = torch.full((2, 3, 8, 10), 0.5)
    values[1, 2, 5, 9] = value
    found = error_places(Drawn(values.clamp(0, 1), values))
    assert found.shape == (2, 3)
    assert np.argwhere(found).tolist() == [[1, 2]]


def test_the_ends_of_the_range_are_no_error() -> None:
    values = torch.tensor([-0.5, 1.5]).repeat(8).reshape(1, 1, 4, 4).expand(1, 3, 4, 4)
    assert not error_places(Drawn(values, values)).any()


def test_honest_samples_surprise_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    values = 0.5 + 0.1 * torch.randn(9, 3, 160, 160, generator=generator)
    found = surprise(Drawn(values[1:], values[1:]), values[0])
    assert found.shape == (40, 40)
    assert float(np.sqrt((found**2).mean())) == pytest.approx(1.0, abs=0.05)


def test_overconfident_samples_surprise_more() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = 0.5 + 0.1 * torch.randn(3, 40, 40, generator=generator)
    sure = 0.5 + 0.01 * torch.randn(4, 3, 40, 40, generator=generator)
    assert float(np.median(surprise(Drawn(sure, sure), truth))) > 5
    with pytest.raises(ValueError, match="two samples"):
        surprise(Drawn(sure[:1], sure[:1]), truth)
