"""A damaged TIFF file's C library is not heard on the terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PROGRAM = """
import sys
from pathlib import Path
from restoreflow.images.decode import decode
from restoreflow.images.libtiff import silence
if sys.argv[2] == "silent":
    print(silence())
decode(Path(sys.argv[1]))
"""


def damaged_fax() -> bytes:
    values = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(bool)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression="group4")
    data = bytearray(buffer.getvalue())
    data[20:400:7] = bytes(each ^ 0xFF for each in data[20:400:7])
    return bytes(data)


@pytest.mark.skipif(sys.platform == "win32", reason="Pillow has the library built in")
def test_its_errors_are_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    path.write_bytes(damaged_fax())
    heard: dict[str, str] = {}
    for manner in ("loud", "silent"):
        command = [sys.executable, "-c", PROGRAM, str(path), manner]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
        heard[manner] = done.stderr
        assert done.stdout.strip() == ("True" if manner == "silent" else "")
    assert "Fax4Decode" in heard["loud"]  # or the test shows nothing
    assert heard["silent"] == ""
