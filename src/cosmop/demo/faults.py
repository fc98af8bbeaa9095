"""Planted faults with known answers: copies that a set should lose, files that are not images."""

import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cosmop.demo.palette import pick

COPIES = ("exact_copy", "reencoded", "resized", "cropped", "watermarked")
BROKEN = ("truncated", "html", "absurd_strip", "absurd_bomb")
EXIF_ORIENTATION = "exif_orientation"
FAULTS = (*COPIES, *BROKEN, EXIF_ORIENTATION)

File = tuple[bytes, str]  # content and the extension of its name

_ORIENTATION_TAG = 0x0112
_BOMB_SIDE_PX = 20_000


def plant_fault(fault: str, content: bytes, rng: np.random.Generator) -> File:
    """Return `content` (a JPEG file) with a fault, and the extension of the new file's name.

    Args:
        fault: One of `FAULTS`. ``exact_copy`` has the same bytes; ``reencoded`` another format or
            quality; ``resized`` 0.4 to 0.95 of the size; ``cropped`` loses at most 3 % of each
            dimension; ``watermarked`` carries a small text or box; ``truncated`` ends early;
            ``html`` is an error page named .jpg; ``absurd_strip`` is 2000 px wide and 1 px high;
            ``absurd_bomb`` is a PNG of 50 kB that unpacks to 20,000 × 20,000 px;
            ``exif_orientation`` lies on its side and says so in its EXIF tag.
        content: The bytes of the original.
        rng: Source of strengths and positions.

    Raises:
        KeyError: An unknown fault.
    """
    return _PLANTERS[fault](content, rng)


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def _jpeg(image: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, exif=exif or Image.Exif())
    return buffer.getvalue()


def _exact_copy(content: bytes, _rng: np.random.Generator) -> File:
    return content, "jpg"


def _reencoded(content: bytes, rng: np.random.Generator) -> File:
    image, form = _open(content), pick(rng, ("JPEG", "JPEG", "PNG", "WEBP"))
    if form == "JPEG":
        return _jpeg(image, int(rng.integers(35, 75))), "jpg"
    buffer = io.BytesIO()
    if form == "PNG":
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "WEBP", quality=int(rng.integers(50, 90)))
    return buffer.getvalue(), form.lower()


def _resized(content: bytes, rng: np.random.Generator) -> File:
    image, factor = _open(content), float(rng.uniform(0.4, 0.95))
    size = (round(image.width * factor), round(image.height * factor))
    return _jpeg(image.resize(size, Image.Resampling.LANCZOS), int(rng.integers(70, 92))), "jpg"


def _cropped(content: bytes, rng: np.random.Generator) -> File:
    image = _open(content)
    left, top, right, bottom = (float(v) for v in rng.uniform(0.004, 0.015, 4))
    w, h = image.size
    box = (round(w * left), round(h * top), w - round(w * right), h - round(h * bottom))
    return _jpeg(image.crop(box), int(rng.integers(70, 92))), "jpg"


def _watermarked(content: bytes, rng: np.random.Generator) -> File:
    image = _open(content)
    pen = ImageDraw.Draw(image, "RGBA")
    w, h = image.size
    x = w * (0.03 if rng.random() < 0.5 else 0.66)
    y = h * (0.03 if rng.random() < 0.5 else 0.9)
    if rng.random() < 0.5:
        pen.rectangle((x, y, x + w * 0.28, y + h * 0.065), fill=(20, 20, 20, 80))
    font = ImageFont.load_default(max(h * 0.045, 8))
    text = pick(rng, ("© example.org", "photo archive", "PREVIEW 0417"))
    pen.text((x + w * 0.01, y + h * 0.005), text, fill=(255, 255, 255, 150), font=font)
    return _jpeg(image, int(rng.integers(75, 92))), "jpg"


def _truncated(content: bytes, rng: np.random.Generator) -> File:
    return content[: int(len(content) * float(rng.uniform(0.3, 0.8)))], "jpg"


def _html(_content: bytes, rng: np.random.Generator) -> File:
    page = (
        "<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><h1>Hotlinking is "
        f"not allowed</h1><p>Request {int(rng.integers(1_000_000)):06d}</p></body></html>"
    )
    return page.encode(), "jpg"


def _strip(_content: bytes, rng: np.random.Generator) -> File:
    row = rng.integers(0, 256, (1, 2000, 3), dtype=np.uint8)
    return _jpeg(Image.fromarray(row), 85), "jpg"


def _bomb(_content: bytes, rng: np.random.Generator) -> File:
    """Write a valid one-bit PNG by hand; Pillow would need 50 MB for it."""
    side = _BOMB_SIDE_PX.to_bytes(4, "big")
    rows = zlib.compress(bytes((_BOMB_SIDE_PX // 8 + 1) * _BOMB_SIDE_PX), 9)
    label = b"Comment\0" + str(int(rng.integers(1_000_000))).encode()
    chunks = (
        (b"IHDR", side + side + bytes((1, 0, 0, 0, 0))),
        (b"tEXt", label),
        (b"IDAT", rows),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks), "png"


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + check


def _exif_orientation(content: bytes, rng: np.random.Generator) -> File:
    turned = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    orientation = 6 if rng.random() < 0.5 else 8
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    return _jpeg(_open(content).transpose(turned[orientation]), 90, exif), "jpg"


_PLANTERS: dict[str, Callable[[bytes, np.random.Generator], File]] = {
    "exact_copy": _exact_copy,
    "reencoded": _reencoded,
    "resized": _resized,
    "cropped": _cropped,
    "watermarked": _watermarked,
    "truncated": _truncated,
    "html": _html,
    "absurd_strip": _strip,
    "absurd_bomb": _bomb,
    EXIF_ORIENTATION: _exif_orientation,
}
