"""What became of the candidates of a download: one line each, written once, whatever happens."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple, Self

import pandas as pd
import pyarrow as pa
from pyarrow import json as arrow_json

from cosmop.collecting.json_lines import FolderLock, Journal

JOURNAL = "arrivals.jsonl"

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_PANDAS = {str: "str", int: "int64", float: "float64", bool: "bool"}

_BLOCK_BYTES = 8_000_000  # no line is as long
_LINES_PER_CANDIDATE = 4
_FEW_LINES = 10_000


class Arrival(NamedTuple):
    """One candidate that needs no more work: it is stored, or it was tried and failed.

    Attributes:
        candidate_id: Whose.
        fingerprint: Of the options that decided it.
        problem_kind: Empty if it is stored.
        reason: In a few words; empty if it is stored.
        is_temporary: Trying again may help.
        final_url: After redirects; of a file its path.
        attempts: How often it was asked for.
        fetched_at: ISO 8601, UTC.
        image_id: SHA-256 of what is stored, in hex.
        path: Below the store.
        width: Upright, in pixels.
        height: Upright, in pixels.
        bytes: Of what is stored.
        original_sha256: Of what came.
        phashes: The hashes of `cosmop.imaging.hash_rows.HASH_COLUMNS`, one after the other.
        low_information: See `cosmop.imaging.hash_rows.HashRow`, and so on.
        information: Grey levels.
        sharpness: Grey levels.
        brightness: Grey levels.
        contrast: Grey levels.
        decoder: What decoded it.
        hashing: Of which options the hashes are.
    """

    candidate_id: str
    fingerprint: str
    problem_kind: str = ""
    reason: str = ""
    is_temporary: bool = False
    final_url: str = ""
    attempts: int = 0
    fetched_at: str = ""
    image_id: str = ""
    path: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    original_sha256: str = ""
    phashes: str = ""
    low_information: bool = False
    information: float = 0.0
    sharpness: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    decoder: str = ""
    hashing: str = ""


_FIELD_TYPES: dict[str, type] = Arrival.__annotations__


class Arrivals:
    """The journal ``arrivals.jsonl`` of a folder, held by one process at a time; a context manager.

    Lines are only ever added, and of a candidate the last one counts. What a kill has torn is
    dropped: that candidate is fetched again.

    Args:
        work: The folder; made if it is missing.

    Raises:
        InputError: Another process holds it.
    """

    def __init__(self, work: Path) -> None:
        with ExitStack() as opened:
            opened.enter_context(closing(FolderLock(work)))
            self._journal = opened.enter_context(closing(Journal(work / JOURNAL)))
            self._rewrite_if_grown()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self.sync()

    def append(self, arrival: Arrival) -> None:
        """Write one line; it survives this process, and after `sync` the machine.

        Raises:
            OSError: It cannot be written, such as on a full disk.
        """
        fields = zip(Arrival._fields, arrival, strict=True)
        self._journal.append(
            {name: value for name, value in fields if value or name == "candidate_id"}
        )

    def sync(self) -> None:
        """Bring what was written onto the disk; from any thread."""
        self._journal.sync()

    def table(self, columns: Sequence[str] = Arrival._fields) -> pd.DataFrame:
        """Return one row per candidate, its last one; a million take seconds.

        Args:
            columns: Of `Arrival`'s fields, ``candidate_id`` among them.
        """
        rows = self._read(columns).to_pandas()
        rows = rows.drop_duplicates("candidate_id", keep="last", ignore_index=True)
        typed: pd.DataFrame = rows.astype({name: _PANDAS[_FIELD_TYPES[name]] for name in columns})
        return typed

    def _read(self, columns: Sequence[str]) -> pa.Table:
        schema = pa.schema([(name, _TYPES[_FIELD_TYPES[name]]) for name in columns])
        if not self._journal.file.stat().st_size:
            return schema.empty_table()
        found = arrow_json.read_json(
            self._journal.file,
            arrow_json.ReadOptions(block_size=_BLOCK_BYTES),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        empty = {name: _FIELD_TYPES[name]() for name in columns}
        return pa.table({name: found.column(name).fill_null(empty[name]) for name in columns})

    def _rewrite_if_grown(self) -> None:
        """Rewrite a journal of many lines per candidate, or one that a machine's end has spoilt."""
        try:
            ids = self._read(["candidate_id"]).column("candidate_id")
            has_grown = len(ids) > max(_FEW_LINES, _LINES_PER_CANDIDATE * len(ids.unique()))
        except pa.ArrowInvalid:
            has_grown = True
        if has_grown:
            self._journal.replace(_last_lines(self._journal.file))


def _last_lines(file: Path) -> Iterator[bytes]:
    """Yield the last line of each candidate, of all that can be read, in their order."""
    with file.open("rb") as lines:
        starts: dict[str, int] = {}
        at = 0
        for line in lines:
            with suppress(ValueError, TypeError, KeyError):
                starts[_whose(line)] = at
            at += len(line)
        for start in sorted(starts.values()):
            lines.seek(start)
            yield lines.readline()


def _whose(line: bytes) -> str:
    """Return the candidate of a line.

    Raises:
        ValueError: No JSON.
        TypeError: Not what `Arrivals.append` writes.
        KeyError: No candidate.
    """
    content = dict(json.loads(line))
    json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair ends here
    if any(type(content[name]) is not _FIELD_TYPES[name] for name in content.keys() & _FIELD_TYPES):
        raise TypeError
    return str(content["candidate_id"])
