"""What a task is, all that the program has to know of it in one row; and the rows' operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BICUBIC", "Operator", "Task", "downscale", "resize", "upscale"]


@dataclass(frozen=True)
class Operator:
    """A resampling that is known to take a truth to its input, and a guess at the way back.

    Args:
        name: for people.
        resize: (..., h, w) to (..., height, width) float32; each row and then each column, linear
            and differentiable, neither clamped nor rounded.
        reach: rows of the smaller picture that a row of the larger one depends on, each way, and
            the other way round.
        filter: Pillow's name of the same on 8-bit pictures.
    """

    name: str
    resize: Callable[[Tensor, int, int], Tensor]
    reach: int
    filter: str

    def reduce(self, x: Tensor, scale: int) -> Tensor:
        """(..., scale * h, scale * w) to (..., h, w)."""
        return self.resize(x, x.shape[-2] // scale, x.shape[-1] // scale)

    def lift(self, y: Tensor, scale: int) -> Tensor:
        """(..., h, w) to (..., scale * h, scale * w)."""
        return self.resize(y, y.shape[-2] * scale, y.shape[-1] * scale)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What pictures are restored from. Everything that differs between tasks stands here.

    Attributes:
        name: the verb on the command line, and "task" in config.json.
        title: what a sentence calls it.
        deed: what a button says that does it.
        words: the help of its verb, Markdown.
        default_model: a bundled name.
        models: the bundled models that a scale alone names, by scale.
        for_worn: bundled models for clean pictures, and beside each what takes worn ones.
        scales: output side over input side that its models may have.
        suffix: what tells a result's name from its input's; {size} is the
            model's scale or what was asked for.
        options: those of restoring that not every task takes, and this one does.
        tag: the Hub's.
        example: a picture's name for examples.
        encoder: the kind of encoder its models have.
        operator: what is known to have made an input; what consistency and LR-PSNR go by. None
            where nothing is known.
        degradations: by name, how training may make its inputs; the first where no recipe says.
        protocol: the command of `restoreflow evaluate` that measures its models.
    """

    name: str
    title: str
    deed: str
    words: str
    default_model: str
    models: Mapping[int, str] = field(default_factory=dict[int, str])
    for_worn: Mapping[str, str] = field(default_factory=dict[str, str])
    scales: tuple[int, ...]
    suffix: str
    options: frozenset[str] = frozenset()
    tag: str
    example: str
    encoder: str
    operator: Operator | None = None
    degradations: tuple[str, ...]
    protocol: str

    def takes(self, option: str) -> bool:
        """Whether it takes an option that not every task does."""
        return option in self.options

    def model_at(self, scale: float | None) -> str:
        """The bundled model for results `scale` times as large: the next larger, or the largest.

        Where the scale is not known, or the task has one model, it is the usual one.
        """
        if scale is None or not self.models:
            return self.default_model
        reaching = [each for each in self.models if each >= scale * (1 - 1e-9)]
        return self.models[min(reaching, default=max(self.models))]

    def suffix_at(self, size: str) -> str:
        """What tells the name of a result of this size, as "4x" or "3000w", from its input's."""
        return self.suffix.format(size=size)


def downscale(x: Tensor, scale: int) -> Tensor:
    """Antialiased bicubic downscaling as Pillow's BICUBIC (a = -0.5), within float rounding.

    Args:
        x: (..., scale * h, scale * w) float32.

    Returns:
        (..., h, w), neither clamped nor rounded.
    """
    return BICUBIC.reduce(x, scale)


def upscale(y: Tensor, scale: int) -> Tensor:
    """Bicubic upscaling as Pillow's BICUBIC (a = -0.5): (..., h, w) to scale times that."""
    return BICUBIC.lift(y, scale)


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """As Pillow's BICUBIC (a = -0.5): (..., h, w) to (..., height, width)."""
    import torch.nn.functional as F  # so that the table of tasks is there without PyTorch

    # antialias=True also chooses a = -0.5 and Pillow's treatment of the border when enlarging.
    flat = x.reshape(-1, 1, *x.shape[-2:])
    size = (height, width)
    resized = F.interpolate(flat, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized.reshape(*x.shape[:-2], height, width)


BICUBIC = Operator("bicubic", resize, reach=2, filter="BICUBIC")
