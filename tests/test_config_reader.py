"""Strict reading of dataclasses: what is accepted, and how everything else is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoreflow.config_reader import (
    from_dict,
    nearest,
    parse_json,
    read_json,
    read_toml,
    to_dict,
)
from restoreflow.errors import ModelError, UsageError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    steps: int = 10

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be 1 or more, not {self.steps}")


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["spline", "affine"] = "spline"
    level: Literal[1, 2] = 1
    inner: Inner = field(default_factory=Inner)
    sizes: tuple[int, ...] = ()
    bounds: tuple[float, float] = (-1.0, 1.0)
    limit: int | None = None
    seed: int | str = 0
    flags: dict[str, bool] = field(default_factory=dict[str, bool])
    stages: list[Inner] = field(default_factory=list[Inner])


FULL = {
    "name": "a",
    "kind": "affine",
    "level": 2,
    "inner": {"rate": 1, "steps": 3},
    "sizes": [1, 2],
    "bounds": [0, 2.5],
    "limit": None,
    "seed": "s",
    "flags": {"x": True},
    "stages": [{"steps": 4}, {}],
}


def test_everything_is_read() -> None:
    read = from_dict(Outer, FULL, "here")
    assert read == Outer(
        name="a",
        kind="affine",
        level=2,
        inner=Inner(1.0, 3),
        sizes=(1, 2),
        bounds=(0.0, 2.5),
        limit=None,
        seed="s",
        flags={"x": True},
        stages=[Inner(0.5, 4), Inner()],
    )
    assert type(read.inner.rate) is float
    assert from_dict(Outer, to_dict(read), "here") == read


def test_defaults_fill_what_is_not_said() -> None:
    assert from_dict(Outer, {"name": "a"}, "here") == Outer("a")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, 'here: key "name" is missing'),
        ({"name": "a", "sizs": [1]}, 'here: unknown key "sizs" (did you mean "sizes"?)'),
        (
            {"name": "a", "inner": {"stpes": 1}},
            'inner: unknown key "stpes" (did you mean "steps"?)',
        ),
        ({"name": "a", "inner": {"qqq": 1}}, "(known: rate, steps)"),
        ({"name": 3}, "name: expected a string, found 3"),
        ({"name": "a", "kind": "splin"}, 'unknown value "splin" (did you mean "spline"?)'),
        ({"name": "a", "level": True}, "level: expected one of 1, 2, found true"),
        ({"name": "a", "level": 3}, "level: expected one of 1, 2, found 3"),
        ({"name": "a", "inner": {"rate": True}}, "inner.rate: expected a number, found true"),
        ({"name": "a", "inner": {"rate": "1"}}, 'inner.rate: expected a number, found "1"'),
        ({"name": "a", "inner": {"rate": float("nan")}}, "inner.rate: expected a finite number"),
        ({"name": "a", "inner": {"rate": 10**400}}, "inner.rate: expected a finite number"),
        ({"name": "a", "inner": {"steps": 1.0}}, "inner.steps: expected an integer, found 1.0"),
        ({"name": "a", "inner": {"steps": True}}, "inner.steps: expected an integer, found true"),
        ({"name": "a", "inner": {"steps": 0}}, "here: inner: steps must be 1 or more, not 0"),
        ({"name": "a", "inner": [1]}, "inner: expected a table of keys and values, found a list"),
        ({"name": "a", "sizes": 1}, "sizes: expected a list, found 1"),
        ({"name": "a", "sizes": [1, "x"]}, 'sizes[1]: expected an integer, found "x"'),
        ({"name": "a", "bounds": [1]}, "bounds: expected 2 values, found 1"),
        ({"name": "a", "limit": "x"}, 'limit: expected an integer, found "x"'),
        ({"name": "a", "seed": 1.5}, "seed: expected an integer or a string, found 1.5"),
        ({"name": "a", "flags": {"x": 1}}, "flags.x: expected true or false, found 1"),
        ({"name": "a", "stages": [{"steps": -1}]}, "stages[0]: steps must be 1 or more"),
        ([], "here: expected a table of keys and values, found a list"),
        ({"name": "a" * 99, "limit": "b" * 99}, "b..."),
    ],
)
def test_refusals_name_place_and_reason(data: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        from_dict(Outer, data, "here", UsageError)
    assert message in str(error.value)
    assert str(error.value).startswith("here: ")
    assert "\n" not in str(error.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(FULL)), _VALUES)
def test_any_value_is_read_or_refused(key: str, value: object) -> None:
    try:
        read = from_dict(Outer, {**FULL, key: value}, "here")
    except ModelError:
        return
    assert from_dict(Outer, to_dict(read), "here") == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ('{"a": NaN}', "NaN is not allowed"),
        ('{"a": -Infinity}', "-Infinity is not allowed"),
        ('{"a": {"b": 1, "b": 2}}', 'key "b" stands twice'),
        ("[1]", "expected a JSON object, found a list"),
        ('"a"', 'expected a JSON object, found "a"'),
        (b"\xff\xfe{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_json_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ModelError) as error:
        parse_json(text, "file")
    assert message in str(error.value)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"name": "é"}', encoding="utf-8")
    assert read_json(Outer, path).name == "é"
    toml = tmp_path / "c.toml"
    toml.write_text('name = "a"\nbounds = [0, 1]\n[inner]\nrate = 1\n[[stages]]\nsteps = 2\n')
    assert read_toml(Outer, toml) == Outer(
        "a", bounds=(0.0, 1.0), inner=Inner(1.0), stages=[Inner(steps=2)]
    )
    toml.write_text("name = ")
    with pytest.raises(UsageError, match="not valid TOML"):
        read_toml(Outer, toml, UsageError)
    toml.write_text('name = "a"\n[inner]\nrate = inf\n')
    with pytest.raises(UsageError, match=r"inner\.rate: expected a finite number"):
        read_toml(Outer, toml, UsageError)
    with pytest.raises(ModelError, match=r"none\.json: cannot be read"):
        read_json(Outer, tmp_path / "none.json")


def test_nearest() -> None:
    assert nearest("sr_x4", ["sr-x4", "lowlight"]) == 'did you mean "sr-x4"?'
    assert nearest("sr-x5", ["sr-x4", "lowlight"]) == "known: lowlight, sr-x4"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "nothing is known here"
