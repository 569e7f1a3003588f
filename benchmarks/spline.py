"""The spline's inverse against the affine inverse, and against zuko's and nflows' splines.

    python benchmarks/spline.py [--rounds 15] [--out benchmarks/spline.json]

Every method inverts the same (1, 24, 256, 256) values, half of a small photograph's grid. Methods
take turns within a round, so that whatever else the machine does falls on all alike, and each is
compared with its reference round by round. "together" starts from raw network outputs, "prepared"
from bounded parameters, in the layout each library wants. Methods of "eager" run as called, those
of "compiled" through torch.compile; the libraries' splines branch on data, and are timed eagerly.
"coupling" is a whole coupling's inverse, with the network that predicts the parameters.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import zuko
from nflows.transforms.splines.rational_quadratic import (  # pyright: ignore
    unconstrained_rational_quadratic_spline,
)
from torch import Tensor

from restoreflow.flows.coupling import Coupling
from restoreflow.flows.elementwise import AffineMap, ElementwiseMap, SplineMap, TwoBinSplineMap
from restoreflow.flows.spline import (
    TwoBinParameters,
    spline_inverse,
    spline_parameters,
    two_bin_inverse,
    two_bin_parameters,
)
from restoreflow.flows.spline_kernels import unrecorded_blockwise

SHAPE = (1, 24, 256, 256)
BOX, SHIFT = 2.0, 1.0
BINS = (2, 4, 8)
Call = Callable[[], object]


def raw_for(map: ElementwiseMap) -> Tensor:
    """Raw network outputs for a map."""
    n, c, h, w = SHAPE
    return torch.randn(n, c * map.parameters, h, w)


def affine_inverse(y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The affine inverse, its scale known."""
    return y / scale - shift


def two_bins(y: Tensor, *knot: Tensor) -> tuple[Tensor]:
    """The two-bin inverse, its knot known."""
    return (two_bin_inverse(y, TwoBinParameters(*knot), BOX),)


def ours(y: Tensor) -> dict[str, dict[str, Call]]:
    """Eager methods of this package: "together" and "prepared", by name."""
    affine, two = AffineMap(), TwoBinSplineMap(BOX, SHIFT)
    raw_affine, raw_two = raw_for(affine), raw_for(two)
    scale, shift = torch.sigmoid(raw_affine[:, :24] + 2.0) + 1e-4, raw_affine[:, 24:].clone()
    knot = [part.clone() for part in two_bin_parameters(*raw_two.chunk(4, 1)[:3])]
    methods: dict[str, dict[str, Call]] = {
        "affine": {
            "together": lambda: affine.inverse(y, raw_affine),
            "prepared": lambda: affine_inverse(y, scale, shift),
        },
        "two-bin spline": {
            "together": lambda: two.inverse(y, raw_two),
            "prepared": lambda: unrecorded_blockwise(two_bins, 1, y, *knot),
        },
    }
    for bins in BINS:
        map = SplineMap(bins, BOX, SHIFT)
        raw = raw_for(map)
        values = torch.stack(raw.chunk(map.parameters, 1)).movedim(0, -1)
        knots = spline_parameters(
            values[..., :bins], values[..., bins : 2 * bins], values[..., 2 * bins : -1], BOX
        )
        methods[f"spline, {bins} bins"] = {
            "together": lambda map=map, raw=raw: map.inverse(y, raw),
            "prepared": lambda knots=knots: spline_inverse(y, knots, BOX),
        }
    return methods


def theirs(y: Tensor) -> dict[str, dict[str, Call]]:
    """The libraries' splines, parameters last and contiguous, as they want them."""
    methods: dict[str, dict[str, Call]] = {}
    for bins in BINS:
        widths, heights, slopes = (torch.randn(*SHAPE, k) for k in (bins, bins, bins - 1))

        def build(w: Tensor = widths, h: Tensor = heights, d: Tensor = slopes):
            return zuko.transforms.MonotonicRQSTransform(w, h, d, bound=BOX)

        built = build()
        methods[f"zuko, {bins} bins"] = {
            "together": lambda build=build: build()._inverse(y),
            "prepared": lambda built=built: built._inverse(y),
        }
        methods[f"nflows, {bins} bins"] = {
            "together": lambda w=widths, h=heights, d=slopes: (
                unconstrained_rational_quadratic_spline(
                    y, w, h, d, inverse=True, tails="linear", tail_bound=BOX
                )
            )
        }
    return methods


def compiled(y: Tensor) -> dict[str, dict[str, Call]]:
    """The affine and the two-bin inverse through torch.compile."""
    affine, two = AffineMap(), TwoBinSplineMap(BOX, SHIFT)
    raw_affine, raw_two = raw_for(affine), raw_for(two)
    scale, shift = torch.sigmoid(raw_affine[:, :24] + 2.0) + 1e-4, raw_affine[:, 24:].clone()
    knot = [part.clone() for part in two_bin_parameters(*raw_two.chunk(4, 1)[:3])]
    functions: list[Callable[..., object]] = [affine.inverse, two.inverse, affine_inverse, two_bins]
    affine_map, two_map, affine_core, two_core = (
        torch.compile(function, fullgraph=True) for function in functions
    )
    return {
        "affine": {
            "together": lambda: affine_map(y, raw_affine),
            "prepared": lambda: affine_core(y, scale, shift),
        },
        "two-bin spline": {
            "together": lambda: two_map(y, raw_two),
            "prepared": lambda: two_core(y, *knot),
        },
    }


def couplings(compile: bool) -> dict[str, dict[str, Call]]:
    """Whole couplings of the usual size, network included."""
    methods: dict[str, dict[str, Call]] = {}
    z, features = torch.randn(1, 48, 256, 256), torch.randn(1, 48, 256, 256)
    maps: dict[str, ElementwiseMap] = {
        "affine": AffineMap(),
        "two-bin spline": TwoBinSplineMap(BOX, SHIFT),
    }
    for name, map in maps.items():
        layer = Coupling(48, 48, 48, map)
        condition = layer.prepare(features)
        inverse = torch.compile(layer.inverse, fullgraph=True) if compile else layer.inverse
        methods[name] = {"coupling": lambda f=inverse, c=condition: f(z, c)}
    return methods


def measure(methods: dict[str, dict[str, Call]], rounds: int) -> dict[str, Any]:
    """Milliseconds, and ratios to the affine method of the same kind, paired by round."""
    calls = {(name, kind): call for name, kinds in methods.items() for kind, call in kinds.items()}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for round in range(rounds + 2):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            if round >= 2:  # the first two warm up
                times[key].append(1e3 * (time.perf_counter() - start))
    table: dict[str, Any] = {}
    for (name, kind), ms in times.items():
        reference = times["affine", kind]
        entry = {"ms": spread(ms), "fastest_ms": round_to(min(ms))}
        entry["times_affine"] = spread([a / b for a, b in zip(ms, reference, strict=True)])
        if kind == "together" and "spline" in name:
            entry |= against_libraries(times, name, ms)
        table.setdefault(name, {})[kind] = entry
    return table


def against_libraries(
    times: dict[tuple[str, str], list[float]], name: str, ms: list[float]
) -> dict[str, Any]:
    """How many times slower the libraries are with as many bins, paired by round."""
    bins = name.removeprefix("spline, ") if "bins" in name else "2 bins"
    return {
        f"{library}_slower": spread(
            [b / a for a, b in zip(ms, times[f"{library}, {bins}", "together"], strict=True)]
        )
        for library in ("zuko", "nflows")
        if (f"{library}, {bins}", "together") in times
    }


def spread(values: list[float]) -> dict[str, Any]:
    """Median and quartiles, three digits."""
    low, median, high = statistics.quantiles(values, n=4)
    return {"median": round_to(median), "quartiles": [round_to(low), round_to(high)]}


def round_to(value: float) -> float:
    """Three digits."""
    return float(f"{value:.3g}")


def run(threads: int, rounds: int) -> dict[str, Any]:
    """All tables for a number of threads."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    y = 1.5 * torch.randn(*SHAPE)
    with torch.no_grad():
        return {
            "eager": measure(ours(y) | theirs(y), rounds),
            "compiled": measure(compiled(y), 3 * rounds),
            "coupling, eager": measure(couplings(compile=False), rounds),
            "coupling, compiled": measure(couplings(compile=True), rounds),
        }


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((v.strip() for k, _, v in lines if k.strip() == "model name"), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "load": round_to(os.getloadavg()[0]),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "zuko", "nflows")},
    }


def main() -> None:
    """Measure, write the JSON file, and print it as tables."""
    parser = argparse.ArgumentParser(description="Time the spline's inverse.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(run(options.threads[0], options.rounds)))
        return
    result: dict[str, Any] = {"shape": SHAPE, "rounds": options.rounds, "machine": machine()}
    for threads in options.threads:  # a process each: compiled code is made for one number
        command = [sys.executable, __file__, "--worker", "--threads", str(threads)]
        command += ["--rounds", str(options.rounds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        result[f"{threads} threads"] = json.loads(done.stdout.splitlines()[-1])
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    report(result)


def report(result: dict[str, Any]) -> None:
    """Print the tables."""
    for threads in (key for key in result if key.endswith("threads")):
        for mode, table in result[threads].items():
            print(f"\n{threads}, {mode}")
            for name, kinds in table.items():
                for kind, entry in kinds.items():
                    print(
                        f"  {name:16s} {kind:9s} {entry['ms']['median']:8.2f} ms"
                        f"  {entry['times_affine']['median']:6.2f} x affine",
                        *(
                            f" {library} {entry[f'{library}_slower']['median']:.1f} x slower"
                            for library in ("zuko", "nflows")
                            if f"{library}_slower" in entry
                        ),
                    )


if __name__ == "__main__":
    main()
