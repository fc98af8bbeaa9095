"""The secret key of a search API: sent to that API, and seen nowhere else."""

import html
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from cosmop.errors import InputError

PLACE = "{key}"
_HIDDEN = "hidden"
_LEVELS = 5  # of escapes: an address in an address, in HTML, in JSON, in JSON
# In addresses (%2B), in strings of JSON and scripts (\u002b, \x2b, \/), in HTML (&#43; and &plus;).
_ESCAPE = re.compile(
    r"(?:%|\\u00|\\x)([0-9a-f]{2})|\\([^ux]|u(?!00)|x)|(&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,9});?)",
    re.IGNORECASE | re.DOTALL,
)


class ProviderKey:
    """A secret key, or none: how it is sent, and how it is taken out of what comes back.

    Args:
        provider: Whose key it is.
        text: White space around it means nothing; empty for none.

    Raises:
        InputError: A key that cannot be sent, or is too short to be told from other text.
    """

    def __init__(self, provider: str, text: str = "") -> None:
        self._provider = provider
        self._text = text.strip()
        if not re.fullmatch(r"|[!-\[\]-~]{8,}", self._text):
            raise InputError(
                f"The provider {provider!r} wants a key of 8 or more characters, printable ASCII "
                f"without spaces or backslashes, got {len(self._text)} characters that are no such "
                "key; copy it again into provider_keys in conf/local/credentials.yml."
            )
        forms = {plain for plain, _ in _undone(self._text)}
        self._forms = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE)

    def address(self, url: str) -> str:
        """Return `url` with the key, percent-encoded, in place of {key}.

        Raises:
            InputError: There is such a place, and no key.
        """
        if PLACE in url and not self._text:
            raise InputError(
                f"The provider {self._provider!r} wants a key in its address, but the credentials "
                f"have none; write provider_keys: {{{self._provider}: …}} into "
                "conf/local/credentials.yml."
            )
        return url.replace(PLACE, quote(self._text, safe=""))

    def headers(self, templates: Mapping[str, str]) -> dict[str, str]:
        """Return the headers with the key in place of {key}; none of them without a key."""
        given = templates if self._text else {}
        return {name: text.replace(PLACE, self._text) for name, text in given.items()}

    def hide(self, text: str) -> str:
        """Return `text` without the key, also where it is escaped for JSON, HTML or an address."""
        if not self._text:
            return text
        spans = [
            (places[match.start()], places[match.end()])
            for plain, places in _undone(text)
            for match in self._forms.finditer(plain)
        ]
        shown, end = [], 0
        for start, stop in sorted(spans):
            shown += [text[end:start], _HIDDEN] if start >= end else []
            end = max(end, stop)
        return "".join([*shown, text[end:]])


def _undone(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield `text`, and with one more level of escapes undone each time, as long as there is one.

    With each comes where in `text` each of its characters begins, and where the last one ends.
    """
    plain, places = text, array("q", range(len(text) + 1))
    yield plain, places
    for _ in range(_LEVELS):
        pieces, kept, end = [], array("q"), 0
        for match in _ESCAPE.finditer(plain):
            start, character = match.start(), _character(match)
            pieces += [plain[end:start], character]
            kept += places[end:start] + places[start : start + 1] * len(character)
            end = match.end()
        if not pieces:
            return
        plain, places = "".join([*pieces, plain[end:]]), kept + places[end:]
        yield plain, places


def _character(escape: re.Match[str]) -> str:
    code, character, entity = escape.groups()
    return chr(int(code, 16)) if code else character or html.unescape(entity)
