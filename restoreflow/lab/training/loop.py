"""The training loop: one file to read from top to bottom."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

from restoreflow.config_reader import to_dict
from restoreflow.flows.config import FlowConfig
from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training.adversary import Adversary
from restoreflow.lab.training.checkpoint import (
    Progress,
    load_checkpoint,
    load_mean,
    load_start,
    save_checkpoint,
)
from restoreflow.lab.training.compiled_maps import compile_maps
from restoreflow.lab.training.config import StageConfig, TrainConfig
from restoreflow.lab.training.data import Photos, prefetch, step_generator
from restoreflow.lab.training.examples import draw_examples
from restoreflow.lab.training.log import find_log, forget_after, summarise_log, write_log
from restoreflow.lab.training.losses import StageLoss, told_context
from restoreflow.lab.training.optimiser import Optimiser
from restoreflow.lab.training.perceptual import FeatureDistance, load_feature_distance
from restoreflow.models.card import write_card
from restoreflow.models.folder import LOG, RECIPE, save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import RestorationNetwork, build_network
from restoreflow.outputs.atomic import make_folder
from restoreflow.outputs.lines import LocalLines

__all__ = ["CHECKPOINT", "MODEL", "Trainer"]

CHECKPOINT, MODEL = "checkpoint.safetensors", "model"
"""What a training's folder holds, beside its log."""

CHECKPOINT_SECONDS = 180.0
LOG_STEPS = 50
START_PATCHES = 64


class Trainer:
    """Trains one model, resuming from what it finds in its folder.

    Under torchrun each process takes its share of every batch (DistributedDataParallel); the first
    one keeps the average, the log and the checkpoints.

    Args:
        config: what to train.
        data: folder of photographs.
        out: folder for checkpoint.safetensors, log.jsonl and, at the end, the model.
        device: where to train.
        lpips: folder of the feature extractors' weights, for stages that compare features.
        encoder: a checkpoint or model to take the mean image's part of the encoder from at the
            start, so that twins have the same mean image; "mean" stages are then skipped. Of
            several the mean is taken.
        start: a checkpoint or model whose weights, where they fit, all stages begin with; of
            several their mean.
        recipe: the configuration's text, to be kept beside the weights.
        report: called with each line of the log.
        compile: run the couplings' splines through torch.compile, which needs a C++ compiler.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Path,
        out: Path,
        device: torch.device,
        lpips: Path | None = None,
        encoder: Sequence[Path] = (),
        start: Sequence[Path] = (),
        recipe: bytes = b"",
        report: Callable[[dict], None] = lambda line: None,
        compile: bool = False,
    ) -> None:
        self.config, self.data, self.out, self.device = config, data, out, device
        self.report = report
        self.recipe = recipe
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.distance = self._feature_distance(lpips)
        torch.manual_seed(config.seed)
        self.network: RestorationNetwork = build_network(config.model()).to(device)
        if config.flow.rotations == "learnt":
            self.network.flow.learn_rotations()
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        muon = any(stage.muon > 0 for stage in config.stages)
        self.optimiser = Optimiser(self.network, muon)
        self.adversary = self._adversary()
        self.progress = Progress()
        make_folder(out)
        self.checkpoint, self.log = out / CHECKPOINT, out / LOG
        if self.checkpoint.exists():
            self.progress = load_checkpoint(
                self.checkpoint,
                self.network,
                self.average,
                self.optimiser,
                self.fingerprint,
                self.adversary,
            )
            if self.rank == 0:
                forget_after(self.log, self.progress.total)
        else:
            self._begin(encoder, start)
        if config.precision == "bfloat16":
            self.network.set_precision(torch.bfloat16)
        if compile:
            compile_maps(self.network.flow)
        self.photos = Photos(data, max(stage.patch for stage in config.stages))
        self._saved = time.monotonic()

    def _begin(self, encoder: Sequence[Path], start: Sequence[Path]) -> None:
        """The first weights: of other models', as far as some are given."""
        if start:
            taken, needed = load_start(start, self.network, self.average)
            self.report({"start": " and ".join(map(str, start)), "taken": taken, "needed": needed})
            for network in (self.network, self.average):
                network.flow.settle_rotations()
        if encoder:
            load_mean(encoder, self.network, self.average)
            while not self.config.stages[self.progress.stage].of_flow:
                self.progress.stage += 1

    @property
    def fingerprint(self) -> str:
        """Of what a checkpoint must agree in: network and seed, not the stages' lengths.

        What is as usual is left out, so that what later versions add changes no checkpoint's.
        """
        names = "task", "scale", "network", "flow", "seed"
        usual = {"network": to_dict(NetworkConfig()), "flow": to_dict(FlowConfig())}
        kept = {name: to_dict(self.config)[name] for name in names}
        for name, defaults in usual.items():
            kept[name] = {k: v for k, v in kept[name].items() if v != defaults[k]}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    def run(self, minutes: float = math.inf, steps: float = math.inf) -> bool:
        """Train until the stages, or the budget, are used up; True when the stages are."""
        deadline = time.monotonic() + 60.0 * minutes
        last = self.progress.total + steps
        while self.progress.stage < len(self.config.stages):
            stage = self.config.stages[self.progress.stage]
            if not self._run_stage(stage, deadline, last):
                self._save()
                self.export()
                return False
            self.progress.stage += 1
            self.progress.step = 0
            self._save()
        self.export()
        return True

    def export(self) -> None:
        """Write the averaged weights as a model folder, `out`/model: card, recipe and log too."""
        if self.rank != 0:
            return
        model = self.config.model()
        extras = {RECIPE: self.recipe} if self.recipe else {}
        log = find_log(self.out)
        if log:
            extras[LOG] = write_log(log)
        asked = self.config.asked()
        card = write_card(model, self.config.card, curve=summarise_log(log), stages=asked)
        kept = copy.deepcopy(self.average)
        kept.flow.fold_rotations()
        save_folder(self.out / MODEL, model, kept, card, extras)

    def loss(self, stage: StageConfig) -> StageLoss:
        """What a stage minimises, as a module over the network."""
        return StageLoss(self.network, stage, self.distance, self.adversary)

    def _run_stage(self, stage: StageConfig, deadline: float, last: float) -> bool:
        if self.progress.step == 0:
            self._start_stage(stage)
        module: nn.Module = self.loss(stage)
        if self.world > 1:
            module = nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)
        share = -(-stage.batch // self.world)
        index, first = self.progress.stage, self.progress.step

        def make(step: int) -> Example:
            generator = step_generator(self.config.seed, step, self._stream(index))
            return draw_examples(self.photos, share, stage.patch, self.config, generator)

        sums: dict[str, list[float]] = {}
        began, seconds = time.monotonic(), self.progress.seconds
        for batch in prefetch(make, first, stage.steps):
            rate = learning_rate(stage, self.progress.step)
            terms = self._step(module, stage, rate, batch)
            for name, value in terms.items():
                sums.setdefault(name, []).append(value)
            self.progress.step += 1
            self.progress.total += 1
            self.progress.seconds = seconds + time.monotonic() - began
            if self.progress.step % LOG_STEPS == 0:
                self._log(stage, rate, {name: fmean(values) for name, values in sums.items()})
                sums = {}
            if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                self._save()
            if time.monotonic() > deadline or self.progress.total >= last:
                return self.progress.step >= stage.steps
        return True

    def _step(
        self, module: nn.Module, stage: StageConfig, rate: float, batch: Example
    ) -> dict[str, float]:
        stream = self._stream(self.progress.stage) + 1
        noise = step_generator(self.config.seed, self.progress.step, stream)
        batch = batch.to(self.device)
        total, terms, contest = module(batch, noise.initial_seed(), self.progress.step)
        self.optimiser.zero_grad()
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), stage.clip)
        if not math.isfinite(float(norm)):
            self.progress.skipped += 1
            return terms
        self.optimiser.step(rate, rate * stage.muon / stage.learning_rate)
        if contest is not None and self.adversary is not None:
            terms |= self.adversary.learn(contest, self.world)
        self._update_average()
        return terms | {"gradient": float(norm)}

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.average, (self.progress.total + 1) / (self.progress.total + 10))
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for average, parameter in pairs:
            average.lerp_(parameter, 1.0 - decay)

    def _start_stage(self, stage: StageConfig) -> None:
        """Go on from the average, with fresh moments; the flow's own start on its first stage."""
        self.network.load_state_dict(self.average.state_dict())
        self.optimiser.clear()
        earlier = self.config.stages[: self.progress.stage]
        if stage.of_flow and not any(s.of_flow for s in earlier):
            self._start_flow(stage)

    @torch.no_grad()
    def _start_flow(self, stage: StageConfig) -> None:
        """Data-dependent start of the activation norm."""
        generator = step_generator(self.config.seed, 0, self._stream(self.progress.stage) + 2)
        size = START_PATCHES, stage.patch
        drawn = draw_examples(self.photos, *size, self.config, generator)
        details = []
        for part in drawn.split(8):
            batch = part.to(self.device)
            context = told_context(self.network, batch).context
            details.append(batch.clean - self.network.encode(batch.degraded, context).mean)
        self.network.flow.start(torch.cat(details))
        self.average.load_state_dict(
            self.average.state_dict()
            | {k: v for k, v in self.network.state_dict().items() if k.startswith("flow.")}
        )

    def _stream(self, stage: int) -> int:
        """Streams of random numbers: three a stage and process."""
        return 3 * (stage * 1024 + self.rank)

    def _feature_distance(self, folder: Path | None) -> FeatureDistance | None:
        if not any(stage.needs_features for stage in self.config.stages):
            return None
        return load_feature_distance(folder or Path("lpips")).to(self.device)

    def _adversary(self) -> Adversary | None:
        if not any(stage.weights.adversary > 0 for stage in self.config.stages):
            return None
        reduced = self.config.precision == "bfloat16"
        return Adversary(self.device, torch.bfloat16 if reduced else None)

    def _log(self, stage: StageConfig, rate: float, terms: dict[str, float]) -> None:
        if self.rank != 0:
            return
        progress = self.progress
        line = {
            "stage": stage.loss,
            "step": progress.step,
            "total": progress.total,
            "seconds": round(progress.seconds, 1),
            "rate": rate,
            "skipped": progress.skipped,
        } | {name: round(value, 6) for name, value in terms.items()}
        LocalLines(self.log).append(json.dumps(line).encode())
        self.report(line)

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self.rank == 0:
            save_checkpoint(
                self.checkpoint,
                self.network,
                self.average,
                self.optimiser,
                self.progress,
                self.fingerprint,
                self.adversary,
            )


def learning_rate(stage: StageConfig, step: int) -> float:
    """Linear warm-up, then held, then a cosine from 1 to the stage's final share."""
    done = step / (stage.curve or stage.steps)
    falling = max(0.0, done - stage.hold) / (1.0 - stage.hold)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, falling))
    warm = min(1.0, (step + 1) / max(stage.warmup, 1))
    return stage.learning_rate * warm * (stage.final + (1.0 - stage.final) * cosine)
