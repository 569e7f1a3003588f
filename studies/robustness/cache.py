"""Measurements kept on disk, so that a study that was interrupted goes on where it stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from restoreflow.local_files import read_regular
from restoreflow.outputs.atomic import make_folder, write_atomic

__all__ = ["Cache"]

VERSION = 1
"""Part of every key: raise it when a measurement's meaning changes."""


class Cache:
    """A folder with one JSON file a measurement, named by a hash of all it depends on.

    Args:
        folder: made when the first measurement is kept.

    Attributes:
        computed, recalled: how many were.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.computed = 0
        self.recalled = 0

    def recall(self, kind: str, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """The measurement of this kind and key: read, or else computed and kept.

        What is given back has been through JSON either way. A file that cannot be read, or is of
        another key, is replaced.

        Args:
            kind: names the file, for people.
            key: everything the measurement depends on, as JSON.
            compute: gives JSON without NaN or infinity.
        """
        found = self.find(kind, key)
        if found is not None:
            self.recalled += 1
            return found
        path, whole = self._place(kind, key)
        text = json.dumps({"key": whole, "value": compute()}, allow_nan=False)
        make_folder(self.folder)
        write_atomic(path, text.encode(), overwrite=True)
        self.computed += 1
        return json.loads(text)["value"]

    def find(self, kind: str, key: Mapping[str, Any]) -> Any:
        """The measurement if it was kept, else None."""
        path, whole = self._place(kind, key)
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(read_regular(path))
            if isinstance(kept, dict) and kept.get("key") == whole:
                return kept["value"]
        return None

    def _place(self, kind: str, key: Mapping[str, Any]) -> tuple[Path, str]:
        whole = json.dumps([VERSION, kind, key], sort_keys=True)
        digest = hashlib.sha256(whole.encode()).hexdigest()[:20]
        return self.folder / f"{kind}-{digest}.json", whole
