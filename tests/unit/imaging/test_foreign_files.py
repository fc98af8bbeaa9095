import io
import time

import pytest
from PIL import Image

from cosmop.imaging.foreign_files import name_of


def written(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("GIF", "a GIF"),
        ("AVIF", "an AVIF"),
        ("BMP", "a BMP"),
        ("TIFF", "a TIFF"),
        ("ICO", "an icon"),
        ("JPEG2000", "a JPEG 2000"),
        ("PDF", "a PDF"),
        ("JPEG", ""),
        ("PNG", ""),
        ("WEBP", ""),
        ("TGA", ""),
    ],
)
def test_pictures_that_pillow_writes_are_named(kind, name):
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"Pillow was built without {kind}")

    assert name_of(written(kind)) == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "an empty file"),
        (b" \r\n", "an empty file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "an AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
        (b"\x1a\x45\xdf\xa3\x01", "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\x1f\x8b\x08\0", "a gzip file"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "an HTML page"),
        (b"<HTML><svg></svg>", "an HTML page"),
        (b"<!-- x --><p>Not found", "an HTML page"),
        (b"<?xml version='1.0'?>\n<!-- by x -->\n<svg xmlns='a'>", "an SVG"),
        (b"<svg/>", "an SVG"),
        (b' {"error": 1}', "a JSON file"),
        (b"Not found", ""),
        (b"\xff\xd8", ""),
    ],
)
def test_other_files_are_named_by_their_beginning(content, name):
    assert name_of(content) == name


@pytest.mark.parametrize("piece", [b"<", b"<!", b"<!>", b"<! >\n", b" ", b"\0\0\0\0ftyp", b"\n<?"])
def test_no_file_takes_long_to_name(piece):
    begin = time.process_time()
    name_of(piece * 1_000_000)

    assert time.process_time() - begin < 1
