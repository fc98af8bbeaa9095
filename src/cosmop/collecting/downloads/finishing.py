"""The end of every candidate's way: into the store and the journal, or to a reason."""

from datetime import UTC, datetime
from pathlib import Path

from cosmop.collecting.downloads.arrivals import Arrival, Arrivals
from cosmop.collecting.downloads.budgets import Budgets
from cosmop.collecting.downloads.doubts import Doubts
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.download_statistics import DownloadStatistics
from cosmop.collecting.downloads.receiving import Wanted
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.imaging.hash_rows import hashing_fingerprint
from cosmop.imaging.intake import IntakeRow, refused
from cosmop.imaging.intake_processes import IntakeProcesses
from cosmop.imaging.store import ImageStore

# What says nothing about an image: such a candidate was not tried, and has no line in the journal.
UNTRIED = frozenset({"budget", "given_up", "robots_unreachable"})

WITHDRAWN = "withdrawn"  # of an image that had to go, see `cosmop.collecting.downloads.withdrawals`

# Of what intake refuses, what need not be the file's fault.
_PASSING = frozenset({"decoder_died", "decoder_hung", "unreadable_file"})


class Finisher:
    """Finishes candidates, each once.

    Args:
        options: Of the download.
        intake: Decodes and stores.
        arrivals: Where each candidate that was tried gets its line.
        statistics: Is told of each that was tried.
        budgets: Are asked and told.
        store: Where intake stores.
        withdrawn: Images that had to go: what comes again is deleted again, see
            `cosmop.collecting.downloads.withdrawals`.

    Attributes:
        untried: Why a candidate was not tried, by its id; the kinds are those of `UNTRIED`.
    """

    def __init__(
        self,
        options: DownloadOptions,
        *,
        intake: IntakeProcesses,
        arrivals: Arrivals,
        statistics: DownloadStatistics,
        budgets: Budgets,
        store: ImageStore,
        withdrawn: frozenset[str],
    ) -> None:
        self.untried: dict[str, FetchError] = {}
        self._intake = intake
        self._arrivals = arrivals
        self._statistics = statistics
        self._budgets = budgets
        self._store = store
        self._withdrawn = withdrawn
        self._doubts = Doubts()
        self._fingerprint = options.fingerprint
        self._hashing = hashing_fingerprint(options.intake.hashing)

    async def take_in(self, host: str, item: Wanted, file: Path, length: int) -> None:
        """Decode and store a `file` of `length` bytes; that of a download is gone then.

        Raises:
            InputError: The disk is full, or no decoder starts.
        """
        if reason := self._budgets.why_not(host):
            self.fail(host, item, FetchError("budget", reason))
            if not item.file:
                file.unlink()
            return
        self._budgets.spend(host, length)
        row = await self._intake.take_in(file, owned=not item.file)
        if not self._withdrawn.isdisjoint((row.image_id, row.original_sha256)):
            self._store.remove(row.image_id)
            row = refused(WITHDRAWN, "withdrawn for good", row.bytes, row.original_sha256)
        if row.problem_kind:
            self._budgets.spend(host, 0, images=-1)
        self._write(host, item, self._arrival(item, row), length)

    def fail(self, host: str, item: Wanted, error: FetchError) -> None:
        """Give up a candidate for a reason."""
        if error.kind in UNTRIED:
            self.untried[item.candidate_id] = error
            return
        arrival = Arrival(
            candidate_id=item.candidate_id,
            fingerprint=self._fingerprint,
            problem_kind=error.kind,
            reason=_text(str(error)),
            is_temporary=error.is_worth_retrying,
            final_url=_text(item.url),
            attempts=item.attempts,
            fetched_at=_time(),
        )
        self._write(host, item, arrival, 0)

    def _write(self, host: str, item: Wanted, arrival: Arrival, length: int) -> None:
        for line in self._lines(item.named_host or host, arrival):
            self._arrivals.append(line)
        self._statistics.add(host, arrival.problem_kind, length, item.seconds)

    def _lines(self, host: str, arrival: Arrival) -> list[Arrival]:
        """Return what the journal is to hold; files of this machine say nothing of the network."""
        if host and arrival.problem_kind:
            return self._doubts.lines(host, arrival)
        if host:
            self._doubts.clear()
        return [arrival]

    def _arrival(self, item: Wanted, row: IntakeRow) -> Arrival:
        hashes = row.hashed
        return Arrival(
            candidate_id=item.candidate_id,
            fingerprint=self._fingerprint,
            problem_kind=row.problem_kind,
            reason=_text(row.problem),
            is_temporary=row.problem_kind in _PASSING,
            final_url=_text(item.url),
            attempts=item.attempts,
            fetched_at=item.fetched_at or _time(),
            image_id=row.image_id,
            path=row.path,
            width=row.width,
            height=row.height,
            bytes=row.bytes,
            original_sha256=row.original_sha256,
            phashes="".join(hashes.hashes),
            low_information=hashes.low_information,
            information=hashes.information,
            sharpness=hashes.sharpness,
            brightness=hashes.brightness,
            contrast=hashes.contrast,
            decoder=hashes.decoder,
            hashing="" if row.problem_kind else self._hashing,
        )


def _time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(words: str) -> str:
    """Return `words` as every reader of JSON takes them."""
    return words.encode("utf-8", "replace").decode()
