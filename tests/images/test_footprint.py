"""What decoding takes is known before, of every kind of file, and compared with what is free."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from restoreflow.errors import InputError, LimitError
from restoreflow.images.decode import decode, read_size
from restoreflow.images.formats import sniff
from restoreflow.images.input_bytes import decoding_bytes
from tests.images import containers as made
from tests.images import samples
from tests.images.bombs import bombs

_BOMBS = bombs()


@pytest.mark.parametrize("name", _BOMBS)
def test_bombs_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = _BOMBS[name]
    assert len(data) < 200_000
    monkeypatch.setattr("restoreflow.free_memory.available_bytes", lambda: 3 * 2**29)
    with pytest.raises(LimitError, match=r"needs .* GiB of memory; 1\.50 GiB is available"):
        decode(data)


@pytest.mark.parametrize("name", sorted(samples.files() | samples.files_of_extras()))
def test_small_files_are_not_worth_asking(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    data = (samples.files() | samples.files_of_extras())[name][0]
    monkeypatch.setattr("restoreflow.free_memory.available_bytes", lambda: 0)
    width, height = read_size(data)
    assert decode(data).pixels.shape == (height, width, 3)
    assert 12 * width * height < decoding_bytes(data, sniff(data), "it") < 2**20


_LAYOUTS = (
    *("png rgba", "png 16 rgba", "PNG with a profile", "jpeg rgb", "jpeg cmyk", "webp rgba"),
    *("WEBP with all", "avif rgb", "bmp rgb", "gif transparent", "ppm 16 rgb", "ppm 16 rgb text"),
    *("tiff rgb", "tiff 16 rgb", "tiff double", "tiff single", "tiff 8-bit, 8 channels"),
    *("tiff double, 8 channels", "heif rgba", "jxl rgb", "jxl 16 rgba"),
)


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="peaks are told by Linux")
@pytest.mark.parametrize("tag", [322, 323])
def test_a_tile_of_several_widths_is_damage(tag: int) -> None:
    data = made.tiff(tile=(16, 16))
    entries = (struct.pack("<HHI", tag, kind, 1) for kind in (3, 4))  # SHORT or LONG, one value
    (place,) = (data.index(entry) for entry in entries if entry in data)
    wrong = data[: place + 4] + struct.pack("<I", 2) + data[place + 8 :]
    with pytest.raises(InputError, match="TIFF"):
        decoding_bytes(wrong, "tiff", "tile.tif")


def test_what_is_known_is_not_less_than_what_is_taken() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, str(root / "benchmarks" / "decoding_memory.py")]
    command += ["--megapixels", "0.3", *(f"--layout={name}" for name in _LAYOUTS)]
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, cwd=root)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > len(_LAYOUTS) - 4
    beside = 4 * 2**20 / 0.3e6  # what does not depend on the size
    assert [row for row in rows if row["peak"] > row["known"] + beside] == []
    # Nor many times as much: that would refuse what can be done.
    assert [row for row in rows if row["known"] > 4 * row["peak"]] == []
