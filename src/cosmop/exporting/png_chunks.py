"""PNG files without their texts, without touching a pixel (PNG, third edition, section 11)."""

from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"cICP")
) | frozenset((b"sBIT", b"bKGD", b"pHYs"))


def strip_png(content: bytes) -> bytes:
    """Return the file with its first picture as it is, and none of its notes.

    Texts, times, EXIF, further frames, unknown chunks and what follows the end are left out.

    Raises:
        ValueError: The bytes are not a chain of chunks up to IEND.
    """
    return _SIGNATURE + b"".join(_kept_chunks(content))


def _kept_chunks(content: bytes) -> Iterator[bytes]:
    if not content.startswith(_SIGNATURE):
        raise ValueError(f"a PNG file begins with {_SIGNATURE!r}, got {content[:8]!r}")
    place, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        kind = content[place + 4 : place + 8]
        end = place + 12 + int.from_bytes(content[place : place + 4])
        if end > len(content) or len(kind) < 4:
            raise ValueError(f"a chunk of the PNG file is cut off at byte {place}")
        if kind in _PICTURE:
            yield content[place:end]
        place = end
