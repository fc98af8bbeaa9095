"""Search queries from countries × templates, and from plain keywords."""

import hashlib
from string import Formatter
from typing import Any

import pandas as pd
from pydantic import Field, field_validator

from cosmop.config import Options, Strings
from cosmop.errors import InputError

QUERY_COLUMNS = ("query_id", "query", "country", "template")


class QueryOptions(Options):
    """What to search for; the subject of a study is written here and nowhere else.

    The original study combined the names of countries with phrases about its subject.
    """

    countries: Strings = Field(default=(), description="Names put into every template.")
    templates: Strings = Field(default=(), description='Phrases such as "{country} street market".')
    keywords: Strings = Field(default=(), description="Queries of their own, used as they are.")
    max_queries: int = Field(default=10_000, ge=1, description="Cut after this many queries.")

    @field_validator("templates")
    @classmethod
    def _names_only_the_country(cls, templates: Strings) -> Strings:
        for template in templates:
            fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
            if not fields or set(fields) != {"country"}:
                raise ValueError(
                    "phrases with {country} and no other field in braces (those without a country "
                    f"are keywords), which {template!r} is not"
                )
        return templates


def build_queries(options: QueryOptions) -> pd.DataFrame:
    """Return the queries, each once, in a stable order: template by template, then keywords.

    Two queries are the same when they differ in case or white space only. Columns: ``query_id``
    (12 hex digits of the query), ``query``, ``country`` and ``template`` (empty for keywords).

    Raises:
        InputError: Nothing to search for.
    """
    pairs = [(t.format(country=c), c, t) for t in options.templates for c in options.countries]
    pairs += [(keyword, "", "") for keyword in options.keywords]
    rows: dict[str, dict[str, Any]] = {}
    for text, country, template in pairs:
        query = " ".join(text.split())
        if query:
            row = {"query_id": _id(query), "query": query, "country": country, "template": template}
            rows.setdefault(query.casefold(), row)
    if not rows:
        raise InputError(
            "The search queries want countries with templates, or keywords, but got "
            f"{len(options.countries)} countries, {len(options.templates)} templates and "
            f"{len(options.keywords)} keywords; fill them in under queries in the ingestion "
            "parameters."
        )
    kept = list(rows.values())[: options.max_queries]
    return pd.DataFrame(kept, columns=list(QUERY_COLUMNS))


def _id(query: str) -> str:
    return hashlib.sha256(query.casefold().encode()).hexdigest()[:12]
