from __future__ import annotations

import os
from pathlib import Path

import pytest

from studies.robustness.cache import Cache


def test_computes_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, object]:
        calls.append(1)
        return {"values": (1.5, 2)}

    first = Cache(tmp_path).recall("input", {"model": "a"}, compute)
    again = Cache(tmp_path)
    assert again.recall("input", {"model": "a"}, compute) == first == {"values": [1.5, 2]}
    assert len(calls) == 1
    assert (again.computed, again.recalled) == (0, 1)


def test_other_keys_and_kinds_are_other_measurements(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    found = [
        cache.recall("input", {"model": "a"}, lambda: 1),
        cache.recall("input", {"model": "b"}, lambda: 2),
        cache.recall("attack", {"model": "a"}, lambda: 3),
    ]
    assert found == [1, 2, 3]
    assert cache.find("input", {"model": "c"}) is None


def test_a_damaged_file_is_measured_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.recall("input", {}, lambda: 1)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-4])
    assert cache.recall("input", {}, lambda: 2) == 2
    assert Cache(tmp_path).recall("input", {}, lambda: 3) == 2


def test_what_is_not_finite_is_refused_and_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        cache.recall("input", {}, lambda: float("inf"))
    assert not list(tmp_path.iterdir())


def test_a_pipe_in_the_place_of_a_measurement_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.recall("a kind", {"of": 1}, lambda: 5) == 5
    (path,) = tmp_path.iterdir()
    path.unlink()
    os.mkfifo(path)
    assert cache.find("a kind", {"of": 1}) is None
