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
        (BYTES.astype(np.uint16) * 257).astype(">u2"),
        (BYTES / 255).astype(np.float32),
        BYTES / 255,
        EXPECTED,
        EXPECTED.double(),
        torch.from_numpy(BYTES).permute(2, 0, 1),
        BYTES[:, ::-1][:, ::-1],
    ],
    ids=[
        "uint8",
        "pil",
        "rgba",
        "uint16",
        "big-endian",
        "float32",
        "float64",
        "tensor",
        "double",
        "byte tensor",
        "strided",
    ],
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


@pytest.mark.parametrize(
    "gray",
    [
        BYTES[..., 0],
        BYTES[..., :1],
        BYTES[..., 0] / 255,
        EXPECTED[0],
        EXPECTED[:1],
        torch.from_numpy(BYTES[..., 0]),
    ],
    ids=["(h, w)", "(h, w, 1)", "floats", "tensor (h, w)", "tensor (1, h, w)", "byte tensor"],
)
def test_gray_arrays_and_tensors_have_three_equal_channels(gray):
    assert torch.allclose(as_pixels(gray), EXPECTED[:1].expand(3, 5, 7), atol=1e-7)


def test_a_path_is_read_upright(tmp_path):
    image = Image.fromarray(BYTES)
    exif = Image.Exif()
    exif[0x112] = 3  # turned by half a circle
    image.rotate(180).save(tmp_path / "turned.png", exif=exif)
    for path in (tmp_path / "turned.png", str(tmp_path / "turned.png")):
        assert torch.allclose(as_pixels(path), EXPECTED, atol=1e-6)


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
        (np.zeros((4, 4, 4)), "must be (h, w, 3)"),
        (np.zeros((3, 4, 4)), "array.transpose(1, 2, 0)"),
        (np.zeros((2, 4, 4, 3)), "restorer(batch)"),
        (np.zeros(4), "not (4,) float64"),
        (np.zeros((4, 4, 3), dtype=np.int64), "not (4, 4, 3) int64"),
        (np.zeros((0, 4, 3)), "no pixels"),
        (torch.zeros(4, 4, 3), "tensor.permute(2, 0, 1)"),
        (torch.zeros(4, 4, 4), "must be (3, h, w)"),
        (torch.zeros(2, 3, 4, 4), "restorer(batch)"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "not (3, 4, 4) int64"),
        (torch.zeros(3, 4, 4, dtype=torch.bool), "not (3, 4, 4) bool"),
        (torch.zeros(3, 4, 4).to_sparse(), "is sparse"),
        (torch.zeros(3, 4, 4, device="meta"), "or without values"),
        (None, "not a NoneType"),
        (3.5, "not a float"),
        (b"bytes", "not a bytes"),
        ("no-such-file.png", "no-such-file.png does not exist"),
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
