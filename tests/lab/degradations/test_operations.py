from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.lab.degradations.operations import augment, downscale, draw_patch, round_8bit


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("size", [(64, 96), (61, 83), (97, 45)])
def test_downscale_is_pillows_bicubic(scale: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    height, width = size
    plane = rng.random((height, width), dtype=np.float32)
    reference = Image.fromarray(plane).resize(
        (width // scale, height // scale), Image.Resampling.BICUBIC
    )
    ours = downscale(torch.from_numpy(plane)[None, None], scale)[0, 0].numpy()
    assert ours.shape == (height // scale, width // scale)
    np.testing.assert_allclose(ours, np.asarray(reference), atol=2e-6)


def test_downscale_agrees_with_pillow_on_8_bits() -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (75, 101, 3), dtype=np.uint8)
    reference = np.asarray(Image.fromarray(pixels).resize((25, 18), Image.Resampling.BICUBIC))
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    ours = (round_8bit(downscale(x, 4))[0] * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(ours - reference).max() <= 1  # Pillow rounds between its two passes
    assert (ours != reference).mean() < 0.15


def test_downscale_refuses_what_it_cannot_reduce() -> None:
    with pytest.raises(ValueError, match="3 x 9 by 4"):
        downscale(torch.zeros(1, 3, 9, 3), 4)


def test_round_8bit_gives_exact_levels_and_passes_the_gradient() -> None:
    levels = torch.arange(256) / 255
    assert torch.equal(round_8bit(levels), levels)
    x = torch.tensor([-0.2, 0.5, 1.3, 0.1234], requires_grad=True)
    y = round_8bit(x)
    assert y.min() == 0 and y.max() == 1
    assert torch.equal((y.detach() * 255).round() / 255, y.detach())
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.ones(4))


def test_augment_draws_all_eight_symmetries_and_only_them() -> None:
    item = torch.arange(27.0).reshape(3, 3, 3)
    out = augment(item.expand(200, 3, 3, 3), generator())
    wanted = {
        tuple(torch.rot90(flipped, turn, (1, 2)).flatten().tolist())
        for flipped in (item, item.flip(2))
        for turn in range(4)
    }
    seen = {tuple(one.flatten().tolist()) for one in out}
    assert seen == wanted and len(seen) == 8


def test_augment_is_seeded_and_handles_an_empty_batch() -> None:
    x = torch.rand(6, 3, 8, 8)
    assert torch.equal(augment(x, generator(5)), augment(x, generator(5)))
    assert not torch.equal(augment(x, generator(5)), augment(x, generator(6)))
    assert augment(x[:0], generator()).shape == (0, 3, 8, 8)
    with pytest.raises(ValueError, match="square"):
        augment(torch.rand(1, 3, 8, 4), generator())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_draw_patch_keeps_few_flat_patches(dtype: torch.dtype) -> None:
    texture = torch.randint(0, 256, (3, 32, 256), generator=generator(1))
    texture[:, :, :128] = 90  # the left half is plain
    image = texture.to(torch.uint8) if dtype == torch.uint8 else texture.float() / 255
    gen, flat = generator(2), 0
    for _ in range(400):
        patch = draw_patch(image, 16, gen)
        assert patch.shape == (3, 16, 16) and patch.dtype == dtype
        flat += int(patch.float().std() < 1e-4)
    # 113 of 241 columns give a flat patch: p = .469; kept a quarter of the time:
    # share = p/4 / (1 - 3p/4) = .181
    assert 0.12 < flat / 400 < 0.25


def test_draw_patch_ends_on_a_plain_picture_and_refuses_a_small_one() -> None:
    assert draw_patch(torch.zeros(3, 20, 20), 16, generator()).shape == (3, 16, 16)
    with pytest.raises(ValueError, match="20 x 8"):
        draw_patch(torch.zeros(3, 8, 20), 16, generator())
