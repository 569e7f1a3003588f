"""Photographs in memory, and batches of patches that depend on nothing but seed and step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from restoreflow.errors import InputError
from restoreflow.images.decode import read_levels, read_size
from restoreflow.lab.degradations.operations import augment, draw_patch
from restoreflow.lab.photographs import find_photos
from restoreflow.lab.training.views import View, draw_view, reduce, thumbnail_of, turn_view
from restoreflow.networks.low_light import THUMBNAIL

__all__ = ["Photos", "prefetch", "step_generator"]

T = TypeVar("T")


def step_generator(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """A CPU generator that is a function of seed, step and stream alone.

    So a training that is resumed, on any device, draws what the unbroken one would have drawn.
    """
    words = np.random.SeedSequence((seed, step, stream)).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


class Photos:
    """Every photograph of a folder, decoded once as `sr` reads it, and kept as 8-bit RGB.

    Args:
        folder: searched recursively.
        smallest: photographs with a shorter side than this are left out.

    Raises:
        InputError: when no usable photograph is found, or one is damaged.
    """

    def __init__(self, folder: Path, smallest: int) -> None:
        self.images: list[Tensor] = []
        for path in find_photos(folder):
            if min(read_size(path)) < smallest:
                continue
            pixels = read_levels(path)
            self.images.append(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))
        if not self.images:
            raise InputError(
                f"no photographs of at least {smallest} pixels a side in {folder}",
                "--data takes a folder of JPEG, PNG, WebP, TIFF or similar files",
            )
        self.thumbnails: dict[int, Tensor] = {}
        sizes = torch.tensor([float(i.shape[1] * i.shape[2]) for i in self.images])
        self.weights = sizes / sizes.sum()

    def batch(
        self, count: int, size: int, generator: torch.Generator, reduced: float = 0.0
    ) -> Tensor:
        """Patches drawn evenly over all pixels: (count, 3, size, size), float32 in [0, 1].

        Args:
            count: how many.
            size: side in pixels.
            generator: a CPU generator.
            reduced: share of patches that are reduced first, by up to two: they hold more in the
                same pixels, as pictures made for a screen do.
        """
        picked = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        patches = [self._patch(i, size, generator, reduced) for i in picked.tolist()]
        return augment(torch.stack(patches), generator).float().div_(255.0)

    def _patch(self, index: int, size: int, generator: torch.Generator, reduced: float) -> Tensor:
        image, side = self.images[index], size
        if reduced > 0:
            chance, zoom = torch.rand(2, generator=generator).tolist()
            if chance < reduced:
                side = min(round(size * 2.0**zoom), *image.shape[1:])
        patch = draw_patch(image, side, generator)
        return (
            patch
            if side == size
            else reduce(patch.float(), (size, size)).round().clamp(0, 255).byte()
        )

    def views(self, count: int, size: int, generator: torch.Generator) -> View:
        """A batch of views, of small and large parts of the pictures, each with its whole."""
        picked = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        symmetries = torch.randint(0, 8, (count,), generator=generator).tolist()
        views = [
            turn_view(draw_view(self.images[i], self._thumbnail(i), size, generator), symmetry)
            for i, symmetry in zip(picked.tolist(), symmetries, strict=True)
        ]
        return View(*(torch.stack(parts) for parts in zip(*views, strict=True)))

    def _thumbnail(self, index: int) -> Tensor:
        if index not in self.thumbnails:
            self.thumbnails[index] = thumbnail_of(self.images[index], THUMBNAIL)
        return self.thumbnails[index]


def prefetch(make: Callable[[int], T], start: int, end: int, ahead: int = 4) -> Iterator[T]:
    """Run ``make(step)`` for every step in a thread, a few steps ahead of the consumer."""
    ready: queue.Queue[T | BaseException] = queue.Queue(ahead)
    stop = threading.Event()

    def fill() -> None:
        for step in range(start, end):
            try:
                item: T | BaseException = make(step)
            except BaseException as error:  # handed over: the consumer raises it
                item = error
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.5)
                    break
                except queue.Full:
                    continue
            if stop.is_set() or isinstance(item, BaseException):
                return

    thread = threading.Thread(target=fill, daemon=True, name="restoreflow-data")
    thread.start()
    try:
        for _ in range(start, end):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
