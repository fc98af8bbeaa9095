"""Reading lists of addresses, batch by batch: text, CSV, TSV, JSON lines and Parquet, wherever.

Files may lie in any storage that fsspec reaches (``s3://`` needs s3fs, ``gs://`` gcsfs), and text
may be compressed. Nothing is ever read whole.
"""

import codecs
import csv
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import fsspec
from pyarrow import parquet

from cosmop.errors import InputError, first_line

logger = logging.getLogger(__name__)

Batch = dict[str, Sequence[Any]]
Choose = Callable[[Sequence[str]], Mapping[str, str]]

BATCH_ROWS = 50_000
_LONGEST_LINE = 10_000_000  # characters
UNREADABLE = "that cannot be read"
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}


class ListFiles:
    """The files of one list: a file, or all that a folder holds, sorted by name.

    Args:
        path: Local or with a protocol, such as ``s3://bucket/lists``.
        encoding: Of text without a byte order mark; what cannot be decoded is replaced.
        storage: Passed to fsspec, such as ``{anon: true}``.

    Raises:
        InputError: Nothing can be read there, or a package for the protocol is missing.
    """

    def __init__(self, path: str, encoding: str, storage: Mapping[str, Any]) -> None:
        self._path = path
        self._encoding = encoding
        with _told(path):
            self._system, root = fsspec.core.url_to_fs(path, **storage)
            if self._system.isdir(root):
                self.names = sorted(name for name in self._system.find(root) if _reader(name))
            else:
                self.names = [root] if self._system.exists(root) else []
        if not self.names:
            raise InputError(
                f"The URL list source wants a file, or a folder with {', '.join(sorted(_READERS))} "
                f"in it, but {path} is not there or has none; correct url_list in the ingestion "
                "parameters."
            )

    def batches(self, choose: Choose, left_out: Counter[str]) -> Iterator[Batch]:
        """Yield batches of rows, column by column.

        Args:
            choose: Is given the columns of each file and returns ours to theirs.
            left_out: Counts the rows that cannot be read.
        """
        for name in self.names:
            read = _reader(name)
            if read is None:
                raise InputError(
                    f"The URL list source reads files that end in {', '.join(sorted(_READERS))}, "
                    f"such text also with {', '.join(_COMPRESSIONS)}, but {name} does not; rename "
                    "or convert it."
                )
            with _told(name):
                yield from read(self, name, choose, left_out)

    def binary(self, name: str) -> Any:
        """Open a file as it is."""
        return self._system.open(name, "rb")

    def text(self, name: str) -> Any:
        """Open a file as text, decompressed."""
        with self._system.open(name, "rb", compression="infer") as file:
            start = file.read(2)
        encoding = "utf-8-sig" if self._encoding == "utf-8" else self._encoding
        encoding = _MARKS.get(start, encoding)
        options = {"encoding": encoding, "errors": "replace", "newline": ""}
        return self._system.open(name, "rt", compression="infer", **options)


class _told:  # noqa: N801 - reads as a word in a with statement
    """Turns what a storage or format raises into one sentence; each has its own exceptions."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, ImportError):
            driver = _DRIVERS.get(self._path.partition("://")[0], "the package it names")
            raise InputError(
                f"The URL list source wants {driver} to read {self._path}, but it is not "
                f"installed ({first_line(error)}); pip install {driver}."
            ) from error
        if isinstance(error, Exception) and not isinstance(error, InputError):
            raise InputError(
                f"The URL list source wants to read {self._path}, but it cannot "
                f"({type(error).__name__}: {first_line(error)}); correct url_list in the "
                "ingestion parameters, or the file."
            ) from error


def _lines(file: Any) -> Iterator[str]:
    """Yield the lines; of one that fills the memory, such as a packed bomb's, its beginning."""
    while line := file.readline(_LONGEST_LINE):
        yield line
        while len(line) == _LONGEST_LINE and line[-1] not in "\r\n":
            line = file.readline(_LONGEST_LINE)


def _read_text(files: ListFiles, name: str, _: Choose, left_out: Counter[str]) -> Iterator[Batch]:
    del left_out
    with files.text(name) as file:
        stripped = (line.strip() for line in _lines(file))
        wanted = (line for line in stripped if line and not line.startswith("#"))
        for rows in _in_batches(wanted):
            yield {"location": rows}


def _read_csv(
    files: ListFiles, name: str, choose: Choose, left_out: Counter[str]
) -> Iterator[Batch]:
    with files.text(name) as file:
        lines = _lines(file)
        first = next(lines, "")
        header = next(csv.reader([first], delimiter=_delimiter(first)), [])
        columns = [column.strip() for column in header]
        places = {ours: columns.index(theirs) for ours, theirs in choose(columns).items()}
        for rows in _in_batches(_csv_rows(lines, _delimiter(first), left_out)):
            yield {
                ours: [row[place] if place < len(row) else "" for row in rows]
                for ours, place in places.items()
            }


def _delimiter(header: str) -> str:
    """Return what separates the names of a header; a comma where nothing does."""
    return max(",;\t|", key=header.count)


def _csv_rows(lines: Iterable[str], delimiter: str, left_out: Counter[str]) -> Iterator[list[str]]:
    """Yield the rows; a quotation mark without its partner costs its own line, none after it."""
    source = _KeptLines(lines)
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error:  # such as a field of 128 KiB
            row = []
            left_out[UNREADABLE] += not source.is_torn
        if source.is_torn:
            left_out[UNREADABLE] += 1
            source.give_back()
            reader = csv.reader(source, delimiter=delimiter)
            continue
        source.kept.clear()
        if row is None:
            return
        if any(row):
            yield row


class _KeptLines:
    """Lines that can be read again: those that were `kept` since it was last cleared."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            self.kept.append(line)
            yield line

    @property
    def is_torn(self) -> bool:
        """Whether a quotation mark without its partner has joined the kept lines."""
        return len(self.kept) > 1 and sum(line.count('"') for line in self.kept) % 2 == 1

    def give_back(self) -> None:
        """Let all kept lines but the first come again."""
        self._again.extendleft(reversed(self.kept[1:]))
        self.kept.clear()


def _read_json_lines(
    files: ListFiles, name: str, choose: Choose, left_out: Counter[str]
) -> Iterator[Batch]:
    chosen: Mapping[str, str] | None = None
    with files.text(name) as file:
        for rows in _in_batches(_objects(_lines(file), left_out)):
            if chosen is None:
                chosen = choose(list(dict.fromkeys(key for row in rows[:1000] for key in row)))
            yield {ours: [row.get(theirs) for row in rows] for ours, theirs in chosen.items()}


def _objects(lines: Iterable[str], left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            if row:
                yield row
        else:
            left_out[UNREADABLE] += 1


def _read_parquet(
    files: ListFiles, name: str, choose: Choose, left_out: Counter[str]
) -> Iterator[Batch]:
    del left_out
    with files.binary(name) as file:
        table = parquet.ParquetFile(file)
        chosen = choose(table.schema_arrow.names)
        wanted = list(dict.fromkeys(chosen.values()))
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            yield {ours: batch.column(theirs).to_pylist() for ours, theirs in chosen.items()}


def _in_batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


_READERS = {
    **dict.fromkeys((".txt", ".lst", ".urls"), _read_text),
    **dict.fromkeys((".csv", ".tsv"), _read_csv),
    **dict.fromkeys((".jsonl", ".ndjson"), _read_json_lines),
    **dict.fromkeys((".parquet", ".pq"), _read_parquet),
}


def _reader(name: str) -> Callable[..., Iterator[Batch]] | None:
    path = PurePosixPath(name.lower())
    path = path.with_suffix("") if path.suffix in _COMPRESSIONS else path
    return None if path.name.startswith(".") else _READERS.get(path.suffix)
