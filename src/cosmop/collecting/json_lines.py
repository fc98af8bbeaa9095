"""Files of JSON lines that are only ever added to and survive being killed in mid-write."""

import errno
import json
import logging
import mmap
import os
import threading
from collections.abc import Iterable, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Self

from cosmop.errors import InputError, first_line
from cosmop.file_locks import lock_whole_file

logger = logging.getLogger(__name__)

_NO_FOLDER_TO_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)

_encode = json.JSONEncoder(separators=(",", ":")).encode


class FolderLock:
    """Keeps other processes out of `folder` while open; ends with its process, however that ends.

    The folder is made if it is missing.

    Raises:
        InputError: Another process works there, or it cannot be written.
        OSError: What another folder would not change, such as a full disk.
    """

    def __init__(self, folder: Path) -> None:
        self._file = _file_in(folder)
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


def _file_in(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("ab")
    except OSError as error:
        if error.errno not in _NO_FOLDER_TO_WRITE:
            raise
        raise InputError(
            f"The folder {folder} wants to be written, but it cannot be ({first_line(error)}); see "
            "to its rights, or choose another one."
        ) from error


class Journal:
    """A file of JSON lines that is only ever added to; none of them is held in memory.

    The file is made if it is missing; a torn last line, left by a process that was killed, is cut
    off.

    Attributes:
        file: Where it lies.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._handle = _opened(file)
        self._is_unsynced = False
        self._syncing = threading.Lock()

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one line; it survives this process, and after `sync` the machine.

        Raises:
            OSError: It cannot be written, such as on a full disk.
        """
        left = memoryview(f"{_encode(row)}\n".encode())
        while left:
            left = left[self._handle.write(left) :]
        self._is_unsynced = True

    def sync(self) -> None:
        """Bring what was written onto the disk; from any thread."""
        with self._syncing:
            if self._is_unsynced:
                self._is_unsynced = False
                os.fsync(self._handle.fileno())

    def replace(self, lines: Iterable[bytes]) -> None:
        """Write all lines anew, aside, and rename: the file has the old lines or the new ones.

        Args:
            lines: With their ends; may come out of the file itself.

        Raises:
            OSError: They cannot be written.
        """
        aside = self.file.with_name(f"{self.file.name}.part")
        with aside.open("wb") as new:
            new.writelines(lines)
            new.flush()
            os.fsync(new.fileno())
        self._handle.close()
        aside.replace(self.file)
        self._handle = _opened(self.file)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


class JsonLines:
    """A `Journal` whose rows are few enough to be held in memory; a context manager.

    Lines that are no objects are skipped and told.

    Attributes:
        file: Where it lies.
        rows: What the file held when it was opened, and what was appended since.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._journal = Journal(file)
        self.rows: list[dict[str, Any]] = _read(file)

    def append(self, row: dict[str, Any]) -> None:
        """Write one line; it is on disk when this returns.

        Raises:
            InputError: It cannot be written, such as on a full disk.
        """
        try:
            self._journal.append(row)
            self._journal.sync()
        except OSError as error:
            raise InputError(
                f"The file {self.file} wants one more line, but it cannot be written "
                f"({first_line(error)}); make room and run the same command again, nothing is lost."
            ) from error
        self.rows.append(row)

    def replace(self, rows: list[dict[str, Any]]) -> None:
        """Write all lines anew: whatever happens, the file has the old rows or the new ones.

        Raises:
            OSError: They cannot be written.
        """
        self._journal.replace(f"{_encode(row)}\n".encode() for row in rows)
        self.rows = list(rows)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _opened(file: Path) -> FileIO:
    """Open `file` to add whole lines to whole lines."""
    handle = file.open("a+b", buffering=0)
    length = handle.tell()
    if not length:
        return handle
    with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        whole = content.rfind(b"\n") + 1
    if whole < length:
        handle.truncate(whole)
        logger.warning("%s ended in a torn line, which was cut off", file.name)
    return handle


def _read(file: Path) -> list[dict[str, Any]]:
    with file.open("rb") as lines:
        rows = [_object(line) for line in lines]
    unreadable = rows.count(None)
    if unreadable:
        logger.warning("%s: %d lines cannot be read, skipped", file.name, unreadable)
    return [row for row in rows if row is not None]


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
