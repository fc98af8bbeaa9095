"""A list of image addresses as a source: TXT with one per line, or CSV with a column ``url``."""

import csv
from collections.abc import Iterable
from pathlib import Path

from cosmop.collecting.candidates import FoundImage
from cosmop.errors import InputError

_OPTIONAL_COLUMNS = ("page_url", "title", "author", "licence")


def find_in_url_list(file: Path) -> list[FoundImage]:
    """Return the addresses of `file` in its order; what is no http(s) address fails at download.

    TXT: one address per line; blank lines and lines that begin with ``#`` are skipped. CSV: a
    header with ``url`` and, if known, ``page_url``, ``title``, ``author`` and ``licence``.

    Raises:
        InputError: No such file, no column ``url``, or no address.
    """
    if not file.is_file():
        raise InputError(
            f"The URL list source wants a TXT or CSV file, but {file} is not a file; correct "
            "url_list in the ingestion parameters."
        )
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        found = _read_csv(file, lines) if file.suffix.lower() == ".csv" else _read_text(lines)
    if not found:
        raise InputError(
            f"The URL list source wants at least one address, but {file} has none; add one."
        )
    return found


def _read_text(lines: Iterable[str]) -> list[FoundImage]:
    stripped = (line.strip() for line in lines)
    return [FoundImage(line) for line in stripped if line and not line.startswith("#")]


def _read_csv(file: Path, lines: Iterable[str]) -> list[FoundImage]:
    reader = csv.DictReader(lines)
    columns = list(reader.fieldnames or [])
    if "url" not in columns:
        raise InputError(
            f"The URL list source wants a column named url in {file}, got {columns}; give the "
            "column with the addresses that name."
        )
    known = [name for name in _OPTIONAL_COLUMNS if name in columns]
    rows = [{name: (value or "") for name, value in row.items() if name} for row in reader]
    return [
        FoundImage(row["url"].strip(), **{name: row[name].strip() for name in known})
        for row in rows
        if row["url"].strip()
    ]
