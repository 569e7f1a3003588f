"""Restoring a picture: any size, any tile, any number of samples, and what goes wrong."""

from __future__ import annotations

import functools
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from restoreflow import free_memory
from restoreflow.errors import InputError, LimitError, UsageError
from restoreflow.flows.config import FlowConfig
from restoreflow.models.config import ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import Encoding, Sample, build_network
from restoreflow.restoration import consistency, memory, sampling
from restoreflow.restoration.consistency import lr_psnr
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.restorer import Restorer, load_model
from restoreflow.restoration.sampling import Seen
from restoreflow.tasks.task import downscale
from tests.restoration.fakes import FakeNetwork, config, picture


def restorer(task: str = "sr", scale: int = 4, **settings) -> Restorer:
    return Restorer(FakeNetwork(task, scale), config(), **settings)  # type: ignore[arg-type]


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


def window(monkeypatch, side: int) -> None:
    """Let windows have so many units a side: small pictures then take several."""
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    monkeypatch.setattr(Restorer, "_window", side * side)


def several(monkeypatch, made: Restorer) -> torch.Tensor:
    """A picture, no whole units a side, that is restored in two windows or more."""
    side, pixels = made._context + 9, made.geometry.pixels
    window(monkeypatch, side)
    return picture((side * side // 20 + 9) * pixels - pixels // 2, 20 * pixels - pixels // 2)


@pytest.mark.parametrize("side", [16, 20, 24])
@pytest.mark.parametrize(
    ("task", "scale", "height", "width"),
    [("sr", 4, 41, 57), ("sr", 2, 99, 63), ("sr", 8, 23, 45), ("lowlight", 1, 101, 123)],
)
def test_tiled_equals_untiled(monkeypatch, task, scale, height, width, side):
    y, made = picture(height, width), restorer(task, scale)
    whole = made.restore(y, samples=2)
    window(monkeypatch, side)
    tiled = made.restore(y, samples=2)
    calls: list[tuple[int, int]] = made.network.calls  # type: ignore[assignment]
    pixels = made.geometry.pixels
    assert calls[0] >= (height, width)
    assert len(calls) > 2
    assert all(rows * columns <= (side * pixels) ** 2 for rows, columns in calls[1:])
    assert tiled.raw.shape == (2, 3, height * scale, width * scale)
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5


def real_restorer(task: str = "sr", scale: int = 4) -> Restorer:
    """The real network, small, its weights shaken so that every layer does something.

    At scale 4 with all that a flow and an encoder can have, elsewhere plain.
    """
    torch.manual_seed(scale)
    kind = "residual" if task == "sr" else "low_light"
    rich = (task, scale) == ("sr", 4)
    described = NetworkConfig(kind=kind, width=12, depth=1, context=1, told=rich)
    flow = FlowConfig(steps=2, hidden=16)
    if rich:
        flow = FlowConfig(steps=2, hidden=16, coarse=2, rotations="cosine", injector="spline")
    description = ModelConfig(name="tiny", task=task, scale=scale, network=described, flow=flow)  # type: ignore[arg-type]
    network = build_network(description)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return Restorer(network, description)


REAL = [("sr", 2), ("sr", 4), ("sr", 8), ("lowlight", 1)]


@pytest.mark.parametrize(("task", "scale"), REAL)
def test_the_flow_sees_all_that_it_needs_of_the_encoders_window(monkeypatch, task, scale):
    made = real_restorer(task, scale)
    with monkeypatch.context() as tiny:
        y = several(tiny, made)
        tiled = made.restore(y, samples=2)
    whole = made.restore(y, samples=2)
    assert tiled.report["tile"] < whole.report["tile"]
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5
    several(monkeypatch, made)
    flow = made.network.flow
    monkeypatch.setattr(type(flow), "halo", 1)
    assert np.abs(made.restore(y, samples=2).raw - whole.raw).max() > 1e-5


@pytest.mark.parametrize(("task", "scale"), REAL)
def test_the_bytes_do_not_depend_on_tile_and_samples(monkeypatch, task, scale):
    made = real_restorer(task, scale)
    y = several(monkeypatch, made)
    expected = made.restore(y, samples=3, seed=7)
    assert expected.report["tile"] < y.shape[-2]
    assert len(set(bytes_of(expected))) == 4
    for tile, samples in ((8, 1), (31, 2), (10**6, 3)):
        result = made.restore(y, samples=samples, seed=7, tile=tile)
        assert bytes_of(result) == bytes_of(expected)[:samples] + bytes_of(expected)[3:]
        assert np.array_equal(result.raw, expected.raw[:samples])


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_the_bytes_of_the_bundled_model_do_not_depend_on_tile_and_samples(monkeypatch, precision):
    made = load_model("sr-x4", device="cpu", precision=precision)
    y = several(monkeypatch, made)
    expected = made.restore(y, samples=2)
    assert expected.report["tile"] < y.shape[-2]
    for tile in (8, 1000):
        result = made.restore(y, tile=tile)
        assert bytes_of(result) == [bytes_of(expected)[0], bytes_of(expected)[2]]
        assert np.array_equal(result.raw[0], expected.raw[0])


def test_a_tile_too_small_is_told(monkeypatch):
    window(monkeypatch, 40)
    y, made = picture(61, 70), restorer()
    assert made.largest_tile == 40 - 2 * FakeNetwork.halo
    used = made.restore(y).report["tile"]
    assert made.restore(y, tile=used).report["notes"] == []
    note = f"tiles of {used} pixels instead of {used - 1}: smaller ones give other bits"
    assert made.restore(y, tile=used - 1).report["notes"] == [note]


def test_free_memory_changes_no_tile_and_too_little_is_a_limit(monkeypatch):
    window(monkeypatch, 48)
    y, made = picture(110, 130), restorer()
    plans: list[list[tuple[int, int]]] = []
    for free in (None, 2**40, memory.BYTES_A_CELL * 48 * 48):
        monkeypatch.setattr(free_memory, "available_bytes", lambda free=free: free)
        made.network.calls.clear()  # type: ignore[attr-defined]
        assert made.restore(y).report["notes"] == []
        plans.append(list(made.network.calls))  # type: ignore[arg-type]
    assert plans[0] == plans[1] == plans[2]
    monkeypatch.setattr(free_memory, "available_bytes", lambda: memory.BYTES_A_CELL * 40 * 40)
    with pytest.raises(LimitError, match="are needed"):
        made.restore(y)


def test_a_halo_too_small_would_show(monkeypatch):
    """The comparison above can fail: with less context than the network needs, it does."""
    y, made = picture(120, 120), restorer()
    whole = made.restore(y)
    monkeypatch.setattr(FakeNetwork, "halo", 0)
    window(monkeypatch, 40)
    assert np.abs(made.restore(y).raw - whole.raw).max() > 1e-3


class Judging(FakeNetwork):
    """Brightens by the whole picture's mean, and sees cells four by four."""

    alignment = 4
    halo = 8

    def __init__(self) -> None:
        super().__init__("lowlight", 1)

    def global_context(self, picture):
        return picture.mean(dim=(1, 2, 3), keepdim=True)

    def placed(self, context, top, left):
        return context

    def encode(self, degraded, context=None):
        context = self.global_context(degraded) if context is None else context
        blocks = F.avg_pool2d(degraded, 16, ceil_mode=True)
        blocks = F.interpolate(blocks, scale_factor=16)[..., : degraded.shape[-2], :]
        return super().encode((degraded + blocks[..., : degraded.shape[-1]]) / 4 / context)


def test_what_is_judged_once_holds_for_every_tile(monkeypatch):
    """A half-dark, half-bright picture: no tile is brighter than its neighbour."""
    y, made = picture(130, 170), Restorer(Judging(), config())  # type: ignore[arg-type]
    y[:, :, :85] *= 0.05
    whole = made.restore(y)
    window(monkeypatch, 30)
    tiled = made.restore(y)
    assert tiled.report["tile"] < whole.report["tile"]
    assert np.abs(tiled.raw - whole.raw).max() < 1e-5


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
    expected = made.network.encode(y[None]).mean.detach().numpy()
    assert np.allclose(cold.raw[:1], expected, atol=1e-6)
    assert cold.report["largest_detail"] == 0


def test_at_temperature_zero_a_watch_still_sees_the_encoder():
    network = FakeNetwork()
    made = Restorer(network, config())  # type: ignore[arg-type]
    y, seen = picture(16, 20), []

    @contextmanager
    def watch(tile):
        before = len(network.calls)
        yield Seen()
        seen.append((tile.core.area, len(network.calls) - before))

    watched = made.restore(y, temperature=0, watch=watch)
    assert seen == [(16 * 20, 1)]
    assert bytes_of(watched) == bytes_of(made.restore(y, temperature=0))


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
    low = result.mean.resize((20, 16), Image.Resampling.BICUBIC)
    estimate = torch.from_numpy(np.asarray(low).transpose(2, 0, 1).copy()) / 255
    expected = lr_psnr(result.images[0], estimate)
    assert result.report["lr_psnr_clean"] == pytest.approx(expected, abs=1e-3)
    assert restorer().restore(y, consistency=True).report["lr_psnr_clean"] is None


def test_the_models_defaults_are_used():
    made = Restorer(FakeNetwork(), config(temperature=0.3, consistency=False))  # type: ignore[arg-type]
    report = made.restore(picture(8, 8)).report
    assert (report["temperature"], report["consistency"]) == (0.3, False)


def test_low_light_has_no_consistency():
    made = restorer("lowlight", 1)
    report = made.restore(picture(40, 40)).report
    assert report["consistency"] is False
    assert report["lr_psnr"] is None and report["lr_psnr_clean"] is None
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
    window(monkeypatch, made.geometry.units(24))
    monkeypatch.setattr(consistency, "_PART_PIXELS", 161 * 24 * scale * scale // 3)
    monkeypatch.setattr(consistency, "_BAND_PIXELS", 16 * 24 * scale * scale)
    whole = made.restore(y, samples=2, consistency=consistency_on)
    bands = made.restore_bands(y, samples=2, consistency=consistency_on)
    assert bands.size == whole.mean.size
    assert bands.report == {}
    values, mean, uncertainty = joined(bands)
    assert values.shape[1] == 161 * scale
    assert bands.work.raw.values.shape[-2] < 161 * scale * 0.8
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
    before = [downscale(torch.from_numpy(raw).clamp(0, 1), 4) for raw in plain.raw]
    square = max(float((low.clamp(0, 1) - y).square().mean()) for low in before)
    assert result.report["lr_psnr_before"] == pytest.approx(-10 * np.log10(square), abs=0.05)


def test_encoder_and_prepare_run_once_a_tile(monkeypatch):
    made = restorer()
    prepared = []
    prepare = made.network.prepare
    stages = made._stages._replace(prepare=lambda features: prepared.append(1) or prepare(features))
    monkeypatch.setattr(made, "_stages", stages)
    window(monkeypatch, 58)
    made.restore(picture(100, 100), samples=4)
    assert len(made.network.calls) == len(prepared) == 4  # type: ignore[attr-defined]


def test_progress_is_monotone_and_ends_at_the_whole(monkeypatch):
    seen: list[tuple[int, int]] = []
    window(monkeypatch, 48)
    restorer().restore(picture(100, 80), samples=3, progress=lambda *step: seen.append(step))
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
        marked = F.interpolate(encoding.features[:, 8:], scale_factor=4) == 1.0
        value = torch.tensor(self.value)
        broken_image = torch.where(marked, value, image) if self.where != "detail" else image
        broken_detail = torch.where(marked, value, detail) if self.where != "image" else detail
        return Sample(broken_image, broken_detail)

    def encode(self, degraded):
        mean, features, _ = super().encode(degraded)
        mark = (degraded == 1.0).all(dim=1, keepdim=True)
        return Encoding(mean, torch.cat((features, mark.float()), dim=1))

    def prepare(self, features):
        return super().prepare(features[:, :8])


def marked_picture() -> torch.Tensor:
    y = picture(100, 100) * 0.9
    y[:, 70, 80] = 1.0
    return y


@pytest.mark.parametrize("where", ["image", "detail", "both"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_fail_the_picture_and_name_the_place(monkeypatch, value, where):
    window(monkeypatch, 58)
    made = Restorer(Failing(False, value, where), config())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"48 values .* rows 0 \.\. 399, columns 300 \.\. 399"):
        made.restore(marked_picture())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_tile_that_fails_in_reduced_precision_is_done_again_in_float32(monkeypatch, precision):
    window(monkeypatch, 58)
    network = Failing(True)
    made = Restorer(network, config(), precision=precision)  # type: ignore[arg-type]
    result = made.restore(marked_picture(), samples=2)
    plain = restorer().restore(marked_picture(), samples=2)
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


class Blind(FakeNetwork):
    """Whose features are not finite, in reduced precision or always; its samples always are."""

    def __init__(self, only_reduced: bool) -> None:
        super().__init__()
        self.only_reduced = only_reduced

    def encode(self, degraded):
        mean, features, reach = super().encode(degraded)
        if not (self.only_reduced and self.precision is None):
            features = torch.cat((features, torch.full_like(features[:, :1], float("inf"))), 1)
        return Encoding(mean, features, reach)

    def prepare(self, features):
        return super().prepare(features[:, :8])


def test_features_that_are_not_finite_are_no_ground_for_a_sample():
    with pytest.raises(InputError, match="not finite"):
        Restorer(Blind(False), config()).restore(picture(20, 20))  # type: ignore[arg-type]
    made = Restorer(Blind(True), config(), precision="bfloat16")  # type: ignore[arg-type]
    report = made.restore(picture(20, 20)).report
    assert report["nonfinite"] > 0 and "failed in reduced precision" in report["notes"][0]


def test_error_pixels_are_counted_before_the_limiter():
    made = Restorer(Failing(False, 30.0, "detail"), config())  # type: ignore[arg-type]
    result = made.restore(marked_picture(), samples=3)
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
    """Runs out of memory at the second sample."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.count = error, 0

    def sample(self, encoding, latent, temperature, condition=None):
        self.count += 1
        if self.error is not None and self.count % 2 == 0:
            raise self.error
        return super().sample(encoding, latent, temperature, condition)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend not enough memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "host", "cpu", "mps"])
def test_out_of_memory_is_a_limit_that_says_what_to_do_and_keeps_nothing(error):
    made = Restorer(Hungry(error), config())  # type: ignore[arg-type]
    with pytest.raises(LimitError, match="memory on cpu ran out") as caught:
        made.restore(picture(20, 20), samples=2)
    assert "close other programs" in caught.value.hint
    assert caught.value.__context__ is None
    made.network.error = None  # type: ignore[assignment]
    again = made.restore(picture(20, 20), samples=2)
    assert bytes_of(again) == bytes_of(restorer().restore(picture(20, 20), samples=2))


def test_other_errors_pass_through():
    made = Restorer(Hungry(RuntimeError("wrong shape")), config())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="wrong shape"):
        made.restore(picture(20, 20), samples=2)


def test_a_result_too_large_for_the_host_is_refused_before_work(monkeypatch):
    made = restorer()
    monkeypatch.setattr("restoreflow.free_memory.available_bytes", lambda: 10**6)
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
    mean, features, _ = made.encode(y)
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


def test_bfloat16_moves_the_bundled_model_by_less_than_a_level():
    exact, reduced = (
        load_model("sr-x4", device="cpu", precision=kind).restore(picture(24, 31), seed=2)
        for kind in ("float32", "bfloat16")
    )
    assert not np.array_equal(exact.raw, reduced.raw)
    assert np.abs(exact.values(0) - reduced.values(0)).mean() < 1e-3


def test_full_precision_on_cuda_is_a_setting_this_torch_knows():
    with sampling._repeatable(torch.device("cuda")):
        assert torch.backends.cudnn.deterministic is True
    with sampling._repeatable(torch.device("cpu")):
        pass


def told_restorer() -> Restorer:
    """A model that judges wear, whose judgement and dependence on it are drawn at random."""
    made = real_restorer()
    assert made.tells_wear
    return made


def judging(made: Restorer, noise: float, compression: float, blur: float = 0.0) -> Restorer:
    """The same, judging every picture alike."""
    encoder = made.network.encoder
    with torch.no_grad():
        encoder.get_parameter("judgement.judge.weight").zero_()
        encoder.get_parameter("judgement.judge.bias").copy_(
            torch.tensor([noise, compression, blur, 0.0, 0.0, 0.0])
        )
    return made


def test_wear_is_judged_told_and_said(monkeypatch):
    made, y = judging(told_restorer(), 0.25, 0.3, 0.5), picture(40, 40)
    expected = made.restore(y, consistency=False)
    assert expected.report["wear"] == pytest.approx({"noise": 4.0, "quality": 70.0, "blur": 1.0})
    clean = made.restore(y, consistency=False, wear="none")
    assert clean.report["wear"] == {"noise": 0.0, "quality": 100.0, "blur": 0.0}
    strong = made.restore(y, consistency=False, wear=1.0)
    assert strong.report["wear"] == pytest.approx({"noise": 16.0, "quality": 40.0, "blur": 1.0})
    assert len({r.raw.tobytes() for r in (expected, clean, strong)}) == 3
    same = made.restore(y, consistency=False, wear="auto")
    assert np.array_equal(same.raw, expected.raw)


def test_worn_inputs_are_kept_to_the_clean_estimate_and_clean_ones_to_themselves():
    y = picture(40, 40)
    worn = judging(told_restorer(), 0.25, 0.3).restore(y)
    assert worn.report["consistent_with"] == "estimate"
    assert worn.report["lr_psnr_clean"] > worn.report["lr_psnr"]
    free = judging(told_restorer(), 0.25, 0.3).restore(y, consistency=False)
    assert worn.report["lr_psnr_clean"] >= free.report["lr_psnr_clean"]
    hardly = judging(told_restorer(), 0.07, 0.0).restore(y)  # a level of noise
    assert hardly.report["consistent_with"] == "estimate"
    assert hardly.report["lr_psnr_clean"] > 45
    clean = judging(told_restorer(), 0.01, 0.01).restore(y)
    assert clean.report["consistent_with"] == "input"
    assert clean.report["lr_psnr"] > 45
    assert judging(told_restorer(), 0.25, 0.3).restore(y, wear="none").report["lr_psnr"] > 45
    assert real_restorer(scale=2).restore(y).report["consistent_with"] == "input"


@pytest.mark.parametrize("wear", ["much", -0.1, 1.1, float("nan")])
def test_wear_out_of_its_range_is_refused(wear):
    with pytest.raises(UsageError, match="wear is"):
        told_restorer().restore(picture(16, 16), wear=wear)


def test_a_model_that_is_told_nothing_takes_no_wear():
    with pytest.raises(UsageError, match="not told"):
        real_restorer(scale=2).restore(picture(16, 16), wear=0.5)


@pytest.mark.parametrize("consistency", [True, False])
def test_a_smaller_size_is_the_result_reduced(consistency):
    y, made = picture(37, 30), restorer()
    asked = {"samples": 2, "seed": 5, "consistency": consistency}
    full = made.restore(y, **asked)
    sized = made.restore(y, size=2.5, **asked)
    assert [image.size for image in (*sized.images, sized.mean)] == [(75, 92)] * 3
    assert sized.uncertainty.shape == (92, 75)
    assert np.array_equal(sized.raw, full.raw)
    for index, image in enumerate(sized.images):
        planes = [Image.fromarray(plane) for plane in full.values(index).transpose(2, 0, 1).copy()]
        reduced = [plane.resize((75, 92), Image.Resampling.LANCZOS) for plane in planes]
        values = np.clip(np.stack([np.asarray(plane) for plane in reduced], -1), 0, 1)
        assert np.abs(sized.values(index) - values).max() < 1e-5
        assert np.array_equal(np.asarray(image), np.rint(sized.values(index) * 255))
    spread = np.stack([sized.values(index) for index in range(2)]).std(axis=0, ddof=1)
    expected = 255 * np.sqrt((spread**2).mean(axis=-1))
    assert np.abs(sized.uncertainty - expected).max() < 1e-3
    assert sized.report["lr_psnr"] == min(lr_psnr(image, y) for image in sized.images)
    assert sized.report["lr_psnr"] > (45 if consistency else 0)


def test_a_size_that_a_model_does_not_reach_is_refused():
    made = restorer()
    with pytest.raises(UsageError, match="scale is 5, and"):
        made.restore(picture(20, 30), size=5)
    with pytest.raises(InputError, match="would not enlarge"):
        made.restore(picture(20, 30), size=(30, 20))
    with pytest.raises(UsageError, match="size is for super-resolution"):
        restorer("lowlight", 1).restore(picture(20, 30), size=2)
