"""Photographs in folders, zips and tars: listed by name, then read one by one, never unpacked.

Archives are not trusted. Names only name; nothing is written; only regular members with the suffix
of an image are read, up to a limit; what is damaged is counted and left out.
"""

import hashlib
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from cosmop.people.sources.problems import Problems, printable

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_TAR_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)  # no links, devices or sparse files

Read = Callable[["PhotoFile", int], bytes]
Identify = Callable[[str], str]


class Holder(Protocol):
    """Whatever holds photographs."""

    def listed(self, problems: Problems) -> Iterator[tuple[str, Any, int]]:
        """Yield name, place and size in bytes of each regular file, in the order they lie."""

    def opened(self) -> AbstractContextManager[Read]:
        """Return what reads at most so many bytes of a file."""


@dataclass(frozen=True)
class PhotoFile:
    """A photograph where it lies, not yet read.

    Attributes:
        photo_id: What the source calls it.
        name: Path below its holder, for people only.
        order: Place in the listing.
        size_bytes: As its holder says.
        place: What its holder finds it by.
    """

    photo_id: str
    name: str
    order: int
    size_bytes: int
    place: Any
    holder: Holder


class LooseFiles:
    """The image files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def listed(self, problems: Problems) -> Iterator[tuple[str, Any, int]]:  # noqa: ARG002
        """Yield what lies below the folder, sorted folder by folder."""
        for name in _walk(self._folder):
            path = self._folder / name
            if path.is_file():
                yield name, path, path.stat().st_size

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Yield what reads a file."""
        yield lambda file, size: _read_at(file.place, 0, size)


class ZipFiles:
    """The members of a zip archive."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def listed(self, problems: Problems) -> Iterator[tuple[str, Any, int]]:
        """Yield the files of the archive's directory."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                members = archive.infolist()
        except Exception as error:  # noqa: BLE001  # hostile bytes make decoders raise anything
            problems.note("archive that cannot be opened", f"{self._path.name}: {error}")
            return
        for member in members:
            if stat.S_ISLNK(member.external_attr >> 16):
                problems.note("link instead of a file", f"{self._path.name}: {member.filename}")
            elif not member.is_dir():
                yield member.filename, member, member.file_size

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Yield what reads a member."""
        with zipfile.ZipFile(self._path) as archive:

            def read(file: PhotoFile, size: int) -> bytes:
                with archive.open(file.place) as member:
                    return member.read(size)

            yield read


class TarFiles:
    """The members of an uncompressed tar archive."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def listed(self, problems: Problems) -> Iterator[tuple[str, Any, int]]:
        """Yield the regular files; of the bytes between the headers none is read."""
        try:
            yield from self._members(problems)
        except Exception as error:  # noqa: BLE001  # hostile bytes make decoders raise anything
            problems.note("archive that is damaged or cut short", f"{self._path.name}: {error}")

    def _members(self, problems: Problems) -> Iterator[tuple[str, Any, int]]:
        last = -1
        with tarfile.open(self._path, "r:") as archive:
            while (member := archive.next()) is not None:
                if member.offset_data <= last:  # a negative size would lead round in circles
                    raise tarfile.ReadError("headers that point backwards")
                last = member.offset_data
                archive.members = []  # type: ignore[attr-defined]  # a million headers pile up
                if member.type in _TAR_FILES and not member.issparse():
                    yield member.name, member.offset_data, member.size
                elif not member.isdir():
                    problems.note("link instead of a file", f"{self._path.name}: {member.name}")
            end = _read_at(self._path, archive.offset, tarfile.BLOCKSIZE)
            if end != tarfile.NUL * tarfile.BLOCKSIZE:  # tarfile stops there without a word
                raise tarfile.ReadError("it ends in the middle")

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Yield what reads a member."""
        yield lambda file, size: _read_at(self._path, file.place, min(size, file.size_bytes))


_ARCHIVES: dict[str, Callable[[Path], Holder]] = {".zip": ZipFiles, ".tar": TarFiles}


def _walk(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield (Path(root) / name).relative_to(folder).as_posix()


def _read_at(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def stem(name: str) -> str:
    """Return the name of a file without folders and suffix."""
    return PurePosixPath(name).stem


def files_named(folder: Path, suffix: str) -> list[Path]:
    """Return the files below a folder whose names end in `suffix`, sorted by name."""
    names = (name for name in _walk(folder) if name.lower().endswith(suffix))
    return sorted((folder / name for name in names), key=lambda path: path.name)


def list_photos(
    folder: Path, problems: Problems, *, archives: str = "", identify: Identify = stem
) -> Iterator[PhotoFile]:
    """Yield the photographs below a folder, each id once; nothing of them is read.

    Args:
        folder: Image files and archives, at any depth.
        problems: Where unreadable archives, links and repeated ids are noted.
        archives: Suffix of the archives to look into, ``".zip"`` or ``".tar"``; empty for none.
        identify: Makes the id of the name.
    """
    found = files_named(folder, archives) if archives else []
    holders: list[Holder] = [*(_ARCHIVES[archives](path) for path in found), LooseFiles(folder)]
    seen: set[str] = set()
    for holder in holders:
        for name, place, size in holder.listed(problems):
            if not _is_image(name):
                continue
            photo_id = printable(identify(name))
            if photo_id in seen:
                problems.note("photograph that lies there twice", name)
                continue
            yield PhotoFile(photo_id, printable(name), len(seen), size, place, holder)
            seen.add(photo_id)


def note_missing_archives(folder: Path, wanted: Sequence[str], problems: Problems) -> None:
    """Note which archives are missing; unpacked photographs are taken for all of them."""
    if any(map(_is_image, _walk(folder))):
        return
    there = {path.name for path in files_named(folder, PurePosixPath(wanted[0]).suffix)}
    missing = [name for name in wanted if name not in there]
    problems.note("archive that is missing", *missing)


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def choose_photos(files: Iterable[PhotoFile], count: int | None, seed: int) -> list[PhotoFile]:
    """Return `count` of the files, or all for None, in the order of the listing.

    Each id has a rank that follows from `seed` alone, and the lowest are taken: one pass,
    memory for `count`, and a file that is added or missing changes no choice among the others.
    """
    if count is None:
        return list(files)
    chosen = nsmallest(count, files, key=lambda file: seed_of(seed, file.photo_id))
    return sorted(chosen, key=lambda file: file.order)


def seed_of(seed: int, photo_id: str) -> int:
    """Return a number below 2⁶⁴ that follows from a seed and an id, everywhere the same."""
    digest = hashlib.blake2b(f"{seed}:{photo_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def read_photos(
    files: Iterable[PhotoFile], limit_bytes: int, problems: Problems
) -> Iterator[tuple[PhotoFile, bytes]]:
    """Yield files with their bytes, in order; the unreadable are noted and left out."""
    for holder, members in groupby(files, key=lambda file: file.holder):
        with holder.opened() as read:
            for file in members:
                content = _read_member(read, file, limit_bytes, problems)
                if content is not None:
                    yield file, content


def _read_member(read: Read, file: PhotoFile, limit_bytes: int, problems: Problems) -> bytes | None:
    if file.size_bytes > limit_bytes:
        problems.note(
            f"file larger than {limit_bytes // 10**6} MB", f"{file.name}, {file.size_bytes:,} bytes"
        )
        return None
    try:
        content = read(file, limit_bytes)
    except Exception as error:  # noqa: BLE001  # hostile bytes make decoders raise anything
        problems.note("file that cannot be read", f"{file.name}: {error}")
        return None
    if len(content) < file.size_bytes:
        problems.note("file that is cut short", file.name)
        return None
    return content
