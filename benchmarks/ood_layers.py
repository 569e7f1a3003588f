"""Compare out-of-distribution scores: layers, summaries and detectors, in one table.

    python benchmarks/ood_layers.py --model weights/sr-x4 --twin weights/sr-x4-affine \
        --train photos/train --val photos/val --out benchmarks/ood_layers_sr-x4

Photographs are degraded as in training; their middles, 64 x 64 grid cells, are corrupted in ten
ways, each at one of three severities in turn, and patterns that are no photographs are added. The
twin's samples say which of them explode, the model's own which surprise. Writes OUT.json and
OUT.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from restoreflow.lab.evaluation.hostile import hostile_inputs
from restoreflow.lab.fitting.calibrate import bad_places, is_bad, spoilt_once, usual_surprise
from restoreflow.lab.fitting.comparison import Case, Row, compare, markdown
from restoreflow.lab.fitting.outcomes import draw, error_places
from restoreflow.lab.fitting.pictures import Pair, degradation_of, pairs
from restoreflow.lab.photographs import list_photos
from restoreflow.models.folder import LoadedModel, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.features import extract, layer_names
from restoreflow.restoration.tiles import Geometry

CLEAN_SIDE = 256
SEVERITIES = (1, 3, 5)
TIMED_SIDE = 256


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison that the command line asks for."""
    options = _options(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    started = time.perf_counter()
    folder = resolve_model(options.model)
    model = load_folder(folder)
    twin = None if options.twin is None else load_folder(resolve_model(options.twin))
    degradation, scale = degradation_of(folder), model.config.scale
    photos = list_photos(options.train, options.limit)
    held = list_photos(options.val, options.val_limit)

    def training() -> Iterable[Tensor]:
        return (p.degraded for p in pairs(photos, degradation, scale, 0, CLEAN_SIDE))

    truths = list(pairs(held, degradation, scale, 1, CLEAN_SIDE))
    layers = options.layer or default_layers(layer_names(model.network))
    cases = _cases(model, twin, truths, options.samples)
    rows = compare(model.network, training, cases, layers, _Progress())
    facts = {
        "model": model.config.name,
        "twin": None if twin is None else twin.config.name,
        "layers": list(layers),
        "training_pictures": len(photos),
        "photographs": len(truths),
        "severities": list(SEVERITIES),
        "seconds_per_megapixel": _speeds(model, layers),
        "seconds": time.perf_counter() - started,
        **_machine(),
    }
    write(options.out, rows, facts)


def default_layers(known: tuple[str, ...]) -> tuple[str, ...]:
    """Six or so of an encoder's layers, from its first to its last."""
    blocks = [name for name in known if name.startswith("block")]
    middle = blocks[len(blocks) // 4 :: max(len(blocks) // 3, 1)]
    wanted = ("head", *middle, "trunk", "mean", "features")
    return tuple(name for name in known if name in wanted)


def write(out: Path, rows: list[Row], facts: dict[str, Any]) -> None:
    """OUT.json with all figures, OUT.md with the table and how to read it."""
    document = {**facts, "rows": [row.record() for row in rows]}
    out.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n")
    legend = (
        "AUROC of each corruption against photographs as they are (all: their mean); of the "
        "twin's error images (errors), also within each kind of case (within kinds), with "
        "Spearman's correlation of score and share of error cells (rho); of results further from "
        "the truth than their spread says (surprises). flagged: photographs beyond what 99.5 % of "
        "the training set stay below. In brackets where 95 % of bootstrap samples of the "
        "photographs lie. Rows named input need no model."
    )
    title = f"# Out-of-distribution scores of {facts['model']}"
    out.with_suffix(".md").write_text(f"{title}\n\n{legend}\n\n{markdown(rows)}")


def _cases(
    model: LoadedModel, twin: LoadedModel | None, truths: list[Pair], samples: int
) -> Iterator[Case]:
    temperature = model.config.defaults.temperature
    limit = usual_surprise(model.network, truths, temperature, samples, 0)
    for index, pair in enumerate(truths):
        for each in spoilt_once(pair, index, SEVERITIES, 0):
            wrong = bad_places(
                model.network, each.pair, "surprise", temperature, samples, limit=limit
            )
            yield Case(
                each.corruption,
                each.severity,
                each.pair.degraded,
                _error_share(twin, each.pair.degraded),
                is_bad(wrong, "surprise"),
                index,
            )
    side = CLEAN_SIDE // model.config.scale
    patterns = hostile_inputs(max(side, 32)).values()
    for index, picture in enumerate(patterns, len(truths)):
        degraded = torch.from_numpy(picture).permute(2, 0, 1).contiguous()
        yield Case("hostile", 1, degraded, _error_share(twin, degraded), group=index)


def _error_share(twin: LoadedModel | None, degraded: Tensor) -> float | None:
    if twin is None:
        return None
    drawn = draw(twin.network, degraded, twin.config.defaults.temperature, 1)
    return float(error_places(drawn).mean())


def _speeds(model: LoadedModel, layers: tuple[str, ...]) -> dict[str, float]:
    """Seconds a megapixel of input up to each layer, the better of two runs."""
    picture = torch.rand(1, 3, TIMED_SIDE, TIMED_SIDE)
    picture = Geometry.of(model.network).padded(picture[0])[None]
    found: dict[str, float] = {}
    with torch.inference_mode():
        for layer in layers:
            times = []
            for _ in range(2):
                started = time.perf_counter()
                extract(model.network, picture, (layer,))
                times.append(time.perf_counter() - started)
            found[layer] = min(times) / (TIMED_SIDE**2 / 1e6)
    return found


def _machine() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


class _Progress:
    """Counts pictures on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count % 25 == 0:
            print(f"{self.count} pictures, now {what}", file=sys.stderr)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True, help="bundled name or folder")
    parser.add_argument("--twin", help="the model whose explosions are foretold")
    parser.add_argument("--train", type=Path, required=True, help="what the model learnt from")
    parser.add_argument("--val", type=Path, required=True, help="other photographs")
    parser.add_argument("--out", type=Path, required=True, help="without extension")
    parser.add_argument("--layer", action="append", help="repeat; by default six of them")
    parser.add_argument("--limit", type=int, default=100, help="training photographs")
    parser.add_argument("--val-limit", type=int, help="other photographs")
    parser.add_argument("--samples", type=int, default=2, help="of the model, an input")
    parser.add_argument("--threads", type=int)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
