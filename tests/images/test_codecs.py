"""Formats and codecs are one table, and what is not in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoreflow.images.codecs import table
from restoreflow.images.codecs.table import Codec, Encoder, codec, encoder
from restoreflow.images.formats import FORMATS, sniff
from tests.images import samples

SHARED = {"__init__", "table", "pillow", "tiff_read", "tiff_write"}


def test_every_format_has_its_codec_and_no_other_is_there() -> None:
    there = {path.stem for path in Path(table.__file__).parent.glob("*.py")} - SHARED
    assert there == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_codec_writes_where_the_format_is_written(name: str) -> None:
    found = codec(name)
    assert isinstance(found, Codec)
    assert isinstance(found, Encoder) == FORMATS[name].writable


@pytest.mark.parametrize("name", ["tga", "PNG", "", "table"])
def test_unknown_names_fall_through_to_nothing(name: str) -> None:
    for find in (codec, encoder):
        with pytest.raises(KeyError):
            find(name)
    with pytest.raises(KeyError):
        encoder("gif")


def test_a_file_is_of_one_format_alone() -> None:
    for data, *_ in samples.files().values():
        assert [each.name for each in FORMATS.values() if each.matches(data)] == [sniff(data)]
