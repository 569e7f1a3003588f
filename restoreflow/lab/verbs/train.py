"""`restoreflow train`: from a recipe and a folder of photographs to a model folder."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoreflow.cli.output import print_line
from restoreflow.errors import UsageError
from restoreflow.lab.verbs.evaluation_options import weights_in
from restoreflow.local_files import read_regular
from restoreflow.outputs.gate import reading, settle

if TYPE_CHECKING:
    import torch

    from restoreflow.lab.training.config import TrainConfig

__all__ = ["train"]

SHEET_PAIRS = 8
LOSS_PLOT = "log.png"


def train(
    config: Annotated[Path, typer.Argument(help="The recipe, a TOML file.", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(help="Folder of sharp photographs, searched recursively.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the checkpoint, the log and the model; default runs/NAME. A training "
            "found there goes on.",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        list[Path] | None,
        typer.Option(
            help="Take this checkpoint's or model's mean image, skipping the mean stages. May be "
            "given more than once: the mean of their weights.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        list[Path] | None,
        typer.Option(
            help="Start from this checkpoint's or model's weights, as far as they fit, and run "
            "all stages: for another scale, other photographs, other damage. May be given more "
            "than once: the mean of their weights.",
            show_default=False,
        ),
    ] = None,
    lpips: Annotated[
        Path | None,
        typer.Option(
            help="Folder with alex_lpips.safetensors and vgg16_relu2_2_f16.safetensors, for "
            "texture stages: see evaluate fetch.",
            envvar="RESTOREFLOW_LPIPS",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes; resume by the same command.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Stop after so many steps; resume by the same command.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:i.")] = "auto",
    threads: Annotated[
        int, typer.Option(min=0, max=1024, help="Processor threads; 0 leaves the choice to torch.")
    ] = 0,
    compile: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Compile the splines: flow stages are faster; needs a C++ compiler.",
        ),
    ] = False,
    show_batch: Annotated[
        Path | None,
        typer.Option(
            help="Write a contact sheet of pairs as training sees them, and stop.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train a model, or go on training one.

    Example: restoreflow train weights/sr-x4/train.toml --data photos/ --lpips extractors/

    Several GPUs: torchrun --nproc-per-node 4 -m restoreflow train RECIPE.toml --data photos/
    """
    from restoreflow.lab.photographs import find_photos
    from restoreflow.lab.training.config import read_train_config

    if not data.is_dir():
        raise UsageError(f"--data {data} is not a folder", "give a folder of photographs")
    settings = read_train_config(config)
    photos = find_photos(data)
    if show_batch is not None:
        settle([("--show-batch", show_batch)], overwrite=False, inputs=[config, *photos])
        write_sheet(settings, data, show_batch)
        print_line(f"{show_batch}: {SHEET_PAIRS} pairs")
        return

    import torch

    from restoreflow.lab.training.loop import CHECKPOINT, Trainer
    from restoreflow.lab.training.plot import plot_log

    if threads:
        torch.set_num_threads(threads)
    place = join_processes(device)
    folder = out or Path("runs") / settings.name
    reads = [config, *photos, *weights_in(lpips)]
    if not (folder / CHECKPOINT).exists():  # else it goes on from there, and reads no others
        reads += [*(encoder or ()), *(start or ())]
    settle(_written(folder), overwrite=True, inputs=reads, folders_made=True)
    with reading(reads):
        trainer = Trainer(
            settings,
            data,
            folder,
            place,
            lpips=lpips,
            encoder=encoder or (),
            start=start or (),
            recipe=read_regular(config),
            report=lambda line: print_line(describe(line)),
            compile=compile,
        )
        finished = trainer.run(minutes or math.inf, steps or math.inf)
        if trainer.rank == 0 and trainer.log.exists():
            plot_log(trainer.log, folder / LOSS_PLOT)
    if trainer.rank == 0:
        state = "finished" if finished else "stopped at its budget; the same command goes on"
        print_line(f"{settings.name}: {state}. Model: {folder / 'model'}")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _written(folder: Path) -> list[tuple[str, Path]]:
    """All files of a training, for `settle`."""
    from restoreflow.lab.training.loop import CHECKPOINT, MODEL
    from restoreflow.models.folder import FILES, LOG

    own = [folder / name for name in (CHECKPOINT, LOG, LOSS_PLOT)]
    return [("--out", path) for path in [*own, *(folder / MODEL / name for name in FILES)]]


def join_processes(device: str) -> torch.device:
    """The device of this process; under torchrun, after joining the others."""
    import torch

    from restoreflow.restoration.engine import choose_device

    if "WORLD_SIZE" not in os.environ:
        return choose_device(device)[0]
    cuda = torch.cuda.is_available() and device != "cpu"
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    if not cuda:
        return torch.device("cpu")
    place = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(place)
    return place


def describe(line: dict) -> str:
    """One line of the log for a person."""
    if "start" in line:
        return f"{line['taken']} of {line['needed']} tensors from {line['start']}"
    counters = ("stage", "step", "total", "seconds", "rate", "skipped")
    terms = "  ".join(f"{k} {v:.4g}" for k, v in line.items() if k not in counters)
    skipped = f"  skipped {line['skipped']}" if line["skipped"] else ""
    return f"{line['stage']} {line['step']}  {line['seconds']:.0f} s  {terms}{skipped}"


def write_sheet(settings: TrainConfig, data: Path, path: Path) -> None:
    """Pairs of the first stage's first batch, the inputs enlarged to the targets' size."""
    import torch.nn.functional as F

    from restoreflow.images.decode import from_image
    from restoreflow.images.encode import write_picture
    from restoreflow.lab.training.contact_sheet import pair_sheet
    from restoreflow.lab.training.data import Photos, step_generator
    from restoreflow.lab.training.examples import draw_examples

    patch = settings.stages[0].patch
    generator = step_generator(settings.seed, 0, 0)
    batch = draw_examples(Photos(data, patch), SHEET_PAIRS, patch, settings, generator)
    enlarged = F.interpolate(batch.degraded, batch.clean.shape[-2:], mode="nearest")
    pairs = list(zip(enlarged, batch.clean, strict=True))
    sheet = pair_sheet(pairs, [settings.degradation] * len(pairs))
    write_picture(path, from_image(sheet))
