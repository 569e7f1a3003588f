"""Text from elsewhere, on one printable line."""

from __future__ import annotations

import os

from restoreflow.errors import shown


def test_shown_is_one_printable_line() -> None:
    odd = os.fsdecode(b"a\xff\n\x1b[2Jb.png")
    assert shown(odd) == "a\\udcff\\n\\x1b[2Jb.png"
    assert shown("caf\u00e9 \u4eac.png") == "caf\u00e9 \u4eac.png"
