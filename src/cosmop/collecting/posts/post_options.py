"""Options of posts: which are looked for, what they may cost, how their API is asked."""

import re
from datetime import datetime
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cosmop.config import Options
from cosmop.errors import InputError

SMALLEST_PAGE = 10  # posts; what both searches accept at least as max_results
LARGEST_PAGES = {"recent": 100, "all": 500}
LONGEST_QUERIES = {"recent": 512, "all": 1024}  # characters, self-serve access
SECONDS_BETWEEN = {"recent": 0.0, "all": 1.0}  # the full archive takes one request per second
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Prices(Options):
    """What the X API charges per resource read; the account's console has the last word."""

    posts_usd: float = Field(default=0.005, ge=0, description="Per post, in US dollars.")
    media_usd: float = Field(
        default=0.005, ge=0, description="Per photo or video of an expansion, in US dollars."
    )
    users_usd: float = Field(
        default=0.010, ge=0, description="Per author of an expansion, in US dollars."
    )
    as_of: str = Field(default="2026-11-21", description="When these prices were looked up.")
    source: str = Field(
        default="docs.x.com/x-api/getting-started/pricing", description="Where they were read."
    )


class PostOptions(Options):
    """How posts are searched; the limits of the API are those of docs.x.com, November 2026.

    `max_posts` and `max_cost_usd` count all runs of one UTC day that share a work folder, because
    X charges a resource once in a UTC day; a run that crosses midnight keeps its count.
    """

    archive: Literal["recent", "all"] = Field(
        default="recent", description="recent: the last 7 days; all: since 2006, if paid for."
    )
    start_time: str | None = Field(
        default=None,
        description="Oldest time, YYYY-MM-DDTHH:MM:SSZ; none: as far as recent reaches, or 30 days "
        "back in all.",
    )
    end_time: str | None = Field(default=None, description="Newest time; none: now.")
    query_suffix: str = Field(
        default="has:images -is:retweet",
        description="Operators added to each query that does not have them.",
    )
    page_size: int = Field(
        default=100, ge=SMALLEST_PAGE, le=500, description="Posts per request; 100 in recent."
    )
    max_pages: int = Field(default=10, ge=1, description="Requests per query and run, at most.")
    max_posts: int = Field(default=1000, ge=1, description="Posts read per UTC day, at most.")
    max_cost_usd: float = Field(
        default=10.0, ge=0, description="Cost per UTC day, at most, in US dollars."
    )
    prices: Prices = Prices()
    authors: bool = Field(
        default=False, description="Ask for names; may triple the bill: the id comes anyway."
    )
    leave_out_sensitive: bool = Field(
        default=False, description="Leave out posts that X calls possibly sensitive."
    )
    reuse_archive: bool = Field(
        default=True, description="Archived posts are candidates again; false asks for all anew."
    )
    timeout_s: float = Field(default=20.0, gt=0, description="Per network operation, in seconds.")
    retries: int = Field(default=3, ge=0, description="After server errors and lost connections.")
    backoff_s: float = Field(default=1.0, gt=0, description="First pause before a retry; doubles.")
    max_wait_s: float = Field(
        default=900.0, ge=0, description="Wait for rate limits, per run; X's window is 15 minutes."
    )
    compliance: Literal["lookup", "job"] = Field(
        default="lookup",
        description="How archived posts are checked; lookup: paid per post, at once; job: a batch "
        "job, free where the account has them.",
    )
    job_poll_s: float = Field(default=10.0, gt=0, description="Pause between looks at a job.")
    job_wait_s: float = Field(default=3600.0, gt=0, description="Wait for a job, at most.")

    def check_prices(self) -> None:
        """Refuse prices by which `max_cost_usd` could stop nothing.

        Raises:
            InputError: A post costs nothing.
        """
        if self.prices.posts_usd <= 0:
            raise InputError(
                "Asking X for posts wants prices, so that max_cost_usd can stop it, but got "
                f"posts_usd {self.prices.posts_usd:g} from {self.prices.source!r}; write what your "
                "plan pays into `prices` of ingestion.search.posts and compliance.posts "
                "(docs/collecting.md has X's), of a flat rate its share of one post."
            )

    @field_validator("start_time", "end_time")
    @classmethod
    def _is_moment(cls, text: str | None) -> str | None:
        if text is not None:
            if not re.fullmatch(_MOMENT, text):
                raise ValueError("a time such as '2026-01-31T00:00:00Z' (quoted in YAML)")
            datetime.fromisoformat(text)
        return text

    @model_validator(mode="after")
    def _page_fits(self) -> Self:
        largest = LARGEST_PAGES[self.archive]
        if self.page_size > largest:
            raise ValueError(f"a page_size of at most {largest} in the archive {self.archive!r}")
        return self
