"""Pages that were not understood, kept for a person to look at."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cosmop.errors import first_line

logger = logging.getLogger(__name__)

_LARGEST_PAGE_CHARACTERS = 20_000_000


class Evidence:
    """Keeps the last pages that surprised us, and a screenshot of each where there is one.

    Files are named by provider, time and a digest of the query; nothing of a name comes from a
    page. Open them as text or without network: they are pages of others, with their scripts.
    """

    def __init__(self, folder: Path, *, pages: int = 50) -> None:
        self._folder = folder
        self._pages = pages

    def keep(self, provider: str, query: str, html: str, screenshot: bytes = b"") -> str:
        """Store a page, drop the oldest ones beyond the limit, and return the page's file name.

        What cannot be stored, such as on a full disk, is told, and its name is empty.
        """
        try:
            return self._keep(provider, query, html, screenshot)
        except OSError as error:
            logger.warning("A page of %s cannot be kept: %s", provider, first_line(error))
            return ""

    def _keep(self, provider: str, query: str, html: str, screenshot: bytes) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        digest = hashlib.sha256(query.encode(errors="surrogatepass")).hexdigest()[:8]
        page = self._folder / f"{provider}-{moment}-{digest}.html"
        page.write_text(html[:_LARGEST_PAGE_CHARACTERS], encoding="utf-8", errors="replace")
        if screenshot:
            page.with_suffix(".png").write_bytes(screenshot)
        for old in self._too_old():
            with suppress(FileNotFoundError):
                old.unlink()
        return page.name

    def _too_old(self) -> Iterator[Path]:
        pages = sorted(self._folder.glob("*-*Z-*.html"), key=lambda page: page.stem.split("-")[1])
        for page in pages[: -self._pages]:
            yield page
            yield page.with_suffix(".png")
