"""Pictures that are no photographs and no patterns: `python -m studies.others FOLDER` fetches them.

Screenshots, drawings, scans, microscopy and astronomy, a folder a kind, from public repositories
at fixed commits; their sizes, sums and licences stand in others.csv, none of them is in this
repository.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.text import Text

from restoreflow.cli import options
from restoreflow.cli.output import emit
from restoreflow.cli.program import run
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import shown
from restoreflow.lab.evaluation.extractors import Published, fetch
from restoreflow.local_files import read_regular
from restoreflow.outputs.atomic import make_folder

__all__ = ["NAME", "OTHERS", "Picture", "app"]

NAME = "python -m studies.others"


class Picture(NamedTuple):
    """A picture and what kind it is of, which is the folder it goes to."""

    kind: str
    source: Published

    @property
    def name(self) -> str:
        """Of its file."""
        return self.source.url.rsplit("/", 1)[1]


def _read(path: Path) -> tuple[Picture, ...]:
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            Picture(
                row["kind"],
                Published(row["url"], row["sha256"], int(row["size"]), row["licence"]),
            )
            for row in csv.DictReader(file)
        )


OTHERS = _read(Path(__file__).with_suffix(".csv"))
"""The set, by kind."""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def others(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they go.")],
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Fetch screenshots, drawings, scans, microscopy and astronomy, and check each by its sha256.

    What is there already is kept. `python -m studies.factorial --others FOLDER` asks about them.
    """
    fetched = 0
    with progress(output_format, len(OTHERS)) as advance:
        for picture in OTHERS:
            target = folder / picture.kind / picture.name
            if not _is_there(target, picture.source.sha256):
                make_folder(target.parent)
                part = target.with_suffix(".part")
                fetch(picture.source, part, lambda _: None)
                part.replace(target)
                fetched += 1
            advance(picture.name)
    told = f"{len(OTHERS)} pictures in {shown(folder)}, {fetched} of them fetched."
    emit([{"pictures": len(OTHERS), "fetched": fetched}], Text(told), output_format)


def _is_there(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(read_regular(path)).hexdigest() == digest


if __name__ == "__main__":
    run(app, NAME)
