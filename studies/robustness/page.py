"""The study as a Markdown page, with the numbers as JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from restoreflow.outputs.atomic import write_atomic
from studies.robustness import claims, tables
from studies.robustness.verdicts import aims, focus, paper

__all__ = ["PAGE", "RESULTS", "document", "page", "write_page"]

Measured = Mapping[str, Any]
PAGE, RESULTS = "README.md", "results.json"
INPUT_COLUMNS = ("name", "group", "severity", "score", "temperature", "samples", "pixels")
INPUT_COLUMNS += ("error_samples", "error_pixels", "nonfinite", "largest", "largest_detail")
INPUT_COLUMNS += ("psnr", "lr_psnr")


def write_page(study: Measured, figures: Sequence[str], command: str, folder: Path) -> None:
    """Write README.md and results.json into a folder.

    Args:
        study: of `Study.run`.
        figures: names that lie there already, as PNG and SVG.
        command: what the page says it was made by.
        folder: it exists.
    """
    write_atomic(folder / PAGE, page(study, figures, command).encode(), overwrite=True)
    write_atomic(folder / RESULTS, document(study).encode(), overwrite=True)


def page(study: Measured, figures: Sequence[str], command: str) -> str:
    """The page's text."""
    found = [*paper(study), *aims(study)]
    against = [each for each in found if each.holds is False]
    parts = [
        _introduction(study, command),
        "## What holds and what does not\n",
        tables.verdicts(paper(study)),
        "Aims of this project:\n",
        tables.verdicts(aims(study)),
        _against(against),
        _explosion_section(study, figures),
        _prediction_section(study, figures),
        _quality_section(study, figures),
        _growth_section(study, figures),
        _ablation_section(study, figures),
        _certificate_section(study),
        _toy_section(study, figures),
        _method_section(study),
    ]
    return "\n".join(part for part in parts if part)


def document(study: Measured) -> str:
    """Everything behind the page as JSON: one line an input and temperature."""
    kept = {k: v for k, v in study.items() if k not in ("measurements", "toy")}
    kept["toy"] = {
        name: {"loss": toy["loss"], "radii": toy["radii"]} for name, toy in study["toy"].items()
    }
    kept["explosions"] = [row._asdict() for row in claims.explosions(study)]
    kept["certificates"] = claims.certificates(study)
    kept["verdicts"] = [each._asdict() for each in (*paper(study), *aims(study))]
    kept["scores"] = [
        row
        for arm in study["arms"]
        for level in study["settings"]["temperatures"]
        for row in (
            *claims.scores(study, arm["name"], level),
            *claims.places(study, arm["name"], level),
        )
    ]
    head = json.dumps(_rounded(kept), indent=1, allow_nan=False)[:-2]
    lines = []
    for arm, found in study["measurements"].items():
        for each in found["inputs"]:
            for level in each["levels"]:
                values = {**each, **level, "score": each["scores"]["energy"]}
                row = [arm, *(values[column] for column in INPUT_COLUMNS)]
                lines.append("  " + json.dumps(_rounded(row), allow_nan=False))
    columns = json.dumps(["arm", *INPUT_COLUMNS])
    inputs = ",\n".join(lines)
    return f'{head},\n "input_columns": {columns},\n "inputs": [\n{inputs}\n ]\n}}\n'


def _introduction(study: Measured, command: str) -> str:
    arms = " and ".join(f"`{arm['name']}`" for arm in study["arms"])
    few = " Few inputs and short searches: without `--quick` there are more." * (
        "--quick" in command
    )
    return f"""# Do bounded splines keep conditional flows from exploding?

Hong, Park and Chun, "On the Robustness of Normalizing Flows for Inverse Problems in Imaging" (ICCV
2023), say that conditional flows with affine couplings explode on inputs unlike their training set,
that the Mahalanobis distance of the features foretells it, and that spline couplings with fixed
tails cure it at no cost. This page measures those claims on {arms}:
twins with the same encoder, mean image, data, steps and seed, which differ in their conditional
layers alone. It goes further by searching for the worst input, and by comparing what was found with
a bound for every input.

{tables.arms(study)}
An *error pixel* is a value of a sample, before limiter and clamping, that is not finite or lies
outside [-0.5, 1.5] in any channel (the image range is [0, 1]); an *error image* has one.

This page, its figures and `{RESULTS}` are written by the command below.
{few}

    {command}
"""


def _against(found: Sequence[Any]) -> str:
    if not found:
        return "Nothing here contradicts the paper, and every aim that was measured is met.\n"
    lines = "".join(f"- {each.statement}: {each.found}.\n" for each in found)
    return f"Against the paper, or short of the aims:\n\n{lines}"


def _explosion_section(study: Measured, figures: Sequence[str]) -> str:
    return f"""## 1. Explosion

Share of error images / share of error pixels / largest finite |x|, all before the limiter; and the
median LR-PSNR in dB after it, which shows what the limiter makes of an explosion: blotches that do
not fit the input (without projection, which would hide them).

{tables.explosions(study)}
{_figure("explosions", "Largest value for every hostile input", figures)}
{_figure("onset", "Error images against temperature", figures)}
From which temperature on:

{tables.onsets(study)}
{_figure("corruptions", "Error images by corruption and severity", figures)}
"""


def _prediction_section(study: Measured, figures: Sequence[str]) -> str:
    parts = [
        "## 2. Prediction\n",
        "Does the score, which needs no sample, tell which inputs will go wrong? Photographs,\n"
        "their corruptions and the hostile inputs together, without the adversarial ones. Each\n"
        "cell: AUROC for error images / Spearman's ρ of score and share of error pixels over\n"
        "inputs; in the last column the mean AUROC within photographs, corrupted ones and hostile\n"
        "inputs: over all of them together, telling these apart is most of it.\n",
    ]
    for arm in study["arms"]:
        if arm["coupling"] != "spline" or len(study["arms"]) == 1:
            parts += [f"`{arm['name']}`:\n", tables.scores(study, arm["name"])]
            parts += ["Place by place, cells of 4 x 4 pixels:\n", tables.places(study, arm["name"])]
    parts.append(_figure("prediction", "Error probability against the score", figures))
    return "\n".join(parts)


def _quality_section(study: Measured, figures: Sequence[str]) -> str:
    likelihoods = "; ".join(
        f"`{arm}` {sum(found['nll']) / len(found['nll']):.3f}"
        for arm, found in study["measurements"].items()
    )
    s = study["settings"]
    text = f"""## 3. In distribution

Negative log-likelihood of validation photographs, nats a value (lower is better): {likelihoods}.
"""
    if not study["quality"]:
        return text
    return f"""{text}
Crops of {s["quality_side"]} pixels a side from validation photographs, 8-bit results, without
projection onto the input. Training uses AlexNet's features, hence LPIPS with SqueezeNet beside it.
S10: diversity over {s["quality_samples"]} samples.

{tables.quality(study)}
{_figure("quality", "Quality against temperature", figures)}"""


def _growth_section(study: Measured, figures: Sequence[str]) -> str:
    found = study["growth"]
    return f"""## 4. Where it starts

One sample, layer by layer from the latent to the image, at T = {found["temperature"]:g}.
Dotted: the certificate, which holds for any input.

{_figure("growth", "Growth of values through the inverse", figures)}"""


def _ablation_section(study: Measured, figures: Sequence[str]) -> str:
    draws = study["settings"]["round_trips"]
    trips = f"""Splines inverted in float32, {draws:,} random ones a row, their raw parameters of
standard deviation 6:

{tables.round_trips(study)}"""
    if not study.get("ablations"):
        return f"## 5. Ablations\n\n{trips}"
    steps = study["settings"]["tiny_steps"]
    return f"""## 5. Ablations

Tiny models from one mean image, trained by maximum likelihood alone for {steps} steps (a minute or
two). Coupling and injector are switched separately; box, bins and training length vary. Each cell:
the largest |detail| before the limiter (error images of how many inputs).

{tables.ablations(study)}
{_figure("ablations", "Tiny models over their training", figures)}
{trips}"""


def _certificate_section(study: Measured) -> str:
    return f"""## 6. The certificate

A bound on |detail| before the limiter for every input and every feature whatever, composed layer
by layer; beside it the largest that was found: over the whole suite and the attacks on the input,
by ascents on picture and latent of small pictures, and by such on features of any value, which is
what the bound speaks of. After the limiter every value of every sample that is a number lies in
[-0.5, 1.5], for every arm; where there is a bound before it, every value is a number.

{tables.certificates(study)}
Layer by layer from the latent on, at the highest of these temperatures; for each layer one ascent
climbed towards it alone.

{tables.certificate_layers(study)}"""


def _toy_section(study: Measured, figures: Sequence[str]) -> str:
    return f"""## The toy

x given y is uniform on a parallelogram (outlined) that y in [-1, 1]² places and shapes. Three flows
of four steps, the same but for their couplings, are trained in seconds and then asked about y they
have never seen.

{_figure("toy", "Two-dimensional flows in and out of range", figures)}
{tables.toys(study)}"""


def _method_section(study: Measured) -> str:
    s = study["settings"]
    statistics = " and ".join(dict.fromkeys(arm["statistics"] for arm in study["arms"]))
    return f"""## What was measured

- Validation photographs ({s["photos"]}), cut to {s["photo_side"]} pixels and degraded as in
  training; samples of each: {s["photo_samples"]}.
- Some of them ({s["corrupted"]}), cut to {s["corrupted_side"]} pixels, under ten corruptions at
  {len(s["severities"])} severities.
- Hostile inputs of {s["hostile_side"]} x {s["hostile_side"]} pixels: noise, checkerboards, stripes,
  diagonals, text, codes, ramps, and what becomes of a photograph by impulses, strong JPEG, blocks
  and decimation.
- Adversarial: {s["attack_steps"]} steps of projected sign-gradient ascent on the logarithm of the
  mean square detail, {s["attack_side"]} x {s["attack_side"]} pixels, from the worst hostile input
  anywhere in [0, 1], and within 8/255 of photographs ({s["attacked_photos"]}). A longer attack may
  find more.
- The score is of layer `{study["arms"][0]["score"]}`, its statistics {statistics}; those of the
  flow's features are fitted to {s["reference_photos"]} training photographs.
- Latents are those that a restorer draws with seed {s["seed"]}. Where one temperature is singled
  out it is {focus(study):g}, the one nearest to the models' default.
"""


def _figure(name: str, title: str, figures: Sequence[str]) -> str:
    return f"![{title}]({name}.png)\n\n[{title}, as SVG]({name}.svg)\n" if name in figures else ""


def _rounded(value: Any) -> Any:
    """Floats to five digits: more is noise, and makes the file large."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
