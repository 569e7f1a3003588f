"""Measures for scripts are those of `restoreflow evaluate`, whatever form the pictures have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow import metrics
from restoreflow.errors import InputError, ModelError
from restoreflow.measures import metrics as evaluated
from restoreflow.measures.lpips import load_lpips
from tests.measures.lpips_weights import write_weights
from tests.restoration.fakes import picture

TRUTH, NEAR = picture(40, 48), picture(40, 48, seed=1)
A, B = ((x * 255).round().byte().permute(1, 2, 0).numpy() for x in (NEAR, TRUTH))

MEASURES = {
    "psnr": (metrics.psnr, evaluated.psnr(A, B)),
    "psnr_y": (lambda a, b: metrics.psnr_y(a, b, 4), evaluated.psnr_y(A, B, 4)),
    "ssim": (metrics.ssim, evaluated.ssim_rgb(A, B)),
    "ssim_y": (lambda a, b: metrics.ssim_y(a, b, 4), evaluated.ssim_y(A, B, 4)),
}


@pytest.mark.parametrize(("measure", "known"), MEASURES.values(), ids=MEASURES)
def test_a_measure_is_that_of_evaluate(measure, known, tmp_path):
    Image.fromarray(A).save(tmp_path / "a.png")
    assert measure(A, B) == measure(Image.fromarray(A), TRUTH) == known
    assert measure(tmp_path / "a.png", B) == pytest.approx(known, rel=1e-5)
    assert measure(torch.stack([NEAR, TRUTH]), [B, A]) == [known, measure(B, A)]


def test_equal_pictures_and_floats():
    assert math.isinf(metrics.psnr(A, A))
    floats = torch.full((3, 8, 8), 0.5)
    assert metrics.psnr(floats + 0.0004, floats) == pytest.approx(-20 * math.log10(0.0004), abs=0.1)


def test_lr_psnr_is_that_of_reports():
    import restoreflow

    restorer = restoreflow.Restorer.from_pretrained("sr-x2", device="cpu")
    result = restorer.restore(TRUTH)
    assert metrics.lr_psnr(result.images[0], TRUTH) == pytest.approx(result.report["lr_psnr"])
    with pytest.raises(InputError, match="whole number of times"):
        metrics.lr_psnr(A[:39], B[:10])


def test_lpips_takes_its_weights_from_the_folder(monkeypatch, tmp_path):
    metrics._network.cache_clear()
    monkeypatch.setenv("RESTOREFLOW_LPIPS", str(write_weights(tmp_path / "lpips")))
    known = float(load_lpips("alex")(NEAR[None], TRUTH[None]))
    assert metrics.lpips(A, B) == pytest.approx(known, rel=1e-5)
    assert metrics.lpips([A, A], np.stack([A, B]))[0] == 0
    metrics._network.cache_clear()
    monkeypatch.setenv("RESTOREFLOW_LPIPS", str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match="no LPIPS weights"):
        metrics.lpips(A, B)


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        ((A, B[1:]), "pictures differ in shape"),
        ((A[:8], B[:8]), "11 x 11 pixels or more"),
        (([A, A], [B]), "there are 2 pictures and 1 to compare them with"),
        ((A, [B, B]), "there are 1 pictures and 2 to compare them with"),
        ((A, "nowhere.png"), "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_told(pair, text):
    with pytest.raises(InputError, match=text):
        metrics.ssim(*pair)
