"""Small pictures, and files of every kind a reader must take, made here."""

from __future__ import annotations

import functools
import importlib.util
import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

HEIGHT, WIDTH = 13, 21


def gradient(channels: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Smooth samples (H, W) or (H, W, C) that use the whole range and differ in every channel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [
        np.abs(np.sin(0.11 * x * (c + 1) + 0.07 * y + c)) * 0.95 + 0.05 * (x / WIDTH)
        for c in range(channels)
    ]
    values = np.stack(planes, axis=-1)[..., 0 if channels == 1 else slice(None)]
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def tiff(samples: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, metadata=None, **options)
    return buffer.getvalue()


def deep_avif(channels: int, bits: int) -> bytes:
    """`gradient` without loss but for its last bits."""
    values = gradient(channels, np.uint16) >> 16 - bits
    return bytes(imagecodecs.avif_encode(values, bitspersample=bits, level=100))


@functools.lru_cache(maxsize=1)
def display_p3() -> bytes:
    """An RGB profile with Display P3's primaries and a plain gamma of 2.2."""
    return imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.3290],
        primaries=[0.680, 0.320, 0.265, 0.690, 0.150, 0.060],
        gamma=2.2,
    )


def adobe_rgb() -> bytes:
    return imagecodecs.cms_profile("adobergb")


def srgb() -> bytes:
    return imagecodecs.cms_profile("srgb")


def gray_gamma(gamma: float = 1.8) -> bytes:
    return imagecodecs.cms_profile("gray", gamma=gamma)


def cmyk_profile() -> bytes:
    """A CMYK profile of one table with two grid points an ink: Lab falls in L with every ink.

    Cyan, magenta and yellow also move a and b, so that the channels cannot be confused.
    """
    entries = []
    for index in range(16):
        c, m, y, k = ((index >> (3 - bit)) & 1 for bit in range(4))
        lightness = max(0.0, 1 - 0.25 * (c + m + y) - 0.9 * k)
        a, b = 0.5 + 0.1 * (m - c) * (1 - k), 0.5 + 0.1 * (y - 0.5 * c) * (1 - k)
        # lut16's Lab: 0xFF00 is L = 100, 0x8000 is a = b = 0
        entries += [round(v * s) for v, s in ((lightness, 0xFF00), (a, 0x10000), (b, 0x10000))]
    return _table_profile(b"prtr", b"CMYK", 4, entries)


def _table_profile(kind: bytes, space: bytes, channels: int, entries: list[int]) -> bytes:
    identity = (65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft2\0\0\0\0" + struct.pack(">BBBx", channels, 3, 2)
    table += struct.pack(">9i", *identity)
    table += struct.pack(">HH", 2, 2) + struct.pack(">2H", 0, 65535) * channels
    table += struct.pack(f">{len(entries)}H", *(min(each, 65535) for each in entries))
    table += struct.pack(">2H", 0, 65535) * 3
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags, body, place = [], b"", 128 + 4 + 12 * 3
    for name, payload in ((b"desc", text), (b"wtpt", white), (b"A2B0", table)):
        payload += bytes(-len(payload) % 4)
        tags.append(name + struct.pack(">II", place + len(body), len(payload)))
        body += payload
    size = place + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, kind, space, b"Lab ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + b"".join(tags) + body


def scanner_profile() -> bytes:
    """An RGB profile of one table with a way in alone: Lab's L is the mean, a and b differences."""
    entries = []
    for index in range(8):
        r, g, b = ((index >> (2 - bit)) & 1 for bit in range(3))
        entries += [round((r + g + b) / 3 * 0xFF00)]
        entries += [round((0.5 + 0.1 * each) * 0x10000) for each in (r - g, g - b)]
    return _table_profile(b"scnr", b"RGB ", 3, entries)


def picture(flip: bool = False) -> Image.Image:
    """The gradient in colours."""
    pixels = gradient(3, np.uint8)
    return Image.fromarray(pixels[::-1] if flip else pixels)


# Of Display P3, as CIE XYZ of red, green and blue.
END_POINTS = (0.4866, 0.2290, 0.0, 0.2657, 0.6917, 0.0451, 0.1982, 0.0793, 1.0439)


def tiff_with_exif(block: bytes) -> bytes:
    """An EXIF block as a TIFF file of a picture: the block first, the pixels behind it."""
    order = "<" if block[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    pixels = gradient(3, np.uint8).tobytes()
    place = len(block) + len(block) % 2
    tags = [(256, WIDTH), (257, HEIGHT), (259, 1), (262, 2), (273, place), (277, 3)]
    tags += [(278, HEIGHT), (279, len(pixels))]
    entries = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags]
    entries.append(struct.pack(order + "HHIHH", 258, 3, 1, 8, 0))
    entries += [block[first + 2 + 12 * i : first + 14 + 12 * i] for i in range(count)]
    entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry)[0])
    data = block.ljust(place, b"\0") + pixels
    data += bytes(len(data) % 2)
    head = block[:4] + struct.pack(order + "I", len(data))
    return head + data[8:] + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def tiff_pages(page: np.ndarray, subfiletype: int) -> bytes:
    """A TIFF file of a page and a second one of half its size, of some kind."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(page, metadata=None)
        writer.write(page[::2, ::2], metadata=None, subfiletype=subfiletype)
    return buffer.getvalue()


def tiff_with_subifd(page: np.ndarray) -> bytes:
    """A TIFF file of a page that has one of half its size below it."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(page, metadata=None, subifds=1)
        writer.write(page[::2, ::2], metadata=None, subfiletype=1)
    return buffer.getvalue()


def tiff_tags(data: bytes) -> dict[int, Any]:
    """The tags of a TIFF file's first page, by tifffile, as an oracle."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return {tag.code: tag.value for tag in file.pages.first.tags}


def parsed(block: bytes | None) -> Image.Exif:
    """An EXIF block as Pillow reads it, as an oracle."""
    exif = Image.Exif()
    exif.load(block or b"")
    return exif


def exif(orientation: int = 1, thumbnail: bool = False, width: int = WIDTH) -> bytes:
    """EXIF with a camera, a date, a position and the picture's width."""
    block = Image.Exif()
    block[ExifTags.Base.Make] = "Maker"
    block[ExifTags.Base.Orientation] = orientation
    details = block.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2020:02:03 04:05:06"
    details[ExifTags.Base.ExposureTime] = IFDRational(1, 250)
    details[ExifTags.Base.ExifImageWidth] = width
    place = block.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.5)
    data = block.tobytes()
    return _with_thumbnail(data) if thumbnail else data


def _with_thumbnail(data: bytes) -> bytes:
    # A second directory (IFD1), pointed to from the end of the first, with a JPEG at its end.
    order = "<" if data[6:8] == b"II" else ">"
    first = struct.unpack_from(order + "I", data, 10)[0]
    count = struct.unpack_from(order + "H", data, 6 + first)[0]
    link = 6 + first + 2 + 12 * count
    data += bytes(len(data) % 2)
    place = len(data) - 6
    jpeg = saved(Image.new("RGB", (8, 8)), "JPEG")
    entries = struct.pack(order + "HHII", 0x0201, 4, 1, place + 2 + 24 + 4)
    entries += struct.pack(order + "HHII", 0x0202, 4, 1, len(jpeg))
    directory = struct.pack(order + "H", 2) + entries + bytes(4) + jpeg
    return data[:link] + struct.pack(order + "I", place) + data[link + 4 :] + directory


def _palette(transparent: bool) -> Image.Image:
    image = Image.fromarray(gradient(3, np.uint8)).quantize(32)
    if transparent:
        image.info["transparency"] = 5
    return image


def _cmyk() -> Image.Image:
    return Image.frombytes("CMYK", (WIDTH, HEIGHT), gradient(4, np.uint8).tobytes())


def _pil(channels: int) -> Image.Image:
    return Image.fromarray(gradient(channels, np.uint8))


def _png16(channels: int) -> bytes:
    return bytes(imagecodecs.png_encode(gradient(channels, np.uint16)))


def _ppm16() -> bytes:
    samples = gradient(3, np.uint16)
    return b"P6\n# made here\n%d %d\n65535\n" % (WIDTH, HEIGHT) + samples.astype(">u2").tobytes()


def _ppm16_text() -> bytes:
    numbers = " ".join(str(v) for v in gradient(3, np.uint16).ravel())
    return b"P3 %d %d 65535\n" % (WIDTH, HEIGHT) + numbers.encode()


def _tiff12() -> bytes:
    # Two samples in three bytes, rows from whole bytes, as scanners write them.
    values = np.rint(gradient(1, np.uint16) / 65535 * 4095).astype(np.uint32)
    values = np.pad(values, ((0, 0), (0, values.shape[1] % 2))).reshape(HEIGHT, -1, 2)
    words = values[..., 0] << 12 | values[..., 1]
    rows = np.stack([words >> 16, words >> 8, words], axis=-1).astype(np.uint8)
    strip = rows.reshape(HEIGHT, -1)[:, : (WIDTH * 12 + 7) // 8].tobytes()
    tags = [(256, WIDTH), (257, HEIGHT), (258, 12), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, HEIGHT), (279, len(strip))]
    place = 8 + len(strip) + len(strip) % 2
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    body = strip.ljust(place - 8, b"\0") + struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", place) + body


def files() -> dict[str, tuple[bytes, str, bool, bool, int, np.ndarray | None]]:
    """name -> (bytes, format, grayscale, has alpha, bit depth, samples where they are exact)."""
    u8, u16 = np.uint8, np.uint16
    one_bit = gradient(1, u8) > 127
    real = gradient(3, u16).astype(np.float32) / 65535
    table: dict[str, tuple[bytes, str, bool, bool, int, np.ndarray | None]] = {
        "png 1": (saved(Image.fromarray(one_bit), "PNG"), "png", True, False, 8, one_bit),
        "png gray": (saved(_pil(1), "PNG"), "png", True, False, 8, gradient(1, u8)),
        "png gray alpha": (saved(_pil(2), "PNG"), "png", True, True, 8, gradient(2, u8)),
        "png rgb": (saved(_pil(3), "PNG"), "png", False, False, 8, gradient(3, u8)),
        "png rgba": (saved(_pil(4), "PNG"), "png", False, True, 8, gradient(4, u8)),
        "png palette": (saved(_palette(False), "PNG"), "png", False, False, 8, None),
        "png palette transparent": (saved(_palette(True), "PNG"), "png", False, True, 8, None),
        "png gray transparent value": (
            saved(_pil(1), "PNG", transparency=int(gradient(1, u8)[0, 0])),
            *("png", True, True, 8, None),
        ),
        "png 16 gray": (_png16(1), "png", True, False, 16, gradient(1, u16)),
        "png 16 gray alpha": (_png16(2), "png", True, True, 16, gradient(2, u16)),
        "png 16 rgb": (_png16(3), "png", False, False, 16, gradient(3, u16)),
        "png 16 rgba": (_png16(4), "png", False, True, 16, gradient(4, u16)),
        "jpeg gray": (saved(_pil(1), "JPEG"), "jpeg", True, False, 8, None),
        "jpeg rgb": (saved(_pil(3), "JPEG"), "jpeg", False, False, 8, None),
        "jpeg progressive": (
            saved(_pil(3), "JPEG", progressive=True),
            *("jpeg", False, False, 8, None),
        ),
        "jpeg cmyk": (saved(_cmyk(), "JPEG"), "jpeg", False, False, 8, None),
        "webp lossy": (saved(_pil(3), "WEBP"), "webp", False, False, 8, None),
        "webp lossless": (
            saved(_pil(3), "WEBP", lossless=True),
            *("webp", False, False, 8, gradient(3, u8)),
        ),
        "webp rgba": (
            saved(_pil(4), "WEBP", lossless=True, exact=True),
            *("webp", False, True, 8, gradient(4, u8)),
        ),
        "avif rgb": (saved(_pil(3), "AVIF"), "avif", False, False, 8, None),
        "avif deep gray": (deep_avif(1, 10), "avif", True, False, 16, None),
        "avif deep rgb": (deep_avif(3, 10), "avif", False, False, 16, None),
        "avif deep rgba": (deep_avif(4, 12), "avif", False, True, 16, None),
        "avif rgba": (saved(_pil(4), "AVIF"), "avif", False, True, 8, None),
        "bmp rgb": (saved(_pil(3), "BMP"), "bmp", False, False, 8, gradient(3, u8)),
        "bmp 1": (saved(Image.fromarray(one_bit), "BMP"), "bmp", True, False, 8, one_bit),
        "gif": (saved(_palette(False), "GIF"), "gif", False, False, 8, None),
        "gif gray": (saved(_pil(1), "GIF"), "gif", True, False, 8, gradient(1, u8)),
        "gif transparent": (
            saved(_palette(True), "GIF", transparency=5),
            *("gif", False, True, 8, None),
        ),
        "gif animated": (
            saved(_palette(False), "GIF", save_all=True, append_images=[_pil(3).quantize(8)]),
            *("gif", False, False, 8, None),
        ),
        "ppm rgb": (saved(_pil(3), "PPM"), "ppm", False, False, 8, gradient(3, u8)),
        "ppm gray": (saved(_pil(1), "PPM"), "ppm", True, False, 8, gradient(1, u8)),
        "ppm 16 rgb": (_ppm16(), "ppm", False, False, 16, gradient(3, u16)),
        "ppm 16 rgb text": (_ppm16_text(), "ppm", False, False, 16, gradient(3, u16)),
        "ppm 16 gray": (
            b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + gradient(1, u16).astype(">u2").tobytes(),
            *("ppm", True, False, 16, gradient(1, u16)),
        ),
        "tiff 1": (saved(Image.fromarray(one_bit), "TIFF"), "tiff", True, False, 8, one_bit),
        "tiff gray": (tiff(gradient(1, u8)), "tiff", True, False, 8, gradient(1, u8)),
        "tiff rgb": (tiff(gradient(3, u8)), "tiff", False, False, 8, gradient(3, u8)),
        "tiff rgb lzw": (
            saved(_pil(3), "TIFF", compression="tiff_lzw"),
            *("tiff", False, False, 8, gradient(3, u8)),
        ),
        "tiff rgba": (
            tiff(gradient(4, u8), photometric="rgb", extrasamples=["unassalpha"]),
            *("tiff", False, True, 8, gradient(4, u8)),
        ),
        "tiff cmyk": (saved(_cmyk(), "TIFF"), "tiff", False, False, 8, None),
        "tiff palette": (saved(_palette(False), "TIFF"), "tiff", False, False, 8, None),
        "tiff 16 gray": (tiff(gradient(1, u16)), "tiff", True, False, 16, gradient(1, u16)),
        "tiff 16 rgb": (tiff(gradient(3, u16)), "tiff", False, False, 16, gradient(3, u16)),
        "tiff 16 rgb big-endian lzw": (
            tiff(gradient(3, u16), byteorder=">", compression="lzw", predictor=True),
            *("tiff", False, False, 16, gradient(3, u16)),
        ),
        "tiff 16 rgb planes": (
            tiff(gradient(3, u16).transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
            *("tiff", False, False, 16, gradient(3, u16)),
        ),
        "tiff 16 rgba tiles": (
            tiff(gradient(4, u16), photometric="rgb", extrasamples=["unassalpha"], tile=(16, 16)),
            *("tiff", False, True, 16, gradient(4, u16)),
        ),
        "tiff 16 white is zero": (
            tiff(65535 - gradient(1, u16), photometric="miniswhite"),
            *("tiff", True, False, 16, gradient(1, u16)),
        ),
        "tiff 16 cmyk": (
            tiff(gradient(4, u16), photometric="separated"),
            *("tiff", False, False, 16, None),
        ),
        "tiff 12 gray": (_tiff12(), "tiff", True, False, 16, gradient(1, u16)),
        "tiff jpeg": (
            saved(_pil(3), "TIFF", compression="jpeg"),
            *("tiff", False, False, 8, None),
        ),
        "tiff fax": (
            saved(Image.fromarray(one_bit), "TIFF", compression="group4"),
            *("tiff", True, False, 8, one_bit),
        ),
        "tiff big": (tiff(gradient(3, u16), bigtiff=True), "tiff", False, False, 16, None),
        "tiff float": (tiff(real, photometric="rgb"), "tiff", False, False, 16, gradient(3, u16)),
        "tiff half float gray": (
            tiff(real[..., 0].astype(np.float16)),
            "tiff",
            True,
            False,
            16,
            None,
        ),
    }
    return table


def files_of_extras() -> dict[str, tuple[bytes, str, bool, bool, int, np.ndarray | None]]:
    """As `files`, of the formats whose readers are extras, as far as these are installed."""
    u8, u16 = np.uint8, np.uint16
    table: dict[str, tuple[bytes, str, bool, bool, int, np.ndarray | None]] = {}
    if installed("pillow_heif"):
        table |= {
            "heif rgb": (heif(gradient(3, u8), "RGB"), "heif", False, False, 8, None),
            "heif rgba": (heif(gradient(4, u8), "RGBA"), "heif", False, True, 8, None),
            "heif gray": (heif(gradient(1, u8), "L"), "heif", True, False, 8, None),
            "heif 10 rgb": (heif(gradient(3, u16), "RGB;16"), "heif", False, False, 16, None),
        }
    if installed("pillow_jxl"):
        for name, samples, gray, alpha, depth in (
            ("rgb", gradient(3, u8), False, False, 8),
            ("rgba", gradient(4, u8), False, True, 8),
            ("gray", gradient(1, u8), True, False, 8),
            ("16 rgb", gradient(3, u16), False, False, 16),
            ("16 rgba", gradient(4, u16), False, True, 16),
        ):
            data = bytes(imagecodecs.jpegxl_encode(samples, lossless=True))
            # imagecodecs tags 16-bit samples as linear light, so that reading converts them.
            exact = samples if depth == 8 else None
            table[f"jxl {name}"] = (data, "jxl", gray, alpha, depth, exact)
    return table


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def heif(samples: np.ndarray, mode: str, **options: Any) -> bytes:
    """A HEIC file as near to the samples as the format comes."""
    import pillow_heif

    height, width = samples.shape[:2]
    file = pillow_heif.from_bytes(mode, (width, height), samples.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, **options)
    return buffer.getvalue()


def jxl_of_jpeg(profile: bytes, xmp: bytes) -> tuple[bytes, bytes]:
    """A JPEG file, and the same in JPEG XL's container with EXIF and XMP beside it."""
    jpeg = saved(_pil(3), "JPEG", quality=98, subsampling=0, icc_profile=profile)
    data = bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, usecontainer=True))
    for kind, payload in ((b"Exif", bytes(4) + exif()[6:]), (b"xml ", xmp)):
        data += struct.pack(">I4s", 8 + len(payload), kind) + payload
    return jpeg, data
