"""XMP packets are patched in place: what no longer holds goes, all else keeps its bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.xmp import clean_xmp, fit_xmp
from tests.images import samples

BEFORE, AFTER = (100, 80), (400, 240)
NAMES = {
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "dcterms": "http://purl.org/dc/terms/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def _packet(content: str = "", attributes: str = "") -> bytes:
    declared = "".join(
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in NAMES.items()
        if f"{prefix}:" in content + attributes
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{declared}{attributes}>{content}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta>\n   <?xpacket end="w"?>'
    ).encode()


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ("", ' tiff:ImageWidth="100" dc:title="100"', b' tiff:ImageWidth="400" dc:title="100"'),
        ("<exif:PixelYDimension>80</exif:PixelYDimension>", "", b"<exif:PixelYDimension>240<"),
        ("", " GPano:CroppedAreaLeftPixels='7'", b" GPano:CroppedAreaLeftPixels='28'"),
        ("", ' GPano:FullPanoHeightPixels="80"', b'FullPanoHeightPixels="240"'),
        (
            '<mwg-rs:Regions><mwg-rs:AppliedToDimensions stDim:w="50" stDim:h="40"'
            ' stDim:unit="pixel"/></mwg-rs:Regions>',
            "",
            b'stDim:w="200" stDim:h="120"',
        ),
        ('<dc:x stDim:w="50"/>', "", b'stDim:w="50"'),
        ("<tiff:ImageWidth>wide</tiff:ImageWidth>", "", b">wide<"),
    ],
)
def test_sizes_in_pixels_are_the_results(content: str, attributes: str, expected: bytes) -> None:
    packet = _packet(content, attributes)
    cleaned, notes = clean_xmp(packet)
    assert (cleaned, notes) == (packet, ())
    assert expected in fit_xmp(packet, BEFORE, AFTER)


@pytest.mark.parametrize(
    ("content", "attributes", "gone"),
    [
        ("", ' hdrgm:Version="1.0" dc:title="kept"', b"hdr"),
        (
            "<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Semantic='GainMap'/>"
            "</rdf:li></rdf:Seq></Container:Directory><dc:title>kept</dc:title>",
            "",
            b"Container",
        ),
        ("<GCamera:MotionPhoto>1</GCamera:MotionPhoto>", ' dc:title="kept"', b"Motion"),
        ("", ' GCamera:MicroVideoOffset="5000" dc:title="kept"', b"Micro"),
        ("<HDRGainMap:HDRGainMapVersion>1</HDRGainMap:HDRGainMapVersion>kept", "", b"HDRGainMap"),
        ("", ' GDepth:Data="AAAA" dc:title="kept"', b"GDepth"),
        ("<xmp:Thumbnails><rdf:Alt>old</rdf:Alt></xmp:Thumbnails>kept", "", b"old"),
        ("", ' tiff:BitsPerSample="8" dc:title="kept"', b"BitsPerSample"),
        ("", ' dcterms:provenance="self#jumbf=c2pa/x" dc:title="kept"', b"jumbf"),
        ("", ' xmpNote:HasExtendedXMP="0123" dc:title="kept"', b"HasExtended"),
    ],
)
def test_what_no_longer_holds_goes_and_is_said(content: str, attributes: str, gone: bytes) -> None:
    cleaned, notes = clean_xmp(_packet(content, attributes))
    assert cleaned is not None and len(notes) == 1
    assert gone not in cleaned
    assert b"kept" in cleaned
    assert clean_xmp(cleaned) == (cleaned, ())


def test_names_are_told_by_their_namespace_not_by_their_prefix() -> None:
    other = _packet("", ' tiff:ImageWidth="100"').replace(b"tiff:", b"whatever:")
    other = other.replace(b"xmlns:tiff=", b"xmlns:whatever=")
    assert b'whatever:ImageWidth="400"' in fit_xmp(other, BEFORE, AFTER)
    foreign = _packet("", ' hdrgm:Version="1.0"').replace(b"hdr-gain-map", b"something")
    assert clean_xmp(foreign) == (foreign, ())


def test_places_go_where_the_picture_was_turned() -> None:
    packet = _packet("<mwg-rs:Regions><rdf:Bag/></mwg-rs:Regions>", ' dc:title="kept"')
    assert clean_xmp(packet) == (packet, ())
    cleaned, notes = clean_xmp(packet, orientation=6)
    assert b"Regions>" not in (cleaned or b"") and "turned" in notes[0]


@pytest.mark.parametrize(
    "damage",
    [
        b"<x:xmpmeta>",
        b"no xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<a>" * 100 + b"</a>" * 100,
        b"\xff\xfe<\x00a\x00",
    ],
)
def test_damage_is_dropped_and_said(damage: bytes) -> None:
    cleaned, notes = clean_xmp(damage)
    assert cleaned is None and "damaged" in notes[0]


def test_utf_16_is_read_and_padding_is_no_damage() -> None:
    packet = _packet("", ' tiff:Orientation="6"')
    expected = packet.replace(b'"6"', b'"1"')
    assert clean_xmp(packet + bytes(2000)) == (expected, ())
    cleaned, _ = clean_xmp(packet.decode().encode("utf-16"))
    assert cleaned is not None and b'tiff:Orientation="1"' in cleaned


def test_an_extended_packet_is_named_by_what_is_written() -> None:
    extension = _packet("", ' tiff:ImageWidth="21"')
    name = hashlib.md5(extension).hexdigest().upper().encode()
    main = _packet("", f' xmpNote:HasExtendedXMP="{name.decode()}"')
    image = Image.fromarray(samples.gradient(3, np.uint8))
    content = b"http://ns.adobe.com/xmp/extension/\x00" + name
    content += len(extension).to_bytes(4, "big") + bytes(4) + extension
    segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    data = samples.saved(image, "JPEG", xmp=main)
    picture = decode(data[:2] + segment + data[2:])
    larger = picture.with_pixels(picture.pixels.repeat(2, axis=0).repeat(2, axis=1))
    again = decode(encode(larger)).metadata
    assert again.xmp_extension == extension.replace(b'"21"', b'"42"')
    new = hashlib.md5(again.xmp_extension or b"").hexdigest().upper()
    assert f'HasExtendedXMP="{new}"'.encode() in (again.xmp or b"")
    assert b"HasExtended" not in (decode(encode(larger, "png")).metadata.xmp or b"")
