"""Write docs/cli.md from the commands' own --help, or check that it says the same.

python docs/generate_cli.py [--check]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before typer is imported: it reads these once. The page is the same on any terminal.
os.environ.update(TERMINAL_WIDTH="100", COLUMNS="100", NO_COLOR="1", TERM="dumb", LC_ALL="C.UTF-8")
for _forcing in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "RESTOREFLOW_LPIPS"):
    os.environ.pop(_forcing, None)

import typer  # noqa: E402
from typer.core import TyperGroup  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from restoreflow.cli.app import app  # noqa: E402

PAGE = Path(__file__).with_name("cli.md")

_HEAD = """# The command line

What `restoreflow COMMAND --help`, or `--help-all` where there is more, says for every command.
`make docs` writes this page; a test compares it with the commands.
"""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command under a group, the group itself first."""
    yield path
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))


def page() -> str:
    """The whole page, Markdown."""
    sections = [_HEAD]
    for words in commands(typer.main.get_command(app)):
        result = CliRunner().invoke(app, [*words, "--help-all"], prog_name="restoreflow")
        if result.exit_code:  # it has no options beyond those of --help
            result = CliRunner().invoke(app, [*words, "--help"], prog_name="restoreflow")
        if result.exit_code:
            raise SystemExit(f"{' '.join(words)} --help failed: {result.output}")
        lines = "\n".join(line.rstrip() for line in result.output.strip("\n").splitlines())
        title = " ".join(("restoreflow", *words))
        sections.append(f"## {title}\n\n```text\n{lines}\n```\n")
    return "\n".join(sections)


def main() -> None:
    """Write the page, or with --check fail where it differs."""
    text = page()
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{PAGE.name} differs from --help: run make docs")


if __name__ == "__main__":
    main()
