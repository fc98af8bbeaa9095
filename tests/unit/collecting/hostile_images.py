"""Files that want to be taken for harmless images, or are images that harm."""

import io
import struct
import zipfile
import zlib
from functools import lru_cache

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PAGE = b"<html><body><script>alert(1)</script></body></html>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def photo(seed: int) -> bytes:
    """Return a harmless JPEG that differs for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def picture(kind: str, side: int = 64, **options: object) -> bytes:
    """Return one smooth picture in any format of Pillow."""
    buffer = io.BytesIO()
    ramp = np.linspace(0, 255, side * side * 3).astype(np.uint8).reshape(side, side, 3)
    Image.fromarray(ramp).save(buffer, kind, **options)
    return buffer.getvalue()


def animation(kind: str, frames: int) -> bytes:
    """Return an APNG or an animated WebP of so many frames."""
    one_by_one = (Image.new("RGB", (64, 48), (i % 256, i // 256, 0)) for i in range(1, frames))
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(
        buffer, kind, save_all=True, append_images=list(one_by_one), duration=10
    )
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of PNG."""
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png_with(name: bytes, content: bytes) -> bytes:
    """Return a good PNG with one more chunk behind its header."""
    good = picture("PNG")
    return good[:33] + chunk(name, content) + good[33:]


@lru_cache
def zeros(length: int) -> bytes:
    """Return `length` zeros, compressed by zlib."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(length >> 20)]
    return b"".join(pieces) + packer.flush()


def png_of(width: int, height: int, *, data: bytes | None = None) -> bytes:
    """Return a PNG of a stated size, black; `data` are its compressed rows if not true."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zeros(width * height * 3 + height + (1 << 20)) if data is None else data
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def webp_of(width: int, height: int) -> bytes:
    """Return the start of a lossless WebP of a stated size, its header true, its data zeros."""
    bits = (width - 1) | (height - 1) << 14
    content = b"\x2f" + struct.pack("<I", bits) + bytes(64)
    return (
        b"RIFF"
        + struct.pack("<I", 12 + len(content) + len(content) % 2)
        + b"WEBPVP8L"
        + (struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2))
    )


def jpeg_of_scans(scans: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    buffer = io.BytesIO()
    Image.new("RGB", (2048, 2048)).save(buffer, "JPEG", progressive=True)
    good = buffer.getvalue()
    last = good.rindex(b"\xff\xda")
    return good[:last] + good[last:-2] * scans + b"\xff\xd9"


def jpeg_with_segments(marker: int, start: bytes, count: int) -> bytes:
    """Return a JPEG with `count` full segments of one application marker."""
    segment = bytes((0xFF, marker)) + struct.pack(">H", 65_535) + start.ljust(65_533, b"\0")
    good = photo(901)
    return good[:2] + segment * count + good[2:]


def zip_file() -> bytes:
    """Return an archive, to be hidden behind a picture."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("run.sh", "rm -rf /")
    return buffer.getvalue()
