"""What a call asks of a restorer, checked and with the model's defaults filled in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreflow.errors import UsageError
from restoreflow.restoration.latents import check_seed
from restoreflow.restoration.tiles import MIN_SIDE
from restoreflow.tasks.table import TASKS, takers

if TYPE_CHECKING:
    from restoreflow.models.config import Defaults
    from restoreflow.networks.config import Strength

__all__ = ["Request", "check_wear"]


@dataclass(frozen=True)
class Request:
    """Settings of `Restorer.restore`.

    Args:
        samples, temperature, seed, consistency, exposure, wear: as there.
        tile: input pixels, or None for "auto".
    """

    samples: int
    temperature: float
    seed: int
    consistency: bool
    tile: int | None
    exposure: float = 0.0
    wear: Strength = "auto"

    @classmethod
    def checked(
        cls,
        task: str,
        defaults: Defaults,
        samples: int,
        temperature: float | None,
        seed: int,
        consistency: bool | None,
        tile: int | str,
        exposure: float = 0.0,
        wear: Strength = "auto",
    ) -> Request:
        """A request to a model for a task.

        Raises:
            UsageError: a setting is out of its range, or not for this task.
        """
        if samples < 1:
            raise UsageError(f"samples is {samples}", "ask for 1 or more")
        chosen = defaults.temperature if temperature is None else float(temperature)
        if not (math.isfinite(chosen) and chosen >= 0):
            raise UsageError(f"the temperature is {temperature}", "choose 0 or more, mostly 0 .. 1")
        if not -8.0 <= exposure <= 8.0:
            raise UsageError(f"the exposure is {exposure}", "choose -8 .. 8 stops, mostly -2 .. 2")
        for name, value in (("consistency", consistency), ("exposure", exposure)):
            if value and not TASKS[task].takes(name):
                raise UsageError(f"{name} is for {takers(name)}, not for {task}", "leave it out")
        check_wear(wear)
        usual = defaults.consistency and TASKS[task].operator is not None
        projected = usual if consistency is None else consistency
        if tile != "auto" and (isinstance(tile, str) or tile < MIN_SIDE):
            raise UsageError(f"tile is {tile}", f'choose "auto" or {MIN_SIDE} pixels or more')
        side = None if isinstance(tile, str) else int(tile)
        return cls(samples, chosen, check_seed(seed), projected, side, exposure, wear)


def check_wear(wear: Strength) -> None:
    """Raises UsageError unless ``wear`` is "auto", "none" or a number from 0 to 1."""
    if isinstance(wear, str) and wear in ("auto", "none"):
        return
    if isinstance(wear, str) or not 0.0 <= wear <= 1.0:
        raise UsageError(
            f"wear is {wear}", "choose auto, none, or a strength from 0 (gentle) to 1 (strong)"
        )
