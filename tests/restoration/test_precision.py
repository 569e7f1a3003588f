"""What a network computes in where nothing is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restoreflow.errors import UsageError
from restoreflow.restoration import engine
from restoreflow.restoration.restorer import load_model


@pytest.mark.parametrize(("fast", "found"), [(True, "bfloat16"), (False, "float32")])
def test_the_precision_of_a_cpu_is_what_it_is_fast_in(
    monkeypatch: pytest.MonkeyPatch, fast: bool, found: str
) -> None:
    monkeypatch.setattr(engine, "fast_bfloat16", lambda: fast)
    made = load_model("sr-x4", device="cpu")
    assert made.precision == made.restore(torch.rand(3, 8, 8)).report["precision"] == found
    assert engine.precision_of("auto", "cuda") is None
    monkeypatch.setattr(engine, "fast_bfloat16", lambda: not fast)
    assert made.to("cpu").precision != found  # another device, another precision
    assert load_model("sr-x4", "cpu", found).to("cpu").precision == found


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("flags\t\t: fpu sse avx512f avx512_bf16 vaes", True),
        ("flags\t\t: fpu amx_tile amx_bf16", True),
        ("flags\t\t: fpu sse avx512f\nmodel name\t: avx512_bf16", False),
        ("Features\t: fp asimd bf16", False),
        (None, False),
    ],
)
def test_a_processor_says_by_its_flags_whether_it_has_bfloat16(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, fast: bool
) -> None:
    told = tmp_path / "cpuinfo"
    if flags is not None:
        told.write_text(f"processor\t: 0\n{flags}\n")
    monkeypatch.setattr(engine, "_PROCESSOR", told)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert engine.fast_bfloat16.__wrapped__() == fast


def test_a_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="float8"):
        engine.precision_of("float8")
