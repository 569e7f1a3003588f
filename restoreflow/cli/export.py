"""`restoreflow export`: models for programs that have no PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from restoreflow.cli import model_tables as tables
from restoreflow.cli import options
from restoreflow.cli.models import FormatOption
from restoreflow.cli.output import emit, for_people
from restoreflow.errors import UsageError, shown
from restoreflow.outputs.atomic import write_atomic
from restoreflow.outputs.gate import reading, settle

if TYPE_CHECKING:
    from restoreflow.export.onnx_file import Exported, Model
    from restoreflow.models.folder import ModelFolder

__all__ = ["export"]

_PACKAGE = ".dtmodel"


def export(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A bundled name, a folder, or a Hub id; for a .dtmodel one of each scale.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="NAME.onnx, or NAME.dtmodel for darktable.",
            show_default="the model's name, .onnx",
        ),
    ] = None,
    part: Annotated[
        Literal["sampler", "estimate"] | None,
        typer.Option(
            "--part",
            help="sampler: a sample of the latents and the temperature that it is given, and the "
            "clean estimate; estimate: that alone, which a .dtmodel always has.",
            show_default="sampler",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="SIDE|WxH",
            help="Fix the input's size in pixels, as some programs and GPUs ask.",
            show_default="any size",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    output_format: FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Export a model as ONNX, for programs without PyTorch, or for darktable's AI upscaling.

    What comes out is run by onnxruntime and held against PyTorch before it is written; it says in
    itself what it is: licences, scale, default temperature, and the whole card. Takes a quarter of
    a minute, and the extra onnx.

    Examples:

    - `restoreflow export sr-x4`
    - `restoreflow export sr-x4 --part estimate --size 256 -o estimate.onnx`
    - `restoreflow export sr-x2 sr-x4 -o restoreflow.dtmodel`
    """
    from restoreflow.models.folder import model_files
    from restoreflow.models.resolve import resolve_model

    packed = out is not None and out.suffix.lower() == _PACKAGE
    sides = None if size is None else _sides(size)
    _check(len(models), out, part, sides, packed)
    folders = [resolve_model(name, progress=for_people(output_format)) for name in models]
    path = Path(f"{folders[0].config.name}.onnx") if out is None else out
    reads = [file for folder in folders for file in model_files(folder)]
    settle([("--out", path)], overwrite, reads)
    with reading(reads):
        if packed:
            data, record = _package(folders, path)
        else:
            data, record = _single(folders[0], part or "sampler", sides)
        write_atomic(path, data, overwrite)
    record = {"path": str(path), "bytes": len(data), **record}
    emit([record], tables.facts(_for_people(record)), output_format)


def _check(
    count: int, out: Path | None, part: str | None, sides: tuple[int, int] | None, packed: bool
) -> None:
    """See that what is asked for fits together, before any work."""
    if packed:
        if part == "sampler" or sides is not None:
            raise UsageError(
                "a .dtmodel holds clean estimates of the sizes that darktable gives",
                "leave --part and --size out",
            )
        return
    if out is not None and out.suffix.lower() != ".onnx":
        raise UsageError(f"{shown(out)} is neither .onnx nor {_PACKAGE}", "choose one of these")
    if count > 1:
        raise UsageError(
            f"{count} models do not go into one .onnx", f"export one, or name a {_PACKAGE}"
        )


def _sides(text: str) -> tuple[int, int]:
    """Height and width of --size."""
    found = re.fullmatch(r"(\d{1,5})(?:[xX×](\d{1,5}))?", text.strip())
    if found is None:
        raise UsageError(f'--size is "{text}"', "give pixels, as 256 or 640x480 (width x height)")
    return int(found[2] or found[1]), int(found[1])


def _single(
    folder: ModelFolder, part: Literal["sampler", "estimate"], sides: tuple[int, int] | None
) -> tuple[bytes, dict[str, Any]]:
    from restoreflow.export.onnx_file import export as exported
    from restoreflow.export.onnx_file import open_for_export

    model = open_for_export(folder, part)
    found = exported(model, sides)
    return found.data, {**_facts(model, found), "inputs": found.inputs, "outputs": found.outputs}


def _package(folders: list[ModelFolder], path: Path) -> tuple[bytes, dict[str, Any]]:
    from restoreflow.export.darktable import SIDES, check_models, package, package_id
    from restoreflow.export.onnx_file import export as exported
    from restoreflow.export.onnx_file import open_for_export

    models = [open_for_export(folder, "estimate", clean=True) for folder in folders]
    check_models(models)
    sides = [SIDES[model.config.scale] for model in models]
    found = [exported(model, (side, side)) for model, side in zip(models, sides, strict=True)]
    name = package_id(path.stem)
    files = list(zip(models, (each.data for each in found), strict=True))
    facts = [_facts(*pair) for pair in zip(models, found, strict=True)]
    return package(name, files), {"id": name, "models": facts}


def _facts(model: Model, found: Exported) -> dict[str, Any]:
    return {
        "model": model.config.name,
        "part": model.graph.what,
        "scale": model.config.scale,
        "license": model.card and model.card.license,
        "difference": found.difference,
    }


def _for_people(record: dict[str, Any]) -> dict[str, Any]:
    """The record with shapes and models in words."""
    told = dict(record)
    for key in ("inputs", "outputs"):
        if key in told:
            told[key] = "; ".join(
                f"{name} ({', '.join(map(str, shape))})" for name, shape in told[key].items()
            )
    if "models" in told:
        told["models"] = ", ".join(
            f"{each['model']}, scale {each['scale']}" for each in told["models"]
        )
    if "difference" in told:
        told["difference"] = f"{told['difference']:.1e} from PyTorch, at most"
    return told
