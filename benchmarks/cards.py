"""Write the cards of bundled models anew, from what stands in their folders.

    python benchmarks/cards.py weights/sr-x4 weights/lowlight
    python benchmarks/cards.py weights/sr-x4 --log runs/first/log.jsonl --log runs/second/log.jsonl

From train.toml ([card]), evaluation.json and log.jsonl; nothing is measured (`weights.py` does).
With --log the folder's log becomes those logs, joined.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from restoreflow.lab.evaluation.card_figures import figures_of
from restoreflow.lab.training.config import read_train_config
from restoreflow.lab.training.log import find_log, summarise_log, write_log
from restoreflow.models.card import write_card
from restoreflow.models.folder import CARD, EVALUATION, LOG, RECIPE, add_files
from restoreflow.models.resolve import resolve_model


def main() -> None:
    """One card after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="bundled models")
    parser.add_argument("--log", action="append", type=Path, help="of each run in turn")
    arguments = parser.parse_args()
    for folder in arguments.models:
        log = find_log(folder, arguments.log or ())
        figures = figures_of(json.loads((folder / EVALUATION).read_text()))
        recipe, config = read_train_config(folder / RECIPE), resolve_model(str(folder)).config
        curve, asked = summarise_log(log), recipe.asked()
        card = write_card(config, recipe.card, figures, curve, asked)
        add_files(folder, {CARD: card.encode()} | ({LOG: write_log(log)} if log else {}))
        print(f"{folder}: card written")


if __name__ == "__main__":
    main()
