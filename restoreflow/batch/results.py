"""What comes of one input: its files, encoded first and then written, all or none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from restoreflow.batch.job import Job
from restoreflow.batch.judging import JUDGED
from restoreflow.batch.record import Record
from restoreflow.batch.restore import Pictures, Result
from restoreflow.batch.settings import DEFAULT_QUALITY, RestorationSettings
from restoreflow.images.codecs.table import encoder
from restoreflow.images.encode import encode_canvas, losses, reads_back_as, to_image
from restoreflow.images.picture import Metadata, Picture
from restoreflow.outputs.atomic import NewFile, make_folder, write_set

if TYPE_CHECKING:
    from PIL import Image

    from restoreflow.models.config import ModelConfig

__all__ = [
    "ResultFile",
    "encode_results",
    "record_of",
    "write_results",
]

_UNIT = "standard deviation of the samples, in levels of 255"


@dataclass(frozen=True)
class ResultFile:
    """A file to be written.

    Args:
        path: where.
        data: its bytes.
        size: a picture's width and height, by which it is checked; None for other files.
    """

    path: Path
    data: bytes
    size: tuple[int, int] | None = None


def encode_results(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    result: Result,
    config: ModelConfig,
) -> list[ResultFile]:
    """All files of a job, in the order of `Job.files`."""
    quality = settings.quality or DEFAULT_QUALITY
    files: list[ResultFile] = []
    for path, canvas in zip(job.outputs, result.samples.canvases, strict=True):
        data = encode_canvas(canvas, quality)
        files.append(ResultFile(path, data, (canvas.width, canvas.height)))
    for path, image in _companions(job, picture, result):
        data = encoder("png").encode(np.asarray(image), Metadata(), None, 100)
        files.append(ResultFile(path, data, image.size))
    if job.arrays and settings.arrays and result.numbers is not None:
        from restoreflow.batch.arrays import encode_arrays

        data = encode_arrays(result.numbers, result.report, config.name, settings.arrays)
        files.append(ResultFile(job.arrays, data))
    return files


def write_results(
    files: Sequence[ResultFile], replace: Collection[Path] = (), sink: BinaryIO | None = None
) -> None:
    """Write a job's files, all or none; those that one which fails would replace stay.

    Args:
        replace: those that may be there already. Others may be if they hold the very same bytes,
            as after a run that was killed; any other file that is there is an error.
        sink: where a single file goes instead.

    Raises:
        OutputError: a file cannot be written, or another one has its name.
        LimitError: the disk is full.
    """
    if sink is not None:
        sink.write(files[0].data)
        sink.flush()
        return
    make_folder(files[0].path.parent)
    write_set([_new(file, file.path in replace) for file in files])


def record_of(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    report: Mapping[str, Any],
    config: ModelConfig,
) -> Record:
    """What is to be said of an input that is done."""
    width, height = settings.options.result_size(picture.width, picture.height, config.scale)
    scale = round(max(width / picture.width, height / picture.height), 4)
    kept = ("seed", "temperature", "consistency", "lr_psnr", "lr_psnr_clean")
    kept += ("error_pixels", "nonfinite")
    facts: dict[str, Any] = {name: report[name] for name in kept}
    facts |= {"model": config.name, "scale": int(scale) if scale == int(scale) else scale}
    if job.page is not None:
        facts["page"] = job.page.number
    facts |= {"width": width, "height": height}
    facts |= {name: report[name] for name in ("largest_detail", "seconds", "device", "precision")}
    facts |= {name: report.get(name) for name in ("consistent_with", "wear", *JUDGED)}
    lost = losses(picture, job.format, settings.bit_depth)
    facts["notes"] = [*picture.notes, *report["notes"], *lost]
    for name in ("uncertainty", "grid", "arrays"):
        path = getattr(job, name)
        if path is not None:
            facts[name] = str(path)
    return Record(job.input, "done", job.outputs, facts)


def _new(file: ResultFile, overwrite: bool) -> NewFile:
    check = None if file.size is None else reads_back_as(file.path, *file.size)
    return NewFile(file.path, file.data, overwrite, same_counts=True, check=check)


def _companions(job: Job, picture: Picture, result: Result) -> Iterator[tuple[Path, Image.Image]]:
    if job.uncertainty is not None and result.spread is not None:
        yield job.uncertainty, _heat_map(result.spread.values)
    if job.grid is not None and result.pictures is not None:
        yield job.grid, _sheet(picture, result.pictures, result.report["temperature"])


def _heat_map(values: NDArray[np.float32]) -> Image.Image:
    from restoreflow.images.colormap import UNCERTAINTY_SCALE, heat_map

    return heat_map(values, UNCERTAINTY_SCALE, _UNIT)


def _sheet(picture: Picture, shown: Pictures, temperature: float) -> Image.Image:
    from restoreflow.images.colormap import contact_sheet

    images = [to_image(picture.without_metadata()), shown.mean, *shown.images]
    captions = ["input", "mean"]
    captions += [f"sample {k + 1}, temperature {temperature:g}" for k in range(len(shown.images))]
    if len(shown.images) > 1:
        images.append(_heat_map(shown.uncertainty))
        captions.append("spread of the samples")
    return contact_sheet(images, captions)
