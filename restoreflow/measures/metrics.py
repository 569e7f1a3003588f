"""How near a restored picture is to the truth, to its input, and to its siblings.

Pictures are arrays (H, W, 3) of RGB in 8-bit levels 0..255, of any dtype; all sums are float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from restoreflow.errors import RestoreflowError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ERROR_RANGE",
    "SSIM_WINDOW",
    "ErrorCount",
    "Spread",
    "count_errors",
    "diversity_s10",
    "gray",
    "luma",
    "match_mean",
    "psnr",
    "psnr_y",
    "spread",
    "ssim_gray",
    "ssim_rgb",
    "ssim_y",
]

PEAK = 255.0
SSIM_WINDOW = 11
ERROR_RANGE = (-0.5, 1.5)
"""Pictures lie in [0, 1]; a sample's value outside this range makes its pixel an error pixel."""


def luma(picture: NDArray[Any]) -> NDArray[np.float64]:
    """ITU-R BT.601 luma in limited range 16..235, as MATLAB's rgb2ycbcr without its rounding."""
    weights = np.array([65.481, 128.553, 24.966]) / PEAK
    return 16.0 + np.asarray(picture, np.float64) @ weights


def gray(picture: NDArray[Any]) -> NDArray[np.float64]:
    """ITU-R BT.601 luma in full range 0..255."""
    return np.asarray(picture, np.float64) @ np.array([0.299, 0.587, 0.114])


def psnr(picture: NDArray[Any], reference: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB over all channels; infinite for equal pictures.

    Raises:
        ValueError: the shapes differ.
    """
    _require_same_shape(picture, reference)
    difference = np.asarray(picture, np.float64) - np.asarray(reference, np.float64)
    mean_square = float(np.mean(difference**2))
    return math.inf if mean_square == 0 else 10.0 * math.log10(PEAK**2 / mean_square)


def psnr_y(picture: NDArray[Any], reference: NDArray[Any], border: int) -> float:
    """PSNR in dB of the limited-range luma, `border` pixels cropped from each side.

    Papers on super-resolution crop as many pixels as the scale.
    """
    return psnr(_crop(luma(picture), border), _crop(luma(reference), border))


def ssim_y(picture: NDArray[Any], reference: NDArray[Any], border: int) -> float:
    """Structural similarity of the limited-range luma, `border` pixels cropped from each side."""
    return _ssim(_crop(luma(picture), border), _crop(luma(reference), border))


def ssim_gray(picture: NDArray[Any], reference: NDArray[Any]) -> float:
    """Structural similarity of the full-range luma."""
    return _ssim(gray(picture), gray(reference))


def ssim_rgb(picture: NDArray[Any], reference: NDArray[Any]) -> float:
    """Structural similarity averaged over the three channels."""
    return _ssim(
        np.asarray(picture, np.float64), np.asarray(reference, np.float64), channel_axis=-1
    )


def match_mean(picture: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.uint8]:
    """The picture times the one factor that gives it the reference's gray mean.

    Clipped to 0..255 and rounded, so the mean falls short where much is clipped. It asks how
    good a result is apart from its exposure, and needs the truth: report it beside the picture
    as it is, never instead.
    """
    _require_same_shape(picture, reference)
    own = float(gray(picture).mean())
    factor = float(gray(reference).mean()) / own if own > 0 else 1.0
    return np.clip(np.rint(np.asarray(picture, np.float64) * factor), 0, PEAK).astype(np.uint8)


class Spread(NamedTuple):
    """How far two samples of one input lie apart, in 8-bit levels."""

    mean_absolute: float
    standard_deviation: float
    """of a sample about the samples' mean: the root mean square difference / sqrt(2)"""


def spread(sample: NDArray[Any], other: NDArray[Any]) -> Spread:
    """The spread between two samples of one input."""
    _require_same_shape(sample, other)
    difference = np.asarray(sample, np.float64) - np.asarray(other, np.float64)
    return Spread(float(np.abs(difference).mean()), math.sqrt(float(np.mean(difference**2)) / 2.0))


def diversity_s10(distance_maps: Sequence[NDArray[Any]] | NDArray[Any]) -> float:
    """Diversity in percent: how much better the best sample of each place is than the best sample.

    (min_i mean_p d_i(p) - mean_p min_i d_i(p)) / min_i mean_p d_i(p) x 100 for maps d_i of the
    LPIPS distance between sample i and the truth, the score of the NTIRE challenges on learning
    the super-resolution space (Lugmayr et al., 2021). 0 for samples that are all alike, and for
    samples that all equal the truth.

    Args:
        distance_maps: maps of one shape, ten of them for the score as published.

    Raises:
        ValueError: there is no map.
    """
    maps = np.asarray(distance_maps, np.float64)
    if maps.size == 0:
        raise ValueError("diversity needs at least one distance map")
    flat = maps.reshape(len(maps), -1)
    best_sample = float(flat.mean(axis=1).min())
    best_everywhere = float(flat.min(axis=0).mean())
    return 100.0 * (best_sample - best_everywhere) / best_sample if best_sample > 0 else 0.0


class ErrorCount(NamedTuple):
    """Error pixels of samples, before limiter and clamping."""

    pixels: int
    """pixels with a value in any channel that is not finite or outside ERROR_RANGE"""
    nonfinite: int
    """values that are not finite"""


def count_errors(samples: NDArray[Any]) -> ErrorCount:
    """Count the error pixels of samples (..., 3, H, W) whose normal range is [0, 1]."""
    finite = np.isfinite(samples)
    low, high = ERROR_RANGE
    # Comparisons with NaN are false, so a NaN is an error in both tests.
    fine = finite & (samples >= low) & (samples <= high)
    return ErrorCount(int((~fine.all(axis=-3)).sum()), int((~finite).sum()))


def _ssim(
    picture: NDArray[np.float64], reference: NDArray[np.float64], channel_axis: int | None = None
) -> float:
    """SSIM (Wang et al., 2004) with its 11 x 11 Gaussian window of standard deviation 1.5."""
    _require_same_shape(picture, reference)
    if min(picture.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"structural similarity needs {SSIM_WINDOW} x {SSIM_WINDOW} pixels or more, "
            f"got {picture.shape[1]} x {picture.shape[0]}"
        )
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise RestoreflowError(
            "Structural similarity needs scikit-image, which is not installed",
            'pip install "restoreflow[lab]"',
        ) from error
    similarity: Any = structural_similarity(
        picture,
        reference,
        data_range=PEAK,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=channel_axis,
    )
    return float(similarity)


def _crop(picture: NDArray[np.float64], border: int) -> NDArray[np.float64]:
    height, width = picture.shape[:2]
    if border < 0 or 2 * border >= min(height, width):
        raise ValueError(f"a border of {border} leaves nothing of {width} x {height} pixels")
    return picture[border : height - border, border : width - border]


def _require_same_shape(picture: NDArray[Any], reference: NDArray[Any]) -> None:
    if np.shape(picture) != np.shape(reference):
        raise ValueError(f"pictures differ in shape: {np.shape(picture)} and {np.shape(reference)}")
