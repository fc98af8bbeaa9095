"""Searching all sources: one table of candidates, and one log row per query and source."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, field_validator

from cosmop.collecting.browser import BrowserSearch, start_browser
from cosmop.collecting.candidates import (
    FoundImage,
    Outcome,
    candidate_rows,
    candidate_table,
)
from cosmop.collecting.folder import find_in_folder
from cosmop.collecting.plain_http import PlainSearch
from cosmop.collecting.posts import PostOptions, PostSearch
from cosmop.collecting.providers import Providers
from cosmop.collecting.url_list import find_in_url_list
from cosmop.config import Options, Strings
from cosmop.errors import InputError
from cosmop.progress import track

logger = logging.getLogger(__name__)

SOURCES = ("search", "posts", "folder", "url_list")
LOG_COLUMNS = ("query", "source", "status", "results", "seconds", "reason", "how")
DEFAULT_USER_AGENT = "cosmop/0.1 (image research; contact: set user_agent in the parameters)"

Ask = Callable[[str, int], Outcome]


class SearchOptions(Options):
    """Where images are looked for."""

    sources: Strings = Field(default=("search",), min_length=1, description=f"Among {SOURCES}.")
    providers: Providers = Field(default=(), description="The search sites, for source search.")
    posts: PostOptions = PostOptions()
    folder: str | None = Field(default=None, description="Folder of images, for source folder.")
    url_list: str | None = Field(default=None, description="TXT or CSV file, for source url_list.")
    max_results_per_query: int = Field(default=100, ge=1, description="Per query and source.")
    browser: Literal["auto", "never"] = Field(
        default="auto", description="auto: Chromium if it starts, else plain HTTP."
    )
    browser_start_s: float = Field(default=5.0, gt=0, description="Wait for Chromium, in seconds.")
    user_agent: str = Field(
        default=DEFAULT_USER_AGENT, description="Of plain HTTP; with a contact."
    )

    @field_validator("sources")
    @classmethod
    def _are_known(cls, sources: Strings) -> Strings:
        if not set(sources) <= set(SOURCES):
            raise ValueError(f"among {list(SOURCES)}")
        return sources


@dataclass(frozen=True)
class SearchResult:
    """What the sources named.

    Attributes:
        candidates: One row per image, see `cosmop.collecting.candidates.CANDIDATE_COLUMNS`, each
            canonical location once.
        log: One row per query and source: query, source, status (ok, no_results, blocked,
            layout_changed, timeout, failed), results (before de-duplication), seconds, reason, how.
    """

    candidates: pd.DataFrame
    log: pd.DataFrame


def search_images(
    queries: pd.DataFrame,
    options: SearchOptions,
    *,
    bearer_token: str | None,
    host_addresses: Mapping[str, str],
) -> SearchResult:
    """Ask every source every query; failures are log rows.

    Args:
        queries: Column ``query``; may be empty for the sources folder and url_list.
        options: Which sources, and their limits.
        bearer_token: Of the X API; only the source posts needs it.
        host_addresses: Host name to ``"IP:PORT"`` for hosts that are not where DNS says.

    Raises:
        InputError: A source lacks what it needs, or no source named a single image.
    """
    _check(queries, options, bearer_token)
    texts = [str(text) for text in queries["query"]]
    notes: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    if "folder" in options.sources and options.folder:
        rows += _list_source("folder", lambda: find_in_folder(Path(str(options.folder))), notes)
    if "url_list" in options.sources and options.url_list:
        rows += _list_source(
            "url_list", lambda: find_in_url_list(Path(str(options.url_list))), notes
        )
    if "search" in options.sources:
        with _page_search(options, host_addresses) as pages:
            for provider in options.providers:
                limit = min(options.max_results_per_query, provider.max_results)
                ask = _asking(pages, provider)
                rows += _ask_all(ask, (provider.name, pages.how), texts, limit, notes)
    if "posts" in options.sources:
        with PostSearch(options.posts, bearer_token, host_addresses) as posts:
            limit = options.max_results_per_query
            rows += _ask_all(posts.find, ("posts", posts.how), texts, limit, notes)
    return _result(rows, pd.DataFrame(notes, columns=list(LOG_COLUMNS)))


def _check(queries: pd.DataFrame, options: SearchOptions, bearer_token: str | None) -> None:
    """Refuse early what would fail only after the first slow source."""
    if "posts" in options.sources:
        PostSearch(options.posts, bearer_token, {}).close()
    for source, given in (("folder", options.folder), ("url_list", options.url_list)):
        if source in options.sources and not given:
            raise InputError(
                f"The search has {source} among its sources, which wants a path, but {source} is "
                "empty; name it in the ingestion parameters."
            )
    if "search" in options.sources and not options.providers:
        raise InputError(
            "The search has search among its sources, which wants at least one provider, but got "
            "none; name one under providers in the ingestion parameters."
        )
    asking = [source for source in options.sources if source in ("search", "posts")]
    if asking and queries.empty:
        raise InputError(
            f"The sources {asking} want at least one query, but got none; fill in countries with "
            "templates, or keywords, in the ingestion parameters."
        )


@contextmanager
def _page_search(
    options: SearchOptions, host_addresses: Mapping[str, str]
) -> Iterator[BrowserSearch | PlainSearch]:
    browser = None
    if options.browser == "auto":
        browser = start_browser(host_addresses, deadline_s=options.browser_start_s)
    with browser or PlainSearch(host_addresses, options.user_agent) as pages:
        yield pages


def _asking(pages: BrowserSearch | PlainSearch, provider: Any) -> Ask:
    return lambda query, limit: pages.find(provider, query, limit)


def _ask_all(
    ask: Ask, names: tuple[str, str], texts: list[str], limit: int, notes: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    source, how = names
    rows = []
    for text in track(texts, f"Searching {source}", unit="query"):
        start = time.monotonic()
        outcome = ask(text, limit)
        notes.append(_note(text, source, outcome, time.monotonic() - start, how))
        rows += candidate_rows(outcome.found, source=source, query=text, kind="url")
    return rows


def _list_source(
    source: Literal["folder", "url_list"],
    read: Callable[[], list[FoundImage]],
    notes: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    start = time.monotonic()
    found = read()
    notes.append(_note("", source, Outcome("ok", tuple(found)), time.monotonic() - start, "files"))
    kind: Literal["file", "url"] = "file" if source == "folder" else "url"
    return candidate_rows(found, source=source, query="", kind=kind)


def _note(query: str, source: str, outcome: Outcome, seconds: float, how: str) -> dict[str, Any]:
    return {
        "query": query,
        "source": source,
        "status": outcome.status,
        "results": len(outcome.found),
        "seconds": round(seconds, 3),
        "reason": outcome.reason,
        "how": how,
    }


def _result(rows: list[dict[str, Any]], log: pd.DataFrame) -> SearchResult:
    candidates = candidate_table(rows)
    failed = log[~log["status"].isin(["ok", "no_results"])]
    for (source, status, reason), rows_alike in failed.groupby(["source", "status", "reason"]):
        logger.warning("%s: %d queries ended as %s (%s)", source, len(rows_alike), status, reason)
    if candidates.empty:
        worst = failed if len(failed) else log
        example = worst.iloc[0]
        raise InputError(
            f"The search wants at least one image, but {len(log)} questions to "
            f"{sorted(set(log['source']))} gave none, the first of them {example['query']!r} with "
            f"{example['status']} ({example['reason'] or 'no reason given'}); try other queries or "
            "sources."
        )
    logger.info("%d different images were named by %d questions", len(candidates), len(log))
    return SearchResult(candidates, log)
