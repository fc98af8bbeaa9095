"""What a progressive JPEG holds, found without decoding it: markers, and the means of blocks."""

import re

# Any marker but a stuffed zero, a restart marker and a fill byte ends a scan (ITU-T T.81, B.1.1).
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
START_OF_SCAN = b"\xff\xda"
END_OF_IMAGE = b"\xff\xd9"
_START_OF_IMAGE = b"\xff\xd8"
# By their second byte (T.81, table B.1). Of notes only APP0 and APP14 say what the colours are.
_NOTES = frozenset((*range(0xE1, 0xEE), 0xEF, 0xFE))
_WANTED = frozenset((0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE))


def without_details(content: bytes) -> bytes | None:
    """Return a progressive JPEG whose scans of details are empty; None if it has unusual parts.

    At an eighth of the size libjpeg makes the same brightness of it, bit for bit, in a fifth of the
    time: only the means of the blocks count there, and their scans are kept. It refuses it for the
    same reasons as the whole file: for what the markers say, all of which are kept, and for a
    missing end. What lies in a scan is never a reason: what libjpeg cannot read there it takes for
    zeros. Colours that are stored at half the size come out as one value for 2×2 pixels; where a
    damaged file lacks scans, libjpeg smooths it otherwise.
    """
    parts, at = [_START_OF_IMAGE], 2
    while content[at : at + 2] != END_OF_IMAGE:
        marker = content[at + 1] if content[at : at + 1] == b"\xff" else 0
        kept = end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == START_OF_SCAN[1]:
            has_means = content[end - 3 : end - 2] == b"\0"  # of T.81, B.2.3, Ss: the first term
            if not (found := END_OF_SCAN.search(content, end)):
                return None
            end = found.start()
            kept = end if has_means else kept
        if marker in _WANTED:
            parts.append(content[at:kept])
        elif marker not in _NOTES:
            return None
        at = end
    return b"".join((*parts, END_OF_IMAGE))
