"""What judging inputs costs, in processor seconds on one thread.

    python benchmarks/ood_cost.py PHOTO [--model sr-x4] [--side 128 --side 256] [--repeat 5]

For each side: a restoration of that many pixels squared, one sample, plain; the same with its
features watched, and judged by them; and a judgement beforehand, which is what `ood-check` does
after decoding. Plain and watched runs take turns. Prints a line of JSON a side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from restoreflow.batch.judging import Judge
from restoreflow.images.decode import decode
from restoreflow.models.folder import load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.reference import read_reference
from restoreflow.restoration.restorer import Restorer


def main() -> None:
    """Measure each side."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = resolve_model(options.model)
    network, config = load_folder(folder)
    restorer, judge = Restorer(network, config), Judge(read_reference(folder))
    photo = decode(options.photo).pixels
    for side in options.side or [128, 256]:
        if min(photo.shape[:2]) < side:
            parser.error(f"{options.photo} is smaller than {side} pixels")
        pixels = np.ascontiguousarray(photo[:side, :side])
        print(json.dumps({"side": side} | measured(restorer, judge, pixels, options.repeat)))


def measured(restorer: Restorer, judge: Judge, pixels: np.ndarray, repeat: int) -> dict:
    """Median processor seconds of each way, and the share that judging adds."""

    def watched() -> None:
        watch = judge.watch(restorer, pixels)
        assert watch is not None
        restorer.restore(pixels, watch=watch)
        judge.watched(restorer, pixels, watch)

    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: restorer.restore(pixels),
        "watched": watched,
        "beforehand": lambda: judge(restorer, pixels),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, work in ways.items():
            started = time.process_time()
            work()
            if turn > 0:  # the first one warms up
                seconds[name].append(time.process_time() - started)
    pairs = zip(seconds["watched"], seconds["plain"], strict=True)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    return {
        **{name: round(value, 4) for name, value in median.items()},
        "watched_adds": round(statistics.median(w / p - 1 for w, p in pairs), 4),
        "beforehand_adds": round(median["beforehand"] / median["plain"], 4),
        "beforehand_seconds_per_megapixel": round(median["beforehand"] / megapixels, 3),
    }


if __name__ == "__main__":
    main()
