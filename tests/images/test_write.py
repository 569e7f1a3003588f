"""Pictures that are checked before they have their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restoreflow.errors import OutputError
from restoreflow.images import encode
from restoreflow.images.decode import decode
from restoreflow.images.encode import write_picture
from restoreflow.images.picture import Picture


def test_write_picture_checks_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Picture(np.full((5, 7, 3), 0.5, np.float32))
    size = write_picture(tmp_path / "a.png", picture)
    assert size == (tmp_path / "a.png").stat().st_size
    assert decode(tmp_path / "a.png").width == 7
    monkeypatch.setattr(encode, "read_size", lambda *_, **__: (7, 4))
    with pytest.raises(OutputError, match="7 x 4"):
        write_picture(tmp_path / "b.png", picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
