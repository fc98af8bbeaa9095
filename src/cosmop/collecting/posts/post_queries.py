"""How a query is written for the X API."""

import re

from cosmop.collecting.posts.post_options import LONGEST_QUERIES, PostOptions
from cosmop.collecting.posts.x_api import NoAnswerError

_OLD_CODES = {"he": "iw", "id": "in"}  # what X still calls Hebrew and Indonesian


def write_query(text: str, language: str, options: PostOptions) -> str:
    """Return `text` with the operators that it lacks.

    A query with ``OR`` outside of parentheses is put into them, because operators bind more
    strongly: ``a OR b has:images`` would be read as ``a OR (b has:images)``.

    Args:
        text: Words, ``"phrases"``, ``#hashtags``, operators.
        language: A code such as ``"es"`` or ``"pt-BR"``; empty for any.
        options: Says which operators are added, and how long a query may be.

    Raises:
        NoAnswerError: The query is longer than the API takes.
    """
    wanted = options.query_suffix.split()
    if language:
        code = language.partition("-")[0].lower()
        wanted.append(f"lang:{_OLD_CODES.get(code, code)}")
    added = [operator for operator in wanted if not _has(text, operator)]
    query = " ".join([f"({text})" if added and _has_open_or(text) else text, *added]).strip()
    longest = LONGEST_QUERIES[options.archive]
    if len(query) > longest:
        reason = f"the query has {len(query)} characters, more than {longest}"
        raise NoAnswerError("failed", reason)
    return query


def _has(text: str, operator: str) -> bool:
    """Whether a query says something about ``has:images``, ``is:retweet``, ``lang:`` already."""
    name = operator.lstrip("-")
    name = "lang:" if name.startswith("lang:") else rf"{re.escape(name)}(?!\w)"
    return bool(re.search(rf"(?<![\w:]){name}", _without_phrases(text)))


def _has_open_or(text: str) -> bool:
    depth = 0
    for term in re.findall(r"[()]|[^\s()]+", _without_phrases(text)):
        depth += (term == "(") - (term == ")")
        if term == "OR" and depth == 0:
            return True
    return False


def _without_phrases(text: str) -> str:
    return re.sub(r'"[^"]*"', '""', text)
