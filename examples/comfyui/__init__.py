"""ComfyUI nodes: restore pictures, see where samples differ, and how unlike an input is.

Copy this folder to ComfyUI/custom_nodes/restoreflow, and install restoreflow into ComfyUI's Python.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor
from typing_extensions import override

import restoreflow
from restoreflow import Restorer

__all__ = ["Restore", "RestoreflowExtension", "comfy_entrypoint"]

WHITE = 32.0
"""Spread in 8-bit levels, a standard deviation, that the mask shows as 1."""


@lru_cache(maxsize=2)
def loaded(model: str) -> Restorer:
    """A model, kept for the next run."""
    return Restorer.from_pretrained(model)


class Restore(io.ComfyNode):
    """Several restorations of each picture, and what there is to know of them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """What the node looks like."""
        return io.Schema(
            node_id="RestoreflowRestore",
            display_name="Restore (restoreflow)",
            category="image/upscaling",
            description="Samples of a bounded normalizing flow: enlarged, or brightened, pictures "
            "that fit the input, a mask of where they differ, and how unlike the model's training "
            "photographs the input is.",
            inputs=[
                io.Image.Input("image"),
                io.Combo.Input("model", options=restoreflow.list_models(), default="sr-x4"),
                io.Int.Input(
                    "samples", default=2, min=1, max=64, tooltip="Results of each picture."
                ),
                io.Float.Input(
                    "temperature",
                    default=0.8,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0: the clean estimate, nothing drawn; 1: all of the model's variety.",
                ),
                io.Int.Input("seed", default=0, min=0, max=2**64 - 1, control_after_generate=True),
            ],
            outputs=[
                io.Image.Output(
                    display_name="samples", tooltip="All of the first picture, then the second's."
                ),
                io.Image.Output(display_name="estimate", tooltip="Clean, with nothing drawn."),
                io.Mask.Output(
                    display_name="spread", tooltip=f"How far samples differ; 1: {WHITE:g} levels."
                ),
                io.Float.Output(
                    display_name="score",
                    tooltip="Of 100 training photographs, how many are less unlike the others; the "
                    "largest of the batch, -1 where the model cannot tell.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls, image: Tensor, model: str, samples: int, temperature: float, seed: int
    ) -> io.NodeOutput:
        """Restore a batch (N, h, w, C), values in [0, 1]; alpha is left out."""
        restorer = loaded(model)
        drawn, estimates, spreads, scores = [], [], [], []
        for picture in image[..., :3].float().clamp(0, 1).movedim(-1, 1):
            result = restorer.restore(picture, samples=samples, temperature=temperature, seed=seed)
            values = (torch.from_numpy(result.values(index)) for index in range(samples))
            drawn += values
            estimates.append(torch.frombuffer(bytearray(result.mean.tobytes()), dtype=torch.uint8))
            spreads.append(torch.from_numpy(result.uncertainty))
            scores.append(rank(restorer, picture))
        size = drawn[0].shape
        return io.NodeOutput(
            torch.stack(drawn),
            torch.stack(estimates).reshape(-1, *size) / 255.0,
            (torch.stack(spreads) / WHITE).clamp(0, 1),
            max(scores),
        )


def rank(restorer: Restorer, picture: Tensor) -> float:
    """How unlike the training photographs a picture is, 0 .. 100; -1 where it cannot be told."""
    try:
        return restorer.score(picture).rank
    except restoreflow.errors.ModelError:  # a model without statistics
        return -1.0


class RestoreflowExtension(ComfyExtension):
    """The nodes of this folder."""

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [Restore]


async def comfy_entrypoint() -> RestoreflowExtension:
    """What ComfyUI asks for."""
    return RestoreflowExtension()
