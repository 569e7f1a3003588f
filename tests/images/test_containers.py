"""What stands beside the pixels is found wherever a format keeps it, and the rest is counted."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from restoreflow.images.ancillary import GAIN_MAP_NOTE
from restoreflow.images.codecs.table import ancillary_of
from restoreflow.images.containers.heif import ancillary as heif_ancillary
from restoreflow.images.containers.photoshop import photoshop_resources
from restoreflow.images.decode import decode, read_size
from restoreflow.images.encode import encode, losses
from restoreflow.images.formats import FORMATS
from restoreflow.images.geotiff import scale_geo
from restoreflow.images.metadata import fit_metadata
from tests.images import containers as made
from tests.images import samples
from tests.images.kept_table import EXIF, IPTC, VIDEO, WORDS, XMP
from tests.images.tag_blocks import ascii_value, block, longs

LONG = "long " * 20_000


@pytest.mark.parametrize(
    ("chunk", "keyword", "text"),
    [
        (made.png_chunk(b"tEXt", b"Title\x00plain \xe4"), "Title", "plain \xe4"),
        (made.png_chunk(b"zTXt", b"Long\x00\x00" + zlib.compress(LONG.encode())), "Long", LONG),
        (made.png_chunk(b"iTXt", b"T\x00\x00\x00de\x00Titel\x00" + WORDS.encode()), "T", WORDS),
        (
            made.png_chunk(b"iTXt", b"T\x00\x01\x00\x00\x00" + zlib.compress(WORDS.encode())),
            "T",
            WORDS,
        ),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_texts_of_png_of_every_kind(chunk: bytes, keyword: str, text: str, behind: bool) -> None:
    picture = decode(made.png(chunk, behind=behind))
    assert decode(encode(picture)).metadata.texts == picture.metadata.texts
    (found,) = picture.metadata.texts
    assert (found.keyword, found.text) == (keyword, text)
    assert picture.notes == ()


@pytest.mark.parametrize(
    ("name", "content", "attribute"),
    [
        ("exif", b"Exif\x00\x00" + EXIF.data, "exif"),
        ("APP1", b"http://ns.adobe.com/xap/1.0/\x00" + XMP, "xmp"),
        ("xmp", XMP, "xmp"),
        ("iptc", b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(IPTC)) + IPTC, "iptc"),
        ("icc", samples.display_p3(), "icc"),
    ],
)
def test_blocks_in_texts_as_imagemagick_writes_them(
    name: str, content: bytes, attribute: str
) -> None:
    text = f"\n{name}\n{len(content):8d}\n{content.hex()}\n".encode()
    key = f"Raw profile type {name}".encode()
    found = ancillary_of(
        made.png(made.png_chunk(b"zTXt", key + b"\x00\x00" + zlib.compress(text))), "png"
    )
    expected = {"exif": b"Exif\x00\x00" + EXIF.data, "xmp": XMP, "iptc": IPTC}
    assert getattr(found, attribute) == expected.get(attribute, content)
    assert found.texts == ()


def test_texts_about_the_old_pixels_are_dropped_and_counted() -> None:
    chunks = [
        made.png_chunk(b"tEXt", key + b"\x007") for key in (b"exif:PixelXDimension", b"Thumb::Size")
    ]
    picture = decode(made.png(*chunks))
    assert picture.metadata.texts == ()
    assert any("2 PNG texts" in note for note in picture.notes)


def test_a_bomb_of_texts_is_told_and_costs_no_memory() -> None:
    bomb = made.png_chunk(b"zTXt", b"Bomb\x00\x00" + zlib.compress(bytes(18_000_000)))
    tracemalloc.start()
    picture = decode(made.png(*[bomb] * 9))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert any("9 PNG texts damaged or too long" in note for note in picture.notes)


@pytest.mark.parametrize("content", [b"Exif", b"jumb"])
def test_a_bomb_of_a_box_is_told(content: bytes) -> None:
    bomb = imagecodecs.brotli_encode(bytes(40_000_000))
    found = ancillary_of(made.jxl(made.box(b"brob", content + bomb)), "jxl")
    assert found.exif is None
    assert len(found.notes) == 1


def test_jpeg_comments_of_any_coding_and_number() -> None:
    segments = [made.segment(0xFE, each) for each in (b"one\x00", WORDS.encode(), b"na\xefve")]
    picture = decode(made.jpeg(*segments))
    assert [each.text for each in picture.metadata.texts] == ["one", WORDS, "na\xefve"]
    assert decode(encode(picture)).metadata.texts == picture.metadata.texts
    assert [each.keyword for each in decode(encode(picture, "png")).metadata.texts] == [
        "Comment"
    ] * 3
    assert any("3 texts" in each for each in losses(picture, "webp"))


def test_comments_of_gif_and_ppm_in_any_coding() -> None:
    for text in (b"na\xefve", WORDS.encode()):
        gif = decode(made.gif(made.gif_block(0xFE, text * 50), made.gif_block(0xFE, b"two")))
        words = [each.text for each in gif.metadata.texts]
        assert words == [text.decode("utf-8" if b"here" in text else "latin-1") * 50, "two"]
        assert decode(encode(gif)).metadata.texts == gif.metadata.texts
    several = decode(made.ppm("one", WORDS)).metadata.texts
    assert [each.text for each in several] == ["one", WORDS]
    plain = b"P3\n#a\n1 #b\n1\n#c\n255\n1 2 3\n"
    assert [each.text for each in decode(plain).metadata.texts] == ["a", "b", "c"]


def test_segments_that_are_not_carried_are_named() -> None:
    odd = [made.segment(0xE5, b"RMETA\x00" + bytes(9)), made.segment(0xEC, b"Ducky\x00\x01")]
    (note,) = decode(made.jpeg(*odd, odd[0])).notes
    assert note == "3 JPEG segments not carried: APP12 Ducky, APP5 RMETA"


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (VIDEO, "motion video"),
        (b"trailer of a camera", "19 bytes behind"),
        (samples.saved(Image.new("RGB", (9, 9)), "JPEG"), "only the first of the file's pictures"),
        (bytes(40), None),
    ],
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_what_is_behind_a_jpeg_is_told(behind: bytes, words: str | None, options: dict) -> None:
    notes = decode(made.jpeg(behind=behind, **options)).notes
    assert [(words or "-") in note for note in notes] == ([True] if words else [])


def test_the_iptc_record_of_photoshops_resources() -> None:
    name = b"\x05named"
    resources = b"8BIM\x03\xed\x00\x00" + struct.pack(">I", 4) + b"res!"
    resources += b"8BIM\x04\x04" + name + struct.pack(">I", len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
    resources += b"8BIM\x04\x0c\x00\x00" + struct.pack(">I", 3) + b"old\x00"
    resources += b"8BIM\x10\x00\x00\x00" + struct.pack(">I", 0)
    found = photoshop_resources(resources)
    assert found.iptc == IPTC
    assert len(found.notes) == 2
    assert photoshop_resources(resources[:-20]).iptc == IPTC
    data = made.tiff((34377, 7, len(resources), resources))
    assert decode(encode(decode(data), "jpeg")).metadata.iptc == IPTC


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_by_its_container(orientation: int) -> None:
    marked = np.zeros((16, 24, 3), np.uint8)
    marked[:8, :8] = 255
    image = Image.fromarray(marked)
    by_exif = decode(samples.saved(image, "PNG", exif=samples.exif(orientation)))
    data = samples.saved(image, "AVIF", exif=samples.exif(orientation))
    picture = decode(data)
    assert read_size(data) == (picture.width, picture.height) == (by_exif.width, by_exif.height)
    assert np.abs(picture.pixels - by_exif.pixels).mean() < 0.02
    assert decode(encode(picture)).pixels.shape == picture.pixels.shape


def _meta(*items: tuple[int, bytes], properties: bytes, associations: bytes) -> bytes:
    entries = b"".join(
        made.box(b"infe", b"\x02\x00\x00\x00" + struct.pack(">HH", number, 0) + kind + b"\x00")
        for number, kind in items
    )
    parts = made.box(b"pitm", bytes(4) + struct.pack(">H", items[0][0]))
    parts += made.box(b"iinf", bytes(4) + struct.pack(">H", len(items)) + entries)
    ipma = made.box(b"ipma", bytes(4) + struct.pack(">I", 1) + associations)
    parts += made.box(b"iprp", made.box(b"ipco", properties) + ipma)
    return made.box(b"meta", bytes(4) + parts)


@pytest.mark.parametrize(
    ("auxiliary", "words"),
    [
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", "gain map (HDR) dropped"),
        (b"urn:mpeg:hevc:2015:auxid:2", "1 auxiliary picture not carried: depth map"),
        (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "portraiteffectsmatte"),
        (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", None),
    ],
)
def test_auxiliary_pictures_of_heic_are_told(auxiliary: bytes, words: str | None) -> None:
    data = _meta(
        *((1, b"hvc1"), (2, b"hvc1")),
        properties=made.box(b"auxC", bytes(4) + auxiliary + b"\x00"),
        associations=struct.pack(">HBB", 2, 1, 1),
    )
    notes = heif_ancillary(data).notes
    assert [(words or "-") in note for note in notes] == ([True] if words else [])


SCALE = (33550, 12, 3, (0.5, 0.25, 0.0))
MATRIX = (34264, 12, 16, (2.0, 1.0, 0, 100, 0.5, -3.0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1.0))
TIE = (33922, 12, 6, (4.0, 6.0, 0.0, 100.0, 200.0, 0.0))


def _keys(raster: int) -> tuple[int, int, int, tuple[int, ...]]:
    return (34735, 3, 8, (1, 1, 0, 1, 1025, 0, 1, raster))


def _corner(
    tags: dict[int, tuple[float, ...]], x: float, y: float, half: float
) -> tuple[float, ...]:
    """Where the corner (x, y) of the pixels lies on the earth; centres are `half` from corners."""
    i, j = x - half, y - half
    if 34264 in tags:
        a, b, _, d, e, f, _, h = tags[34264][:8]
        return a * i + b * j + d, e * i + f * j + h
    (sx, sy, _), (ti, tj, _, px, py, _) = tags[33550], tags[33922]
    return px + (i - ti) * sx, py - (j - tj) * sy


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("raster", [1, 2])
@pytest.mark.parametrize("where", [(SCALE, TIE), (MATRIX,)])
def test_every_place_lies_where_it_lay(where: tuple, raster: int, byteorder: str) -> None:
    data = made.tiff(*where, _keys(raster), byteorder=byteorder)
    picture = decode(data)
    larger = picture.with_pixels(picture.pixels.repeat(4, axis=0).repeat(4, axis=1))
    kept = decode(encode(larger)).metadata.geo
    numbers = {
        each.number: struct.unpack(f"<{each.length}d", each.data)
        for each in kept
        if each.kind == 12
    }
    before = {tag: value for tag, _, _, value in where}
    half = 0.5 if raster == 2 else 0.0
    for x, y in ((0, 0), (5, 7), (samples.WIDTH, samples.HEIGHT)):
        expected = _corner(before, x, y, half)
        assert _corner(numbers, 4 * x, 4 * y, half) == pytest.approx(expected)


def test_a_turned_or_damaged_place_on_the_earth_is_dropped_and_said() -> None:
    turned = decode(made.tiff(SCALE, TIE, _keys(1), (274, 3, 1, 6)))
    assert turned.metadata.geo == () and any("GeoTIFF" in note for note in turned.notes)
    damaged = decode(made.tiff((33550, 12, 2, (0.5, 0.5)), TIE))
    assert scale_geo(damaged.metadata.geo, (1, 1), (2, 2)) is None
    assert any("GeoTIFF" in each for each in losses(damaged))
    assert fit_metadata(damaged.metadata, FORMATS["tiff"], (42, 26)).geo == ()


@pytest.mark.parametrize(
    "description",
    [
        "ImageJ=1.11a\nimages=2\n",
        '{"shape": [13, 21, 3]}',
        "shape=(13, 21, 3)",
        '<?xml version="1.0"?><!-- Warning --><OME xmlns="http://www.openmicroscopy.org/x"/>',
        "Aperio Image Library v1\n46000x32914 [0,100 46000x32814]",
    ],
)
def test_programs_records_of_the_pixels_are_dropped_and_said(description: str) -> None:
    picture = decode(made.tiff((270, 2, 0, description), (271, 2, 0, "Maker")))
    assert samples.parsed(picture.metadata.exif)[271] == "Maker"
    assert 270 not in samples.parsed(picture.metadata.exif)
    assert any("ImageDescription dropped" in note for note in picture.notes)


def test_tags_of_layout_go_unsaid_and_tags_of_programs_are_named() -> None:
    layout = ((297, 3, 2, (1, 3)), (333, 2, 0, "Cyan"), (336, 3, 2, (0, 255)))
    picture = decode(made.tiff(*layout, (271, 2, 0, "Maker")))
    assert list(samples.parsed(picture.metadata.exif)) == [271]
    assert picture.notes == ()
    picture = decode(
        made.tiff((42113, 2, 0, "-9999"), (20507, 1, 4, b"old!"), (50844, 12, 2, (1.0, 2.0)))
    )
    assert picture.metadata.exif is None
    assert any("3 TIFF tags not carried" in note and "GDAL" in note for note in picture.notes)


def test_a_description_of_the_picture_is_kept() -> None:
    for words in ("Shape of things", "{a note}", "Image of J", "<b>OMEN</b>"):
        picture = decode(made.tiff((270, 2, 0, words)))
        assert samples.parsed(picture.metadata.exif)[270] == words
        assert picture.notes == ()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_tags_of_every_type_are_carried(bigtiff: bool, byteorder: str) -> None:
    tags = (
        (33434, 5, 1, (1, 250)),
        (34855, 3, 2, (400, 800)),
        (37386, 5, 1, (50, 1)),
        (40091, 1, 8, "Tit\0".encode("utf-16-le")),
        (37380, 10, 1, (-1, 3)),
    )
    picture = decode(made.tiff(*tags, bigtiff=bigtiff, byteorder=byteorder))
    for target in ("tiff", "jpeg"):
        found = samples.parsed(decode(encode(picture, target)).metadata.exif)
        assert (found[33434], found[34855], found[37386]) == (1 / 250, (400, 800), 50)
        assert float(found[37380]) == pytest.approx(-1 / 3)
        assert found[40091].decode("utf-16-le") == "Tit\0"
    assert picture.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_big_tiff_is_turned_and_keeps_its_words(orientation: int) -> None:
    classic, big = (
        decode(made.tiff((274, 3, 1, orientation), (315, 2, 0, "Bob"), bigtiff=each))
        for each in (False, True)
    )
    np.testing.assert_array_equal(big.pixels, classic.pixels)
    exif = samples.parsed(big.metadata.exif)
    assert (exif[315], exif[274]) == ("Bob", 1)


@pytest.mark.parametrize("target", ["tiff", "jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("source", ["tiff", "jpeg", "png", "jpeg with exif"])
def test_no_resolution_is_made_up(source: str, target: str) -> None:
    block = b"Exif\x00\x00" + EXIF.data
    data = {
        "tiff": made.tiff(),
        "jpeg": made.jpeg(),
        "png": made.png(),
        "jpeg with exif": made.jpeg(exif=block),
    }[source]
    picture = decode(data)
    assert picture.metadata.dpi is None
    result = encode(picture, target)
    assert decode(result).metadata.dpi is None
    assert not {282, 283, 296} & set(samples.parsed(picture.metadata.exif))
    if target == "tiff":
        assert not {282, 283, 296} & set(samples.tiff_tags(result))
    if target == "jpeg":
        assert result[13:18] == b"\x00\x00\x01\x00\x01"  # JFIF: no unit, square


def test_pixels_that_are_not_square_are_told() -> None:
    jfif = b"JFIF\x00\x01\x01\x00" + struct.pack(">HH", 2, 1) + bytes(2)
    plain = made.jpeg()
    for data in (
        plain[:6] + jfif + plain[20:],
        made.png(made.png_chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0))),
        made.tiff(resolution=(2, 1), resolutionunit="NONE"),
    ):
        assert any("square" in note for note in decode(data).notes)


def test_a_gain_map_in_avif_is_told() -> None:
    data = made.with_item(made.avif(), b"tmap")
    assert GAIN_MAP_NOTE in ancillary_of(data, "avif").notes
    assert ancillary_of(made.avif(), "avif").notes == ()


@pytest.mark.parametrize(
    "data",
    [
        made.tiff(),
        made.tiff(bigtiff=True, byteorder=">"),
        made.tiff(rowsperstrip=1),
        made.tiff(tile=(16, 16), compression="zlib"),
        made.tiff((305, 2, 0, "a program" * 40)),
        samples.tiff_with_subifd(samples.gradient(3, np.uint8)),
        samples.tiff_pages(samples.gradient(3, np.uint8), 1),
        samples.tiff_with_exif(samples.exif()[6:]),
        samples.saved(Image.new("RGB", (40, 30)), "TIFF", compression="jpeg"),
    ],
)
def test_what_a_tiff_refers_to_is_not_behind_it(data: bytes) -> None:
    told = "11 bytes behind the picture dropped"
    assert not any("behind" in note for note in ancillary_of(data, "tiff").notes)
    assert told in ancillary_of(data + b"not of this", "tiff").notes


def test_a_tiff_whose_strips_have_no_lengths_has_nothing_behind() -> None:
    data = bytearray(made.tiff())
    place = data.index(struct.pack("<HH", 279, 4 if struct.pack("<HH", 279, 4) in data else 3))
    data[place : place + 2] = struct.pack("<H", 280)
    assert not any("behind" in n for n in ancillary_of(bytes(data) + b"tables", "tiff").notes)


def test_chunks_behind_the_end_that_a_webp_tells_are_read() -> None:
    plain = samples.saved(Image.new("RGB", (9, 9)), "WEBP")
    assert ancillary_of(plain + made.riff_chunk(b"XMP ", b"a packet"), "webp").xmp == b"a packet"


def test_damage_in_the_exif_of_a_tiff_is_told() -> None:
    exif = block({271: ascii_value("Maker")}, {0xA002: longs(5), 0xA003: longs(4)}).data
    pointer = exif.index(struct.pack("<HHI", 34665, 4, 1)) + 8
    kind = exif.index(struct.pack("<HHI", 0xA002, 4, 1)) + 2
    for place, words in ((pointer, b"\xff\xff\xff\x7f"), (kind, b"\xff\xff")):
        spoilt = exif[:place] + words + exif[place + len(words) :]
        notes = ancillary_of(samples.tiff_with_exif(spoilt), "tiff").notes
        assert any("EXIF" in note and "dropped" in note for note in notes), (place, notes)


def test_zeros_behind_a_picture_are_nothing() -> None:
    files = {"png": made.png(), "ppm": made.ppm(), "bmp": made.bmp(1), "webp": made.webp()}
    files |= {"avif": made.avif(), "tiff": made.tiff()}
    for kind, data in files.items():
        assert ancillary_of(data + bytes(512), kind).notes == ()
        assert ancillary_of(data + b"more", kind).notes == ("4 bytes behind the picture dropped",)
