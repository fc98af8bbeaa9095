"""Search APIs are data: how they are asked, where their answers hold the results, and how much.

The numbers and names of a provider come from its documentation; its file says from where.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

from pydantic import Field, field_validator

from cosmop.collecting.providers.provider_key import PLACE
from cosmop.config import Options, Strings

FIELDS = {
    "image_url": "location",
    "thumbnail_url": "thumbnail_url",
    "page_url": "page_url",
    "title": "title",
    "alt_text": "alt_text",
    "author": "author",
    "licence": "licence",
    "licence_url": "licence_url",
    "width": "claimed_width",
    "height": "claimed_height",
}
_PLACES = {"query", "page", "offset", "per_page", "language", "key"}
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+: [ -z|~]*\{key\}[ -z|~]*", re.ASCII)
DEFAULT_LANGUAGE = "en"


class ApiPagingOptions(Options):
    """How answer after answer is asked for."""

    first_page: int = Field(default=1, ge=0, description="What {page} is in the first request.")
    first_offset: int = Field(default=0, ge=0, description="What {offset} is in the first request.")
    per_page: int = Field(default=20, ge=1, description="Results per answer; fills {per_page}.")
    max_pages: int = Field(default=50, ge=1, description="Answers per query, at most.")
    pages_path: str = Field(default="", description="Where an answer tells how many there are.")
    continuation_path: str = Field(
        default="",
        description="Where an answer holds an object of parameters for the next request; the last "
        "answer has none.",
    )


class ApiProviderOptions(Options):
    """One search API that answers in JSON.

    Paths lead into the answer: names and list indices with dots between them, such as
    ``imageinfo.0.extmetadata.Artist.value``.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The source of its candidates.")
    kind: Literal["api"] = "api"
    url_template: str = Field(
        description=f"Has {{query}}, and others among {sorted(_PLACES)}; with {{key}} the API is "
        "asked only if the credentials have a key for this provider, and no redirect is followed."
    )
    paging: ApiPagingOptions = ApiPagingOptions()
    results: str = Field(min_length=1, description="Path to the results: a list or an object.")
    order_by: str = Field(default="", description="Path in a result to its rank, if unordered.")
    fields: dict[str, str | Strings] = Field(
        description=f"Ours to paths in a result; ours are {[*FIELDS]}. Several paths are joined by "
        "a space: by-sa and 4.0 to one licence."
    )
    empty_path: str = Field(
        default="", description="Is there in an answer that has no results and no list of them."
    )
    error_path: str = Field(default="", description="Where an answer of status 200 tells an error.")
    busy_errors: Strings = Field(default=(), description="Errors that mean: ask again later.")
    max_results: int = Field(default=1000, ge=1, description="What the API gives at most.")
    timeout_s: float = Field(default=20.0, gt=0, description="For one answer, in seconds.")
    interval_s: float = Field(default=1.0, ge=0, description="Between two requests, in seconds.")
    max_wait_s: float = Field(
        default=60.0, ge=0, description="A Retry-After up to this is waited for, once per request."
    )
    headers: dict[str, str] = Field(
        default={},
        description="Name to text with {key} in it, such as Authorization to Bearer {key}; sent if "
        "the credentials have a key for this provider.",
    )
    needs_contact: bool = Field(
        default=False, description="Whether the API refuses a user agent without a contact."
    )

    @field_validator("url_template")
    @classmethod
    def _is_an_address_with_a_query(cls, template: str) -> str:
        places = set(re.findall(r"\{(\w*)\}", template))
        if not template.startswith(("http://", "https://")) or "query" not in places:
            raise ValueError("an http(s) address with {query} in it")
        if not places <= _PLACES:
            raise ValueError(f"an address with no other places than {sorted(_PLACES)}")
        parts = urlsplit(template)
        if PLACE in parts.netloc + parts.fragment:
            raise ValueError("an address with {key} in its path or query alone")
        return template

    @field_validator("headers")
    @classmethod
    def _have_a_place_for_a_key(cls, headers: dict[str, str]) -> dict[str, str]:
        if not all(_HEADER.fullmatch(f"{name}: {text}") for name, text in headers.items()):
            raise ValueError(
                'a map of headers to texts with "{key}" in quotation marks; the key itself goes '
                "into provider_keys in conf/local/credentials.yml"
            )
        return headers

    @field_validator("headers", mode="before")
    @classmethod
    def _hold_no_key(cls, headers: Any) -> Any:
        """Forget texts without {key}: they may be the key itself, and complaints quote them.

        Stands last, since Pydantic quotes what a validator got that stands before this one.
        """
        if not isinstance(headers, dict):
            return "hidden"
        return {name: text if PLACE in str(text) else "hidden" for name, text in headers.items()}

    @field_validator("fields")
    @classmethod
    def _are_known(cls, fields: dict[str, str | Strings]) -> dict[str, str | Strings]:
        if "image_url" not in fields or not set(fields) <= set(FIELDS):
            raise ValueError(f"a map with image_url in it and names among {sorted(FIELDS)}")
        return fields

    @property
    def has_pages(self) -> bool:
        """Whether there is more than one answer to ask for."""
        by_number = "{page}" in self.url_template or "{offset}" in self.url_template
        return by_number or bool(self.paging.continuation_path)

    def url(self, query: str, page: int, continuation: Mapping[str, str]) -> str:
        """Return the address of answer number `page`, counted from 0; {key} stays as it is.

        Args:
            query: As a person wrote it.
            page: Fills {page} and {offset}.
            continuation: Parameters that the answer before asked for.
        """
        paging = self.paging
        values = {
            "query": quote_plus(query),
            "page": str(paging.first_page + page),
            "offset": str(paging.first_offset + page * paging.per_page),
            "per_page": str(paging.per_page),
            "language": DEFAULT_LANGUAGE,
            "key": PLACE,
        }
        url = re.sub(r"\{(\w+)\}", lambda place: values[place[1]], self.url_template)
        if not continuation:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(continuation)}"
