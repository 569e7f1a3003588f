"""Training resumes to the same weights, keeps budgets, skips broken steps, and is distributed."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from restoreflow.errors import ModelError
from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training.config import TrainConfig
from restoreflow.lab.training.loop import Trainer, learning_rate
from restoreflow.models.folder import load_folder
from tests.lab.training.recipes import Coupling, Task, recipe, write_extractors, write_photos

CPU = torch.device("cpu")


def trainer(folder: Path, config: TrainConfig, name: str = "run", **rest) -> Trainer:
    photos = write_photos(folder / "photos")
    return Trainer(config, photos, folder / name, CPU, lpips=folder / "lpips", **rest)


def head_of(run: Trainer) -> torch.Tensor:
    return run.network.state_dict()["encoder.head.weight"]


@pytest.mark.parametrize(
    ("coupling", "task", "muon"),
    [
        ("spline", "sr", 0.0),
        ("spline", "sr", 3e-3),
        ("affine", "sr", 0.0),
        ("spline", "lowlight", 0.0),
    ],
)
def test_a_broken_training_resumes_to_the_same_weights(
    coupling: Coupling, task: Task, muon: float, tmp_path: Path
) -> None:
    write_extractors(tmp_path / "lpips")
    config = recipe("mean", "likelihood", "texture", steps=3, coupling=coupling, task=task)
    stages = tuple(dataclasses.replace(stage, muon=muon) for stage in config.stages)
    config = dataclasses.replace(config, stages=stages)
    assert trainer(tmp_path, config, "whole").run()
    for _ in range(8):
        if trainer(tmp_path, config, "broken").run(steps=2):
            break
    whole = load_file(tmp_path / "whole" / "model" / "model.safetensors")
    broken = load_file(tmp_path / "broken" / "model" / "model.safetensors")
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_training_with_an_adversary_and_learnt_rotations_resumes_likewise(tmp_path: Path) -> None:
    write_extractors(tmp_path / "lpips")
    config = recipe("likelihood", "texture", steps=4)
    likelihood, texture = config.stages
    weights = dataclasses.replace(texture.weights, adversary=0.5)
    texture = dataclasses.replace(texture, weights=weights, adversary_from=1, adversary_ramp=1)
    config = dataclasses.replace(
        config,
        stages=(likelihood, texture),
        degradation="photo",
        drawings=0.5,
        network=dataclasses.replace(config.network, told=True),
        flow=dataclasses.replace(config.flow, rotations="learnt", coarse=1, injector="spline"),
    )
    lines: list[dict] = []
    assert trainer(tmp_path, config, "whole", report=lines.append).run()
    for _ in range(8):
        if trainer(tmp_path, config, "broken").run(steps=3):
            break
    whole = load_file(tmp_path / "whole" / "model" / "model.safetensors")
    broken = load_file(tmp_path / "broken" / "model" / "model.safetensors")
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    # What was learnt is folded into plain matrices, orthogonal to float32's last digit.
    rotations = {k: v for k, v in whole.items() if k.endswith("rotation.weight")}
    first = Trainer(config, tmp_path / "photos", tmp_path / "new", CPU, lpips=tmp_path / "lpips")
    fresh = first.network.state_dict()
    assert rotations and not any("skew" in name for name in whole)
    for name, matrix in rotations.items():
        unit = matrix.double() @ matrix.double().T - torch.eye(48, dtype=torch.float64)
        assert unit.abs().max() < 3e-6
        assert not torch.equal(matrix, fresh[name])
    load_folder(tmp_path / "whole" / "model")


def test_the_mean_improves_and_the_average_follows(tmp_path: Path) -> None:
    run = trainer(tmp_path, recipe("mean", steps=40))
    lines: list[dict] = []
    run.report = lines.append
    before = head_of(run).clone()
    clean = run.photos.batch(4, 96, torch.Generator().manual_seed(1))
    low = torch.nn.functional.interpolate(clean, scale_factor=0.25, mode="area")

    def error() -> float:
        with torch.no_grad():
            return float((run.average.encode(low).mean - clean).abs().mean())

    start = error()
    run.run()
    assert not torch.equal(before, head_of(run))
    assert error() < start


def test_a_step_without_a_finite_gradient_is_skipped_and_counted(tmp_path: Path) -> None:
    run = trainer(tmp_path, recipe("mean", steps=3))
    weights = {k: v.clone() for k, v in run.network.state_dict().items()}
    clean = torch.rand(1, 3, 96, 96)
    run._step(_Broken(run.network), run.config.stages[0], 1e-3, Example(clean, clean))
    assert run.progress.skipped == 1
    assert all(torch.equal(v, weights[k]) for k, v in run.network.state_dict().items())


class _Broken(torch.nn.Module):
    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch, seed, step):
        return next(iter(self.network.parameters())).sum() * float("nan"), {}, None


def test_twins_start_from_the_same_encoder(tmp_path: Path) -> None:
    trainer(tmp_path, recipe("mean"), "mean").run()
    source = tmp_path / "mean" / "model" / "model.safetensors"
    config = recipe("mean", "likelihood", coupling="affine")
    twin = trainer(tmp_path, config, "twin", encoder=[source])
    assert twin.progress.stage == 1
    first = load_file(source)
    assert torch.equal(head_of(twin), first["encoder.head.weight"])
    # The blocks before the flow are each flow's own.
    context = "encoder.context.0.conv1.weight"
    assert not torch.equal(twin.average.state_dict()[context], first[context])


def test_an_encoder_of_another_form_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, recipe("mean"), "mean").run()
    config = recipe("mean", "likelihood")
    wider = dataclasses.replace(config, network=dataclasses.replace(config.network, width=12))
    with pytest.raises(ModelError, match=r"encoder\.head\.weight of the shape"):
        trainer(
            tmp_path, wider, "twin", encoder=[tmp_path / "mean" / "model" / "model.safetensors"]
        )


def test_a_training_starts_from_another_scales_weights_as_far_as_they_fit(tmp_path: Path) -> None:
    trainer(tmp_path, recipe("mean"), "first").run()
    source = tmp_path / "first" / "model" / "model.safetensors"
    lines: list[dict] = []
    config = dataclasses.replace(recipe("mean"), scale=2)
    second = trainer(tmp_path, config, "second", start=[source], report=lines.append)
    given, taken = load_file(source), second.average.state_dict()
    assert given["encoder.head.weight"].shape != taken["encoder.head.weight"].shape
    assert torch.equal(given["encoder.tail.weight"], taken["encoder.tail.weight"])
    assert torch.equal(
        taken["encoder.tail.weight"], second.network.encoder.state_dict()["tail.weight"]
    )
    assert lines == [{"start": str(source), "taken": len(taken) - 1, "needed": len(taken)}]
    assert second.run()  # all stages, the mean's too
    assert second.progress.total == 4


def test_several_starts_are_averaged_and_must_be_of_one_form(tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("second", 1)):
        trainer(tmp_path, dataclasses.replace(recipe("mean"), seed=seed), name).run()
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("first", "second")]
    a, b = (load_file(file)["encoder.head.weight"] for file in files)
    assert not torch.equal(a, b)
    both = trainer(tmp_path, recipe("mean"), "both", start=files)
    torch.testing.assert_close(head_of(both), 0.5 * (a + b))
    twin = trainer(tmp_path, recipe("mean", "likelihood"), "twin", encoder=files)
    torch.testing.assert_close(head_of(twin), 0.5 * (a + b))
    wider = dataclasses.replace(
        recipe("mean"), network=dataclasses.replace(recipe("mean").network, width=12)
    )
    trainer(tmp_path, wider, "wider").run()
    files.append(tmp_path / "wider" / "model" / "model.safetensors")
    with pytest.raises(ModelError, match=r"wider.*not the network of"):
        trainer(tmp_path, recipe("mean"), "third", start=files)


def test_a_texture_stage_without_its_files_names_the_command_that_makes_them(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError) as caught:
        trainer(tmp_path, recipe("mean", "texture"))
    assert f"restoreflow evaluate fetch {tmp_path / 'lpips'}" in caught.value.hint


def test_a_start_that_does_not_fit_at_all_is_refused(tmp_path: Path) -> None:
    write_extractors(tmp_path / "lpips")
    with pytest.raises(ModelError, match="none of its weights fit"):
        trainer(tmp_path, recipe("mean"), start=[tmp_path / "lpips" / "alex_lpips.safetensors"])
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read"):
        trainer(tmp_path, recipe("mean"), start=[tmp_path / "broken.safetensors"])


def test_another_networks_checkpoint_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, recipe("mean")).run(steps=1)
    with pytest.raises(ModelError, match="another network"):
        trainer(tmp_path, recipe("mean", coupling="affine"))


def test_a_damaged_checkpoint_is_one_clear_error(tmp_path: Path) -> None:
    trainer(tmp_path, recipe("mean")).run(steps=1)
    file = tmp_path / "run" / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read"):
        trainer(tmp_path, recipe("mean"))


def test_the_learning_rate_warms_up_and_falls() -> None:
    stage = recipe("mean", steps=100).stages[0]
    rates = [learning_rate(stage, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.5e-3, rel=1e-3)
    assert max(rates) == pytest.approx(1e-3, rel=1e-2)
    assert rates[100] == pytest.approx(0.02e-3)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_two_processes_agree_on_the_weights(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos")
    (tmp_path / "recipe.toml").write_text(
        'name = "tiny"\nprecision = "float32"\n[network]\nwidth = 8\ndepth = 1\n'
        "[flow]\nsteps = 2\nhidden = 8\n[[stages]]\nloss = 'likelihood'\nsteps = 50\nbatch = 2\n"
        "patch = 32\nlearning_rate = 1e-3\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    command += ["--master-addr=127.0.0.1", "--master-port=0", "--rdzv-backend=c10d"]
    command += ["--rdzv-endpoint=127.0.0.1:0", "-m", "restoreflow", "train"]
    command += [str(tmp_path / "recipe.toml"), "--data", str(tmp_path / "photos")]
    command += ["--out", str(tmp_path / "run"), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert result.returncode == 0, result.stderr[-2000:]
    (line,) = [json.loads(x) for x in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert line["step"] == 50
    assert line["skipped"] == 0
    model = tmp_path / "run" / "model"
    assert (model / "model.safetensors").exists()
    assert json.loads((model / "log.jsonl").read_text()) == line
    assert "| likelihood | 50 |" in (model / "README.md").read_text()
    assert (tmp_path / "run" / "log.png").stat().st_size > 1000
