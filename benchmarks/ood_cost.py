"""What judging inputs costs, in processor seconds on one thread, as shares of restoring them.

    python benchmarks/ood_cost.py PHOTO [--model sr-x4] [--side 128 --side 512] [--repeat 5]
        [--precision float32] [--out benchmarks/ood_cost.json]

For each precision and side: a restoration of that many pixels squared, one sample; what watching
its features and judging by them take beside it, in the same run, so that a busy machine slows down
both; and a judgement beforehand, which is what `ood-check` does after decoding. Medians; prints a
line of JSON a side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from restoreflow.batch.judging import Judge
from restoreflow.images.decode import decode
from restoreflow.models.folder import load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.reference import read_reference
from restoreflow.ood.watch import Watch
from restoreflow.restoration.restorer import Restorer
from restoreflow.restoration.sampling import Seen
from restoreflow.restoration.tiles import Tile


def main() -> None:
    """Measure each side."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--precision", action="append", help="repeat; by default both")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = resolve_model(options.model)
    photo = decode(options.photo).pixels
    rows: list[dict[str, Any]] = []
    for precision in options.precision or ["float32", "bfloat16"]:
        restorer = Restorer(*load_folder(folder), precision=precision)
        judge = Judge(read_reference(folder))
        for side in options.side or [128, 256, 512]:
            if min(photo.shape[:2]) < side:
                parser.error(f"{options.photo} is smaller than {side} pixels")
            pixels = np.ascontiguousarray(photo[:side, :side])
            given = {"precision": precision, "side": side}
            rows.append(given | measured(restorer, judge, pixels, options.repeat))
            print(json.dumps(rows[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


class Timed:
    """A watch that counts the processor seconds that it takes itself."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.seconds = watch, 0.0

    @contextmanager
    def __call__(self, tile: Tile) -> Iterator[Seen]:
        context = self.watch(tile)
        yield context.__enter__()
        self.seconds += spent(lambda: context.__exit__(None, None, None))


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measured(restorer: Restorer, judge: Judge, pixels: np.ndarray, repeat: int) -> dict[str, float]:
    """Median processor seconds, and shares of restoring."""
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    restored: list[float] = []
    watched: list[float] = []
    beforehand: list[float] = []
    for turn in range(repeat + 1):
        watch = judge.watch(restorer, pixels)
        assert watch is not None
        timed = Timed(watch)
        all_of_it = spent(lambda timed=timed: restorer.restore(pixels, watch=timed))
        judged = spent(lambda watch=watch: judge.watched(restorer, pixels, watch))
        before = spent(lambda: judge(restorer, pixels))
        if turn > 0:  # the first one warms up
            restored.append(all_of_it - timed.seconds)
            watched.append((timed.seconds + judged) / restored[-1])
            beforehand.append(before)
    shares = [before / plain for before, plain in zip(beforehand, restored, strict=True)]
    return {
        "restoring": round(statistics.median(restored), 4),
        "watching_share": round(statistics.median(watched), 4),
        "beforehand_share": round(statistics.median(shares), 4),
        "beforehand_seconds_per_megapixel": round(statistics.median(beforehand) / megapixels, 3),
    }


if __name__ == "__main__":
    main()
