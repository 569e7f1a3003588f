"""Say what an installation downloads and takes on the disk, for the README and docs/install.md.

    python benchmarks/install_size.py          # needs uv on the path; asks the package index
    python benchmarks/install_size.py --here   # the environment that runs it, on the disk

Downloads are the sizes that the index gives for the wheels that uv chooses, for CPython 3.13.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
PYTHON = "3.13"
LARGEST = 8


class Machine(NamedTuple):
    """A row of the table: uv's name of the platform, and what its wheels' names hold."""

    platform: str
    tags: tuple[str, ...]


MACHINES = {
    "Linux, x86-64": Machine("x86_64-unknown-linux-gnu", ("manylinux", "x86_64")),
    "macOS, ARM": Machine("aarch64-apple-darwin", ("macosx", "arm64")),
    "Windows": Machine("x86_64-pc-windows-msvc", ("win_amd64",)),
}


def locked(machine: Machine, extra: str | None) -> list[dict[str, Any]]:
    """The packages that uv resolves to, as PEP 751 has them."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "pylock.toml"
        command = ["uv", "pip", "compile", "--quiet", "--format", "pylock.toml", "-o", str(out)]
        command += ["--python-version", PYTHON, "--python-platform", machine.platform]
        command += ["--extra", extra] if extra else []
        subprocess.run([*command, str(ROOT / "pyproject.toml")], check=True)
        return tomllib.loads(out.read_text())["packages"]


def download(package: dict[str, Any], machine: Machine) -> int:
    """Bytes of the wheel for this machine, or of the source where there is none."""
    version = PYTHON.replace(".", "")
    fits: list[int] = []
    for wheel in package.get("wheels", []):
        name = wheel["url"].rsplit("/", 1)[-1]
        python, abi, platform = name.removesuffix(".whl").split("-")[-3:]
        right = f"cp{version}" in python or "abi3" in abi or "py3" in python
        free = abi == f"cp{version}t"
        here = platform == "any" or all(tag in platform for tag in machine.tags)
        if right and here and not free and "musllinux" not in platform:
            fits.append(wheel["size"])
    return min(fits) if fits else package.get("sdist", {}).get("size", 0)


def downloads(extra: str | None) -> None:
    """Print a table of downloads: machines down."""
    for name, machine in MACHINES.items():
        sizes = {each["name"]: download(each, machine) for each in locked(machine, extra)}
        total, torch = sum(sizes.values()) / 1e6, sizes["torch"] / 1e6
        cuda = sum(n for p, n in sizes.items() if p.startswith(("nvidia", "cuda", "triton"))) / 1e6
        print(f"{name}: {total:.0f} MB; PyTorch {torch:.0f}, CUDA {cuda:.0f}")
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:LARGEST]
        print("   " + ", ".join(f"{each} {sizes[each] / 1e6:.0f}" for each in largest))


def here() -> None:
    """Print what the packages of this environment take."""
    sizes = {}
    for each in importlib.metadata.distributions():
        files = [Path(str(each.locate_file(file))) for file in each.files or ()]
        sizes[each.name] = sum(file.stat().st_size for file in files if file.is_file())
    print(f"{sys.prefix}: {sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} packages")
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:LARGEST]
    print("   " + ", ".join(f"{each} {sizes[each] / 1e6:.0f}" for each in largest))


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--extra", help="with this extra, for example dev")
    parser.add_argument("--here", action="store_true", help="measure this environment instead")
    options = parser.parse_args()
    if options.here:
        here()
    else:
        downloads(options.extra)


if __name__ == "__main__":
    main()
