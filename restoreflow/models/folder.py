"""A folder is a model: its files, reading them verified, writing them whole or not at all.

    config.json          what the network is, defaults, checksums
    model.safetensors    weights
    README.md            the card
    ood.safetensors      optional: statistics of the training set's features
    evaluation.json      optional: measured figures
    train.toml           optional: the recipe
    log.jsonl            optional: the training's loss curve

Bytes are read once, checked and then parsed, so that what was verified is what is used.
"""

from __future__ import annotations

import hashlib
import math
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from restoreflow.errors import ModelError
from restoreflow.local_files import read_regular
from restoreflow.models.config import ModelConfig, read_config

if TYPE_CHECKING:
    import torch

    from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = [
    "CARD",
    "CONFIG",
    "EVALUATION",
    "FILES",
    "LOG",
    "OOD",
    "RECIPE",
    "WEIGHTS",
    "FileFacts",
    "LoadedModel",
    "ModelFolder",
    "add_files",
    "check_complete",
    "count_values",
    "load_folder",
    "model_files",
    "read_verified",
    "save_folder",
    "verify_folder",
]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
OOD = "ood.safetensors"
EVALUATION = "evaluation.json"
RECIPE = "train.toml"
LOG = "log.jsonl"
FILES = (CONFIG, WEIGHTS, CARD, OOD, EVALUATION, RECIPE, LOG)
"""All files a model folder may hold; nothing else is read, downloaded or pushed."""


@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds a model, and where it came from.

    Attributes:
        path: the folder.
        source: how it was named.
        identity: the name or Hub id (without revision) it was asked for by; the path for a folder.
        revision: the Hub's commit; None for other sources.
    """

    path: Path
    source: Literal["folder", "bundled", "hub"] = "folder"
    identity: str = ""
    revision: str | None = None

    @property
    def config(self) -> ModelConfig:
        """Reads config.json; ModelError where it is missing, damaged or of a newer schema."""
        check_complete(self, (CONFIG,))
        return read_config(self.path / CONFIG)

    @property
    def repair(self) -> str:
        """What to do when a file of this model is missing or damaged, one line."""
        if self.source == "hub":
            at = f"@{self.revision}" if self.revision else ""
            return f"download it again: restoreflow models pull {self.identity}{at} --force"
        if self.source == "bundled":
            return "install restoreflow again: pip install --force-reinstall restoreflow"
        return "copy or export the model again"


class LoadedModel(NamedTuple):
    """A network ready to restore, and its configuration."""

    network: RestorationNetwork
    config: ModelConfig


class FileFacts(NamedTuple):
    """A file of a model folder: its size in bytes and its SHA-256, which config.json may list."""

    name: str
    size: int
    sha256: str
    listed: bool


def load_folder(
    folder: ModelFolder | Path | str, device: torch.device | str = "cpu"
) -> LoadedModel:
    """Loads a model's network, in evaluation mode, after verifying its weights.

    The global random state is left as it was. The network is made when its description and the
    file agree, and not before.

    Raises:
        ModelError: a file is missing, truncated or does not match its checksum, the configuration
            is invalid or newer, the weights do not fit it, or a rotation is not orthogonal.
    """
    import torch

    from restoreflow.models.weights import check_fit, check_orthogonal, fill, parse
    from restoreflow.networks.restoration_network import build_network, described_tensors

    folder = _as_folder(folder)
    config = folder.config
    where = str(folder.path / WEIGHTS)
    data = _read(folder, WEIGHTS)
    tensors = parse(data, where, folder.repair)
    _check_sha256(folder, config, WEIGHTS, data)
    try:
        described = described_tensors(config)
    except (ValueError, RuntimeError) as reason:
        raise ModelError(f"{folder.path / CONFIG}: describes no network: {reason}") from reason
    check_fit(described, tensors, where, folder.repair)
    random_state = torch.get_rng_state()
    try:
        network = build_network(config)
    finally:
        torch.set_rng_state(random_state)
    fill(network, tensors, where, folder.repair)
    check_orthogonal(network.flow, where, folder.repair)
    return LoadedModel(network.to(device).eval(), config)


def read_verified(folder: ModelFolder | Path | str, name: str) -> bytes:
    """Reads a tensor file of the folder and compares it with the checksum in config.json.

    Raises:
        ModelError: the file is missing, not listed in config.json, or differs from its checksum.
    """
    folder = _as_folder(folder)
    data = _read(folder, name)
    _check_sha256(folder, folder.config, name, data)
    return data


def count_values(folder: ModelFolder | Path | str) -> int:
    """Counts the floating-point values of the weights from their file's header alone.

    Raises:
        ModelError: the file is missing, truncated or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    folder = _as_folder(folder)
    check_complete(folder, (WEIGHTS,))
    path = folder.path / WEIGHTS
    try:
        with cast("Any", safe_open)(path, "np") as file:
            slices = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118
            floating = [item for item in slices if item.get_dtype().startswith(("F", "BF"))]
            return sum(math.prod(item.get_shape()) for item in floating)
    except (SafetensorError, OSError) as reason:
        message = f"{path}: truncated or damaged: {reason}"
        raise ModelError(message, folder.repair) from reason


def verify_folder(folder: ModelFolder | Path | str) -> list[FileFacts]:
    """Checks a model folder's configuration and all of its tensor files; loads it on the CPU.

    Returns:
        its files, in the order of `FILES`.

    Raises:
        ModelError: as `load_folder`, for every tensor file.
    """
    from restoreflow.models.weights import parse

    folder = _as_folder(folder)
    config = load_folder(folder).config
    for name in sorted({*config.sha256, *(n for n in (OOD,) if (folder.path / n).exists())}):
        data = _read(folder, name)
        parse(data, str(folder.path / name), folder.repair)
        _check_sha256(folder, config, name, data)
    return [_facts(folder, config, name) for name in FILES if (folder.path / name).exists()]


def save_folder(
    path: Path,
    config: ModelConfig,
    network: RestorationNetwork,
    card: str,
    extras: Mapping[str, bytes] | None = None,
) -> ModelFolder:
    """Writes a model folder, checksums included; whole or not at all.

    A model that stands there already is replaced, with all of its files: statistics and figures
    of other weights must not outlive them. A folder that holds anything else is refused.

    Args:
        path: the folder.
        config: its configuration; `sha256` is computed here.
        network: its weights are written as float32.
        card: the text of README.md, see `card.write_card`.
        extras: contents of further files of `FILES`, by name.

    Raises:
        ModelError: the weights are not finite, a rotation is not orthogonal, or a name in `extras`
            is no model file.
        OutputError: the folder holds other things, or cannot be written.
    """
    from restoreflow.models.weights import check_orthogonal, serialise

    files = dict(extras or {})
    if unknown := sorted(files.keys() - set(FILES)):
        raise ModelError(f"{unknown[0]}: not a file of a model folder", f"known: {_list(FILES)}")
    files[WEIGHTS] = serialise(network, config.name)
    check_orthogonal(network.flow, config.name)
    files[CARD] = card.encode()
    _write(path, config, files)
    return ModelFolder(path, identity=str(path))


def add_files(path: Path, files: Mapping[str, bytes]) -> ModelConfig:
    """Adds or replaces files of a model folder, and updates its checksums; whole or not at all.

    The way for statistics and figures that are computed after the weights.

    Raises:
        ModelError: the folder is no valid model, or a name is no model file.
        OutputError: the folder cannot be written.
    """
    if unknown := sorted(files.keys() - (set(FILES) - {CONFIG})):
        raise ModelError(f"{unknown[0]}: not a file to add to a model", f"known: {_list(FILES)}")
    folder = _as_folder(path)
    kept = {name: _read(folder, name) for name in FILES if (path / name).exists()}
    config = folder.config
    for name in config.sha256.keys() - files.keys():
        _check_sha256(folder, config, name, kept[name])
    return _write(path, config, {**kept, **files})


def model_files(folder: ModelFolder) -> list[Path]:
    """Where a model's files are, those included that it has not."""
    return [folder.path / name for name in FILES]


def check_complete(folder: ModelFolder, names: tuple[str, ...] = (CONFIG, WEIGHTS)) -> None:
    """Raises ModelError where the folder lacks one of these files, or may not be looked into."""
    for name in names:
        if not _has_file(folder.path / name):
            what = folder.identity or folder.path
            hint = folder.repair
            if not folder.path.is_dir():
                raise ModelError(f"{what}: no such model folder", hint)
            if name == CONFIG and folder.source != "bundled":
                hint = f"a model folder holds {CONFIG} and {WEIGHTS}"
            raise ModelError(f"{what}: holds no {name}", hint)


def _has_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character
        return False
    except OSError as reason:
        what = f"{path.parent}: cannot be looked into: {reason.strerror}"
        raise ModelError(what, "check its permissions") from reason


def _as_folder(folder: ModelFolder | Path | str) -> ModelFolder:
    if isinstance(folder, ModelFolder):
        return folder
    return ModelFolder(Path(folder), identity=str(folder))


def _read(folder: ModelFolder, name: str) -> bytes:
    check_complete(folder, (name,))
    path = folder.path / name
    try:
        return read_regular(path)
    except OSError as reason:
        raise ModelError(f"{path}: cannot be read: {reason.strerror}", folder.repair) from reason


def _check_sha256(folder: ModelFolder, config: ModelConfig, name: str, data: bytes) -> None:
    path = folder.path / name
    expected = config.sha256.get(name)
    if expected is None:
        raise ModelError(f"{path}: {CONFIG} lists no sha256 for it", folder.repair)
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        short = f"sha256 {found[:12]}..., {CONFIG} says {expected[:12]}..."
        raise ModelError(f"{path}: checksum mismatch ({short})", folder.repair)


def _facts(folder: ModelFolder, config: ModelConfig, name: str) -> FileFacts:
    data = _read(folder, name)
    return FileFacts(name, len(data), hashlib.sha256(data).hexdigest(), name in config.sha256)


def _write(path: Path, config: ModelConfig, files: Mapping[str, bytes]) -> ModelConfig:
    tensor_files = sorted(name for name in files if name.endswith(".safetensors"))
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in tensor_files}
    config = config.with_sha256(digests)
    from restoreflow.outputs.folders import replace_folder

    replace_folder(path, {**files, CONFIG: config.to_json().encode()}, FILES)
    return config


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
