"""Safe, polite, resumable download of candidates into the image store."""

import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import urllib3
from pydantic import Field

from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.fetching import FetchError, FetchLimits, fetch
from cosmop.collecting.guard import guarded_pool
from cosmop.collecting.politeness import HostLimiter
from cosmop.config import Options
from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits, UnreadableImageError, inspect_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.progress import track

logger = logging.getLogger(__name__)

LOG_COLUMNS = (
    "candidate_id",
    "location",
    "status",
    "image_id",
    "reason",
    "path",
    "width",
    "height",
    "bytes",
    "fetched_at",
)
_PROVENANCE = (
    *("source", "query", "rank", "title", "author", "licence", "page_url", "location"),
    "source_path",
)
MANIFEST_COLUMNS = (
    *("image_id", "path", "width", "height", "bytes"),
    *_PROVENANCE,
    "fetched_at",
    "copies",
)


class DownloadOptions(Options):
    """How images are fetched: how fast, how long, how much."""

    workers: int = Field(default=8, ge=1, le=256, description="Downloads at once, in all.")
    timeout_s: float = Field(default=10.0, gt=0, description="Per network operation, in seconds.")
    total_deadline_s: float = Field(default=60.0, gt=0, description="Per attempt, in seconds.")
    max_bytes: int = Field(default=30_000_000, ge=1, description="Per image.")
    max_redirects: int = Field(default=5, ge=0, description="Per image.")
    per_host_in_flight: int = Field(default=4, ge=1, description="Downloads at once, per host.")
    per_host_interval_s: float = Field(
        default=0.2, ge=0, description="Between two starts at one host, in seconds."
    )
    retries: int = Field(default=2, ge=0, description="After 429, 5xx and lost connections.")
    backoff_s: float = Field(default=1.0, ge=0, description="Longest first pause; doubles.")
    max_wait_s: float = Field(
        default=120.0, ge=0, description="A host that asks to wait longer is given up."
    )
    user_agent: str = Field(
        default="cosmop/0.1 (image research; contact: set user_agent in the parameters)",
        description="Who asks, honestly, with a contact.",
    )
    limits: DecodingLimits = DecodingLimits()

    @property
    def fetch_limits(self) -> FetchLimits:
        """The part that one exchange needs."""
        return FetchLimits(
            timeout_s=self.timeout_s,
            total_deadline_s=self.total_deadline_s,
            max_bytes=self.max_bytes,
            user_agent=self.user_agent,
            max_redirects=self.max_redirects,
        )


@dataclass(frozen=True)
class DownloadResult:
    """The images that came, and what became of every candidate.

    Attributes:
        images: One row per different content, see `MANIFEST_COLUMNS`; the provenance is that of
            the first candidate with this content, ``copies`` counts all of them.
        log: One row per candidate, see `LOG_COLUMNS`; status is stored, identical (the same bytes
            as an earlier candidate) or failed.
    """

    images: ImageSet
    log: pd.DataFrame


@dataclass(frozen=True)
class _Arrival:
    """What became of one candidate; `image_id` is empty when it failed."""

    image_id: str = ""
    reason: str = ""
    path: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    fetched_at: str = ""


def download_images(
    candidates: pd.DataFrame,
    store: ImageStore,
    options: DownloadOptions,
    *,
    host_addresses: Mapping[str, str],
    done: pd.DataFrame | None = None,
) -> DownloadResult:
    """Fetch every candidate that is not in the store yet; a failure is a row with its reason.

    Args:
        candidates: See `cosmop.collecting.candidates.CANDIDATE_COLUMNS`.
        store: Where the bytes go, named by content; the name in the URL means nothing.
        options: Limits and politeness.
        host_addresses: Host name to ``"IP:PORT"``: the only way to a private address.
        done: The log of an earlier call. What it stored, and the store still has, is not fetched
            again; what failed is tried again.

    Raises:
        InputError: Nothing to download, nothing downloaded, or the disk is full.
    """
    if candidates.empty:
        raise InputError(
            "The download wants at least one image candidate, but got none; run the search first."
        )
    arrivals = _arrived_before(done, store)
    todo = [row for row in _rows(candidates) if row["candidate_id"] not in arrivals]
    if arrivals:
        logger.info("%d of %d candidates are stored already", len(arrivals), len(candidates))
    arrivals |= _Downloader(store, options, host_addresses).fetch_all(todo)
    log = _log(candidates, arrivals)
    _report(log)
    return DownloadResult(ImageSet(_manifest(candidates, log), store), log)


def _rows(candidates: pd.DataFrame) -> list[dict[str, Any]]:
    records = candidates[list(CANDIDATE_COLUMNS)].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in records]


def _arrived_before(done: pd.DataFrame | None, store: ImageStore) -> dict[str, _Arrival]:
    if done is None:
        return {}
    arrived = done[done["status"].isin(["stored", "identical"])]
    facts = [name for name in LOG_COLUMNS if name in _Arrival.__dataclass_fields__]
    return {
        str(row["candidate_id"]): _Arrival(**{name: row[name] for name in facts})
        for row in arrived.to_dict("records")
        if (store.root / str(row["path"])).is_file()
    }


class _Downloader:
    def __init__(
        self, store: ImageStore, options: DownloadOptions, host_addresses: Mapping[str, str]
    ) -> None:
        self._store = store
        self._options = options
        self._pool = guarded_pool(host_addresses, connections_per_host=options.per_host_in_flight)
        self._limiter = HostLimiter(options.per_host_in_flight, options.per_host_interval_s)

    def fetch_all(self, rows: list[dict[str, Any]]) -> dict[str, _Arrival]:
        """Fetch `rows` with all workers; the first error of our own ends it all."""
        arrivals: dict[str, _Arrival] = {}
        executor = ThreadPoolExecutor(self._options.workers, thread_name_prefix="download")
        try:
            futures: dict[Future[_Arrival], str] = {
                executor.submit(self._fetch_one, row): row["candidate_id"]
                for row in _spread_over_hosts(rows)
            }
            bar = track(as_completed(futures), "Downloading", total=len(futures), unit="image")
            for future in bar:
                arrivals[futures[future]] = future.result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
            self._pool.clear()
        return arrivals

    def _fetch_one(self, row: dict[str, Any]) -> _Arrival:
        try:
            content = self._read(row["kind"], row["location"])
            facts = inspect_image(content, self._options.limits)
        except (FetchError, UnreadableImageError) as error:
            return _Arrival(reason=str(error))
        image_id, path = self._store.add(content, facts.extension)
        return _Arrival(
            image_id=image_id,
            path=path,
            width=facts.width,
            height=facts.height,
            bytes=len(content),
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _read(self, kind: str, location: str) -> bytes:
        if kind == "file":
            return read_file(Path(location), self._options.max_bytes)
        return fetch_politely(self._pool, self._limiter, location, self._options)


def fetch_politely(
    pool: urllib3.PoolManager, limiter: HostLimiter, url: str, options: DownloadOptions
) -> bytes:
    """Get `url` in its host's turn, trying again as long as that may help.

    Waits as ``Retry-After`` asks, for all downloads of the host; without it, a random time up to
    the backoff, which doubles (full jitter). A host that asks for more than ``max_wait_s`` is
    given up: its other downloads fail at once.

    Raises:
        FetchError: The last failure.
    """
    host = host_of(url)
    for attempt in range(options.retries + 1):
        try:
            with limiter.turn(host):
                if limiter.is_given_up(host):
                    raise FetchError("the host asked to wait too long")  # noqa: TRY301 - told apart below
                return fetch(pool, url, options.fetch_limits).body
        except FetchError as error:
            if not error.is_worth_retrying or attempt == options.retries:
                raise
            longest = options.backoff_s * 2**attempt
            wait_s = random.uniform(0, longest)  # noqa: S311 - jitter keeps no secret
            if error.retry_after_s is not None:
                wait_s = error.retry_after_s
                if wait_s > options.max_wait_s:
                    limiter.give_up(host)
                    raise FetchError(f"{error}, asks to wait {wait_s:.0f} s") from error
                limiter.pause(host, wait_s)
            time.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def host_of(url: str) -> str:
    """Return the host by which downloads take turns; ``""`` where a URL has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def read_file(file: Path, max_bytes: int) -> bytes:
    """Read a regular file under the same limits as a download.

    Raises:
        FetchError: Not a readable regular file, or too long.
    """
    try:
        if not file.is_file():
            raise FetchError("not a regular file")
        if file.stat().st_size > max_bytes:
            raise FetchError(f"longer than {max_bytes} bytes")
        return file.read_bytes()
    except OSError as error:
        raise FetchError(f"unreadable file ({error.strerror})") from error


def _spread_over_hosts(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows so that hosts alternate: a slow host then holds few workers."""
    queues: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        queues[host_of(row["location"]) if row["kind"] == "url" else ""].append(row)
    for turn in range(max(map(len, queues.values()), default=0)):
        yield from (queue[turn] for queue in queues.values() if turn < len(queue))


def _log(candidates: pd.DataFrame, arrivals: Mapping[str, _Arrival]) -> pd.DataFrame:
    facts = [asdict(arrivals[str(name)]) for name in candidates["candidate_id"]]
    log = pd.DataFrame(facts).assign(
        candidate_id=candidates["candidate_id"].to_numpy(),
        location=candidates["location"].to_numpy(),
    )
    has_image = log["image_id"] != ""
    is_repeated = log["image_id"].duplicated() & has_image
    log["status"] = "failed"
    log.loc[has_image, "status"] = "stored"
    log.loc[is_repeated, "status"] = "identical"
    return log[list(LOG_COLUMNS)]


def _manifest(candidates: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    provenance = candidates.set_index("candidate_id")[
        [name for name in _PROVENANCE if name != "location"]
    ]
    stored = log[log["status"] == "stored"].join(provenance, on="candidate_id")
    copies = log.groupby("image_id")["candidate_id"].count()
    stored = stored.assign(copies=stored["image_id"].map(copies).astype("int64"))
    return stored[list(MANIFEST_COLUMNS)].reset_index(drop=True)


def _report(log: pd.DataFrame) -> None:
    counts = Counter(log["status"])
    logger.info(
        "%d images stored, %d identical, %d failed",
        *(counts["stored"], counts["identical"], counts["failed"]),
    )
    failed = log[log["status"] == "failed"]
    reasons = Counter(failed["reason"]).most_common()
    for reason, count in reasons[:5]:
        logger.info("%d failed: %s", count, reason)
    if len(failed) == len(log):
        reason, count = reasons[0]
        raise InputError(
            f"The download wants at least one usable image, but all {len(log)} candidates failed, "
            f"{count} of them with: {reason}; look at the log's reasons, then check the sources, "
            "the network and the limits."
        )
