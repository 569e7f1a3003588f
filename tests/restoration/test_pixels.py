"""Pictures come in as arrays, tensors and PIL images, or are refused in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.restoration.pixels import as_pixels, eight_bit

BYTES = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
EXPECTED = torch.from_numpy(BYTES.transpose(2, 0, 1) / 255).float()


@pytest.mark.parametrize(
    "image",
    [
        BYTES,
        Image.fromarray(BYTES),
        Image.fromarray(BYTES).convert("RGBA"),
        BYTES.astype(np.uint16) * 257,
        (BYTES / 255).astype(np.float32),
        BYTES / 255,
        EXPECTED,
        EXPECTED.double(),
        BYTES[:, ::-1][:, ::-1],
    ],
    ids=["uint8", "pil", "rgba", "uint16", "float32", "float64", "tensor", "double", "strided"],
)
def test_every_way_to_hold_a_picture_is_the_same_picture(image):
    pixels = as_pixels(image)
    assert pixels.dtype == torch.float32
    assert pixels.is_contiguous()
    assert torch.allclose(pixels, EXPECTED, atol=1e-7)


def test_gray_images_have_three_equal_channels():
    gray = Image.fromarray(BYTES[..., 0])
    assert torch.equal(as_pixels(gray), EXPECTED[:1].expand(3, 5, 7))
    deep = Image.fromarray(BYTES[..., 0].astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    assert torch.allclose(as_pixels(deep), EXPECTED[:1].expand(3, 5, 7))


def with_value(value: float) -> np.ndarray:
    array = np.full((4, 4, 3), 0.5, dtype=np.float32)
    array[1, 2, 0] = value
    return array


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (with_value(np.nan), "1 of the picture's values are not finite"),
        (with_value(np.inf), "not finite"),
        (with_value(-0.1), "outside 0 .. 1"),
        (with_value(10.0), "outside 0 .. 1"),
        (torch.from_numpy(with_value(np.nan)).permute(2, 0, 1), "not finite"),
        (np.zeros((4, 4)), "must be (h, w, 3)"),
        (np.zeros((4, 4, 4)), "must be (h, w, 3)"),
        (np.zeros((4, 4, 3), dtype=np.int64), "not int64"),
        (np.zeros((0, 4, 3)), "no pixels"),
        (torch.zeros(4, 4, 3), "must be (3, h, w)"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), "not (3, 4, 4) uint8"),
        (Image.new("F", (4, 4)), 'mode "F"'),
        (Image.new("I", (4, 4)), 'mode "I"'),
    ],
)
def test_what_is_no_picture_is_refused(image, text):
    with pytest.raises(InputError) as caught:
        as_pixels(image)
    assert text in str(caught.value)


def test_values_are_clamped_and_rounded_to_8_bits():
    values = torch.tensor([-1.0, 0.0, 0.5 / 255 + 1e-6, 1.0, 2.0, 0.2]).reshape(3, 1, 2)
    assert eight_bit(values).reshape(-1).tolist() == [0, 0, 1, 255, 255, 51]
    assert float(values.min()) == -1
