"""The network by several back ends, in one run, on one thread, and how much of the machine it uses.

    pip install onnx onnxscript onnxruntime openvino     # any or none of them
    python benchmarks/backends.py [--model sr-x4] [--side 128] [--rounds 7] \
        [--out benchmarks/backends.json]

The network is encoder and one sample, as `benchmarks/peers.py` has it. Back ends that are not
installed are left out. Every round runs each once, and a figure is the median over the rounds of
its processor time over that of PyTorch's eager mode in the same round. The share of the machine is
of the rate that PyTorch's matrix product of 1536 x 1536 reaches in float32 in the same rounds, by
the multiplications and additions of convolutions and matrix products alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from peers import Whole, interleaved, latent_for, machine, ratios, ways
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from restoreflow.restoration.restorer import load_model

Case = Callable[[], object]

SIDE_OF_PRODUCT = 1536
EAGER, PRODUCT = "PyTorch, eager", "matrix product"


def main() -> None:
    """Time every back end, print a table, and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="restoreflow")
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, given.side, given.side, generator=generator)
    cases, errors = back_ends(given.model, picture)
    with torch.inference_mode():
        operations = counted(cases[EAGER])
        seconds = interleaved(cases, given.rounds)
    rate = 2 * SIDE_OF_PRODUCT**3 / statistics.median(seconds[PRODUCT])
    rows = []
    for name, taken in seconds.items():
        if name == PRODUCT:
            continue
        median, lowest, highest = ratios(taken, seconds[EAGER])
        share = operations / statistics.median(taken) / rate
        rows.append(
            {
                "back_end": name,
                "ratio_to_eager": median,
                "lowest": lowest,
                "highest": highest,
                "share_of_float32_rate": round(share, 3),
                "largest_difference": errors[name],
            }
        )
        print(
            f"{name:28} {median:.2f} ({lowest:.2f} .. {highest:.2f}), "
            f"{share:.0%} of {rate / 1e9:.0f} GFLOP/s, differs by {errors[name]:.1e}"
        )
    if given.out is not None:
        facts = machine() | {"rate_gflops": round(rate / 1e9, 1), "operations": operations}
        record = {"model": given.model, "side": given.side, "machine": facts, "rows": rows}
        given.out.write_text(json.dumps(record, indent=2) + "\n")


def back_ends(model: str, picture: Tensor) -> tuple[dict[str, Case], dict[str, float]]:
    """A case for each back end, and by how much its result differs from eager mode's."""
    network = load_model(model, device="cpu", precision="float32").network
    whole, inputs = Whole(network).eval(), (picture, latent_for(network, picture))
    results = {f"PyTorch, {name}": run for name, run in ways(model, picture, True).items()}
    with torch.no_grad():
        if importlib.util.find_spec("onnxruntime") is not None:
            results["ONNX Runtime"] = onnx_runtime(whole, inputs)
        if importlib.util.find_spec("openvino") is not None:
            results["OpenVINO"] = openvino(whole, inputs, "f32")
            results["OpenVINO, bfloat16"] = openvino(whole, inputs, "bf16")
    with torch.inference_mode():
        expected = results[EAGER]()
        errors = {name: float((run() - expected).abs().max()) for name, run in results.items()}
    left, right = (torch.randn(SIDE_OF_PRODUCT, SIDE_OF_PRODUCT) for _ in range(2))
    return {**results, PRODUCT: lambda: left @ right}, errors


def onnx_runtime(whole: nn.Module, inputs: tuple[Tensor, Tensor]) -> Callable[[], Tensor]:
    """The exported network in ONNX Runtime."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.onnx")
        torch.onnx.export(whole, inputs, path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    given = {name: values.numpy() for name, values in zip(names, inputs, strict=True)}
    return lambda: torch.from_numpy(session.run(None, given)[0])


def openvino(whole: nn.Module, inputs: tuple[Tensor, Tensor], kind: str) -> Callable[[], Tensor]:
    """The traced network in OpenVINO."""
    import openvino  # pyright: ignore[reportMissingImports]

    made = openvino.convert_model(whole, example_input=inputs)
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": kind}
    compiled = openvino.Core().compile_model(made, "CPU", settings)
    arrays = tuple(values.numpy() for values in inputs)
    return lambda: torch.from_numpy(compiled(arrays)[0].copy())


def counted(case: Case) -> int:
    """Multiplications and additions of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        case()
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
