"""`WebClient` for ordinary code: pages and answers of APIs, one after the other."""

import asyncio
import codecs
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from cosmop.collecting.web.fetch_errors import FetchLimits
from cosmop.collecting.web.own_thread import OwnThread
from cosmop.collecting.web.web_client import Headers, WebClient

_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_MARKUP_BYTES = 1024  # where a page must name its charset (HTML, section 4.2.5.4)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Python's decoders that are charsets of web pages; others (punycode, idna) can be made to stall.
_IS_CHARSET = re.compile(r"(utf|iso8859|iso2022|cp|koi8|gb|big5|shift|euc|ascii|tis|mac)[\w-]*")


@dataclass(frozen=True)
class Page:
    """A complete answer with status 200.

    Attributes:
        url: Where the redirects ended.
        body: As it came.
        text: The body decoded; what cannot be decoded is replaced.
        headers: As they came.
    """

    url: str
    body: bytes
    text: str
    headers: Headers


class BlockingClient:
    """Fetches whole pages, keeps cookies while it lives; a context manager, for several threads.

    An event loop in a thread of its own does the work.

    Args:
        user_agent: Who asks, with a contact.
        host_addresses: As `WebClient` has them.
    """

    def __init__(self, *, user_agent: str, host_addresses: Mapping[str, str] | None = None) -> None:
        self._client = WebClient(
            user_agent=user_agent, host_addresses=host_addresses, keeps_cookies=True
        )
        self._opened = ExitStack()
        self._thread = self._opened.enter_context(OwnThread("web client"))
        self._thread.run(self._client.__aenter__())
        self._opened.callback(lambda: self._thread.run(self._end()))

    def fetch(
        self,
        url: str,
        limits: FetchLimits,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Get `url` (or post `form` to it) and wait for it; see `WebClient.fetch`.

        Raises:
            FetchError: See `WebClient.fetch`.
        """
        fetched = self._thread.run(self._client.fetch(url, limits, form=form, headers=headers))
        named = {name.lower(): value for name, value in fetched.headers}
        text = page_text(fetched.body, named.get("content-type", ""))
        return Page(fetched.url, fetched.body, text, fetched.headers)

    def close(self) -> None:
        """Close the connections and end the thread; a second time does nothing."""
        self._opened.close()

    async def _end(self) -> None:
        await self._client.__aexit__()
        await asyncio.sleep(0)  # the connections say good-bye

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def page_text(body: bytes, content_type: str) -> str:
    """Decode a page as its byte order mark, its header or its own markup say, else as UTF-8."""
    markup = body[:_MARKUP_BYTES].decode("latin-1")
    named = [codec for mark, codec in _MARKS.items() if body.startswith(mark)]
    named += [found[1] for found in map(_CHARSET.search, (content_type, markup)) if found]
    return body.decode(next(filter(_is_charset, named), "utf-8"), errors="replace")


def _is_charset(name: str) -> bool:
    try:
        return _IS_CHARSET.fullmatch(codecs.lookup(name).name) is not None
    except LookupError:
        return False
