"""Everything that was measured as one JSON document: a line an input and temperature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from studies.factorial.predictors import of_input

__all__ = ["RESULTS", "document", "gathered"]

SCHEMA = 1
RESULTS = "results.json"


def gathered(study: Mapping[str, Any]) -> dict[str, Any]:
    """A study's facts as JSON: of inputs their descriptions and scores instead of their pixels."""
    inputs = [
        {
            "name": item.name,
            "group": item.group,
            "kind": item.kind,
            "source": item.source,
            "half": item.half,
            "scores": of_input(item.degraded),
        }
        for item in study["inputs"]
    ]
    return {"schema": SCHEMA, **study, "inputs": inputs}


def document(results: Mapping[str, Any]) -> str:
    """`gathered` results as text, a run a line, floats to four digits.

    What a run says of inputs is in the order of `inputs`, null where it was not asked; outcomes are
    [largest |detail|, values that are not finite, error pixels] by temperature.
    """
    names = [each["name"] for each in results["inputs"]]
    runs = ",\n".join(f"  {_line(_listed(each, names))}" for each in results["runs"])
    inputs = ",\n".join(f"  {_line(each)}" for each in results["inputs"])
    kept = {k: v for k, v in results.items() if k not in ("runs", "inputs", "picture")}
    head = json.dumps(_rounded(kept), indent=1, allow_nan=False)[:-2]
    return f'{head},\n "inputs": [\n{inputs}\n ],\n "runs": [\n{runs}\n ]\n}}\n'


def _listed(run: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    def ordered(asked: Mapping[str, Any]) -> dict[str, Any]:
        return {**asked, "outcomes": [asked["outcomes"].get(name) for name in names]}

    everything = run["end"]["outcomes"] | run.get("others", {}).get("outcomes", {})
    listed = {k: v for k, v in run.items() if k not in ("others", "marks", "scores")}
    listed["end"] = ordered({**run["end"], "outcomes": everything})
    if "marks" in run:
        listed["marks"] = [ordered(mark) for mark in run["marks"][:-1]]
    if "scores" in run:
        listed["scores"] = [run["scores"].get(name) for name in names]
    return listed


def _line(value: Any) -> str:
    return json.dumps(_rounded(value), allow_nan=False, separators=(",", ":"))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
