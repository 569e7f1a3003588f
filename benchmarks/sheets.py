"""Results beside the truth and each other at 1:1, a page to scroll.

    python benchmarks/sheets.py --data photos/val [--data FOLDER ...] [--model sr-x4 ...] \
        [--ncnn 4xLSDIRCompactC3 ...] [--beside NAME=FOLDER ...] [--temperature 0.9] \
        [--no-consistency] [--limit 8] --out sheets/

The middle 256 x 256 of every picture, its inputs as `restoreflow evaluate realism` makes them, and
what becomes of them: by interpolation, by each model, its first sample, by compact networks that
others ship (see realism.py), and by others, whose results are looked for as
FOLDER/CONDITION/STEM.png. --out gets a strip a picture and condition, and index.html; nothing is
scaled but the inputs, whose pixels become squares.
"""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw
from realism import ncnn_method

import restoreflow
from restoreflow.lab.evaluation.methods import Method, bicubic, model_method
from restoreflow.lab.evaluation.realism import SIDE, Scene, read_scenes
from restoreflow.lab.photographs import find_photos

GAP, CAPTION = 4, 14


def main() -> None:
    """Write the strips and the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--ncnn", action="append", type=Path, default=[])
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--consistency", action=argparse.BooleanOptionalAction)
    parser.add_argument("--limit", type=int, help="so many pictures of each folder")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    methods = [bicubic(4)]
    for name in asked.model or ["sr-x4"]:
        restorer = restoreflow.load_model(name)
        heat = asked.temperature
        if heat is None:
            heat = restorer.config.defaults.temperature
        methods.append(model_method(restorer, name, heat, consistency=asked.consistency))
    methods += map(ncnn_method, asked.ncnn)
    others = dict(each.split("=", 1) for each in asked.beside)
    asked.out.mkdir(parents=True, exist_ok=True)
    strips: list[str] = []
    for folder in asked.data:
        for file in find_photos(folder)[: asked.limit]:
            (scene,) = read_scenes([file], 4)
            strips += write_strips(scene, file.stem, methods, others, asked.out)
    (asked.out / "index.html").write_text(page(strips))
    print(f"{len(strips)} strips: {asked.out / 'index.html'}")


def write_strips(
    scene: Scene, stem: str, methods: list[Method], others: dict[str, str], out: Path
) -> list[str]:
    """A strip a condition; their files' names."""
    names = []
    for condition, low in scene.inputs.items():
        shown = {"input": low.resize((SIDE, SIDE), Image.Resampling.NEAREST)}
        shown |= {method.name: method.restore(low, 1).images[0] for method in methods}
        for name, folder in others.items():
            file = Path(folder) / condition / f"{stem}.png"
            if file.is_file():
                shown[name] = Image.open(file).convert("RGB")
        shown["truth"] = scene.truth
        names.append(f"{stem}_{condition}.png")
        strip(shown, f"{stem}, {condition}").save(out / names[-1])
    return names


def strip(shown: dict[str, Image.Image], title: str) -> Image.Image:
    """Pictures side by side, named."""
    wide = len(shown) * (SIDE + GAP) - GAP
    sheet = Image.new("RGB", (wide, SIDE + CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(shown.items()):
        left = index * (SIDE + GAP)
        draw.text((left + 2, 1), f"{title}: {name}" if index == 0 else name, fill="black")
        sheet.paste(picture, (left, CAPTION))
    return sheet


def page(names: list[str]) -> str:
    """The strips below each other, at 1:1."""
    images = "\n".join(f'<img src="{escape(name)}" alt="{escape(name)}">' for name in names)
    style = "body{margin:8px}img{display:block;margin-bottom:8px;max-width:none}"
    head = f'<meta charset="utf-8"><title>Results at 1:1</title>\n<style>{style}</style>'
    return f"<!doctype html>{head}\n{images}\n"


if __name__ == "__main__":
    main()
