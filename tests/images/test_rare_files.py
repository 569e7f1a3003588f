"""Files that few programs write: read as they are meant, or said to be not supported."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.images.codecs.png import read_sixteen_bit
from restoreflow.images.decode import decode, read_size
from tests.images import containers as made
from tests.images import samples

DATA = Path(__file__).parents[1] / "data"
RGB8, RGB16 = samples.gradient(3, np.uint8), samples.gradient(3, np.uint16)
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))


def interlaced(samples: np.ndarray, kind: int, *chunks: bytes) -> bytes:
    """A 16-bit PNG by Adam7, without filters."""
    lines = b""
    for top, left, down, across in (*PASSES, (1, 0, 2, 1)):
        part = samples[top::down, left::across]
        lines += b"".join(b"\x00" + row.astype(">u2").tobytes() for row in part if row.size)
    height, width = samples.shape[:2]
    head = made.png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 1))
    pixels = made.png_chunk(b"IDAT", zlib.compress(lines))
    end = made.png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + end


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("shape", [(13, 21), (1, 1), (1, 9), (5, 1), (2, 2)])
def test_interlaced_png_of_sixteen_bits(
    kind: int, channels: int, shape: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (*shape, channels), np.uint16)
    found = read_sixteen_bit(interlaced(values, kind))
    np.testing.assert_array_equal(found.reshape(values.shape), values)
    decode(interlaced(values, kind))
    assert capfd.readouterr().err == ""


def test_a_transparent_colour_of_an_interlaced_png() -> None:
    key = made.png_chunk(b"tRNS", RGB16[0, 0].astype(">u2").tobytes())
    picture = decode(interlaced(RGB16, 2, key))
    assert picture.alpha is not None and picture.alpha[0, 0] == 0
    assert picture.alpha.mean() > 0.9


def test_what_stands_beside_pixels_and_wrong_checksums_write_nothing_to_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for data in (
        interlaced(RGB16, 2),
        made.png(made.png_chunk(b"iCCP", b"a\x00\x00broken"), sixteen=True),
        made.png(made.png_chunk(b"bKGD", b"too long" * 3), sixteen=True),
        made.png(made.png_chunk(b"eXIf", b"II*\x00\xff\xff\xff\x7f")),
    ):
        decode(data)
    plain = bytes(imagecodecs.png_encode(RGB16))
    start = plain.index(b"IDAT")
    (size,) = struct.unpack_from(">I", plain, start - 4)
    pixels = plain[start + 4 : start + size] + b"\xff"  # the last byte of the stream's checksum
    decode(plain[: start - 4] + made.png_chunk(b"IDAT", pixels) + plain[start + 8 + size :])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("samples", "options", "most", "depth"),
    [
        (RGB16 >> 4, {"bitspersample": 12}, 0.03, 16),
        (RGB16[..., 0] >> 4, {"bitspersample": 12}, 0.03, 16),
        (RGB8, {"lossless": True}, 1e-6, 8),
        (RGB16, {"lossless": True, "bitspersample": 16}, 1e-6, 16),
    ],
)
def test_jpeg_of_more_bits_or_without_loss(
    samples: np.ndarray, options: dict, most: float, depth: int
) -> None:
    data = bytes(imagecodecs.jpeg8_encode(samples, level=98, **options))
    picture = decode(data)
    largest = 4095 if options.get("bitspersample") == 12 else np.iinfo(samples.dtype).max
    expected = (samples if samples.ndim == 3 else samples[..., None]) / largest
    assert np.abs(picture.pixels - expected).mean() <= most
    assert picture.bit_depth == depth
    assert read_size(data) == (picture.width, picture.height)
    with pytest.raises(InputError, match=r"cut short|damaged"):
        decode(data[: len(data) // 2])


def test_jpeg_ls() -> None:
    picture = decode(bytes(imagecodecs.jpegls_encode(RGB16)))
    np.testing.assert_allclose(picture.pixels * 65535, RGB16, atol=0.01)


def test_arithmetic_jpeg_that_one_buffer_does_not_hold() -> None:
    # Pillow reads such files only where its buffer of 64 KiB has all the pixels' data.
    data = (DATA / "arithmetic.jpg").read_bytes()
    long = data[:2] + made.segment(0xEF, bytes(65300)) + data[2:]
    with pytest.raises(OSError, match="broken"), Image.open(io.BytesIO(long)) as image:
        image.load()
    plain = decode(DATA / "arithmetic-as-huffman.jpg")
    for each in (data, long):
        np.testing.assert_allclose(decode(each).pixels, plain.pixels, atol=2.5 / 255)
    with pytest.raises(InputError, match="cut short"):
        decode(data[:-100])


@pytest.mark.parametrize("marker", [0xC5, 0xC7, 0xCB, 0xCD])
def test_jpeg_of_other_processes_is_not_supported(marker: int) -> None:
    data = made.jpeg()
    place = data.index(b"\xff\xc0")
    with pytest.raises(InputError, match="not supported") as caught:
        decode(data[: place + 1] + bytes((marker,)) + data[place + 2 :])
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    ("compression", "most"),
    [("jpegxl", 0.02), ("webp", 0.02), ("jpeg2000", 0.02), ("zstd", 0), ("lzma", 0), ("lerc", 0)],
)
def test_tiff_of_newer_codecs(compression: str, most: float) -> None:
    buffer = io.BytesIO()
    args = {"level": 100} if compression == "webp" else {}
    tifffile.imwrite(
        buffer,
        RGB8,
        photometric="rgb",
        compression=compression,
        compressionargs=args,
        metadata=None,
    )
    picture = decode(buffer.getvalue())
    assert np.abs(picture.pixels * 255 - RGB8).mean() <= most * 255 + 1e-3


def test_tiff_with_jpeg_of_twelve_bits() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        RGB16[..., 0] >> 4,
        compression="jpeg",
        compressionargs={"level": 98, "bitspersample": 12},
        metadata=None,
    )
    bits = struct.pack("<HHI", 258, 3, 1)
    data = buffer.getvalue().replace(bits + b"\x10", bits + b"\x0c")
    picture = decode(data)
    assert np.abs(picture.pixels[..., 0] - RGB16[..., 0] / 65535).mean() < 0.03


@pytest.mark.parametrize(("tag", "value"), [(259, 60000), (259, 34892 + 1), (262, 32844), (262, 8)])
def test_tiff_of_kinds_that_are_not_supported_is_not_called_damaged(tag: int, value: int) -> None:
    data = bytearray(made.tiff())
    place = data.index(struct.pack("<HHI", tag, 3, 1)) + 8
    struct.pack_into("<H", data, place, value)
    with pytest.raises(InputError) as caught:
        decode(bytes(data))
    assert "damaged" not in str(caught.value) and "copy it again" not in str(caught.value)


@pytest.mark.parametrize(
    ("kinds", "alpha"),
    [((0, 2), 1), ((2, 0), 0), ((0, 0, 1), 2), ((0,), None), ((2,), 0), ((0, 0), None)],
)
@pytest.mark.parametrize("planes", [False, True])
def test_alpha_may_be_any_of_the_extra_samples(
    kinds: tuple[int, ...], alpha: int | None, planes: bool
) -> None:
    extra = np.stack(
        [np.full(RGB8.shape[:2], 50 + 40 * i, np.uint8) for i in range(len(kinds))], -1
    )
    values = np.concatenate([RGB8, extra], axis=2)
    data = samples.tiff(
        values.transpose(2, 0, 1) if planes else values,
        photometric="rgb",
        planarconfig="separate" if planes else "contig",
        extrasamples=kinds,
    )
    picture = decode(data)
    dropped = len(kinds) - (alpha is not None)
    assert any(f"{dropped} extra channel" in note for note in picture.notes) is (dropped > 0)
    assert (picture.alpha is None) is (alpha is None)
    if alpha is not None and picture.alpha is not None:
        np.testing.assert_allclose(picture.alpha, (50 + 40 * alpha) / 255, atol=1e-6)


REAL = RGB16.astype(np.float32) / 65535


@pytest.mark.parametrize(
    ("values", "tags", "words"),
    [
        (REAL, (), None),
        (REAL * 255, (), "0 to 255"),
        (REAL * 65535, (), "0 to 65535"),
        (REAL * 8 - 3, ((340, 11, 3, (-3.0,) * 3), (341, 11, 3, (5.0,) * 3)), "-3 to 5"),
    ],
)
def test_floats_are_read_by_their_range(values: np.ndarray, tags: tuple, words: str | None) -> None:
    extra = [(*tag, True) for tag in tags]
    picture = decode(samples.tiff(values.astype(np.float32), photometric="rgb", extratags=extra))
    np.testing.assert_allclose(picture.pixels, REAL, atol=1e-4)
    assert [(words or "-") in note for note in picture.notes] == ([True] if words else [])


@pytest.mark.parametrize("values", [REAL * 12, REAL * 3000, REAL * 1e9, REAL * 400 - 200])
def test_floats_whose_white_is_not_known_are_refused(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="which of them is white"):
        decode(samples.tiff(values.astype(np.float32), photometric="rgb"))


def test_several_pictures_in_one_jpeg_are_told() -> None:
    image = Image.fromarray(RGB8)
    data = samples.saved(image, "MPO", save_all=True, append_images=[image])
    assert any("only the first" in note for note in decode(data).notes)


@pytest.mark.parametrize("path", sorted(DATA.glob("found-*")), ids=lambda path: path.name)
def test_what_a_fuzzer_found_is_refused_or_read(path: Path) -> None:
    code = (
        "import sys; from restoreflow.images.decode import decode; "
        "from restoreflow.images.encode import encode; from restoreflow.errors import "
        "RestoreflowError\n"
        "try: encode(decode(sys.argv[1], max_pixels=100_000))\n"
        "except RestoreflowError: pass"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code, path], capture_output=True)
    assert (run.returncode, run.stderr) == (0, b"")
