"""Results as numbers: samples, mean and uncertainty in one file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from restoreflow.batch.settings import Arrays

if TYPE_CHECKING:
    from restoreflow.batch.restore import Numbers

__all__ = ["encode_arrays"]

_FACTS = ("seed", "temperature", "consistency", "device", "precision")


def encode_arrays(numbers: Numbers, report: Mapping[str, Any], model: str, kind: Arrays) -> bytes:
    """A restoration's numbers as a file's bytes, the same for the same result.

    samples (n, H, W, 3) float32 in [0, 1], as the pictures round them; mean (H, W, 3) float32 in
    [0, 1], in steps of 1/255; uncertainty (H, W) float32, in levels of 255. safetensors' metadata,
    or the array "metadata" of an npz, is JSON: model, seed, temperature and the like.
    """
    arrays = {
        "samples": numbers.samples,
        "mean": np.asarray(numbers.mean, np.float32) / np.float32(255),
        "uncertainty": numbers.uncertainty,
    }
    told = {"model": model} | {each: report[each] for each in _FACTS if each in report}
    if kind == "safetensors":
        return save(arrays, {"restoreflow": json.dumps(told, sort_keys=True)})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, metadata=np.array(json.dumps(told, sort_keys=True)), **arrays)
    return buffer.getvalue()
