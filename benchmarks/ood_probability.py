r"""How good the probability of artifacts is on photographs that no model has learnt from.

    python benchmarks/ood_probability.py --model sr-x4 --data photos/val \\
        --rows runs/sr-x4.jsonl --out benchmarks/ood_probability_sr-x4.json [--repeats 3]

The middles of photographs, degraded as in training, as they are and with ten corruptions, each at
one of three severities in turn, restored twice; again with other degradations, severities and
latents, as often as --repeats says. What counts as an artifact is what the model's statistics say.
A line of JSON for each input goes to ROWS, and the command goes on where it was interrupted: give
new rows for new statistics. OUT has AUROC, with the interval of 95 % of bootstrap samples of the
photographs, expected calibration error over ten bins, reliability by fifths, and the AUROC of the
plain score and of the input's Laplacian.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from restoreflow.defects.find import measure_defects
from restoreflow.lab.fitting.calibrate import bad_places, is_bad, spoilt_once
from restoreflow.lab.fitting.intervals import bootstrapped_auroc, reliability
from restoreflow.lab.fitting.pictures import Pair, degradation_of, pairs
from restoreflow.lab.fitting.probabilities import area_under_roc, expected_calibration_error
from restoreflow.lab.photographs import list_photos
from restoreflow.lab.verbs.fit_ood import CLEAN_SIDE
from restoreflow.models.folder import LoadedModel, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.check import score
from restoreflow.ood.indicators import indicators, laplacian
from restoreflow.ood.reference import Calibration, Reference, read_reference
from restoreflow.ood.statistics import measure

SEVERITIES = (1, 3, 5)
SAMPLES = 2


def main() -> None:
    """Measure a model on a folder of photographs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", required=True, help="a bundled name, or a folder")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = resolve_model(options.model)
    model, reference = load_folder(folder), read_reference(folder)
    calibration = reference.calibration()
    if calibration is None:
        parser.error(f"{options.model} has no probability")
    photos, degradation = list_photos(options.data, options.limit), degradation_of(folder)
    options.rows.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in _lines(options.rows)]
    done = {(row["repeat"], row["photograph"]) for row in rows}
    with options.rows.open("a") as file:
        for repeat in range(1, options.repeats + 1):
            made = pairs(photos, degradation, model.config.scale, repeat, CLEAN_SIDE)
            for photograph, pair in enumerate(made):
                if (repeat, photograph) in done:
                    continue
                seen = list(observed(model, reference, calibration, pair, photograph, repeat))
                file.writelines(json.dumps(row) + "\n" for row in seen)  # all of one, or none
                file.flush()
                rows += seen
    document = {"model": options.model, "outcome": calibration.facts.outcome, **figures(rows)}
    print(json.dumps(document))
    if options.out:
        options.out.write_text(json.dumps(document, indent=1) + "\n")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def observed(
    model: LoadedModel,
    reference: Reference,
    calibration: Calibration,
    pair: Pair,
    photograph: int,
    repeat: int,
) -> Iterator[dict[str, Any]]:
    """What was foretold of a photograph's inputs, and what became of them."""
    facts, temperature = calibration.facts, model.config.defaults.temperature
    limit = float("inf") if facts.limit is None else facts.limit
    for each in spoilt_once(pair, photograph + repeat, SEVERITIES, 1000 * repeat):
        bad = bad_places(
            model.network, each.pair, facts.outcome, temperature, SAMPLES, repeat, limit
        )
        found = score(model.network, reference, each.pair.degraded)
        pixels = np.ascontiguousarray(each.pair.degraded.permute(1, 2, 0).numpy())
        known = (found.energies, measure(pixels), pixels, measure_defects(pixels))
        of = {"energy": found.energy, "unusual": found.unusual}.get(facts.score)
        yield {
            "repeat": repeat,
            "photograph": photograph,
            "corruption": each.corruption,
            "severity": each.severity,
            "bad": is_bad(bad, facts.outcome),
            "probability": float(
                calibration(indicators(facts.indicators, *known) if of is None else of)
            ),
            "score": found.energy,
            "laplacian": float(np.quantile(laplacian(pixels), 0.99)),
        }


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """AUROCs with intervals, calibration error and reliability."""
    hits = np.array([row["bad"] for row in rows])
    groups = np.array([row["photograph"] for row in rows])
    told = np.array([row["probability"] for row in rows])
    found: dict[str, Any] = {
        "inputs": len(rows),
        "photographs": len(set(groups.tolist())),
        "hits": int(hits.sum()),
    }
    for name in ("probability", "score", "laplacian"):
        values = np.array([row[name] for row in rows])
        interval = bootstrapped_auroc(values, hits, groups)
        found[name] = {
            "auroc": round(area_under_roc(values, hits), 3),
            "interval": [round(end, 3) for end in interval],
        }
    predicted, happened, counts = reliability(told, hits)
    return {
        **found,
        "calibration_error": round(expected_calibration_error(told, hits), 4),
        "predicted": [round(value, 3) for value in predicted],
        "observed": [round(value, 3) for value in happened],
        "counts": list(counts),
    }


if __name__ == "__main__":
    main()
