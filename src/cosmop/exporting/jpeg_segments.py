"""JPEG files without their comments, without touching a pixel (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # not a stuffed zero, not a restart
_JFIF_WITHOUT_THUMBNAIL = 12  # identifier, version, unit, densities; two sizes follow


def strip_jpeg(content: bytes) -> bytes:
    """Return the file with its pixels as they are, and none of its notes.

    Of the application segments only three stay: JFIF's densities, colour profiles and Adobe's
    colour transform. EXIF, XMP, IPTC, comments, thumbnails and what follows the end are left out.

    Raises:
        ValueError: The bytes are not a chain of segments up to the end marker.
    """
    return b"".join(_kept_segments(content))


def _kept_segments(content: bytes) -> Iterator[bytes]:
    if not content.startswith(b"\xff\xd8"):
        raise ValueError(f"a JPEG file begins with ff d8, got {content[:2].hex(' ')!r}")
    yield content[:2]
    place = 2
    while True:
        found = _MARKER.search(content, place)
        if found is None:
            raise ValueError(f"the JPEG file of {len(content)} bytes lacks its end marker")
        marker = found[1][0]
        if marker == _END:
            yield b"\xff\xd9"
            return
        length = int.from_bytes(content[found.end() : found.end() + 2])
        payload = content[found.end() + 2 : found.end() + length]
        if length < 2 or len(payload) != length - 2:
            raise ValueError(f"a segment of the JPEG file is cut off at byte {found.start()}")
        kept = _kept_payload(marker, payload)
        if kept is not None:
            yield bytes((0xFF, marker)) + (len(kept) + 2).to_bytes(2) + kept
        place = found.end() + length
        if marker == _SCAN:
            following = _MARKER.search(content, place)
            stop = len(content) if following is None else following.start()
            yield content[place:stop]
            place = stop


def _kept_payload(marker: int, payload: bytes) -> bytes | None:
    """Return what stays of a segment, None where nothing does."""
    if marker == _COMMENT:
        return None
    if marker not in _APPLICATION:
        return payload
    if marker == 0xE0 and payload.startswith(b"JFIF\0"):
        return payload[:_JFIF_WITHOUT_THUMBNAIL] + b"\0\0"
    is_colour = (marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0")) or (
        marker == 0xEE and payload.startswith(b"Adobe")
    )
    return payload if is_colour else None
