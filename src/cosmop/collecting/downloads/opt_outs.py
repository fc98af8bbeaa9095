"""Opt-outs that stand in the headers of an answer: X-Robots-Tag and TDMRep."""

import re
from collections.abc import Collection, Iterator, Sequence

from cosmop.collecting.web.user_agents import product_token

DEFAULT_REFUSED = ("noai", "noimageai", "noindex", "noimageindex")  # as img2dataset 1.47

_IMPLIED = {"none": ("noindex", "nofollow")}
_SCOPE = re.compile(  # a name is a user agent's if what follows its colon is a directive
    r"\s*([\w.*-]+)\s*:\s*"
    r"((?:no\w+|all|index|follow|indexifembedded|unavailable_after|max-[\w-]+)\b.*)",
    re.DOTALL,
)
_LONGEST_POLICY = 200


def opt_out(headers: Sequence[tuple[str, str]], user_agent: str, refused: Collection[str]) -> str:
    """Return why what comes with `headers` is not to be used, or ``""``.

    ``X-Robots-Tag`` counts where it speaks to everyone or to our product token; ``none`` says
    ``noindex, nofollow`` (Google, "Robots meta tag specifications"). ``tdm-reservation: 1``
    reserves the right of text and data mining (W3C TDMRep, HTTP headers).

    Args:
        headers: Names in any case, as often as they came.
        user_agent: As it was sent.
        refused: Directives of X-Robots-Tag, in lower case. If empty, no opt-out is heeded.
    """
    if not refused:
        return ""
    token = product_token(user_agent)
    for value in _values(headers, "x-robots-tag"):
        for directive in _directives(value, token):
            if directive in refused:
                return f"X-Robots-Tag says {directive}"
    return _reservation(headers)


def _values(headers: Sequence[tuple[str, str]], name: str) -> Iterator[str]:
    return (value for given, value in headers if given.lower() == name)


def _directives(value: str, token: str) -> Iterator[str]:
    """Yield what `value` says to `token`.

    A user agent's name before a colon is meant for all that follow, until the next name. The
    values of ``max-snippet`` and the pieces of a date are unlike any directive.
    """
    is_for_us = True
    for part in value.lower().split(","):
        scope = _SCOPE.fullmatch(part)
        directive = part.strip()
        if scope:
            is_for_us = scope[1] in (token, "*")
            directive = scope[2].strip()
        if is_for_us:
            yield from _IMPLIED.get(directive, (directive,))


def _reservation(headers: Sequence[tuple[str, str]]) -> str:
    if not any("1" in re.split(r"[,;\s]+", v) for v in _values(headers, "tdm-reservation")):
        return ""
    policy = next(_values(headers, "tdm-policy"), "").strip()[:_LONGEST_POLICY]
    return f"tdm-reservation: 1, see {policy!r}" if policy else "tdm-reservation: 1"
