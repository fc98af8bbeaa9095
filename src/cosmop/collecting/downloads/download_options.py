"""How images are fetched: how fast, how politely, how much, and what is kept of them."""

import hashlib
import re
from difflib import get_close_matches
from typing import Literal

from pydantic import Field, field_validator

from cosmop.collecting.downloads.budgets import BudgetOptions
from cosmop.collecting.downloads.hosts import HostLimits
from cosmop.collecting.downloads.opt_outs import DEFAULT_REFUSED
from cosmop.collecting.web.fetch_errors import FetchLimits
from cosmop.collecting.web.user_agents import USER_AGENT_WITHOUT_CONTACT, UserAgent
from cosmop.config import Options, Strings
from cosmop.imaging.intake_options import IntakeOptions

# Why a candidate may have failed; and http_ with a status.
PROBLEM_KINDS = frozenset(
    (
        *("forbidden_address", "bad_address", "host_not_found", "no_connection", "timeout"),
        *("too_slow", "tls_error", "too_long", "too_many_redirects", "broken_answer"),
        *("robots", "robots_unreachable", "opt_out", "budget", "given_up"),
        *("not_an_image", "truncated", "too_small", "too_many_pixels", "too_long_shape"),
        *("too_many_frames", "undecodable", "decoder_died", "decoder_hung", "unreadable_file"),
    )
)


def _is_problem_kind(kind: str) -> bool:
    return kind in PROBLEM_KINDS or re.fullmatch(r"http_\d{3}", kind) is not None


class DownloadOptions(Options):
    """How images are fetched, and what is kept of them."""

    slots: int = Field(default=64, ge=1, le=4096, description="Downloads at once, in all.")
    per_host_in_flight: int = Field(default=4, ge=1, description="Downloads at once, per host.")
    per_host_interval_s: float = Field(
        default=0.2,
        ge=0,
        description="Between two starts at one host, in seconds; a longer Crawl-delay counts.",
    )
    per_host_burst: int = Field(
        default=1, ge=1, description="Starts at one host that may follow each other at once."
    )
    slow_hosts_share: float = Field(
        default=0.5, gt=0, le=1, description="Of the slots, for all hosts that are slow."
    )
    connect_s: float = Field(default=10.0, gt=0, description="To look up and connect, in seconds.")
    headers_s: float = Field(default=15.0, gt=0, description="To answer, in seconds.")
    total_s: float = Field(default=60.0, gt=0, description="Per attempt, in seconds.")
    min_bytes_per_s: float = Field(
        default=1000.0, ge=0, description="Mean over each 5 s of a body; slower is given up."
    )
    max_bytes: int = Field(default=30_000_000, ge=1, description="Per image.")
    max_redirects: int = Field(default=5, ge=0, description="Per image.")
    retries: int = Field(default=2, ge=0, description="After 429, 5xx and lost connections.")
    backoff_s: float = Field(
        default=1.0,
        ge=0,
        description="Longest pause before the first retry, doubles; the pause is random up to it.",
    )
    max_wait_s: float = Field(
        default=120.0, ge=0, description="A host that asks to wait longer is given up."
    )
    max_failures_in_a_row: int = Field(
        default=20,
        ge=1,
        description="A host is given up after so many attempts that failed like those of a host "
        "that is down.",
    )
    user_agent: UserAgent = Field(
        default=USER_AGENT_WITHOUT_CONTACT,
        description="Who asks, honestly, with a contact; printable ASCII.",
    )
    obeys_robots_txt: bool = Field(
        default=True,
        description="RFC 9309, with Crawl-delay; and tdmrep.json beside it, if directives are "
        "refused.",
    )
    refused_directives: Strings = Field(
        default=DEFAULT_REFUSED,
        description="Of X-Robots-Tag; with any, tdm-reservation counts too. Empty: no opt-outs.",
    )
    budgets: BudgetOptions = BudgetOptions()
    retry_failed: Literal["temporary", "all", "none"] | Strings = Field(
        default="temporary",
        description="Which failures of earlier runs are tried again: all that may pass (lost "
        "connections, 429, 5xx), all, none, or those of the problem_kinds listed.",
    )
    intake: IntakeOptions = IntakeOptions()
    decoding_workers: int = Field(default=0, ge=0, description="Processes; 0 is one per core.")
    decode_s: float = Field(default=60.0, gt=0, description="Per image, in seconds.")
    waiting_for_decoding: int = Field(
        default=256, ge=1, description="Files that wait for a decoder; then downloads wait too."
    )

    @field_validator("retry_failed")
    @classmethod
    def _are_kinds(cls, wish: str | tuple[str, ...]) -> str | tuple[str, ...]:
        kinds = wish if isinstance(wish, tuple) else ()
        unknown = [kind for kind in kinds if not _is_problem_kind(kind)]
        if unknown:
            near = get_close_matches(unknown[0], PROBLEM_KINDS, n=1)
            known = f"did you mean {near[0]!r}?" if near else f"known are {sorted(PROBLEM_KINDS)}"
            raise ValueError(f"of problem_kinds, {known}")
        return wish

    @property
    def fetch_limits(self) -> FetchLimits:
        """What one exchange may take."""
        return FetchLimits(
            connect_s=self.connect_s,
            headers_s=self.headers_s,
            total_s=self.total_s,
            min_bytes_per_s=self.min_bytes_per_s,
            max_bytes=self.max_bytes,
            max_redirects=self.max_redirects,
        )

    @property
    def host_limits(self) -> HostLimits:
        """What one host may be asked for."""
        return HostLimits(
            in_flight=self.per_host_in_flight,
            interval_s=self.per_host_interval_s,
            burst=self.per_host_burst,
            slow_share=self.slow_hosts_share,
        )

    @property
    def fingerprint(self) -> str:
        """A short text that differs where other images could be stored, or refused."""
        wanted = {"limits", "resize", "reencode", "jpeg_quality"}
        text = f"{self.intake.model_dump_json(include=wanted)} {self.max_bytes}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]
