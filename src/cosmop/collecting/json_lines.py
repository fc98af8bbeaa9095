"""Files of JSON lines that are only ever appended to and survive being killed in mid-write."""

import json
import logging
import os
from pathlib import Path
from typing import IO, Any, Self

from cosmop.errors import InputError, first_line
from cosmop.file_locks import lock_whole_file

logger = logging.getLogger(__name__)


class FolderLock:
    """Keeps other processes out of `folder` while open; ends with its process, however that ends.

    Raises:
        InputError: Another process works there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "lock").open("ab")
        try:
            lock_whole_file(self._file.fileno())
        except OSError:
            self._file.close()
            raise InputError(
                f"The folder {folder} wants one process at a time, but another one works there; "
                "wait for it or end it, then run the same command again."
            ) from None

    def close(self) -> None:
        """Let others in."""
        self._file.close()


class JsonLines:
    """One JSON object per line of `file`.

    A torn last line, left by a process that was killed, is cut off when the file is opened; lines
    that are no objects are skipped and told.

    Attributes:
        rows: What the file held when it was opened, and what was appended since.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, Any]] = self._read()
        self._handle = self._open()

    def _read(self) -> list[dict[str, Any]]:
        content = self.file.read_bytes() if self.file.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.file, len(whole))
            logger.warning("%s ended in a torn line, which was cut off", self.file.name)
        rows = [_object(line) for line in whole.splitlines()]
        unreadable = rows.count(None)
        if unreadable:
            logger.warning("%s: %d lines cannot be read, skipped", self.file.name, unreadable)
        return [row for row in rows if row is not None]

    def _open(self) -> IO[bytes]:
        return self.file.open("ab", buffering=0)

    def append(self, row: dict[str, Any]) -> None:
        """Write one line; it is on disk when this returns.

        Raises:
            InputError: It cannot be written, such as on a full disk.
        """
        try:
            _write(self._handle, [row])
        except OSError as error:
            raise InputError(
                f"The file {self.file} wants one more line, but it cannot be written "
                f"({first_line(error)}); make room and run the same command again, nothing is lost."
            ) from error
        self.rows.append(row)

    def replace(self, rows: list[dict[str, Any]]) -> None:
        """Write all lines anew, aside, and rename: the file has the old rows or the new ones."""
        aside = self.file.with_name(f"{self.file.name}.part")
        with aside.open("wb", buffering=0) as handle:
            _write(handle, rows)
        self._handle.close()
        aside.replace(self.file)
        self.rows = list(rows)
        self._handle = self._open()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _write(handle: IO[bytes], rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    left = memoryview(text.encode())
    while left:
        left = left[handle.write(left) :]
    os.fsync(handle.fileno())
