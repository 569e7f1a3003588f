"""Why affine flows explode and bounded splines do not: each statement with its number.

    python benchmarks/theory.py [--steps 2000] [--out docs/theory.json] [--page docs/theory.md]

Every check is small: single couplings, or flows of a few hundred values. A statement is a
prediction by formula and a measurement by computation; the page is written from them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from restoreflow.flows.base import limit_norm
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.elementwise import (
    AffineMap,
    ClampedAffineMap,
    ElementwiseMap,
    PaperSplineMap,
    TwoBinSplineMap,
)
from restoreflow.flows.flow import build_flow
from studies.factorial.forms import SlopeClamped

BOX, SHIFT = 2.0, 1.0
FAR = 1e6
"""A raw network output that is as good as infinite."""
FAR_EXPONENT = 30.0
"""Where exp of one is taken."""
LAYERS = (1, 2, 4, 8, 16)
SIGMAS = (0.1, 0.5, 1.0, 2.0)
REACH = (1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Check:
    """A statement and its numbers.

    Attributes:
        name: of the section on the page.
        columns: of the rows.
        rows: what was predicted and what was measured.
        holds: whether they agree as the statement says.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float | str, ...], ...]
    holds: bool


def maps() -> dict[str, ElementwiseMap]:
    """The element-wise maps that are compared, by the page's names."""
    return {
        "affine": AffineMap(),
        "affine, s kept above 1 / e": SlopeClamped(AffineMap()),
        "clamped affine": ClampedAffineMap(SHIFT),
        "the paper's spline": PaperSplineMap(),
        "bounded spline": TwoBinSplineMap(BOX, SHIFT),
    }


def raw_outputs(map: ElementwiseMap, scale: float, shift: float) -> Tensor:
    """One value's raw parameters: those of the map's form, then the shift."""
    form = torch.full((map.parameters - 1,), scale)
    return torch.cat((form, torch.tensor([shift]))).view(1, -1, 1, 1).double()


def check_product() -> Check:
    """The inverse's gain is the product of 1 / s over the layers."""
    map, rows = AffineMap(), []
    raw = raw_outputs(map, -4.0, 0.0)
    scale = float(torch.sigmoid(torch.tensor(-2.0, dtype=torch.float64))) + 1e-4
    for layers in LAYERS:
        value = torch.ones(1, 1, 1, 1, dtype=torch.float64)
        for _ in range(layers):
            value = map.inverse(value, raw)
        rows.append((layers, scale**-layers, float(value)))
    holds = all(math.isclose(wanted, found, rel_tol=1e-9) for _, wanted, found in rows)
    return Check("product", ("layers", "s to the power of -n", "gain measured"), tuple(rows), holds)


def check_likelihood(steps: int) -> Check:
    """Maximum likelihood drives s to 1 / sigma, or to its upper end where that is beyond it."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for sigma in SIGMAS:
        data = sigma * torch.randn(4096, generator=generator)
        h = torch.zeros((), requires_grad=True)
        adam = torch.optim.Adam([h], lr=0.05)
        for _ in range(steps):
            scale = torch.sigmoid(h + 2.0) + 1e-4
            loss = 0.5 * (scale * data).square().mean() - scale.log()
            adam.zero_grad()
            loss.backward()
            adam.step()
        found = float(torch.sigmoid(h.detach() + 2.0)) + 1e-4
        rows.append((sigma, min(1.0 / float(data.square().mean().sqrt()), 1.0001), found))
    holds = all(abs(wanted - found) < 0.02 for _, wanted, found in rows)
    return Check("likelihood", ("sigma", "s predicted", "s after training"), tuple(rows), holds)


def check_elsewhere(steps: int) -> Check:
    """Nothing holds s where the data are not."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Linear(32, 2))
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        features = torch.randn(256, 8)
        # Detail's deviation depends on the features: above its mean at edges, below it in skies.
        value = torch.randn(256, 1) * torch.exp(features[:, :1])
        raw = network(features).view(256, 2, 1, 1)
        y, log_slope = AffineMap().forward(value.view(256, 1, 1, 1), raw)
        loss = (0.5 * y.square() - log_slope).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    rows = []
    affine, spline = AffineMap(), TwoBinSplineMap(BOX, SHIFT)
    for reach in REACH:
        features = reach * torch.randn(4096, 8)
        with torch.no_grad():
            raw = network(features).view(-1, 2, 1, 1)
            gain = 1.0 / (torch.sigmoid(raw[:, 0] + 2.0) + 1e-4)
            value = torch.ones(len(raw), 1, 1, 1)
            # The same raw outputs, however large, as a spline's parameters.
            moved = (spline.inverse(value, raw.repeat(1, 2, 1, 1)) - value).abs()
        rows.append((reach, float(gain.max()), float(moved.max())))
    grows = rows[-1][1] > 10.0 * rows[0][1] and rows[-1][1] <= affine.largest_gain
    holds = grows and all(moved <= spline.inverse_displacement() for _, _, moved in rows)
    columns = "features' deviation", "largest 1 / s", "bounded spline moves a value by at most"
    return Check("elsewhere", columns, tuple(rows), holds)


def check_growth() -> Check:
    """Tails of slope 1 add, clamps multiply, an affine map without clamp multiplies without end."""
    rows: list[tuple[float | str, ...]] = []
    holds = True
    for name, map in maps().items():
        found = {}
        for layers in LAYERS:
            value = torch.full((1, 1, 1, 1), 3.0, dtype=torch.float64)
            for _ in range(layers):
                bounded = math.isfinite(map.inverse_peak(1.0))
                far = FAR_EXPONENT if isinstance(map, PaperSplineMap) else FAR
                shifts = (-FAR, FAR) if bounded else (0.0,)  # some have shifts without a bound
                ends = [
                    map.inverse(value, raw_outputs(map, scale, shift))
                    for scale in (-far, far)
                    for shift in shifts
                ]
                value = torch.stack(ends).abs().amax().view(1, 1, 1, 1)
            found[layers] = float(value)
        rows.append((name, *found.values()))
        bound = 3.0
        for layers in range(1, LAYERS[-1] + 1):
            bound = map.inverse_peak(bound)
            if layers in found and math.isfinite(bound):
                holds &= found[layers] <= bound * (1.0 + 1e-9)
    columns = ("from 3, after n layers", *(f"n = {n}" for n in LAYERS))
    return Check("growth", columns, tuple(rows), holds)


def check_composition(tries: int) -> Check:
    """The certificate: bounds of 2-norm and peak, carried from layer to layer."""
    rows, holds = [], True
    for coupling in ("spline", "clamped_affine"):
        for steps in (1, 2, 4, 8):
            torch.manual_seed(steps)
            config = FlowConfig(coupling=coupling, steps=steps, hidden=16)
            flow = build_flow(config, 8).eval()
            bound, largest = 0.0, 0.0
            for attempt in range(tries):
                with torch.no_grad():
                    for parameter in flow.parameters():
                        parameter.copy_(10.0 ** (attempt % 3 - 1) * torch.randn_like(parameter))
                    features = 10.0 ** (attempt % 4) * torch.randn(1, 8, 6, 6)
                    latent = limit_norm(100.0 * torch.randn(1, 48, 6, 6))
                    bound = flow.inverse_bound(1.0)[-2].peak
                    detail = flow.sample(flow.prepare(features), latent, 1.0).unlimited
                largest = max(largest, float(detail.abs().max()) / bound)
            rows.append((coupling.replace("_", " "), steps, bound, largest))
            holds &= largest <= 1.0
    columns = "couplings", "steps", "bound of the last draw", "largest found over its bound"
    return Check("composition", columns, tuple(rows), holds)


def checks(steps: int, tries: int) -> list[Check]:
    """All of them."""
    made: list[Callable[[], Check]] = [
        check_product,
        lambda: check_likelihood(steps),
        lambda: check_elsewhere(steps),
        check_growth,
        lambda: check_composition(tries),
    ]
    return [make() for make in made]


PAGE = """\
# Why affine flows explode, and what holds a bounded spline

Written by `python benchmarks/theory.py`, which measures every number here; a test runs it small.

A flow maps detail x, what a picture has beyond its blurred estimate, to a latent z that follows a
simple distribution, and samples by the way back. An affine coupling maps a value by
y = (x + t) s, with s = sigmoid(h + 2) + 0.0001 and h, t from a network that sees the other half of
the values and the input's features; its inverse is x = y / s - t.

## 1. The inverse's gain is a product

Through n couplings a value is divided by n numbers s. Where all are alike, it grows by s to the
power of -n (here s = sigmoid(-2) + 0.0001 = .119):

{product}

**Condition for an explosion**: a product of 1 / s far above 1 along one path: s well below 1 in
several layers at once, or near its floor in one. The injector, which sees the features alone, is
enough by itself, and so are the couplings: see the flows that cross affine maps with splines in
[the study](study/README.md). No other part of an affine flow can do it: activation norms and
rotations have fixed gains, shifts only add.

## 2. Likelihood drives s up where there are data

A value of deviation sigma contributes E[(s x)^2] / 2 - log s to the negative log-likelihood, which
is least at s = 1 / sigma. Detail is small, so s is driven to its upper end, 1, and inverse gains
near 1 are what one sees on photographs:

{likelihood}

## 3. Nothing holds it elsewhere

The loss asks for nothing where no data are. Detail varies more at edges than in skies, so a network
learns from the features where s is to be below 1, and extrapolates: on features farther out than
the training's, of deviation 1, 1 / s grows until the floor of 0.0001 ends it. The same raw outputs
move a value of a bounded spline by at most shift + 1.48 box = 3.96, whatever they are:

{elsewhere}

## 4. Tails of slope 1 add, clamps multiply

The largest |x| that raw outputs can make of |y| = 3 after n inverses, all of them at their worst
(where shifts have no bound, with none). An affine map has a gain of 10,000 a layer; where its s is
kept above 1 / e after training, of e; one that is clamped as it is trained of e^.5, and a shift:
still a product; a spline that is the identity outside its box has slope 1
there: layers add their shifts. The paper's spline has a small box and no bound on its shift, so it
has no certificate, though it does not amplify:

{growth}

## 5. The certificate's composition

`restoreflow models show NAME --certificate` carries two bounds from layer to layer, of the absolute
values and of the 2-norm of a cell's values: rotations leave the norm, element-wise maps are bounded
by the last section's rules in both. The latent is bounded too, by limiting the 2-norm of a cell's
noise. It holds for any features whatever. Of flows with random weights, from small to absurd, with
random features and the largest latents, the largest detail that came out, over its bound:

{composition}

## What this does not say

A bound says that nothing explodes, not that a sample is good: a picture can be wrong within it.
And a penalty in training against values beyond the image range, which the shipped recipes use,
keeps s away from 0 on inputs like the training's for affine flows too; it says nothing of others.
"""


def table(check: Check) -> str:
    """A check's numbers as Markdown."""
    lines = [f"| {' | '.join(check.columns)} |", f"|{' --- |' * len(check.columns)}"]
    for row in check.rows:
        cells = (cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000, help="of the small trainings")
    parser.add_argument("--tries", type=int, default=200, help="flows a row of the composition")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = checks(asked.steps, asked.tries)
    for check in found:
        print(f"{check.name}: {'holds' if check.holds else 'DOES NOT HOLD'}")
        print(table(check))
    if asked.out:
        asked.out.write_text(json.dumps([asdict(check) for check in found], indent=1) + "\n")
    if asked.page:
        asked.page.write_text(PAGE.format(**{check.name: table(check) for check in found}))


if __name__ == "__main__":
    main()
