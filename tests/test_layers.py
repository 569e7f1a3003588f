"""The list of layers in CONTRIBUTING.md is complete, and every import runs downwards in it.

All imports count alike: one under TYPE_CHECKING is knowledge of the other all the same, and one
within a function loads later and depends as much. Within a package everything may import.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def layers() -> list[str]:
    """Packages and modules as the list has them, the topmost first; also those of one row."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    cells = re.findall(r"^\| (restoreflow/.*?) \|", text, re.MULTILINE)
    names = [name.strip() for cell in cells for name in cell.replace("\\", "").split(",")]
    return [name.removeprefix("restoreflow/") for name in names]


def imports() -> Iterator[tuple[str, str]]:
    """Modules and what each imports, by full names, as `import x.y` and `from x import y` do."""
    for path in (ROOT / "restoreflow").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: a relative one"
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "restoreflow":
                inner = [f"restoreflow.{alias.name}" for alias in node.names]
                yield from ((module, full if there(full) else "restoreflow") for full in inner)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield module, node.module


def imported(places: tuple[str, ...]) -> Iterator[str]:
    """Our own modules that are imported from anywhere below some folders."""
    for path in (path for place in places for path in (ROOT / place).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("restoreflow."):
                yield str(node.module)


def there(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def layer(module: str) -> str:
    """The package or module of the list that a module belongs to."""
    _, name, inner, *_ = [*module.split("."), "__init__", "__init__"]
    name = f"{name}/{inner}" if name == "lab" else name
    return name if (ROOT / "restoreflow" / name).is_dir() else f"{name}.py"


def test_the_list_is_complete() -> None:
    unlisted = {"__pycache__", "py.typed", "lab", "lab/__pycache__", "lab/__init__.py"}
    top = ROOT / "restoreflow"
    there = [*top.iterdir(), *(top / "lab").iterdir()]
    held = {path.relative_to(top).as_posix() for path in there} - unlisted
    assert sorted(layers()) == sorted(held)


def test_imports_run_downwards() -> None:
    rank = {name: index for index, name in enumerate(layers())}
    ours = [pair for pair in imports() if pair[1].split(".")[0] == "restoreflow"]
    assert len(ours) > 1000  # all were found
    upwards = {(a, b) for a, b in ours if rank[layer(a)] > rank[layer(b)]}
    assert upwards == set()


def test_what_is_imported_is_there() -> None:
    """Also by what no test of a change runs, and within functions."""
    places = ("restoreflow", "tests", "studies", "benchmarks", "examples")
    found = {module for module in imported(places) if not there(module)}
    assert found == set()
