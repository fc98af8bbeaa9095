"""What a file is that is no JPEG, PNG or WebP: a word for the reason why it was not taken in."""

import re

_START = rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<[?!][^>]{0,300}>\s*){0,3}"  # of a text that is marked up
_BEGINNINGS = (  # the first that matches counts
    ("an empty file", rb"\s*\Z"),
    ("a GIF", rb"GIF8"),
    ("an AVIF", rb".{4}ftyp.{0,64}?avi[fs]"),
    ("a HEIC", rb".{4}ftyp(?:hei|hev|mif1|msf1)"),
    ("a video", rb".{4}ftyp|\x1a\x45\xdf\xa3"),
    ("a JPEG XL", rb"\xff\x0a|.{4}JXL "),
    ("a JPEG 2000", rb".{4}jP  |\xff\x4f\xff\x51"),
    ("a TIFF", rb"II\*\0|MM\0\*"),
    ("a BMP", rb"BM.{4}\0\0\0\0"),
    ("an icon", rb"\0\0\x01\0[^\0]"),
    ("a PDF", rb"%PDF"),
    ("a gzip file", rb"\x1f\x8b"),
    ("an SVG", _START + rb"<svg[\s/>]"),
    ("an HTML page", _START + rb"<(?:html|head|body|title|script|meta|p|div)[\s>]"),
    ("a JSON file", rb"\s*[{\[]"),
)
_PATTERNS = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in _BEGINNINGS]
_LONGEST_BEGINNING = 1_024


def name_of(content: bytes) -> str:
    """Return what `content` looks like by its beginning, such as ``"a GIF"``; ``""`` if unknown."""
    beginning = content[:_LONGEST_BEGINNING]
    return next((name for name, pattern in _PATTERNS if pattern.match(beginning)), "")
