"""From what a user writes after --model to a folder: a path, a bundled name, or a Hub id."""

from __future__ import annotations

import os
from pathlib import Path

from restoreflow.config_reader import nearest
from restoreflow.errors import ModelError
from restoreflow.models.folder import CONFIG, ModelFolder, check_complete

__all__ = ["bundled_models", "offered_models", "resolve_model"]

_FOR_COMPARISON = "-affine"
"""How bundled models end that show what bounded ones spare; nobody is offered them."""

_PACKAGE = Path(__file__).resolve().parent.parent


def bundled_models() -> dict[str, ModelFolder]:
    """Gives the models that came with this installation, by name, in the order of their names.

    Raises:
        ModelError: their folder may not be looked into.
    """
    place = _bundle()
    if not place.is_dir():
        return {}
    try:
        entries = sorted(place.iterdir())
    except OSError as reason:
        what = f"{place}: cannot be looked into: {reason.strerror}"
        raise ModelError(what, "check its permissions") from reason
    folders = [entry for entry in entries if os.path.isfile(entry / CONFIG)]
    return {folder.name: ModelFolder(folder, "bundled", folder.name) for folder in folders}


def offered_models() -> list[str]:
    """The names of the bundled models that are meant for pictures; errors as `bundled_models`."""
    return [name for name in bundled_models() if not name.endswith(_FOR_COMPARISON)]


def resolve_model(
    name: str | Path | ModelFolder, force: bool = False, progress: bool = False
) -> ModelFolder:
    """Finds the model a user means.

    A plain word is a bundled name, or else a folder here. With separators it is a folder if one is
    there, or else a Hub id, which is downloaded unless the Hub's cache has it.

    Args:
        name: a folder, a bundled name, or `owner/name[@revision]`; a folder that is resolved
            already is given back.
        force: download a Hub model again although it is cached.
        progress: show a bar while downloading.

    Raises:
        ModelError: there is no such model, or it cannot be downloaded.
    """
    if isinstance(name, ModelFolder):
        return name
    if isinstance(name, Path):
        return _folder(name)
    bundled = bundled_models()
    if name in bundled:
        return bundled[name]
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return _folder(Path(path))
    # What downloads takes a while to import, and most names are bundled.
    from restoreflow.models.hub import parse_hub_name, pull

    if parse_hub_name(name) is not None:
        return pull(name, force, progress)
    if name.startswith((".", "~")) or "/" in name or "\\" in name:
        raise ModelError(f"{name}: no such model folder", "a folder, or a Hub id owner/name")
    offered = offered_models()
    guess = nearest(name, offered)
    if not guess.startswith("did you mean"):
        guess = f"bundled: {', '.join(offered) or 'none'};"
    raise ModelError(
        f'no bundled model is named "{name}"',
        f"{guess} or give a folder, or a Hub id owner/name[@revision]",
    )


def _folder(path: Path) -> ModelFolder:
    folder = ModelFolder(path, identity=str(path))
    check_complete(folder)
    return folder


def _bundle() -> Path:
    """Gives where bundled models lie: inside an installed package, or beside it in a checkout."""
    installed = _PACKAGE / "weights"
    checkout = _PACKAGE.parent
    if not installed.is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "weights"
    return installed
