"""Fit what tells blur from edges: the weights in restoreflow/defects/blur.py.

    python benchmarks/edge_softness.py --data photos/train [--limit 60]

Photographs, evenly spread, are blurred by known Gaussians; the softness of their strongest edges,
at several quantiles, is regressed on the deviations, with a ridge whose weight cross-validation
chooses. Every second photograph is then left out and estimated by what the others give. Prints
the offset and weights of all, and a line for each deviation: the median estimate of those left
out, and the share within 0.3 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.filters import gaussian
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from restoreflow.defects.blur import edges_of
from restoreflow.defects.parts import view
from restoreflow.images.decode import read_levels
from restoreflow.lab.photographs import list_photos

DEVIATIONS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
TOLERANCE = 0.3


def main() -> None:
    """Fit to a folder's photographs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    rows = [
        (index, deviation, softness)
        for index, path in enumerate(list_photos(options.data, options.limit))
        for deviation in DEVIATIONS
        if (softness := softness_of(read_levels(path), deviation)) is not None
    ]
    photos, truths = (np.array([row[i] for row in rows]) for i in (0, 1))
    numbers = np.array([row[2] for row in rows])
    scaler, ridge = StandardScaler(), RidgeCV(np.logspace(-3, 3, 13))
    model = make_pipeline(scaler, ridge)
    estimates = np.empty(len(rows))
    for half in (photos % 2 == 0, photos % 2 == 1):
        estimates[half] = model.fit(numbers[~half], truths[~half]).predict(numbers[half])
    for deviation in DEVIATIONS:
        found = estimates[truths == deviation]
        near = float((np.abs(found - deviation) <= TOLERANCE).mean())
        print(f"{deviation:g}: {len(found)} photographs, median {np.median(found):.2f}, {near:.0%}")
    model.fit(numbers, truths)
    weights = ridge.coef_ / np.asarray(scaler.scale_)
    print("offset", round(float(ridge.intercept_ - weights @ scaler.mean_), 3))
    print("weights", np.round(weights, 3).tolist())


def softness_of(levels: np.ndarray, deviation: float) -> tuple[float, ...] | None:
    """Of a photograph that is blurred first."""
    if deviation:
        levels = gaussian(levels, deviation, channel_axis=2, preserve_range=True, mode="nearest")
    edges = edges_of(view(np.rint(levels).astype(np.float32) / np.float32(255)))
    return None if edges is None else edges.softness


if __name__ == "__main__":
    main()
