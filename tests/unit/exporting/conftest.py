"""Photographs with planted secrets, in a store."""

import io
import struct
import zlib
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore

SECRETS = (b"SECRET", b"-16.4833", b"2026:01:02")


def exif(orientation: int) -> bytes:
    """Where, when and by whom a photograph was taken, and how the camera was held."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "SECRET camera"
    tags[0x9003] = "2026:01:02 03:04:05"
    tags.get_ifd(0x8825)[1] = "S"
    tags.get_ifd(0x8825)[2] = (16.0, 29.0, 0.0)
    return tags.tobytes()


def jpeg(image: Image.Image, orientation: int = 1, **options: object) -> bytes:
    buffer = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    words = {"exif": exif(orientation), "comment": b"SECRET comment", "icc_profile": profile}
    image.save(buffer, "JPEG", quality=90, **(words | options))
    content = buffer.getvalue()
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x>SECRET -16.4833</x>"
    planted = b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    return content[:2] + planted + content[2:] + b"SECRET after the end"


def png(image: Image.Image, orientation: int = 1) -> bytes:
    buffer = io.BytesIO()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "SECRET")
    texts.add_itxt("XML:com.adobe.xmp", "SECRET -16.4833")
    image.save(buffer, "PNG", pnginfo=texts, exif=exif(orientation))
    unknown = b"secr" + b"SECRET"
    chunk = struct.pack(">I", 6) + unknown + struct.pack(">I", zlib.crc32(unknown))
    content = buffer.getvalue()
    return content[:33] + chunk + content[33:] + b"SECRET"


def webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, exif=exif(1), xmp=b"SECRET -16.4833")
    return buffer.getvalue()


def provenance(number: int) -> dict[str, object]:
    return {
        "source": "gallery",
        "page_url": f"https://example.org/photo/{number}",
        "location": f"https://example.org/{number}.jpg",
        "licence": "CC BY 4.0" if number % 2 else "all rights reserved",
        "author": "Ána" if number % 2 else None,
        "title": "People at a “border”",
        "fetched_at": "2026-11-21T08:55:26+00:00",
    }


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "store")


@pytest.fixture
def splits(store: ImageStore, picture) -> dict[str, ImageSet]:
    """Twelve labelled photographs in three splits: JPEG, PNG, WebP, upright and on their side."""
    rows = []
    for number in range(12):
        drawn = picture(96, 64)
        made = (
            (jpeg(drawn), "jpg"),
            (jpeg(drawn, orientation=6), "jpg"),
            (png(drawn), "png"),
            (webp(drawn), "webp"),
        )[number % 4]
        image_id, path = store.add(*made)
        rows.append(
            {
                "image_id": image_id,
                "path": path,
                "width": 96,
                "height": 64,
                "is_positive": number % 3 == 0,
                "carrying_bags": number % 3 == 0,
                "split": ("train", "train", "validation", "test")[number // 3],
                **provenance(number),
            }
        )
    table = pd.DataFrame(rows)
    return {
        split: ImageSet(table[table["split"] == split], store)
        for split in ("train", "validation", "test")
    }
