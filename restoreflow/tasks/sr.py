"""Super-resolution: pictures 2, 4 or 8 times as large, with detail that fits them."""

from __future__ import annotations

from restoreflow.tasks.task import BICUBIC, Task

__all__ = ["SR"]

SR = Task(
    name="sr",
    title="super-resolution",
    deed="Enlarge",
    words="""Enlarge pictures, with detail sampled from what fits them.

    Which model: sr-x4, the default, takes photographs as they are. It keeps to clean ones to the
    pixel; noise, softness and compression, which it judges by itself (--wear), it takes away.
    sr-x4-photo cleans strongly worn ones more, and paints. sr-x2 (--scale 2) and sr-x8 (--scale 8)
    are for sharp, clean pictures.

    Any size up to 8 times: the next larger model, and its result reduced. --scale chooses the
    model; with a side or megapixels it is sr-x4, or --model.

    Results are written beside the inputs as NAME_sr4x.EXT (NAME_sr3000w.EXT for --width 3000),
    several samples as NAME_sr4x_1.EXT and so on, and a folder's results into FOLDER_sr4x beside it;
    colours, EXIF and orientation are
    kept, and inputs are never touched. A run that was stopped goes on when the same command is
    given again.

    Examples:

    - `restoreflow sr photo.jpg`
    - `restoreflow sr old-phone.jpg --wear 0.7`
    - `restoreflow sr photo.jpg --longest 4000`
    - `restoreflow sr photo.jpg --samples 8 --temperature 0.9 --uncertainty --grid`
    - `restoreflow sr scans/ --recursive -o enlarged/ --output-format jpeg --format json`
    """,
    default_model="sr-x4",
    models={2: "sr-x2", 4: "sr-x4", 8: "sr-x8"},
    for_worn={"sr-x2": "sr-x4", "sr-x8": "sr-x4", "sr-x4": "sr-x4-photo"},
    scales=(2, 4, 8),
    suffix="sr{size}",
    options=frozenset({"consistency", "size", "wear"}),
    tag="super-resolution",
    example="photo.jpg",
    encoder="residual",
    operator=BICUBIC,
    degradations=("bicubic", "photo"),
    protocol="sr",
)
