"""A model folder: loaded as it was saved, refused when damaged, replaced whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file, save

import restoreflow
from restoreflow.errors import ModelError, OutputError
from restoreflow.models.card import CardFacts, write_card
from restoreflow.models.config import ModelConfig, read_config
from restoreflow.models.folder import (
    ModelFolder,
    add_files,
    count_values,
    load_folder,
    read_verified,
    save_folder,
    verify_folder,
)
from restoreflow.networks.restoration_network import RestorationNetwork, build_network


def test_save_then_load_gives_the_same_function(
    saved: Path, network: RestorationNetwork, config: ModelConfig
) -> None:
    loaded, read = load_folder(saved)
    assert not loaded.training
    assert read == config.with_sha256(read.sha256)
    degraded = torch.rand(1, 3, 6, 5)
    latent = torch.randn(1, loaded.latent_channels, 6, 5)
    with torch.no_grad():
        expected = network.eval().sample(network.encode(degraded), latent, 0.8)
        found = loaded.sample(loaded.encode(degraded), latent, 0.8)
    torch.testing.assert_close(found.image, expected.image, rtol=0, atol=0)


def test_loading_leaves_the_random_state_alone(saved: Path) -> None:
    state = torch.get_rng_state()
    load_folder(saved)
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_are_float32_and_the_same_bytes_each_time(
    config: ModelConfig, saved: Path, tmp_path: Path
) -> None:
    twin = load_folder(saved).network
    again = save_folder(tmp_path / "again", config, twin.double(), "card").path
    assert (again / "model.safetensors").read_bytes() == (saved / "model.safetensors").read_bytes()
    floating = [t for t in load_file(again / "model.safetensors").values() if t.is_floating_point()]
    assert {tensor.dtype for tensor in floating} == {torch.float32}
    assert count_values(again) == sum(t.numel() for t in floating)


def test_weights_that_are_not_finite_are_not_saved(config: ModelConfig, tmp_path: Path) -> None:
    broken = build_network(config)
    with torch.no_grad():
        next(iter(broken.parameters())).fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        save_folder(tmp_path / "broken", config, broken, "card")
    assert not any(tmp_path.iterdir())


def _truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _cut_header(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:40])


def _empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def _flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def _no_checksum(folder: Path) -> None:
    _edit_config(folder, sha256={})


def _newer(folder: Path) -> None:
    _edit_config(folder, schema=2)


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _other_width(folder: Path) -> None:
    network = json.loads((folder / "config.json").read_text())["network"]
    _edit_config(folder, network={**network, "width": 12})


def _more_steps(folder: Path) -> None:
    flow = json.loads((folder / "config.json").read_text())["flow"]
    _edit_config(folder, flow={**flow, "steps": 3})


def _impossible(folder: Path) -> None:
    network = json.loads((folder / "config.json").read_text())["network"]
    _edit_config(folder, network={**network, "width": -1})


def _other_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Damages the tensors, but not the checksum."""

    def damage(folder: Path) -> None:
        tensors = load((folder / "model.safetensors").read_bytes())
        change(tensors)
        data = save(tensors)
        (folder / "model.safetensors").write_bytes(data)
        _edit_config(folder, sha256={"model.safetensors": hashlib.sha256(data).hexdigest()})

    return damage


def _to_half(tensors: dict[str, torch.Tensor]) -> None:
    tensors.update({name: t.half() for name, t in tensors.items() if t.is_floating_point()})


def _to_nan(tensors: dict[str, torch.Tensor]) -> None:
    next(t for t in tensors.values() if t.is_floating_point()).fill_(float("inf"))


def _edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, r"model\.safetensors: truncated or damaged \([\d,]+ bytes\)"),
        (_cut_header, r"model\.safetensors: truncated or damaged"),
        (_empty, r"model\.safetensors: truncated or damaged \(0 bytes\)"),
        (_flip, r"model\.safetensors: checksum mismatch \(sha256 .* says"),
        (_no_weights, r"holds no model\.safetensors"),
        (_no_config, r"holds no config\.json \(a model folder holds"),
        (_no_folder, "no such model folder"),
        (_no_checksum, "lists no sha256"),
        (_newer, "newer than this version reads"),
        (_no_json, "not valid JSON"),
        (_other_width, "config.json asks for"),
        (_more_steps, r"does not fit config.json: \d+ tensors missing \("),
        (_impossible, "width must be an integer from 1 to 1024, not -1"),
        (_other_tensors(_to_half), "float16, config.json asks for .*float32"),
        (_other_tensors(_to_nan), "holds values that are not finite"),
        (_other_tensors(lambda t: t.popitem()), r"1 tensor missing"),
        (_other_tensors(lambda t: t.update(x=torch.ones(2))), r"1 tensor unknown \(x\)"),
    ],
)
def test_damage_is_one_line_with_exit_code_6(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    for check in (load_folder, verify_folder):
        with pytest.raises(ModelError, match=message) as error:
            check(folder)
        assert str(folder) in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.exit_code == 6


@pytest.mark.parametrize(
    ("folder_of", "hint"),
    [
        (lambda p: ModelFolder(p, "bundled", "sr-x4"), "pip install --force-reinstall restoreflow"),
        (lambda p: ModelFolder(p, "hub", "a/b", "0" * 40), f"models pull a/b@{'0' * 40} --force"),
        (lambda p: p, "copy or export the model again"),
    ],
)
def test_the_next_step_depends_on_where_the_model_came_from(
    folder: Path, folder_of: Callable[[Path], ModelFolder | Path], hint: str
) -> None:
    _flip(folder)
    with pytest.raises(ModelError) as error:
        load_folder(folder_of(folder))
    assert error.value.hint.endswith(hint)


def test_verify_lists_the_files(saved: Path) -> None:
    files = {file.name: file for file in verify_folder(saved)}
    assert list(files) == ["config.json", "model.safetensors", "README.md", "evaluation.json"]
    weights = files["model.safetensors"]
    assert weights.listed
    assert not files["README.md"].listed
    assert weights.size == (saved / "model.safetensors").stat().st_size
    assert weights.sha256 == read_config(saved / "config.json").sha256["model.safetensors"]


def test_added_files_are_verified_too(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    data = save({"mean": torch.zeros(3)})
    config = add_files(folder, {"ood.safetensors": data})
    assert config == read_config(folder / "config.json")
    assert read_verified(folder, "ood.safetensors") == data
    assert load_folder(folder).config == config
    for name in before.keys() - {"config.json"}:
        assert (folder / name).read_bytes() == before[name]
    (folder / "ood.safetensors").write_bytes(save({"mean": torch.ones(3)}))
    with pytest.raises(ModelError, match=r"ood\.safetensors: checksum mismatch"):
        read_verified(folder, "ood.safetensors")
    with pytest.raises(ModelError, match=r"ood\.safetensors: checksum mismatch"):
        verify_folder(folder)
    with pytest.raises(ModelError, match=r"ood\.safetensors: checksum mismatch"):
        add_files(folder, {"train.toml": b""})


@pytest.mark.parametrize("name", ["../x", "config.json", "notes.txt"])
def test_only_model_files_are_added(folder: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not a file to add"):
        add_files(folder, {name: b""})


def test_saving_replaces_the_whole_model(
    folder: Path, config: ModelConfig, network: RestorationNetwork, facts: CardFacts
) -> None:
    save_folder(folder, config, network, write_card(config, facts), {"train.toml": b"seed = 0\n"})
    assert {file.name for file in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "train.toml",
    }
    assert list(folder.parent.iterdir()) == [folder]


def test_saving_never_touches_a_folder_of_other_things(
    folder: Path, config: ModelConfig, network: RestorationNetwork, tmp_path: Path
) -> None:
    (folder / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"other things than a model: holiday\.jpg"):
        save_folder(folder, config, network, "card")
    assert (folder / "holiday.jpg").read_bytes() == b"mine"
    with pytest.raises(OutputError, match="is a file"):
        save_folder(folder / "holiday.jpg", config, network, "card")
    with pytest.raises(ModelError, match="not a file of a model folder"):
        save_folder(tmp_path / "new", config, network, "card", {"x.bin": b""})


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("moment", ["fsync", "rename", "second rename"])
def test_a_failed_save_leaves_the_old_model(
    folder: Path,
    config: ModelConfig,
    network: RestorationNetwork,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    moment: str,
) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    rename = Path.rename
    calls: list[Path] = []

    def fail(*_: object) -> None:
        raise error

    def rename_then_fail(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == (1 if moment == "rename" else 2):
            raise error
        return rename(path, target)

    if moment == "fsync":
        monkeypatch.setattr("os.fsync", fail)
    else:
        monkeypatch.setattr(Path, "rename", rename_then_fail)
    with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
        save_folder(folder, config, network, "card")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_nothing_reads_pickles() -> None:
    """Training checkpoints too: whatever is read from disk could have come from anyone.

    What the processes of one cluster job tell each other is no file, and pickled by Ray anyway.
    Classifiers that others published are pickles whose sha256 is known; nothing in them is run.
    """
    pattern = re.compile(r"\bpickle\b|torch\.load\(|\bjoblib\b|allow_pickle\s*=\s*True")
    package = Path(restoreflow.__file__).parent
    messages = package / "batch" / "cluster"
    published = package / "lab" / "evaluation" / "extractors.py"
    assert (
        published.read_text().count('torch.load(path, map_location="cpu", weights_only=True)') == 1
    )
    sources = sorted(
        path for path in package.rglob("*.py") if messages not in path.parents and path != published
    )
    assert len(sources) > 10
    found = [str(path) for path in sources if pattern.search(path.read_text(encoding="utf-8"))]
    assert not found
