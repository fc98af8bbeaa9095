"""The way to search pages: by a browser where there is one, else by plain HTTP."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from cosmop.collecting.providers.browser import BrowserSearch
from cosmop.collecting.providers.chromium import ChromiumSettings, NoBrowserError, start_chromium
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.plain_http import PlainSearch
from cosmop.collecting.providers.providers import PageProviderOptions

logger = logging.getLogger(__name__)


def open_page_search(
    providers: Sequence[PageProviderOptions],
    host_addresses: Mapping[str, str],
    *,
    work: Path,
    user_agent: str,
    browser: Literal["auto", "never"] = "auto",
    browser_start_s: float = 5.0,
) -> BrowserSearch | PlainSearch:
    """Return what reads the pages of `providers`; a context manager, to be closed.

    Args:
        providers: All that will be asked: a browser reaches the hosts of these only.
        host_addresses: Host name to ``"IP:PORT"`` for hosts that are not where DNS says.
        work: Pages that were not understood are kept in its folder ``pages``.
        user_agent: Of plain HTTP; a browser says what it is.
        browser: auto: Chromium if it starts, else plain HTTP.
        browser_start_s: Wait for Chromium, in seconds.
    """
    evidence = Evidence(work / "pages")
    why = "The parameters say browser: never."
    if browser == "auto":
        hosts = [host for provider in providers for host in provider.reachable_hosts]
        settings = ChromiumSettings(hosts, host_addresses, browser_start_s)
        try:
            search = BrowserSearch(partial(start_chromium, settings), evidence)
        except NoBrowserError as error:
            why = str(error)
            logger.warning("Search pages are read by plain HTTP. %s", why)
        else:
            logger.info("Search pages are read by %s", search.how)
            return search
    return PlainSearch(host_addresses, user_agent, evidence, why_no_browser=why)
