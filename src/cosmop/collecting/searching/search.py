"""Searching all sources: one table of candidates, and one log row per query and source."""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import pandas as pd

from cosmop.collecting.candidates import Outcome, candidate_frame, facts_of
from cosmop.collecting.lists.folder import ImageFolder
from cosmop.collecting.lists.url_lists import UrlList
from cosmop.collecting.posts.posts import PostSearch
from cosmop.collecting.providers.api_options import DEFAULT_LANGUAGE, ApiProviderOptions
from cosmop.collecting.providers.api_search import ApiSearch
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.page_search import open_page_search
from cosmop.collecting.providers.provider_key import ProviderKey
from cosmop.collecting.providers.providers import PageProviderOptions, Provider, providers_from
from cosmop.collecting.searching.search_answers import Answer, AnswerJournal, Question
from cosmop.collecting.searching.search_findings import LOG_COLUMNS, Findings, SearchResult
from cosmop.collecting.searching.search_lanes import Ask, Lane, ask_lanes
from cosmop.collecting.searching.search_options import SearchOptions
from cosmop.errors import InputError
from cosmop.progress import track

__all__ = ["LOG_COLUMNS", "SearchOptions", "SearchResult", "search_images"]

logger = logging.getLogger(__name__)

_CONTACT = re.compile(r"\S+@\S+\.\S+|https?://\S+")


class _Web(NamedTuple):
    """What everybody who asks the web needs to know."""

    host_addresses: Mapping[str, str]
    work: Path
    keys: Mapping[str, str]


def search_images(
    queries: pd.DataFrame,
    options: SearchOptions,
    providers: Mapping[str, Any],
    *,
    bearer_token: str | None,
    host_addresses: Mapping[str, str],
    work: Path,
    provider_keys: Mapping[str, str] | None = None,
) -> SearchResult:
    """Ask every source every query; failures are log rows.

    A search that was interrupted goes on where it was: answers lie in ``work/answers.jsonl`` until
    a search is over. A browser, each API and the posts do not wait for each other.

    Args:
        queries: See `cosmop.collecting.queries`; the column ``query`` is enough. May be empty for
            the sources folder and url_list.
        options: Which sources, and their limits.
        providers: All of ``conf/base/providers``: name to the mapping in that provider's file.
        bearer_token: Of the X API; only the source posts needs it.
        host_addresses: Host name to ``"IP:PORT"`` for hosts that are not where DNS says.
        work: Folder for answers, posts, and pages that were not understood.
        provider_keys: Name of an API's provider to its secret key, if it has one.

    Raises:
        InputError: A source lacks what it needs, or no source named a single image.
    """
    chosen = providers_from(providers, options.providers) if "search" in options.sources else ()
    keys = provider_keys or {}
    _check(queries, options, chosen, keys)
    _tell_of_hashtags(queries, options.sources)
    findings = Findings(["folder", "url_list", *(p.name for p in chosen), "posts"])
    _read_lists(options, findings)
    with ExitStack() as stack:
        posts = None
        if "posts" in options.sources:
            posts = stack.enter_context(
                PostSearch(options.posts, bearer_token, host_addresses, work)
            )
        journal = stack.enter_context(AnswerJournal(work, options.reuse_answers_hours))
        web = _Web(host_addresses, work, keys)
        lanes = _lanes(queries, options, chosen, posts, web)
        _ask(lanes, journal, options.give_up_after, findings)
        journal.finish()
    return findings.result()


def _check(
    queries: pd.DataFrame,
    options: SearchOptions,
    chosen: Sequence[Provider],
    keys: Mapping[str, str],
) -> None:
    """Refuse early what would fail only after the first slow source."""
    for source, given in (("folder", options.folder), ("url_list", options.url_list)):
        if source in options.sources and not given:
            raise InputError(
                f"The search has {source} among its sources, which wants a path, but {source} is "
                "empty; name it in the ingestion parameters."
            )
    if "search" in options.sources and not chosen:
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
    for provider in chosen:
        if isinstance(provider, ApiProviderOptions):
            _check_api(provider, options.user_agent, keys.get(provider.name, ""))


def _tell_of_hashtags(queries: pd.DataFrame, sources: Sequence[str]) -> None:
    hashtags = sum(row.kind == "hashtag" for row in _rows(queries))
    if hashtags and "search" in sources and "posts" not in sources:
        logger.warning(
            "Posts are not among the sources %s, so nobody is asked for %d hashtags",
            *(list(sources), hashtags),
        )


def _check_api(provider: ApiProviderOptions, user_agent: str, key: str) -> None:
    ProviderKey(provider.name, key).address(provider.url_template)
    if provider.needs_contact and not _CONTACT.search(user_agent):
        raise InputError(
            f"The provider {provider.name!r} wants a user agent with an address or page where "
            f"you can be reached, got {user_agent!r}; write one as search.user_agent in the "
            "ingestion parameters."
        )


class _Batches(Protocol):
    @property
    def reason(self) -> str: ...

    def __iter__(self) -> Iterator[Mapping[str, Sequence[Any]]]: ...


def _read_lists(options: SearchOptions, findings: Findings) -> None:
    """Take in the folder and the list of addresses, which need no query."""
    if "folder" in options.sources and options.folder:
        folder = ImageFolder(Path(options.folder))
        _read_list("folder", "file", folder, findings)
    if "url_list" in options.sources and options.url_list:
        _read_list("url_list", "url", UrlList(options.url_list), findings)


def _read_list(
    source: str, kind: Literal["file", "url"], batches: _Batches, findings: Findings
) -> None:
    start, results = time.monotonic(), 0
    frames = []
    for facts in track(batches, f"Reading {source}", unit="batch"):
        frame = candidate_frame(facts, source=source, query="", kind=kind, first_rank=results + 1)
        results += len(frame)
        frames.append(frame)
    outcome = Outcome("ok", reason=batches.reason)
    if outcome.reason:
        logger.warning("%s: %s", source, outcome.reason)
    answer = Answer(outcome, time.monotonic() - start, "files")
    findings.add(Question(source, "", "", 0), answer, frames, results)


def _lanes(
    queries: pd.DataFrame,
    options: SearchOptions,
    chosen: Sequence[Provider],
    posts: PostSearch | None,
    web: _Web,
) -> list[Lane]:
    """Return a lane for all pages together, which share a browser, one per API, one for posts."""
    pages = [provider for provider in chosen if isinstance(provider, PageProviderOptions)]
    apis = [provider for provider in chosen if isinstance(provider, ApiProviderOptions)]
    asking = partial(_questions, queries, options)
    open_pages = partial(_open_pages, pages, options, web)
    open_api = partial(_open_api, options, web)
    lanes = [Lane(asking(pages), open_pages)] if pages else []
    lanes += [Lane(asking([api]), open_api) for api in apis]
    if posts is not None:
        questions = _post_questions(queries, options)
        posts.announce(len(questions), options.max_results_per_query)
        lanes.append(Lane(questions, partial(_open_posts, posts)))
    return lanes


def _questions(
    queries: pd.DataFrame, options: SearchOptions, providers: Sequence[Provider]
) -> list[Question]:
    """Return each query to each provider in turn; hashtags mean nothing to them."""
    return [
        Question(
            source=provider.name,
            query=row.query,
            language=row.language,
            limit=min(row.max_results or options.max_results_per_query, provider.max_results),
            number=number,
            provider=_in_language(provider, row.language),
        )
        for number, row in enumerate(_rows(queries))
        if row.kind != "hashtag"
        for provider in providers
    ]


def _post_questions(queries: pd.DataFrame, options: SearchOptions) -> list[Question]:
    limit = options.max_results_per_query
    return [
        Question("posts", row.query, row.language, row.max_results or limit, number)
        for number, row in enumerate(_rows(queries))
    ]


class _Row(NamedTuple):
    query: str
    kind: str = "keyword"
    language: str = ""
    max_results: int = 0


def _rows(queries: pd.DataFrame) -> list[_Row]:
    known = [name for name in _Row._fields if name in queries]
    table = queries[known].to_dict("records")
    return [_Row(**{str(name): value for name, value in row.items()}) for row in table]


def _in_language(provider: Provider, language: str) -> Provider:
    template = provider.url_template.replace("{language}", language or DEFAULT_LANGUAGE)
    return provider.model_copy(update={"url_template": template})


def _open_pages(
    providers: Sequence[PageProviderOptions],
    options: SearchOptions,
    web: _Web,
    stack: ExitStack,
) -> tuple[Ask, str]:
    pages = open_page_search(
        providers,
        web.host_addresses,
        work=web.work,
        user_agent=options.user_agent,
        browser=options.browser,
        browser_start_s=options.browser_start_s,
    )
    stack.callback(pages.close)
    return (lambda asked: pages.find(asked.provider, asked.query, asked.limit)), pages.how


def _open_api(options: SearchOptions, web: _Web, stack: ExitStack) -> tuple[Ask, str]:
    evidence = Evidence(web.work / "pages")
    api = ApiSearch(web.host_addresses, options.user_agent, evidence=evidence, keys=web.keys)
    stack.enter_context(api)
    return (lambda asked: api.find(asked.provider, asked.query, asked.limit)), api.how


def _open_posts(posts: PostSearch, stack: ExitStack) -> tuple[Ask, str]:
    stack.callback(posts.end)
    return (lambda asked: posts.find(asked.query, asked.limit, asked.language)), posts.how


def _ask(
    lanes: Sequence[Lane], journal: AnswerJournal, give_up_after: int, findings: Findings
) -> None:
    total = sum(len(lane.questions) for lane in lanes)
    with (
        closing(ask_lanes(lanes, journal, give_up_after)) as answers,
        track(answers, "Searching", total=total, unit="question") as bar,
    ):
        named = 0
        for question, answer in bar:
            facts = facts_of(answer.outcome.found)
            source, query = question.source, question.query
            frame = candidate_frame(facts, source=source, query=query, kind="url")
            findings.add(question, answer, [frame], len(frame))
            named += len(frame)
            bar.set_postfix_str(f"{named} images", refresh=False)
