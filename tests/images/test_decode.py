"""Every kind of file in the table decodes to the right picture; everything else says why not."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restoreflow.errors import InputError, LimitError
from restoreflow.images.decode import decode, from_image, read_size
from restoreflow.images.picture import unit_range
from tests.images import samples

FILES = samples.files() | samples.files_of_extras()


@pytest.mark.parametrize("name", FILES)
def test_table_of_files(name: str) -> None:
    data, format, grayscale, has_alpha, bit_depth, exact = FILES[name]
    picture = decode(data)
    assert picture.format == format
    assert picture.grayscale is grayscale
    assert (picture.alpha is not None) is has_alpha
    assert picture.bit_depth == bit_depth
    assert picture.pixels.shape == (samples.HEIGHT, samples.WIDTH, 3)
    assert picture.pixels.dtype == np.float32
    assert 0 <= picture.pixels.min() <= picture.pixels.max() <= 1
    assert read_size(data) == (samples.WIDTH, samples.HEIGHT)
    if exact is None:
        return
    expected = unit_range(exact if exact.ndim == 3 else exact[..., None])
    if has_alpha:
        np.testing.assert_array_equal(picture.alpha, expected[..., -1])
        expected = expected[..., :-1]
    # What is exact but for a conversion from the profile that libjxl makes up for gray pictures.
    step = 1 / 4095 if "12" in name else 4e-5 if name == "jxl gray" else 2e-6
    np.testing.assert_allclose(
        picture.pixels, np.broadcast_to(expected, picture.pixels.shape), atol=step / 2
    )


@pytest.mark.parametrize("name", ["jpeg rgb", "webp lossy", "avif rgb", "png palette", "gif"])
def test_lossy_files_are_near_the_picture(name: str) -> None:
    picture = decode(FILES[name][0])
    expected = unit_range(samples.gradient(3, np.uint8))
    assert np.abs(picture.pixels - expected).mean() < 0.08


@pytest.mark.parametrize(("name", "bits"), [("gray", 10), ("rgb", 10), ("rgba", 12)])
def test_avif_keeps_all_its_bits(name: str, bits: int) -> None:
    picture = decode(FILES[f"avif deep {name}"][0])
    values = samples.gradient({"gray": 1, "rgb": 3, "rgba": 4}[name], np.uint16) >> 16 - bits
    expected = (values if values.ndim == 3 else values[..., None]) / (2**bits - 1)
    np.testing.assert_allclose(
        picture.pixels, np.broadcast_to(expected[..., :3], picture.pixels.shape), atol=1e-6
    )
    if picture.alpha is not None:
        np.testing.assert_allclose(picture.alpha, expected[..., 3], atol=1e-6)
    assert not any("bits" in note for note in picture.notes)


def test_where_an_avifs_bits_cannot_be_had_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = np.zeros((samples.HEIGHT, samples.WIDTH, 3), np.uint16)
    monkeypatch.setattr("imagecodecs.avif_decode", lambda data, index: turned)
    picture = decode(FILES["avif deep rgb"][0])
    assert picture.bit_depth == 8 and picture.pixels.mean() > 0.1
    assert "the file's 10 bits are read as 8" in picture.notes


@pytest.mark.parametrize("name", ["jpeg cmyk", "tiff cmyk", "tiff 16 cmyk"])
def test_cmyk_without_profile_is_ink_on_white(name: str) -> None:
    picture = decode(FILES[name][0])
    inks = unit_range(samples.gradient(4, np.uint8))
    expected = (1 - inks[..., :3]) * (1 - inks[..., 3:])
    assert np.abs(picture.pixels - expected).mean() < 0.02
    assert any("CMYK" in note for note in picture.notes)


def test_palette_transparency_is_alpha() -> None:
    picture = decode(FILES["png palette transparent"][0])
    assert picture.alpha is not None
    assert set(np.unique(picture.alpha)) == {0, 1}


def test_premultiplied_tiff_is_made_straight() -> None:
    alpha = np.full((4, 5), 32768, np.uint16)
    rgb = np.full((4, 5, 3), 16384, np.uint16)
    data = samples.tiff(np.dstack([rgb, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    picture = decode(data)
    np.testing.assert_allclose(picture.pixels, 0.5, atol=1e-4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF16"])
def test_orientation_is_applied_and_reset(orientation: int, format: str) -> None:
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :8] = (250, 20, 20)
    upright[:8, 16:] = (20, 250, 20)
    stored = _stored(upright, orientation)
    if format == "TIFF16":
        tag = (274, "H", 1, orientation, True)
        data = samples.tiff(stored.astype(np.uint16) * 257, extratags=[tag])
    elif format == "TIFF":
        data = samples.saved(Image.fromarray(stored), "TIFF", tiffinfo={274: orientation})
    else:
        options = {"exif": samples.exif(orientation), "quality": 95}
        if format == "WEBP":
            options["lossless"] = True
        data = samples.saved(Image.fromarray(stored), format, **options)
    picture = decode(data)
    assert np.abs(picture.pixels - upright / 255).mean() < 0.02
    assert read_size(data) == (24, 16)
    kept = Image.Exif()
    kept.load(picture.metadata.exif or b"")
    assert kept.get(274) == 1


def _stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    # What a camera held at that orientation stores, by EXIF's definition of the eight values:
    # 0th row and 0th column of the stored picture are which sides of the upright one.
    sides = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }
    row, column = sides[orientation]
    picture = upright
    if "right" in (row, column):
        picture = picture[:, ::-1]
    if "bottom" in (row, column):
        picture = picture[::-1]
    return np.ascontiguousarray(picture.swapaxes(0, 1) if row in ("left", "right") else picture)


def test_turned_pictures_swap_their_resolutions() -> None:
    data = samples.saved(Image.new("RGB", (8, 4)), "JPEG", exif=samples.exif(6), dpi=(300, 150))
    assert decode(data).metadata.dpi == (150, 300)


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload))
            + kind
            + payload
            + struct.pack(">I", zlib.crc32(kind + payload))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Dear diary,\nnothing happened.\n", "looks like text"),
        (b"\x00\x01\x02\x03" * 40, "not a picture"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"8BPS\x00\x01" + bytes(30), "Photoshop"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", "video"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(40), "raw"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (_png(2000, 2000), "PNG"),
        (_png(2000, 2000)[:33], "cut short"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"P6 0 5 255\n", "PPM"),
        (b"P6 3 3 65535\n\x00\x00", "PPM"),
        (b"P3 1 1 300\n1 2 999", "PPM"),
        (b"P3 1 1 300\n1 2 x", "PPM"),
        (b"BM" + bytes(60), "BMP"),
        (b"GIF89a" + bytes(3), "GIF"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        decode(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [name for name in FILES if name.split()[0] in ("jpeg", "webp", "avif", "tiff", "bmp", "ppm")]
    + ["png rgb", "png 16 rgb", "gif"],
)
@pytest.mark.parametrize("part", [0.3, 0.7])
@pytest.mark.filterwarnings("ignore:Truncated File Read")  # Pillow, beside its error
def test_truncated_files_are_refused(name: str, part: float) -> None:
    data = FILES[name][0]
    with pytest.raises(InputError):
        decode(data[: int(len(data) * part)])


def test_a_truncated_photograph_says_so() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = samples.saved(Image.fromarray(noise), "JPEG")
    with pytest.raises(InputError, match="cut short"):
        decode(data[: len(data) // 2])


def test_too_many_pixels_are_a_limit_with_its_option() -> None:
    with pytest.raises(LimitError, match="--max-pixels") as caught:
        decode(_png(20000, 20000))
    assert "400 megapixels" in caught.value.message
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", FILES)
def test_the_limit_holds_for_every_format(name: str) -> None:
    data, pixels = FILES[name][0], samples.HEIGHT * samples.WIDTH
    decode(data, max_pixels=pixels)
    with pytest.raises(LimitError, match="--max-pixels"):
        decode(data, max_pixels=pixels - 1)
    with pytest.raises(LimitError, match="--max-pixels"):
        read_size(data, max_pixels=pixels - 1)


def test_more_pixels_than_pillow_allows_by_default_are_read() -> None:
    # Pillow's own limit raises from 179 megapixels on.
    data = samples.saved(Image.new("1", (20000, 9500)), "PNG")
    assert read_size(data) == (20000, 9500)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_float_tiff_with_what_is_no_number_is_refused(bad: float) -> None:
    values = np.full((4, 5, 3), 0.5, np.float32)
    values[1, 2, 0] = bad
    with pytest.raises(InputError, match="1 values that are not finite"):
        decode(samples.tiff(values, photometric="rgb"))


def test_float_tiff_outside_the_range_is_clipped_and_said_so() -> None:
    values = np.array([[0.5, 1.5, -0.5]], np.float32)
    picture = decode(samples.tiff(values))
    np.testing.assert_array_equal(picture.pixels[0, :, 0], [0.5, 1, 0])
    assert any("2 float values" in note for note in picture.notes)


def test_pages_are_refused_but_a_thumbnail_page_is_not() -> None:
    page = samples.gradient(3, np.uint8)
    with pytest.raises(InputError, match="has 2 pages"):
        decode(_pages(page, page, subfiletype=0))
    assert decode(_pages(page, page[::2, ::2], subfiletype=1)).width == samples.WIDTH


def _pages(first: np.ndarray, second: np.ndarray, subfiletype: int) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(first, metadata=None)
        writer.write(second, metadata=None, subfiletype=subfiletype)
    return buffer.getvalue()


def test_animations_and_palettes_are_noted() -> None:
    notes = " ".join(decode(FILES["gif animated"][0]).notes)
    assert "first of the file's 2 frames" in notes
    assert "palette" in notes


def test_paths_and_streams(tmp_path: Path) -> None:
    data = FILES["png rgb"][0]
    path = tmp_path / "a photo of \u4eac\u90fd.jpg"  # the name lies; the content counts
    path.write_bytes(data)
    for source in (path, str(path), io.BytesIO(data)):
        assert decode(source).format == "png"
    with pytest.raises(InputError, match="does not exist"):
        decode(tmp_path / "missing.png")
    with pytest.raises(InputError, match="folder"):
        decode(tmp_path)
    with pytest.raises(InputError):
        decode("null\0character.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting_on_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a regular file"):
        decode(tmp_path / "pipe.png")


def test_symlink_loops_and_odd_names_fail_in_one_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    odd = tmp_path / "new\nline\x1b[31m.png"
    odd.write_bytes(b"")
    for path in (loop, odd):
        with pytest.raises(InputError) as caught:
            decode(path)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("start", "most", "kind", "words"),
    [
        (b"", None, InputError, "is not a picture"),
        (b"\x89PNG\r\n\x1a\n", 1000, LimitError, "--max-pixels"),
        (b"\x89PNG\r\n\x1a\n", None, LimitError, "does not end; 0.25 GiB of memory is left"),
    ],
)
def test_a_stream_without_end_meets_a_limit(
    monkeypatch: pytest.MonkeyPatch, start: bytes, most: int | None, kind: type, words: str
) -> None:
    monkeypatch.setattr("restoreflow.images.input_bytes.available_bytes", lambda: 2**28)

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return (start + bytes(size))[:size] if self.given == size else bytes(size)

    stream = Endless()
    with pytest.raises(kind, match=words):
        decode(stream, max_pixels=most)  # type: ignore[arg-type]
    assert stream.given < 2**28


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"]
)
def test_images_in_memory(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(samples.gradient(1, np.uint16))
    else:
        image = Image.fromarray(samples.gradient(3, np.uint8)).convert(mode)
    picture = from_image(image)
    assert picture.pixels.shape == (samples.HEIGHT, samples.WIDTH, 3)
    assert picture.grayscale is (mode in ("1", "L", "LA", "I;16"))
    assert (picture.alpha is not None) is mode.endswith("A")


def test_float_images_in_memory_are_refused() -> None:
    with pytest.raises(InputError, match="mode F"):
        from_image(Image.new("F", (3, 3)))


def test_libraries_that_find_a_file_odd_are_not_heard(tmp_path: Path) -> None:
    data = bytearray(samples.saved(samples.picture(), "TIFF", compression="jpeg"))
    place = data.index(struct.pack("<HHI", 277, 3, 1)) + 8  # how many samples a pixel has
    data[place : place + 2] = struct.pack("<H", 7)
    path = tmp_path / "odd.tif"
    path.write_bytes(data)
    program = (
        "import pathlib, sys; from restoreflow.images.decode import decode\n"
        "try: decode(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("InputError\n", "")
