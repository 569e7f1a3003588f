"""Templates of results' names."""

from __future__ import annotations

import pytest

from restoreflow.batch.naming import DEFAULT, DEFAULT_OF_MANY, Template
from restoreflow.errors import UsageError

NAMES = [
    (DEFAULT, 1, "photo_sr4x.jpg", "photo_sr4x_grid.png", "photo_sr4x.npz"),
    (DEFAULT_OF_MANY, 3, "photo_sr4x_2.jpg", "photo_sr4x_grid.png", "photo_sr4x.npz"),
    ("{stem}.{ext}", 1, "photo.jpg", "photo_grid.png", "photo.npz"),
    ("{index:03}-{stem}{ext}", 3, "002-photo.jpg", "photo_grid.png", "photo.npz"),
    ("{stem}{index}{ext}", 3, "photo2.jpg", "photo_grid.png", "photo.npz"),
    ("big_{stem}.WebP", 1, "big_photo.WebP", "big_photo_grid.png", "big_photo.npz"),
    ("{stem}_{index}.png", 3, "photo_2.png", "photo_grid.png", "photo.npz"),
    ("{index}{ext}", 3, "2.jpg", "photo_grid.png", "photo.npz"),
    ("{{{stem}}}{ext}", 1, "{photo}.jpg", "{photo}_grid.png", "{photo}.npz"),
]


@pytest.mark.parametrize(("text", "samples", "name", "grid", "arrays"), NAMES)
def test_names(text: str, samples: int, name: str, grid: str, arrays: str) -> None:
    template = Template.parse(text, samples)
    assert template.name("photo", "sr4x", 2, ".jpg") == name
    assert template.beside("photo", "sr4x", "grid.png") == grid
    assert template.beside("photo", "sr4x", ".npz") == arrays


def test_what_a_stem_holds_is_taken_as_it_is() -> None:
    template = Template.parse(DEFAULT_OF_MANY, 2)
    assert template.name("_{index} ", "s", 1, ".png") == "_{index} _s_1.png"
    assert template.beside("_{index}_", "s", "grid.png") == "_{index}__s_grid.png"
    of_file = Template.of_file("{odd}_.v2.png", 2)
    assert of_file.name("x", "s", 2, ".png") == "{odd}_.v2_2.png"
    assert of_file.beside("x", "s", "grid.png") == "{odd}_.v2_grid.png"


REFUSED = [
    ("", 1, "empty"),
    ("{stem", 1, "brace"),
    ("{stem}", 1, "extension"),
    ("{stem}.gif", 1, "extension"),
    ("{ext}{stem}", 1, "extension"),
    ("{stem}{ext}", 2, "{index}"),
    ("a/{stem}{ext}", 1, "-o"),
    ("..\\{stem}{ext}", 1, "-o"),
    ("{stem}\n{ext}", 1, "-o"),
    ("{stm}{ext}", 1, 'did you mean "stem"'),
    ("{stem:>9}{ext}", 1, "{index:03}"),
    ("{stem!r}{ext}", 1, "{index:03}"),
    ("{index:999999999}{ext}", 1, "{index:03}"),
    ("{stem.__class__}{ext}", 1, "stem"),
    ("{}{ext}", 1, "known"),
]


@pytest.mark.parametrize(("text", "samples", "told"), REFUSED)
def test_refused(text: str, samples: int, told: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Template.parse(text, samples)
    assert told in str(refusal.value)
