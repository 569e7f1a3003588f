"""Restoring a picture: any size, any tile, any number of samples, and what goes wrong."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from restoreflow.errors import InputError, LimitError, UsageError
from restoreflow.models.config import ModelConfig
from restoreflow.networks.build import build_network
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import Sample
from restoreflow.restoration import consistency, memory, sampling
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.lr_psnr import lr_psnr
from restoreflow.restoration.restorer import Restorer
from tests.restoration.fakes import FakeNetwork, config, picture


def restorer(task: str = "sr", scale: int = 4, **settings) -> Restorer:
    return Restorer(FakeNetwork(task, scale), config(), **settings)  # type: ignore[arg-type]


def real_restorer() -> Restorer:
    """The real network, small, its weights shaken so that every layer does something."""
    description = ModelConfig(
        name="tiny", task="sr", scale=4, network=NetworkConfig(width=8, depth=1)
    )
    network = build_network(description)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return Restorer(network, description)


def bytes_of(restoration) -> list[bytes]:
    return [image.tobytes() for image in (*restoration.images, restoration.mean)]


def test_a_restoration_has_the_documented_shapes_and_ranges():
    y = picture(20, 30)
    result = restorer().restore(y, samples=3, seed=5)
    assert [image.size for image in result.images] == [(120, 80)] * 3
    assert result.mean.size == (120, 80)
    assert result.mean.mode == result.images[0].mode == "RGB"
    assert result.raw.shape == (3, 3, 80, 120)
    assert result.raw.dtype == result.uncertainty.dtype == np.float32
    assert result.uncertainty.shape == (80, 120)
    assert result.raw.min() > -0.5
    assert result.raw.max() < 1.5
    report = result.report
    assert (report["seed"], report["temperature"], report["samples"]) == (5, 0.8, 3)
    assert report["device"] == "cpu"
    assert report["precision"] == "float32"
    assert report["consistency"] is True
    assert report["error_pixels"] == report["nonfinite"] == 0
    assert 0 < report["largest_detail"] < 2
    assert report["seconds"] > 0
    assert report["notes"] == []
    assert report["lr_psnr"] == min(lr_psnr(image, y) for image in result.images) > 60
    assert report["lr_psnr_before"] < 50


def test_a_sample_is_the_network_on_the_whole_picture():
    y, made = picture(20, 30), restorer()
    result = made.restore(y, samples=2, temperature=0.5, seed=3, consistency=False)
    encoding = made.network.encode(y[None])
    latent = torch.from_numpy(latent_window(3, 1, slice(0, 20), slice(0, 30), 48))[None]
    expected = made.network.sample(encoding, latent, 0.5).image[0].detach()
    assert np.allclose(result.raw[1], expected.numpy(), atol=1e-6)
    rounded = (expected.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(result.images[1]) - rounded).max() <= 1
    mean = (encoding.mean[0] * 255).round().permute(1, 2, 0).detach().numpy()
    assert np.array_equal(np.asarray(result.mean), mean)


@pytest.mark.parametrize("tile", [8, 14, 24])
@pytest.mark.parametrize(
    ("task", "scale", "height", "width"),
    [("sr", 4, 41, 57), ("sr", 2, 99, 63), ("sr", 8, 23, 45), ("lowlight", 1, 101, 123)],
)
def test_tiled_equals_untiled(monkeypatch, task, scale, height, width, tile):
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    y, made = picture(height, width), restorer(task, scale)
    whole = made.restore(y, samples=2, tile=10**6)
    tiled = made.restore(y, samples=2, tile=tile)
    calls: list[tuple[int, int]] = made.network.calls  # type: ignore[assignment]
    halo, pixels = made.geometry.reach(made.network).halo, made.geometry.pixels
    side = (max(tile // pixels, 8) + 2 * halo) * pixels
    assert calls[0] >= (height, width)
    assert len(calls) > 2
    assert all(rows * columns <= side * side for rows, columns in calls[1:])
    assert tiled.raw.shape == (2, 3, height * scale, width * scale)
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5


def differing(one, other) -> float:
    """Share of the bytes that differ; none by more than one level."""
    pairs = zip((*one.images, one.mean), (*other.images, other.mean), strict=True)
    gaps = [np.abs(np.asarray(a).astype(int) - np.asarray(b)) for a, b in pairs]
    assert max(gap.max() for gap in gaps) <= 1
    return max(float((gap > 0).mean()) for gap in gaps)


@pytest.mark.parametrize("make", [restorer, real_restorer])
def test_the_bytes_hardly_depend_on_the_tile(make):
    y, made = picture(99, 107), make()
    whole, tiled = made.restore(y, tile=10**6), made.restore(y, tile=60)
    assert tiled.report["tile"] < whole.report["tile"]
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5
    assert differing(tiled, whole) < 2e-5


def test_a_tile_is_an_upper_limit_and_auto_the_limit_of_all(monkeypatch):
    """A picture of several tiles: any limit from auto_tile on gives the same bytes as auto."""
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    monkeypatch.setattr(memory, "CPU_CELLS", 48 * 48)
    y, made = picture(61, 70), restorer()
    assert made.auto_tile == 48 - 2 * FakeNetwork.halo
    expected = made.restore(y, samples=2)
    windows = list(made.network.calls)  # type: ignore[attr-defined]
    assert len(windows) > 1
    for tile in (made.auto_tile, made.auto_tile + 1, 10**6):
        result = made.restore(y, samples=2, tile=tile)
        assert bytes_of(result) == bytes_of(expected)
        assert np.array_equal(result.raw, expected.raw)
    assert made.network.calls == 4 * windows  # type: ignore[attr-defined]
    made.restore(y, tile=made.auto_tile - 5)
    assert made.network.calls[4 * len(windows) :] != windows  # type: ignore[attr-defined]


def test_free_memory_decides_nothing_until_it_is_short_and_then_that_is_told(monkeypatch):
    monkeypatch.setattr(memory, "CPU_CELLS", 100 * 100)
    y, made = picture(110, 130), restorer()
    needed = memory.BYTES_A_CELL * 7590 * 4 // 3
    plans: list[list[tuple[int, int]]] = []
    for free in (None, 2**40, needed + 10**5, needed - 10**5):
        monkeypatch.setattr(memory, "available_bytes", lambda free=free: free)
        made.network.calls.clear()  # type: ignore[attr-defined]
        notes = made.restore(y).report["notes"]
        plans.append(list(made.network.calls))  # type: ignore[attr-defined]
        assert bool(notes) is (len(plans) == 4)
    assert plans[0] == plans[1] == plans[2] == [(110, 69), (110, 69)]
    assert len(plans[3]) > 2


def test_a_halo_too_small_would_show(monkeypatch):
    """The comparison above can fail: with less context than the network needs, it does."""
    y, made = picture(120, 120), restorer()
    whole = made.restore(y, tile=10**6)
    monkeypatch.setattr(FakeNetwork, "halo", 0)
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    assert np.abs(made.restore(y, tile=40).raw - whole.raw).max() > 1e-3


class Judging(FakeNetwork):
    """Brightens by the whole picture's mean, and sees cells four by four."""

    alignment = 4
    halo = 8

    def __init__(self) -> None:
        super().__init__("lowlight", 1)

    def global_context(self, picture):
        return picture.mean(dim=(1, 2, 3), keepdim=True)

    def encode(self, degraded, context=None):
        context = self.global_context(degraded) if context is None else context
        blocks = F.avg_pool2d(degraded, 16, ceil_mode=True)
        blocks = F.interpolate(blocks, scale_factor=16)[..., : degraded.shape[-2], :]
        return super().encode((degraded + blocks[..., : degraded.shape[-1]]) / 4 / context)


def test_what_is_judged_once_holds_for_every_tile(monkeypatch):
    """A half-dark, half-bright picture: no tile is brighter than its neighbour."""
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    y, made = picture(130, 170), Restorer(Judging(), config())  # type: ignore[arg-type]
    y[:, :, :85] *= 0.05
    whole, tiled = made.restore(y, tile=10**6), made.restore(y, tile=30)
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5
    assert differing(tiled, whole) < 2e-5


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (8, 8), (9, 31)])
@pytest.mark.parametrize(("task", "scale"), [("sr", 2), ("sr", 4), ("sr", 8), ("lowlight", 1)])
def test_pictures_of_any_small_size(task, scale, size):
    y = picture(*size)
    result = restorer(task, scale).restore(y, samples=2)
    height, width = (side * scale for side in size)
    assert result.raw.shape == (2, 3, height, width)
    assert result.images[1].size == result.mean.size == (width, height)
    assert np.isfinite(result.raw).all()
    for kind in (torch.zeros(3, *size), torch.ones(3, *size)):
        assert np.isfinite(restorer(task, scale).restore(kind).raw).all()


def test_a_sample_does_not_depend_on_how_many_are_asked_for():
    y, made = picture(16, 20), restorer()
    many = made.restore(y, samples=4)
    assert bytes_of(many)[:2] == bytes_of(made.restore(y, samples=2))[:2]
    assert len(set(bytes_of(many))) == 5


def test_seeds_differ_and_repeat():
    y, made = picture(16, 20), restorer()
    assert bytes_of(made.restore(y, seed=1)) == bytes_of(made.restore(y, seed=1))
    assert bytes_of(made.restore(y, seed=1))[0] != bytes_of(made.restore(y, seed=2))[0]


def test_temperature_zero_is_one_picture_whatever_the_seed():
    y, made = picture(16, 20), restorer()
    cold = made.restore(y, samples=2, temperature=0, seed=1)
    assert cold.images[0].tobytes() == cold.images[1].tobytes()
    assert not cold.uncertainty.any()
    assert bytes_of(cold) == bytes_of(made.restore(y, samples=2, temperature=0.0, seed=2))


def test_the_ways_to_hold_a_picture_agree():
    array = (picture(12, 16).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    made = restorer()
    expected = bytes_of(made.restore(array))
    assert bytes_of(made.restore(Image.fromarray(array))) == expected
    values = torch.from_numpy(array.transpose(2, 0, 1) / np.float32(255))
    assert bytes_of(made.restore(values)) == expected


def test_uncertainty_is_the_samples_spread_in_8_bit_levels():
    result = restorer().restore(picture(16, 20), samples=5)
    finished = np.stack([result.values(index) for index in range(5)]) * 255
    expected = np.sqrt(finished.var(axis=0, ddof=1).mean(axis=-1))
    assert np.allclose(result.uncertainty, expected, atol=1e-2)
    assert result.uncertainty.mean() > 1
    assert not restorer().restore(picture(16, 20)).uncertainty.any()


@pytest.mark.parametrize("consistency", [True, False])
def test_values_are_what_the_images_round(consistency):
    result = restorer().restore(picture(40, 30), samples=2, consistency=consistency)
    for index, image in enumerate(result.images):
        values = result.values(index)
        assert values.shape == (160, 120, 3)
        assert np.array_equal(np.asarray(image), np.round(values * 255).astype(np.uint8))


def test_without_consistency_the_samples_are_clamped_alone():
    y = picture(16, 20)
    result = restorer().restore(y, consistency=False)
    expected = np.clip(result.raw[0], 0, 1).transpose(1, 2, 0)
    assert np.array_equal(result.values(0), expected)
    assert result.report["lr_psnr_before"] is None
    assert result.report["lr_psnr"] < 50


def test_the_models_defaults_are_used():
    made = Restorer(FakeNetwork(), config(temperature=0.3, consistency=False))  # type: ignore[arg-type]
    report = made.restore(picture(8, 8)).report
    assert (report["temperature"], report["consistency"]) == (0.3, False)


def test_low_light_has_no_consistency():
    made = restorer("lowlight", 1)
    report = made.restore(picture(40, 40)).report
    assert report["consistency"] is False
    assert report["lr_psnr"] is None
    with pytest.raises(UsageError, match="not for lowlight"):
        made.restore(picture(40, 40), consistency=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"samples": 0},
        {"tile": 4},
        {"tile": "large"},
        {"seed": -1},
    ],
)
def test_settings_out_of_range_are_usage_errors(settings):
    made = restorer()
    with pytest.raises(UsageError):
        made.restore(picture(8, 8), **settings)
    assert made.network.calls == []  # type: ignore[attr-defined]


def test_an_unknown_precision_is_a_usage_error():
    with pytest.raises(UsageError, match="float64"):
        restorer(precision="float64")


def test_a_broken_picture_never_reaches_the_network():
    made, y = restorer(), picture(16, 16)
    y[0, 3, 3] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        made.restore(y)
    assert made.network.calls == []  # type: ignore[attr-defined]


def joined(bands) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples (n, H, W, 3) as floats, mean and uncertainty, of bands that come in order."""
    found = list(bands)
    assert [band.top for band in found] == [
        sum(band.mean.shape[0] for band in found[:index]) for index in range(len(found))
    ]
    values = np.concatenate([band.values.permute(0, 2, 3, 1).numpy() for band in found], axis=1)
    levels = np.concatenate([band.levels for band in found], axis=1)
    assert np.array_equal(levels, np.round(values * 255).astype(np.uint8))
    mean = np.concatenate([band.mean for band in found])
    return values, mean, np.concatenate([band.uncertainty for band in found])


@pytest.mark.parametrize(
    ("task", "scale", "consistency_on"),
    [("sr", 4, True), ("sr", 4, False), ("sr", 2, True), ("lowlight", 1, False)],
)
def test_bands_are_the_restoration_bit_for_bit(monkeypatch, task, scale, consistency_on):
    """Several rows of tiles, several parts that are projected by themselves, several bands each."""
    y, made = picture(161, 24), restorer(task, scale)
    monkeypatch.setattr(memory, "CPU_CELLS", made.geometry.units(24) ** 2)
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    monkeypatch.setattr(consistency, "_PART_PIXELS", 161 * 24 * scale * scale // 3)
    monkeypatch.setattr(consistency, "_BAND_PIXELS", 16 * 24 * scale * scale)
    whole = made.restore(y, samples=2, consistency=consistency_on)
    bands = made.restore_bands(y, samples=2, consistency=consistency_on)
    assert bands.size == whole.mean.size
    assert bands.report == {}
    values, mean, uncertainty = joined(bands)
    assert values.shape[1] == 161 * scale
    assert bands.task.raw.values.shape[-2] < 161 * scale * 0.8
    assert np.array_equal(values, np.stack([whole.values(index) for index in range(2)]))
    assert np.array_equal(mean, np.asarray(whole.mean))
    assert np.array_equal(uncertainty, whole.uncertainty)
    timed = {"seconds": 0}
    assert bands.report | timed == whole.report | timed
    assert list(bands) == []


def test_bands_give_the_lr_psnr_of_the_result(monkeypatch):
    monkeypatch.setattr(consistency, "_PART_PIXELS", 16 * 120 * 30 // 3)
    y = picture(120, 30)
    result = restorer().restore(y, samples=2)
    expected = min(lr_psnr(image, y) for image in result.images)
    assert result.report["lr_psnr"] == pytest.approx(expected, abs=1e-5)
    assert expected > 60
    plain = restorer().restore(y, samples=2, consistency=False)
    before = [consistency.downscale(torch.from_numpy(raw).clamp(0, 1), 4) for raw in plain.raw]
    square = max(float((low.clamp(0, 1) - y).square().mean()) for low in before)
    assert result.report["lr_psnr_before"] == pytest.approx(-10 * np.log10(square), abs=0.05)


def test_encoder_and_prepare_run_once_a_tile(monkeypatch):
    made = restorer()
    prepared = []
    prepare = made.network.prepare
    stages = made._stages._replace(prepare=lambda features: prepared.append(1) or prepare(features))
    monkeypatch.setattr(made, "_stages", stages)
    made.restore(picture(100, 100), samples=4, tile=50)
    assert len(made.network.calls) == len(prepared) == 4  # type: ignore[attr-defined]


def test_progress_is_monotone_and_ends_at_the_whole():
    seen: list[tuple[int, int]] = []
    restorer().restore(
        picture(100, 80), samples=3, tile=40, progress=lambda *step: seen.append(step)
    )
    done = [step[0] for step in seen]
    assert len(seen) == 6
    assert done == sorted(set(done))
    assert seen[-1] == (100 * 80 * 3, 100 * 80 * 3)
    assert {total for _, total in seen} == {24000}


class Failing(FakeNetwork):
    """Gives a value that is not finite in windows that hold the input pixel marked by 1.0.

    Args:
        only_reduced: whether float32 is sound.
        where: "image", "detail" or "both".
    """

    def __init__(
        self, only_reduced: bool, value: float = float("nan"), where: str = "both"
    ) -> None:
        super().__init__()
        self.only_reduced, self.value, self.where = only_reduced, value, where
        self.samples = 0

    def sample(self, encoding, latent, temperature, condition=None):
        self.samples += 1
        image, detail = super().sample(encoding, latent, temperature, condition)
        if self.only_reduced and self.precision is None:
            return Sample(image, detail)
        marked = self.marked[-1].repeat_interleave(4, 0).repeat_interleave(4, 1)[None, None]
        value = torch.tensor(self.value)
        broken_image = torch.where(marked, value, image) if self.where != "detail" else image
        broken_detail = torch.where(marked, value, detail) if self.where != "image" else detail
        return Sample(broken_image, broken_detail)

    marked: list[torch.Tensor]

    def encode(self, degraded):
        self.marked = [(degraded[0] == 1.0).all(dim=0)]
        return super().encode(degraded)


def marked_picture() -> torch.Tensor:
    y = picture(100, 100) * 0.9
    y[:, 70, 80] = 1.0
    return y


@pytest.mark.parametrize("where", ["image", "detail", "both"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_fail_the_picture_and_name_the_place(value, where):
    made = Restorer(Failing(False, value, where), config())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"48 values .* rows 0 \.\. 399, columns 300 \.\. 399"):
        made.restore(marked_picture(), tile=50)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_tile_that_fails_in_reduced_precision_is_done_again_in_float32(precision):
    network = Failing(True)
    made = Restorer(network, config(), precision=precision)  # type: ignore[arg-type]
    result = made.restore(marked_picture(), samples=2, tile=50)
    plain = restorer().restore(marked_picture(), samples=2, tile=50)
    assert np.abs(result.raw - plain.raw).max() < 1e-6
    assert network.samples == 4 * 2 + 2
    assert network.precision is made.network.precision is not None
    assert result.report["nonfinite"] == 2 * 48
    assert result.report["error_pixels"] == 0
    assert "1 tile(s) failed in reduced precision" in result.report["notes"][0]


def test_reduced_precision_that_fails_in_float32_too_fails_the_picture():
    network = Failing(False)
    made = Restorer(network, config(), precision="bfloat16")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing was written"):
        made.restore(marked_picture())
    assert network.precision is torch.bfloat16


def test_error_pixels_are_counted_before_the_limiter():
    made = Restorer(Failing(False, 30.0, "detail"), config())  # type: ignore[arg-type]
    result = made.restore(marked_picture(), samples=3, tile=50)
    assert result.report["error_pixels"] == 3 * 16
    assert result.report["largest_detail"] == 30.0
    assert result.report["nonfinite"] == 0


def test_error_pixels_in_padding_and_halo_do_not_count():
    y = torch.full((3, 5, 5), 0.5)
    y[:, 4, 4] = 1.0  # repeated 3 times to either side by the padding
    made = Restorer(Failing(False, 30.0, "detail"), config())  # type: ignore[arg-type]
    assert made.restore(y).report["error_pixels"] == 16


class OneColour(FakeNetwork):
    def sample(self, encoding, latent, temperature, condition=None):
        image, detail = super().sample(encoding, latent, temperature, condition)
        return Sample(image * 0 + 0.5, detail)


def test_a_result_of_one_colour_is_reported():
    made = Restorer(OneColour(), config())  # type: ignore[arg-type]
    assert "in one colour" in made.restore(picture(16, 16)).report["notes"][0]
    assert made.restore(torch.full((3, 16, 16), 0.4)).report["notes"] == []


class Hungry(FakeNetwork):
    """Runs out of memory for windows of more than `most` cells, at the second sample."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self.most, self.error, self.count = most, error, 0

    def sample(self, encoding, latent, temperature, condition=None):
        self.count += 1
        if latent.shape[-1] * latent.shape[-2] > self.most and self.count % 2 == 0:
            raise self.error
        return super().sample(encoding, latent, temperature, condition)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend not enough memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "host", "cpu", "mps"])
def test_out_of_memory_halves_the_tile_and_goes_on(error):
    y = picture(140, 150)
    seen: list[int] = []
    made = Restorer(Hungry(9000, error), config())  # type: ignore[arg-type]
    result = made.restore(y, samples=2, tile=10**6, progress=lambda done, total: seen.append(done))
    plain = restorer().restore(y, samples=2)
    assert differing(result, plain) < 2e-5
    assert result.report["error_pixels"] == plain.report["error_pixels"]
    assert result.report["largest_detail"] == pytest.approx(plain.report["largest_detail"])
    assert result.report["tile"] == 75
    assert result.report["notes"] == [
        "memory ran out with tiles of 150 pixels: went on with smaller ones"
    ]
    assert seen == sorted(set(seen))
    assert seen[-1] == 140 * 150 * 2


def test_out_of_memory_at_the_smallest_tile_is_a_limit():
    made = Restorer(Hungry(0, MemoryError()), config())  # type: ignore[arg-type]
    with pytest.raises(LimitError, match=r"even with tiles of [78] pixels"):
        made.restore(picture(120, 120), samples=2)


def test_other_errors_pass_through():
    made = Restorer(Hungry(0, RuntimeError("wrong shape")), config())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="wrong shape"):
        made.restore(picture(20, 20), samples=2)


def test_a_result_too_large_for_the_host_is_refused_before_work(monkeypatch):
    made = restorer()
    monkeypatch.setattr("restoreflow.restoration.memory.available_bytes", lambda: 10**6)
    with pytest.raises(LimitError, match="fewer samples"):
        made.restore(picture(100, 100))
    assert made.network.calls == []  # type: ignore[attr-defined]


def test_compiling_changes_nothing(monkeypatch):
    """With the tracer alone; the default back end takes a minute and is torch's own matter."""
    tracer = functools.partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", tracer)
    y, compiled = picture(12, 12), restorer(compile=True)
    assert compiled._stages.encode != compiled.network.encode
    expected = restorer().restore(y, samples=2).raw
    assert np.abs(compiled.restore(y, samples=2).raw - expected).max() < 1e-5


def test_encoding_of_a_picture():
    y, made = picture(33, 41), restorer("lowlight", 1)
    mean, features = made.encode(y)
    assert mean.shape == (1, 3, 33, 41)
    assert features.shape == (1, 8, 9, 11)
    with torch.no_grad():
        expected = made.network.encode(made.geometry.padded(y)[None]).mean
    assert torch.equal(mean, expected[..., :33, :41])
    assert restorer("sr", 8).encode(picture(9, 10)).features.shape == (1, 8, 18, 20)


def test_density_of_a_clean_picture():
    made = restorer()
    y = picture(10, 12)
    near, far = made.encode(y).mean[0], picture(40, 48)
    assert made.log_prob(y, near) == pytest.approx(0, abs=1e-6)
    assert made.log_prob(y, far) < -1
    with pytest.raises(InputError, match="not 48 x 40"):
        made.log_prob(y, y)
    with pytest.raises(InputError, match="multiples of 4"):
        restorer("lowlight", 1).log_prob(picture(34, 40), picture(34, 40))


def test_the_real_network_restores_and_has_a_density():
    made = real_restorer()
    y = picture(12, 17)
    result = made.restore(y, samples=2)
    assert -0.5 < result.raw.min() < result.raw.max() < 1.5
    assert result.report["lr_psnr"] > 55
    density = made.log_prob(y, torch.from_numpy(result.raw[0]).clamp(0, 1))
    assert np.isfinite(density)


def test_the_precision_is_handed_to_the_network():
    made = restorer(precision="bfloat16")
    assert made.network.precision is torch.bfloat16
    assert made.restore(picture(8, 8)).report["precision"] == "bfloat16"
    assert restorer().network.precision is None


def test_full_precision_on_cuda_is_a_setting_this_torch_knows():
    with sampling._repeatable(torch.device("cuda")):
        assert torch.backends.cudnn.deterministic is True
    with sampling._repeatable(torch.device("cpu")):
        pass
