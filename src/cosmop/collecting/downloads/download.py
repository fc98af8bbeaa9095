"""Safe, polite, resumable download of candidates into the image store."""

import asyncio
import errno
import logging
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cosmop.collecting.downloads.arrivals import JOURNAL, Arrivals
from cosmop.collecting.downloads.budgets import Budgets
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.download_statistics import DownloadStatistics
from cosmop.collecting.downloads.download_tables import (
    hash_table,
    log_table,
    manifest_table,
    with_untried,
)
from cosmop.collecting.downloads.downloading import Downloading
from cosmop.collecting.downloads.finishing import Finisher
from cosmop.collecting.downloads.receiving import Receiver, Wanted, host_of
from cosmop.collecting.downloads.resuming import remaining
from cosmop.collecting.downloads.withdrawals import withdrawn_ids
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.collecting.web.own_thread import OwnThread
from cosmop.collecting.web.user_agents import USER_AGENT_WITHOUT_CONTACT
from cosmop.collecting.web.web_client import WebClient
from cosmop.errors import InputError, is_no_room
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.intake_processes import IntakeProcesses
from cosmop.imaging.store import ImageStore

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_SYNCS = 1.0


@dataclass(frozen=True)
class DownloadResult:
    """The images that came, and what became of every candidate.

    Attributes:
        images: See `cosmop.collecting.downloads.download_tables.manifest_table`.
        log: See `cosmop.collecting.downloads.download_tables.log_table`.
        hashes: See `cosmop.collecting.downloads.download_tables.hash_table`.
        statistics: One row per host that this run has asked, see
            `cosmop.collecting.downloads.download_statistics.DownloadStatistics.table`.
    """

    images: ImageSet
    log: pd.DataFrame
    hashes: pd.DataFrame
    statistics: pd.DataFrame


def download_images(
    candidates: pd.DataFrame,
    store: ImageStore,
    options: DownloadOptions,
    *,
    host_addresses: Mapping[str, str],
    work: Path,
) -> DownloadResult:
    """Fetch every candidate that is not in the store yet; a failure is a row with its reason.

    What was done lies in `work`, line by line: run again after whatever end, and only what is
    missing is fetched.

    Args:
        candidates: See `cosmop.collecting.candidates.CANDIDATE_COLUMNS`.
        store: Where the bytes go, named by content; the name in the URL means nothing.
        options: Limits and politeness.
        host_addresses: Host name to ``"IP:PORT"``: the only way to a private address.
        work: Folder of the journal and of unfinished files, best on the store's disk.

    Raises:
        InputError: Nothing to download, nothing downloaded, the disk is full, or another process
            downloads into `work`.
    """
    if candidates.empty:
        raise InputError(
            "The download wants at least one image candidate, but got none; run the search first."
        )
    with _sentences_for_a_full_system(work), Arrivals(work) as arrivals:
        wanted = remaining(candidates, arrivals, store, options)
        _tell_before(candidates, wanted, options, host_addresses)
        done = candidates["candidate_id"].nunique() - len(wanted)
        statistics = DownloadStatistics(done + len(wanted), done)
        with closing(statistics), OwnThread("download") as thread:
            untried = thread.run(
                _fetch(wanted, store, options, host_addresses, work, arrivals, statistics)
            )
        arrived = with_untried(arrivals.table(), untried)
    log = log_table(candidates, arrived)
    _tell_after(log, len(untried), work)
    images = ImageSet(manifest_table(candidates, log), store)
    hashes = hash_table(images.manifest["image_id"], arrived)
    return DownloadResult(images, log, hashes, statistics.table())


async def _fetch(
    wanted: Sequence[Wanted],
    store: ImageStore,
    options: DownloadOptions,
    host_addresses: Mapping[str, str],
    work: Path,
    arrivals: Arrivals,
    statistics: DownloadStatistics,
) -> dict[str, FetchError]:
    """Finish all that is wanted and return why candidates were not tried."""
    budgets = Budgets(options.budgets, store.root)
    client = WebClient(
        user_agent=options.user_agent, host_addresses=host_addresses, connections=options.slots
    )
    intake = IntakeProcesses(
        store, options.intake, workers=options.decoding_workers, decode_s=options.decode_s
    )
    async with client, intake, _synced(arrivals):
        finisher = Finisher(
            options,
            intake=intake,
            arrivals=arrivals,
            statistics=statistics,
            budgets=budgets,
            store=store,
            withdrawn=withdrawn_ids(work),
        )
        receiver = Receiver(client, options)
        with _folder_for_parts(work / "parts") as parts:
            downloading = Downloading(
                options, receiver=receiver, finisher=finisher, budgets=budgets, parts=parts
            )
            await downloading.run(wanted)
    return finisher.untried


@contextmanager
def _folder_for_parts(folder: Path) -> Iterator[Path]:
    """Make a folder in `folder`, and leave nothing there, of killed runs neither.

    Its name is new: a decoder that has outlived its killed run may still want the old files.
    """
    shutil.rmtree(folder, ignore_errors=True)
    parts = folder / uuid.uuid4().hex
    parts.mkdir(parents=True)
    try:
        yield parts
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _synced(arrivals: Arrivals) -> AsyncIterator[None]:
    """Bring the journal onto the disk now and then, without making anyone wait."""

    async def sync() -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_SYNCS)
            await asyncio.to_thread(arrivals.sync)

    syncing = asyncio.create_task(sync())
    try:
        yield
    finally:
        syncing.cancel()


@contextmanager
def _sentences_for_a_full_system(work: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_no_room(error):
            wanted = f"room for its journal and unfinished files in {work}, but the disk is full"
            way_out = "free some space"
        elif error.errno in (errno.EMFILE, errno.ENFILE):
            wanted = "a file and a connection for each slot, but the system opens no more of them"
            way_out = "lower slots, or raise the limit (ulimit -n)"
        else:
            raise
        raise InputError(
            f"The download wants {wanted}; {way_out} and run the same command again, nothing is "
            "lost."
        ) from error


def _tell_before(
    candidates: pd.DataFrame,
    wanted: Sequence[Wanted],
    options: DownloadOptions,
    host_addresses: Mapping[str, str],
) -> None:
    if len(wanted) < len(candidates):
        logger.info(
            "%d of %d candidates need work, the others are done already",
            *(len(wanted), len(candidates)),
        )
    stated = {name.lower() for name in host_addresses}
    strangers = (item.url for item in wanted if not item.file)
    if options.user_agent == USER_AGENT_WITHOUT_CONTACT and any(
        host_of(url) not in stated for url in strangers
    ):
        logger.warning(
            "Nobody can reach you: user_agent in the download parameters has no contact; give a "
            "page or an address, so that a site can complain before it shuts you out."
        )


def _tell_after(log: pd.DataFrame, untried: int, work: Path) -> None:
    counts = Counter(log["status"])
    logger.info(
        "%d images stored, %d identical, %d failed",
        *(counts["stored"], counts["identical"], counts["failed"]),
    )
    failed = log[log["status"] == "failed"]
    reasons = Counter(failed["reason"]).most_common()
    for reason, count in reasons[:5]:
        logger.info("%d failed: %s", count, reason)
    if untried:
        logger.info("%d of these were not tried; the next run tries them", untried)
    if len(failed) == len(log):
        quoted = "; ".join(f"{count} with: {reason}" for reason, count in reasons[:3])
        raise InputError(
            f"The download wants at least one usable image, but all {len(log)} candidates failed, "
            f"{quoted} (see {work / JOURNAL}); check the sources, the network and the limits, then "
            "try all again with ingestion.download.retry_failed: all."
        )
