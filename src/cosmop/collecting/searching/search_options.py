"""Options of the search: which sources, which providers, how much."""

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from cosmop.collecting.lists.url_lists import UrlListOptions
from cosmop.collecting.posts.post_options import PostOptions
from cosmop.collecting.web.user_agents import USER_AGENT_WITHOUT_CONTACT, UserAgent
from cosmop.config import Options, Strings

SOURCES = ("search", "posts", "folder", "url_list")


def _as_url_list(given: Any) -> Any:
    return UrlListOptions(path=given) if isinstance(given, str) and given else given or None


class SearchOptions(Options):
    """Where images are looked for."""

    sources: Strings = Field(default=("search",), min_length=1, description=f"Among {SOURCES}.")
    providers: Strings = Field(
        default=(), description="Names of files in conf/base/providers, for source search."
    )
    posts: PostOptions = PostOptions()
    folder: str | None = Field(default=None, description="Folder of images, for source folder.")
    url_list: Annotated[UrlListOptions | None, BeforeValidator(_as_url_list)] = Field(
        default=None, description="A path, or a path with its columns, for source url_list."
    )
    max_results_per_query: int = Field(
        default=100, ge=1, description="Per query and source, where a query has no cap of its own."
    )
    give_up_after: int = Field(
        default=5,
        ge=1,
        description="Questions that one provider refuses or fails in a row; then it is asked no "
        "more in this search.",
    )
    reuse_answers_hours: float = Field(
        default=24.0, ge=0, description="Answers of an interrupted search are kept that long."
    )
    browser: Literal["auto", "never"] = Field(
        default="auto", description="auto: Chromium if it starts, else plain HTTP."
    )
    browser_start_s: float = Field(default=5.0, gt=0, description="Wait for Chromium, in seconds.")
    user_agent: UserAgent = Field(
        default=USER_AGENT_WITHOUT_CONTACT,
        description="Of plain HTTP and APIs; printable ASCII, with a contact.",
    )

    @field_validator("sources")
    @classmethod
    def _are_known(cls, sources: Strings) -> Strings:
        for source in sources:
            if source not in SOURCES:
                near = get_close_matches(source, SOURCES, n=1)
                hint = f", did you mean {near[0]!r} for {source!r}" if near else ""
                raise ValueError(f"among {list(SOURCES)}{hint}")
        return sources
