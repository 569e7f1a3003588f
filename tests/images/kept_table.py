"""What becomes of each kind of metadata in each format: a file of every pair, restored.

python -m tests.images.format_table prints the table for docs/formats.md.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import NamedTuple

import imagecodecs
import numpy as np

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode, losses
from restoreflow.images.picture import Metadata
from tests.images import containers as made
from tests.images import samples
from tests.images.tag_blocks import Value, ascii_value, block, longs, shorts

__all__ = ["KINDS", "Kind", "files", "outcome"]

TIMES = 2
WORDS = "said here: Žižek"
NOTE = b"Maker\x00\x00\x00" + bytes(range(40))
EXIF = block({270: ascii_value(WORDS)}, {37500: Value(7, NOTE)})
THUMBNAIL = block({270: ascii_value(WORDS)}, thumbnail=b"\xff\xd8\xffold\xff\xd9").data
SIZES = block({271: ascii_value("Maker")}, {0xA002: longs(samples.WIDTH)}).data
ADOBE_RGB = block(
    {271: ascii_value("Maker")}, {0xA001: shorts(65535)}, interop={1: ascii_value("R03")}
).data
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    "{}</rdf:RDF></x:xmpmeta>"
)
XMP = RDF.format(f'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="{WORDS}"/>').encode()
XMP_SIZE = RDF.format(
    f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:ImageWidth="{samples.WIDTH}"/>'
).encode()
PROMISE = RDF.format(
    'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"/>'
).encode()
EXTENSION = RDF.format('xmlns:a="urn:a" a:long="said further on"/>').encode()
IPTC = b"\x1c\x02\x78\x00\x05hello\x1c\x02\x19\x00\x03dog"
VIDEO = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + b"moving" * 20
BEHIND = b"PK\x03\x04an archive"
CREDENTIALS = made.box(b"jumb", b"c2pa" + bytes(28))


class Kind(NamedTuple):
    """A kind of metadata: whether a result has it, and by what word else a note tells of it."""

    kept: Callable[[Metadata, bytes], bool]
    word: str


def _never(_: Metadata, __: bytes) -> bool:
    return False


def _exif_with(data: bytes) -> Callable[[Metadata, bytes], bool]:
    return lambda metadata, _: data in (metadata.exif or b"")


def _xmp_with(data: bytes) -> Callable[[Metadata, bytes], bool]:
    return lambda metadata, _: data in (metadata.xmp or b"")


def _same_note(metadata: Metadata, _: bytes) -> bool:
    place = 6 + EXIF.maker_note
    return (metadata.exif or b"")[place : place + len(NOTE)] == NOTE


def _new_size(metadata: Metadata, _: bytes) -> bool:
    details = samples.parsed(metadata.exif).get_ifd(34665)
    return details.get(0xA002) == TIMES * samples.WIDTH


KINDS: dict[str, Kind] = {
    "ICC profile": Kind(lambda m, _: m.icc == samples.display_p3(), "profile"),
    "profile with no way back": Kind(_never, "no way back"),
    "colours by code points": Kind(lambda m, _: m.icc is not None, "colours told"),
    "HDR by code points": Kind(lambda m, _: m.coding is not None, "HDR"),
    "colours by gamma or primaries": Kind(lambda m, _: m.icc is not None, "colours told"),
    "EXIF": Kind(_exif_with(WORDS.encode()), "EXIF"),
    "MakerNote": Kind(_same_note, "MakerNote"),
    "sizes in EXIF": Kind(_new_size, "EXIF"),
    "EXIF thumbnail": Kind(_never, "thumbnail"),
    "damaged EXIF": Kind(_never, "EXIF could not be read"),
    "XMP": Kind(_xmp_with(WORDS.encode()), "XMP"),
    "sizes in XMP": Kind(_xmp_with(b'Width="%d"' % (TIMES * samples.WIDTH)), "XMP"),
    "gain map or video in XMP": Kind(_never, "XMP freed of what it says of a gain map"),
    "damaged XMP": Kind(_never, "XMP is damaged"),
    "extended XMP": Kind(lambda m, _: m.xmp_extension == EXTENSION, "extended XMP"),
    "IPTC": Kind(lambda m, _: m.iptc == IPTC, "IPTC"),
    "texts, comments": Kind(lambda m, _: any(t.text == WORDS for t in m.texts), "text"),
    "resolution": Kind(lambda m, _: m.dpi is not None and abs(m.dpi[0] - 300) < 0.1, "resolution"),
    "place on the earth": Kind(lambda m, _: len(m.geo) == 3, "GeoTIFF"),
    "gain map": Kind(_never, "gain map (HDR) dropped"),
    "motion video": Kind(_never, "video"),
    "further pictures": Kind(_never, "read"),
    "layers, records of pixels": Kind(_never, "dropped"),
    "content credentials": Kind(_never, "C2PA"),
    "a second block of a kind": Kind(_never, "second"),
    "bytes behind the picture": Kind(_never, "behind the picture"),
    "anything else": Kind(_never, "not carried"),
}


@functools.lru_cache(maxsize=1)
def files() -> dict[tuple[str, str], bytes]:
    """A file of each pair of kind and format that exists."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the damaged blocks it is given to write
        return _files()


def _files() -> dict[tuple[str, str], bytes]:
    table = {("png", k): v for k, v in _png().items()} | {
        ("jpeg", k): v for k, v in _jpeg().items()
    }
    table |= {("webp", k): v for k, v in _webp().items()}
    table |= {("avif", k): v for k, v in _boxed(made.avif).items()}
    table |= {("tiff", k): v for k, v in _tiff().items()}
    table |= {("bmp", k): v for k, v in _bmp().items()}
    table |= {("gif", k): v for k, v in _gif().items()}
    table[("ppm", "texts, comments")] = made.ppm(WORDS)
    table[("ppm", "bytes behind the picture")] = made.ppm(WORDS) + BEHIND
    table[("ppm", "further pictures")] = made.ppm(WORDS) * 2
    if samples.installed("pillow_heif"):
        table |= {("heif", k): v for k, v in _boxed(made.heif).items()}
        two = made.heif(second=True)
        table[("heif", "further pictures")] = two
        place = two.rindex(b"hvc1", 0, two.index(b"iprp"))
        table[("heif", "gain map")] = two[:place] + b"tmap" + two[place + 4 :]
    if samples.installed("pillow_jxl"):
        table |= {("jxl", k): v for k, v in _jxl().items()}
    return table


def outcome(format: str, kind: str, target: str | None = None) -> str:
    """ "kept", "told" or "–" (the format has no such thing); "lost" is what must not be.

    Args:
        target: the format of the result; None: what the command chooses by itself.
    """
    data = files().get((format, kind))
    if data is None:
        return "–"
    picture = decode(data)
    larger = picture.pixels.repeat(TIMES, axis=0).repeat(TIMES, axis=1)
    restored = picture.with_pixels(larger)
    result = encode(restored, target)
    row = KINDS[kind]
    if row.kept(decode(result).metadata, result):
        return "kept"
    notes = " ".join((*picture.notes, *losses(restored, target)))
    return "told" if row.word in notes else "lost"


def _blocks(exif: str, xmp: str, options: Callable[..., bytes]) -> dict[str, bytes]:
    """The kinds that are an EXIF block or an XMP packet; the names are of the two options."""
    prefix = b"Exif\x00\x00"
    return {
        "EXIF": options(**{exif: prefix + EXIF.data}),
        "MakerNote": options(**{exif: prefix + EXIF.data}),
        "sizes in EXIF": options(**{exif: prefix + SIZES}),
        "EXIF thumbnail": options(**{exif: prefix + THUMBNAIL}),
        "XMP": options(**{xmp: XMP}),
        "sizes in XMP": options(**{xmp: XMP_SIZE}),
        "gain map or video in XMP": options(**{xmp: PROMISE}),
        "damaged XMP": options(**{xmp: b"<x:xmpmeta><broken"}),
    }


def _png() -> dict[str, bytes]:
    chunk, png = made.png_chunk, made.png

    def with_blocks(exif: bytes = b"", xmp: bytes = b"") -> bytes:
        text = b"XML:com.adobe.xmp" + bytes(5) + xmp
        chunks = [chunk(b"eXIf", exif[6:])] if exif else [chunk(b"iTXt", text)]
        return png(*chunks, behind=True)

    iptc = zlib.compress(f"\niptc\n{len(IPTC)}\n{IPTC.hex()}".encode())
    frames = [chunk(b"acTL", struct.pack(">II", 2, 0))]
    return _blocks("exif", "xmp", with_blocks) | {
        "damaged EXIF": png(chunk(b"eXIf", b"II*\x00\xff\xff\xff\x7f")),
        "ICC profile": png(icc_profile=samples.display_p3()),
        "profile with no way back": png(icc_profile=samples.scanner_profile()),
        "colours by code points": png(chunk(b"cICP", bytes((12, 13, 0, 1)))),
        "HDR by code points": png(chunk(b"cICP", bytes((9, 16, 0, 1))), sixteen=True),
        "colours by gamma or primaries": png(chunk(b"gAMA", struct.pack(">I", 100_000))),
        "IPTC": png(chunk(b"zTXt", b"Raw profile type iptc\x00\x00" + iptc)),
        "texts, comments": png(chunk(b"iTXt", b"Title" + bytes(5) + WORDS.encode())),
        "resolution": png(dpi=(300, 300)),
        "content credentials": png(chunk(b"caBX", CREDENTIALS)),
        "further pictures": png(*frames),
        "a second block of a kind": png(chunk(b"eXIf", EXIF.data), chunk(b"eXIf", SIZES)),
        "bytes behind the picture": png() + BEHIND,
        "anything else": png(chunk(b"tIME", bytes(7))),
    }


def _jpeg() -> dict[str, bytes]:
    segment, jpeg = made.segment, made.jpeg
    resources = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(IPTC)) + IPTC
    name = hashlib.md5(EXTENSION).hexdigest().upper().encode()
    note = 'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP='
    main = RDF.format(f'{note}"{name.decode()}"/>').encode()
    further = b"http://ns.adobe.com/xmp/extension/\x00" + name
    further += struct.pack(">II", len(EXTENSION), 0) + EXTENSION
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + PROMISE)
    other = samples.saved(samples.picture(), "JPEG")
    return _blocks("exif", "xmp", jpeg) | {
        "damaged EXIF": jpeg(exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"),
        "ICC profile": jpeg(icc_profile=samples.display_p3()),
        "profile with no way back": jpeg(icc_profile=samples.scanner_profile()),
        "colours by gamma or primaries": jpeg(exif=b"Exif\x00\x00" + ADOBE_RGB),
        "extended XMP": jpeg(segment(0xE1, further), xmp=main),
        "IPTC": jpeg(segment(0xED, resources)),
        "texts, comments": jpeg(segment(0xFE, WORDS.encode())),
        "resolution": jpeg(dpi=(300, 300)),
        "gain map": jpeg(packet, behind=other),
        "motion video": jpeg(packet, behind=VIDEO),
        "further pictures": jpeg(behind=other),
        "layers, records of pixels": jpeg(
            segment(0xED, b"Photoshop 3.0\x008BIM\x04\x0c\x00\x00" + struct.pack(">I", 4) + b"old!")
        ),
        "a second block of a kind": jpeg(
            segment(0xE1, b"Exif\x00\x00" + SIZES), exif=b"Exif\x00\x00" + EXIF.data
        ),
        "bytes behind the picture": jpeg(behind=BEHIND),
        "content credentials": jpeg(segment(0xEB, b"JP\x00\x01\x00\x00\x00\x01" + CREDENTIALS)),
        "anything else": jpeg(segment(0xE5, b"Ducky\x00" + bytes(9))),
    }


def _webp() -> dict[str, bytes]:
    webp = made.webp
    return _blocks("exif", "xmp", webp) | {
        "damaged EXIF": webp(exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"),
        "ICC profile": webp(icc_profile=samples.display_p3()),
        "profile with no way back": webp(icc_profile=samples.scanner_profile()),
        "further pictures": samples.saved(
            samples.picture(), "WEBP", save_all=True, append_images=[samples.picture(flip=True)]
        ),
        "a second block of a kind": webp(made.riff_chunk(b"XMP ", XMP_SIZE), xmp=XMP),
        "content credentials": webp(made.riff_chunk(b"C2PA", CREDENTIALS), xmp=XMP),
        "bytes behind the picture": webp() + BEHIND,
        "anything else": webp(made.riff_chunk(b"ABCD", bytes(4)), xmp=XMP),
    }


def _boxed(maker: Callable[..., bytes]) -> dict[str, bytes]:
    """AVIF's and HEIC's."""
    found = _blocks("exif", "xmp", maker) | {
        "ICC profile": maker(icc_profile=samples.display_p3()),
        "profile with no way back": maker(icc_profile=samples.scanner_profile()),
        "motion video": maker(made.box(b"mpvd", VIDEO)),
        "content credentials": maker(made.box(b"uuid", bytes(16) + CREDENTIALS)),
        "bytes behind the picture": maker() + BEHIND,
        "anything else": maker(made.box(b"sefd", bytes(16))),
    }
    plain = found["EXIF"]
    place = plain.index(EXIF.data)
    found["damaged EXIF"] = plain[: place + 4] + b"\xff\xff\xff\x7f" + plain[place + 8 :]
    if b"colrnclx" in plain:
        found["colours by code points"] = made.with_code_points(plain, 12, 13)
        found["HDR by code points"] = made.with_code_points(plain, 9, 16)
    if maker is made.avif:
        found["further pictures"] = samples.saved(
            samples.picture(), "AVIF", save_all=True, append_images=[samples.picture(flip=True)]
        )
    return found


def _tiff() -> dict[str, bytes]:
    tiff = made.tiff

    def with_blocks(exif: bytes = b"", xmp: bytes = b"") -> bytes:
        if xmp:
            return tiff((700, 1, len(xmp), xmp))
        return samples.tiff_with_exif(exif[6:])

    found = _blocks("exif", "xmp", with_blocks)
    scale = (33550, 12, 3, (0.5, 0.5, 0.0))
    tie = (33922, 12, 6, (0.0, 0.0, 0.0, 100.0, 200.0, 0.0))
    keys = (34735, 3, 8, (1, 1, 0, 1, 1025, 0, 1, 1))
    imagej = "ImageJ=1.11a\nimages=2\nslices=2\n"
    pointer = SIZES.index(struct.pack("<HHI", 34665, 4, 1)) + 8
    lost = SIZES[:pointer] + b"\xff\xff\xff\x7f" + SIZES[pointer + 4 :]
    return found | {
        "EXIF thumbnail": samples.tiff_pages(samples.gradient(3, np.uint8), 1),
        "ICC profile": tiff(iccprofile=samples.display_p3()),
        "profile with no way back": tiff(iccprofile=samples.scanner_profile()),
        "colours by gamma or primaries": tiff(
            (318, 5, 2, (3127, 10000, 3290, 10000)),
            (319, 5, 6, (68, 100, 32, 100, 265, 1000, 69, 100, 15, 100, 6, 100)),
        ),
        "IPTC": tiff((33723, 7, len(IPTC), IPTC)),
        "resolution": tiff(resolution=(300, 300), resolutionunit="INCH"),
        "place on the earth": tiff(scale, tie, keys),
        "layers, records of pixels": tiff((270, 2, 0, imagej)),
        "content credentials": tiff((700, 1, 44, CREDENTIALS + b"caBXcaBX")),
        "damaged EXIF": samples.tiff_with_exif(lost),
        "further pictures": samples.tiff_with_subifd(samples.gradient(3, np.uint8)),
        "bytes behind the picture": tiff() + BEHIND,
        "anything else": tiff((51706, 3, 3, (1, 2, 3))),
    }


def _bmp() -> dict[str, bytes]:
    points = [round(each * 2**30) for each in samples.END_POINTS]
    calibrated = struct.pack("<9i3I", *points, *[65536] * 3)
    return {
        "ICC profile": made.bmp(0x4D424544, profile=samples.display_p3()),
        "profile with no way back": made.bmp(0x4D424544, profile=samples.scanner_profile()),
        "colours by gamma or primaries": made.bmp(0, calibrated),
        "resolution": samples.saved(samples.picture(), "BMP", dpi=(300, 300)),
        "bytes behind the picture": samples.saved(samples.picture(), "BMP") + BEHIND,
    }


def _gif() -> dict[str, bytes]:
    block = made.gif_block
    trailer = bytes((1, *range(255, -1, -1)))

    def with_xmp(packet: bytes) -> bytes:
        return made.gif(b"\x21\xff\x0bXMP DataXMP" + packet + trailer + b"\x00")

    return {
        "ICC profile": made.gif(block(0xFF, samples.display_p3(), b"ICCRGBG1012")),
        "profile with no way back": made.gif(
            block(0xFF, samples.scanner_profile(), b"ICCRGBG1012")
        ),
        "XMP": with_xmp(XMP),
        "sizes in XMP": with_xmp(XMP_SIZE),
        "gain map or video in XMP": with_xmp(PROMISE),
        "damaged XMP": with_xmp(b"<x:xmpmeta><broken"),
        "texts, comments": made.gif(block(0xFE, WORDS.encode())),
        "further pictures": samples.files()["gif animated"][0],
        "a second block of a kind": made.gif(
            block(0xFF, b"data", b"SOMEPROG1.0") + block(0xFF, b"more", b"SOMEPROG1.0")
        ),
        "bytes behind the picture": made.gif(b"") + BEHIND,
        "anything else": made.gif(block(0xFF, b"data", b"SOMEPROG1.0")),
    }


def _jxl() -> dict[str, bytes]:
    box, jxl = made.box, made.jxl

    def with_blocks(exif: bytes = b"", xmp: bytes = b"") -> bytes:
        kind, content = (b"Exif", bytes(4) + exif[6:]) if exif else (b"xml ", xmp)
        return jxl(box(b"brob", kind + imagecodecs.brotli_encode(content)))

    return _blocks("exif", "xmp", with_blocks) | {
        "damaged EXIF": jxl(box(b"Exif", bytes(4) + b"II*\x00\xff\xff\xff\x7f")),
        "further pictures": imagecodecs.jpegxl_encode(
            np.stack([np.full((8, 8, 3), each, np.uint8) for each in (0, 200)])
        ),
        "a second block of a kind": jxl(box(b"xml ", XMP), box(b"xml ", XMP_SIZE)),
        "ICC profile": samples.jxl_of_jpeg(samples.display_p3(), XMP)[1],
        "profile with no way back": samples.jxl_of_jpeg(samples.scanner_profile(), XMP)[1],
        "gain map": jxl(box(b"jhgm", bytes(20))),
        "bytes behind the picture": imagecodecs.jpegxl_encode(made.PIXELS) + BEHIND,
        "content credentials": jxl(box(b"jumb", b"c2pa" + bytes(20) + b"jumb")),
        "anything else": jxl(box(b"abcd", bytes(4))),
    }
