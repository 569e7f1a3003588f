"""One file: read, restored, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreflow.batch.plan import Job
from restoreflow.batch.record import Record
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import OutputError
from restoreflow.images.alpha import fill_transparent
from restoreflow.images.colormap import contact_sheet, heat_map
from restoreflow.images.decode import decode, from_image
from restoreflow.images.encode import to_image
from restoreflow.images.formats import check_size, format_of_name
from restoreflow.images.names import shown
from restoreflow.images.picture import Picture
from restoreflow.images.write import write_picture

if TYPE_CHECKING:
    from PIL import Image

    from restoreflow.restoration.restoration import Restoration
    from restoreflow.restoration.restorer import Restorer

__all__ = ["UNCERTAINTY_SCALE", "restore_file"]

UNCERTAINTY_SCALE = 16.0
"""The end of the heat map's scale, in 8-bit levels; fixed, so that two maps compare."""

_UNIT = "standard deviation of the samples, in levels of 255"


def restore_file(
    job: Job,
    settings: RestorationSettings,
    restorer: Restorer,
    progress: Callable[[int, int], None] | None = None,
) -> Record:
    """Restore one input and write its results.

    Raises:
        InputError: it cannot be read or restored.
        OutputError: a result cannot be written.
        LimitError: memory, disk, or more pixels than a format holds.
    """
    picture = decode(job.input)
    scale = restorer.config.scale
    for path in job.outputs:
        check_size(format_of_name(path), picture.width * scale, picture.height * scale)
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = fill_transparent(pixels, picture.alpha)
    result = restorer.restore(
        pixels,
        samples=settings.samples,
        temperature=settings.temperature,
        seed=settings.seed,
        consistency=settings.consistency,
        tile=settings.tile,
        progress=progress,
    )
    _make_folder(job.outputs[0].parent)
    with _all_or_none() as write:
        for index, path in enumerate(job.outputs):
            write(path, picture.with_pixels(result.values(index)), settings.overwrite)
        for path, image in _companions(job, picture, result):
            write(path, from_image(image), settings.overwrite)
    return Record(job.input, "done", job.outputs, _facts(job, picture, result, restorer))


def _facts(job: Job, picture: Picture, result: Restoration, restorer: Restorer) -> dict[str, Any]:
    report, scale = result.report, restorer.config.scale
    kept = ("seed", "temperature", "consistency", "lr_psnr", "error_pixels", "nonfinite")
    facts = {name: report[name] for name in kept}
    facts |= {"model": restorer.config.name, "scale": scale}
    facts |= {"width": picture.width * scale, "height": picture.height * scale}
    facts |= {name: report[name] for name in ("largest_detail", "seconds", "device")}
    facts["notes"] = [*picture.notes, *report["notes"]]
    for name in ("uncertainty", "grid"):
        path = getattr(job, name)
        if path is not None:
            facts[name] = str(path)
    return facts


def _companions(
    job: Job, picture: Picture, result: Restoration
) -> Iterator[tuple[Path, Image.Image]]:
    if job.uncertainty is not None:
        yield job.uncertainty, heat_map(result.uncertainty, UNCERTAINTY_SCALE, _UNIT)
    if job.grid is not None:
        yield job.grid, _sheet(picture, result)


def _sheet(picture: Picture, result: Restoration) -> Image.Image:
    temperature = result.report["temperature"]
    images = [to_image(picture.without_metadata()), result.mean, *result.images]
    captions = ["input", "mean"]
    captions += [f"sample {k + 1}, temperature {temperature:g}" for k in range(len(result.images))]
    if len(result.images) > 1:
        images.append(heat_map(result.uncertainty, UNCERTAINTY_SCALE, _UNIT))
        captions.append("spread of the samples")
    return contact_sheet(images, captions)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"the folder {shown(folder)} cannot be made: {reason}", "choose another -o"
        ) from error


@contextmanager
def _all_or_none() -> Iterator[Callable[[Path, Picture, bool], None]]:
    """A function that writes; if anything fails, the files it added are removed again."""
    added: list[Path] = []

    def write(path: Path, picture: Picture, overwrite: bool) -> None:
        new = not path.exists()
        write_picture(path, picture, format_of_name(path), overwrite=overwrite)
        if new:
            added.append(path)

    try:
        yield write
    except BaseException:
        for path in added:
            path.unlink(missing_ok=True)
        raise
