"""The classifiers that LPIPS and texture stages look through, made from their publishers' files.

Only the convolutions are kept, in half precision, under the names that `lpips.LPIPS` and the
training's feature distance know. The trunks are torchvision's (BSD-3-Clause, trained on ImageNet),
the weights of LPIPS' channels are Zhang et al.'s (BSD-2-Clause).
"""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from restoreflow.errors import ModelError
from restoreflow.local_files import read_regular
from restoreflow.outputs.atomic import write_atomic
from restoreflow.remote_time import Watch

__all__ = ["EXTRACTORS", "Extractor", "Published", "fetch", "is_made", "make"]

SECONDS = 60.0
"""How long a server may keep silent."""

_CHUNK = 2**20
_TORCHVISION = "https://download.pytorch.org/models/"
_LPIPS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)


@dataclass(frozen=True)
class Published:
    """A file as its authors published it.

    Args:
        url: where it is.
        sha256: of the file.
        size: in bytes.
        licence: SPDX.
    """

    url: str
    sha256: str
    size: int
    licence: str


@dataclass(frozen=True)
class Extractor:
    """A file of weights, and what it is made from.

    Args:
        name: of the file.
        sha256: of the file that the figures in this project's cards were made with.
        sources: what is fetched.
        tensors: a tensor's name in the file, and in the sources.
        purposes: who needs it: "evaluate", "train".
    """

    name: str
    sha256: str
    sources: tuple[Published, ...]
    tensors: Mapping[str, str]
    purposes: tuple[str, ...]


def _convolutions(names: Mapping[str, str]) -> dict[str, str]:
    parts = (("w", "weight"), ("b", "bias"))
    return {f"{ours}.{a}": f"{theirs}.{b}" for ours, theirs in names.items() for a, b in parts}


def _heads(count: int) -> dict[str, str]:
    return {f"lin{index}": f"lin{index}.model.1.weight" for index in range(count)}


_FIRES = {
    f"fire{index}.{ours}": f"features.{place}.{theirs}"
    for index, place in enumerate((3, 4, 6, 7, 9, 10, 11, 12), 1)
    for ours, theirs in (("squeeze", "squeeze"), ("e1", "expand1x1"), ("e3", "expand3x3"))
}

EXTRACTORS: Sequence[Extractor] = (
    Extractor(
        "alex_lpips.safetensors",
        "f38695d2586e4f2cc1f00d0b7bae2ebe5c562413e8788c2715f897ab00b8c73c",
        (
            Published(
                _TORCHVISION + "alexnet-owt-7be5be79.pth",
                "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                244_408_911,
                "BSD-3-Clause",
            ),
            Published(
                _LPIPS + "alex.pth",
                "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
                6_009,
                "BSD-2-Clause",
            ),
        ),
        _convolutions({f"conv{i}": f"features.{n}" for i, n in enumerate((0, 3, 6, 8, 10), 1)})
        | _heads(5),
        ("evaluate", "train"),
    ),
    Extractor(
        "squeeze_lpips.safetensors",
        "c3016c23a9c52d6a783ca9147d8bf06d0ad4de318a2b035afbb22533b67b785a",
        (
            Published(
                _TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
                "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
                4_958_839,
                "BSD-3-Clause",
            ),
            Published(
                _LPIPS + "squeeze.pth",
                "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
                10_811,
                "BSD-2-Clause",
            ),
        ),
        _convolutions({"conv1s": "features.0"} | _FIRES) | _heads(7),
        ("evaluate",),
    ),
    Extractor(
        "vgg16_relu2_2_f16.safetensors",
        "17d2cdc938e6fba13afc6b868f4c3b013f17cf624ffd64435cef345638bba2ae",
        (
            Published(
                _TORCHVISION + "vgg16-397923af.pth",
                "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                553_433_881,
                "BSD-3-Clause",
            ),
        ),
        _convolutions(
            {"conv1_1": "features.0", "conv1_2": "features.2"}
            | {"conv2_1": "features.5", "conv2_2": "features.7"}
        ),
        ("train",),
    ),
)


def is_made(extractor: Extractor, folder: Path) -> bool:
    """Whether the folder holds the very file."""
    path = folder / extractor.name
    return path.is_file() and hashlib.sha256(read_regular(path)).hexdigest() == extractor.sha256


def make(extractor: Extractor, folder: Path, progress: Callable[[int], None] | None = None) -> bool:
    """Fetch what an extractor is made from, check it, and write the extractor.

    Args:
        folder: where the file goes; one of its name is replaced.
        progress: called with the number of bytes that came in.

    Returns:
        Whether it is to the bit what this project's figures were made with.

    Raises:
        ModelError: a source cannot be fetched, or is not what was published.
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    published: dict[str, Tensor] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for source in extractor.sources:
            path = Path(scratch) / "published.pth"
            fetch(source, path, progress or (lambda _: None))
            published |= _read(source, path)
    missing = [theirs for theirs in extractor.tensors.values() if theirs not in published]
    if missing:
        raise ModelError(f"{extractor.sources[0].url} has no tensor {missing[0]!r}", "")
    tensors = {ours: published[theirs].half() for ours, theirs in extractor.tensors.items()}
    data = save(tensors)
    write_atomic(folder / extractor.name, data, overwrite=True)
    return hashlib.sha256(data).hexdigest() == extractor.sha256


def fetch(source: Published, path: Path, progress: Callable[[int], None]) -> None:
    """Fetch a published file and check it.

    Args:
        source: what and from where; no more than its size and a byte is taken.
        path: where the file goes; it is complete where nothing is raised.
        progress: called with the number of bytes that came in.

    Raises:
        ModelError: it cannot be fetched, or is not what was published.
    """
    digest = hashlib.sha256()
    try:
        answer = Watch().ask(lambda: urllib.request.urlopen(source.url, timeout=SECONDS))
        with path.open("wb") as file:
            for chunk in _chunks(answer, source.size):
                digest.update(chunk)
                file.write(chunk)
                progress(len(chunk))
        answer.close()  # not where it was given up: that would wait for it after all
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(
            f"{source.url} cannot be fetched: {error}", "try again with a network connection"
        ) from error
    if digest.hexdigest() != source.sha256:
        raise ModelError(
            f"{source.url} is not the file that was published: its sha256 is {digest.hexdigest()}",
            f"{source.sha256} is expected; something on the way changes or cuts it",
        )


def _chunks(answer: Any, size: int) -> Iterable[bytes]:
    """What a server sends, as far as one byte beyond what there should be.

    Raises:
        NoAnswerError: it falls silent, or sends a byte at a time.
    """
    left, watch = size + 1, Watch()
    while left > 0:
        wanted = min(_CHUNK, left)
        chunk = watch.ask(lambda wanted=wanted: cast("bytes", answer.read(wanted)), wanted)
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def _read(source: Published, path: Path) -> dict[str, Tensor]:
    try:
        # Such files are pickles: with weights_only nothing in them is run.
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(f"{source.url} cannot be read: {error}", "update PyTorch") from error
