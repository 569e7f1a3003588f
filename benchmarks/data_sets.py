"""Tell whether pictures are those that a card's figures were measured on, whatever files hold them.

    python benchmarks/data_sets.py sets/Set14 [--limit 30] [--write Set14]

A set's digest is over its pictures' sizes and pixels, in any order: names, formats and metadata do
not count. `--write` puts it into data_sets.json, which docs/data.md explains.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from restoreflow.lab.photographs import as_levels, find_photos, read_rgb

KNOWN = Path(__file__).with_suffix(".json")


def digest(files: list[Path]) -> str:
    """sha256 over the pictures' own digests, sorted."""
    own: list[bytes] = []
    for file in files:
        levels = as_levels(read_rgb(file))
        height, width, _ = levels.shape
        own.append(hashlib.sha256(f"{width} {height} ".encode() + levels.tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(own))).hexdigest()


def main() -> int:
    """Print what was found; 0 where it is a known set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, help="take the first so many by name")
    parser.add_argument("--write", metavar="NAME", help="note it as the set of this name")
    options = parser.parse_args()
    files = find_photos(options.folder)[: options.limit]
    found = {"pictures": len(files), "sha256": digest(files)}
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    if options.write:
        known[options.write] = found
        KNOWN.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
    names = [name for name, entry in known.items() if entry == found]
    print(f"{options.folder}: {len(files)} pictures, sha256 {found['sha256']}")
    print(f"these are {names[0]}" if names else "these are none of the sets in data_sets.json")
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main())
