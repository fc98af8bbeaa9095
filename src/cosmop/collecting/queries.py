"""Search queries: countries × templates, keywords, and hashtags.

A table of queries has a row for each question to ask::

    query_id     12 hex digits of the query and its language
    query        the words, without superfluous white space
    kind         template, keyword or hashtag; hashtags are asked to posts only
    country      as it stands in the options, its English name for a code; empty for other kinds
    neighbour    the English name of the country across the border; mostly empty
    template     the phrase as it stands in the options; empty for other kinds
    language     code of the language the query is in, such as es; empty for any
    max_results  images wanted from each source at most; 0 for the search's own limit
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from string import Formatter
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, field_validator

from cosmop.collecting.countries import (
    Country,
    all_countries,
    find_country,
    with_land_borders,
)
from cosmop.config import Options, Strings
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

QUERY_COLUMNS = (
    *("query_id", "query", "kind", "country", "neighbour", "template", "language", "max_results"),
)
_LANGUAGE = r"^([a-z]{2,3}(-[A-Za-z]{2,4})?)?$"


class Phrase(Options):
    """A template, keyword or hashtag; a plain string is one without a language or cap."""

    text: str
    language: str = Field(
        default="", pattern=_LANGUAGE, description="Such as es; names of countries follow it."
    )
    max_results: int = Field(
        default=0, ge=0, description="Per source; 0: as many as the search asks for."
    )


def _as_phrases(items: Any) -> Any:
    if isinstance(items, str) or not isinstance(items, list | tuple):
        return items
    texts = [{"text": item} if isinstance(item, str) else item for item in items]
    return tuple(Phrase.model_validate(item) if isinstance(item, dict) else item for item in texts)


Phrases = Annotated[tuple[Phrase, ...], BeforeValidator(_as_phrases)]


class QueryOptions(Options):
    """What to search for; the subject of a study is written here and nowhere else.

    The original study combined the names of countries with phrases about its subject.
    """

    countries: Literal["land_borders"] | Strings = Field(
        default=(),
        description="Names put into every template; land_borders: every country that has one.",
    )
    templates: Phrases = Field(
        default=(),
        description='Such as "{country} street market", "border of {country} and {neighbour}", or '
        '{text: "frontera de {country}", language: es, max_results: 50}.',
    )
    keywords: Phrases = Field(default=(), description="Queries of their own, used as they are.")
    hashtags: Phrases = Field(default=(), description="Asked to posts only; # is added to them.")
    language: str = Field(
        default="", pattern=_LANGUAGE, description="Of phrases that do not name another one."
    )
    max_queries: int = Field(default=10_000, ge=1, description="Cut after this many queries.")

    @field_validator("templates")
    @classmethod
    def _names_only_countries(cls, templates: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
        for template in templates:
            fields = _fields(template.text)
            if "country" not in fields or not fields <= {"country", "neighbour"}:
                raise ValueError(
                    "phrases with {country}, {neighbour} if you like, and no other field in braces "
                    f"(those without a country are keywords), which {template.text!r} is not"
                )
        return templates

    @field_validator("hashtags")
    @classmethod
    def _are_single_words(cls, hashtags: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
        for hashtag in hashtags:
            if len(hashtag.text.split()) != 1 or not hashtag.text.strip().lstrip("#"):
                raise ValueError(f"single words, which {hashtag.text!r} is not")
        return hashtags


def _fields(template: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError:  # a brace without its partner
        return {template}


def build_queries(options: QueryOptions) -> pd.DataFrame:
    """Return the queries, each once, in a stable order: templates, then keywords, then hashtags.

    Two queries are the same when they differ in case or white space only and have one language.
    For the columns see the module.

    Raises:
        InputError: Nothing to search for, or a template with {neighbour} and a country that is not
            in the table of countries.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _rows(options):
        if row["query"]:
            rows.setdefault((row["query"].casefold(), row["language"]), row)
    if not rows:
        raise InputError(
            "The search queries want countries with templates, keywords or hashtags, but got "
            f"{len(options.countries)} countries, {len(options.templates)} templates, "
            f"{len(options.keywords)} keywords and {len(options.hashtags)} hashtags; fill them in "
            "under queries in the ingestion parameters."
        )
    if len(rows) > options.max_queries:
        logger.warning("%d queries are cut to max_queries, %d", len(rows), options.max_queries)
    kept = list(rows.values())[: options.max_queries]
    return pd.DataFrame(kept, columns=list(QUERY_COLUMNS))


def _rows(options: QueryOptions) -> Iterator[dict[str, Any]]:
    for template in options.templates:
        language = template.language or options.language
        for place in _places(options, template, language):
            text = template.text.format_map(place["words"])
            facts = {"template": template.text, **place["facts"]}
            yield _row("template", text, template, language, facts)
    for keyword in options.keywords:
        yield _row("keyword", keyword.text, keyword, keyword.language or options.language, {})
    for hashtag in options.hashtags:
        text = f"#{hashtag.text.strip().lstrip('#')}"
        yield _row("hashtag", text, hashtag, hashtag.language or options.language, {})


def _row(
    kind: str, text: str, phrase: Phrase, language: str, facts: Mapping[str, str]
) -> dict[str, Any]:
    query = " ".join(text.split())
    return {
        "query_id": _id(query, language),
        "query": query,
        "kind": kind,
        **dict.fromkeys(("country", "neighbour", "template"), ""),
        **facts,
        "language": language,
        "max_results": phrase.max_results,
    }


def _places(
    options: QueryOptions, template: Phrase, language: str
) -> Iterator[dict[str, dict[str, str]]]:
    """Yield what a template is filled with: each country, or each pair of neighbours once."""
    wants_pairs = "neighbour" in _fields(template.text)
    seen: set[frozenset[str]] = set()
    for given, country in _countries(options):
        word = country.name_in(language) if country and language else given
        if not wants_pairs:
            yield {"words": {"country": word}, "facts": {"country": given}}
            continue
        for neighbour in _neighbours(given, country):
            pair = frozenset((given.casefold(), neighbour.name.casefold()))
            if pair not in seen:
                seen.add(pair)
                words = {"country": word, "neighbour": neighbour.name_in(language)}
                yield {"words": words, "facts": {"country": given, "neighbour": neighbour.name}}


def _countries(options: QueryOptions) -> list[tuple[str, Country | None]]:
    """Return every country as it was given, with its row of the table if it has one."""
    if options.countries == "land_borders":
        return [(country.name, country) for country in with_land_borders()]
    found = [(given, find_country(given)) for given in options.countries]
    return [
        (country.name if country and country.is_named_by_code(given) else given, country)
        for given, country in found
    ]


def _neighbours(given: str, country: Country | None) -> list[Country]:
    if country is None:
        names = [known.name for known in all_countries().values()]
        near = get_close_matches(given, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write its English name or ISO code."
        raise InputError(
            f"A template with {{neighbour}} wants countries of the table, got {given!r}; {hint}"
        )
    return [all_countries()[code] for code in country.neighbours]


def _id(query: str, language: str) -> str:
    text = f"{query.casefold()} {language}" if language else query.casefold()
    return hashlib.sha256(text.encode()).hexdigest()[:12]
