"""Low light: dark, noisy pictures become well exposed, clean ones."""

from __future__ import annotations

from restoreflow.tasks.task import Task

__all__ = ["LOWLIGHT"]

LOWLIGHT = Task(
    name="lowlight",
    title="low light",
    deed="Brighten",
    words="""Brighten dark, noisy pictures, with detail sampled from what fits them.

    Exposure is judged once for the whole picture; noise and colour casts are taken out, and
    pictures that are well exposed come back as they are. Results are written beside the inputs as
    NAME_lowlight.EXT, several samples as NAME_lowlight_1.EXT and so on, and a folder's results into
    FOLDER_lowlight beside it; colours, EXIF and orientation are kept, and inputs are never touched.
    A run that was stopped goes on when the same command is given again.

    Examples:

    - `restoreflow lowlight dark.jpg`
    - `restoreflow lowlight dark.jpg --samples 8 --uncertainty --grid`
    - `restoreflow lowlight night/ --recursive -o bright/ --exposure -0.5`
    """,
    default_model="lowlight",
    scales=(1,),
    suffix="lowlight",
    options=frozenset({"exposure"}),
    tag="low-light-enhancement",
    example="dark.jpg",
    encoder="low_light",
    degradations=("low_light",),
    protocol="lowlight",
)
