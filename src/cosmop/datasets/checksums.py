"""What tells whether files are still the same: by content, or by their names, sizes and times."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

CHECKSUMS = "checksums.json"


def seal(folder: Path) -> None:
    """Write down the SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    (folder / CHECKSUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")


def find_damage(folder: Path) -> str:
    """Say which file of a sealed folder is not as it was; nothing when all are."""
    try:
        sums: dict[str, str] = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        changed = (name for name, known in sums.items() if _sha256(folder / name) != known)
        name = next(changed, None)
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return f"{name} has another checksum than when it was written" if name else ""


def listing_checksum(folder: Path) -> str:
    """Return the SHA-256 of the names, sizes and times of the files below `folder`, unread.

    Nothing for a folder without files.
    """
    listing = [
        f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("\n".join(listing).encode()).hexdigest() if listing else ""


def content_checksum(files: Sequence[Path]) -> str:
    """Return the SHA-256 of what is in `files`, in this order; nothing if none is there."""
    there = [_sha256(path) if path.exists() else "" for path in files]
    return hashlib.sha256("\n".join(there).encode()).hexdigest() if any(there) else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
