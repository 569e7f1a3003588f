"""`restoreflow models`: list, show, pull, verify and push models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoreflow.cli import certificates
from restoreflow.cli import model_tables as tables
from restoreflow.cli.help import Verbs
from restoreflow.cli.options import Debug
from restoreflow.cli.output import Format, emit, for_people
from restoreflow.errors import ModelError

if TYPE_CHECKING:
    from restoreflow.models.folder import ModelFolder

app = Verbs(
    name="models",
    help="List, inspect, download, verify and share models.",
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A bundled name, a folder, or a Hub id: owner/name or owner/name@revision.",
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="human: tables; json: one record a line; quiet: nothing; auto: human on a terminal, "
        "else json.",
    ),
]


@app.command("list")
def list_models(output_format: FormatOption = "auto", debug: Debug = False) -> None:
    """List the models that came with this installation.

    Example: restoreflow models list
    """
    from restoreflow.models.resolve import bundled_models

    records = [_summary(folder) for folder in bundled_models().values()]
    emit(records, tables.models(records), output_format)


@app.command()
def show(
    name: Name,
    certificate: Annotated[
        bool,
        typer.Option(
            "--certificate",
            help="Also bound, layer by layer, the largest value any input can lead to.",
        ),
    ] = False,
    search: Annotated[
        bool,
        typer.Option(
            "--search",
            help="Beside the certificate, the largest values that ascents find: half a minute.",
        ),
    ] = False,
    output_format: FormatOption = "auto",
    debug: Debug = False,
) -> None:
    """Show what a model is: task, licences, training data, figures, and when it fails.

    Example: restoreflow models show sr-x4 --certificate
    """
    from restoreflow.models.resolve import resolve_model

    folder = resolve_model(name, progress=for_people(output_format))
    record = _summary(folder) | _card(folder) | {"figures": _figures(folder)}
    if certificate or search:
        record["certificate"] = certificates.certified(folder, search)
    emit([record], tables.model(record), output_format)


@app.command()
def pull(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="owner/name or owner/name@revision on the Hub.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Download again what the cache holds already.")
    ] = False,
    output_format: FormatOption = "auto",
    debug: Debug = False,
) -> None:
    """Download a model from the Hub into its cache, and verify it.

    HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN are honoured.

    Example: restoreflow models pull owner/name@v1
    """
    from restoreflow.models import hub

    folder = hub.pull(name, force=force, progress=for_people(output_format))
    _verified(folder, output_format)


@app.command()
def verify(name: Name, output_format: FormatOption = "auto", debug: Debug = False) -> None:
    """Check that a model's files are whole, match their checksums and load, and what it promises.

    The description must be of what the weights' file holds, and rotations orthogonal. What is
    certified for every input is said: models with affine couplings are whole too, and promise
    nothing.

    Example: restoreflow models verify sr-x4
    """
    from restoreflow.models.resolve import resolve_model

    _verified(resolve_model(name, progress=for_people(output_format)), output_format)


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A model folder with a card.")],
    name: Annotated[str, typer.Argument(metavar="ID", help="Where to: owner/name on the Hub.")],
    private: Annotated[
        bool, typer.Option("--private", help="Only you may see it, if it is made now.")
    ] = False,
    output_format: FormatOption = "auto",
    debug: Debug = False,
) -> None:
    """Verify a model folder and upload it to the Hub.

    Needs HF_TOKEN or a login (hf auth login) that may write there.

    Example: restoreflow models push runs/mine owner/name --private
    """
    from restoreflow.models import hub

    pushed = hub.push(folder, name, private=private, progress=for_people(output_format))
    record = {**pushed._asdict(), "folder": str(folder)}
    emit([record], tables.facts(record), output_format)


def _verified(folder: ModelFolder, output_format: Format) -> None:
    from restoreflow.models.folder import verify_folder

    files = [file._asdict() for file in verify_folder(folder)]
    record = {"name": folder.config.name, "status": "verified", **_place(folder), "files": files}
    record["orthogonality"] = certificates.orthogonality(folder)
    record["certificate"] = certificates.certified(folder)
    emit([record], tables.verified(record), output_format)


def _summary(folder: ModelFolder) -> dict[str, Any]:
    from restoreflow.models.folder import FILES, count_values

    config = folder.config
    present = (folder.path / file for file in FILES)
    return {
        "name": config.name,
        "task": config.task,
        "scale": config.scale,
        "coupling": config.flow.coupling,
        "values": count_values(folder),
        "bytes": sum(path.stat().st_size for path in present if path.is_file()),
        "temperature": config.defaults.temperature,
        "consistency": config.defaults.consistency,
        **_place(folder),
    }


def _place(folder: ModelFolder) -> dict[str, Any]:
    return {"source": folder.source, "revision": folder.revision, "path": str(folder.path)}


def _card(folder: ModelFolder) -> dict[str, Any]:
    """The card's facts; where there is no readable card, why."""
    import dataclasses

    from restoreflow.models.card import read_card
    from restoreflow.models.folder import CARD

    try:
        return {"card": dataclasses.asdict(read_card(folder.path / CARD)), "card_error": None}
    except ModelError as error:
        return {"card": None, "card_error": str(error)}


def _figures(folder: ModelFolder) -> list[dict[str, Any]]:
    from restoreflow.models.card import read_figures
    from restoreflow.models.folder import EVALUATION

    path = folder.path / EVALUATION
    return read_figures(path) if path.exists() else []
