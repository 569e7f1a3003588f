"""How large a study is: which inputs, how many, and how hard they are searched."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "STANDARD", "StudySettings"]


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """Numbers and sizes; sides are pixels of the output for photographs, of the input for others.

    Attributes:
        photos, photo_side: photographs degraded as in training, and their longest side.
        photo_temperatures, photo_samples: of these.
        corrupted, corrupted_side, severities: photographs that are spoilt in every way.
        temperatures: of the corrupted and the hostile inputs.
        hostile_side: of the synthetic inputs.
        attack_side, attack_steps, attack_temperatures: of the ascent on the input.
        attacked_photos: photographs that the ascent stays within 8/255 of.
        quality_photos, quality_side, quality_temperatures, quality_samples: in distribution, with
            perceptual metrics; no photos: left out.
        search_steps, search_cells, search_restarts: of the ascents on features and latents that
            the certificate is compared with, and the side of their pictures in cells.
        reference_photos: of the training set, for the score.
        round_trips: random splines of each slope bound.
        toy_steps: of the two-dimensional flows' training.
        tiny_steps: of each ablation's training, after as many for their mean image.
        seed: of inputs, latents and trainings.
    """

    photos: int = 24
    photo_side: int = 256
    photo_temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
    photo_samples: int = 2
    corrupted: int = 6
    corrupted_side: int = 192
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    temperatures: tuple[float, ...] = (0.0, 0.5, 0.9, 1.0)
    hostile_side: int = 96
    attack_side: int = 48
    attack_steps: int = 20
    attack_temperatures: tuple[float, ...] = (0.0, 0.9, 1.0)
    attacked_photos: int = 2
    quality_photos: int = 8
    quality_side: int = 256
    quality_temperatures: tuple[float, ...] = (0.0, 0.5, 0.8, 0.9, 1.0)
    quality_samples: int = 10
    search_steps: int = 200
    search_cells: int = 6
    search_restarts: int = 4
    reference_photos: int = 48
    round_trips: int = 1_000_000
    toy_steps: int = 1200
    tiny_steps: int = 240
    seed: int = 0


STANDARD = StudySettings()
"""A quarter of an hour on one core."""
QUICK = StudySettings(
    photos=12,
    photo_side=192,
    photo_temperatures=(0.0, 0.5, 0.8, 0.9, 1.0),
    photo_samples=1,
    corrupted=1,
    severities=(1, 3, 5),
    hostile_side=48,
    attack_steps=10,
    attack_temperatures=(0.0, 1.0),
    attacked_photos=1,
    quality_photos=4,
    quality_side=192,
    quality_temperatures=(0.0, 0.5, 0.9, 1.0),
    quality_samples=5,
    search_steps=50,
    search_cells=4,
    search_restarts=2,
    reference_photos=12,
    round_trips=200_000,
    toy_steps=500,
    tiny_steps=240,
)
"""Two or three minutes on one core: fewer and smaller inputs, shorter searches."""
FULL = StudySettings(
    photo_side=512,
    photo_temperatures=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    photo_samples=5,
    corrupted=24,
    corrupted_side=256,
    temperatures=(0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
    attack_side=96,
    attack_steps=100,
    attack_temperatures=(0.0, 0.5, 0.9, 1.0),
    attacked_photos=6,
    quality_photos=24,
    search_steps=1000,
    search_cells=10,
    search_restarts=8,
    reference_photos=228,
    round_trips=10_000_000,
    toy_steps=3000,
    tiny_steps=3000,
)
"""Hours: more inputs, larger ones, and longer searches."""
