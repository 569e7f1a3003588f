"""The laboratory's verbs run as all others do."""

from __future__ import annotations

from tests.cli.conftest import _no_debug, _nothing_piped_in, bundled, photo, run, tiny_bundle

__all__ = ["_no_debug", "_nothing_piped_in", "bundled", "photo", "run", "tiny_bundle"]
