r"""Turn a trained model into a bundled one: measure it, write its figures and its card.

    python benchmarks/weights.py runs/sr-x4/model weights/sr-x4 --temperature 0.8 \
        --data sets/Set5 --data sets/Set14 --realism photos/val --lpips lpips/
    python benchmarks/weights.py runs/lowlight/model weights/lowlight --temperature 0.5 \
        --data lowlight_pairs/ --groups lol,stack --lpips lpips/

Runs `restoreflow evaluate` for the model's task, and its `realism`, where asked, and `hostile`:
every figure in the card is the output of those commands.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from restoreflow.lab.evaluation.card_figures import figures_of
from restoreflow.lab.training.config import read_train_config
from restoreflow.lab.training.log import find_log, summarise_log, write_log
from restoreflow.models.card import read_card, write_card
from restoreflow.models.folder import EVALUATION, LOG, RECIPE, load_folder, save_folder
from restoreflow.models.resolve import resolve_model


def main() -> None:
    """Evaluate, then write the folder."""
    arguments = parse()
    source = resolve_model(str(arguments.source))
    loaded = load_folder(source)
    defaults = dataclasses.replace(loaded.config.defaults, temperature=arguments.temperature)
    config = dataclasses.replace(loaded.config, defaults=defaults)
    recipe = arguments.card or source.path / "train.toml"
    card = source.path / "README.md"
    facts = read_train_config(recipe).card if arguments.card else read_card(card)
    extras = {RECIPE: recipe.read_bytes()}
    log = find_log(source.path, arguments.log or ())
    if log:
        extras[LOG] = write_log(log)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / config.name
        save_folder(staged, config, loaded.network, write_card(config, facts), extras)
        evaluation = measure(config.task, staged, arguments, Path(scratch))
    extras[EVALUATION] = (json.dumps(evaluation, indent=1) + "\n").encode()
    asked = read_train_config(recipe).asked()
    text = write_card(config, facts, figures_of(evaluation), summarise_log(log), asked)
    save_folder(arguments.target, config, loaded.network, text, extras)
    print(f"{arguments.target}: written")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a model folder, as training leaves it")
    parser.add_argument("target", type=Path, help="where the bundled model goes")
    parser.add_argument("--temperature", type=float, required=True, help="the card's default")
    parser.add_argument("--temperatures", default="0,0.5,0.8,0.9,1", help="those measured")
    parser.add_argument(
        "--data", action="append", type=Path, required=True, help="of low light one folder of pairs"
    )
    parser.add_argument("--groups", default="", help="of low light: rows for names that begin so")
    parser.add_argument(
        "--realism", action="append", type=Path, help="truths for how natural results look"
    )
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--photo", type=Path, help="for the hostile inputs made from one")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--attack-steps", type=int, default=20)
    parser.add_argument("--card", type=Path, help="recipe whose [card] to use, if not the model's")
    parser.add_argument(
        "--log", action="append", type=Path, help="of each run in turn, if not the model's own"
    )
    return parser.parse_args()


def measure(task: str, model: Path, arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """The evaluations, as evaluation.json holds them."""
    quality = ["--temperatures", arguments.temperatures, "--samples", str(arguments.samples)]
    if arguments.lpips:
        quality += ["--lpips", str(arguments.lpips)]
    clean = list(quality)
    for folder in arguments.data:
        clean += ["--pairs" if task == "lowlight" else "--data", str(folder)]
    if arguments.groups:
        clean += ["--groups", arguments.groups]
    attack = ["--attack-steps", str(arguments.attack_steps)]
    if arguments.photo:
        attack += ["--photo", str(arguments.photo)]
    result = evaluate([task, "--model", str(model), *clean], scratch / "quality.json")
    if arguments.realism:
        asked = [part for folder in arguments.realism for part in ("--data", str(folder))]
        asked += ["--temperatures", str(arguments.temperature), "--lpips", str(arguments.lpips)]
        seen = evaluate(["realism", "--model", str(model), *asked], scratch / "realism.json")
        result["realism"] = seen["rows"]
    hostile = evaluate(["hostile", "--models", str(model), *attack], scratch / "hostile.json")
    return result | {"hostile": [row | {"model": model.name} for row in hostile["rows"]]}


def evaluate(command: list[str], out: Path) -> dict[str, Any]:
    """Run `restoreflow evaluate` of this environment; its failure is ours."""
    whole = [sys.executable, "-m", "restoreflow", "evaluate", *command, "--out", str(out)]
    subprocess.run(whole, check=True)
    return json.loads(out.read_text())


if __name__ == "__main__":
    main()
