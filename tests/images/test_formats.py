"""The table of formats answers for names, extensions and signatures."""

from __future__ import annotations

import pytest

from restoreflow.errors import UsageError
from restoreflow.images.formats import (
    FORMATS,
    OUTPUT_FORMATS,
    extension_for,
    format_of_name,
    output_format,
    sniff,
)
from tests.images import samples

FILES = samples.files()


@pytest.mark.parametrize("name", FILES)
def test_the_first_512_bytes_tell(name: str) -> None:
    assert sniff(FILES[name][0][:512]) == FILES[name][1]


def test_every_format_is_covered_by_the_table_of_files() -> None:
    by_extras = {"heif", "jxl"}  # in test_extras.py
    assert {row[1] for row in FILES.values()} == set(FORMATS) - by_extras


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
def test_every_extension_names_its_format(name: str) -> None:
    for extension in FORMATS[name].extensions:
        assert format_of_name("a" + extension.upper()) == name
        assert extension_for(name, extension.upper()) == extension.upper()
    assert extension_for(name, ".other") == FORMATS[name].extensions[0]
    assert output_format(name) == name


def test_formats_only_read_become_png() -> None:
    assert {output_format(name) for name in set(FORMATS) - set(OUTPUT_FORMATS)} == {"png"}


@pytest.mark.parametrize("name", ["photo", "photo.", "photo.bmp", ".png"])
def test_names_without_a_format(name: str) -> None:
    with pytest.raises(UsageError, match="output format unclear"):
        format_of_name(name)
